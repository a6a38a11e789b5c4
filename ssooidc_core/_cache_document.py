"""JSON documents that several tools write: read whatever they wrote, and write what they would.

What was read is kept with what was made of it, so that a document that is written again has the order of its keys and
those keys that nobody here knows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, TypeAlias, TypeVar

from pydantic import JsonValue, SecretStr, TypeAdapter, ValidationError

from ssooidc_core.errors import CacheFileInvalid

__all__ = [
    "AsRead",
    "Document",
    "Member",
    "Reader",
    "format_timestamp",
    "merged",
    "parse_timestamp",
    "read",
]

T = TypeVar("T")

_LARGEST: Final = 1024 * 1024
_A_TIME: Final = "a time such as 2026-01-31T12:00:00Z"
_FORMAT: Final = "%Y-%m-%dT%H:%M:%SZ"
# Z: the AWS CLI. UTC: its old versions. An offset: Ruby and Go. Fractions: JavaScript.
_TIMESTAMP: Final = re.compile(
    r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(\.\d{1,9})?\s?(Z|UTC|[+-]\d\d:?\d\d)\Z",
    re.ASCII | re.IGNORECASE,
)

Document: TypeAlias = dict[str, JsonValue]
"""A JSON object."""

Member: TypeAlias = str | SecretStr | datetime | tuple[str, ...] | None
"""What a member of a document may be here; `None` leaves it out."""

_DOCUMENT: Final = TypeAdapter(Document)


class AsRead:
    """A document as it was read; an object of its own, so that no dump of a dataclass shows what is in it."""

    __slots__ = ("document",)

    def __init__(self, document: Document | None = None) -> None:
        """Keep it."""
        self.document: Final = {} if document is None else document


def parse_timestamp(text: str) -> datetime | None:
    """Read a time as any AWS tool writes it, to UTC; `None` where it is none."""
    found = _TIMESTAMP.match(text.strip())
    if found is None:
        return None
    day, fraction, zone = found.groups()
    offset = "+00:00" if zone.upper() in {"Z", "UTC"} else zone
    try:
        # Six digits are what Python's clock has.
        return datetime.fromisoformat(f"{day}{(fraction or '')[:7]}{offset}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def format_timestamp(moment: datetime) -> str:
    """Write a time as the AWS CLI does: UTC, cut to seconds."""
    return moment.astimezone(UTC).strftime(_FORMAT).rjust(20, "0")


class Reader:
    """Takes members out of a document, and says which is wrong without quoting it."""

    def __init__(self, text: str | bytes, kind: str, document: Document | None = None) -> None:
        """Read a text; `kind` names the file in errors.

        Raises:
            CacheFileInvalid: it holds no JSON object, or is too large.
        """
        self._kind = kind
        self.document: Document = _parsed(text, kind) if document is None else document
        self._keys: dict[str, str] = {}
        for key in self.document:
            # Of `accessToken` and `AccessToken` the last one counts, unless one is spelt as asked for.
            self._keys[key.lower()] = key

    def inner(self, name: str) -> Reader:
        """Give the reader of an object inside."""
        value = self._get(name)
        if not isinstance(value, dict):
            raise self._wrong(name, "an object")
        return Reader(b"", self._kind, value)

    def text(self, name: str) -> str | None:
        """Give a text; absent, `null` and empty are the same."""
        value = self._get(name)
        if value is None or isinstance(value, str):
            return value or None
        raise self._wrong(name, "a string")

    def required_text(self, name: str) -> str:
        """Give a text that must be there."""
        value = self.text(name)
        if value is None:
            message = f"The {self._kind} file has no {name}"
            raise CacheFileInvalid(message)
        return value

    def secret(self, name: str) -> SecretStr | None:
        """Give a secret."""
        value = self.text(name)
        return None if value is None else SecretStr(value)

    def required_secret(self, name: str) -> SecretStr:
        """Give a secret that must be there."""
        return SecretStr(self.required_text(name))

    def time(self, name: str) -> datetime | None:
        """Give a time, in UTC."""
        value = self.text(name)
        moment = None if value is None else parse_timestamp(value)
        if value is not None and moment is None:
            raise self._wrong(name, _A_TIME)
        return moment

    def required_time(self, name: str) -> datetime:
        """Give a time that must be there, in UTC."""
        moment = parse_timestamp(self.required_text(name))
        if moment is None:
            raise self._wrong(name, _A_TIME)
        return moment

    def texts(self, name: str) -> tuple[str, ...] | None:
        """Give a list of texts."""
        value = self._get(name)
        if value is None:
            return None
        texts = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
        if not isinstance(value, list) or len(texts) < len(value):
            raise self._wrong(name, "a list of strings")
        return tuple(texts)

    def _get(self, name: str) -> JsonValue:
        if name in self.document:
            return self.document[name]
        return self.document.get(self._keys.get(name.lower(), name))

    def _wrong(self, name: str, wanted: str) -> CacheFileInvalid:
        return CacheFileInvalid(f"The {self._kind} file's {name} is not {wanted}")


def read(text: str | bytes, kind: str, make: Callable[[Reader], T]) -> T | str:
    """Make a file's value of its text, or say what is wrong with it."""
    try:
        return make(Reader(text, kind))
    except CacheFileInvalid as invalid:
        return str(invalid)


def _parsed(text: str | bytes, kind: str) -> Document:
    if len(text) > _LARGEST:
        message = f"The {kind} file is larger than {_LARGEST:,} bytes, and so none of an AWS tool"
        raise CacheFileInvalid(message)
    try:
        return _DOCUMENT.validate_json(text)
    except ValidationError:
        # Raised outside: the one caught holds the input.
        message = f"The {kind} file does not hold a JSON object"
    raise CacheFileInvalid(message)


def merged(as_read: AsRead, members: Mapping[str, Member]) -> Document:
    """Put members in the place that they had when read, new ones behind; what is `None` is left out."""
    values = {name: _plain(value) for name, value in members.items() if value is not None}
    names = {name.lower(): name for name in members}
    document: Document = {}
    for key, value in as_read.document.items():
        name = names.get(key.lower())
        if name is None:
            document[key] = value
        elif name in values and (key == name or name not in as_read.document):
            # Under the name that every tool looks for, whatever the case was.
            document[name] = values[name]
    return document | {name: value for name, value in values.items() if name not in document}


def _plain(value: Member) -> JsonValue:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, datetime):
        return format_timestamp(value)
    return [*value] if isinstance(value, tuple) else value
