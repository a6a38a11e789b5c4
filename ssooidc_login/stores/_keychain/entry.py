"""The entries in a keychain: an entry contains a document, or names the parts that contain it. No I/O.

::

    {"document": "..."}                                          a document
    {"parts": {"generation": "8f0c...", "count": 3}}             a document in the entries `8f0c...-0` to `8f0c...-2`
    {..., "garbage": [{"generation": "17ab...", "count": 2}]}    and parts that are still to be deleted

Parts are written once and never changed: a reader of the entry that names them finds its document, or finds parts
missing. Everything is ASCII, so that all keychains count characters in the same way.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

__all__ = ["Entry", "Parts", "from_pieces", "to_pieces"]

_MOST_PARTS: Final = 100_000


class Parts(BaseModel):
    """The entries that together contain a document."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", strict=True)

    generation: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    count: Annotated[int, Field(ge=1, le=_MOST_PARTS)]

    def names(self) -> Iterator[str]:
        """Return the parts' names, in order."""
        return (f"{self.generation}-{index}" for index in range(self.count))


class _Written(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", strict=True, hide_input_in_errors=True
    )

    document: SecretStr | None = None
    parts: Parts | None = None
    garbage: Annotated[list[Parts], Field(max_length=4)] = []


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry: a document, or the names of its parts, or neither; and parts that are no longer needed."""

    document: SecretStr | None = None
    parts: Parts | None = None
    garbage: tuple[Parts, ...] = ()

    @classmethod
    def read(cls, raw: SecretStr | None) -> Entry | None:
        """Return the entry in a text, or `None` if there is no text or this library did not write it."""
        if raw is None:
            return None
        try:
            written = _Written.model_validate_json(raw.get_secret_value())
        except ValidationError:
            return None
        return cls(written.document, written.parts, tuple(written.garbage))

    def text(self) -> SecretStr:
        """Return the text of the entry, with its document in plain text."""
        content: dict[str, object] = {}
        if self.document is not None:
            content["document"] = self.document.get_secret_value()
        if self.parts is not None:
            content["parts"] = self.parts.model_dump()
        if self.garbage:
            content["garbage"] = [parts.model_dump() for parts in self.garbage]
        return SecretStr(json.dumps(content, separators=(",", ":")))

    def with_garbage(self, parts: Parts) -> Entry:
        """Return this entry with parts noted as garbage, before they are written."""
        return replace(self, garbage=(parts,))

    def fits(self, largest: int | None) -> bool:
        """Return whether the entry is small enough, with room to note one more generation as garbage."""
        return largest is None or len(self.text()) + _NOTE <= largest


_NOTE: Final = len(
    Entry(garbage=(Parts(generation="0" * 16, count=_MOST_PARTS),) * 2).text().get_secret_value()
)


def to_pieces(document: SecretStr, largest: int) -> list[SecretStr]:
    """Split a document into texts of up to `largest` characters."""
    text = json.dumps(document.get_secret_value())
    return [SecretStr(text[start : start + largest]) for start in range(0, len(text), largest)]


def from_pieces(pieces: Sequence[SecretStr | None]) -> SecretStr | None:
    """Return the document in these pieces, or `None` if a piece is missing or this library did not write it."""
    texts = [None if piece is None else piece.get_secret_value() for piece in pieces]
    try:
        document: object = json.loads("".join(text for text in texts if text is not None))
    except ValueError:
        return None
    return SecretStr(document) if None not in texts and isinstance(document, str) else None
