"""Faults that process the call and spoil its answer, or the time it is processed at; `ssooidc_emulator.faults` has all.

Each keeps what it does not spoil: the status, the other headers, the members of the body.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from ssooidc_core._http import HttpResponse
from ssooidc_emulator._oidc.answers import http_date

if TYPE_CHECKING:
    from ssooidc_emulator.faults._kinds import Call, Fault

__all__ = ["clock_skew", "huge_body", "with_header", "wrong_content_type"]

_LARGEST_SKEW: Final = 10 * 365 * 24 * 3600
_LARGEST_BODY: Final = 256 * 1024 * 1024
# RFC 9110 section 5.5, without tabs and what no media type has
_FIELD_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?\Z")


@dataclass(frozen=True, slots=True)
class _ContentTypeFault:
    content_type: str | None

    def apply(self, call: Call, /) -> HttpResponse:
        return with_header(call.process(), "content-type", self.content_type)


@dataclass(frozen=True, slots=True)
class _HugeFault:
    size: int

    def apply(self, call: Call, /) -> HttpResponse:
        answer = call.process()
        body = answer.body.ljust(self.size)
        answer = with_header(answer, "content-length", str(len(body)))
        return HttpResponse(answer.status, answer.headers.fields, body)


@dataclass(frozen=True, slots=True)
class _SkewFault:
    seconds: float
    header_only: bool

    def apply(self, call: Call, /) -> HttpResponse:
        wall = _moved(call.wall, self.seconds)
        if self.header_only:
            return with_header(call.process(), "date", http_date(wall))
        return call.process(wall)


def with_header(answer: HttpResponse, name: str, value: str | None) -> HttpResponse:
    """Give an answer with another value in a header that it has; with `None`, without that header."""
    fields = [
        (field, old if field.lower() != name else value) for field, old in answer.headers.fields
    ]
    kept = tuple((field, new) for field, new in fields if new is not None)
    return HttpResponse(answer.status, kept, answer.body)


def _moved(wall: datetime, seconds: float) -> datetime:
    try:
        return wall + timedelta(seconds=seconds)
    except OverflowError:
        # Only a clock that a test set to the end of time gets here.
        return wall


def wrong_content_type(content_type: str | None = "text/plain") -> Fault:
    """Process the call, and say that the body is something else than JSON; with `None`, do not say what it is.

    Raises:
        ValueError: this can be no header's value.
    """
    if content_type is not None and _FIELD_VALUE.match(content_type) is None:
        message = "A content type is printable ASCII, like text/plain"
        raise ValueError(message)
    return _ContentTypeFault(content_type)


def huge_body(size: int = 16 * 1024 * 1024) -> Fault:
    """Process the call, and let white space follow the JSON until the body has `size` bytes.

    JSON may be followed by white space (RFC 8259 section 2): only a limit of the client's refuses it.

    Raises:
        ValueError: the size is below 1 byte or above 256 MiB.
    """
    if not 1 <= size <= _LARGEST_BODY:
        message = f"A huge body has 1 to {_LARGEST_BODY} bytes"
        raise ValueError(message)
    return _HugeFault(size)


def clock_skew(seconds: float, *, header_only: bool = False) -> Fault:
    """Process the call at another time: the service's clock is ahead by this much, or behind where it is negative.

    Args:
        seconds: how far.
        header_only: change the `Date` header alone; codes, tokens and signatures are judged at the true time.

    Raises:
        ValueError: it is more than ten years.
    """
    if not -_LARGEST_SKEW <= seconds <= _LARGEST_SKEW:
        message = "A clock is off by ten years at most"
        raise ValueError(message)
    return _SkewFault(seconds, header_only)
