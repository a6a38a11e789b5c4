"""What a given client does to a request and a response, and the error for each of its failures."""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Protocol

import httpx
import pytest

from ssooidc_core import (
    ClientConfig,
    ConfigurationError,
    ConnectFailed,
    ConnectionLost,
    HttpRequest,
    HttpResponse,
    ResponseTooLarge,
    Timeout,
    TransportError,
)
from ssooidc_transports.httpx import AsyncHttpxTransport, HttpxTransport

Handle = Callable[[httpx.Request], httpx.Response]


class Send(Protocol):
    library: ModuleType

    def __call__(
        self, handle: Handle, request: HttpRequest, config: ClientConfig, **settings: object
    ) -> HttpResponse: ...


CONFIG = ClientConfig(region="us-east-1", max_response_bytes=100)
URL = "https://oidc.us-east-1.amazonaws.com/token"
ON_THE_WAY = "(connecting to oidc.us-east-1.amazonaws.com)"
TOKEN = HttpRequest("POST", URL, (("Content-Type", "application/json"),), b"secret canary")


def test_nothing_of_the_clients_own_gets_into_a_request(send: Send) -> None:
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        answer: httpx.Response = send.library.Response(
            302, headers=[("Location", "/elsewhere"), ("Set-Cookie", "a=b")]
        )
        return answer

    answer = send(
        handle,
        TOKEN,
        CONFIG,
        auth=("user", "password"),
        headers={"User-Agent": "theirs", "X-Theirs": "x"},
        params={"theirs": "1"},
        cookies={"theirs": "1"},
        follow_redirects=True,
        base_url="https://example.com/base/",
        timeout=None,
    )
    assert answer == HttpResponse(302, (("Location", "/elsewhere"), ("Set-Cookie", "a=b")))
    (request,) = seen
    assert str(request.url) == URL
    assert request.content == b"secret canary"
    assert request.headers.raw == [
        (b"Host", b"oidc.us-east-1.amazonaws.com"),
        (b"Content-Type", b"application/json"),
        (b"Accept-Encoding", b"identity"),
        (b"Content-Length", b"13"),
    ]
    assert request.extensions["timeout"] == {"connect": 10, "read": 30, "write": 30, "pool": 30}


def test_header_fields_of_the_request_come_first(send: Send) -> None:
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        answer: httpx.Response = send.library.Response(200)
        return answer

    own = (("Host", "example.com"), ("ACCEPT-encoding", "gzip"))
    send(handle, HttpRequest("GET", URL, own), CONFIG)
    assert seen[0].headers.raw == [(b"Host", b"example.com"), (b"ACCEPT-encoding", b"gzip")]


def test_no_phase_may_take_longer_than_the_whole(send: Send) -> None:
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        answer: httpx.Response = send.library.Response(200)
        return answer

    config = ClientConfig(region="us-east-1", total_timeout=20, connect_timeout=5)
    send(handle, TOKEN, config)
    assert seen[0].extensions["timeout"] == {"connect": 5, "read": 20, "write": 20, "pool": 20}


def test_hooks_see_the_request_and_the_answer(send: Send) -> None:
    seen: list[object] = []

    def handle(request: httpx.Request) -> httpx.Response:
        answer: httpx.Response = send.library.Response(200, content=b"{}")
        return answer

    answer = send(
        handle,
        TOKEN,
        CONFIG,
        event_hooks={
            "request": [lambda request: seen.append(request.content)],
            "response": [lambda response: seen.append(response.status_code)],
        },
    )
    assert seen == [b"secret canary", 200]
    assert answer.body == b"{}"


def test_an_answer_that_a_hook_has_read_is_bounded_too(library: ModuleType) -> None:
    content = [b"{}"]

    def handle(request: httpx.Request) -> httpx.Response:
        answer: httpx.Response = library.Response(200, content=iter(content))
        return answer

    mock = library.MockTransport(handle)
    hooks = {"response": [lambda response: response.read()]}
    with library.Client(transport=mock, event_hooks=hooks) as client:
        transport = HttpxTransport(CONFIG, client=client)
        assert transport.send(TOKEN).body == b"{}"
        content[:] = [bytes(101)]
        with pytest.raises(ResponseTooLarge):
            transport.send(TOKEN)


@pytest.mark.parametrize("event", ["request", "response"])
def test_a_hook_that_raises(send: Send, event: str) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        answer: httpx.Response = send.library.Response(200)
        return answer

    def fail(_: object) -> None:
        message = "canary"
        raise LookupError(message)

    with pytest.raises(TransportError) as raised:
        send(handle, TOKEN, CONFIG, event_hooks={event: [fail]})
    assert str(raised.value) == "LookupError"
    assert raised.value.may_have_been_sent
    assert raised.value.__context__ is None


@pytest.mark.parametrize(
    ("name", "kind", "text", "sent"),
    [
        ("ConnectError", ConnectFailed, f"ConnectError: text {ON_THE_WAY}", False),
        ("ConnectTimeout", Timeout, f"ConnectTimeout {ON_THE_WAY}", False),
        ("PoolTimeout", Timeout, "PoolTimeout", False),
        ("ProxyError", ConnectFailed, "ProxyError: text", False),
        ("UnsupportedProtocol", TransportError, "UnsupportedProtocol", False),
        ("LocalProtocolError", TransportError, "LocalProtocolError", False),
        ("ReadTimeout", Timeout, "ReadTimeout", True),
        ("WriteTimeout", Timeout, "WriteTimeout", True),
        ("ReadError", ConnectionLost, "ReadError", True),
        ("WriteError", ConnectionLost, "WriteError", True),
        ("CloseError", ConnectionLost, "CloseError", True),
        ("NetworkError", ConnectionLost, "NetworkError", True),
        ("RemoteProtocolError", ConnectionLost, "RemoteProtocolError", True),
        ("DecodingError", TransportError, "DecodingError", True),
        ("TooManyRedirects", TransportError, "TooManyRedirects", True),
        ("CookieConflict", TransportError, "CookieConflict", True),
        ("StreamError", TransportError, "StreamError", True),
        ("InvalidURL", TransportError, "InvalidURL", False),
    ],
)
def test_each_error_of_the_library(
    send: Send, name: str, kind: type[TransportError], text: str, *, sent: bool
) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        message = "text"
        raise getattr(send.library, name)(message)

    check_failure(send, handle, kind, text, sent=sent)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError("text"), ConnectionLost),
        (ConnectionResetError("text"), ConnectionLost),
        (ssl.SSLError("text"), ConnectionLost),
        (TimeoutError("text"), Timeout),
        (RuntimeError("text"), TransportError),
        (ExceptionGroup("text", [ValueError("text")]), TransportError),
        (StopIteration("text"), TransportError),
        (MemoryError("text"), TransportError),
    ],
)
def test_each_error_of_others(send: Send, error: Exception, kind: type[TransportError]) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        raise error

    name = "RuntimeError" if isinstance(error, StopIteration) else type(error).__name__
    texts = {name, type(error).__name__}
    with pytest.raises(TransportError) as raised:
        send(handle, TOKEN, CONFIG)
    assert type(raised.value) is kind
    assert str(raised.value) in texts
    assert raised.value.may_have_been_sent


def check_failure(
    send: Send, handle: Handle, kind: type[TransportError], text: str, *, sent: bool
) -> None:
    with pytest.raises(TransportError) as raised:
        send(handle, TOKEN, CONFIG)
    assert type(raised.value) is kind
    assert str(raised.value) == text
    assert raised.value.may_have_been_sent is sent
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


def test_a_connection_error_behind_a_request_that_was_sent(send: Send) -> None:
    """Some transports retry by themselves: a failed connection of the last try does not mean that nothing was sent."""

    def handle(request: httpx.Request) -> httpx.Response:
        assert b"".join(request.stream) == b"secret canary"  # type: ignore[arg-type]
        message = "text"
        raise send.library.ConnectError(message)

    check_failure(send, handle, ConnectionLost, "ConnectError", sent=True)


def test_texts_are_printable_bounded_and_without_passwords(send: Send) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        message = "no way to http://user:canary@proxy:1/ \x1b[31m\n" + "x" * 10_000
        raise send.library.ConnectError(message)

    with pytest.raises(ConnectFailed) as raised:
        send(handle, TOKEN, CONFIG)
    assert str(raised.value).startswith(
        "ConnectError: no way to http://**********@proxy:1/ [31m xxx"
    )
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest("POST", "https://host:canary/", (), b"{}"),
        HttpRequest("POST", URL, (("x-amz-sso_bearer_token", "canary\udc80"),), b"{}"),
        HttpRequest("POST", URL, (("x-amz-sso_bearer_token", "canary\xe9"),), b"{}"),
    ],
)
def test_what_cannot_be_sent_is_not_quoted(send: Send, request_: HttpRequest) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        raise AssertionError

    with pytest.raises(TransportError) as raised:
        send(handle, request_, CONFIG)
    assert str(raised.value) in {"InvalidURL", "UnicodeEncodeError"}
    assert not raised.value.may_have_been_sent
    assert raised.value.__context__ is None


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_what_is_no_exception_passes(library: ModuleType, error: type[BaseException]) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        raise error

    with library.Client(transport=library.MockTransport(handle)) as client:
        transport = HttpxTransport(CONFIG, client=client)
        with pytest.raises(error):
            transport.send(TOKEN)


def test_a_given_client_stays_open(library: ModuleType) -> None:
    mock = library.MockTransport(lambda _: library.Response(200))

    async def use() -> bool:
        async with library.AsyncClient(transport=mock) as client:
            async with AsyncHttpxTransport(CONFIG, client=client) as transport:
                await transport.asend(TOKEN)
            return bool(client.is_closed)

    assert asyncio.run(use()) is False
    with library.Client(transport=mock) as client:
        with HttpxTransport(CONFIG, client=client) as transport:
            transport.send(TOKEN)
        assert not client.is_closed


def test_a_given_client_that_is_closed(library: ModuleType) -> None:
    client = library.Client(transport=library.MockTransport(lambda _: library.Response(200)))
    client.close()
    with pytest.raises(
        ConfigurationError, match=r"^The client that the transport was given is closed$"
    ):
        HttpxTransport(CONFIG, client=client).send(TOKEN)


def test_a_client_of_the_wrong_kind_is_refused(library: ModuleType) -> None:
    with library.Client() as client:
        with pytest.raises(ConfigurationError) as raised:
            AsyncHttpxTransport(CONFIG, client=client)
        assert str(raised.value) == (
            "The client must be an httpx.AsyncClient or httpx2.AsyncClient, not Client"
        )
    with pytest.raises(ConfigurationError) as raised:
        HttpxTransport(CONFIG, client=library.AsyncClient())
    assert (
        str(raised.value) == "The client must be an httpx.Client or httpx2.Client, not AsyncClient"
    )


def test_a_subclass_is_a_client_too(library: ModuleType) -> None:
    class Mine(library.Client):  # type: ignore[name-defined,misc]
        pass

    mock = library.MockTransport(lambda _: library.Response(200))
    with Mine(transport=mock) as client:
        assert HttpxTransport(CONFIG, client=client).send(TOKEN) == HttpResponse(200)


@pytest.mark.parametrize("make", [HttpxTransport, AsyncHttpxTransport])
def test_without_a_library_the_extras_are_named(
    monkeypatch: pytest.MonkeyPatch, make: Callable[[ClientConfig], object]
) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(ImportError) as raised:
        make(CONFIG)
    assert str(raised.value) == (
        'This transport needs httpx or httpx2: pip install "ssooidc-core[httpx]" '
        'or pip install "ssooidc-core[httpx2]"'
    )


def test_own_clients_keep_no_cookies(library: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    if library.__name__ == "httpx2":
        monkeypatch.setitem(sys.modules, "httpx", None)
    answer = library.Response(200, headers={"Set-Cookie": "a=b"})
    make = library.Client

    def with_mock(**settings: object) -> object:
        made.append(make(transport=library.MockTransport(lambda _: answer), **settings))
        return made[-1]

    made: list[httpx.Client] = []
    with HttpxTransport(CONFIG) as transport:
        monkeypatch.setattr(transport, "_library", Library(transport, with_mock))
        assert transport.send(TOKEN).headers["set-cookie"] == "a=b"
        assert dict(made[0].cookies) == {}
    assert made[0].is_closed


class Library:
    """A library whose clients are constructed differently."""

    def __init__(self, transport: HttpxTransport, make: Callable[..., object]) -> None:
        self.real = transport._library
        self.client_type = make

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)
