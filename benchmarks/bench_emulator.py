"""The emulator under load: `IdentityCenter` in process on one core, and the HTTP server with many logins at once.

    python benchmarks/bench_emulator.py                      # both
    python benchmarks/bench_emulator.py --seconds 10         # a shorter measurement

In process: 10 % RegisterClient, 10 % StartDeviceAuthorization, 70 % polls, 10 % refreshes, with 10,000 live logins in
the state. Over HTTP: 1,000 device logins poll once a second, each on a separate connection, until all are approved.
The exit status is 1 if a request failed or a login was not completed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

from ssooidc_core import (
    AuthorizationPendingException,
    ClientConfig,
    CreateTokenResponse,
    DeviceCodeGrant,
    HttpRequest,
    HttpResponse,
    Instant,
    Operation,
    RefreshTokenGrant,
    RegisterClientRequest,
    RegisterClientResponse,
    StartDeviceAuthorizationRequest,
    StartDeviceAuthorizationResponse,
    create_token,
    register_client,
    start_device_authorization,
)
from ssooidc_emulator import EmulatorServer, IdentityCenter

LIVE_LOGINS = 10_000
REQUESTS = 10_000
ROUNDS = 7
AT_ONCE = 1_000
CONNECTING_AT_ONCE = 100
CONFIG = ClientConfig(region="us-east-1")
REGISTRATION = RegisterClientRequest(
    client_name="bench", client_type="public", scopes=("sso:account:access",)
)


def now() -> Instant:
    return Instant(datetime.now(UTC), time.monotonic())


def answered(center: IdentityCenter, operation: Operation[object, Exception]) -> object:
    outcome = center.handle(operation.http_request(CONFIG, now()), now())
    assert isinstance(outcome, HttpResponse)
    return operation.parse(outcome)


def in_process() -> None:
    """Measure the center alone: requests are made in advance, and responses are checked afterwards."""
    center = IdentityCenter(device_code_lifetime=3600)
    client = answered(center, register_client(REGISTRATION))
    assert isinstance(client, RegisterClientResponse)
    start = start_device_authorization(
        StartDeviceAuthorizationRequest.of(client, start_url=center.start_url)
    )
    devices = [answered(center, start) for _ in range(LIVE_LOGINS + 1)]
    first, *waiting = devices
    assert isinstance(first, StartDeviceAuthorizationResponse)
    center.approve(first.user_code)
    token = answered(center, create_token(DeviceCodeGrant.of(client, first)))
    assert isinstance(token, CreateTokenResponse)
    polls = []
    for device in waiting:
        assert isinstance(device, StartDeviceAuthorizationResponse)
        polls.append(create_token(DeviceCodeGrant.of(client, device)))
    mix: list[Operation[object, Exception]] = []
    for number in range(REQUESTS):
        kind = number % 10
        mix.append(
            register_client(REGISTRATION)
            if kind == 0
            else start
            if kind == 1
            else create_token(RefreshTokenGrant.of(client, token))
            if kind == 2
            else polls[number % len(polls)]
        )
    random.Random(1).shuffle(mix)  # noqa: S311 - the same order each time
    requests = [operation.http_request(CONFIG, now()) for operation in mix]
    rates = []
    for _ in range(ROUNDS):
        began = time.process_time()
        outcomes = [center.handle(request, now()) for request in requests]
        rates.append(len(requests) / (time.process_time() - began))
        statuses = [each.status for each in outcomes if isinstance(each, HttpResponse)]
        expected = {200: 3 * REQUESTS // 10, 400: 7 * REQUESTS // 10}
        counted = {status: statuses.count(status) for status in set(statuses)}
        assert counted == expected, counted
    pending = len(center.pending_logins(now()))
    print(f"\nIdentityCenter in process, one core, {pending:,} pending logins at the end")
    print(
        f"  {statistics.median(rates):,.0f} requests/s (median of {ROUNDS}; {min(rates):,.0f} to {max(rates):,.0f})"
    )


@dataclass
class Held:
    """The observations of the clients."""

    polls: int = 0
    failed: list[str] = field(default_factory=list)
    finished: int = 0
    latencies: list[float] = field(default_factory=list)


@dataclass
class Gates:
    """The phases of the clients: connect a hundred at a time, report ready, start together."""

    connecting: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(CONNECTING_AT_ONCE)
    )
    ready: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    go: asyncio.Event = field(default_factory=asyncio.Event)


class Connection:
    """A minimal client: a kept-alive connection that carries one request at a time."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)

    async def send(self, request: HttpRequest) -> HttpResponse:
        parts = urlsplit(request.url)
        fields = [
            *request.headers.fields,
            ("Host", parts.netloc),
            ("Content-Length", str(len(request.body))),
        ]
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        self._writer.write(
            f"{request.method} {parts.path} HTTP/1.1\r\n{head}\r\n".encode() + request.body
        )
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        received = [tuple(line.split(": ", 1)) for line in lines[1:] if line]
        headers = [(name, value) for name, value in received]
        length = next(int(value) for name, value in headers if name.lower() == "content-length")
        body = await self._reader.readexactly(length)
        return HttpResponse(int(lines[0].split()[1]), headers, body)

    def close(self) -> None:
        self._writer.close()


async def sign_in(
    config: ClientConfig, start_url: str, held: Held, gates: Gates, *, offset: float
) -> None:
    """One person's login: register, start, then a poll each second until there is a token."""
    connection = Connection(config.oidc_endpoint)

    async def ask(operation: Operation[object, Exception]) -> object:
        request = operation.http_request(config, now())
        began = time.perf_counter()
        response = await connection.send(request)
        held.latencies.append(time.perf_counter() - began)
        return operation.parse(response)

    try:
        async with gates.connecting:
            await connection.open()
            client = await ask(register_client(REGISTRATION))
            assert isinstance(client, RegisterClientResponse)
            start = StartDeviceAuthorizationRequest.of(client, start_url=start_url)
            device = await ask(start_device_authorization(start))
            assert isinstance(device, StartDeviceAuthorizationResponse)
        gates.ready.release()
        await gates.go.wait()
        poll = create_token(DeviceCodeGrant.of(client, device))
        due = time.monotonic() + offset
        while True:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            # Relative to the time when it was due, so that a late server does not reduce the number of polls.
            due += device.interval
            held.polls += 1
            try:
                token = await ask(poll)
            except AuthorizationPendingException:
                continue
            assert isinstance(token, CreateTokenResponse)
            held.finished += 1
            return
    except Exception as error:  # noqa: BLE001 - counted, whatever it is
        held.failed.append(f"{type(error).__name__}: {error}")
        gates.ready.release()
    finally:
        connection.close()


async def hold(url: str, start_url: str, seconds: float, server: subprocess.Popen[str]) -> Held:
    config = ClientConfig(region="us-east-1", endpoint_url=url)
    held, gates = Held(), Gates()
    tasks = [
        asyncio.create_task(sign_in(config, start_url, held, gates, offset=number / AT_ONCE))
        for number in range(AT_ONCE)
    ]
    for _ in range(AT_ONCE):
        await gates.ready.acquire()
    held.latencies.clear()
    began = time.monotonic()
    gates.go.set()
    await asyncio.sleep(seconds)
    during, taken = held.polls, time.monotonic() - began
    latencies = sorted(held.latencies)
    assert server.stdin is not None
    server.stdin.write("approve\n")
    server.stdin.flush()
    await asyncio.gather(*tasks)
    p50, p99 = (latencies[int(len(latencies) * part)] for part in (0.5, 0.99))
    print(f"\n{AT_ONCE:,} device logins at once over HTTP, interval 1 s, for {taken:.0f} s")
    print(
        f"  {during / taken:,.0f} polls/s; p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, "
        f"worst {latencies[-1] * 1000:.0f} ms"
    )
    print(
        f"  failed requests: {len(held.failed)}; logins finished: {held.finished:,} of {AT_ONCE:,}"
    )
    return held


def serve() -> None:
    """Run the server in a separate process: report its address, and approve all logins when asked."""
    center = IdentityCenter(interval=1, device_code_lifetime=3600)
    with EmulatorServer(center) as server:
        print(json.dumps([server.url, center.start_url]), flush=True)
        for _ in sys.stdin:
            for login in center.pending_logins(now()):
                center.approve(login.user_code)


def over_http(seconds: float) -> bool:
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            url, start_url = json.loads(server.stdout.readline())
            held = asyncio.run(hold(url, start_url, seconds, server))
        finally:
            server.stdin.close()
    for failure in sorted(set(held.failed))[:5]:
        print(f"  {failure}")
    return not held.failed and held.finished == AT_ONCE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the logins are held")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    # One connection per client, on both sides.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(most, 4 * AT_ONCE) if most != resource.RLIM_INFINITY else 4 * AT_ONCE
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (max(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[0]), most)
    )
    if arguments.serve:
        serve()
        return
    in_process()
    if not over_http(arguments.seconds):
        sys.exit(1)


if __name__ == "__main__":
    main()
