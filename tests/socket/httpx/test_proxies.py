"""Proxies of the environment are used for the service and not for this machine, and no text has their passwords."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from ssooidc_core import (
    ClientConfig,
    ConfigurationError,
    ConnectFailed,
    HttpRequest,
    HttpResponse,
    SsoOidcError,
)

Handler = Callable[[socket.socket, bytes], bool]
Serve = Callable[..., str]
Carry = Callable[..., list[HttpResponse | SsoOidcError]]

HOST = "oidc.us-east-1.amazonaws.com"
CONFIG = ClientConfig(region="us-east-1")
TOKEN = HttpRequest("POST", f"https://{HOST}/token", (), b'{"secret": "canary"}')
GOOD = HttpResponse(200, (("Content-Length", "2"),), b"{}")


def answer(connection: socket.socket, request: bytes) -> bool:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    return True


def pipe(one: socket.socket, other: socket.socket) -> None:
    while True:
        readable, _, _ = select.select([one, other], [], [])
        for each in readable:
            data = each.recv(65536)
            if not data:
                return
            (other if each is one else one).sendall(data)


class Tunnel:
    """A proxy that forwards every CONNECT to one server, and records the requests."""

    def __init__(self, url: str) -> None:
        self.port = int(url.rpartition(":")[2])
        self.seen: list[bytes] = []

    def __call__(self, connection: socket.socket, request: bytes) -> bool:
        self.seen.append(request)
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with (
            socket.create_connection(("127.0.0.1", self.port)) as onward,
            contextlib.suppress(OSError),
        ):
            pipe(connection, onward)
        return False


@pytest.fixture
def service(serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Start a server with the service's certificate, and trust its issuer."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST, "localhost").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    return serve(answer, context)


def test_https_goes_through_the_proxy_and_stays_secret(
    serve: Serve, carry: Carry, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tunnel = Tunnel(service)
    proxy = serve(tunnel).replace("http://", "http://user:pass@")
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    assert carry(CONFIG, TOKEN, TOKEN) == [GOOD, GOOD]
    (connect,) = tunnel.seen
    assert connect.startswith(f"CONNECT {HOST}:443 HTTP/1.1\r\n".encode())
    assert b"\r\nProxy-Authorization: Basic dXNlcjpwYXNz\r\n" in connect
    assert b"canary" not in connect


def test_this_machine_is_reached_without_a_proxy(
    serve: Serve, carry: Carry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(connection: socket.socket, request: bytes) -> bool:
        seen.append(request)
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        return False

    seen: list[bytes] = []
    proxy = serve(refuse)
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy)
    url = serve(answer)
    port = url.rpartition(":")[2]
    for host in ("127.0.0.1", "localhost"):
        assert carry(CONFIG, HttpRequest("POST", f"http://{host}:{port}/token")) == [GOOD]
    assert seen == []


def test_no_proxy_is_heeded(serve: Serve, carry: Carry, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(connection: socket.socket, request: bytes) -> bool:
        seen.append(request)
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        return False

    seen: list[bytes] = []
    monkeypatch.setenv("HTTPS_PROXY", serve(refuse))
    request = HttpRequest("POST", "https://oidc.test.invalid/token", (), b"{}")
    (through,) = carry(CONFIG, request)
    assert isinstance(through, ConnectFailed)
    assert str(through) == "ProxyError: 403 Forbidden"
    assert len(seen) == 1
    monkeypatch.setenv("NO_PROXY", "example.com,test.invalid")
    (direct,) = carry(CONFIG, request)
    assert isinstance(direct, ConnectFailed)
    assert "ProxyError" not in str(direct)
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("refusal", "text"),
    [
        (b"407 Proxy Authentication Required", "ProxyError: 407 Proxy Authentication Required"),
        (b"502 \x9b31mred", "ProxyError: 502 31mred"),
    ],
)
def test_a_proxy_that_refuses_means_that_nothing_was_sent(
    serve: Serve, carry: Carry, monkeypatch: pytest.MonkeyPatch, refusal: bytes, text: str
) -> None:
    def refuse(connection: socket.socket, request: bytes) -> bool:
        connection.sendall(b"HTTP/1.1 " + refusal + b"\r\nContent-Length: 0\r\n\r\n")
        return False

    monkeypatch.setenv("HTTPS_PROXY", serve(refuse).replace("//", "//user:canary@"))
    (outcome,) = carry(CONFIG, TOKEN)
    assert isinstance(outcome, SsoOidcError)
    assert str(outcome) == text
    assert outcome.may_have_been_sent is False  # type: ignore[attr-defined]


def test_a_proxy_that_is_not_there(carry: Carry, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:canary@127.0.0.1:{port}")
    (outcome,) = carry(CONFIG, TOKEN)
    assert type(outcome) is ConnectFailed
    assert str(outcome).startswith("ConnectError: ")
    assert "canary" not in str(outcome)
    assert not outcome.may_have_been_sent


@pytest.mark.parametrize(
    ("proxy", "reason"),
    [
        ("http://user:can/ary@proxy.invalid:8080", "InvalidURL"),
        ("ftp://user:canary@proxy.invalid", "ValueError"),
    ],
)
def test_an_unusable_proxy_is_a_configuration_error_without_its_password(
    carry: Carry, monkeypatch: pytest.MonkeyPatch, proxy: str, reason: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    (outcome,) = carry(CONFIG, TOKEN)
    assert type(outcome) is ConfigurationError
    assert str(outcome) == (
        "Invalid Configuration: HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names a proxy that cannot be used "
        f"({reason})"
    )
    assert outcome.__cause__ is None
    assert outcome.__context__ is None
