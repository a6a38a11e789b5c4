"""Functions that work alike in asyncio and trio: a time limit, a semaphore, and the identity of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from ssooidc_transports.transport import in_trio_task

__all__ = ["Semaphore", "current_loop", "semaphore", "within"]

T = TypeVar("T")


class Semaphore(Protocol):
    """The interface that the semaphores of asyncio and trio share."""

    async def acquire(self) -> object:
        """Wait until a place is free and take it."""
        ...

    def release(self) -> object:
        """Free the place again."""
        ...


def semaphore(places: int) -> Semaphore:
    """Return a new semaphore of the library that runs the caller."""
    if in_trio_task():
        import trio  # noqa: PLC0415 - already loaded, since it runs this task

        return trio.Semaphore(places)
    return asyncio.Semaphore(places)


def current_loop() -> object:
    """Return an object that identifies the running event loop."""
    if in_trio_task():
        import trio  # noqa: PLC0415 - already loaded, since it runs this task

        return trio.lowlevel.current_trio_token()
    return asyncio.get_running_loop()


async def within(seconds: float, work: Callable[[Callable[[], None]], Awaitable[T]]) -> T | None:
    """Await `work`, and cancel it when the time is up.

    Args:
        seconds: the time limit.
        work: called with a function that cancels it immediately, at its next `await`.

    Returns:
        The result of `work`, or `None` if it was cancelled here. A cancellation from outside is passed on.
    """
    if in_trio_task():
        import trio  # noqa: PLC0415 - already loaded, since it runs this task

        with trio.move_on_after(seconds) as trio_scope:
            return await work(trio_scope.cancel)
        return None
    scope = asyncio.timeout(seconds)
    loop = asyncio.get_running_loop()
    try:
        async with scope:
            return await work(lambda: scope.reschedule(loop.time()))
    except TimeoutError:
        if not scope.expired():
            raise
    return None
