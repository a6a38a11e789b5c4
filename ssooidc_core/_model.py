"""The pydantic models that requests, responses and stored documents are made of.

Attributes are snake_case, wire names camelCase. All are frozen; sequences are tuples, so that models hash. Requests
refuse unknown arguments, everything that is read ignores them, and `null` reads as absent.

Secrets are `SecretStr`: masked in `repr`, `str`, `model_dump()` and `model_dump_json()`. Only the wire encoder and the
explicit `..._with_secrets` functions reveal them. A pickle of a model holds its secrets in the clear.
"""

from __future__ import annotations

from typing import Annotated, Final, Protocol

from pydantic import BaseModel, BeforeValidator, Field, SecretStr, SerializationInfo
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError, core_schema

from ssooidc_core.errors import ConfigurationError

__all__ = [
    "WITH_SECRETS",
    "DeviceCodeLifetime",
    "EpochSeconds",
    "Integer",
    "Model",
    "PollingInterval",
    "RegisteredClient",
    "Request",
    "Response",
    "Seconds",
    "Secret",
    "Stored",
    "as_secret",
    "empty_if_absent",
    "to_json",
]

WITH_SECRETS: Final = object()
"""The serialisation context under which secrets are revealed; an object, so that no caller's value equals it."""

_MASK: Final = "**********"
_MASKED_SECRET: Final = "masked_secret"  # noqa: S105 - the name of a mistake
_MAX_SECONDS: Final = 2**31 - 1
_MAX_EPOCH: Final = 253_402_300_799  # 9999-12-31T23:59:59Z, the last second that datetime knows
_DEFAULT_INTERVAL: Final = 5
_DEFAULT_DEVICE_CODE_LIFETIME: Final = 600


class _SecretSchema:
    """Makes `SecretStr` of strings, as pydantic does, and refuses the mask in the same step."""

    @staticmethod
    def __get_pydantic_core_schema__(_source: object, _handler: object) -> core_schema.CoreSchema:
        text = core_schema.no_info_after_validator_function(_secret, core_schema.str_schema())
        given = core_schema.no_info_after_validator_function(
            _not_the_mask, core_schema.is_instance_schema(SecretStr)
        )
        return core_schema.json_or_python_schema(
            json_schema=text,
            python_schema=core_schema.union_schema(
                [given, text],
                mode="left_to_right",
                custom_error_type="secret",
                custom_error_message=f"Input should be a SecretStr, and not {_MASK}, which hides one in a dump",
            ),
            serialization=core_schema.plain_serializer_function_ser_schema(
                _reveal,
                info_arg=True,
                return_schema=core_schema.str_schema(),
                when_used="json-unless-none",
            ),
        )


def _not_the_mask(value: SecretStr) -> SecretStr:
    return value if value.get_secret_value() != _MASK else _secret(_MASK)


def _secret(value: str) -> SecretStr:
    if value == _MASK:
        message = "this is the mask that stands for a secret in a dump, not the secret"
        raise PydanticCustomError(_MASKED_SECRET, message)
    return SecretStr(value)


def _reveal(value: SecretStr, info: SerializationInfo) -> str:
    return value.get_secret_value() if info.context is WITH_SECRETS else _MASK


Secret = Annotated[SecretStr, _SecretSchema]
"""A secret string.

The mask `**********` is refused with a `pydantic.ValidationError`; a lone surrogate, which UTF-8 cannot encode, makes
sending and storing fail with a `ConfigurationError`.
"""


def empty_if_absent(value: object) -> object:
    """Read `null` as an empty list."""
    return () if value is None else value


def _interval(value: object) -> object:
    return _DEFAULT_INTERVAL if _absent_or_below_one(value) else value


def _device_code_lifetime(value: object) -> object:
    return _DEFAULT_DEVICE_CODE_LIFETIME if _absent_or_below_one(value) else value


def _absent_or_below_one(value: object) -> bool:
    return value is None or (isinstance(value, (int, float)) and value < 1)


class Integer:
    """A bounded integer for which `null` reads as 0, the default that the service's models give their integers."""

    def __init__(self, most: int) -> None:
        """Take the largest value; the smallest is 0."""
        self._most = most

    def __get_pydantic_core_schema__(
        self, _source: object, _handler: object
    ) -> core_schema.CoreSchema:
        """Try the integer first: it then needs no step in Python."""
        absent = core_schema.no_info_after_validator_function(_zero, core_schema.none_schema())
        present = core_schema.int_schema(ge=0, le=self._most)
        # One error with our name instead of two with pydantic's, which change with its version.
        return core_schema.union_schema(
            [present, absent],
            mode="left_to_right",
            custom_error_type="bounded_integer",
            custom_error_message=f"Input should be an integer from 0 to {self._most}",
        )


def _zero(_: None) -> int:
    return 0


Seconds = Annotated[int, Integer(_MAX_SECONDS)]
"""A duration; absent and `null` read 0, the service model's default."""

EpochSeconds = Annotated[int, Integer(_MAX_EPOCH)]
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


class Request(Model, frozen=True, extra="forbid", loc_by_alias=False):
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
