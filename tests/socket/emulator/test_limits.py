"""`EmulatorServer` in a larger program: limits, certificate, clock, and the loggers of others."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import logging
import socket
import ssl
import sys
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest
import uvicorn

from ssooidc_core import ClientConfig, RegisterClientRequest, TransportError, register_client, run
from ssooidc_emulator import EmulatorServer, IdentityCenter, faults
from ssooidc_emulator import _clocks as clocks
from ssooidc_emulator._clocks import AdjustableClock
from ssooidc_emulator._serving import protocol as http_protocol
from ssooidc_emulator._serving.asgi import asgi_app
from ssooidc_emulator._serving.protocol import HttpProtocol
from ssooidc_emulator.faults import Fault
from ssooidc_transports.httpx import HttpxTransport
from ssooidc_transports.testing import VirtualClock

REGISTER: Final = b'{"clientName":"tool","clientType":"public"}'
UVICORN: Final = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")


@pytest.fixture
def server() -> Generator[EmulatorServer]:
    with EmulatorServer() as started:
        yield started


def connect(server: EmulatorServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def rest(client: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := client.recv(65536):
            received += piece
    return received


def answer_to(client: socket.socket, request: bytes) -> bytes:
    """Send a request to a path that does not exist, and return the complete response."""
    client.sendall(request)
    received = b""
    while not received.endswith(b"\r\n\r\n{}"):
        piece = client.recv(65536)
        if not piece:
            break
        received += piece
    return received


def works(server: EmulatorServer) -> bool:
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    client.request("POST", "/client/register", REGISTER)
    status = client.getresponse().status
    client.close()
    return status == 200


# Limits


def test_a_head_has_little_time(server: EmulatorServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "_SECONDS_FOR_HEAD", 0.3)
    with connect(server) as client:
        client.sendall(b"GET /device HTTP/1.1\r\n")
        # Sending more from time to time does not extend the limit.
        trickle = threading.Event()
        answers: list[bytes] = []
        reader = threading.Thread(target=lambda: answers.append(rest(client)))
        reader.start()
        with contextlib.suppress(OSError):
            while reader.is_alive():
                client.sendall(b"X: y\r\n")
                trickle.wait(0.02)
        reader.join()
    assert answers[0].startswith(b"HTTP/1.1 408 Request Timeout\r\n") or answers == [b""]
    assert works(server)


def test_a_slow_head_is_told(server: EmulatorServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "_SECONDS_FOR_HEAD", 0.1)
    with connect(server) as client:
        client.sendall(b"GET /dev")
        head, _, body = rest(client).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"Content-Length: %d\r\n" % len(body) in head
    assert body == b"The head took too long\n"


def test_so_is_the_second_head_of_a_connection(
    server: EmulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "_SECONDS_FOR_HEAD", 0.1)
    request = f"GET /nothing HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode()
    with connect(server) as client:
        assert answer_to(client, request).startswith(b"HTTP/1.1 404")
        client.sendall(request[:20])
        assert rest(client).startswith(b"HTTP/1.1 408")


def test_a_head_in_pieces_that_ends_in_time(
    server: EmulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "_SECONDS_FOR_HEAD", 0.2)
    request = f"GET /nothing HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode()
    with connect(server) as client:
        for _ in range(2):
            for at in range(0, 60, 20):
                client.sendall(request[at : at + 20])
            assert answer_to(client, request[60:]).startswith(b"HTTP/1.1 404")
            # Between two requests, a connection may be idle for longer.
            threading.Event().wait(0.3)
        assert answer_to(client, request).startswith(b"HTTP/1.1 404")


def test_a_connection_that_says_nothing_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "_SECONDS_FOR_FIRST_BYTE", 0.1)
    with EmulatorServer() as server, connect(server) as client:
        assert rest(client) == b""


def test_only_so_many_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "_MOST_CONNECTIONS", 3)
    with EmulatorServer() as server:
        host = f"Host: 127.0.0.1:{server.port}\r\n\r\n".encode()
        kept = [connect(server) for _ in range(3)]
        for client in kept:
            request = b"GET /nothing HTTP/1.1\r\n" + host
            assert answer_to(client, request).startswith(b"HTTP/1.1 404")
        with connect(server) as refused:
            assert rest(refused) == b""
        kept.pop().close()
        # The server needs some time to notice that a client is gone.
        for _ in range(1000):
            with contextlib.suppress(ConnectionError):
                if works(server):
                    break
        else:
            pytest.fail("no connection became free")
        for client in kept:
            request = b"GET /nothing HTTP/1.1\r\n" + host
            assert answer_to(client, request).startswith(b"HTTP/1.1 404")
            client.close()


# Loggers


def state_of_loggers() -> list[object]:
    loggers = [logging.getLogger(name) for name in UVICORN]
    return [
        (each.level, each.propagate, each.disabled, list(each.handlers), list(each.filters))
        for each in loggers
    ]


def test_the_loggers_of_uvicorn_stay_as_they_are(capfd: pytest.CaptureFixture[str]) -> None:
    access = logging.getLogger("uvicorn.access")
    handler = logging.NullHandler()
    access.addHandler(handler)
    access.setLevel(logging.INFO)
    try:
        before = state_of_loggers()
        with EmulatorServer() as server:
            assert works(server)
            assert state_of_loggers() == before
        assert state_of_loggers() == before
    finally:
        access.removeHandler(handler)
        access.setLevel(logging.NOTSET)
    assert capfd.readouterr() == ("", "")


def test_nothing_is_logged_even_where_everything_would_be(
    caplog: pytest.LogCaptureFixture,
) -> None:
    root = logging.getLogger()
    level = root.level
    with caplog.at_level(1):
        # At such a low level, uvicorn wraps applications in one that logs all headers.
        root.setLevel(1)
        try:
            with EmulatorServer() as server:
                assert works(server)
                with connect(server) as client:
                    client.sendall(b"GARBAGE\r\n\r\n")
                    assert rest(client).startswith(b"HTTP/1.1 400")
        finally:
            root.setLevel(level)
    assert [record.name for record in caplog.records if record.name != "asyncio"] == []


# TLS


def test_https_with_a_certificate_of_its_own() -> None:
    with EmulatorServer(tls=True) as server, EmulatorServer(tls=True) as other:
        assert server.url == f"https://127.0.0.1:{server.port}"
        assert server.ca_pem
        assert other.ca_pem != server.ca_pem
        trusting = ssl.create_default_context(cadata=server.ca_pem)
        for host in ("127.0.0.1", "localhost"):
            with (
                connect(server) as raw,
                trusting.wrap_socket(raw, server_hostname=host) as client,
            ):
                certificate = client.getpeercert()
                assert certificate
                assert certificate["subjectAltName"] == (
                    ("IP Address", "127.0.0.1"),
                    ("DNS", "localhost"),
                )
                head = f"GET /device HTTP/1.1\r\nHost: {host}:{server.port}\r\n"
                client.sendall(f"{head}Connection: close\r\n\r\n".encode())
                assert rest(client).startswith(b"HTTP/1.1 200")
        for context in (
            ssl.create_default_context(),
            ssl.create_default_context(cadata=other.ca_pem),
        ):
            with connect(server) as raw, pytest.raises(ssl.SSLCertVerificationError):
                context.wrap_socket(raw, server_hostname="localhost")


def test_a_client_of_ours_over_https(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EmulatorServer(tls=True) as server:
        authority = tmp_path / "ca.pem"
        authority.write_text(server.ca_pem or "")
        config = ClientConfig(region="us-east-1", endpoint_url=server.url)
        request = RegisterClientRequest(client_name="tool", client_type="public")
        with HttpxTransport(config) as transport, pytest.raises(TransportError):
            run(register_client(request), transport)
        monkeypatch.setenv("AWS_CA_BUNDLE", str(authority))
        with HttpxTransport(config) as transport:
            assert run(register_client(request), transport).client_id
            server.center.script("RegisterClient", faults.connection_reset())
            server.center.script("RegisterClient", faults.body_cut())
            assert run(register_client(request), transport).client_id
        assert [entry.fault for entry in server.center.log.entries()] == [
            None,
            "ConnectionReset",
            "BodyCut",
            None,
        ]


def test_plain_http_at_an_https_port() -> None:
    with EmulatorServer(tls=True) as server, connect(server) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"HTTP/1.1" not in rest(client)


def test_a_missing_trustme_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(ImportError, match=r"ssooidc-core\[emulator\]") as caught:
        EmulatorServer(tls=True)
    assert caught.value.name == "trustme"


# Clock


def registered_at(server: EmulatorServer) -> int:
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    client.request("POST", "/client/register", REGISTER)
    answer = json.loads(client.getresponse().read())
    client.close()
    return int(answer["clientIdIssuedAt"])


def test_the_clock_of_a_test() -> None:
    clock = VirtualClock()
    with EmulatorServer(clock=clock) as movable, EmulatorServer(clock=clock.now) as told:
        first = int(clock.now().wall.timestamp())
        assert registered_at(movable) == registered_at(told) == first
        clock.advance(3600)
        assert registered_at(movable) == registered_at(told) == first + 3600
        assert movable.clock is clock
        assert told.clock is None


def test_the_usual_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = VirtualClock()
    monkeypatch.setattr(clocks, "machine_time", stopped.now)
    with EmulatorServer() as server:
        first = registered_at(server)
        assert first == int(stopped.now().wall.timestamp())
        assert server.clock is not None
        server.clock.advance(90)
        stopped.advance(10)
        assert registered_at(server) == first + 100


@pytest.mark.parametrize("seconds", [-1, -1e-9, float("nan"), float("inf"), 1e9])
def test_a_step_that_no_clock_takes(seconds: float) -> None:
    clock = AdjustableClock()
    with pytest.raises(
        ValueError, match="A clock can only be advanced, by at most ten years in all"
    ):
        clock.advance(seconds)


# Other servers


def served_by(protocol: type[HttpProtocol] | str, center: IdentityCenter, request: bytes) -> bytes:
    """Return the response of uvicorn's own server."""

    async def main() -> bytes:
        config = uvicorn.Config(
            asgi_app(center.handle), http=protocol, lifespan="off", log_config=None
        )
        config.load()
        server = uvicorn.Server(config)
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        serving = asyncio.create_task(server._serve([listener]))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request.replace(b"{port}", str(port).encode()))
        try:
            received = await reader.read()
        except ConnectionResetError:
            received = b"reset"
        writer.close()
        server.should_exit = True
        await serving
        return received

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("fault", "begins", "ends"),
    [
        (faults.connection_reset(), b"HTTP/1.1 500 ", b"EmulatorServer\n"),
        (faults.delay(0.01, faults.connection_reset()), b"HTTP/1.1 500 ", b"EmulatorServer\n"),
        (faults.body_cut(5), b"HTTP/1.1 200 ", b'\r\n\r\n{"aut'),
    ],
)
def test_a_server_that_cannot_reset_does_what_it_can(
    fault: Fault, begins: bytes, ends: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in UVICORN:
        monkeypatch.setattr(logging.getLogger(name), "disabled", True)
    center = IdentityCenter()
    center.script("RegisterClient", fault)
    head = "POST /client/register HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n"
    request = f"{head}Content-Length: {len(REGISTER)}\r\n\r\n".encode() + REGISTER
    received = served_by("h11", center, request)
    assert received.startswith(begins)
    assert received.endswith(ends)


def test_with_our_protocol_uvicorn_can_reset() -> None:
    center = IdentityCenter()
    center.script("RegisterClient", faults.connection_reset())
    head = "POST /client/register HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
    request = f"{head}Content-Length: {len(REGISTER)}\r\n\r\n".encode() + REGISTER
    assert served_by(HttpProtocol, center, request) == b"reset"
