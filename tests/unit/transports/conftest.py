"""Clients of both HTTP libraries, blocking and asynchronous, as one parametrized fixture; cassettes."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Protocol, cast

import httpx
import pytest
import trio

from ssooidc_core import ClientConfig, HttpRequest, HttpResponse, TransportError
from ssooidc_transports.cassettes import RecordingTransport
from ssooidc_transports.httpx import AsyncHttpxTransport, HttpxTransport
from ssooidc_transports.testing import ScriptedTransport

Handle = Callable[[httpx.Request], httpx.Response]


class Send(Protocol):
    """Sends a request through a new client of the kind and library, with these settings."""

    library: ModuleType

    def __call__(
        self, handle: Handle, request: HttpRequest, config: ClientConfig, **settings: object
    ) -> HttpResponse: ...


class Sender:
    def __init__(self, library: ModuleType, driver: str) -> None:
        self.library = library
        self.driver = driver

    def __call__(
        self, handle: Handle, request: HttpRequest, config: ClientConfig, **settings: object
    ) -> HttpResponse:
        mock = self.library.MockTransport(handle)
        if self.driver == "blocking":
            with self.library.Client(transport=mock, **settings) as client:
                return HttpxTransport(config, client=cast("httpx.Client", client)).send(request)
        hooks = cast("dict[str, list[Callable[[object], None]]]", settings.pop("event_hooks", {}))
        settings["event_hooks"] = {
            event: [awaitable(hook) for hook in those] for event, those in hooks.items()
        }

        async def use() -> HttpResponse:
            async with self.library.AsyncClient(transport=mock, **settings) as client:
                transport = AsyncHttpxTransport(config, client=cast("httpx.AsyncClient", client))
                return await transport.asend(request)

        return asyncio.run(use()) if self.driver == "asyncio" else trio.run(use)


def awaitable(hook: Callable[[object], None]) -> Callable[[object], object]:
    async def call(what: object) -> None:
        # The responses of MockTransport are already read.
        hook(what)

    return call


@pytest.fixture(params=["httpx", "httpx2"])
def library(request: pytest.FixtureRequest) -> ModuleType:
    """Return the module of a library."""
    return importlib.import_module(request.param)


@pytest.fixture(params=["blocking", "asyncio", "trio"])
def send(request: pytest.FixtureRequest, library: ModuleType) -> Send:
    """Return a function that sends through a given client."""
    return Sender(library, request.param)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of the test's cassette."""
    return tmp_path / "cassette.json"


Record = Callable[..., ScriptedTransport]


@pytest.fixture
def record(path: Path) -> Record:
    """Return a function that records one exchange per outcome: `record(reply(200), Timeout("..."), request=...)`."""

    def call(
        *outcomes: HttpResponse | BaseException, request: HttpRequest | None = None
    ) -> ScriptedTransport:
        inner = ScriptedTransport(outcomes)
        transport = RecordingTransport(inner, path)
        url = "https://oidc.us-east-1.amazonaws.com/token"
        for _ in outcomes:
            with contextlib.suppress(TransportError):
                transport.send(request or HttpRequest("POST", url))
        return inner

    return call
