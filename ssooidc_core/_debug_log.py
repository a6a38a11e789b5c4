"""The drivers' log: attempts, waits and final errors, at DEBUG on the logger `ssooidc_core`.

A line has the operation's name, numbers, an error's class and the URL without its query; never a body or a header.

The core does not import `logging`, which takes longer than a call. In a process where nothing has imported it, nothing
can have switched it on either.
"""

from __future__ import annotations

import sys
from typing import Final, Protocol, cast

__all__ = ["DebugLog", "debug_log"]

_DEBUG: Final = 10
_NAME: Final = "ssooidc_core"


class DebugLog(Protocol):
    """The part of `logging.Logger` that is used here."""

    def debug(self, message: str, /, *args: object) -> None:
        """Log a line at DEBUG."""
        ...

    def isEnabledFor(self, level: int, /) -> bool:  # noqa: N802 - the name in `logging`
        """Return whether lines of this level are logged."""
        ...


# A list, because every call asks for it, and `logging.getLogger` takes a lock.
_known: list[DebugLog] = []


def debug_log() -> DebugLog | None:
    """Return the logger if it is on for DEBUG, else `None`."""
    if not _known:
        module = sys.modules.get("logging")
        if module is None:
            return None
        _known.append(cast("DebugLog", module.getLogger(_NAME)))
    logger = _known[0]
    return logger if logger.isEnabledFor(_DEBUG) else None
