"""What is written into a keychain: an entry has a document, or names the parts that have it. Pure.

::

    {"document": "..."}                                          a document
    {"parts": {"generation": "8f0c...", "count": 3}}             one in the entries `8f0c...-0` to `8f0c...-2`
    {..., "garbage": [{"generation": "17ab...", "count": 2}]}    and what is still to be deleted

Parts are written once and never changed: who read the entry that names them reads its document or finds them missing.
All is ASCII, so that a character is a character to every keychain.
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
    """The entries that have a document together."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", strict=True)

    generation: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    count: Annotated[int, Field(ge=1, le=_MOST_PARTS)]

    def names(self) -> Iterator[str]:
        """Give the parts' names, in order."""
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
    """An entry: a document, or where its parts are, or neither; and parts that nobody needs any more."""

    document: SecretStr | None = None
    parts: Parts | None = None
    garbage: tuple[Parts, ...] = ()

    @classmethod
    def read(cls, raw: SecretStr | None) -> Entry | None:
        """Understand an entry; `None` where there is none, or none of ours."""
        if raw is None:
            return None
        try:
            written = _Written.model_validate_json(raw.get_secret_value())
        except ValidationError:
            return None
        return cls(written.document, written.parts, tuple(written.garbage))

    def text(self) -> SecretStr:
        """Give what is to be written, with a document in the clear."""
        content: dict[str, object] = {}
        if self.document is not None:
            content["document"] = self.document.get_secret_value()
        if self.parts is not None:
            content["parts"] = self.parts.model_dump()
        if self.garbage:
            content["garbage"] = [parts.model_dump() for parts in self.garbage]
        return SecretStr(json.dumps(content, separators=(",", ":")))

    def with_garbage(self, parts: Parts) -> Entry:
        """Give this entry with parts to be deleted: those that are about to be written."""
        return replace(self, garbage=(parts,))

    def fits(self, largest: int | None) -> bool:
        """Say whether it is small enough, with room to note one more that is to be deleted."""
        return largest is None or len(self.text()) + _NOTE <= largest


_NOTE: Final = len(
    Entry(garbage=(Parts(generation="0" * 16, count=_MOST_PARTS),) * 2).text().get_secret_value()
)


def to_pieces(document: SecretStr, largest: int) -> list[SecretStr]:
    """Cut a document into texts of so many characters at most."""
    text = json.dumps(document.get_secret_value())
    return [SecretStr(text[start : start + largest]) for start in range(0, len(text), largest)]


def from_pieces(pieces: Sequence[SecretStr | None]) -> SecretStr | None:
    """Put a document together; `None` where a piece is missing, or is none of ours."""
    texts = [None if piece is None else piece.get_secret_value() for piece in pieces]
    try:
        document: object = json.loads("".join(text for text in texts if text is not None))
    except ValueError:
        return None
    return SecretStr(document) if None not in texts and isinstance(document, str) else None
