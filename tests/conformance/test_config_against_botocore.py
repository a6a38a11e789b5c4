"""AWS's configuration files: the same profiles, sessions and services as botocore reads from the same text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import pytest
from botocore.exceptions import ConfigParseError
from botocore.session import Session
from hypothesis import event, example, given
from hypothesis import strategies as st

from ssooidc_core import ConfigurationError
from ssooidc_core.aws_config import Section, parse_aws_config

if TYPE_CHECKING:
    from tests.conformance.conftest import Tally

GROUP: Final = "config"

Sections: TypeAlias = dict[str, dict[str, str | dict[str, str]]]
Parsed: TypeAlias = dict[str, Sections]
Oracle: TypeAlias = Callable[[str, str], Parsed | None]
KINDS: Final = ("profiles", "sso_sessions", "services")


@pytest.fixture
def theirs(tmp_path: Path) -> Oracle:
    """Return what botocore reads from two files; `None` if it refuses one."""
    files = {
        "config_file": tmp_path / "config",
        "credentials_file": tmp_path / "credentials",
    }

    session = Session()
    for variable, file in files.items():
        session.set_config_variable(variable, str(file))

    def parsed(config: str, credentials: str) -> Parsed | None:
        for file, text in zip(files.values(), (config, credentials), strict=True):
            file.write_bytes(text.encode("utf-8"))
        # The parsed files are cached here; a new session takes 20 ms.
        setattr(session, "_config", None)  # noqa: B010 - its type lacks it
        try:
            full: dict[str, Any] = session.full_config
        except ConfigParseError:
            return None
        return {kind: full.get(kind, {}) for kind in KINDS}

    return parsed


def ours(config: str, credentials: str = "") -> Parsed | None:
    try:
        parsed = parse_aws_config(config, credentials)
    except ConfigurationError:
        return None
    return {
        "profiles": plain(parsed.profiles),
        "sso_sessions": plain(parsed.sso_sessions),
        "services": plain(parsed.services),
    }


def plain(sections: Mapping[str, Section]) -> Sections:
    return {
        name: {
            key: found.value if isinstance(found.value, str) else dict(found.value)
            for key, found in section.properties.items()
        }
        for name, section in sections.items()
    }


NAMES: Final = st.text("abzAZ019-_/.%@:+", min_size=1, max_size=8)
KEYS: Final = st.text("abzAZ09-_", min_size=1, max_size=6) | st.sampled_from(
    ["sso_region", "SSO_Start_URL", "endpoint_url", "services"]
)
SPACE: Final = st.sampled_from(["", " ", "\t", "  "])
INDENT: Final = st.sampled_from([" ", "\t", "   "])
# After a space, `#` or `;` starts a comment here, but is part of the value in botocore.
WORDS: Final = st.text("abZ09=:/.,#;[]-_'\"%", min_size=1, max_size=8)
VALUES: Final = st.lists(WORDS.filter(lambda word: word[0] not in "#;"), max_size=3).map(" ".join)
NOISE: Final = st.lists(
    st.sampled_from(["", " ", "\t", "# comment", "; comment", " # [profile x]", "\t; a = b", "#"]),
    max_size=2,
)


@st.composite
def properties(draw: st.DrawFn) -> list[str]:
    """Generate the lines of one section: distinct properties, with continuations, sub-properties and comments."""
    lines: list[str] = []
    for key in draw(st.lists(KEYS, max_size=4, unique_by=str.lower)):
        value, before, behind = draw(VALUES), draw(SPACE), draw(SPACE)
        lines.append(f"{key}{before}={behind}{value}{draw(SPACE)}")
        if value:
            for more in draw(st.lists(VALUES.filter(bool), max_size=2)):
                lines += [line for line in draw(NOISE) if line.strip()]
                lines.append(f"{draw(INDENT)}{more}{draw(SPACE)}")
        else:
            names = st.lists(KEYS.map(str.lower), max_size=3, unique=True)
            for name in draw(names):
                lines += draw(NOISE)
                lines.append(f"{draw(INDENT)}{name}{draw(SPACE)}={draw(SPACE)}{draw(VALUES)}")
        lines += draw(NOISE)
    return lines


@st.composite
def documents(draw: st.DrawFn, *, credentials: bool = False) -> str:
    """Generate a file that both read alike: no header twice, and nothing listed in `DIFFERENCES`."""
    quoted = st.builds(
        "{0}{1} {2}{0}".format, st.sampled_from("'\""), st.text("ab!é", min_size=1), NAMES
    )
    kinds = st.sampled_from(["profile", "profile", "sso-session", "services"])
    headers = st.builds("{} {}".format, kinds, NAMES | quoted) | st.sampled_from(
        ["default", "preview", "profile", "plugins", "sso-session", "other thing", "profile a b"]
    )
    if credentials:
        headers = NAMES | st.just("default")
    lines = draw(NOISE)
    # `[profile default]` beside `[default]` is one of the differences.
    for header in draw(
        st.lists(
            headers,
            max_size=4,
            unique_by=lambda header: header.removeprefix("profile ").strip("'\""),
        )
    ):
        comment = draw(st.sampled_from(["", "# comment", " ; comment", "  "]))
        # In botocore, `[default ]` is not the same as `[default]`.
        space = draw(SPACE) if " " in header else ""
        lines += [f"[{header}{space}]{comment}", *draw(NOISE), *draw(properties())]
    return draw(st.sampled_from(["\n", "\r\n", "\r"])).join(lines)


def test_files_that_both_read(theirs: Oracle, tally: Tally) -> None:
    @given(documents(), documents(credentials=True))
    @example("[sso-session café]\nsso_region = eu-west-1", "")
    @example("[profile 'my profile']\nsso_session = \"dev\"", "")
    def check(config: str, credentials: str) -> None:
        expected = theirs(config, credentials)
        assert expected is not None
        assert ours(config, credentials) == expected
        event(f"{sum(map(len, expected.values()))} sections")
        tally.ran()

    check()


def test_files_that_both_refuse(theirs: Oracle, tally: Tally) -> None:
    for text in (
        "name = value",
        " -continued",
        "[profile foo",
        "[profile foo]\n= value",
        "[profile foo]\nkey",
        "[profile foo]\ns3 =\n invalid",
        "\x00",
    ):
        for config, credentials in ((text, ""), ("", text)):
            assert theirs(config, credentials) is None, text
            assert ours(config, credentials) is None, text
            tally.ran()


def profiles(**found: dict[str, str | dict[str, str]]) -> Parsed:
    return {"profiles": found, "sso_sessions": {}, "services": {}}


# Each: its name in the table; the config file's text; our result; botocore's result. `None`: refused.
DIFFERENCES: Final[list[tuple[str, str, Parsed | None, Parsed | None]]] = [
    (
        "duplicates-are-merged",
        "[profile a]\nx = 1\n[profile a]\ny = 2",
        profiles(a={"x": "1", "y": "2"}),
        None,
    ),
    ("duplicates-are-merged", "[profile a]\nx = 1\nX = 2", profiles(a={"x": "2"}), None),
    (
        "comments-behind-values",
        "[profile a]\nx = 1 # one\ny = 2 ; two\nz =\t# three",
        profiles(a={"x": "1", "y": "2", "z": ""}),
        profiles(a={"x": "1 # one", "y": "2 ; two", "z": "# three"}),
    ),
    ("a-colon-is-no-equals-sign", "[profile a]\nx : 1", None, profiles(a={"x": "1"})),
    (
        "a-colon-is-no-equals-sign",
        "[profile a]\nx:y = 1",
        profiles(a={"x:y": "1"}),
        profiles(a={"x": "y = 1"}),
    ),
    ("an-indented-line-continues", "[profile a]\n x = 1", None, profiles(a={"x": "1"})),
    (
        "an-indented-line-continues",
        "[profile a]\nx = 1\n [profile b]",
        profiles(a={"x": "1\n[profile b]"}),
        profiles(a={"x": "1\n[profile b]"}),
    ),
    ("an-indented-line-continues", " [profile a]", None, profiles(a={})),
    ("names-of-certain-characters", "[profile a!]", profiles(), profiles(**{"a!": {}})),
    ("names-of-certain-characters", r"[profile a\b]", profiles(), profiles(ab={})),
    (
        "names-of-certain-characters",
        "[profile a]\nx y = 1",
        profiles(a={}),
        profiles(a={"x y": "1"}),
    ),
    ("the-kind-is-a-whole-word", "[profiles a]", profiles(), profiles(a={})),
    ("the-kind-is-a-whole-word", "[default ]", profiles(default={}), profiles()),
    ("the-kind-is-a-whole-word", "[ profile a ]", profiles(a={}), profiles()),
    (
        "the-default-profile-in-full",
        "[profile default]\nx = 1\n[default]\ny = 2",
        profiles(default={"x": "1"}),
        profiles(default={"y": "2"}),
    ),
    ("a-byte-order-mark-is-skipped", "\ufeff[profile a]", profiles(a={}), None),
    (
        "blank-lines-in-values",
        "[profile a]\nx = 1\n\n 2",
        profiles(a={"x": "1\n2"}),
        profiles(a={"x": "1\n\n2"}),
    ),
    (
        "no-section-is-part-of-others",
        "[DEFAULT]\nx = 1\n[profile a]",
        profiles(a={}),
        profiles(a={"x": "1"}),
    ),
    (
        "sub-properties-in-any-case",
        "[profile a]\ns3 =\n X = 1",
        profiles(a={"s3": {"x": "1"}}),
        profiles(a={"s3": {"X": "1"}}),
    ),
    ("nothing-behind-a-header", "[profile a] x = 1", None, profiles(a={})),
]


@pytest.mark.parametrize(
    "case", DIFFERENCES, ids=[f"{name}-{text}" for name, text, *_ in DIFFERENCES]
)
def test_what_is_read_otherwise(
    case: tuple[str, str, Parsed | None, Parsed | None], theirs: Oracle, tally: Tally
) -> None:
    name, text, mine, expected = case
    assert ours(text) == mine
    assert theirs(text, "") == expected
    if mine != expected:
        tally.differs(name)
    tally.ran()


def test_what_is_read_otherwise_in_credentials(theirs: Oracle, tally: Tally) -> None:
    for section in ("profile a", "sso-session a", "services a", "a b", "'a b'"):
        text = f"[{section}]\nx = 1"
        x: dict[str, str | dict[str, str]] = {"x": "1"}
        assert ours("", text) == profiles(**({"a b": x} if section[0] == "'" else {}))
        assert theirs("", text) == profiles(**{section: x})
        tally.differs("credentials-sections-are-profiles")
        tally.ran()
