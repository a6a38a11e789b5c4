"""The drivers of this package's programs: `drive` blocks, `adrive` runs in asyncio and trio.

The drivers hold the locks and sockets, which programs must not hold. `Exclusively` and `Listening` run their program
inside, and afterwards the lock is released and the socket closed, even after Ctrl-C or a cancellation.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from typing import Final, TypeVar, cast

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
    OpenUrl,
    Save,
    Show,
    Undisturbed,
)
from ssooidc_login._resources import AsyncResources, Listener, Resources
from ssooidc_login.stores.blocking import in_thread
from ssooidc_login.stores.store import AsyncLock, Lock
from ssooidc_transports.transport import in_trio_task

__all__ = ["adrive", "drive"]

T = TypeVar("T")

_FIRST_WAIT: Final = 0.02
_LONGEST_WAIT: Final = 0.25
_POLL: Final = 0.05
_LONG_POLL: Final = 0.5


def drive(steps: LoginSteps[T], resources: Resources) -> T:
    """Carry out a program and return its result.

    Raises:
        SsoOidcError: the program's error.
    """
    return _drive(steps, resources, None, None)


async def adrive(steps: LoginSteps[T], resources: AsyncResources) -> T:
    """Carry out a program in asyncio or trio and return its result.

    Raises:
        SsoOidcError: the program's error.
    """
    return await _adrive(steps, resources, None, None)


def _drive(
    steps: LoginSteps[T], resources: Resources, lock: Lock | None, listener: Listener | None
) -> T:
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
                value = _carry_out(event, resources, lock, listener)
            except Exception as caught:  # noqa: BLE001 - the program handles it
                error = caught
    finally:
        steps.close()
        error = None  # breaks the cycle of error, traceback and this frame


def _carry_out(
    event: LoginEvent, resources: Resources, lock: Lock | None, listener: Listener | None
) -> object:
    match event:
        case Operation() | Sleep() | Now():
            return run(event, resources.transport)
        case Load(key):
            return resources.store.load(key)
        case Save(key, document):
            resources.store.save(key, document)
        case Delete(key):
            resources.store.delete(key)
        case Exclusively():
            return _exclusively(event, resources, listener)
        case IsHeld():
            return lock is not None and lock.is_held()
        case Undisturbed():
            return _drive(event.program(), resources, lock, listener)
        case Listening():
            opened = _listener(event, resources)
            try:
                return _drive(event.program(opened.redirect_uri), resources, lock, opened)
            finally:
                opened.close()
        case AwaitCallback():
            return _await_callback(event, resources, _required(listener))
        case _:
            return _interact(event, resources, listener)
    return None


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


def _exclusively(
    event: Exclusively[object], resources: Resources, listener: Listener | None
) -> object:
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
        return None if lock is None else _drive(event.program(), resources, lock, listener)
    finally:
        if lock is not None:
            lock.release()


async def _adrive(
    steps: LoginSteps[T],
    resources: AsyncResources,
    lock: AsyncLock | None,
    listener: Listener | None,
) -> T:
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
                value = await _acarry_out(event, resources, lock, listener)
            except Exception as caught:  # noqa: BLE001 - the program handles it
                error = caught
    finally:
        steps.close()
        error = None


async def _acarry_out(  # noqa: C901 - one case for each event
    event: LoginEvent, resources: AsyncResources, lock: AsyncLock | None, listener: Listener | None
) -> object:
    match event:
        case Operation() | Sleep() | Now():
            return await arun(event, resources.transport)
        case Load(key):
            return await resources.store.aload(key)
        case Save(key, document):
            await resources.store.asave(key, document)
        case Delete(key):
            await resources.store.adelete(key)
        case Exclusively():
            return await _aexclusively(event, resources, listener)
        case IsHeld():
            return lock is not None and await lock.ais_held()
        case Undisturbed():
            return await _to_its_end(_adrive(event.program(), resources, lock, listener))
        case Listening():
            opened = _listener(event, resources)
            try:
                return await _adrive(event.program(opened.redirect_uri), resources, lock, opened)
            finally:
                opened.close()
        case AwaitCallback():
            return await _aawait_callback(event, resources, _required(listener))
        case OpenUrl(url):
            # It takes a second to see whether a browser starts; other tasks run meanwhile.
            person = resources.interaction
            return person is not None and await in_thread(lambda: person.open_url(url))
        case _:
            return _interact(event, resources, listener)
    return None


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
    event: Exclusively[object], resources: AsyncResources, listener: Listener | None
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
        return None if lock is None else await _adrive(event.program(), resources, lock, listener)
    finally:
        if lock is not None:
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
