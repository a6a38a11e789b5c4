"""The lines of AWS's configuration files, parsed to sections without regard to what the sections mean.

A line that begins with `[` begins a section, an indented line continues the property above it, and any other line is a
property. Text after a space and `#` or `;` is a comment, except on continuation lines, where only whole lines are
comments. A violation of these rules is returned as a value, `Problem`, so that no traceback holds text with secrets.
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
    """A position: the file as it was named, and the line, counted from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        """Return `~/.aws/config, line 3`."""
        return f"{printable(self.file, limit=_PATH_LIMIT)}, line {self.line}"


class Problem(NamedTuple):
    """A line with a syntax error; the text does not quote it."""

    place: Place
    header: str | None
    text: str

    def __str__(self) -> str:
        """Return `Invalid Configuration: ~/.aws/config, line 3, [profile dev]: what is wrong, and what to write`."""
        section = f", {self.header}" if self.header else ""
        return f"Invalid Configuration: {self.place}{section}: {self.text}"


@dataclass(frozen=True, slots=True)
class Property:
    """One property: its value and its position.

    Attributes:
        value: its text, with lines joined by a line feed, or its sub-properties by lower-case names. May be secret.
        place: the position of its name.
    """

    value: str | Mapping[str, str] = field(repr=False)
    place: Place


@dataclass(frozen=True, slots=True)
class WrittenSection:
    """A section as it is written.

    Attributes:
        inner: the text between the brackets, trimmed.
        place: the position of its header.
        properties: the properties by lower-case names, in the order of the file; the last one of a name counts.
        ignored: the positions of properties with invalid names.
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
    """Return whether a profile, a session or a property may have this name without quotes."""
    return _NAME.match(text) is not None


def shown_name(name: str) -> str:
    """Return a property's name for a message, or "a property" if it may be a secret on a line of its own."""
    return name if _NAME_TO_SHOW.match(name) else "a property"


def read_sections(text: str, file: str) -> list[WrittenSection] | Problem:
    """Return the sections of a file in order, or the first syntax error."""
    reader = _Reader()
    for number, line in enumerate(_LINE_END.split(text.removeprefix("\ufeff")), 1):
        trimmed = line.strip()
        # Indented comments too, as in the AWS CLI: they are common between sub-properties.
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
    """Collects the lines of a file; each method returns what is wrong with its line, or `None`."""

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
                "and only a comment after it"
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
                "Expected a property definition, found continuation: an indented line continues the property "
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
    """Return a property's lower-case name, its value, and what is wrong with them or `None`."""
    name, equals, value = text.partition("=")
    name = name.strip().lower()
    problem = None
    if not equals:
        problem = f"Expected an '=' sign defining a {what}"
    elif not name:
        problem = f"{what.capitalize()} did not have a name"
    return name, value.strip(), problem
