"""Interruptions without the frames they struck in.

A traceback may be printed with the local variables of its frames. Those of parsers, encoders and HTTP libraries hold
bodies and bearer tokens in the clear, and an interruption (Ctrl-C, a cancellation) can strike in any of them.
"""

from __future__ import annotations

__all__ = ["without_frames"]


def without_frames(interruption: BaseException) -> BaseException:
    """Remove the traceback and the context of an exception, and return it, to be raised again.

    It stays the same object, by which asyncio, trio and anyio recognise their cancellations.
    """
    interruption.__context__ = None
    return interruption.with_traceback(None)
