"""`EmulatorServer` from start to end: its address, and that nothing is left of it."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
from collections.abc import Callable, Generator
from typing import Final

import pytest

import ssooidc_emulator
from ssooidc_emulator import EmulatorServer, faults

REGISTER: Final = {"clientName": "tool", "clientType": "public"}

pytestmark = pytest.mark.usefixtures("no_server_stays")


@pytest.fixture
def server() -> Generator[EmulatorServer]:
    with EmulatorServer() as started:
        yield started


def test_a_port_that_is_taken(server: EmulatorServer) -> None:
    with pytest.raises(OSError, match="Address already in use"):
        EmulatorServer(port=server.port)


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",  # noqa: S104
        "::",
        "::1",
        "",
        "127.0.0.2",
        "192.168.0.1",
        "evil.com",
        "a.localhost",
        "localhost.",
        "127.1",
        "localhost\n",
    ],
)
def test_nothing_but_this_machine(host: str) -> None:
    with pytest.raises(ValueError, match=r"can listen on 127\.0\.0\.1 only"):
        EmulatorServer(host=host)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_it_listens_on_the_loopback_interface(host: str) -> None:
    with EmulatorServer(host=host) as server:
        assert server._socket.getsockname() == ("127.0.0.1", server.port)
        assert server.url == f"http://127.0.0.1:{server.port}"


def test_a_request_may_come_before_the_start() -> None:
    server = EmulatorServer()
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        head = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: close\r\n\r\n"
        client.sendall(head.encode())
        server.start()
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
    server.close()


def test_closing() -> None:
    never_started = EmulatorServer()
    never_started.close()
    never_started.close()
    with pytest.raises(RuntimeError, match="This server was closed"):
        never_started.start()
    for _ in range(5):
        server = EmulatorServer()
        server.start()
        server.close()
        server.close()
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", server.port), timeout=20)
    assert server.url == f"http://127.0.0.1:{server.port}"
    with pytest.raises(RuntimeError, match="This server was closed"):
        server.start()
    again = EmulatorServer(port=server.port)
    again.close()


def test_starting_twice(server: EmulatorServer) -> None:
    with pytest.raises(RuntimeError, match="threads can only be started once"):
        server.start()


def test_closing_while_connections_are_open(wait_until: Callable[..., None]) -> None:
    server = EmulatorServer()
    server.start()
    idle, begun, unread = (
        socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(3)
    )
    host = f"Host: 127.0.0.1:{server.port}\r\n".encode()
    begun.sendall(b"GET /device HTTP/1.1\r\n" + host)
    unread.settimeout(0.2)
    # The server stops reading from a client that does not read.
    with pytest.raises(TimeoutError):
        unread.sendall((b"GET /device HTTP/1.1\r\n" + host + b"\r\n") * 1_000_000)
    wait_until(lambda: len(server.center.log) > 10)
    server.close()
    for client in (idle, begun, unread):
        client.close()


def test_closing_while_an_answer_is_held_back(wait_until: Callable[..., None]) -> None:
    server = EmulatorServer()
    server.center.script("RegisterClient", faults.delay(600))
    server.start()
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    client.request("POST", "/client/register", json.dumps(REGISTER))
    wait_until(lambda: len(server.center.log) == 1)
    server.close()
    assert not server._thread.is_alive()
    with contextlib.suppress(ConnectionError, http.client.HTTPException):
        assert client.getresponse().status >= 500
    client.close()


def test_it_works_beside_a_running_event_loop() -> None:
    async def main() -> bytes:
        with EmulatorServer() as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            head = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode())
            received = await reader.read()
            writer.close()
            await writer.wait_closed()
            return received

    assert asyncio.run(main()).startswith(b"HTTP/1.1 200 OK")


def test_the_server_is_imported_when_it_is_asked_for() -> None:
    assert ssooidc_emulator.EmulatorServer is EmulatorServer
    with pytest.raises(AttributeError, match="has no attribute 'NoSuchThing'"):
        ssooidc_emulator.NoSuchThing  # type: ignore[attr-defined]  # noqa: B018 - the text is what counts
