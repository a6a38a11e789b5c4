"""Asks for a token, again and again, while its files find no room; then with room again.

The test says how the room is taken: by a limit of the kernel, by an error of one call, or by a real small disk that is
full. It says what each call came to, before and after there is room again.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import signal
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from signed_in import InMemory, emulated, say
from ssooidc_core import SsoOidcError

CALLS: Final = 3
# Of a file that is written; a token takes more.
LIMIT: Final = 100
# The calls that found no room.
hits: Final[list[str]] = []


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """Make the kernel refuse to write more than the first bytes of a file."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def failing(*names: str) -> Iterator[None]:
    """Make the file calls of the operating system fail for lack of room."""
    real: dict[str, Callable[..., object]] = {name: getattr(os, name) for name in names}

    def instead_of(name: str) -> Callable[..., object]:
        def call(first: object, *others: object, **named: object) -> object:
            if isinstance(first, int) and not stat.S_ISREG(os.fstat(first).st_mode):
                return real[name](first, *others, **named)  # a pipe has room
            hits.append(name)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        return call

    for name in names:
        setattr(os, name, instead_of(name))
    try:
        yield
    finally:
        for name, function in real.items():
            setattr(os, name, function)


@contextlib.contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Fill the disk that a folder is on; it is a small one of this test alone."""
    ballast = folder / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(1024)):
            pass
    try:
        yield
    finally:
        ballast.unlink()


def taken(how: str, folder: Path) -> contextlib.AbstractContextManager[None]:
    """Return what takes the room while it is entered."""
    match how:
        case "a limit of the kernel":
            return limited()
        case "a small disk that is full":
            return filled(folder)
        case "write":
            return failing("write")
        case "fsync":
            return failing("fsync")
        case _:
            # As if the room went between the request and the save.
            return failing("rename", "replace")


def outcome(call: Callable[[], object]) -> str:
    """Return what a call comes to."""
    try:
        call()
    except SsoOidcError as caught:
        return type(caught).__name__
    return "token"


def main() -> None:
    """Ask."""
    given, _, home = emulated()
    service = InMemory()
    service.sign_in(home)
    home.expire(given["left"])
    asked: list[str] = []
    service.center.subscribe(lambda seen: asked.append(str(seen.operation)))
    session = service.session(home)
    with taken(given["how"], home.folder):
        without = [outcome(session.token) for _ in range(CALLS)]
    sent = asked.count("CreateToken")
    then = outcome(session.token)
    taken_still, left = home.left_behind()
    if not home.is_fresh():
        home.expire()
    # What another process finds.
    another = outcome(service.session(home).token)
    say(
        without=without,
        sent=sent,
        then=then,
        another=another,
        descriptors=len(left),
        locks=int(taken_still),
        hit=bool(hits),
    )


if __name__ == "__main__":
    main()
