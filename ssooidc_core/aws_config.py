"""The text of `~/.aws/config` and `~/.aws/credentials`: profiles, SSO sessions and services sections.

The grammar is that of the AWS SDKs. In the config file a section is `[default]`, `[profile NAME]`,
`[sso-session NAME]` or `[services NAME]`, in the credentials file it is `[NAME]`, a profile's. An indented line
continues the property above it, or is a sub-property where that has no value. Names of properties match in any letter
case. What no tool would look at is not an error but a warning, which is a value in the result.

No file is read here: these functions take text. Values may be secrets: no `repr`, warning or error holds one.
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
_NAMES: Final = "names have letters, digits and -/.%@_:+, or stand in quotes"


@dataclass(frozen=True, slots=True)
class Section:
    """A section: all of its parts together, where it was written in more than one place.

    Attributes:
        header: `[profile dev]` for example, as errors name it; printable and bounded.
        place: where it begins first.
        properties: by their lower-case names; a later one of the same name has replaced an earlier one.
    """

    header: str
    place: Place
    # A secret on a line of its own would be taken for a name.
    properties: Mapping[str, Property] = field(repr=False)

    def text(self, name: str) -> str | None:
        """Give a property's text; `None` where there is none, or an empty one.

        Args:
            name: in lower case.

        Raises:
            ConfigurationError: it has sub-properties.
        """
        found = self.properties.get(name)
        if found is None or not found.value:
            return None
        if isinstance(found.value, str):
            return found.value
        message = f"{self.say(name)} has indented lines below it: write its value behind the '='"
        raise ConfigurationError(message)

    def nested(self, name: str) -> Mapping[str, str]:
        """Give a property's sub-properties; none where there is no such property, or an empty one.

        Args:
            name: in lower case.

        Raises:
            ConfigurationError: it has a text.
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
        """Give the begin of an error message about this section, or about a property that it has."""
        place = self.place if name is None else self.properties[name].place
        shown = "" if name is None else f" {name}"
        return f"Invalid Configuration: {place}, {self.header}:{shown}"


@dataclass(frozen=True, slots=True)
class ConfigWarning:
    """Something that is ignored, though whoever wrote it may think that it is not.

    Attributes:
        place: where it stands.
        header: of its section, as warnings name it.
        text: what is ignored, and what to write instead.
    """

    place: Place
    header: str
    text: str

    def __str__(self) -> str:
        """Give `~/.aws/config, line 3, [dev]: what is ignored ...`, fit for a terminal."""
        return f"{self.place}, {self.header}: {self.text}"


@dataclass(frozen=True, kw_only=True, slots=True)
class AwsConfig:
    """Both files together.

    Attributes:
        profiles: by name; the credentials file's properties have replaced those of the config file.
        sso_sessions: by name.
        services: by name.
        warnings: what was ignored.
        file: the config file as it was named, for errors about what is not in it.
    """

    profiles: Mapping[str, Section] = field(default_factory=dict[str, Section])
    sso_sessions: Mapping[str, Section] = field(default_factory=dict[str, Section])
    services: Mapping[str, Section] = field(default_factory=dict[str, Section])
    warnings: tuple[ConfigWarning, ...] = ()
    file: str = "~/.aws/config"

    def say_ignored(self, *headers: str) -> str:
        """Give, for the end of an error about a section that is missing, the warning that one of these was ignored."""
        found = next((each for each in self.warnings if each.header in headers), None)
        return "" if found is None else f" ({found})"


def parse_aws_config(
    config: str = "",
    credentials: str = "",
    *,
    config_file: str = "~/.aws/config",
    credentials_file: str = "~/.aws/credentials",
) -> AwsConfig:
    """Parse the text of both files; takes time in proportion to their length.

    Args:
        config: the config file's text; a byte order mark and line ends of any system are fine.
        credentials: the credentials file's.
        config_file: what errors and warnings call the first.
        credentials_file: what they call the second.

    Raises:
        ConfigurationError: a text breaks the grammar; names file, line and section, and quotes no value.
    """
    made = _parsed(config, credentials, config_file, credentials_file)
    # A traceback may show what its frames hold.
    del config, credentials
    if isinstance(made, Problem):
        raise ConfigurationError(str(made))
    return made


class _Name(NamedTuple):
    """What a section is of."""

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
    # Grown in place: a section may be written in very many parts.
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
    # Without its name: that may be a secret on a line of its own.
    text = "a property is ignored: its name may have letters, digits and -/.%@_:+ only"
    return [ConfigWarning(place, section.header, text) for place in section.ignored]


def _name_in_config(inner: str, *, default_in_full: bool) -> _Name | str:
    """Give what a section of the config file is of, or why it is ignored."""
    if inner == "default":
        if default_in_full:
            return "this section is ignored: there is a [profile default] too; merge the two"
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
    """Give what a section of the credentials file is of, or why it is ignored."""
    prefix, space, _ = inner.replace("\t", " ").partition(" ")
    if space and prefix == "profile":
        return "this section is ignored: in this file a profile is [NAME]"
    if space and prefix in _KINDS:
        return "this section is ignored: it belongs into the config file"
    name = _name_of(inner)
    if name is None:
        return f"this section is ignored: {_NAMES}"
    return _Name("profile", name)


def _name_of(written: str) -> str | None:
    if is_name(written):
        return written
    quoted = _QUOTED_NAME.match(written)
    return None if quoted is None else quoted["single"] or quoted["double"]
