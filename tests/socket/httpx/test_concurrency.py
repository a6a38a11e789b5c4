"""Many threads and tasks on one transport, cancellations, and event loops."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import trio

from ssooidc_core import (
    ClientConfig,
    ConfigurationError,
    HttpRequest,
    HttpResponse,
    Timeout,
    TransportError,
)
from ssooidc_transports.httpx import AsyncHttpxTransport, HttpxTransport

Handler = Callable[[socket.socket, bytes], bool]
Serve = Callable[[Handler], str]

pytestmark = pytest.mark.usefixtures("library")
CONFIG = ClientConfig(region="us-east-1")


def echo(connection: socket.socket, request: bytes) -> bool:
    """Return the request's own body, so that a mixed-up response is detected."""
    body = request.partition(b"\r\n\r\n")[2]
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    return True


class Gauge:
    """Echoes requests, and counts connections."""

    def __init__(self) -> None:
        self.connections: set[socket.socket] = set()

    def __call__(self, connection: socket.socket, request: bytes) -> bool:
        self.connections.add(connection)
        return echo(connection, request)


def post(url: str, number: int) -> HttpRequest:
    return HttpRequest("POST", f"{url}/token", (), str(number).encode())


def test_twenty_threads_share_a_transport(serve: Serve) -> None:
    url = serve(echo)
    with HttpxTransport(CONFIG) as transport, ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda number: transport.send(post(url, number)), range(400)))
    assert [answer.body for answer in answers] == [str(number).encode() for number in range(400)]


async def ask_many(url: str, tasks: int) -> list[bytes]:
    bodies = [b""] * tasks

    async def ask(number: int) -> None:
        bodies[number] = (await transport.asend(post(url, number))).body

    # A slow machine must not fail the test: the last of a thousand may wait for minutes.
    patient = ClientConfig(region="us-east-1", pool_timeout=100, total_timeout=110)
    async with AsyncHttpxTransport(patient) as transport:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            async with trio.open_nursery() as nursery:
                for number in range(tasks):
                    nursery.start_soon(ask, number)
        else:
            async with asyncio.TaskGroup() as group:
                for number in range(tasks):
                    group.create_task(ask(number))
    return bodies


@pytest.mark.parametrize("tasks", [100, 1000])
@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_a_thousand_tasks_share_sixteen_connections(serve: Serve, loop: str, tasks: int) -> None:
    gauge = Gauge()
    url = serve(gauge)
    bodies = (
        asyncio.run(ask_many(url, tasks)) if loop == "asyncio" else trio.run(ask_many, url, tasks)
    )
    assert bodies == [str(number).encode() for number in range(tasks)]
    assert len(gauge.connections) <= 16


async def wait_in_vain(url: str) -> TransportError:
    async with AsyncHttpxTransport(
        ClientConfig(region="us-east-1", pool_timeout=0.05)
    ) as transport:
        async with asyncio.TaskGroup() as group:
            others = [group.create_task(transport.asend(post(url, 0))) for _ in range(16)]
            await asyncio.sleep(0)
            with pytest.raises(Timeout) as raised:
                await transport.asend(post(url, 1))
            for other in others:
                other.cancel()
        return raised.value


def test_no_free_place_means_that_nothing_was_sent(serve: Serve) -> None:
    def never(connection: socket.socket, request: bytes) -> bool:
        connection.recv(1)
        return False

    failure = asyncio.run(wait_in_vain(serve(never)))
    assert str(failure) == "PoolTimeout"
    assert not failure.may_have_been_sent


async def cancel_at_random(url: str) -> bytes:
    """Cancel hundreds of exchanges at any point; the transport must work as before."""
    chance = random.Random(20261124)  # noqa: S311 - the same moments each time

    async def ask_and_be_cancelled() -> None:
        await transport.asend(post(url, 0))

    async with AsyncHttpxTransport(CONFIG) as transport:
        for _ in range(20):
            try:
                asyncio.get_running_loop()
            except RuntimeError:
                with trio.move_on_after(chance.random() * 0.01):
                    async with trio.open_nursery() as nursery:
                        for _ in range(20):
                            nursery.start_soon(ask_and_be_cancelled)
            else:
                tasks = [asyncio.create_task(ask_and_be_cancelled()) for _ in range(20)]
                await asyncio.sleep(chance.random() * 0.01)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        return (await transport.asend(post(url, 7))).body


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_cancelled_exchanges_leave_nothing_behind(serve: Serve, loop: str) -> None:
    def slow(connection: socket.socket, request: bytes) -> bool:
        if not request.endswith(b"7"):
            time.sleep(0.002)
        return echo(connection, request)

    url = serve(slow)
    # An unclosed socket would be a ResourceWarning, which is an error here.
    body = (
        asyncio.run(cancel_at_random(url)) if loop == "asyncio" else trio.run(cancel_at_random, url)
    )
    assert body == b"7"


def test_a_cancellation_passes_as_it_is(serve: Serve) -> None:
    asked = threading.Event()

    def never(connection: socket.socket, request: bytes) -> bool:
        asked.set()
        connection.recv(1)
        return False

    async def cancelled(url: str) -> None:
        async with AsyncHttpxTransport(CONFIG) as transport:
            task = asyncio.create_task(transport.asend(post(url, 0)))
            await asyncio.to_thread(asked.wait)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(cancelled(serve(never)))


def test_a_timeout_of_the_callers_own_is_the_callers(serve: Serve) -> None:
    def never(connection: socket.socket, request: bytes) -> bool:
        connection.recv(1)
        return False

    async def limited(url: str) -> None:
        async with AsyncHttpxTransport(CONFIG) as transport:
            async with asyncio.timeout(0.05):
                await transport.asend(post(url, 0))

    with pytest.raises(TimeoutError) as raised:
        asyncio.run(limited(serve(never)))
    assert not isinstance(raised.value, TransportError)


def test_another_event_loop_is_refused(serve: Serve) -> None:
    url = serve(echo)
    transport = AsyncHttpxTransport(CONFIG)

    async def ask_and_close() -> HttpResponse:
        async with transport:
            answer = await transport.asend(post(url, 1))
            # In a separate thread, while this one runs.
            with ThreadPoolExecutor(1) as pool, pytest.raises(ConfigurationError) as raised:
                pool.submit(asyncio.run, transport.asend(post(url, 2))).result()
        assert str(raised.value) == (
            "This AsyncHttpxTransport was used in another event loop, which its connections belong to: "
            "make one for each event loop (each asyncio.run or trio.run)"
        )
        return answer

    assert asyncio.run(ask_and_close()).body == b"1"


@pytest.mark.parametrize("kind", ["blocking", "asyncio"])
def test_closed_is_closed(serve: Serve, kind: str) -> None:
    url = serve(echo)

    async def closed() -> None:
        transport = AsyncHttpxTransport(CONFIG)
        await transport.asend(post(url, 0))
        await transport.aclose()
        await transport.aclose()
        with pytest.raises(
            ConfigurationError, match=r"^This AsyncHttpxTransport was closed: make a new one$"
        ):
            await transport.asend(post(url, 0))

    if kind == "asyncio":
        asyncio.run(closed())
        return
    with HttpxTransport(CONFIG) as transport:
        transport.send(post(url, 0))
    transport.close()
    with pytest.raises(
        ConfigurationError, match=r"^This HttpxTransport was closed: make a new one$"
    ):
        transport.send(post(url, 0))


def test_closing_under_other_threads_gives_documented_errors_only(serve: Serve) -> None:
    url = serve(echo)
    transport = HttpxTransport(CONFIG)

    def ask_until_closed(number: int) -> str:
        with contextlib.suppress(TransportError):
            while True:
                transport.send(post(url, number))
        return "TransportError"

    with ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(ask_until_closed, number) for number in range(8)]
        transport.send(post(url, 9))
        transport.close()
        for each in asking:
            error = each.exception(60)
            assert error is None or type(error) is ConfigurationError
