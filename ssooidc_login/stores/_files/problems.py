"""What to tell a person whose files could not be read, written or locked."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

from ssooidc_core._text import printable

__all__ = ["problem_text"]

_LIMIT: Final = 300
_RETRY: Final = "Try again; if it persists, delete the file and log in again"
_NO_LOCKS: Final = (
    "The file system has no locks: have the home folder on one that does, or use another store"
)
_NO_SPACE: Final = "Free some space, then try again"
_ACCESS: Final = "Look at the owner and the mode of the file and of its folders"
_NO_FOLDER: Final = "What should be a folder on this path is something else: move it away"
_WHAT_TO_DO: Final = {
    errno.EACCES: _ACCESS,
    errno.EPERM: _ACCESS,
    errno.ENOSPC: _NO_SPACE,
    errno.EDQUOT: _NO_SPACE,
    errno.EROFS: "Make the file system writable, or use another store",
    errno.ENOTDIR: _NO_FOLDER,
    errno.EEXIST: _NO_FOLDER,
    errno.EISDIR: "It is a folder: move it away",
    errno.ENOENT: "Somebody removed it, or its folder, at that moment: try again",
    errno.ELOOP: "Links on its path lead in a circle: remove them",
    errno.EMFILE: "Close some files, or raise the limit of open files",
    errno.ENFILE: "Close some files, or raise the limit of open files",
    errno.ENOSYS: _NO_LOCKS,
    errno.ENOLCK: _NO_LOCKS,
    errno.EOPNOTSUPP: _NO_LOCKS,
}


def problem_text(doing: str, path: Path, problem: OSError | Exception) -> str:
    """Say what could not be done, why, and what to do: `Cannot write PATH: No space left on device. Free ...`."""
    where = printable(str(path), limit=_LIMIT)
    if not isinstance(problem, OSError):
        return f"Cannot {doing} {where}: {problem}"
    number = problem.errno
    # Of an OSError only the number is told: its text could name other files.
    reason = type(problem).__name__ if number is None else os.strerror(number)
    advice = _RETRY if number is None else _WHAT_TO_DO.get(number, _RETRY)
    return f"Cannot {doing} {where}: {reason}. {advice}"
