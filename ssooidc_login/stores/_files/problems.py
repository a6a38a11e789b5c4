"""Texts for files that cannot be read, written or locked: what is wrong, and what to do."""

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
    "The file system has no locks: use a home directory on one that has them, or another store"
)
_NO_SPACE: Final = "Free some space, then try again"
_ACCESS: Final = "Check the owner and the mode of the file and of its directories"
_NO_FOLDER: Final = "A part of this path should be a directory but is not: move it away"
_WHAT_TO_DO: Final = {
    errno.EACCES: _ACCESS,
    errno.EPERM: _ACCESS,
    errno.ENOSPC: _NO_SPACE,
    errno.EDQUOT: _NO_SPACE,
    errno.EROFS: "Make the file system writable, or use another store",
    errno.ENOTDIR: _NO_FOLDER,
    errno.EEXIST: _NO_FOLDER,
    errno.EISDIR: "It is a directory: move it away",
    errno.ENOENT: "It, or its directory, has just been removed: try again",
    errno.ELOOP: "Links on its path form a loop: remove them",
    errno.EMFILE: "Close some files, or raise the limit of open files",
    errno.ENFILE: "Close some files, or raise the limit of open files",
    errno.ENOSYS: _NO_LOCKS,
    errno.ENOLCK: _NO_LOCKS,
    errno.EOPNOTSUPP: _NO_LOCKS,
}


def problem_text(doing: str, path: Path, problem: OSError | Exception) -> str:
    """Return a text for an error, such as `Cannot write PATH: No space left on device. Free some space, ...`."""
    where = printable(str(path), limit=_LIMIT)
    if not isinstance(problem, OSError):
        return f"Cannot {doing} {where}: {problem}"
    number = problem.errno
    # Only the number of an OSError is used: its text could name other files.
    reason = type(problem).__name__ if number is None else os.strerror(number)
    advice = _RETRY if number is None else _WHAT_TO_DO.get(number, _RETRY)
    return f"Cannot {doing} {where}: {reason}. {advice}"
