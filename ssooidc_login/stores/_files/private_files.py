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
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Final

from pydantic import SecretBytes

__all__ = [
    "NotOursError",
    "OwnedFile",
    "is_open_to_others",
    "make_folder",
    "open_into",
    "read_own",
    "remove_own",
    "replace_own",
    "reserve_own",
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


class OwnedFile(FileIO):
    """A file that is closed, without a warning, when nothing refers to it any more."""

    # Implemented in C: a Ctrl-C during a `__del__` in Python would be reported to nobody.
    __del__ = FileIO.close


def open_into(files: list[OwnedFile], path: Path, flags: int) -> None:
    """Open a regular file of this user and append it to a list; with `O_CREAT`, it is created with mode 0600.

    Between the system call and the list no Python code runs, so Ctrl-C cannot leave an open descriptor without owner.

    Raises:
        NotOursError: the file is a link, not a regular file, or another user's.
        OSError: the file cannot be opened.
    """
    if not _NOFOLLOW and path.is_symlink():
        raise NotOursError(_LINK)
    mode = "r+b" if flags & (os.O_RDWR | os.O_WRONLY) else "rb"
    all_flags = flags | _NOFOLLOW | _NONBLOCK | _ANYWHERE
    try:
        files.extend(map(OwnedFile, map(os.open, (path,), (all_flags,), (0o600,)), (mode,)))
    except OSError as failed:
        # The error of O_NOFOLLOW is ELOOP in POSIX, and EMLINK on FreeBSD.
        if failed.errno in {errno.ELOOP, errno.EMLINK} and path.is_symlink():
            problem: str | None = _LINK
        elif path.is_dir():
            problem = _IRREGULAR
        else:
            raise
    else:
        problem = _not_ours(os.fstat(files[-1].fileno()))
        if problem is None:
            return
        files.pop().close()
    raise NotOursError(problem)


def read_own(path: Path, *, limit: int) -> SecretBytes | None:
    """Return up to `limit` bytes of a file, or `None` if there is no file.

    Raises:
        NotOursError: as in `open_into`.
        OSError: the file cannot be read.
    """
    content = SecretBytes(b"")
    for attempt in range(_TRIES):
        # The AWS CLI empties a file before it writes it, so wait a moment if it is empty.
        if attempt:
            time.sleep(_PAUSE)
        files: list[OwnedFile] = []
        try:
            open_into(files, path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        with BufferedReader(files[0]) as file:
            content = SecretBytes(file.read(limit))
        if len(content):
            break
    return content


def reserve_own(path: Path, size: int) -> Path:
    """Write a file of this size beside another, so that `replace_own` finds the room; return its path.

    Raises:
        OSError: there is no room.
    """
    temporary = _temporary(path)
    try:
        _ = _write_new(temporary, SecretBytes(b" " * size))
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    return temporary


def replace_own(path: Path, content: SecretBytes, *, reserved: Path | None = None) -> None:
    """Replace a file in one step with a new one of mode 0600, and flush it to the disk.

    A link is replaced, not its target. On any error, the old file stays.

    Args:
        path: the file to replace.
        content: the new content.
        reserved: what `reserve_own` returned: the content is written into this file, which becomes the new one.

    Raises:
        NotOursError: the old file is another user's.
        OSError: the file cannot be written.
    """
    with suppress(FileNotFoundError):
        if _is_foreign(path.lstat()):
            raise NotOursError(_FOREIGN)
    temporary = _temporary(path) if reserved is None else reserved
    try:
        written_at = (_write_new if reserved is None else _overwrite)(temporary, content)
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


def _temporary(path: Path) -> Path:
    return path.with_name(f"{path.name}.{secrets.token_hex(8)}.tmp")


def _write_new(path: Path, content: SecretBytes) -> float:
    """Write a new file, flush it to the disk, and return its modification time, by the file system's clock."""
    files: list[OwnedFile] = []
    open_into(files, path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    with files[0] as file:
        if hasattr(os, "fchmod"):
            os.fchmod(file.fileno(), 0o600)  # the umask may have removed bits
        return _written(file, content)


def _overwrite(path: Path, content: SecretBytes) -> float:
    """Write into a file that has room for the content, flush it to the disk, and return its modification time."""
    files: list[OwnedFile] = []
    open_into(files, path, os.O_WRONLY)
    with files[0] as file:
        written_at = _written(file, content)
        if os.fstat(file.fileno()).st_size > len(content):
            os.ftruncate(file.fileno(), len(content))
            os.fsync(file.fileno())
        return written_at


def _written(file: OwnedFile, content: SecretBytes) -> float:
    left = memoryview(content.get_secret_value())
    while left:
        left = left[os.write(file.fileno(), left) :]
    os.fsync(file.fileno())
    return os.fstat(file.fileno()).st_mtime


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
