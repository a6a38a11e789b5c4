"""For tests of code that uses this library: a transport that answers from a script, under a clock that tests move.

::

    transport = ScriptedTransport([error_reply(AuthorizationPendingException), reply(200, {"accessToken": "t"})])
    token = run(poll_for_token(pending), transport)
    transport.assert_exhausted()
    assert transport.sleeps == [5.0, 5.0]

No socket, no real time and no HTTP library is touched.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeAlias

from ssooidc_core._config import ClientConfig
from ssooidc_core._http import Headers, HeadersInput, HttpRequest, HttpResponse
from ssooidc_core._program import Instant
from ssooidc_core.errors import ServiceError
from ssooidc_transports.transport import AsyncBaseTransport, BaseTransport

if TYPE_CHECKING:
    from tenacity import Retrying

__all__ = [
    "OutOfReplies",
    "Replies",
    "ScriptedTransport",
    "Sent",
    "Slept",
    "VirtualClock",
    "error_reply",
    "reply",
]

Replies: TypeAlias = (
    "Iterable[HttpResponse | BaseException] | Callable[[HttpRequest], HttpResponse]"
)
"""What a script is: answers and errors in their order, or a function that gives or raises one for each request."""

_START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_REQUEST_ID: Final = "00000000-0000-4000-8000-000000000000"
_OIDC_NAMESPACE: Final = "http://internal.amazon.com/coral/com.amazonaws.sso.oidc/"
_PORTAL_NAMESPACE: Final = "com.amazonaws.switchboard.portal"


class OutOfReplies(BaseException):
    """A request came for which the script has no reply: the test, or what it tests, is wrong.

    No `Exception`, so that no flow that handles errors can take it for one of them, and no retry policy sees it.
    """


@dataclass(frozen=True, slots=True)
class Sent:
    """A request, as far as every driver sends the same.

    Attributes:
        at: seconds since the transport was made.
        method: the method.
        url: the URL.
        body: the body; not in the `repr`.
    """

    at: float
    method: str
    url: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Slept:
    """A wait.

    Attributes:
        at: seconds since the transport was made, when it began.
        seconds: how long.
    """

    at: float
    seconds: float


class VirtualClock:
    """A clock that stands still until it is moved; safe to use from many threads."""

    def __init__(self, start: datetime = _START) -> None:
        """Show this wall time, which must be aware; the monotonic clock begins at 0.

        Raises:
            ValueError: the time has no time zone.
        """
        self._lock = threading.Lock()
        self._wall = _aware(start)
        self._monotonic = 0.0

    def now(self) -> Instant:
        """Tell the time."""
        with self._lock:
            return Instant(self._wall, self._monotonic)

    def advance(self, seconds: float) -> None:
        """Let time pass, on both clocks.

        Raises:
            ValueError: it would go back.
        """
        if not seconds >= 0:
            message = f"Time does not go back: {seconds!r} s"
            raise ValueError(message)
        with self._lock:
            self._wall += timedelta(seconds=seconds)
            self._monotonic += seconds

    def set_wall(self, wall: datetime) -> None:
        """Set the wall clock, forwards or back, as a user or NTP would; the monotonic clock does not notice.

        Raises:
            ValueError: the time has no time zone.
        """
        aware = _aware(wall)
        with self._lock:
            self._wall = aware


class ScriptedTransport(BaseTransport, AsyncBaseTransport):
    """A transport whose answers are given beforehand, for `run` and `arun` alike.

    A sleep moves the clock and returns. Where several tasks sleep at the same time, their sleeps add up.

    Attributes:
        clock: the clock.
        requests: every request, in order.
        sleeps: seconds of every sleep, in order.
        events: requests and sleeps together, for comparing runs: random parts of requests are left out.
    """

    def __init__(
        self,
        replies: Replies,
        *,
        config: ClientConfig | None = None,
        clock: VirtualClock | None = None,
        retry_policy: Retrying | None = None,
    ) -> None:
        """Take the script.

        Args:
            replies: answers, or exceptions to raise, one for each request; an iterator is asked when the request
                comes. Or a function, for any number of requests.
            config: by default region `us-east-1`.
            clock: by default a new one.
            retry_policy: see `BaseTransport`.
        """
        super().__init__(config or ClientConfig(region="us-east-1"), retry_policy=retry_policy)
        self.clock: VirtualClock = clock or VirtualClock()
        self.requests: list[HttpRequest] = []
        self.sleeps: list[float] = []
        self.events: list[Sent | Slept] = []
        self._began = self.clock.now().monotonic
        self._handler = replies if callable(replies) else None
        self._script: Iterator[HttpResponse | BaseException] = iter(
            () if callable(replies) else replies
        )
        self._put_back: list[HttpResponse | BaseException] = []
        self._used = 0

    def send(self, request: HttpRequest, /) -> HttpResponse:
        """Record the request and give the next reply.

        Raises:
            OutOfReplies: there is none.
            BaseException: the reply is one.
        """
        self.check_open()
        with self._lock:
            self.requests.append(request)
            self.events.append(Sent(self._elapsed(), request.method, request.url, request.body))
            scripted = None if self._handler is not None else self._next()
            self._used += scripted is not None
        if isinstance(scripted, BaseException):
            raise scripted.with_traceback(None)
        if scripted is not None:
            return scripted
        if self._handler is not None:
            return self._handler(request)
        message = f"No reply is left for {request!r}: {_count(self._used)}"
        raise OutOfReplies(message)

    async def asend(self, request: HttpRequest, /) -> HttpResponse:
        """Let other tasks run, and a cancellation come in; then do as `send`."""
        await super().asleep(0)
        return self.send(request)

    def sleep(self, seconds: float, /) -> None:
        """Record the wait and move the clock."""
        with self._lock:
            self.sleeps.append(seconds)
            self.events.append(Slept(self._elapsed(), seconds))
        self.clock.advance(seconds)

    async def asleep(self, seconds: float, /) -> None:
        """Let other tasks run, and a cancellation come in; then do as `sleep`."""
        await super().asleep(0)
        self.sleep(seconds)

    def now(self) -> Instant:
        """Tell the clock's time."""
        return self.clock.now()

    def assert_exhausted(self) -> None:
        """Check that every reply was used; a function is always.

        Raises:
            AssertionError: one was not.
        """
        with self._lock:
            left = self._next()
            if left is not None:
                self._put_back.append(left)
        if left is not None:
            message = f"Replies are left: {_count(self._used)}, {left!r} is next"
            raise AssertionError(message)

    def _next(self) -> HttpResponse | BaseException | None:
        return self._put_back.pop() if self._put_back else next(self._script, None)

    def _elapsed(self) -> float:
        return self.clock.now().monotonic - self._began


def reply(status: int, members: object = None, *, headers: HeadersInput = ()) -> HttpResponse:
    """Make an answer in the service's form: compact JSON, the keys as given.

    Args:
        status: the HTTP status.
        members: the body's members under their wire names; `None` for an empty body.
        headers: more header fields, in front of the service's own; a lookup finds the first of a name.
    """
    given = Headers(headers).fields
    usual = (("Content-Type", "application/json"), ("x-amzn-RequestId", _REQUEST_ID))
    body = b"" if members is None else json.dumps(members, separators=(",", ":")).encode()
    return HttpResponse(status, given + usual, body)


def error_reply(
    error_type: type[ServiceError],
    description: str | None = None,
    *,
    status: int | None = None,
    headers: HeadersInput = (),
) -> HttpResponse:
    """Make the answer by which the service, or the portal, says one of its modelled errors.

    Args:
        error_type: the error.
        description: `error_description`, or the portal's `message`.
        status: by default the one that the service has for it.
        headers: more header fields.
    """
    given = Headers(headers).fields
    name = error_type.__name__
    status = status or error_type.modelled_status
    if error_type.oauth_error is None:
        kind = f"{_PORTAL_NAMESPACE}#{name}"
        return reply(status, {"message": description, "__type": kind}, headers=given)
    members = {"error": error_type.oauth_error, "error_description": description}
    errortype = ("x-amzn-ErrorType", f"{name}:{_OIDC_NAMESPACE}")
    return reply(status, members, headers=(*given, errortype))


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        message = f"The time needs a time zone: {moment!r}"
        raise ValueError(message)
    return moment.astimezone(UTC)


def _count(replies: int) -> str:
    return "1 reply was used" if replies == 1 else f"{replies} replies were used"
