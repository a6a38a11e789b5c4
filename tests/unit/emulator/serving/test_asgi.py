"""The ASGI application without a server, and the error if an extra is missing."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, MutableMapping
from typing import Any, TypeAlias

import pytest

from ssooidc_core import HttpResponse
from ssooidc_emulator import IdentityCenter
from ssooidc_emulator._pages.rendering import _templates
from ssooidc_emulator._serving.asgi import asgi_app

Message: TypeAlias = MutableMapping[str, object]


def scope(**changes: object) -> Message:
    usual: Message = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "server": ("127.0.0.1", 80),
        "raw_path": b"/device",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")],
    }
    usual.update(changes)
    return usual


def answer(scope: Message, *received: Message) -> list[Message]:
    """Return the messages that the application sends for a request that arrives in these messages."""
    messages: list[Message] = list(received) or [{"type": "http.request"}]
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(_run(scope, receive, send))
    return sent


async def _run(scope: Message, receive: Callable[[], Any], send: Callable[[Message], Any]) -> None:
    await asgi_app(IdentityCenter().handle)(scope, receive, send)


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
def test_other_kinds_of_scopes_are_left_alone(kind: str) -> None:
    assert answer({"type": kind}) == []


@pytest.mark.parametrize(
    ("host", "port", "status"),
    [
        (b"127.0.0.1", 80, 200),
        (b"localhost", 80, 200),
        (b"127.0.0.1:80", 80, 200),
        (b"127.0.0.1", 8080, 421),
        (b"evil.com", 80, 421),
        (b"127.0.0.1:8080", 80, 421),
    ],
)
def test_the_port_is_left_out_of_a_host_only_where_it_is_the_usual_one(
    host: bytes, port: int, status: int
) -> None:
    sent = answer(scope(headers=[(b"host", host)], server=("127.0.0.1", port)))
    assert sent[0]["status"] == status


@pytest.mark.parametrize("headers", [[], [(b"host", b"localhost"), (b"host", b"localhost")]])
def test_there_is_one_host(headers: list[tuple[bytes, bytes]]) -> None:
    assert answer(scope(headers=headers))[0]["status"] == 421


def test_a_client_that_goes_while_it_sends() -> None:
    gone: Message = {"type": "http.disconnect"}
    piece: Message = {"type": "http.request", "body": b"{", "more_body": True}
    assert answer(scope(method="POST", raw_path=b"/token"), piece, gone)[0]["status"] == 413


def test_a_missing_joserfc_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "joserfc", None)
    with pytest.raises(ImportError, match=r"ssooidc-core\[emulator\]") as caught:
        IdentityCenter()
    assert caught.value.name == "joserfc"


def test_a_missing_jinja2_is_named(
    monkeypatch: pytest.MonkeyPatch, ask: Callable[..., HttpResponse], center: IdentityCenter
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    _templates.cache_clear()
    with pytest.raises(ImportError, match=r"ssooidc-core\[emulator\]") as caught:
        ask(center, "/", method="GET")
    assert caught.value.name == "jinja2"
