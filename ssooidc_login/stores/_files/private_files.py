"""Files that belong to one user: read and replaced as a whole; links are not followed.

A file is replaced in one step, so that a reader sees the old or the new content, even after a crash. Errors of the
operating system are raised as they are, as `OSError`; `problems` explains them. Windows has no owners and modes in this
sense: a user's home directory is closed to others by default.
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

# A flag that the platform lacks is 0.
_ANYWHERE: Final = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NOFOLLOW: Final[int] = getattr(os, "O_NOFOLLOW", 0)
# Opening a FIFO that has no writer would block.
_NONBLOCK: Final[int] = getattr(os, "O_NONBLOCK", 0)
_TEMPORARY: Final = re.compile(r"[0-9a-f]{40}\.json\.[0-9a-f]{16}\.tmp\Z")
# Seconds. Writing a file never takes that long, so an older temporary file was left by a killed process.
_OLD: Final = 60 * 60.0
_TRIES: Final = 10
_PAUSE: Final = 0.01


class NotOursError(Exception):
    """A file is not a regular file of this user; the text says what it is, and what to do."""


def open_own(path: Path, flags: int) -> int:
    """Open a regular file of this user and return its descriptor; with `O_CREAT`, it is created with mode 0600.

    Raises:
        NotOursError: the file is a link, not a regular file, or another user's.
        OSError: the file cannot be opened.
    """
    if not _NOFOLLOW and path.is_symlink():
        raise NotOursError(_LINK)
    try:
        descriptor = os.open(path, flags | _NOFOLLOW | _NONBLOCK | _ANYWHERE, 0o600)
    except OSError as failed:
        # The error of O_NOFOLLOW is ELOOP in POSIX, and EMLINK on FreeBSD.
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
    """Return up to `limit` bytes of a file, or `None` if there is no file.

    Raises:
        NotOursError: as in `open_own`.
        OSError: the file cannot be read.
    """
    content = SecretBytes(b"")
    for attempt in range(_TRIES):
        # The AWS CLI empties a file before it writes it, so wait a moment if it is empty.
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
    """Replace a file in one step with a new one of mode 0600, and flush it to the disk.

    A link is replaced, not its target. On any error, the old file stays.

    Raises:
        NotOursError: the old file is another user's.
        OSError: the file cannot be written.
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
    """Remove a file, or a link itself, if there is one.

    Raises:
        OSError: it cannot be removed.
    """
    with suppress(FileNotFoundError):
        path.unlink()
        sync_folder(path.parent)


def make_folder(path: Path) -> None:
    """Make a directory and its parents with mode 0700; existing ones are not changed.

    Raises:
        OSError: the directory cannot be made.
    """
    if path.is_dir():
        return
    if path.parent != path:
        make_folder(path.parent)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        # Another process has just made it, or it is not a directory.
        if not path.is_dir():
            raise
    sync_folder(path.parent)


def is_open_to_others(folder: Path) -> bool:
    """Return whether users other than this one and the administrator can replace files in a directory."""
    found = folder.stat()
    if os.name == "nt":
        return False
    writable = bool(stat.S_IMODE(found.st_mode) & (stat.S_IWGRP | stat.S_IWOTH))
    return writable or (_is_foreign(found) and found.st_uid != 0)


def sync_folder(folder: Path) -> None:
    """Flush a directory's entries to the disk, if the platform can."""
    # The change was made. That it might be lost in a power failure is not an error.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | _ANYWHERE)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


_LINK: Final = (
    "it is a link, and links are not followed. Replace it with the file itself, or delete it"
)
_FOREIGN: Final = "it belongs to another user. Make it yours, or delete it"
_IRREGULAR: Final = "it is not a regular file. Move it away"


def _not_ours(found: os.stat_result) -> str | None:
    if not stat.S_ISREG(found.st_mode):
        return _IRREGULAR
    return _FOREIGN if _is_foreign(found) else None


def _is_foreign(found: os.stat_result) -> bool:
    return hasattr(os, "geteuid") and found.st_uid != os.geteuid()


def _write_new(path: Path, content: SecretBytes) -> float:
    """Write a new file, flush it to the disk, and return its modification time, by the file system's clock."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | _ANYWHERE, 0o600)
    try:
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, 0o600)  # the umask may have removed bits
        left = memoryview(content.get_secret_value())
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
        return os.fstat(descriptor).st_mtime
    finally:
        os.close(descriptor)


def _replace(source: Path, target: Path) -> None:
    for _ in range(_TRIES if os.name == "nt" else 0):
        # Windows cannot replace a file while another process reads it.
        with suppress(PermissionError):
            _ = source.replace(target)
            return
        time.sleep(_PAUSE)
    _ = source.replace(target)


def _clean_up(folder: Path, *, before: float) -> None:
    """Remove old temporary files, which killed processes left behind."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _TEMPORARY.match(entry.name) is None:
                continue
            with suppress(OSError):
                found = entry.stat(follow_symlinks=False)
                if _not_ours(found) is None and found.st_mtime < before:
                    Path(entry.path).unlink()
