"""The lines of AWS's configuration files: sections as they are written, before anybody asks what they are for.

A line that begins with `[` begins a section, an indented one continues the property above it, any other is a
property. Text behind a space and `#` or `;` is a comment, except on continuation lines, whose comments are whole lines.
What breaks these rules is a value too, `Problem`, so that no text with secrets hangs on an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ssooidc_core._text import printable

__all__ = [
    "Place",
    "Problem",
    "Property",
    "WrittenSection",
    "is_name",
    "read_sections",
    "shown_name",
]

_PATH_LIMIT: Final = 200
_HEADER_LIMIT: Final = 80
_LINE_END: Final = re.compile(r"\r\n|\n|\r")
_INLINE_COMMENT: Final = re.compile(r"\s[#;]")
# Letters and digits of any script, and `- / . % @ _ : +`.
_NAME: Final = re.compile(r"[\w/.%@:+-]+\Z")
# A secret on a line of its own may look like a property's name, but not like a short lower-case one.
_NAME_TO_SHOW: Final = re.compile(r"[a-z][a-z0-9_-]{0,35}\Z", re.ASCII)


class Place(NamedTuple):
    """Where something stands: the file as it was named, and the line, counted from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        """Give `~/.aws/config, line 3`."""
        return f"{printable(self.file, limit=_PATH_LIMIT)}, line {self.line}"


class Problem(NamedTuple):
    """A line that breaks the grammar; the text quotes nothing of it."""

    place: Place
    header: str | None
    text: str

    def __str__(self) -> str:
        """Give `Invalid Configuration: ~/.aws/config, line 3, [profile dev]: what is wrong, and what to write`."""
        section = f", {self.header}" if self.header else ""
        return f"Invalid Configuration: {self.place}{section}: {self.text}"


@dataclass(frozen=True, slots=True)
class Property:
    """What one property says, and where.

    Attributes:
        value: its text, lines joined by a line feed; or the sub-properties by their lower-case names. May be secret.
        place: where its name stands.
    """

    value: str | Mapping[str, str] = field(repr=False)
    place: Place


@dataclass(frozen=True, slots=True)
class WrittenSection:
    """A section as it is written.

    Attributes:
        inner: what stands between the brackets, trimmed.
        place: of its header.
        properties: by their lower-case names, in the order of the file; the last of a name counts.
        ignored: where properties stand whose names are none.
    """

    inner: str
    place: Place
    properties: dict[str, Property] = field(default_factory=dict[str, Property], repr=False)
    ignored: list[Place] = field(default_factory=list[Place])

    @property
    def header(self) -> str:
        """The header for messages: printable and bounded."""
        return f"[{printable(self.inner, limit=_HEADER_LIMIT)}]"


def is_name(text: str) -> bool:
    """Say whether a profile, a session or a property may be called so without quotes."""
    return _NAME.match(text) is not None


def shown_name(name: str) -> str:
    """Give a property's name for a message, unless it looks like a secret on a line of its own."""
    return name if _NAME_TO_SHOW.match(name) else "a property"


def read_sections(text: str, file: str) -> list[WrittenSection] | Problem:
    """Give the sections of a file in their order, or the first line that breaks the grammar."""
    reader = _Reader()
    for number, line in enumerate(_LINE_END.split(text.removeprefix("\ufeff")), 1):
        trimmed = line.strip()
        # Indented comments too, as in the AWS CLI: people put them between sub-properties.
        if not trimmed or trimmed[0] in "#;":
            continue
        place = Place(file, number)
        if line[0] == "[":
            problem = reader.header(trimmed, place)
        elif line[0].isspace():
            problem = reader.continuation(trimmed)
        else:
            problem = reader.property(line, place)
        if problem is not None:
            section = reader.section
            return Problem(place, None if section is None else section.header, problem)
    reader.finish_property()
    return reader.sections


class _Reader:
    """Takes the lines of a file; each method gives what is wrong with its line, or `None`."""

    def __init__(self) -> None:
        self.sections: list[WrittenSection] = []
        self.section: WrittenSection | None = None
        # The property that an indented line continues: its name, place and lines.
        self._name: str | None = None
        self._place = Place("", 0)
        self._lines: list[str] = []
        self._nested: dict[str, str] = {}

    def header(self, trimmed: str, place: Place) -> str | None:
        self.finish_property()
        inner, bracket, behind = trimmed[1:].partition("]")
        behind = behind.lstrip()
        if not bracket or (behind and behind[0] not in "#;"):
            self.section = None
            return (
                "Profile definition must end with ']': write [default] or [profile NAME], "
                "and nothing but a comment behind it"
            )
        self.section = WrittenSection(inner.strip(), place)
        self.sections.append(self.section)
        return None

    def property(self, line: str, place: Place) -> str | None:
        self.finish_property()
        if self.section is None:
            return (
                "Expected a profile definition: write [default] or [profile NAME] on a line above"
            )
        name, value, problem = _property_of(_INLINE_COMMENT.split(line, 1)[0], "property")
        if problem is not None:
            return f"{problem}: write it as 'name = value'"
        self._name, self._place, self._lines, self._nested = name, place, [value], {}
        return None

    def continuation(self, trimmed: str) -> str | None:
        if self.section is None:
            return (
                "Expected a profile definition: write [default] or [profile NAME] on a line above"
            )
        if self._name is None:
            return (
                "Expected a property definition, found continuation: an indented line goes on with the property "
                "above it, and there is none; begin the line without a space"
            )
        if self._lines[0]:
            self._lines.append(trimmed)
            return None
        name, value, problem = _property_of(trimmed, "sub-property")
        if problem is not None:
            below = f" (below {shown_name(self._name)})"
            return (
                f"{problem}{below}: write it as 'name = value', or begin the line without a space"
            )
        self._nested[name] = value
        return None

    def finish_property(self) -> None:
        if self._name is None or self.section is None:
            return
        if is_name(self._name):
            value = self._nested or "\n".join(self._lines)
            self.section.properties[self._name] = Property(value, self._place)
        else:
            self.section.ignored.append(self._place)
        self._name = None


def _property_of(text: str, what: str) -> tuple[str, str, str | None]:
    """Give a property's lower-case name and its value, and what is wrong with them."""
    name, equals, value = text.partition("=")
    name = name.strip().lower()
    problem = None
    if not equals:
        problem = f"Expected an '=' sign defining a {what}"
    elif not name:
        problem = f"{what.capitalize()} did not have a name"
    return name, value.strip(), problem
