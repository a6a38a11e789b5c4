"""The pydantic models that requests, responses and stored documents are made of.

Attributes are snake_case, wire names camelCase. All are frozen; sequences are tuples, so that models hash. Requests
refuse unknown arguments, everything that is read ignores them, and `null` reads as absent.

Secrets are `SecretStr`: masked in `repr`, `str`, `model_dump()` and `model_dump_json()`. Only the wire encoder and the
explicit `..._with_secrets` functions reveal them. A pickle of a model holds its secrets in the clear.
"""

from __future__ import annotations

from typing import Annotated, Final, Protocol

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    PlainSerializer,
    SecretStr,
    SerializationInfo,
)
from pydantic.alias_generators import to_camel

from ssooidc_core.errors import ConfigurationError

__all__ = [
    "WITH_SECRETS",
    "DeviceCodeLifetime",
    "EpochSeconds",
    "Model",
    "PollingInterval",
    "RegisteredClient",
    "Request",
    "Response",
    "Seconds",
    "Secret",
    "Stored",
    "WITH_SECRETS",
    "as_secret",
    "empty_if_absent",
    "to_json",
    "zero_if_absent",
]

WITH_SECRETS: Final = object()
"""The serialisation context under which secrets are revealed; an object, so that no caller's value equals it."""

_MASK: Final = "**********"
_MAX_SECONDS: Final = 2**31 - 1
_MAX_EPOCH: Final = 253_402_300_799  # 9999-12-31T23:59:59Z, the last second that datetime knows
_DEFAULT_INTERVAL: Final = 5
_DEFAULT_DEVICE_CODE_LIFETIME: Final = 600


def _checked(value: SecretStr) -> SecretStr:
    secret = value.get_secret_value()
    if secret == _MASK:
        message = "this is the mask that stands for a secret in a dump, not the secret"
        raise ValueError(message)
    if any("\ud800" <= character <= "\udfff" for character in secret):
        message = "a secret may not hold lone surrogates: it could not be sent"
        raise ValueError(message)
    return value


def _reveal(value: SecretStr, info: SerializationInfo) -> str:
    return value.get_secret_value() if info.context is WITH_SECRETS else str(value)


Secret = Annotated[
    SecretStr,
    AfterValidator(_checked),
    PlainSerializer(_reveal, return_type=str, when_used="json-unless-none"),
]
"""A secret string. The mask `**********` and lone surrogates are refused with a `pydantic.ValidationError`."""


def zero_if_absent(value: object) -> object:
    """Read `null` as 0, the default that the service's models give their integers."""
    return 0 if value is None else value


def empty_if_absent(value: object) -> object:
    """Read `null` as an empty list."""
    return () if value is None else value


def _interval(value: object) -> object:
    return _DEFAULT_INTERVAL if _absent_or_below_one(value) else value


def _device_code_lifetime(value: object) -> object:
    return _DEFAULT_DEVICE_CODE_LIFETIME if _absent_or_below_one(value) else value


def _absent_or_below_one(value: object) -> bool:
    return value is None or (isinstance(value, (int, float)) and value < 1)


Seconds = Annotated[int, BeforeValidator(zero_if_absent), Field(ge=0, le=_MAX_SECONDS)]
"""A duration; absent and `null` read 0, the service model's default."""

EpochSeconds = Annotated[int, BeforeValidator(zero_if_absent), Field(ge=0, le=_MAX_EPOCH)]
"""Seconds since 1970-01-01T00:00:00Z; absent and `null` read 0, the service model's default."""

PollingInterval = Annotated[int, BeforeValidator(_interval), Field(ge=1, le=_MAX_SECONDS)]
"""Seconds between polls; absent, `null` and anything below 1 read 5 (RFC 8628 section 3.2)."""

DeviceCodeLifetime = Annotated[
    int, BeforeValidator(_device_code_lifetime), Field(ge=1, le=_MAX_SECONDS)
]
"""Seconds that a device code lives; absent, `null` and anything below 1 read 600, what the service sends."""


class Model(
    BaseModel,
    frozen=True,
    alias_generator=to_camel,
    populate_by_name=True,
    hide_input_in_errors=True,
):
    """What all models share."""


class Request(Model, frozen=True, extra="forbid"):
    """What is sent: a misspelt argument must not vanish."""


class Response(Model, frozen=True):
    """What the service answers: members that this version does not know are ignored."""


class Stored(Model, frozen=True):
    """A document of our own that outlives a process."""


class RegisteredClient(Protocol):
    """A registered client: what RegisterClient answered, or a stored copy of it."""

    @property
    def client_id(self) -> str:
        """The client's id."""
        ...

    @property
    def client_secret(self) -> SecretStr:
        """The client's secret."""
        ...


def as_secret(value: str | SecretStr) -> SecretStr:
    """Wrap a plain string; a secret stays as it is."""
    return SecretStr(value) if isinstance(value, str) else value


def to_json(model: BaseModel) -> bytes:
    """Encode a model for the wire or for storage: camelCase, absent members left out, **secrets in the clear**.

    Raises:
        ConfigurationError: a text in it holds lone surrogates, which UTF-8 cannot.
    """
    try:
        return model.__pydantic_serializer__.to_json(
            model, by_alias=True, exclude_none=True, context=WITH_SECRETS
        )
    except ValueError:
        # The serialiser's error quotes the text, and the text may be secret.
        message = f"{type(model).__name__} holds a text that UTF-8 cannot encode"
    raise ConfigurationError(message)
