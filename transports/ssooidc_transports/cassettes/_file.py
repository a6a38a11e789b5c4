"""The file format of a cassette: versioned JSON, readable by its owner only, replaced atomically."""

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
from ssooidc_transports.cassettes._kept_values import NEVER_KEPT, URLS

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
    """The settings that all parts of the file share."""


class RecordedConfig(_Part, frozen=True):
    """The settings of `ssooidc_core.ClientConfig` that influence requests."""

    region: str | None = None
    endpoint_url: str | None = None
    portal_endpoint_url: str | None = None
    use_fips: bool = False
    use_dualstack: bool = False
    allow_insecure_http: bool = False
    max_attempts: int = 3

    def config(self) -> ClientConfig:
        """Return the configuration.

        Raises:
            ConfigurationError: the recorded settings are not a valid configuration.
        """
        return ClientConfig(**self.model_dump())


class RecordedRequest(_Part, frozen=True):
    """A scrubbed request.

    Attributes:
        method: the method.
        url: the URL.
        bearer: the placeholder of the access token in a request to the portal, or `None`.
        members: the members of a JSON body, or `None`.
        opaque: the placeholder of a body that is not a JSON object, or `None`.
    """

    method: str
    url: str
    bearer: str | None = None
    members: dict[str, JsonValue] | None = None
    opaque: str | None = None


class RecordedResponse(_Part, frozen=True):
    """A scrubbed response; `members` and `opaque` are the same as in a request."""

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
        """Return the record of an error."""
        for name, kind in reversed(_ERRORS.items()):
            if isinstance(error, kind):
                return cls(error=name, may_have_been_sent=error.may_have_been_sent)
        raise AssertionError

    def exception(self) -> TransportError:
        """Return an error of the recorded type."""
        message = f"The recording has a {self.error} here"
        return _ERRORS[self.error](message, may_have_been_sent=self.may_have_been_sent)


class Exchange(_Part, frozen=True):
    """A request and its outcome."""

    request: RecordedRequest
    outcome: RecordedResponse | Failure


class Cassette(_Part, frozen=True):
    """A whole recording.

    Attributes:
        began: when the recording began. The clock of a replay starts at this time, since responses contain times.
        config: the settings of the recorded transport.
        keep: the additional members that were kept.
        exchanges: the exchanges, in the order in which they ended.
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
    """The members that every version of the file has."""

    format: Literal["ssooidc-cassette"]
    version: int


def write_cassette(path: Path, cassette: Cassette) -> None:
    """Write a recording to the file, readable by its owner only. An interrupted write leaves the previous file.

    Raises:
        OSError: the folder does not exist or is not writable.
    """
    text = cassette.model_dump_json(by_alias=True, exclude_none=True, indent=1) + "\n"
    # mkstemp creates it with mode 0600.
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
        ConfigurationError: the file does not exist, is broken, or has another version. The text says what to do.
    """
    try:
        with path.open("rb") as file:
            document = file.read(_LARGEST + 1)
        if len(document) > _LARGEST:
            problem = f"it has more than {_LARGEST} bytes"
        elif (version := _Head.model_validate_json(document).version) != _VERSION:
            problem = f"it has version {version}, and this library reads version {_VERSION}"
        else:
            return Cassette.model_validate_json(document)
    except OSError as caught:
        problem = caught.strerror or type(caught).__name__
    except ValidationError as invalid:
        problem = _problems(invalid)
    message = f"{path} is not a cassette that can be replayed ({problem}): record it again"
    raise ConfigurationError(message)


def _problems(invalid: ValidationError) -> str:
    found = invalid.errors(include_input=False, include_context=False, include_url=False)
    return ", ".join(
        f"{'.'.join(map(str, each['loc'])) or 'document'} {each['type']}" for each in found[:5]
    )
