"""TLS: the authorities that own clients trust, one shared context, and the total timeout of a blocking call."""

from __future__ import annotations

import socket
import ssl
import time
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
    Timeout,
)

Handler = Callable[[socket.socket, bytes], bool]
Serve = Callable[[Handler], str]
Carry = Callable[..., list[HttpResponse | SsoOidcError]]


def answer(connection: socket.socket, request: bytes) -> bool:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    return True


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def secure(serve: Callable[..., str], server_context: ssl.SSLContext) -> Serve:
    """Return a function that starts a server for 127.0.0.1 with a certificate of the authority."""
    return lambda handler: serve(handler, server_context)


@pytest.fixture
def bundle(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


def post(url: str) -> HttpRequest:
    return HttpRequest("POST", f"{url}/token", (), b"{}")


CONFIG = ClientConfig(region="us-east-1")


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_bundle_of_the_environment_is_trusted(
    secure: Serve,
    carry: Carry,
    bundle: str,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    monkeypatch.setenv(variable, bundle)
    url = secure(answer)
    good = HttpResponse(200, (("Content-Length", "2"),), b"{}")
    assert carry(CONFIG, post(url), post(url)) == [good, good]


def test_aws_ca_bundle_comes_first(
    secure: Serve,
    carry: Carry,
    bundle: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(other))
    monkeypatch.setenv("SSL_CERT_FILE", bundle)
    (outcome,) = carry(CONFIG, post(secure(answer)))
    assert type(outcome) is ConnectFailed


def test_a_server_that_nobody_vouches_for_gets_nothing(secure: Serve, carry: Carry) -> None:
    seen: list[bytes] = []

    def handle(connection: socket.socket, request: bytes) -> bool:
        seen.append(request)
        return False

    (outcome,) = carry(CONFIG, post(secure(handle)))
    assert type(outcome) is ConnectFailed
    assert str(outcome).startswith("ConnectError: [SSL: CERTIFICATE_VERIFY_FAILED]")
    assert not outcome.may_have_been_sent
    assert outcome.__cause__ is None
    assert outcome.__context__ is None
    assert seen == []


def test_a_certificate_for_another_host_is_refused(
    serve: Callable[..., str],
    carry: Carry,
    authority: trustme.CA,
    bundle: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("oidc.us-east-1.amazonaws.com").configure_cert(context)
    monkeypatch.setenv("AWS_CA_BUNDLE", bundle)
    (outcome,) = carry(CONFIG, post(serve(answer, context)))
    assert type(outcome) is ConnectFailed
    assert not outcome.may_have_been_sent


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_broken_bundle_is_named(
    carry: Carry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "broken.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(path))
    (outcome,) = carry(CONFIG, post("https://127.0.0.1:1"))
    assert type(outcome) is ConfigurationError
    reason = "FileNotFoundError" if content is None else "SSLError"
    assert str(outcome) == (
        f"Invalid Configuration: AWS_CA_BUNDLE names '{path}', "
        f"which cannot be read as a CA bundle ({reason})"
    )
    assert outcome.__context__ is None


def test_one_context_serves_every_transport_and_none_is_made_for_http(
    serve: Serve,
    secure: Serve,
    carry: Carry,
    bundle: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[str | None] = []

    def create(*, cafile: str | None = None, capath: str | None = None) -> ssl.SSLContext:
        made.append(cafile)
        return real(cafile=cafile, capath=capath)

    real = ssl.create_default_context
    monkeypatch.setattr(ssl, "create_default_context", create)
    monkeypatch.setenv("AWS_CA_BUNDLE", bundle)
    plain = serve(answer)
    assert isinstance(carry(CONFIG, post(plain))[0], HttpResponse)
    assert made == []
    url = secure(answer)
    for _ in range(3):
        assert isinstance(carry(CONFIG, post(url))[0], HttpResponse)
    assert made == [bundle]


def test_a_dripping_head_ends_with_the_total_time(
    secure: Serve,
    carry: Carry,
    bundle: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def drip(connection: socket.socket, request: bytes) -> bool:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            connection.sendall(b"y")
            time.sleep(0.01)

    monkeypatch.setenv("AWS_CA_BUNDLE", bundle)
    config = ClientConfig(region="us-east-1", total_timeout=0.5)
    (outcome,) = carry(config, post(secure(drip)))
    assert type(outcome) is Timeout
    assert str(outcome) == "No complete answer within total_timeout (0.5 s)"
    assert outcome.may_have_been_sent


def test_a_handshake_that_never_ends_sends_nothing(carry: Carry) -> None:
    # The system accepts the connection, but no process reads the client's greeting.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        for limit in ("connect_timeout", "total_timeout"):
            config = ClientConfig(region="us-east-1", **{limit: 0.1})  # type: ignore[arg-type]
            (outcome,) = carry(config, post(url))
            assert type(outcome) is Timeout, limit
            assert not outcome.may_have_been_sent, limit
