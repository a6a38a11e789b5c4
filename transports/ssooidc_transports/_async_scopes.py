"""The little that asyncio and trio do differently: a time limit, a semaphore, and whose event loop this is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from ssooidc_transports.transport import in_trio_task

__all__ = ["Semaphore", "current_loop", "semaphore", "within"]

T = TypeVar("T")


class Semaphore(Protocol):
    """What asyncio's and trio's semaphores have in common."""

    async def acquire(self) -> object:
        """Wait for a free place and take it."""
        ...

    def release(self) -> object:
        """Give it back."""
        ...


def semaphore(places: int) -> Semaphore:
    """Make a semaphore of the running library."""
    if in_trio_task():
        import trio  # noqa: PLC0415 - loaded already, as it runs this

        return trio.Semaphore(places)
    return asyncio.Semaphore(places)


def current_loop() -> object:
    """Give what stands for the running event loop: the same object within it, another in any other."""
    if in_trio_task():
        import trio  # noqa: PLC0415 - loaded already, as it runs this

        return trio.lowlevel.current_trio_token()
    return asyncio.get_running_loop()


async def within(seconds: float, work: Callable[[Callable[[], None]], Awaitable[T]]) -> T | None:
    """Await `work`, for so long at most.

    Args:
        seconds: when to cancel it.
        work: is called with a function that cancels it at once, at its next await.

    Returns:
        Its result, or `None` where it was cancelled here. A cancellation from outside passes.
    """
    if in_trio_task():
        import trio  # noqa: PLC0415 - loaded already, as it runs this

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
