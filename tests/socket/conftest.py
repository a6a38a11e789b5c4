"""A scripted server on 127.0.0.1, and every kind of this project's transports as one parametrized fixture."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Generator
from typing import TypeAlias

import pytest
import trio

from ssooidc_core import ClientConfig, HttpRequest, HttpResponse, SsoOidcError
from ssooidc_transports.httpx import AsyncHttpxTransport, HttpxTransport

Handler: TypeAlias = Callable[[socket.socket, bytes], bool]
"""Answers one request on a connection; true where the connection stays open for another."""

Outcome: TypeAlias = HttpResponse | SsoOidcError


class Server:
    """Accepts connections, each in a thread, and passes every complete request to a handler."""

    def __init__(self, handler: Handler, context: ssl.SSLContext | None) -> None:
        self.context = context
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.handler = handler
        self.open: list[socket.socket] = []
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    @property
    def url(self) -> str:
        scheme = "http" if self.context is None else "https"
        return f"{scheme}://127.0.0.1:{self.listener.getsockname()[1]}"

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(connection)
            talk = threading.Thread(target=self.talk, args=(connection,))
            self.threads.append(talk)
            talk.start()

    def talk(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            if self.context is None:
                self.converse(connection)
            else:
                with self.context.wrap_socket(connection, server_side=True) as secured:
                    self.open.append(secured)
                    self.converse(secured)

    def converse(self, connection: socket.socket) -> None:
        while (request := self.read(connection)) and self.handler(connection, request):
            pass

    def read(self, connection: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return b""
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        lengths = [
            int(line.partition(b":")[2])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        ]
        while lengths and len(body) < lengths[0]:
            piece = connection.recv(65536)
            if not piece:
                return b""
            body += piece
        return head + b"\r\n\r\n" + body

    def close(self) -> None:
        # `shutdown` wakes up an `accept` or a `recv` that waits in another thread.
        for each in (self.listener, *self.open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join()


@pytest.fixture
def serve() -> Generator[Callable[..., str]]:
    """Return a function that starts a server, with or without TLS, and returns its URL."""
    servers: list[Server] = []

    def start(handler: Handler, context: ssl.SSLContext | None = None) -> str:
        servers.append(Server(handler, context))
        return servers[-1].url

    yield start
    for server in servers:
        server.close()


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset this machine's proxies and CA bundles."""
    for name in os.environ:
        if name.lower().endswith("_proxy") or name in {
            "AWS_CA_BUNDLE",
            "SSL_CERT_FILE",
            "SSL_CERT_DIR",
        }:
            monkeypatch.delenv(name)


@pytest.fixture(params=["httpx", "httpx2"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of the library that own clients are made with."""
    name: str = request.param
    if name == "httpx2":
        # As if it were not installed.
        monkeypatch.setitem(sys.modules, "httpx", None)
    return name


def send_all(config: ClientConfig, requests: tuple[HttpRequest, ...]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    with HttpxTransport(config) as transport:
        for request in requests:
            try:
                outcomes.append(transport.send(request))
            except SsoOidcError as error:
                outcomes.append(error)
    return outcomes


async def asend_all(config: ClientConfig, requests: tuple[HttpRequest, ...]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    async with AsyncHttpxTransport(config) as transport:
        for request in requests:
            try:
                outcomes.append(await transport.asend(request))
            except SsoOidcError as error:
                outcomes.append(error)
    return outcomes


@pytest.fixture(params=["blocking", "asyncio", "trio"])
def carry(request: pytest.FixtureRequest, library: str) -> Callable[..., list[Outcome]]:
    """Return a function that sends requests one after the other through one transport of the kind and library."""

    def through(config: ClientConfig, *requests: HttpRequest) -> list[Outcome]:
        if request.param == "blocking":
            return send_all(config, requests)
        if request.param == "asyncio":
            return asyncio.run(asend_all(config, requests))
        return trio.run(asend_all, config, requests)

    return through


@pytest.fixture
def no_server_stays() -> Generator[None]:
    """Check that no thread of an `EmulatorServer` survives a test, and that no socket is left to the collector."""
    # Existing objects are excluded: collecting them takes most of a second.
    gc.freeze()
    yield
    gc.collect()
    gc.unfreeze()
    names = [thread.name for thread in threading.enumerate()]
    assert "ssooidc-emulator" not in names


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool]], None]:
    """Return a function that waits for a condition that another thread will fulfil."""

    def wait(condition: Callable[[], bool]) -> None:
        for _ in range(2000):
            if condition():
                return
            time.sleep(0.005)
        pytest.fail("the condition was not met in time")

    return wait
