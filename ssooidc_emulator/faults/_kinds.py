"""The usual faults, a function each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from ssooidc_core._http import HttpResponse
from ssooidc_emulator._oidc.answers import Answers, http_date
from ssooidc_emulator._oidc.refusals import Refusal, refusal_named
from ssooidc_emulator._portal.refusals import PORTAL_REFUSALS
from ssooidc_emulator.faults._spoiled_answers import (
    clock_skew,
    huge_body,
    with_header,
    wrong_content_type,
)
from ssooidc_emulator.faults._wire import BodyCut, ConnectionReset, Delayed, WireFault

__all__ = [
    "Call",
    "Fault",
    "body_cut",
    "clock_skew",
    "connection_reset",
    "delay",
    "error",
    "html_page",
    "huge_body",
    "missing_error_header",
    "server_error",
    "slow_down",
    "throttling",
    "too_many_requests",
    "wrong_content_type",
]

_TOO_MANY_REQUESTS: Final = 429
_SUCCESS: Final = 200
_ERROR_HEADER: Final = "x-amzn-errortype"
_PAST_ERRORS: Final = 600
_WITHOUT_BODY: Final = frozenset({204, 205, 304})
_PHRASES: Final = {
    200: "OK",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Time-out",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One call that a fault takes the place of.

    Attributes:
        answer: does what the call asks at a time that is given, and gives the answer; `process` calls it.
        answers: makes other answers.
        wall: the time.
    """

    answer: Callable[[datetime], HttpResponse]
    answers: Answers
    wall: datetime

    def process(self, wall: datetime | None = None) -> HttpResponse:
        """Do what the call asks, by default now, and give the answer; once at most."""
        return self.answer(self.wall if wall is None else wall)


class Fault(Protocol):
    """Takes the place of a call."""

    def apply(self, call: Call, /) -> HttpResponse | WireFault:
        """Answer, or say how the wire fails."""
        ...


@dataclass(frozen=True, slots=True)
class _ErrorFault:
    code: str
    description: str | None
    has_header: bool = True

    def apply(self, call: Call, /) -> HttpResponse:
        answer = call.answers.error(self.code, self.description, call.wall)
        return answer if self.has_header else with_header(answer, _ERROR_HEADER, None)


@dataclass(frozen=True, slots=True)
class _RefusalFault:
    refusal: Refusal

    def apply(self, call: Call, /) -> HttpResponse:
        return call.answers.refused(self.refusal, call.wall)


@dataclass(frozen=True, slots=True)
class _HeaderlessFault:
    def apply(self, call: Call, /) -> HttpResponse:
        return with_header(call.process(), _ERROR_HEADER, None)


@dataclass(frozen=True, slots=True)
class _ThrottlingFault:
    retry_after_ms: int | None

    def apply(self, call: Call, /) -> HttpResponse:
        answer = call.answers.named_error(
            _TOO_MANY_REQUESTS, "ThrottlingException", {"message": "Rate exceeded"}, call.wall
        )
        if self.retry_after_ms is None:
            return answer
        more = ("x-amz-retry-after", str(self.retry_after_ms))
        return HttpResponse(answer.status, (*answer.headers.fields, more), answer.body)


@dataclass(frozen=True, slots=True)
class _HtmlFault:
    status: int

    def apply(self, call: Call, /) -> HttpResponse:
        title = f"{self.status} {_PHRASES.get(self.status, 'Error')}"
        body = (
            f"<html>\r\n<head><title>{title}</title></head>\r\n"
            f"<body><center><h1>{title}</h1></center></body>\r\n</html>\r\n"
        )
        # The proxy answered, not the service: it knows no request id.
        fields = (
            ("Date", http_date(call.wall)),
            ("Content-Type", "text/html"),
            ("Content-Length", str(len(body))),
            ("Connection", "keep-alive"),
        )
        return HttpResponse(self.status, fields, body.encode())


@dataclass(frozen=True, slots=True)
class _ResetFault:
    processed: bool

    def apply(self, call: Call, /) -> ConnectionReset:
        if self.processed:
            _ = call.process()
        return ConnectionReset()


@dataclass(frozen=True, slots=True)
class _CutFault:
    keep: int

    def apply(self, call: Call, /) -> BodyCut:
        return BodyCut(call.process(), self.keep)


@dataclass(frozen=True, slots=True)
class _DelayFault:
    seconds: float
    then: Fault | None

    def apply(self, call: Call, /) -> Delayed:
        outcome = call.process() if self.then is None else self.then.apply(call)
        if isinstance(outcome, Delayed):
            return Delayed(self.seconds + outcome.seconds, outcome.then)
        return Delayed(self.seconds, outcome)


def _check(code: str, description: str | None) -> None:
    if code not in PORTAL_REFUSALS:
        _ = refusal_named(code, description)


def error(code: str, description: str | None = None, *, reason: str | None = None) -> Fault:
    """Answer with an error of the service model, `error("ExpiredTokenException")` for example.

    Args:
        code: the error's name; the portal's are known too, and `ForbiddenException`, which its model has not.
        description: other words than the usual ones.
        reason: what is wrong with the instance's own KMS key, `KMS_DisabledException` for example. The model has
            `KMS_AccessDeniedException` with AccessDeniedException, the other four with InvalidRequestException.

    Raises:
        ValueError: the model has no error of this name, or this one has no such reason.
    """
    if reason is not None:
        return _RefusalFault(refusal_named(code, description, reason=reason))
    _check(code, description)
    return _ErrorFault(code, description)


def missing_error_header(code: str | None = None, description: str | None = None) -> Fault:
    """Answer without the header `x-amzn-ErrorType`, which something in between may have dropped.

    Args:
        code: answer with this error; by default the call is processed, and lacks the header where it is refused.
        description: other words than the usual ones.

    Raises:
        ValueError: the model has no error of this name.
    """
    if code is None:
        return _HeaderlessFault()
    _check(code, description)
    return _ErrorFault(code, description, has_header=False)


def slow_down() -> Fault:
    """Answer with `slow_down`: the client polls too fast (RFC 8628 section 3.5)."""
    return _ErrorFault("SlowDownException", None)


def server_error() -> Fault:
    """Answer with status 500 and `server_error`."""
    return _ErrorFault("InternalServerException", None)


def too_many_requests() -> Fault:
    """Answer as the portal does to a client that asks too often: with status 429 and TooManyRequestsException."""
    return _ErrorFault("TooManyRequestsException", None)


def throttling(*, retry_after_ms: int | None = None) -> Fault:
    """Answer with status 429 and ThrottlingException, which the service model does not name.

    Args:
        retry_after_ms: milliseconds for the header `x-amz-retry-after`; without, the header is left out.
    """
    return _ThrottlingFault(retry_after_ms)


def html_page(status: int = 503) -> Fault:
    """Answer with an HTML page, as a proxy on the way does that cannot reach the service.

    Raises:
        ValueError: no final answer with a body has this status.
    """
    if not _SUCCESS <= status < _PAST_ERRORS or status in _WITHOUT_BODY:
        message = f"No page comes with status {status}"
        raise ValueError(message)
    return _HtmlFault(status)


def delay(seconds: float, then: Fault | None = None) -> Fault:
    """Answer late: the call is processed at once, or `then` happens, and what comes of it is held back.

    Raises:
        ValueError: the delay is negative.
    """
    if not seconds >= 0:
        message = "A delay cannot be negative"
        raise ValueError(message)
    return _DelayFault(seconds, then)


def connection_reset(*, processed: bool = False) -> Fault:
    """Reset the connection instead of answering.

    Args:
        processed: whether the call had its effect (a code spent, a token rotated) and only the answer was lost.
    """
    return _ResetFault(processed)


def body_cut(keep: int = 10) -> Fault:
    """Process the call, send this many bytes of the answer's body, all but one at most, and close the connection.

    Raises:
        ValueError: the number is negative.
    """
    if keep < 0:
        message = "A body cannot be cut to fewer than 0 bytes"
        raise ValueError(message)
    return _CutFault(keep)
