"""Attacks that any server on a shared machine must withstand: rebound host names, invalid requests, slow clients."""

from __future__ import annotations

import http.client
import json
import logging
import re
import socket
from collections.abc import Generator
from typing import Final

import pytest

from ssooidc_emulator import EmulatorServer
from ssooidc_emulator._serving import asgi

REGISTER: Final = b'{"clientName":"tool","clientType":"public"}'
MEGABYTE: Final = 1024 * 1024


@pytest.fixture(scope="module")
def attacked() -> Generator[EmulatorServer]:
    """One server for all tests: it must survive every attack."""
    with EmulatorServer() as started:
        yield started


@pytest.fixture
def server(attacked: EmulatorServer, caplog: pytest.LogCaptureFixture) -> Generator[EmulatorServer]:
    with caplog.at_level(logging.INFO):
        yield attacked
    # Nothing from a client's request is ever logged.
    assert caplog.records == []


def exchange(server: EmulatorServer, data: bytes) -> bytes:
    """Send bytes, and read until the server closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(data)
        received = b""
        while piece := client.recv(65536):
            received += piece
    return received


def statuses(received: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


def ask(server: EmulatorServer, text: str, body: bytes = b"") -> bytes:
    """Send a request with `{port}` replaced and `Connection: close` added."""
    filled = text.replace("{port}", str(server.port)).replace("\n", "\r\n")
    return exchange(server, f"{filled}\r\nConnection: close\r\n\r\n".encode("latin-1") + body)


def handled(server: EmulatorServer) -> int:
    """Return the number of requests that reached the center."""
    return server.center._handled


def works(server: EmulatorServer) -> bool:
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    client.request("POST", "/client/register", REGISTER)
    answer = client.getresponse()
    body = answer.read()
    client.close()
    return answer.status == 200 and "clientId" in json.loads(body)


@pytest.mark.parametrize(
    "host",
    [
        "evil.com",
        "evil.com:{port}",
        "127.0.0.1",
        "localhost",
        "127.0.0.1:1",
        "127.0.0.1:0{port}",
        "127.0.0.1:{port}0",
        "127.0.0.2:{port}",
        "127.1:{port}",
        "2130706433:{port}",
        "0.0.0.0:{port}",
        "[::1]:{port}",
        "127.0.0.1.evil.com:{port}",
        "127.0.0.1:{port}@evil.com",
        "evil.com@127.0.0.1:{port}",
        "localhost.evil.com:{port}",
        "a.localhost:{port}",
        "localhost.:{port}",
        "127.0.0.1:{port}, evil.com",
        "127.0.0.1:{port} evil.com",
        "http://127.0.0.1:{port}",
        "",
    ],
)
def test_other_hosts_are_misdirected(host: str, server: EmulatorServer) -> None:
    before = handled(server)
    for path in ("/device", "/client/register"):
        received = ask(server, f"GET {path} HTTP/1.1\nHost: {host}")
        # A value that is not a host may be refused earlier.
        assert statuses(received) in ([421], [400])
        assert b"clientId" not in received
        assert b"<html" not in received
    assert handled(server) == before


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "LocalHost:{port}"])
def test_our_own_names(host: str, server: EmulatorServer) -> None:
    assert statuses(ask(server, f"GET /device HTTP/1.1\nHost: {host}")) == [200]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("GET / HTTP/1.1\nX: y", 400),
        ("GET / HTTP/1.0\nX: y", 421),
        ("GET / HTTP/1.1\nHost: 127.0.0.1:{port}\nHost: 127.0.0.1:{port}", 400),
        ("GET / HTTP/1.1\nHost: 127.0.0.1:{port}\nHost: evil.com", 400),
        ("GET / HTTP/1.0\nHost: 127.0.0.1:{port}\nHost: evil.com", 400),
        ("GET / HTTP/1.1\nHost: evil.com\nX-Forwarded-Host: 127.0.0.1:{port}", 421),
        ("GET http://evil.com/device HTTP/1.1\nHost: 127.0.0.1:{port}", 400),
        ("GET http://127.0.0.1:{port}/device HTTP/1.1\nHost: evil.com", 421),
        ("GET http://127.0.0.1:{port}@evil.com/device HTTP/1.1\nHost: 127.0.0.1:{port}", 400),
        ("GET http://127.0.0.1:{port} HTTP/1.1\nHost: 127.0.0.1:{port}", 400),
        ("GET @evil.com/device HTTP/1.1\nHost: 127.0.0.1:{port}", 400),
        ("GET [ HTTP/1.1\nHost: 127.0.0.1:{port}", 400),
        ("GET device HTTP/1.1\nHost: 127.0.0.1:{port}", 400),
        # A signature would not cover the fragment.
        ("POST /token?aws_iam=t#a HTTP/1.1\nHost: 127.0.0.1:{port}\nContent-Length: 0", 400),
        ("GET /#/device HTTP/1.1\nHost: 127.0.0.1:{port}", 400),
        ("GET ?user_code=a HTTP/1.1\nHost: 127.0.0.1:{port}", 400),
        ("OPTIONS * HTTP/1.1\nHost: 127.0.0.1:{port}", 400),
        ("CONNECT 127.0.0.1:{port} HTTP/1.1\nHost: 127.0.0.1:{port}", 400),
        ("GET http://127.0.0.1:{port}/device HTTP/1.1\nHost: 127.0.0.1:{port}", 200),
        ("GET //evil.com/device HTTP/1.1\nHost: 127.0.0.1:{port}", 404),
        ("GET /../device HTTP/1.1\nHost: 127.0.0.1:{port}", 404),
        ("GET /%2e%2e/device HTTP/1.1\nHost: 127.0.0.1:{port}", 404),
        ("GET /device%00 HTTP/1.1\nHost: 127.0.0.1:{port}", 404),
        ("GET /device\x00 HTTP/1.1\nHost: 127.0.0.1:{port}", 400),
        ("GET /d\xe9vice HTTP/1.1\nHost: 127.0.0.1:{port}", 400),
        ("GET /device HTTP/1.1\nHost: 127.0.0.1:{port}\nBad Name: x", 400),
        ("GET /device HTTP/1.1\nHost: 127.0.0.1:{port}\nName : x", 400),
        ("GET /device HTTP/1.1\nHost: 127.0.0.1:{port}\nCookie: \xff\xfe", 200),
        ("GARBAGE", 400),
        ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        ("PRI * HTTP/2.0", 421),
    ],
)
def test_odd_requests(text: str, status: int, server: EmulatorServer) -> None:
    assert statuses(ask(server, text)) == [status]
    assert works(server)


def test_an_upgrade_is_not_taken(server: EmulatorServer) -> None:
    upgrade = (
        "GET /device HTTP/1.1\nHost: 127.0.0.1:{port}\nUpgrade: websocket\nConnection: upgrade"
    )
    assert statuses(ask(server, upgrade)) == [200]


@pytest.mark.parametrize("size", [256 * 1024, 256 * 1024 + 1, 4 * MEGABYTE])
@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "evil.com"])
def test_a_large_body_is_read_to_its_end_and_refused(
    size: int, host: str, server: EmulatorServer
) -> None:
    received = ask(
        server, f"POST /token HTTP/1.1\nHost: {host}\nContent-Length: {size}", b"a" * size
    )
    small = size <= 256 * 1024
    expected = (421 if host == "evil.com" else 400) if small else 413
    assert statuses(received) == [expected]
    assert received.lower().count(b"\r\nconnection: close\r\n") == 1
    assert works(server)


def test_after_a_large_body_the_connection_is_closed(server: EmulatorServer) -> None:
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    client.request("POST", "/token", b"a" * MEGABYTE)
    answer = client.getresponse()
    assert (answer.status, answer.read()) == (413, b"The body is too large\n")
    assert client.sock is None
    client.request("POST", "/client/register", REGISTER)
    assert client.getresponse().status == 200
    client.close()


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_a_body_without_end(framing: str, server: EmulatorServer) -> None:
    head = f"POST /token HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
    head += (
        "Content-Length: 99999999999\r\n\r\n"
        if framing == "length"
        else "Transfer-Encoding: chunked\r\n\r\n"
    )
    piece = b"a" * 65536 if framing == "length" else b"10000\r\n" + b"a" * 65536 + b"\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(head.encode())
        with pytest.raises(ConnectionError):
            # The bytes that it reads, and those that fit into both buffers, are fewer.
            client.sendall(piece * 1600)
    assert works(server)


def test_a_slow_body(server: EmulatorServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "_SECONDS_FOR_BODY", 0.2)
    before = handled(server)
    for host in ("127.0.0.1:{port}", "evil.com"):
        text = f"POST /client/register HTTP/1.1\nHost: {host}\nContent-Length: 100"
        received = ask(server, text, b"{")
        assert statuses(received) == [408]
        assert received.endswith(b"The body took too long\n")
    assert handled(server) == before
    assert works(server)


def test_a_client_that_leaves_in_its_body(server: EmulatorServer) -> None:
    before = handled(server)
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        head = (
            f"POST /token HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: 9\r\n\r\n{{"
        )
        client.sendall(head.encode())
    assert works(server)
    assert handled(server) == before + 1


@pytest.mark.parametrize("size", [70_000, 10_000_000])
def test_a_huge_head(size: int, server: EmulatorServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        received = b""
        try:
            client.sendall(b"GET / HTTP/1.1\r\nX: " + b"a" * size)
            while piece := client.recv(65536):
                received += piece
        except ConnectionError:
            pass
    # The response may be lost if the server closes while bytes are unread.
    assert statuses(received) in ([400], [])
    assert works(server)


def test_a_large_head_is_fine(server: EmulatorServer) -> None:
    text = "GET / HTTP/1.1\nHost: 127.0.0.1:{port}\nX: " + "a" * 60_000
    assert statuses(ask(server, text)) == [200]


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        ("Content-Length: 4\nTransfer-Encoding: chunked", b"0\r\n\r\n"),
        ("Transfer-Encoding: chunked\nContent-Length: 4", b"0\r\n\r\n"),
        ("Content-Length: 0\nContent-Length: 40", b""),
        ("Content-Length: 0, 40", b""),
        ("Content-Length: -1", b""),
        ("Content-Length: +1", b"a"),
        ("Content-Length: 0x1", b"a"),
        ("Transfer-Encoding: gzip, chunked", b"0\r\n\r\n"),
        ("Transfer-Encoding: xchunked", b"0\r\n\r\n"),
        ("Transfer-Encoding: chunked\nTransfer-Encoding: chunked", b"0\r\n\r\n"),
        ("Transfer-Encoding: chunked", b"ZZ\r\n"),
        ("Transfer-Encoding: chunked", b"-1\r\n"),
        ("Transfer-Encoding: chunked", b"1\r\naXX0\r\n\r\n"),
    ],
)
def test_bodies_framed_wrongly_smuggle_nothing(
    framing: str, body: bytes, server: EmulatorServer
) -> None:
    inner = f"GET /smuggled HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode()
    head = f"POST /token HTTP/1.1\nHost: 127.0.0.1:{{port}}\n{framing}".replace("\n", "\r\n")
    filled = head.replace("{port}", str(server.port)).encode() + b"\r\n\r\n"
    assert statuses(exchange(server, filled + body + inner))[0] in {400, 501}
    assert "/smuggled" not in [entry.path for entry in server.center.log.entries()]
    assert works(server)


def test_a_body_that_waits_to_be_asked_for(server: EmulatorServer) -> None:
    text = "POST /client/register HTTP/1.1\nHost: 127.0.0.1:{port}\nExpect: 100-continue"
    received = ask(server, f"{text}\nContent-Length: {len(REGISTER)}", REGISTER)
    assert statuses(received)[-1] == 200


def test_many_connections_that_say_nothing(server: EmulatorServer) -> None:
    idle = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(200)]
    for client in idle[:100]:
        client.sendall(b"POST /token HTTP/1.1\r\nHost:")
    assert works(server)
    for client in idle:
        client.close()
    assert works(server)


def test_a_page_elsewhere_gets_nothing(server: EmulatorServer) -> None:
    origin = "\nOrigin: https://evil.com\nSec-Fetch-Site: cross-site"
    preflight = (
        "\nAccess-Control-Request-Method: POST\nAccess-Control-Request-Headers: content-type"
    )
    asked = ask(
        server, "OPTIONS /client/register HTTP/1.1\nHost: 127.0.0.1:{port}" + origin + preflight
    )
    posted = ask(
        server,
        f"POST /client/register HTTP/1.1\nHost: 127.0.0.1:{{port}}\nContent-Length: {len(REGISTER)}"
        + origin,
        REGISTER,
    )
    image = ask(
        server,
        "GET /device?user_code=BBBB-BBBB HTTP/1.1\nHost: 127.0.0.1:{port}\nSec-Fetch-Dest: image"
        + origin,
    )
    assert statuses(asked + posted + image) == [404, 403, 403]
    assert b"access-control" not in (asked + posted + image).lower()


def test_what_a_client_sends_comes_back_in_no_header(server: EmulatorServer) -> None:
    for path in (
        "/device?user_code=%0d%0aX-Evil:%20y",
        "/%0d%0aX-Evil:%20y",
        "/device?a=%0d%0aX-Evil: y",
    ):
        received = ask(
            server,
            f"GET {path} HTTP/1.1\nHost: 127.0.0.1:{{port}}\nCookie: ssooidc_emulator=%0d%0aX-Evil",
        )
        assert b"X-Evil" not in received.partition(b"\r\n\r\n")[0]
