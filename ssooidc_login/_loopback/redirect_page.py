"""A page on this machine that redirects the browser to a URL, so that the URL is on no command line.

The page's own address is on a command line, which other users can read. So the page is served only to programs of this
user: on Linux, `/proc/net/tcp` names the owner of each socket, including the other end of a loopback connection. On
other platforms, and if that table cannot be read, there is no page.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ssooidc_login._loopback.inbox import Inbox
from ssooidc_login._loopback.server import Limits, Redirect, Server

__all__ = ["owner_of", "serve_redirect"]

_HOST: Final = "127.0.0.1"
# Connections that wait to be accepted. Those that do not fit are dropped, and the other end tries again after a second.
_BACKLOG: Final = 128
_SECONDS_SERVED: Final = 120.0
_SECONDS: Final = 5.0
_TABLES: Final = (Path("/proc/self/net/tcp"), Path("/proc/self/net/tcp6"))


def serve_redirect(url: str, *, seconds: float = _SECONDS_SERVED) -> str | None:
    """Serve the page until a browser of this user has fetched it, and return its address; `None` if that cannot be.

    Args:
        url: the target of the redirect, printable ASCII.
        seconds: how long the page is served at most.
    """
    if sys.platform != "linux":
        return None
    # RuntimeError: no thread can be started now.
    with contextlib.suppress(OSError, RuntimeError), contextlib.ExitStack() as undo:
        listening = undo.enter_context(socket.create_server((_HOST, 0), backlog=_BACKLOG))
        if not _can_find_owners(listening):
            return None
        listening.settimeout(0)
        path = f"/{secrets.token_urlsafe(16)}"
        page = Redirect(path=path, url=url, admits=_is_ours, seconds=seconds)
        address = f"http://{_HOST}:{listening.getsockname()[1]}{path}"
        Server(listening, Inbox(), None, Limits(), page).start()
        _ = undo.pop_all()
        return address
    return None


def owner_of(table: Iterable[str], *, port: int, peer_port: int) -> int | None:
    """Return the user who owns the other end of a connection over 127.0.0.1, or `None` if it is not in the table.

    Args:
        table: lines of `/proc/net/tcp` or `/proc/net/tcp6`.
        port: the port of our end.
        peer_port: the port of the other end.
    """
    # proc(5): addresses are numbers in the machine's byte order; tcp6 has IPv4 addresses mapped into IPv6.
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


def _is_ours(connection: socket.socket) -> bool:
    try:
        return _owner(connection) == os.geteuid()
    except OSError:
        return False  # the other end is gone already


def _can_find_owners(listening: socket.socket) -> bool:
    """Return whether the table has a connection of our own.

    A program that connects first must not have the URL put onto a command line, so other connections are skipped.
    """
    with (
        contextlib.suppress(OSError),
        socket.create_connection(listening.getsockname(), timeout=_SECONDS) as ours,
    ):
        listening.settimeout(_SECONDS)
        for _ in range(_BACKLOG + 2):
            connection, peer = listening.accept()
            with connection:
                if peer == ours.getsockname():
                    return _is_ours(connection)
    return False
