"""Ctrl-C at every call below `send` and `asend`: no frame has a local variable with the body or the bearer token."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

import httpx
import pytest

from ssooidc_core import ClientConfig, HttpRequest
from ssooidc_transports.httpx import AsyncHttpxTransport, HttpxTransport

Count: TypeAlias = Callable[[Callable[[], object], str], int]

# One that strikes in a generator which is being dropped.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

CONFIG = ClientConfig(region="us-east-1")
URL = "https://portal.sso.us-east-1.amazonaws.com/logout"
REQUEST = HttpRequest("POST", URL, {"x-amz-sso_bearer_token": "canary"}, b"canary")
MOCK = httpx.MockTransport(lambda _: httpx.Response(200, content=b"canary"))


def test_blocking(count_interrupted: Count) -> None:
    with httpx.Client(transport=MOCK) as client:
        transport = HttpxTransport(CONFIG, client=client)
        assert count_interrupted(lambda: transport.send(REQUEST), "_attempt") > 100


def test_in_an_event_loop(count_interrupted: Count) -> None:
    client = httpx.AsyncClient(transport=MOCK)
    transport = AsyncHttpxTransport(CONFIG, client=client)

    async def work() -> None:
        _ = await transport.asend(REQUEST)

    with asyncio.Runner() as runner:
        assert count_interrupted(lambda: runner.run(work()), "_exchange") > 50
        runner.run(client.aclose())


def test_the_context_is_dropped() -> None:
    def strike(_request: httpx.Request) -> httpx.Response:
        try:
            _ = int(REQUEST.body)
        except ValueError:
            raise KeyboardInterrupt from None
        return httpx.Response(200)

    with (
        httpx.Client(transport=httpx.MockTransport(strike)) as client,
        pytest.raises(KeyboardInterrupt) as caught,
    ):
        _ = HttpxTransport(CONFIG, client=client).send(REQUEST)
    assert caught.value.__context__ is None
