"""No secret gets into a log, or into a traceback that is printed with the locals of the package's frames."""

from __future__ import annotations

import asyncio
import io
import logging
import socket
from collections.abc import Callable

import httpx
import pytest
import rich.console
import rich.traceback

from ssooidc_core import (
    ClientConfig,
    HttpRequest,
    HttpResponse,
    RefreshTokenGrant,
    SecretStr,
    SsoOidcError,
    TransportError,
    create_token,
    run,
)
from ssooidc_core.policies import standard_retry
from ssooidc_transports.httpx import HttpxTransport

Handler = Callable[[socket.socket, bytes], bool]
Serve = Callable[[Handler], str]
Carry = Callable[..., list[HttpResponse | SsoOidcError]]

CONFIG = ClientConfig(region="us-east-1", max_response_bytes=100, read_timeout=5)
GOOD = (
    b"HTTP/1.1 302 canary_reason\r\nSet-Cookie: canary_cookie=1\r\nLocation: /?code=canary_location\r\n"
    b"X-Echo: canary_header\r\nContent-Length: 11\r\n\r\ncanary_body"
)
BROKEN = (
    GOOD.replace(b": 11", b": 99"),
    GOOD.replace(b": 11", b": 999") + b"canary" * 100,
    b"HTTP/1.1 200 OK\r\nSet-Cookie: canary\r\ncanary without a colon\r\n\r\n",
    b"canary\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nLocation: canary\r\nContent-Encoding: gzip\r\n\r\ncanary",
    b"HTTP/1.1 200 OK\r\nLocation: canary\r\nTransfer-Encoding: chunked\r\n\r\n6\r\ncanary\r\ncanary",
)


def secret_request(url: str) -> HttpRequest:
    headers = {
        "Authorization": "canary_authorization",
        "x-amz-sso_bearer_token": "canary_bearer",
        "Cookie": "canary_cookie",
    }
    return HttpRequest("POST", f"{url}/path?query=canary_query", headers, b"canary_request")


def answering(answer: bytes) -> Handler:
    def handle(connection: socket.socket, request: bytes) -> bool:
        connection.sendall(answer)
        return False

    return handle


@pytest.mark.parametrize("answer", [GOOD, *BROKEN])
def test_no_log_record_of_ours_holds_a_secret(
    serve: Serve, carry: Carry, caplog: pytest.LogCaptureFixture, answer: bytes
) -> None:
    caplog.set_level(logging.DEBUG)
    (outcome,) = carry(CONFIG, secret_request(serve(answering(answer))))
    assert "canary" not in caplog.text
    # Other messages are still logged.
    assert "connect_tcp.started host='127.0.0.1'" in caplog.text
    assert "receive_response_headers.started\n" in caplog.text
    if isinstance(outcome, HttpResponse) and outcome.status == 302:
        assert "HTTP Request: POST http://127.0.0.1:" in caplog.text
        assert '/path "HTTP/1.1 302"' in caplog.text


def test_logs_of_others_are_left_alone(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    def handle(connection: socket.socket, request: bytes) -> bool:
        connection.sendall(GOOD)
        return True

    url = serve(handle)
    HttpxTransport(CONFIG).close()
    caplog.set_level(logging.DEBUG)
    with httpx.Client() as client:
        client.get(f"{url}/path?query=theirs")
        assert '/path?query=theirs "HTTP/1.1 302 canary_reason"' in caplog.text
        assert "b'/?code=canary_location'" in caplog.text
        # A given client's messages too, outside of our exchanges; during them, they are filtered like ours.
        caplog.clear()
        HttpxTransport(CONFIG, client=client).send(secret_request(url))
        assert "canary" not in caplog.text
        client.get(f"{url}/path?query=theirs")
        assert '/path?query=theirs "HTTP/1.1 302 canary_reason"' in caplog.text


def printed(error: BaseException) -> str:
    """Format a traceback with every frame and every local variable in full."""
    assert error.__traceback__ is not None
    shown = rich.traceback.Traceback.from_exception(
        type(error),
        error,
        error.__traceback__,
        # As wide as the console: a wrapped line would hide what is looked for, and so would a long path.
        width=None,
        # The lines of this file that are not run have what is looked for in them.
        extra_lines=0,
        show_locals=True,
        locals_max_length=1000,
        locals_max_string=100_000,
        locals_hide_dunder=False,
        locals_hide_sunder=False,
    )
    console = rich.console.Console(file=io.StringIO(), width=1000)
    console.print(shown)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


GRANT = RefreshTokenGrant(
    client_id="id", client_secret=SecretStr("canary_s"), refresh_token=SecretStr("canary_r")
)


@pytest.mark.parametrize("answer", BROKEN)
def test_no_local_variable_of_ours_holds_a_secret(
    serve: Serve, carry: Carry, answer: bytes
) -> None:
    (outcome,) = carry(CONFIG, secret_request(serve(answering(answer))))
    assert isinstance(outcome, TransportError)
    text = printed(outcome)
    assert "ssooidc_transports/httpx/_transports.py" in text
    assert "HttpRequest('POST'" in text
    assert "canary" not in text


def test_no_local_variable_of_a_whole_call_holds_a_secret(serve: Serve) -> None:
    config = ClientConfig(endpoint_url=serve(answering(BROKEN[1])), max_response_bytes=100)
    with (
        HttpxTransport(config, retry_policy=standard_retry(max_attempts=1)) as transport,
        pytest.raises(TransportError) as raised,
    ):
        run(create_token(GRANT), transport)
    text = printed(raised.value)
    assert "ssooidc_transports/httpx/_transports.py" in text
    assert "canary" not in text


@pytest.mark.parametrize("kind", [KeyboardInterrupt, asyncio.CancelledError])
def test_no_local_variable_of_ours_holds_a_secret_where_a_call_is_interrupted(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, kind: type[BaseException]
) -> None:
    def interrupt(response: httpx.Response, chunk_size: int | None = None) -> object:
        yield b"canary_body"
        raise kind

    monkeypatch.setattr(httpx.Response, "iter_raw", interrupt)
    with HttpxTransport(CONFIG) as transport:
        try:
            transport.send(secret_request(serve(answering(GOOD))))
        except kind as error:
            ours = [frame for frame in frames(error) if "ssooidc_transports" in frame[0]]
            text = repr(ours)
        else:
            pytest.fail("it was not interrupted")
    assert "'send'" in text
    assert "canary" not in text


def frames(error: BaseException) -> list[tuple[str, str, dict[str, object]]]:
    found = []
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        found.append((code.co_filename, code.co_name, dict(traceback.tb_frame.f_locals)))
        traceback = traceback.tb_next
    return found
