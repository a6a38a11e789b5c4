"""Test doubles for code that uses this library: a transport that answers from a script, and a virtual clock.

::

    transport = ScriptedTransport([error_reply(AuthorizationPendingException), reply(200, {"accessToken": "t"})])
    token = run(poll_for_token(pending), transport)
    transport.assert_exhausted()
    assert transport.sleeps == [5.0, 5.0]

They use no sockets, no real time and no HTTP library.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Final, TypeAlias

from ssooidc_core._config import ClientConfig
from ssooidc_core._http import Headers, HeadersInput, HttpRequest, HttpResponse
from ssooidc_core.errors import ServiceError
from ssooidc_transports._virtual_time import VirtualClock, VirtualTimeTransport

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
"""Responses and exceptions in the order of the requests, or a function that returns or raises one for each request."""

_REQUEST_ID: Final = "00000000-0000-4000-8000-000000000000"
_OIDC_NAMESPACE: Final = "http://internal.amazon.com/coral/com.amazonaws.sso.oidc/"
_PORTAL_NAMESPACE: Final = "com.amazonaws.switchboard.portal"


class OutOfReplies(BaseException):
    """The script has no reply for a request: the test, or the code under test, is wrong.

    It is not an `Exception`, so that flows do not handle it as an error of the service and policies do not retry it.
    """


@dataclass(frozen=True, slots=True)
class Sent:
    """A request, reduced to what is the same in every run.

    Attributes:
        at: seconds since the transport was created.
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
        at: when it began, in seconds since the transport was created.
        seconds: its length.
    """

    at: float
    seconds: float


class ScriptedTransport(VirtualTimeTransport):
    """A transport with prepared replies, for `run` and `arun` alike.

    A sleep advances the clock and returns. If several tasks sleep at the same time, their sleeps add up.

    Attributes:
        clock: the clock.
        requests: every request, in order.
        sleeps: the seconds of every sleep, in order.
        events: requests and sleeps in order, for comparing runs: they leave out the random parts of requests.
    """

    def __init__(
        self,
        replies: Replies,
        *,
        config: ClientConfig | None = None,
        clock: VirtualClock | None = None,
        retry_policy: Retrying | None = None,
    ) -> None:
        """Create a transport with this script.

        Args:
            replies: responses, or exceptions to raise, one for each request; an iterator is advanced when the request
                is made. Or a function, for any number of requests.
            config: the default has the region `us-east-1`.
            clock: the default is a new clock.
            retry_policy: see `BaseTransport`.
        """
        super().__init__(
            config or ClientConfig(region="us-east-1"),
            clock or VirtualClock(),
            retry_policy=retry_policy,
        )
        self.requests: list[HttpRequest] = []
        self.sleeps: list[float] = []
        self.events: list[Sent | Slept] = []
        self._began = self.clock.now().monotonic
        self._handler = replies if callable(replies) else None
        self._script: Iterator[HttpResponse | BaseException] = iter(
            () if callable(replies) else replies
        )
        self._used = 0

    def send(self, request: HttpRequest, /) -> HttpResponse:
        """Record the request and return the next reply.

        Raises:
            OutOfReplies: no reply is left.
            BaseException: the reply is an exception.
        """
        self.check_open()
        with self._lock:
            self.requests.append(request)
            self.events.append(Sent(self._elapsed(), request.method, request.url, request.body))
            scripted = None if self._handler is not None else next(self._script, None)
            self._used += scripted is not None
        if isinstance(scripted, BaseException):
            raise scripted.with_traceback(None)
        if scripted is not None:
            return scripted
        if self._handler is not None:
            return self._handler(request)
        message = f"No reply is left for {request!r}: {_count(self._used)}"
        raise OutOfReplies(message)

    def sleep(self, seconds: float, /) -> None:
        """Record the wait and advance the clock."""
        with self._lock:
            self.sleeps.append(seconds)
            self.events.append(Slept(self._elapsed(), seconds))
        super().sleep(seconds)

    def assert_exhausted(self) -> None:
        """Check that every reply was used. A function as the script always passes.

        Raises:
            AssertionError: a reply is left.
        """
        with self._lock:
            left = next(self._script, None)
            if left is not None:
                self._script = chain([left], self._script)
        if left is not None:
            message = f"Replies are left: {_count(self._used)}, {left!r} is next"
            raise AssertionError(message)

    def _elapsed(self) -> float:
        return self.clock.now().monotonic - self._began


def reply(status: int, members: object = None, *, headers: HeadersInput = ()) -> HttpResponse:
    """Return a response in the service's form: compact JSON, with the keys as given.

    Args:
        status: the HTTP status.
        members: the body's members under their wire names; `None` for an empty body.
        headers: additional header fields. They precede the service's own, so a lookup finds them first.
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
    """Return the response with which the service, or the portal, reports one of its modelled errors.

    Args:
        error_type: the error.
        description: `error_description`, or the portal's `message`.
        status: the default is the status that the service uses for this error.
        headers: additional header fields.
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


def _count(replies: int) -> str:
    return "1 reply was used" if replies == 1 else f"{replies} replies were used"
