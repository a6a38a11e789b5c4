"""A page of this machine that sends the browser on to a URL, so that the URL is on no command line.

The page's own address is on one. So it is served to this user's programs only: Linux names the owner of each socket in
`/proc/net/tcp`, and the other end of a connection over the loopback is there. Elsewhere, and where that table is not to
be had, `hand_over` gives `None`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import socket
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ssooidc_login._loopback.http import Arrived, HangUp, MoreNeeded, Refused, read_request
from ssooidc_login._loopback.page import page, redirect

__all__ = ["hand_over", "owner_of"]

_HOST: Final = "127.0.0.1"
_BACKLOG: Final = 8
_SECONDS_TO_COME: Final = 120.0
_SECONDS: Final = 5.0
_TABLES: Final = (Path("/proc/self/net/tcp"), Path("/proc/self/net/tcp6"))


def hand_over(url: str, *, seconds: float = _SECONDS_TO_COME) -> str | None:
    """Serve the page in a daemon thread until a browser of this user has fetched it; give its address.

    Args:
        url: where the page sends the browser, printable ASCII.
        seconds: how long it stands at most.
    """
    if sys.platform != "linux":
        return None
    try:
        listening = socket.create_server((_HOST, 0), backlog=_BACKLOG)
    except OSError:
        return None
    if not _can_tell_owners(listening):
        listening.close()
        return None
    port: int = listening.getsockname()[1]
    path = f"/{secrets.token_urlsafe(16)}"
    threading.Thread(
        target=_serve,
        args=(listening, port, path, url, time.monotonic() + seconds),
        name="ssooidc-hand-over",
        daemon=True,
    ).start()
    return f"http://{_HOST}:{port}{path}"


def owner_of(table: Iterable[str], *, port: int, peer_port: int) -> int | None:
    """Give the user who owns the other end of a connection over 127.0.0.1, or `None` if it is not in the table.

    Args:
        table: lines of `/proc/net/tcp` or `/proc/net/tcp6`.
        port: our end's.
        peer_port: the other end's.
    """
    # proc(5): addresses are numbers of the machine's own byte order; tcp6 has IPv4 addresses mapped into IPv6.
    here = f"{int.from_bytes(socket.inet_aton(_HOST), sys.byteorder):08X}"
    mapped = f"{0:016X}{int.from_bytes(bytes.fromhex('0000FFFF'), sys.byteorder):08X}{here}"
    wanted = {(f"{each}:{peer_port:04X}", f"{each}:{port:04X}") for each in (here, mapped)}
    for line in table:
        columns = line.split()
        if len(columns) > 7 and (columns[1], columns[2]) in wanted and columns[7].isdecimal():  # noqa: PLR2004 - proc(5)
            return int(columns[7])
    return None


def _owner(connection: socket.socket) -> int | None:
    port: int = connection.getsockname()[1]
    peer_port: int = connection.getpeername()[1]
    for path in _TABLES:
        with contextlib.suppress(OSError), path.open(encoding="ascii", errors="replace") as table:
            owner = owner_of(table, port=port, peer_port=peer_port)
            if owner is not None:
                return owner
    return None


def _can_tell_owners(listening: socket.socket) -> bool:
    """Try it on a connection of our own; who connects before it must not have the URL put onto a command line."""
    try:
        with socket.create_connection(listening.getsockname(), timeout=_SECONDS) as ours:
            listening.settimeout(_SECONDS)
            for _ in range(_BACKLOG + 2):
                connection, peer = listening.accept()
                with connection:
                    if peer == ours.getsockname():
                        return _owner(connection) == os.geteuid()
    except OSError:
        pass
    return False


def _serve(listening: socket.socket, port: int, path: str, url: str, end: float) -> None:
    done = threading.Event()
    with listening:
        while not done.is_set() and (left := end - time.monotonic()) > 0:
            ready, _, _ = select.select([listening], [], [], min(left, 0.5))
            if not ready:
                continue
            # RuntimeError: no thread can be started now.
            with contextlib.suppress(OSError, RuntimeError):
                connection, _ = listening.accept()
                # Browsers open connections ahead that say nothing; they must not be in another's way.
                threading.Thread(
                    target=_send_on, args=(connection, port, path, url, done), daemon=True
                ).start()


def _send_on(
    connection: socket.socket, port: int, path: str, url: str, done: threading.Event
) -> None:
    received = b""
    with contextlib.suppress(OSError), connection:
        if _owner(connection) != os.geteuid():
            return
        connection.settimeout(_SECONDS)
        while True:
            data = connection.recv(4096)
            received += data
            match read_request(received, port=port, path=path):
                case MoreNeeded():
                    if not data:
                        return
                case HangUp():
                    return
                case Refused(status, head_only):
                    connection.sendall(page(status, status.phrase, "", head_only=head_only))
                    return
                case Arrived():
                    connection.sendall(redirect(url))
                    done.set()
                    return
