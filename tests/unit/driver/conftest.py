"""What the driver's tests share: a scripted transport in virtual time, and the drivers as one parametrised fixture."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol, TypeVar, cast

import pytest
import trio
from tenacity import Retrying

from ssooidc_core.config import ClientConfig
from ssooidc_core.driver import aattempt, arun, attempt, run
from ssooidc_core.http import HttpRequest, HttpResponse
from ssooidc_core.policies import standard_retry
from ssooidc_core.program import Event, Instant, Now, Operation, Program, Sleep

T = TypeVar("T")
E = TypeVar("E", bound=Exception)

EPOCH: Final = 1_800_000_000.0
Reply = HttpResponse | BaseException | Callable[[HttpRequest], HttpResponse]


@dataclass
class Wire:
    """A transport, blocking and not, over a list of replies; it logs what is sent and slept, and when."""

    replies: list[Reply]
    config: ClientConfig = field(default_factory=lambda: ClientConfig(region="us-east-1"))
    retry_policy: Retrying = field(default_factory=lambda: standard_retry(jitter=lambda: 1.0))
    monotonic: float = 50.0
    wall: float = EPOCH
    answer_takes: float = 0.0
    oversleeps: float = 0.0
    requests: list[HttpRequest] = field(default_factory=list)
    sent_at: list[float] = field(default_factory=list)
    sleeps: list[float] = field(default_factory=list)

    def now(self) -> Instant:
        """Virtual time."""
        return Instant(
            datetime.fromtimestamp(0, UTC) + timedelta(seconds=self.wall), self.monotonic
        )

    def pass_time(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self.monotonic += seconds
        self.wall += seconds

    def send(self, request: HttpRequest, /) -> HttpResponse:
        """Answer with the next reply."""
        self.requests.append(request)
        self.sent_at.append(self.monotonic)
        self.pass_time(self.answer_takes)
        assert self.replies, f"no reply left for {request!r}"
        reply = self.replies.pop(0)
        if isinstance(reply, BaseException):
            raise reply
        return reply if isinstance(reply, HttpResponse) else reply(request)

    def sleep(self, seconds: float, /) -> None:
        """Let time pass."""
        self.sleeps.append(seconds)
        self.pass_time(seconds + self.oversleeps)

    async def asend(self, request: HttpRequest, /) -> HttpResponse:
        """Answer with the next reply, after a turn of the event loop."""
        await turn()
        return self.send(request)

    async def asleep(self, seconds: float, /) -> None:
        """Let time pass, after a turn of the event loop."""
        await turn()
        self.sleep(seconds)

    @property
    def log(self) -> list[object]:
        """What any driver must do alike."""
        sent = [
            (request.method, request.url, request.headers.get("amz-sdk-request"), request.body, at)
            for request, at in zip(self.requests, self.sent_at, strict=True)
        ]
        return [*sent, *self.sleeps]


async def turn() -> None:
    """Give the event loop a turn, whichever it is."""
    if trio.lowlevel.in_trio_run():
        await trio.lowlevel.checkpoint()
    else:
        await asyncio.sleep(0)


class Drive(Protocol):
    """Runs a program through one of the drivers."""

    def __call__(
        self, program: Program[T], wire: Wire, /, *, policy: Retrying | None = None
    ) -> T: ...


class Attempt(Protocol):
    """Runs an operation through `attempt` or `aattempt`."""

    def __call__(
        self, operation: Operation[T, E], wire: Wire, /, *, policy: Retrying | None = None
    ) -> T | E: ...


def _asyncio(program: Program[T], wire: Wire, /, *, policy: Retrying | None = None) -> T:
    return asyncio.run(arun(program, wire, policy=policy))


def _trio(program: Program[T], wire: Wire, /, *, policy: Retrying | None = None) -> T:
    async def main() -> T:
        return await arun(program, wire, policy=policy)

    return trio.run(main)


def _by_hand(program: Program[T], wire: Wire, /, *, policy: Retrying | None = None) -> T:
    """The protocol of programs without any of our drivers: nothing is repeated."""
    assert policy is None
    steps = program.__iter__()
    value: object = None
    failure: Exception | None = None
    while True:
        try:
            event = steps.send(value) if failure is None else steps.throw(failure)
        except StopIteration as end:
            return cast("T", end.value)
        value, failure = None, None
        match event:
            case Operation():
                request = event.http_request(
                    wire.config, wire.now(), max_attempts=wire.config.max_attempts
                )
                try:
                    value = event.parse(wire.send(request))
                except Exception as error:
                    failure = error
            case Sleep(seconds):
                wire.sleep(seconds)
            case _:
                assert isinstance(event, Now)
                value = wire.now()


def _attempt_asyncio(
    operation: Operation[T, E], wire: Wire, /, *, policy: Retrying | None = None
) -> T | E:
    return asyncio.run(aattempt(operation, wire, policy=policy))


def _attempt_trio(
    operation: Operation[T, E], wire: Wire, /, *, policy: Retrying | None = None
) -> T | E:
    async def main() -> T | E:
        return await aattempt(operation, wire, policy=policy)

    return trio.run(main)


DRIVERS: Final[dict[str, Drive]] = {"run": run, "asyncio": _asyncio, "trio": _trio}
ALL_DRIVERS: Final[dict[str, Drive]] = {**DRIVERS, "by hand": _by_hand}
ATTEMPTS: Final[dict[str, Attempt]] = {
    "attempt": attempt,
    "asyncio": _attempt_asyncio,
    "trio": _attempt_trio,
}


@pytest.fixture(params=list(DRIVERS))
def drive(request: pytest.FixtureRequest) -> Drive:
    """`run`, and `arun` on asyncio and on trio, one after the other."""
    return DRIVERS[str(request.param)]


@pytest.fixture(params=list(ALL_DRIVERS))
def drive_any(request: pytest.FixtureRequest) -> Drive:
    """The same and a driver written for the tests, in virtual time."""
    return ALL_DRIVERS[str(request.param)]


@pytest.fixture(params=list(ATTEMPTS))
def attempt_any(request: pytest.FixtureRequest) -> Attempt:
    """`attempt`, and `aattempt` on asyncio and on trio."""
    return ATTEMPTS[str(request.param)]


class MakeWire(Protocol):
    """Makes a transport that gives these replies."""

    def __call__(
        self,
        *replies: Reply,
        config: ClientConfig | None = None,
        policy: Retrying | None = None,
        answer_takes: float = 0.0,
    ) -> Wire: ...


@pytest.fixture
def wire() -> MakeWire:
    """A scripted transport in virtual time."""

    def make(
        *replies: Reply,
        config: ClientConfig | None = None,
        policy: Retrying | None = None,
        answer_takes: float = 0.0,
    ) -> Wire:
        made = Wire(list(replies), answer_takes=answer_takes)
        made.config = made.config if config is None else config
        made.retry_policy = made.retry_policy if policy is None else policy
        return made

    return make


class Trace(Protocol):
    """Wraps a program so that each event and each reply is noted on the way."""

    def __call__(self, program: Program[T], log: list[object], /) -> Program[T]: ...


@pytest.fixture
def traced() -> Trace:
    """See `Trace`."""

    def trace(program: Program[T], log: list[object], /) -> Generator[Event, object, T]:
        steps = program.__iter__()
        step: Callable[[], Event] = lambda: next(steps)
        try:
            while True:
                try:
                    event = step()
                except StopIteration as end:
                    return cast("T", end.value)
                log.append(event)
                try:
                    reply = yield event
                except Exception as error:
                    log.append(f"{type(error).__name__}: {error}")
                    step = lambda error=error: steps.throw(error)
                else:
                    if isinstance(event, Now):
                        log.append(reply)
                    step = lambda reply=reply: steps.send(reply)
        finally:
            steps.close()

    return trace


class Answers:
    """Answers of the service, in its own manner."""

    access_token: Final = "at-canary-5ca1ab1e"
    refresh_token: Final = "rt-canary-5ca1ab1e"

    @staticmethod
    def ok(members: dict[str, object]) -> HttpResponse:
        """A good answer."""
        return HttpResponse(
            200,
            {"Content-Type": "application/json", "x-amzn-RequestId": "11111111-2222"},
            json.dumps(members).encode(),
        )

    def token(self, **members: object) -> HttpResponse:
        """CreateToken's good answer."""
        return self.ok(
            {
                "accessToken": self.access_token,
                "expiresIn": 28800,
                "refreshToken": self.refresh_token,
                "tokenType": "Bearer",
                **members,
            }
        )

    @staticmethod
    def refused(
        name: str,
        status: int = 400,
        *,
        error: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> HttpResponse:
        """An error answer."""
        body = json.dumps({"error": error, "error_description": f"{name} it is"}).encode()
        own = ("x-amzn-ErrorType", f"{name}:http://internal.amazon.com/coral/com.amazonaws/")
        return HttpResponse(
            status, (("Content-Type", "application/json"), own, *headers), body
        )

    @property
    def pending(self) -> HttpResponse:
        """Nobody has decided."""
        return self.refused("AuthorizationPendingException", error="authorization_pending")

    @property
    def slow_down(self) -> HttpResponse:
        """Too fast."""
        return self.refused("SlowDownException", error="slow_down")

    @property
    def broken(self) -> HttpResponse:
        """The service failed."""
        return self.refused("InternalServerException", 500, error="server_error")

    @property
    def registration(self) -> HttpResponse:
        """RegisterClient's good answer."""
        return self.ok(
            {
                "clientId": "client-1",
                "clientIdIssuedAt": 1_799_999_999,
                "clientSecret": "cs-canary-5ca1ab1e",
                "clientSecretExpiresAt": 1_807_775_999,
            }
        )

    def device(self, **members: object) -> HttpResponse:
        """StartDeviceAuthorization's good answer."""
        return self.ok(
            {
                "deviceCode": "dc-canary-5ca1ab1e",
                "expiresIn": 600,
                "interval": 5,
                "userCode": "BCDF-GHJK",
                "verificationUri": "https://device.sso.us-east-1.amazonaws.com/",
                "verificationUriComplete": "https://device.sso.us-east-1.amazonaws.com/?user_code=BCDF-GHJK",
                **members,
            }
        )


@pytest.fixture
def answers() -> Answers:
    """Answers of the service."""
    return Answers()


@pytest.fixture
def text_of() -> Callable[[BaseException], str]:
    """Everything that a printed error can show: texts, notes, causes and contexts."""

    def collect(error: BaseException) -> str:
        seen: list[BaseException] = []
        todo: list[BaseException | None] = [error]
        while todo:
            one = todo.pop()
            if one is not None and one not in seen:
                seen.append(one)
                todo += [one.__cause__, one.__context__]
        return "\n".join(
            f"{one} {one!r} {one.args!r} {getattr(one, '__notes__', [])}" for one in seen
        )

    return collect


