"""`to_its_end`: finish work in asyncio before a cancellation takes effect."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import TypeVar

__all__ = ["to_its_end"]

T = TypeVar("T")


async def to_its_end(work: Coroutine[object, object, T]) -> T:
    """Await `work` until it completes, even if the caller is cancelled; raise the cancellation afterwards.

    `work` must end without being cancelled.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        # There may be more than one cancellation, and the end of the event loop cancels `task` itself.
        while not task.done():
            with suppress(asyncio.CancelledError):
                _ = await asyncio.wait([task])
        if not task.cancelled():
            _ = task.exception()  # marks it as retrieved; the cancellation is raised instead
        raise
