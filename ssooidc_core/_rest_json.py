"""The restJson1 protocol: requests to JSON, answers to models or errors.

The rules are https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html. An error's type comes from the header
`x-amzn-ErrorType`, else the body's `code`, else its `__type`, else (added here) the OAuth `error` code.

Answers are untrusted. Text from an answer becomes part of an error only after it was cut to a limit and stripped of
control characters and of the request's own secrets. No pydantic error leaves this module, because they contain bodies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, Protocol, TypeAlias, TypedDict, TypeVar, cast
from urllib.parse import quote

from pydantic import SecretStr, ValidationError
from pydantic_core import from_json

from ssooidc_core._excerpt import excerpt, redact
from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._model import Request, Response, problems, to_json
from ssooidc_core._text import printable
from ssooidc_core.errors import (
    ConfigurationError,
    InvalidRequestRegionException,
    ResponseParseError,
    ServiceError,
    UnknownServiceError,
)

__all__ = ["Asked", "ErrorTypes", "header_value", "json_post", "parse", "parse_empty", "query_url"]

R = TypeVar("R", bound=Response)

ErrorTypes: TypeAlias = Mapping[str, type[ServiceError]]
"""A service's modelled errors by name."""

_SUCCESS: Final = range(200, 300)
_REDIRECT: Final = range(300, 400)
_FIRST_ERROR: Final = 400
_NOT_JSON: Final = "body json_invalid"
_JSON_TYPE: Final = re.compile(
    r"\s*[\w.+-]+/(?:[\w.-]+\+)?json\s*(?:;|\Z)", re.ASCII | re.IGNORECASE
)
_CODE: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}\Z")
_HEADER_VALUE: Final = re.compile(r"[\x21-\x7e]+\Z")
_MILLISECONDS: Final = re.compile(r"[0-9]{1,12}\Z")
_REQUEST_ID_LIMIT: Final = 128


def json_post(url: str, request: Request) -> HttpRequest:
    """Return the request of an operation whose members are all in the body."""
    return HttpRequest("POST", url, (("Content-Type", "application/json"),), to_json(request))


def query_url(url: str, parameters: Mapping[str, str | int | None]) -> str:
    """Return a URL with query parameters in the given order, without those that are `None`.

    Raises:
        ConfigurationError: a value contains lone surrogates, which UTF-8 cannot encode.
    """
    try:
        query = "&".join(
            f"{name}={quote(str(value), safe='-._~')}"
            for name, value in parameters.items()
            if value is not None
        )
    except UnicodeEncodeError:
        pass
    else:
        return f"{url}?{query}" if query else url
    message = "A query parameter contains text that UTF-8 cannot encode"
    raise ConfigurationError(message)


def header_value(name: str, secret: SecretStr) -> str:
    """Return a secret as the value of a header.

    Raises:
        ConfigurationError: it is empty or contains characters that a header cannot have.
    """
    if _HEADER_VALUE.match(secret.get_secret_value()) is None:
        message = f"{name} is empty or contains characters that a header cannot have"
        raise ConfigurationError(message)
    return secret.get_secret_value()


class Asked(Protocol):
    """What parsing an answer needs of the operation."""

    @property
    def request(self) -> Request:
        """The members of the request; their secrets are removed from all texts."""
        ...

    @property
    def error_types(self) -> tuple[type[ServiceError], ...]:
        """The operation's own errors, searched first if the answer has only an OAuth code."""
        ...


def parse(response: HttpResponse, model: type[R], asked: Asked, known: ErrorTypes) -> R:
    """Return the content of an answer.

    Args:
        response: the answer.
        model: the model of a successful answer.
        asked: the operation.
        known: all errors of the service.

    Raises:
        ServiceError: the service answered with an error.
        ResponseParseError: the answer does not fit the service's model.
    """
    if response.status in _SUCCESS and _is_json(response):
        try:
            result: R = model.__pydantic_validator__.validate_json(response.body)
        except ValidationError as caught:
            wrong = problems(caught, whole="body")
        else:
            return result
        # Raised outside the `except` block, whose exception contains the body.
        raise _misfit(wrong, response, model, asked)
    raise _refusal(response, asked, known)


def parse_empty(response: HttpResponse, asked: Asked, known: ErrorTypes) -> None:
    """Check the answer of an operation without output, whose body may be empty.

    Raises:
        ServiceError: the service answered with an error.
        ResponseParseError: the answer does not fit the service's model.
    """
    if response.status in _SUCCESS and not response.body:
        return
    _ = parse(response, Response, asked, known)


def _is_json(response: HttpResponse) -> bool:
    content_type = response.headers.first("content-type")
    return (
        content_type == "application/json"
        or content_type is None
        or _JSON_TYPE.match(content_type) is not None
    )


def _misfit(
    wrong: str, response: HttpResponse, model: type[Response], asked: Asked
) -> ResponseParseError:
    secrets = _secrets(asked.request)
    if wrong == _NOT_JSON:
        what = f"The answer is not JSON: {excerpt(response.body, secrets)}"
    else:
        what = f"The answer does not fit {model.__name__}: {wrong}"
    return _parse_error(what, response, secrets)


def _refusal(
    response: HttpResponse, asked: Asked, known: ErrorTypes
) -> ServiceError | ResponseParseError:
    secrets = _secrets(asked.request)
    if response.status in _SUCCESS:
        kind = printable(redact(response.headers["content-type"], secrets), limit=60)
        what = f"The answer is {kind!r}, not JSON: {excerpt(response.body, secrets)}"
        return _parse_error(what, response, secrets)
    answer = _ErrorAnswer(response, secrets)
    code, error_type = (
        answer.named(known) or answer.oauth_named(asked.error_types, known) or (None, None)
    )
    if code is None and response.status in _REDIRECT:
        return _parse_error("The answer is a redirect, which is never followed", response, secrets)
    if code is None and response.status < _FIRST_ERROR:
        return _parse_error(
            "The answer has a status that is not valid for an answer", response, secrets
        )
    common = answer.common_members(code or str(response.status))
    if error_type is InvalidRequestRegionException:
        return InvalidRequestRegionException(
            **common, endpoint=answer.text("endpoint"), region=answer.text("region")
        )
    return (error_type or UnknownServiceError)(**common)


def _parse_error(what: str, response: HttpResponse, secrets: tuple[str, ...]) -> ResponseParseError:
    request_id = _request_id(response, secrets)
    facts = f"status {response.status}" + (f", request id {request_id}" if request_id else "")
    return ResponseParseError(f"{what} ({facts})", status=response.status, request_id=request_id)


def _request_id(response: HttpResponse, secrets: tuple[str, ...]) -> str | None:
    # The portal calls it `RequestId`.
    found = response.headers.get("x-amzn-requestid") or response.headers.get("requestid")
    return printable(redact(found, secrets), limit=_REQUEST_ID_LIMIT) or None if found else None


def _secrets(sent: Request) -> tuple[str, ...]:
    values: Iterable[object] = sent.__dict__.values()
    return tuple(value.get_secret_value() for value in values if isinstance(value, SecretStr))


class _CommonMembers(TypedDict):
    code: str
    status: int
    error: str | None
    error_description: str | None
    reason: str | None
    message: str | None
    request_id: str | None
    retry_after: float | None


class _ErrorAnswer:
    """An error answer: its header fields, and the members of its body if that is a JSON object."""

    def __init__(self, response: HttpResponse, secrets: tuple[str, ...]) -> None:
        self._response = response
        self._secrets = secrets
        try:
            body: object = from_json(response.body)
        except ValueError:
            body = None
        self._members = cast("dict[str, object]", body) if isinstance(body, dict) else None

    def text(self, name: str) -> str | None:
        """Return a member that is a string, without the request's secrets."""
        value = None if self._members is None else self._members.get(name)
        return redact(value, self._secrets) if isinstance(value, str) else None

    def named(self, known: ErrorTypes) -> tuple[str, type[ServiceError]] | None:
        """Return the error's name by the protocol's rules, and its class."""
        header = self._response.headers.first("x-amzn-errortype") or ""
        # Redacted before they are cut, because a part of a secret is not recognised.
        for value in (redact(header, self._secrets), self.text("code"), self.text("__type")):
            # `FooError`, `FooError:http://uri/` and `name.space#FooError:http://uri/` are all FooError.
            code = value.partition(":")[0].rpartition("#")[2].strip() if value else ""
            if _CODE.match(code) is not None:
                return code, known.get(code, UnknownServiceError)
        return None

    def oauth_named(
        self, expected: Iterable[type[ServiceError]], known: ErrorTypes
    ) -> tuple[str, type[ServiceError]] | None:
        """Return the error with this OAuth code, preferably one of the operation's: two share `invalid_request`."""
        oauth = self.text("error")
        if oauth is None:
            return None
        located = self.text("endpoint") is not None and self.text("region") is not None
        for candidate in (*expected, *known.values()):
            if candidate.oauth_error == oauth and (
                oauth != "invalid_request"
                or (candidate is InvalidRequestRegionException) == located
            ):
                return candidate.__name__, candidate
        return (oauth, UnknownServiceError) if _CODE.match(oauth) is not None else None

    def _message(self) -> str | None:
        # The models write it in lower case; signature and IAM policy checks in front of a service use a capital.
        message = self.text("message")
        return self.text("Message") if message is None else message

    def common_members(self, code: str) -> _CommonMembers:
        """Return the members that every error has."""
        unreadable = self._members is None
        return {
            "code": code,
            "status": self._response.status,
            "error": self.text("error"),
            "error_description": excerpt(self._response.body, self._secrets)
            if unreadable
            else self.text("error_description"),
            "reason": self.text("reason"),
            "message": self._message(),
            "request_id": _request_id(self._response, self._secrets),
            "retry_after": _retry_after(self._response),
        }


def _retry_after(response: HttpResponse) -> float | None:
    milliseconds = response.headers.get("x-amz-retry-after", "")
    return int(milliseconds) / 1000 if _MILLISECONDS.match(milliseconds) is not None else None
