"""The text of `~/.aws/config` and `~/.aws/credentials`: profiles, SSO sessions and services sections.

The grammar is that of the AWS SDKs. In the config file, a section is `[default]`, `[profile NAME]`,
`[sso-session NAME]` or `[services NAME]`; in the credentials file, it is `[NAME]`, for a profile. An indented line
continues the property above it, or is a sub-property if that property has no value. Names of properties match in any
letter case. A section or property that no tool would use is not an error: the result has a warning about it.

No file is read here: these functions take text. Values may be secret: no `repr`, warning or error contains one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias

from ssooidc_core._aws_config_lines import (
    Place,
    Problem,
    Property,
    WrittenSection,
    is_name,
    read_sections,
)
from ssooidc_core.errors import ConfigurationError

__all__ = ["AwsConfig", "ConfigWarning", "Place", "Property", "Section", "parse_aws_config"]

_Kind: TypeAlias = Literal["profile", "sso-session", "services"]
_KINDS: Final[dict[str, _Kind]] = {
    "profile": "profile",
    "sso-session": "sso-session",
    "services": "services",
}
# The AWS CLI writes a name that holds a space in quotes.
_QUOTED_NAME: Final = re.compile(r"""'(?P<single>[^'\\]+)'\Z|"(?P<double>[^"\\]+)"\Z""")
_NAMES: Final = "names have letters, digits and -/.%@_:+, or are in quotes"


@dataclass(frozen=True, slots=True)
class Section:
    """A section, with all its parts if it was written in more than one place.

    Attributes:
        header: the header for messages, `[profile dev]` for example; printable and bounded.
        place: the position of the first part.
        properties: the properties by lower-case names; a later one replaces an earlier one of the same name.
    """

    header: str
    place: Place
    # Not in the `repr`: a secret on a line of its own would be read as a name.
    properties: Mapping[str, Property] = field(repr=False)

    def text(self, name: str) -> str | None:
        """Return a property's text, or `None` if it is absent or empty.

        Args:
            name: in lower case.

        Raises:
            ConfigurationError: the property has sub-properties.
        """
        found = self.properties.get(name)
        if found is None or not found.value:
            return None
        if isinstance(found.value, str):
            return found.value
        message = f"{self.say(name)} has indented lines below it: write its value after the '='"
        raise ConfigurationError(message)

    def nested(self, name: str) -> Mapping[str, str]:
        """Return a property's sub-properties; none if it is absent or empty.

        Args:
            name: in lower case.

        Raises:
            ConfigurationError: the property has a text.
        """
        found = self.properties.get(name)
        if found is None or not found.value:
            return {}
        if not isinstance(found.value, str):
            return found.value
        message = (
            f"{self.say(name)} has a value: leave it empty, and write its settings on indented lines below, "
            "one 'name = value' each"
        )
        raise ConfigurationError(message)

    def say(self, name: str | None = None) -> str:
        """Return the beginning of an error message about this section, or about one of its properties."""
        place = self.place if name is None else self.properties[name].place
        shown = "" if name is None else f" {name}"
        return f"Invalid Configuration: {place}, {self.header}:{shown}"


@dataclass(frozen=True, slots=True)
class ConfigWarning:
    """A warning about a section or property that is ignored.

    Attributes:
        place: its position.
        header: the header of its section.
        text: what is ignored, and what to write instead.
    """

    place: Place
    header: str
    text: str

    def __str__(self) -> str:
        """Return `~/.aws/config, line 3, [dev]: what is ignored ...`, without control characters."""
        return f"{self.place}, {self.header}: {self.text}"


@dataclass(frozen=True, kw_only=True, slots=True)
class AwsConfig:
    """The content of both files.

    Attributes:
        profiles: the profiles by name; properties of the credentials file replace those of the config file.
        sso_sessions: the SSO sessions by name.
        services: the services sections by name.
        warnings: the sections and properties that were ignored.
        file: the name of the config file, for errors about what is missing in it.
    """

    profiles: Mapping[str, Section] = field(default_factory=dict[str, Section])
    sso_sessions: Mapping[str, Section] = field(default_factory=dict[str, Section])
    services: Mapping[str, Section] = field(default_factory=dict[str, Section])
    warnings: tuple[ConfigWarning, ...] = ()
    file: str = "~/.aws/config"

    def say_ignored(self, *headers: str) -> str:
        """Return the warning about a section with one of these headers, to end an error about a missing section."""
        found = next((each for each in self.warnings if each.header in headers), None)
        return "" if found is None else f" ({found})"


def parse_aws_config(
    config: str = "",
    credentials: str = "",
    *,
    config_file: str = "~/.aws/config",
    credentials_file: str = "~/.aws/credentials",
) -> AwsConfig:
    """Parse the text of both files, in time proportional to their length.

    Args:
        config: the text of the config file; it may have a byte order mark, and line ends of any system.
        credentials: the text of the credentials file.
        config_file: the name of the config file in errors and warnings.
        credentials_file: the name of the credentials file in errors and warnings.

    Raises:
        ConfigurationError: a text has a syntax error; the message names file, line and section, and quotes no value.
    """
    made = _parsed(config, credentials, config_file, credentials_file)
    # A traceback may show the variables of its frames.
    del config, credentials
    if isinstance(made, Problem):
        raise ConfigurationError(str(made))
    return made


class _Name(NamedTuple):
    """The kind and the name that a section's header has."""

    kind: _Kind
    name: str


def _parsed(
    config: str, credentials: str, config_file: str, credentials_file: str
) -> AwsConfig | Problem:
    from_config = read_sections(config, config_file)
    if isinstance(from_config, Problem):
        return from_config
    from_credentials = read_sections(credentials, credentials_file)
    if isinstance(from_credentials, Problem):
        return from_credentials
    in_full = any(each.inner != "default" and _is_default(each.inner) for each in from_config)
    warnings: list[ConfigWarning] = []
    found: dict[_Kind, dict[str, Section]] = {"profile": {}, "sso-session": {}, "services": {}}
    # Extended in place: a section may be written in very many parts.
    grown: dict[_Name, dict[str, Property]] = {}
    named = [(_name_in_config(each.inner, default_in_full=in_full), each) for each in from_config]
    named += [(_name_in_credentials(each.inner), each) for each in from_credentials]
    for name, each in named:
        if isinstance(name, str):
            warnings.append(ConfigWarning(each.place, each.header, name))
            continue
        if name not in grown:
            grown[name] = {}
            found[name.kind][name.name] = Section(each.header, each.place, grown[name])
        grown[name].update(each.properties)
        warnings.extend(_of_ignored(each))
    return AwsConfig(
        profiles=found["profile"],
        sso_sessions=found["sso-session"],
        services=found["services"],
        warnings=tuple(warnings),
        file=config_file,
    )


def _of_ignored(section: WrittenSection) -> list[ConfigWarning]:
    # Without the property's name, which may be a secret on a line of its own.
    text = "a property is ignored: its name may have letters, digits and -/.%@_:+ only"
    return [ConfigWarning(place, section.header, text) for place in section.ignored]


def _name_in_config(inner: str, *, default_in_full: bool) -> _Name | str:
    """Return the kind and name of a section of the config file, or why it is ignored."""
    if inner == "default":
        if default_in_full:
            return "this section is ignored: there is also a [profile default]; merge the two"
        return _Name("profile", "default")
    prefix, _, behind = inner.replace("\t", " ").partition(" ")
    kind = _KINDS.get(prefix)
    if kind is None:
        return "this section is ignored: in this file a profile is [profile NAME]"
    name = _name_of(behind.strip())
    if name is None:
        return f"this section is ignored: {_NAMES}"
    return _Name(kind, name)


def _is_default(inner: str) -> bool:
    return _name_in_config(inner, default_in_full=False) == _Name("profile", "default")


def _name_in_credentials(inner: str) -> _Name | str:
    """Return the kind and name of a section of the credentials file, or why it is ignored."""
    prefix, space, _ = inner.replace("\t", " ").partition(" ")
    if space and prefix == "profile":
        return "this section is ignored: in this file a profile is [NAME]"
    if space and prefix in _KINDS:
        return "this section is ignored: it belongs in the config file"
    name = _name_of(inner)
    if name is None:
        return f"this section is ignored: {_NAMES}"
    return _Name("profile", name)


def _name_of(written: str) -> str | None:
    if is_name(written):
        return written
    quoted = _QUOTED_NAME.match(written)
    return None if quoted is None else quoted["single"] or quoted["double"]
