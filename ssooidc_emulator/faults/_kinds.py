"""The usual faults, one function for each."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from ssooidc_core._http import HttpResponse
from ssooidc_core._operations.errors import OIDC_ERRORS
from ssooidc_emulator._oidc.answers import Answers, http_date, http_fields
from ssooidc_emulator._oidc.refusals import MessageRefusal, Refusal, refusal_named
from ssooidc_emulator._portal.answers import PORTAL_REFUSALS, PortalAnswers
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

_THROTTLED: Final = MessageRefusal("ThrottlingException", "Rate exceeded", 429)
_SUCCESS: Final = 200
_PAST_ERRORS: Final = 600
_WITHOUT_BODY: Final = frozenset({204, 205, 304})
_LARGEST_SKEW: Final = 10 * 365 * 24 * 3600
_LARGEST_BODY: Final = 256 * 1024 * 1024
# RFC 9110 section 5.5, without tabs and characters that no media type has
_FIELD_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?\Z")
_PHRASES: Final = {
    200: "OK",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Time-out",
}


@dataclass(frozen=True, slots=True)
class Call:
    """A call that a fault replaces.

    Attributes:
        answer: carries out the call at a given time and returns the answer; `process` calls it.
        answers: builds other answers.
        wall: the current time.
    """

    answer: Callable[[datetime], HttpResponse]
    answers: Answers
    wall: datetime

    def process(self, wall: datetime | None = None) -> HttpResponse:
        """Carry out the call, by default at the current time, and return the answer; to be called at most once."""
        return self.answer(self.wall if wall is None else wall)


class Fault(Protocol):
    """A replacement for a call."""

    def apply(self, call: Call, /) -> HttpResponse | WireFault:
        """Return an answer, or a description of how the connection fails."""
        ...


@dataclass(frozen=True, slots=True)
class _ErrorFault:
    code: str
    description: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        _ = self._refusal(in_portal=False)

    def apply(self, call: Call, /) -> HttpResponse:
        refusal = self._refusal(in_portal=isinstance(call.answers, PortalAnswers))
        return call.answers.refused(refusal, call.wall)

    def _refusal(self, *, in_portal: bool) -> Refusal | MessageRefusal:
        """Return the service's own error of this name, or the error that only the other service has."""
        refusal = PORTAL_REFUSALS.get(self.code)
        is_oidc = self.code in OIDC_ERRORS and not in_portal
        if refusal is None or is_oidc or self.reason is not None:
            return refusal_named(self.code, self.description, reason=self.reason)
        return refusal if self.description is None else replace(refusal, message=self.description)


@dataclass(frozen=True, slots=True)
class _HeaderlessFault:
    error: _ErrorFault | None

    def apply(self, call: Call, /) -> HttpResponse:
        answer = call.process() if self.error is None else self.error.apply(call)
        return _with_header(answer, "x-amzn-errortype", None)


@dataclass(frozen=True, slots=True)
class _ThrottlingFault:
    retry_after_ms: int | None

    def apply(self, call: Call, /) -> HttpResponse:
        answer = call.answers.refused(_THROTTLED, call.wall)
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
        ).encode()
        # A proxy's answer has no request id.
        return HttpResponse(self.status, http_fields("text/html", body, call.wall), body)


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


@dataclass(frozen=True, slots=True)
class _ContentTypeFault:
    content_type: str | None

    def apply(self, call: Call, /) -> HttpResponse:
        return _with_header(call.process(), "content-type", self.content_type)


@dataclass(frozen=True, slots=True)
class _HugeFault:
    size: int

    def apply(self, call: Call, /) -> HttpResponse:
        answer = call.process()
        body = answer.body.ljust(self.size)
        answer = _with_header(answer, "content-length", str(len(body)))
        return HttpResponse(answer.status, answer.headers.fields, body)


@dataclass(frozen=True, slots=True)
class _SkewFault:
    seconds: float
    header_only: bool

    def apply(self, call: Call, /) -> HttpResponse:
        try:
            wall = call.wall + timedelta(seconds=self.seconds)
        except OverflowError:
            wall = (
                call.wall
            )  # A test has set the clock near the last date that `datetime` can represent.
        if self.header_only:
            return _with_header(call.process(), "date", http_date(wall))
        return call.process(wall)


def _with_header(answer: HttpResponse, name: str, value: str | None) -> HttpResponse:
    """Return an answer with another value in a header that it has, or without that header if the value is `None`."""
    fields = [
        (field, old if field.lower() != name else value) for field, old in answer.headers.fields
    ]
    kept = tuple((field, new) for field, new in fields if new is not None)
    return HttpResponse(answer.status, kept, answer.body)


def error(code: str, description: str | None = None, *, reason: str | None = None) -> Fault:
    """Answer with an error of the service model, for example `error("ExpiredTokenException")`.

    Args:
        code: the error's name: one of SSO OIDC, one of the portal, or `ForbiddenException`, which the portal sends
            although its model does not have it.
        description: the text to use instead of the usual one.
        reason: a problem with the instance's own KMS key, for example `KMS_DisabledException`. The model has
            `KMS_AccessDeniedException` with AccessDeniedException, the other four with InvalidRequestException.

    Raises:
        ValueError: the model has no error of this name, or this error has no such reason.
    """
    return _ErrorFault(code, description, reason)


def missing_error_header(code: str | None = None, description: str | None = None) -> Fault:
    """Answer without the header `x-amzn-ErrorType`, as if a proxy had removed it.

    Args:
        code: the name of the error to answer with; by default the call is processed, and only a refusal is affected.
        description: the text to use instead of the usual one.

    Raises:
        ValueError: the model has no error of this name.
    """
    return _HeaderlessFault(None if code is None else _ErrorFault(code, description))


def slow_down() -> Fault:
    """Answer with `slow_down`: the client polls too fast (RFC 8628 section 3.5)."""
    return _ErrorFault("SlowDownException")


def server_error() -> Fault:
    """Answer with status 500 and `server_error`."""
    return _ErrorFault("InternalServerException")


def too_many_requests() -> Fault:
    """Answer with status 429 and TooManyRequestsException, as the portal does when it throttles a client."""
    return _ErrorFault("TooManyRequestsException")


def throttling(*, retry_after_ms: int | None = None) -> Fault:
    """Answer with status 429 and ThrottlingException, which the service model does not name.

    Args:
        retry_after_ms: the value of the header `x-amz-retry-after`, in milliseconds; `None` leaves the header out.
    """
    return _ThrottlingFault(retry_after_ms)


def html_page(status: int = 503) -> Fault:
    """Answer with an HTML page, like a proxy that cannot reach the service.

    Raises:
        ValueError: an answer with this status is not final or has no body.
    """
    if not _SUCCESS <= status < _PAST_ERRORS or status in _WITHOUT_BODY:
        message = f"An answer with status {status} cannot have a page"
        raise ValueError(message)
    return _HtmlFault(status)


def delay(seconds: float, then: Fault | None = None) -> Fault:
    """Process the call, or apply `then`, at once, but delay the result.

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
        processed: whether the call takes effect (a code is spent, a token rotated) and only the answer is lost.
    """
    return _ResetFault(processed)


def body_cut(keep: int = 10) -> Fault:
    """Process the call, but send only the first `keep` bytes of the answer's body, and close the connection.

    The last byte is never sent.

    Raises:
        ValueError: the number is negative.
    """
    if keep < 0:
        message = "A body cannot be cut to fewer than 0 bytes"
        raise ValueError(message)
    return _CutFault(keep)


def wrong_content_type(content_type: str | None = "text/plain") -> Fault:
    """Process the call and change the header `Content-Type` of the answer; `None` removes the header.

    Raises:
        ValueError: this cannot be the value of a header.
    """
    if content_type is not None and _FIELD_VALUE.match(content_type) is None:
        message = "A content type must be printable ASCII, for example text/plain"
        raise ValueError(message)
    return _ContentTypeFault(content_type)


def huge_body(size: int = 16 * 1024 * 1024) -> Fault:
    """Process the call and append white space to the JSON until the body has `size` bytes.

    White space after JSON is valid (RFC 8259 section 2), so only a size limit of the client refuses the answer.

    Raises:
        ValueError: the size is below 1 byte or above 256 MiB.
    """
    if not 1 <= size <= _LARGEST_BODY:
        message = f"A huge body must have 1 to {_LARGEST_BODY} bytes"
        raise ValueError(message)
    return _HugeFault(size)


def clock_skew(seconds: float, *, header_only: bool = False) -> Fault:
    """Process the call with a wrong service clock.

    Args:
        seconds: how far the clock is ahead; negative if it is behind.
        header_only: change the header `Date` only, and check codes, tokens and signatures at the right time.

    Raises:
        ValueError: the clock would be wrong by more than ten years.
    """
    if not -_LARGEST_SKEW <= seconds <= _LARGEST_SKEW:
        message = "A clock cannot be wrong by more than ten years"
        raise ValueError(message)
    return _SkewFault(seconds, header_only)
