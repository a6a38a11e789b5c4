"""Files that belong to one user alone: read and replaced as a whole, never followed as links.

A file is replaced in one step, so that who reads it sees the old content or the new one, and so does who starts after
a crash. Errors of the operating system come out as they are, `OSError`; what they mean is `file_problems`'s business.
Windows has neither owners nor modes in this sense: there a user's home folder is closed to others as it is.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from pydantic import SecretBytes

__all__ = [
    "NotOursError",
    "is_open_to_others",
    "make_folder",
    "open_own",
    "read_own",
    "remove_own",
    "replace_own",
    "sync_folder",
]

# What a platform lacks is no flag there.
_ANYWHERE: Final = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NOFOLLOW: Final[int] = getattr(os, "O_NOFOLLOW", 0)
# A FIFO that nobody writes to would hang whoever opens it.
_NONBLOCK: Final[int] = getattr(os, "O_NONBLOCK", 0)
_TEMPORARY: Final = re.compile(r"[0-9a-f]{40}\.json\.[0-9a-f]{16}\.tmp\Z")
# Nobody takes that long to write a file.
_OLD: Final = 60 * 60.0
_TRIES: Final = 10
_PAUSE: Final = 0.01


class NotOursError(Exception):
    """A file is not what it should be; the text says what it is instead, and what to do."""


def open_own(path: Path, flags: int) -> int:
    """Open a user's own regular file, made with mode 0600 where `flags` ask for it; give its descriptor.

    Raises:
        NotOursError: it is a link, no regular file, or somebody else's.
        OSError: it cannot be opened.
    """
    if not _NOFOLLOW and path.is_symlink():
        raise NotOursError(_LINK)
    try:
        descriptor = os.open(path, flags | _NOFOLLOW | _NONBLOCK | _ANYWHERE, 0o600)
    except OSError as failed:
        # What O_NOFOLLOW gives: ELOOP by POSIX, EMLINK on FreeBSD.
        is_link = failed.errno in {errno.ELOOP, errno.EMLINK} and path.is_symlink()
        if not is_link:
            raise
    else:
        problem = _not_ours(os.fstat(descriptor))
        if problem is None:
            return descriptor
        os.close(descriptor)
        raise NotOursError(problem)
    raise NotOursError(_LINK)


def read_own(path: Path, *, limit: int) -> SecretBytes | None:
    """Read a file, `limit` bytes of it at most; `None` where there is none.

    Raises:
        NotOursError: see `open_own`.
        OSError: it cannot be read.
    """
    content = SecretBytes(b"")
    for attempt in range(_TRIES):
        # The AWS CLI empties a file before it writes it: who comes in between waits for it.
        if attempt:
            time.sleep(_PAUSE)
        try:
            descriptor = open_own(path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            with open(descriptor, "rb", closefd=False) as file:
                content = SecretBytes(file.read(limit))
        finally:
            os.close(descriptor)
        if len(content):
            break
    return content


def replace_own(path: Path, content: SecretBytes) -> None:
    """Put a file of mode 0600 in the place of what is there, in one step, and onto the disk.

    A link is replaced, not what it points to. Whatever goes wrong, what was there stays.

    Raises:
        NotOursError: what is there is somebody else's.
        OSError: it cannot be written.
    """
    with suppress(FileNotFoundError):
        if _is_foreign(path.lstat()):
            raise NotOursError(_FOREIGN)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        written_at = _write_new(temporary, content)
        _replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)
    _clean_up(path.parent, before=written_at - _OLD)


def remove_own(path: Path) -> None:
    """Remove a file, or a link itself; it need not be there.

    Raises:
        OSError: it cannot be removed.
    """
    with suppress(FileNotFoundError):
        path.unlink()
        sync_folder(path.parent)


def make_folder(path: Path) -> None:
    """Make a folder and all that it is in, closed to others (0700); one that is there stays as it is.

    Raises:
        OSError: it cannot be made.
    """
    if path.is_dir():
        return
    if path.parent != path:
        make_folder(path.parent)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        # Made by somebody else meanwhile; or no folder.
        if not path.is_dir():
            raise
    sync_folder(path.parent)


def is_open_to_others(folder: Path) -> bool:
    """Say whether others than the user and the administrator can replace what is in a folder."""
    found = folder.stat()
    if os.name == "nt":
        return False
    writable = bool(stat.S_IMODE(found.st_mode) & (stat.S_IWGRP | stat.S_IWOTH))
    return writable or (_is_foreign(found) and found.st_uid != 0)


def sync_folder(folder: Path) -> None:
    """Have the disk remember a folder's entries, where the platform can."""
    # What was done is done: that it might not outlive a loss of power is no failure.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | _ANYWHERE)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


_LINK: Final = (
    "it is a link, and links are not followed here. Put the file itself in its place, or delete it"
)
_FOREIGN: Final = "it belongs to another user. Make it yours, or delete it"
_IRREGULAR: Final = "it is no regular file. Move it away"


def _not_ours(found: os.stat_result) -> str | None:
    if not stat.S_ISREG(found.st_mode):
        return _IRREGULAR
    return _FOREIGN if _is_foreign(found) else None


def _is_foreign(found: os.stat_result) -> bool:
    return hasattr(os, "geteuid") and found.st_uid != os.geteuid()


def _write_new(path: Path, content: SecretBytes) -> float:
    """Write a new file onto the disk; give the time it has, which is the file system's own."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | _ANYWHERE, 0o600)
    try:
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, 0o600)  # whatever the umask took away
        left = memoryview(content.get_secret_value())
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
        return os.fstat(descriptor).st_mtime
    finally:
        os.close(descriptor)


def _replace(source: Path, target: Path) -> None:
    for _ in range(_TRIES if os.name == "nt" else 0):
        # Windows replaces no file that somebody reads at that moment.
        with suppress(PermissionError):
            _ = source.replace(target)
            return
        time.sleep(_PAUSE)
    _ = source.replace(target)


def _clean_up(folder: Path, *, before: float) -> None:
    """Remove what our own killed processes left."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _TEMPORARY.match(entry.name) is None:
                continue
            with suppress(OSError):
                found = entry.stat(follow_symlinks=False)
                if _not_ours(found) is None and found.st_mtime < before:
                    Path(entry.path).unlink()
