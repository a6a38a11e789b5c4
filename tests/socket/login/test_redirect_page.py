"""The page that redirects the browser: programs of this user get it, others do not."""

from __future__ import annotations

import contextlib
import os
import socket
import sys

import pytest

from ssooidc_login._loopback import redirect_page as module
from ssooidc_login._loopback.redirect_page import owner_of, serve_redirect
from ssooidc_login._loopback.server import Server

URL = "https://oidc.us-east-1.amazonaws.com/authorize?state=canary"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux names the owners of sockets")


def get(address: str, path: str | None = None) -> bytes:
    host, _, own_path = address.removeprefix("http://").partition("/")
    port = int(host.partition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        request = f"GET {path or '/' + own_path} HTTP/1.1\r\nHost: {host}\r\n\r\n"
        sock.sendall(request.encode())
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while data := sock.recv(65536):
                received += data
        return received


def test_this_user_s_browser_is_sent_on() -> None:
    address = serve_redirect(URL)
    assert address is not None
    assert "canary" not in address
    assert get(address, "/other").startswith(b"HTTP/1.1 404 Not Found\r\n")
    answer = get(address)
    assert answer.startswith(b"HTTP/1.1 303 See Other\r\n")
    assert f"\r\nLocation: {URL}\r\n".encode() in answer


def test_connections_that_say_nothing_are_in_nobody_s_way() -> None:
    address = serve_redirect(URL)
    assert address is not None
    port = int(address.split(":")[2].partition("/")[0])
    with socket.create_connection(("127.0.0.1", port), timeout=10):
        assert get(address).startswith(b"HTTP/1.1 303 See Other\r\n")


def test_many_connections_that_say_nothing_cost_the_browser_no_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Linux drops what the queue of a listening socket cannot hold, and the other end tries again after a second."""
    starts: list[Server] = []

    def later(server: Server) -> None:
        starts.append(server)

    monkeypatch.setattr(Server, "start", later)
    address = serve_redirect(URL)
    assert address is not None
    (server,) = starts
    port = int(address.split(":")[2].partition("/")[0])
    with contextlib.ExitStack() as strangers:
        # Nobody accepts them yet, so all of them must fit into the queue; one that does not fit gets no answer at all.
        for _ in range(100):
            _ = strangers.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
        monkeypatch.undo()
        server.start()
        assert get(address).startswith(b"HTTP/1.1 303 See Other\r\n")


def test_another_user_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    address = serve_redirect(URL)
    assert address is not None
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        assert get(address) == b""
    assert get(address).startswith(b"HTTP/1.1 303 See Other\r\n")


def test_who_connects_first_cannot_have_the_url_put_onto_a_command_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A stranger who connects to each new port would otherwise be mistaken for this process's own test connection."""
    connect = socket.create_connection
    with contextlib.ExitStack() as strangers:
        own = []

        def late(address: tuple[str, int], timeout: float) -> socket.socket:
            _ = strangers.enter_context(connect(address, timeout))
            own.append(connect(address, timeout))
            return own[0]

        def owner(connection: socket.socket) -> int:
            is_own = connection.getpeername() == own[0].getsockname()
            return os.geteuid() + (0 if is_own else 1)

        monkeypatch.setattr(socket, "create_connection", late)
        monkeypatch.setattr(module, "_owner", owner)
        assert serve_redirect(URL, seconds=0) is not None


def test_without_the_table_there_is_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TABLES", ())
    assert serve_redirect(URL) is None


def test_elsewhere_there_is_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert serve_redirect(URL) is None


HEADING = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
ROW = "   1: {} {} 01 00000000:00000000 00:00000000 00000000  1000        0 12345 1 0 20 4 30 10 -1"
HERE = "0100007F" if sys.byteorder == "little" else "7F000001"
MAPPED = (
    "0000000000000000FFFF00000100007F"
    if sys.byteorder == "little"
    else "00000000000000000000FFFF7F000001"
)


@pytest.mark.parametrize("here", [HERE, MAPPED], ids=["tcp", "tcp6"])
def test_the_owner_is_the_other_end_s(here: str) -> None:
    ends = (f"{here}:CAFE", f"{here}:20D0")
    table = [HEADING, "", ROW.format(*ends)]
    assert owner_of(table, port=0x20D0, peer_port=0xCAFE) == 1000
    assert owner_of(table, port=0xCAFE, peer_port=0x20D0) is None
    assert owner_of([HEADING], port=0x20D0, peer_port=0xCAFE) is None
