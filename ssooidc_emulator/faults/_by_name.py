"""Faults by name, for scene files and the admin endpoint: `fault_named("throttling", {"retry_after_ms": 1500})`.

The names and parameters are those of the functions in `ssooidc_emulator.faults`. The texts of errors are for whoever
wrote the name: they quote names, and no value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from pydantic import BaseModel, Field, ValidationError

from ssooidc_emulator.faults import _kinds as faults
from ssooidc_emulator.faults._kinds import Fault

__all__ = ["FAULT_KINDS", "fault_named"]

_LONGEST_DELAY: Final = 3600
_LONGEST_NAME_SHOWN: Final = 40


class _Parameters(BaseModel, frozen=True, extra="forbid", strict=True, hide_input_in_errors=True):
    """The parameters of one kind of fault; `allowed` says it in words."""

    allowed: ClassVar[str] = "no parameters"

    def fault(self) -> Fault:
        """Make the fault."""
        raise NotImplementedError


class _Error(_Parameters, frozen=True):
    allowed = (
        "code (the name of an error), description (optional text), reason (optional, of a KMS key)"
    )
    code: str
    description: str | None = None
    reason: str | None = None

    def fault(self) -> Fault:
        return faults.error(self.code, self.description, reason=self.reason)


class _MissingErrorHeader(_Parameters, frozen=True):
    allowed = "code (optional, the name of an error), description (optional text)"
    code: str | None = None
    description: str | None = None

    def fault(self) -> Fault:
        return faults.missing_error_header(self.code, self.description)


class _SlowDown(_Parameters, frozen=True):
    def fault(self) -> Fault:
        return faults.slow_down()


class _ServerError(_Parameters, frozen=True):
    def fault(self) -> Fault:
        return faults.server_error()


class _TooManyRequests(_Parameters, frozen=True):
    def fault(self) -> Fault:
        return faults.too_many_requests()


class _Throttling(_Parameters, frozen=True):
    allowed = "retry_after_ms (optional, milliseconds from 0 to 3600000)"
    retry_after_ms: int | None = Field(default=None, ge=0, le=1000 * _LONGEST_DELAY)

    def fault(self) -> Fault:
        return faults.throttling(retry_after_ms=self.retry_after_ms)


class _HtmlPage(_Parameters, frozen=True):
    allowed = "status (optional, an HTTP status from 200 to 599)"
    status: int = 503

    def fault(self) -> Fault:
        return faults.html_page(self.status)


class _Delay(_Parameters, frozen=True):
    allowed = (
        "seconds (0 to 3600), then (optional, a table with another fault's kind and parameters)"
    )
    seconds: float = Field(ge=0, le=_LONGEST_DELAY)
    then: dict[str, object] | None = None

    def fault(self) -> Fault:
        return faults.delay(self.seconds, None if self.then is None else _next_fault(self.then))


class _ConnectionReset(_Parameters, frozen=True):
    allowed = "processed (optional, true or false)"
    processed: bool = False

    def fault(self) -> Fault:
        return faults.connection_reset(processed=self.processed)


class _BodyCut(_Parameters, frozen=True):
    allowed = "keep (optional, a number of bytes from 0)"
    keep: int = 10

    def fault(self) -> Fault:
        return faults.body_cut(self.keep)


class _WrongContentType(_Parameters, frozen=True):
    allowed = "content_type (optional text, a media type; empty for none at all)"
    content_type: str = "text/plain"

    def fault(self) -> Fault:
        return faults.wrong_content_type(self.content_type or None)


class _HugeBody(_Parameters, frozen=True):
    allowed = "size (optional, a number of bytes)"
    size: int = 16 * 1024 * 1024

    def fault(self) -> Fault:
        return faults.huge_body(self.size)


class _ClockSkew(_Parameters, frozen=True):
    allowed = "seconds (below 0 where the service is late), header_only (optional, true or false)"
    seconds: float
    header_only: bool = False

    def fault(self) -> Fault:
        return faults.clock_skew(self.seconds, header_only=self.header_only)


_KINDS: Final[Mapping[str, type[_Parameters]]] = {
    "body_cut": _BodyCut,
    "clock_skew": _ClockSkew,
    "connection_reset": _ConnectionReset,
    "delay": _Delay,
    "error": _Error,
    "html_page": _HtmlPage,
    "huge_body": _HugeBody,
    "missing_error_header": _MissingErrorHeader,
    "server_error": _ServerError,
    "slow_down": _SlowDown,
    "throttling": _Throttling,
    "too_many_requests": _TooManyRequests,
    "wrong_content_type": _WrongContentType,
}

FAULT_KINDS: Final[Mapping[str, str]] = {
    kind: parameters.allowed for kind, parameters in _KINDS.items()
}
"""What there is by name, with the parameters of each in words."""


def fault_named(kind: str, parameters: Mapping[str, object]) -> Fault:
    """Make the fault of this name.

    Raises:
        ValueError: there is no such fault, or a parameter is missing, unknown or wrong; the text says what is allowed.
    """
    model = _KINDS.get(kind)
    if model is None:
        message = f"There is no fault {_shown(kind)}: use one of {', '.join(_KINDS)}"
        raise ValueError(message)
    try:
        read = model.model_validate(dict(parameters))
    except ValidationError as error:
        # Of the parameters, which may come from the wire, only names are repeated.
        places = [problem["loc"] for problem in error.errors(include_input=False)]
    else:
        return read.fault()
    names = ", ".join(sorted({_shown(str(place[0])) for place in places if place}))
    message = f"Fault {kind!r} has missing, unknown or wrong parameters: {names}. It takes {model.allowed}"
    raise ValueError(message)


def _next_fault(table: Mapping[str, object]) -> Fault:
    """Make the fault that comes after a delay; delays do not nest."""
    kind = table.get("kind")
    if not isinstance(kind, str) or kind == "delay":
        message = (
            "Fault 'delay': 'then' needs a 'kind', which is the name of a fault other than 'delay'"
        )
        raise ValueError(message)
    return fault_named(kind, {name: value for name, value in table.items() if name != "kind"})


def _shown(name: str) -> str:
    return repr(name[:_LONGEST_NAME_SHOWN])
