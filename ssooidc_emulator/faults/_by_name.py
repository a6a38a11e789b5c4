"""Faults by name, for scene files and the admin endpoint: `fault_named("throttling", {"retry_after_ms": 1500})`.

The names and parameters are those of the functions in `ssooidc_emulator.faults`. Error messages contain the names of
parameters, but no values.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Final, cast

from pydantic import ConfigDict, Field, ValidationError, validate_call

from ssooidc_emulator.faults import _kinds as faults
from ssooidc_emulator.faults._kinds import Fault

__all__ = ["FAULT_KINDS", "fault_named"]

_LONGEST_DELAY: Final = 3600
_LONGEST_NAME_SHOWN: Final = 40


def _delay(
    seconds: Annotated[float, Field(ge=0, le=_LONGEST_DELAY)],
    then: dict[str, object] | None = None,
) -> Fault:
    return faults.delay(seconds, None if then is None else _next_fault(then))


def _throttling(
    *, retry_after_ms: Annotated[int, Field(ge=0, le=1000 * _LONGEST_DELAY)] | None = None
) -> Fault:
    return faults.throttling(retry_after_ms=retry_after_ms)


def _wrong_content_type(content_type: str = "text/plain") -> Fault:
    return faults.wrong_content_type(content_type or None)


# Where the parameters of a scene file or a request to the admin endpoint differ from those of the function.
_FORMS: Final[Mapping[str, Callable[..., Fault]]] = {
    "delay": _delay,
    "throttling": _throttling,
    "wrong_content_type": _wrong_content_type,
}
# The parameters in words, for error messages. Without an entry, the message names them only.
_WORDS: Final[Mapping[str, str]] = {
    "body_cut": "keep (optional, a number of bytes from 0)",
    "clock_skew": (
        "seconds (below 0 if the service's clock is behind), header_only (optional, true or false)"
    ),
    "connection_reset": "processed (optional, true or false)",
    "delay": (
        "seconds (0 to 3600), then (optional, a table with another fault's kind and parameters)"
    ),
    "error": (
        "code (the name of an error), description (optional text), reason (optional, of a KMS key)"
    ),
    "html_page": "status (optional, an HTTP status from 200 to 599)",
    "huge_body": "size (optional, a number of bytes)",
    "missing_error_header": ("code (optional, the name of an error), description (optional text)"),
    "throttling": "retry_after_ms (optional, milliseconds from 0 to 3600000)",
    "wrong_content_type": (
        "content_type (optional text, a media type; empty for no header at all)"
    ),
}


def _in_words(kind: str, function: Callable[..., Fault]) -> str:
    return _WORDS.get(kind) or ", ".join(inspect.signature(function).parameters) or "no parameters"


# The functions of `_kinds`; its classes are in capitals.
_FUNCTIONS: Final[Mapping[str, Callable[..., Fault]]] = {
    kind: _FORMS.get(kind) or cast("Callable[..., Fault]", getattr(faults, kind))
    for kind in faults.__all__
    if kind.islower()
}
_KINDS: Final[Mapping[str, tuple[Callable[..., Fault], str]]] = {
    kind: (function, _in_words(kind, function)) for kind, function in _FUNCTIONS.items()
}

FAULT_KINDS: Final[Mapping[str, str]] = {kind: allowed for kind, (_, allowed) in _KINDS.items()}
"""The names of all faults, with a description of the parameters of each."""


def fault_named(kind: str, parameters: Mapping[str, object]) -> Fault:
    """Return the fault of this name.

    Raises:
        ValueError: there is no such fault, or a parameter is missing, unknown or wrong; the message says what is
            allowed.
    """
    if kind not in _KINDS:
        message = f"There is no fault {_shown(kind)}: use one of {', '.join(_KINDS)}"
        raise ValueError(message)
    function, allowed = _KINDS[kind]
    made = _checked_call(function, parameters)
    if not isinstance(made, set):
        return made
    names = ", ".join(sorted(map(_shown, made)))
    message = (
        f"Fault {kind!r} has missing, unknown or wrong parameters: {names}. It takes {allowed}"
    )
    raise ValueError(message)


def _checked_call(
    function: Callable[..., Fault], parameters: Mapping[str, object]
) -> Fault | set[str]:
    """Return the fault, or the names of parameters that are missing, unknown or wrong."""
    expected = inspect.signature(function).parameters
    wrong = {name for name in parameters if name not in expected}
    checked = validate_call(config=ConfigDict(strict=True, hide_input_in_errors=True))(function)
    try:
        fault = checked(**{name: parameters[name] for name in parameters if name in expected})
    except ValidationError as error:
        return wrong | {str(problem["loc"][0]) for problem in error.errors(include_input=False)}
    return wrong or fault


def _next_fault(table: Mapping[str, object]) -> Fault:
    """Return the fault that follows a delay; delays cannot be nested."""
    kind = table.get("kind")
    if not isinstance(kind, str) or kind == "delay":
        message = (
            "Fault 'delay': 'then' needs a 'kind', which is the name of a fault other than 'delay'"
        )
        raise ValueError(message)
    return fault_named(kind, {name: value for name, value in table.items() if name != "kind"})


def _shown(name: str) -> str:
    return repr(name[:_LONGEST_NAME_SHOWN])
