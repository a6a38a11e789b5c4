"""The pydantic base classes and types of requests, responses and stored documents.

Attributes are snake_case, wire names camelCase. All models are frozen, and sequences are tuples, so that models hash.
Requests refuse unknown arguments; responses and documents ignore unknown members and read `null` as absent.

Secrets are `SecretStr`: masked in `repr`, `str`, `model_dump()` and `model_dump_json()`. Only the wire encoder and the
`..._with_secrets` methods reveal them. A pickle of a model contains its secrets in the clear.
"""

from __future__ import annotations

import functools
from typing import Annotated, Final, Protocol, Self, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    SecretStr,
    SerializationInfo,
    ValidationError,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError, core_schema
from pydantic_core import to_json as encode

from ssooidc_core._interruptions import without_frames
from ssooidc_core.errors import ConfigurationError

__all__ = [
    "MASK",
    "WITH_SECRETS",
    "DeviceCodeLifetime",
    "EpochSeconds",
    "Integer",
    "Model",
    "Moment",
    "PollingInterval",
    "RegisteredClient",
    "Request",
    "Response",
    "Seconds",
    "Secret",
    "Stored",
    "as_secret",
    "empty_if_absent",
    "problems",
    "to_json",
]

WITH_SECRETS: Final = object()
"""The serialisation context that reveals secrets; an object, so that no other value equals it."""

MASK: Final = "**********"
"""What replaces a secret in a dump: reading it back as a secret would lose the secret without a word."""

_MASKED_SECRET: Final = "masked_secret"  # noqa: S105 - the name of an error
_MAX_SECONDS: Final = 2**31 - 1
_MAX_EPOCH: Final = 253_402_300_799  # 9999-12-31T23:59:59Z, the last second of datetime
_DEFAULT_INTERVAL: Final = 5
_DEFAULT_DEVICE_CODE_LIFETIME: Final = 600


class _SecretSchema:
    """Converts strings to `SecretStr`, as pydantic does, and refuses the mask in the same step."""

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
                custom_error_message=f"Input should be a SecretStr, and not {MASK}, which hides one in a dump",
            ),
            serialization=core_schema.plain_serializer_function_ser_schema(
                _reveal,
                info_arg=True,
                return_schema=core_schema.str_schema(),
                when_used="json-unless-none",
            ),
        )


def _not_the_mask(value: SecretStr) -> SecretStr:
    return value if value.get_secret_value() != MASK else _secret(MASK)


def _secret(value: str) -> SecretStr:
    if value == MASK:
        message = "this is the mask that replaces a secret in a dump, not the secret"
        raise PydanticCustomError(_MASKED_SECRET, message)
    return SecretStr(value)


def _reveal(value: SecretStr, info: SerializationInfo) -> str:
    return value.get_secret_value() if info.context is WITH_SECRETS else MASK


Secret = Annotated[SecretStr, _SecretSchema]
"""A secret string.

The mask `**********` is refused with a `pydantic.ValidationError`. A lone surrogate, which UTF-8 cannot encode, makes
sending and storing raise a `ConfigurationError`.
"""


def empty_if_absent(value: object) -> object:
    """Return an empty list for `null`, and any other value unchanged."""
    return () if value is None else value


def _interval(value: object) -> object:
    return _DEFAULT_INTERVAL if _absent_or_below_one(value) else value


def _device_code_lifetime(value: object) -> object:
    return _DEFAULT_DEVICE_CODE_LIFETIME if _absent_or_below_one(value) else value


def _absent_or_below_one(value: object) -> bool:
    return value is None or (isinstance(value, (int, float)) and value < 1)


class Integer:
    """A bounded integer; `null` reads as 0, the default of integers in the service's models."""

    def __init__(self, most: int) -> None:
        """Set the largest value; the smallest is 0."""
        self._most = most

    def __get_pydantic_core_schema__(
        self, _source: object, _handler: object
    ) -> core_schema.CoreSchema:
        """Build the schema; it tries the integer first, which needs no Python code."""
        absent = core_schema.no_info_after_validator_function(_zero, core_schema.none_schema())
        present = core_schema.int_schema(ge=0, le=self._most)
        # One error with a name of our own, instead of two of pydantic's, whose names change between versions.
        return core_schema.union_schema(
            [present, absent],
            mode="left_to_right",
            custom_error_type="bounded_integer",
            custom_error_message=f"Input should be an integer from 0 to {self._most}",
        )


def _zero(_: None) -> int:
    return 0


Seconds = Annotated[int, Integer(_MAX_SECONDS)]
"""A duration; absent and `null` read as 0, the service model's default."""

EpochSeconds = Annotated[int, Integer(_MAX_EPOCH)]
"""Seconds since 1970-01-01T00:00:00Z; absent and `null` read as 0, the service model's default."""

Moment = Annotated[float, Field(ge=0, le=_MAX_EPOCH, allow_inf_nan=False)]
"""A moment in epoch seconds, with fractions."""

PollingInterval = Annotated[int, BeforeValidator(_interval), Field(ge=1, le=_MAX_SECONDS)]
"""Seconds between polls; absent, `null` and values below 1 read as 5 (RFC 8628 section 3.2)."""

DeviceCodeLifetime = Annotated[
    int, BeforeValidator(_device_code_lifetime), Field(ge=1, le=_MAX_SECONDS)
]
"""Seconds that a device code is valid; absent, `null` and values below 1 read as 600, as the service sends."""


class Model(
    BaseModel,
    frozen=True,
    alias_generator=to_camel,
    populate_by_name=True,
    hide_input_in_errors=True,
):
    """The base of all models."""


class Request(Model, frozen=True, extra="forbid", loc_by_alias=False):
    """The base of requests; unknown arguments are errors, so that a misspelt one does not vanish."""


class Response(Model, frozen=True):
    """The base of answers; members that this version does not know are ignored."""


class Stored(Model, frozen=True):
    """The base of documents of this library that outlive a process."""

    def to_json_with_secrets(self) -> str:
        """Return it as JSON **with its secrets in the clear**; protect this text like a password.

        `model_dump_json()` masks secrets, so what it returns cannot be read again.

        Raises:
            ConfigurationError: a text in it contains lone surrogates, which UTF-8 cannot encode.
        """
        return to_json(self).decode()

    @classmethod
    def from_json(cls, document: str | bytes) -> Self:
        """Read what `to_json_with_secrets` returned.

        Raises:
            ConfigurationError: the document is something else, or its secrets are masked.
        """
        try:
            return cls.model_validate_json(document)
        except ValidationError as invalid:
            wrong = problems(invalid, whole="document")
        except BaseException as struck:  # noqa: BLE001 - raised again
            del document
            raise without_frames(struck) from None
        # A traceback may show the variables of its frames.
        del document
        message = f"This is not a stored {cls.__name__} ({wrong}); start the login again"
        raise ConfigurationError(message)


class RegisteredClient(Protocol):
    """A registered client: the answer of RegisterClient, or a stored copy of it."""

    @property
    def client_id(self) -> str:
        """The client's id."""
        ...

    @property
    def client_secret(self) -> SecretStr:
        """The client's secret."""
        ...


def as_secret(value: str | SecretStr) -> SecretStr:
    """Return a string as a secret, and a secret unchanged."""
    return SecretStr(value) if isinstance(value, str) else value


def problems(invalid: ValidationError, *, whole: str) -> str:
    """Return up to five problems by pydantic's names, each after the name of its member; never a value.

    Args:
        invalid: the error that pydantic raised.
        whole: used in place of a member's name if the whole text is wrong.
    """
    found = invalid.errors(include_input=False, include_context=False, include_url=False)[:5]
    return ", ".join(
        f"{'.'.join(map(str, problem['loc'])) or whole} {problem['type']}" for problem in found
    )


def to_json(model: BaseModel) -> bytes:
    """Encode a model for the wire or for storage: camelCase, without absent members, **secrets in the clear**.

    Raises:
        ConfigurationError: a text in it contains lone surrogates, which UTF-8 cannot encode.
    """
    # Not with the model's serializer: it calls Python code for each secret, and turns whatever is raised there, a
    # KeyboardInterrupt at that moment too, into a ValueError or a warning.
    try:
        return encode(_revealed(model), bytes_mode="base64")
    except ValueError:
        # The serializer's error quotes the text, which may be secret.
        message = f"{type(model).__name__} contains text that UTF-8 cannot encode"
    raise ConfigurationError(message)


@functools.cache
def _names(kind: type[BaseModel]) -> tuple[tuple[str, str], ...]:
    """Return the attributes of a model with their names on the wire."""
    return tuple(
        (name, field.serialization_alias or field.alias or name)
        for name, field in kind.__pydantic_fields__.items()
    )


def _revealed(value: object) -> object:
    """Return a value with its secrets as plain strings and its models as dictionaries, without absent members."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, BaseModel):
        values = value.__dict__
        return {
            written: _revealed(values[name])
            for name, written in _names(type(value))
            if values[name] is not None
        }
    if isinstance(value, list | tuple):
        return [_revealed(item) for item in cast("list[object]", value)]
    return value
