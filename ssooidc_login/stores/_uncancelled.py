"""Work that a cancellation waits for, in asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import TypeVar

__all__ = ["to_its_end"]

T = TypeVar("T")


async def to_its_end(work: Coroutine[object, object, T]) -> T:
    """Await work to its end, whatever cancels the caller; then the cancellation counts. `work` must end by itself."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        # More than one may come, and the end of the event loop cancels `task` itself.
        while not task.done():
            with suppress(asyncio.CancelledError):
                _ = await asyncio.wait([task])
        if not task.cancelled():
            _ = task.exception()  # told to nobody, as the cancellation is what counts
        raise
