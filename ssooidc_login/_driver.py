"""The drivers of this package's programs: `drive` blocks, `adrive` runs in asyncio and trio.

The drivers hold the locks and sockets, which programs must not hold. `Exclusively` and `Listening` run their program
inside, and afterwards the lock is released and the socket closed, even after Ctrl-C or a cancellation. A `SharedStep`
runs in a thread of its own, which neither of them reaches; `_step_in_loop` has the exceptions.
"""

from __future__ import annotations

import functools
from collections.abc import Coroutine, Hashable, Iterator
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

from pydantic import SecretStr

from ssooidc_core import (
    AsyncTransport,
    ConfigurationError,
    Now,
    Operation,
    Sleep,
    Transport,
    arun,
    run,
)
from ssooidc_login._events import (
    AwaitCallback,
    Delete,
    Exclusively,
    Expect,
    Finish,
    IsHeld,
    Listening,
    Load,
    LoginEvent,
    LoginSteps,
    Note,
    Noted,
    OpenUrl,
    Reserve,
    Save,
    SharedStep,
    Show,
    Undisturbed,
)
from ssooidc_login._resources import AsyncResources, Listener, Resources
from ssooidc_login._shared_step import NobodyWaits, Step, finish, join, wait_for
from ssooidc_login._step_in_loop import in_this_loop, in_thread_of_its_own
from ssooidc_login.stores.blocking import in_thread
from ssooidc_login.stores.store import (
    AsyncLock,
    HasPlace,
    KeepsNote,
    Lock,
    ReservesRoom,
    Store,
    StoreKey,
)
from ssooidc_transports.transport import in_trio_task

if TYPE_CHECKING:
    from tenacity import Retrying

__all__ = ["adrive", "drive", "finish_step"]

T = TypeVar("T")
LockT = TypeVar("LockT")

_FIRST_WAIT: Final = 0.02
_LONGEST_WAIT: Final = 0.25
_POLL: Final = 0.05
_LONG_POLL: Final = 0.5
# After Ctrl-C. A response that has arrived is mostly saved within this time; if not, the step goes on all the same.
_MOMENT: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Scope(Generic[LockT]):
    """What surrounds a program: the lock and the listener of the events it runs in, and its step.

    Attributes:
        lock: the lock of the innermost `Exclusively`.
        listener: the listener of the innermost `Listening`.
        once: whether operations are sent without retries.
        step: the step, if it runs in a thread of its own.
    """

    lock: LockT | None = None
    listener: Listener | None = None
    once: bool = False
    step: Step[object] | None = None


def drive(steps: LoginSteps[T], resources: Resources) -> T:
    """Carry out a program and return its result.

    Raises:
        SsoOidcError: the program's error.
    """
    return _drive(steps, resources, _Scope())


async def adrive(steps: LoginSteps[T], resources: AsyncResources) -> T:
    """Carry out a program in asyncio or trio and return its result.

    Raises:
        SsoOidcError: the program's error.
    """
    return await _adrive(steps, resources, _Scope())


def finish_step(store: Store, key: StoreKey) -> None:
    """Wait for the `SharedStep` of a key if it holds a lock, before its transport is closed."""
    finish((_place(store), key))


def _drive(steps: LoginSteps[T], resources: Resources, scope: _Scope[Lock]) -> T:
    try:
        value: object = None
        error: Exception | None = None
        while True:
            try:
                event = steps.send(value) if error is None else steps.throw(error)
            except StopIteration as end:
                return cast("T", end.value)
            value, error = None, None
            try:
                value = _carry_out(event, resources, scope)
            except Exception as caught:  # noqa: BLE001 - the program handles it
                error = caught
    finally:
        steps.close()
        error = None  # breaks the cycle of error, traceback and this frame


def _carry_out(  # noqa: C901, PLR0912 - one case for each event
    event: LoginEvent, resources: Resources, scope: _Scope[Lock]
) -> object:
    match event:
        case Operation() | Sleep() | Now():
            return _run(event, resources, scope)
        case Load(key):
            return resources.store.load(key)
        case Save(key, document):
            resources.store.save(key, document)
        case Delete(key):
            resources.store.delete(key)
        case Exclusively():
            return _exclusively(event, resources, scope)
        case IsHeld():
            return scope.lock is not None and scope.lock.is_held()
        case Undisturbed():
            return _drive(event.program(), resources, scope)
        case SharedStep():
            return _shared(event, resources)
        case Reserve(key):
            if isinstance(resources.store, ReservesRoom):
                resources.store.reserve(key)
        case Note() | Noted():
            return _on_note(event, scope.lock, resources.transport)
        case Listening():
            opened = _listener(event, resources)
            try:
                inside = replace(scope, listener=opened)
                return _drive(event.program(opened.redirect_uri), resources, inside)
            finally:
                opened.close()
        case AwaitCallback():
            return _await_callback(event, resources, _required(scope.listener))
        case _:
            return _interact(event, resources, scope.listener)
    return None


def _run(
    event: Operation[object, Exception] | Sleep | Now, resources: Resources, scope: _Scope[Lock]
) -> object:
    if isinstance(event, Sleep) and scope.step is not None:
        scope.step.check_awaited()
    policy = _no_retries() if scope.once and isinstance(event, Operation) else None
    return run(event, resources.transport, policy=policy)


def _no_retries() -> Retrying:
    from tenacity import Retrying, stop_after_attempt  # noqa: PLC0415 - costs as much as a call

    return Retrying(stop=stop_after_attempt(1), reraise=True)


def _place(store: object) -> Hashable:
    return store.place if isinstance(store, HasPlace) else id(store)


def _thread_scope(step: Step[object]) -> _Scope[Lock]:
    return _Scope(once=True, step=step)


def _shared(event: SharedStep[T], resources: Resources) -> T | None:
    def work(step: Step[T]) -> T:
        scope = _thread_scope(cast("Step[object]", step))
        return _drive(event.program(), resources, scope)

    while True:
        told: SimpleQueue[None] = SimpleQueue()
        tell = functools.partial(told.put, None)
        step = join((_place(resources.store), event.key), work, tell)
        try:
            if not wait_for(step, told, event.patience):
                return None
        except BaseException:
            _ = wait_for(step, told, _MOMENT)
            raise
        finally:
            step.stop_waiting(tell)
        try:
            return step.outcome()
        except NobodyWaits:
            # It ended just before this caller joined it.
            continue


def _on_note(event: Note | Noted, lock: object, clock: Transport | AsyncTransport) -> object:
    if not isinstance(lock, KeepsNote):
        return None
    now = clock.now().wall.timestamp()
    if isinstance(event, Note):
        lock.note(event.number, now + event.seconds)
        return None
    found = lock.noted()
    return None if found is None else (found[0], found[1] - now)


def _await_callback(
    event: AwaitCallback, resources: Resources, listener: Listener
) -> SecretStr | None:
    for left in _left(event.seconds, resources.transport):
        answer = listener.poll(min(left, _LONG_POLL))
        if isinstance(answer, str):
            _ = _interact(Show(answer), resources, listener)
        elif answer is not None:
            return answer
    return None


def _exclusively(event: Exclusively[object], resources: Resources, scope: _Scope[Lock]) -> object:
    lock: Lock | None = None
    # The `try` begins before the lock is taken, because Ctrl-C may come at any moment.
    try:
        lock = resources.store.try_lock(event.key)
        pause = _FIRST_WAIT
        for left in _left(event.wait, resources.transport):
            if lock is not None:
                break
            resources.transport.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_WAIT)
            lock = resources.store.try_lock(event.key)
        if lock is None:
            return None
        if scope.step is not None:
            scope.step.must_finish = True
        return _drive(event.program(), resources, replace(scope, lock=lock))
    finally:
        if lock is not None:
            if isinstance(resources.store, ReservesRoom):
                resources.store.unreserve(event.key)
            lock.release()
        if scope.step is not None:
            scope.step.must_finish = scope.lock is not None


async def _adrive(steps: LoginSteps[T], resources: AsyncResources, scope: _Scope[AsyncLock]) -> T:
    try:
        value: object = None
        error: Exception | None = None
        while True:
            try:
                event = steps.send(value) if error is None else steps.throw(error)
            except StopIteration as end:
                return cast("T", end.value)
            value, error = None, None
            try:
                value = await _acarry_out(event, resources, scope)
            except Exception as caught:  # noqa: BLE001 - the program handles it
                error = caught
    finally:
        steps.close()
        error = None


async def _acarry_out(  # noqa: C901, PLR0912 - one case for each event
    event: LoginEvent, resources: AsyncResources, scope: _Scope[AsyncLock]
) -> object:
    match event:
        case Operation() | Sleep() | Now():
            policy = _no_retries() if scope.once and isinstance(event, Operation) else None
            return await arun(event, resources.transport, policy=policy)
        case Load(key):
            return await resources.store.aload(key)
        case Save(key, document):
            await resources.store.asave(key, document)
        case Delete(key):
            await resources.store.adelete(key)
        case Exclusively():
            return await _aexclusively(event, resources, scope)
        case IsHeld():
            return scope.lock is not None and await scope.lock.ais_held()
        case Undisturbed():
            return await _to_its_end(_adrive(event.program(), resources, scope))
        case SharedStep():
            return await _ashared(event, resources)
        case Reserve(key):
            store = resources.store
            if isinstance(store, ReservesRoom):
                await in_thread(lambda: store.reserve(key))
        case Note() | Noted():
            return _on_note(event, scope.lock, resources.transport)
        case Listening():
            opened = _listener(event, resources)
            try:
                inside = replace(scope, listener=opened)
                return await _adrive(event.program(opened.redirect_uri), resources, inside)
            finally:
                opened.close()
        case AwaitCallback():
            return await _aawait_callback(event, resources, _required(scope.listener))
        case OpenUrl(url):
            # It takes a second to see whether a browser starts; other tasks run meanwhile.
            person = resources.interaction
            return person is not None and await in_thread(lambda: person.open_url(url))
        case _:
            return _interact(event, resources, scope.listener)
    return None


async def _ashared(event: SharedStep[T], resources: AsyncResources) -> T | None:
    key = (_place(resources.store), event.key)
    if resources.blocking is None:
        return await in_this_loop(
            key, lambda: _adrive(event.program(), resources, _Scope(once=True)), event.patience
        )
    blocking = resources.blocking

    def work(step: Step[T]) -> T:
        scope = _thread_scope(cast("Step[object]", step))
        with blocking() as inside:
            return _drive(event.program(), inside, scope)

    while True:
        step = await in_thread_of_its_own(key, work, event.patience)
        if not step.is_over:
            return None
        try:
            return step.outcome()
        except NobodyWaits:
            # It ended just before this caller joined it.
            continue


async def _aawait_callback(
    event: AwaitCallback, resources: AsyncResources, listener: Listener
) -> SecretStr | None:
    for left in _left(event.seconds, resources.transport):
        answer = listener.poll(0)
        if isinstance(answer, str):
            _ = _interact(Show(answer), resources, listener)
        elif answer is not None:
            return answer
        await resources.transport.asleep(min(left, _POLL))
    return None


async def _aexclusively(
    event: Exclusively[object], resources: AsyncResources, scope: _Scope[AsyncLock]
) -> object:
    lock: AsyncLock | None = None
    try:
        lock = await resources.store.atry_lock(event.key)
        pause = _FIRST_WAIT
        for left in _left(event.wait, resources.transport):
            if lock is not None:
                break
            await resources.transport.asleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_WAIT)
            lock = await resources.store.atry_lock(event.key)
        if lock is None:
            return None
        return await _adrive(event.program(), resources, replace(scope, lock=lock))
    finally:
        if lock is not None:
            if isinstance(resources.store, ReservesRoom):
                # Without a thread: a task that is being cancelled cannot await one.
                resources.store.unreserve(event.key)
            await lock.arelease()


async def _to_its_end(work: Coroutine[object, object, T]) -> T:
    if in_trio_task():
        import trio  # noqa: PLC0415 - loaded already, as it runs this

        with trio.CancelScope(shield=True):
            return await work
    from ssooidc_login.stores._uncancelled import to_its_end  # noqa: PLC0415 - imports asyncio

    return await to_its_end(work)


def _left(seconds: float, clock: Transport | AsyncTransport) -> Iterator[float]:
    """Yield the seconds that are left, until none are."""
    end = clock.now().monotonic + seconds
    while (left := end - clock.now().monotonic) > 0:
        yield left


def _listener(event: Listening[object], resources: Resources | AsyncResources) -> Listener:
    if resources.listen is None:
        message = "This driver has no listener for a browser: give it one, or use the device code"
        raise ConfigurationError(message)
    return resources.listen(event.ports)


def _required(listener: Listener | None) -> Listener:
    if listener is None:
        message = "A program waited for a browser outside of `Listening`"
        raise TypeError(message)
    return listener


def _interact(
    event: LoginEvent, resources: Resources | AsyncResources, listener: Listener | None
) -> object:
    match event:
        case Show(text):
            if resources.interaction is not None:
                resources.interaction.show(text)
        case OpenUrl(url):
            return resources.interaction is not None and resources.interaction.open_url(url)
        case Expect(accepts):
            _required(listener).expect(accepts)
        case Finish(succeeded, text):
            _required(listener).finish(succeeded=succeeded, text=text)
        case _:
            message = (
                f"A program yielded {type(event).__name__}, which is not an event of ssooidc_login"
            )
            raise TypeError(message)
    return None
