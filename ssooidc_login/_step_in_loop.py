"""Waiting for a step in asyncio and trio, and steps that must run in the event loop itself.

A step runs in the loop if its transport's connections belong to the loop. In asyncio it is a task of its own, which a
cancellation of its callers does not reach; whoever ends the loop must wait for it first. trio has no such tasks, so
there a cancellation waits for the step.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar, cast

from ssooidc_login._shared_step import Step, join
from ssooidc_transports.transport import in_trio_task

if TYPE_CHECKING:
    import asyncio

__all__ = ["in_this_loop", "in_thread_of_its_own", "steps_of_this_loop"]

T = TypeVar("T")

# Seconds that a cancellation or `aclose()` waits: the longest wait for the lock, and a request.
_LONGEST: Final = 60.0

_tasks: Final[dict[tuple[object, Hashable], asyncio.Task[object]]] = {}


async def in_thread_of_its_own(
    key: Hashable, work: Callable[[Step[T]], T], seconds: float | None
) -> Step[T]:
    """Start or join a step, wait for it up to so many seconds, and return it.

    A cancellation ends the waiting at once; the step goes on.
    """
    if in_trio_task():
        return await _in_trio(key, work, math.inf if seconds is None else seconds)
    return await _in_asyncio(key, work, seconds)


async def _in_trio(key: Hashable, work: Callable[[Step[T]], T], seconds: float) -> Step[T]:
    import trio  # noqa: PLC0415 - loaded already, as it runs this

    arrived, token = trio.Event(), trio.lowlevel.current_trio_token()

    def tell() -> None:
        with suppress(trio.RunFinishedError):
            token.run_sync_soon(arrived.set)

    step = join(key, work, tell)
    try:
        with trio.move_on_after(seconds):
            await arrived.wait()
    finally:
        step.stop_waiting(tell)
    return step


async def _in_asyncio(
    key: Hashable, work: Callable[[Step[T]], T], seconds: float | None
) -> Step[T]:
    import asyncio  # noqa: PLC0415 - loaded already, as it runs this

    loop, arrived = asyncio.get_running_loop(), asyncio.Event()

    def tell() -> None:
        with suppress(RuntimeError):  # the loop was closed
            _ = loop.call_soon_threadsafe(arrived.set)

    step = join(key, work, tell)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                _ = await arrived.wait()
    finally:
        step.stop_waiting(tell)
    return step


async def in_this_loop(
    key: Hashable, work: Callable[[], Coroutine[object, object, T]], seconds: float | None
) -> T | None:
    """Start or join a step in this event loop, and return its result, or `None` if it is not over in time.

    In trio nothing is joined: the store's lock lets one caller at a time refresh.
    """
    if in_trio_task():
        return await _shielded(work())
    import asyncio  # noqa: PLC0415 - loaded already, as it runs this

    loop = asyncio.get_running_loop()
    at = (loop, key)
    task = cast("asyncio.Task[T] | None", _tasks.get(at))
    if task is None:
        task = loop.create_task(work())
        _tasks[at] = cast("asyncio.Task[object]", task)

        def forget(done: asyncio.Task[T]) -> None:
            _ = _tasks.pop(at, None)
            # An outcome that nobody waits for any more is no reason to log.
            _ = done.cancelled() or done.exception()

        task.add_done_callback(forget)
    done, _ = await asyncio.wait([task], timeout=seconds)
    return task.result() if done else None


async def _shielded(work: Awaitable[T]) -> T | None:
    import trio  # noqa: PLC0415 - loaded already, as it runs this

    with trio.CancelScope(shield=True, deadline=trio.current_time() + _LONGEST):
        return await work
    return None


async def steps_of_this_loop() -> None:
    """Wait for the steps that run as tasks of this event loop: the end of the loop would cancel them."""
    if in_trio_task() or not _tasks:
        return
    import asyncio  # noqa: PLC0415 - loaded already, as it runs this

    loop = asyncio.get_running_loop()
    mine = [task for (its_loop, _), task in tuple(_tasks.items()) if its_loop is loop]
    if mine:
        _ = await asyncio.wait(mine, timeout=_LONGEST)
