"""The drivers of this package's programs: `drive` blocks, `adrive` runs in asyncio and trio.

They hold what programs may not: locks and sockets. `Exclusively` and `Listening` run their program inside, and whatever
happens, a Ctrl-C or a cancellation included, the lock is given back and the socket closed after it.
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
from ssooidc_login._resources import AsyncWorld, Listener, World
from ssooidc_login.stores.blocking import in_thread
from ssooidc_login.stores.store import AsyncLock, Lock
from ssooidc_transports.transport import in_trio_task

__all__ = ["adrive", "drive"]

T = TypeVar("T")

_FIRST_WAIT: Final = 0.02
_LONGEST_WAIT: Final = 0.25
_POLL: Final = 0.05
_LONG_POLL: Final = 0.5


def drive(steps: LoginSteps[T], world: World) -> T:
    """Carry out a program and return its result.

    Raises:
        SsoOidcError: whatever the program raises.
    """
    return _drive(steps, world, None, None)


async def adrive(steps: LoginSteps[T], world: AsyncWorld) -> T:
    """Carry out a program in asyncio or trio and return its result."""
    return await _adrive(steps, world, None, None)


def _drive(steps: LoginSteps[T], world: World, lock: Lock | None, listener: Listener | None) -> T:
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
                value = _happen(event, world, lock, listener)
            except Exception as caught:  # noqa: BLE001 - it is the program's to handle
                error = caught
    finally:
        steps.close()
        error = None  # breaks the cycle of error, traceback and this frame


def _happen(
    event: LoginEvent, world: World, lock: Lock | None, listener: Listener | None
) -> object:
    match event:
        case Operation() | Sleep() | Now():
            return run(event, world.transport)
        case Load(key):
            return world.store.load(key)
        case Save(key, document):
            world.store.save(key, document)
        case Delete(key):
            world.store.delete(key)
        case Exclusively():
            return _exclusively(event, world, listener)
        case IsHeld():
            return lock is not None and lock.is_held()
        case Undisturbed():
            return _drive(event.program(), world, lock, listener)
        case Listening():
            opened = _listener(event, world)
            try:
                return _drive(event.program(opened.redirect_uri), world, lock, opened)
            finally:
                opened.close()
        case AwaitCallback():
            return _await_callback(event, world, _inside(listener))
        case _:
            return _tell(event, world, listener)
    return None


def _await_callback(event: AwaitCallback, world: World, listener: Listener) -> SecretStr | None:
    for left in _left(event.seconds, world.transport):
        answer = listener.poll(min(left, _LONG_POLL))
        if isinstance(answer, str):
            _ = _tell(Show(answer), world, listener)
        elif answer is not None:
            return answer
    return None


def _exclusively(event: Exclusively[object], world: World, listener: Listener | None) -> object:
    lock: Lock | None = None
    # From the first moment: a Ctrl-C may come at any.
    try:
        lock = world.store.try_lock(event.key)
        pause = _FIRST_WAIT
        for left in _left(event.wait, world.transport):
            if lock is not None:
                break
            world.transport.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_WAIT)
            lock = world.store.try_lock(event.key)
        return None if lock is None else _drive(event.program(), world, lock, listener)
    finally:
        if lock is not None:
            lock.release()


async def _adrive(
    steps: LoginSteps[T], world: AsyncWorld, lock: AsyncLock | None, listener: Listener | None
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
                value = await _ahappen(event, world, lock, listener)
            except Exception as caught:  # noqa: BLE001 - it is the program's to handle
                error = caught
    finally:
        steps.close()
        error = None


async def _ahappen(  # noqa: C901 - one case for each event
    event: LoginEvent, world: AsyncWorld, lock: AsyncLock | None, listener: Listener | None
) -> object:
    match event:
        case Operation() | Sleep() | Now():
            return await arun(event, world.transport)
        case Load(key):
            return await world.store.aload(key)
        case Save(key, document):
            await world.store.asave(key, document)
        case Delete(key):
            await world.store.adelete(key)
        case Exclusively():
            return await _aexclusively(event, world, listener)
        case IsHeld():
            return lock is not None and await lock.ais_held()
        case Undisturbed():
            return await _to_its_end(_adrive(event.program(), world, lock, listener))
        case Listening():
            opened = _listener(event, world)
            try:
                return await _adrive(event.program(opened.redirect_uri), world, lock, opened)
            finally:
                opened.close()
        case AwaitCallback():
            return await _aawait_callback(event, world, _inside(listener))
        case OpenUrl(url):
            # To see whether a browser starts takes a second, in which others may run.
            person = world.interaction
            return person is not None and await in_thread(lambda: person.open_url(url))
        case _:
            return _tell(event, world, listener)
    return None


async def _aawait_callback(
    event: AwaitCallback, world: AsyncWorld, listener: Listener
) -> SecretStr | None:
    for left in _left(event.seconds, world.transport):
        answer = listener.poll(0)
        if isinstance(answer, str):
            _ = _tell(Show(answer), world, listener)
        elif answer is not None:
            return answer
        await world.transport.asleep(min(left, _POLL))
    return None


async def _aexclusively(
    event: Exclusively[object], world: AsyncWorld, listener: Listener | None
) -> object:
    lock: AsyncLock | None = None
    try:
        lock = await world.store.atry_lock(event.key)
        pause = _FIRST_WAIT
        for left in _left(event.wait, world.transport):
            if lock is not None:
                break
            await world.transport.asleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_WAIT)
            lock = await world.store.atry_lock(event.key)
        return None if lock is None else await _adrive(event.program(), world, lock, listener)
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
    """Give the seconds that are left, again and again until there are none."""
    end = clock.now().monotonic + seconds
    while (left := end - clock.now().monotonic) > 0:
        yield left


def _listener(event: Listening[object], world: World | AsyncWorld) -> Listener:
    if world.listen is None:
        message = "Nothing here can listen for a browser: give the session a listener, or use the device code"
        raise ConfigurationError(message)
    return world.listen(event.ports)


def _inside(listener: Listener | None) -> Listener:
    if listener is None:
        message = "A program waited for a browser outside `Listening`"
        raise TypeError(message)
    return listener


def _tell(event: LoginEvent, world: World | AsyncWorld, listener: Listener | None) -> object:
    match event:
        case Show(text):
            if world.interaction is not None:
                world.interaction.show(text)
        case OpenUrl(url):
            return world.interaction is not None and world.interaction.open_url(url)
        case Expect(accepts):
            _inside(listener).expect(accepts)
        case Finish(succeeded, text):
            _inside(listener).finish(succeeded=succeeded, text=text)
        case _:
            message = (
                f"A program yielded {type(event).__name__}, which is no event of ssooidc_login"
            )
            raise TypeError(message)
    return None
