"""The file of recorded exchanges: JSON with a version, written for its owner only and in one piece."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Final, Literal, TypeAlias

from pydantic import (
    AwareDatetime,
    BaseModel,
    Field,
    JsonValue,
    ValidationError,
    field_validator,
)
from pydantic.alias_generators import to_camel

from ssooidc_core._config import ClientConfig
from ssooidc_core.errors import (
    ConfigurationError,
    ConnectFailed,
    ConnectionLost,
    ResponseTooLarge,
    Timeout,
    TransportError,
)
from ssooidc_transports.cassettes._known_safe import NEVER_KEPT, URLS

__all__ = [
    "Cassette",
    "Exchange",
    "Failure",
    "RecordedConfig",
    "RecordedRequest",
    "RecordedResponse",
    "read_cassette",
    "write_cassette",
]

_FORMAT: Final = "ssooidc-cassette"
_VERSION: Final = 1
_LARGEST: Final = 64 * 1024 * 1024
_TOO_LARGE: Final = f"it has more than {_LARGEST} bytes"

ErrorName: TypeAlias = Literal[
    "TransportError", "ConnectFailed", "ConnectionLost", "ResponseTooLarge", "Timeout"
]
_ERRORS: Final[dict[ErrorName, type[TransportError]]] = {
    "TransportError": TransportError,
    "ConnectFailed": ConnectFailed,
    "ConnectionLost": ConnectionLost,
    "ResponseTooLarge": ResponseTooLarge,
    "Timeout": Timeout,
}


class _Part(
    BaseModel,
    frozen=True,
    extra="forbid",
    alias_generator=to_camel,
    populate_by_name=True,
    hide_input_in_errors=True,
):
    """What all parts of the file share."""


class RecordedConfig(_Part, frozen=True):
    """What of the config shapes requests; see `ssooidc_core.ClientConfig`."""

    region: str | None = None
    endpoint_url: str | None = None
    portal_endpoint_url: str | None = None
    use_fips: bool = False
    use_dualstack: bool = False
    allow_insecure_http: bool = False
    max_attempts: int = 3

    def config(self) -> ClientConfig:
        """Make the config.

        Raises:
            ConfigurationError: it is none.
        """
        return ClientConfig(**self.model_dump())


class RecordedRequest(_Part, frozen=True):
    """A scrubbed request.

    Attributes:
        method: the method.
        url: the URL.
        bearer: the placeholder of the access token that the portal is shown, or `None`.
        members: the members of a JSON body, or `None`.
        opaque: the placeholder of a body that is no JSON object, or `None`.
    """

    method: str
    url: str
    bearer: str | None = None
    members: dict[str, JsonValue] | None = None
    opaque: str | None = None


class RecordedResponse(_Part, frozen=True):
    """A scrubbed answer; `members` and `opaque` are as in a request."""

    status: int = Field(ge=100, le=999)
    headers: tuple[tuple[str, str], ...] = ()
    members: dict[str, JsonValue] | None = None
    opaque: str | None = None


class Failure(_Part, frozen=True):
    """A transport error, without its text."""

    error: ErrorName
    may_have_been_sent: bool

    @classmethod
    def of(cls, error: TransportError) -> Failure:
        """Name the kind of an error."""
        for name, kind in reversed(_ERRORS.items()):
            if isinstance(error, kind):
                return cls(error=name, may_have_been_sent=error.may_have_been_sent)
        raise AssertionError

    def exception(self) -> TransportError:
        """Make an error of the kind."""
        message = f"The recording has a {self.error} here"
        return _ERRORS[self.error](message, may_have_been_sent=self.may_have_been_sent)


class Exchange(_Part, frozen=True):
    """A request and what came of it."""

    request: RecordedRequest
    outcome: RecordedResponse | Failure


class Cassette(_Part, frozen=True):
    """A whole recording.

    Attributes:
        began: when; a replay's clock begins there, since answers hold times.
        config: where the requests went.
        keep: the members that were kept on demand.
        exchanges: in the order in which they ended.
    """

    format: Literal["ssooidc-cassette"] = _FORMAT
    version: Literal[1] = _VERSION
    began: AwareDatetime
    config: RecordedConfig
    keep: tuple[str, ...] = ()
    exchanges: tuple[Exchange, ...] = ()

    @field_validator("keep")
    @classmethod
    def _no_secrets(cls, keep: tuple[str, ...]) -> tuple[str, ...]:
        if not (NEVER_KEPT | URLS).isdisjoint(keep):
            message = "secrets are never kept"
            raise ValueError(message)
        return keep


class _Head(BaseModel, frozen=True, hide_input_in_errors=True):
    """What every version of the file has."""

    format: Literal["ssooidc-cassette"]
    version: int


def write_cassette(path: Path, cassette: Cassette) -> None:
    """Put a recording into the place of the file, readable by its owner only; an interrupted write leaves the old one.

    Raises:
        OSError: the folder is missing or not writable.
    """
    text = cassette.model_dump_json(by_alias=True, exclude_none=True, indent=1) + "\n"
    # mkstemp makes it with mode 0600.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            _ = file.write(text)
        _ = Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def read_cassette(path: Path) -> Cassette:
    """Read a recording.

    Raises:
        ConfigurationError: there is none, or it is broken or of another version; the text says what to do.
    """
    try:
        with path.open("rb") as file:
            document = file.read(_LARGEST + 1)
    except OSError as caught:
        problem = caught.strerror or type(caught).__name__
    else:
        problem = _TOO_LARGE if len(document) > _LARGEST else ""
        if not problem:
            try:
                head = _Head.model_validate_json(document)
                if head.version == _VERSION:
                    return Cassette.model_validate_json(document)
                problem = (
                    f"it has version {head.version}, and this library reads version {_VERSION}"
                )
            except ValidationError as invalid:
                problem = _problems(invalid)
    message = f"{path} is no cassette that can be replayed ({problem}): record it again"
    raise ConfigurationError(message)


def _problems(invalid: ValidationError) -> str:
    found = invalid.errors(include_input=False, include_context=False, include_url=False)
    return ", ".join(
        f"{'.'.join(map(str, each['loc'])) or 'document'} {each['type']}" for each in found[:5]
    )
