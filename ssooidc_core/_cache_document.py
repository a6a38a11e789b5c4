"""JSON documents that several tools write: read whatever they wrote, and write what they would.

A document keeps what it was read from, so that writing it again preserves the order of its keys and any unknown keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from json import dumps, loads
from typing import ClassVar, Final, NamedTuple, Self, TypeAlias, cast

from pydantic import SecretStr

from ssooidc_core._interruptions import without_frames
from ssooidc_core._model import MASK
from ssooidc_core.errors import CacheFileInvalid

__all__ = [
    "SECRET",
    "TEXT",
    "TEXTS",
    "TIME",
    "AsRead",
    "CacheDocument",
    "Kind",
    "Member",
    "format_timestamp",
    "parse_timestamp",
]

_LARGEST: Final = 1024 * 1024
# Far more than any AWS tool writes, and too few to nest so deep that reading or writing could raise a RecursionError.
_MOST_BRACKETS: Final = 200
_FORMAT: Final = "%Y-%m-%dT%H:%M:%SZ"
# Z: the AWS CLI. UTC: its old versions. An offset: Ruby and Go. Fractions: JavaScript.
_TIMESTAMP: Final = re.compile(
    r"\s*(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(\.\d{1,9})?\s?(?:Z|UTC|([+-]\d\d:?\d\d))\s*\Z",
    re.ASCII | re.IGNORECASE,
)

_Document: TypeAlias = dict[str, object]


class AsRead:
    """A document as it was read, in a class of its own, so that no dump of a dataclass shows its content."""

    __slots__ = ("document",)

    def __init__(self, document: _Document | None = None) -> None:
        """Keep the document."""
        self.document: Final = {} if document is None else document


class _Held:
    """A text that no `repr` shows."""

    __slots__ = ("_text",)

    def __init__(self, text: str | bytes) -> None:
        self._text = text

    def get_secret_value(self) -> str | bytes:
        return self._text


def parse_timestamp(text: str) -> datetime | None:
    """Return a time, written as any AWS tool writes it, in UTC; `None` if the text is not a time."""
    found = _TIMESTAMP.match(text.strip())
    if found is None:
        return None
    day, fraction, offset = found.groups()
    try:
        # Python's clock has six digits.
        return datetime.fromisoformat(
            f"{day}{(fraction or '')[:7]}{offset or '+00:00'}"
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def format_timestamp(moment: datetime) -> str:
    """Return a time as the AWS CLI writes it: UTC, cut to seconds."""
    return moment.astimezone(UTC).strftime(_FORMAT).rjust(20, "0")


class Kind(NamedTuple):
    """What a member's value is.

    Attributes:
        description: completes "The token file's region is not ...".
        read: returns the value, or `None` if the JSON value is of another kind.
    """

    description: str
    read: Callable[[object], object]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _secret(value: object) -> SecretStr | None:
    return SecretStr(value) if isinstance(value, str) else None


def _time(value: object) -> datetime | None:
    return parse_timestamp(value) if isinstance(value, str) else None


def _texts(value: object) -> tuple[str, ...] | None:
    items = cast("list[object]", value) if isinstance(value, list) else [None]
    texts = tuple(item for item in items if isinstance(item, str))
    return texts if len(texts) == len(items) else None


TEXT: Final = Kind("a string", _text)
SECRET: Final = Kind("a string", _secret)
TIME: Final = Kind("a time such as 2026-01-31T12:00:00Z", _time)
TEXTS: Final = Kind("a list of strings", _texts)


class Member(NamedTuple):
    """A member of a document: the attribute that holds it, what it is, and whether a file must have it."""

    attribute: str
    kind: Kind
    required: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheDocument:
    """A document with known members; each of them is an attribute, `None` where the file has no such member."""

    name: ClassVar[str]
    """What errors call the file."""
    members: ClassVar[Mapping[str, Member]]
    """The known members by their keys, in the order in which the AWS CLI writes them."""
    inside: ClassVar[str | None] = None
    """The key of the object that has the members, where they are not at the top."""

    _read: AsRead = field(default_factory=AsRead, repr=False, compare=False)

    @classmethod
    def from_text(cls, text: str | bytes | SecretStr) -> Self:
        """Read a file. Keys match in any letter case; `null` and an empty string count as absent.

        A `SecretStr` is in no traceback, wherever an interruption strikes.

        Raises:
            CacheFileInvalid: it is no JSON object, is too large, lacks a required member, has a member of the wrong
                kind, or has the mask of a dump in place of a secret.
        """
        held = text if isinstance(text, SecretStr) else _Held(text)
        # A traceback may show the variables of its frames.
        del text
        try:
            made = cls._made_of(held.get_secret_value())
        except BaseException as struck:  # noqa: BLE001 - raised again
            raise without_frames(struck) from None
        if isinstance(made, str):
            raise CacheFileInvalid(made)
        return made

    @classmethod
    def _made_of(cls, text: str | bytes) -> Self | str:
        """Return the document, or what is wrong with the text."""
        if len(text) > _LARGEST:
            return f"The {cls.name} file is larger than {_LARGEST:,} bytes, so no AWS tool wrote it"
        document = _parsed(text)
        if document is None:
            return f"The {cls.name} file does not hold a JSON object"
        if cls.inside is not None:
            document = _as_document(_lookup(document, cls.inside))
            if document is None:
                return f"The {cls.name} file's {cls.inside} is not an object"
        values: dict[str, object] = {"_read": AsRead(document)}
        for key, member in cls.members.items():
            found = document[key] if key in document else _lookup(document, key)
            if found is None or found == "":
                if member.required:
                    return f"The {cls.name} file has no {key}"
                values[member.attribute] = None
            elif found == MASK and member.kind is SECRET:
                return f"The {cls.name} file's {key} is {MASK}, which replaces a secret in a dump"
            elif (value := member.kind.read(found)) is None:
                return f"The {cls.name} file's {key} is not {member.kind.description}"
            else:
                values[member.attribute] = value
        return cast("Callable[..., Self]", cls)(**values)

    def to_text_with_secrets(self) -> str:
        """Return the file's content, **with its secrets in the clear**."""
        # The separators and the ASCII escapes of `json.dumps` are those of the AWS CLI.
        try:
            return dumps(self._merged())
        except BaseException as struck:  # noqa: BLE001 - raised again
            raise without_frames(struck) from None

    def to_secret(self) -> SecretStr:
        """Return the file's content."""
        return SecretStr(self.to_text_with_secrets())

    def _merged(self) -> _Document:
        """Put the members where they were when read, and new ones at the end; those that are `None` are left out."""
        known = {key.lower(): key for key in self.members}
        values: _Document = {
            key: _plain(value)
            for key, member in self.members.items()
            if (value := getattr(self, member.attribute)) is not None
        }
        document: _Document = {}
        read = self._read.document
        for written, value in read.items():
            key = known.get(written.lower())
            if key is None:
                document[written] = value
            elif key in values and (written == key or key not in read):
                # Under the key that every tool looks for, whatever its case was.
                document[key] = values[key]
        return document | {key: value for key, value in values.items() if key not in document}


def _lookup(document: _Document, key: str) -> object:
    """Return the value of a key in any letter case; the last one counts, unless one is spelt exactly so."""
    if key in document:
        return document[key]
    wanted = key.lower()
    return next((document[each] for each in reversed(document) if each.lower() == wanted), None)


def _parsed(text: str | bytes) -> _Document | None:
    """Return the JSON object that a text holds, or `None`."""
    try:
        whole = text if isinstance(text, str) else text.decode()
        if whole.count("[") + whole.count("{") > _MOST_BRACKETS:
            return None
        parsed: object = loads(whole)
        if "\\u" in whole or not whole.isascii():
            # Fails for a lone surrogate, which `loads` accepts and UTF-8 cannot encode.
            _ = dumps(parsed, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return _as_document(parsed)


def _as_document(value: object) -> _Document | None:
    return cast("_Document", value) if isinstance(value, dict) else None


def _plain(value: object) -> object:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return format_timestamp(value) if isinstance(value, datetime) else value
