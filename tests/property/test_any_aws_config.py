"""Any AWS configuration file gives a config, or an error that names the line and contains no value of the file."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from ssooidc_core import ConfigurationError
from ssooidc_core._aws_settings import ClientSettings, resolve_client_settings
from ssooidc_core.aws_config import AwsConfig, parse_aws_config
from ssooidc_core.sso_settings import SsoSettings

# As long as a secret access key: 40 characters of base64.
SECRETS: Final = st.text("QZXJqzxj0189/+=-_", min_size=37, max_size=60).map("zQ7".__add__)
KEYS: Final = st.sampled_from(
    [
        "sso_session",
        "sso_start_url",
        "sso_region",
        "sso_account_id",
        "sso_registration_scopes",
        "services",
        "endpoint_url",
        "region",
        "use_fips_endpoint",
        "use_dualstack_endpoint",
        "ignore_configured_endpoint_urls",
        "sso_oidc",
        "SSO",
        "x",
    ]
)
HEADERS: Final = st.sampled_from(
    [
        "[default]",
        "[profile p]",
        "[profile default]",
        "[sso-session s]",
        "[services s]",
        "[p]",
        "[x y]",
        "[ profile p ] # c",
        "['a b']",
    ]
)
# `@` is replaced by a secret, `K` by a name.
LINES: Final = st.sampled_from(
    [
        "K = @",
        "K = s",
        "K = true",
        "K = us-east-1",
        "K =",
        "  K = @",
        "  K = s",
        " @",
        "@",
        "@ = @",
        "@ =",
        "K @",
        "K : @",
        "[@",
        "[profile p] @",
        "# @",
        "= @",
        "=",
        "",
        "  # @",
        "K = s # @",
        "K = @ @",
        "[profile p",
        "\t@ = s",
        "  endpoint_url = @",
        "sso_oidc =",
        "sso_session = s",
    ]
)
LINE_ENDS: Final = st.sampled_from(["\n", "\r\n", "\r"])


@st.composite
def files(draw: st.DrawFn) -> tuple[str, str]:
    """Generate a secret, and a file with it in unusual places."""
    secret = draw(SECRETS)
    lines = draw(st.lists(HEADERS | st.builds(str.replace, LINES, st.just("K"), KEYS), max_size=12))
    text = draw(LINE_ENDS).join([draw(st.just("[profile p]") | st.just("")), *lines])
    return secret, text.replace("@", secret)


def outcome(program: Callable[[], object]) -> object:
    """Return the value, or the error; any other exception fails the test."""
    try:
        return program()
    except ConfigurationError as error:
        return error


def lines_of(text: str) -> list[str]:
    return re.split(r"\r\n|\n|\r", text)


TEXTS: Final = st.text(max_size=60) | st.text("[]profile =#;\n\r\t '\"ab\ufeff\0", max_size=60)


@given(TEXTS | files().map(lambda each: each[1]), st.booleans())
@example("[profile a]\n", False)  # noqa: FBT003 - as generated
@example("\ufeff\ufeff", True)  # noqa: FBT003 - as generated
def test_any_text_is_a_config_or_an_error_at_a_line(text: str, credentials: bool) -> None:  # noqa: FBT001 - as generated
    """The line that an error names is the first invalid one: the lines before it are a valid config."""

    def parsed(text: str) -> object:
        texts = ("", text) if credentials else (text, "")
        return outcome(lambda: parse_aws_config(*texts, config_file="f", credentials_file="f"))

    found = parsed(text)
    event(type(found).__name__)
    if isinstance(found, ConfigurationError):
        place = re.match(r"Invalid Configuration: f, line (\d+)(?:, \[.*?\])?: [EPS]", str(found))
        assert place is not None
        assert str(found).isprintable()
        line = int(place[1])
        assert isinstance(parsed("\n".join(lines_of(text)[: line - 1])), AwsConfig)
        assert str(parsed("\n".join(lines_of(text)[:line]))) == str(found)
    else:
        assert isinstance(found, AwsConfig)
        assert all(str(warning).isprintable() for warning in found.warnings)


@given(files(), files())
def test_no_value_is_shown(config: tuple[str, str], credentials: tuple[str, str]) -> None:
    """Parsing, and everything that is resolved from the result."""
    secrets = config[0].lower(), credentials[0].lower()
    shown: list[str] = []

    def look(program: Callable[[], object]) -> object:
        found = outcome(program)
        if isinstance(found, ConfigurationError):
            assert found.__context__ is None
            shown.append(f"{found} {found!r}")
        return found

    parsed = look(lambda: parse_aws_config(config[1], credentials[1]))
    event(type(parsed).__name__)
    if isinstance(parsed, AwsConfig):
        shown += [repr(parsed), *map(str, parsed.warnings)]
        for name, section in parsed.profiles.items():
            look(lambda: SsoSettings.from_profile(parsed, name))  # noqa: B023 - called at once
            look(
                lambda: resolve_client_settings(
                    ClientSettings(),
                    environ={},
                    config=parsed,
                    profile=section,  # noqa: B023 - called at once
                )
            )
        for name in parsed.sso_sessions:
            look(lambda: SsoSettings.from_sso_session(parsed, name))  # noqa: B023 - called at once
    assert not [text for text in shown if any(secret in text.lower() for secret in secrets)]


MANY: Final = 20_000


@pytest.mark.parametrize(
    "text",
    [
        "[" * 10 * MANY,
        "]" * 10 * MANY,
        f"[profile {'a' * 10 * MANY}]",
        f"[profile {' ' * 10 * MANY}",
        f"[profile '{'a' * 10 * MANY}]",
        "".join(f"[profile a]\nx{number} = 1\n" for number in range(MANY)),
        "".join(f"[profile a{number}]\n" for number in range(MANY)),
        "[profile a]\nx = 1\n" + " y\n" * MANY,
        "[profile a]\nx =\n" + "".join(f" y{number} = 1\n" for number in range(MANY)),
        "[profile a]\nx = 1" + " " * 10 * MANY + "#",
        "[profile a]\nx" + "=" * 10 * MANY,
        "[profile a]\nx = " + " \t" * 5 * MANY + "y",
        "[profile a]\n" + "a b = 1\n" * MANY,
        "\r" * 10 * MANY,
        " \n" * 5 * MANY,
        "\ufeff" * 10 * MANY,
    ],
    ids=range(16),
)
def test_a_large_file_takes_no_long_time(text: str) -> None:
    """With quadratic time, most of these would exceed the time limit of a test."""
    for texts in ((text, ""), ("", text)):
        found = outcome(lambda: parse_aws_config(*texts))  # noqa: B023 - called at once
        assert isinstance(found, AwsConfig | ConfigurationError)
        assert isinstance(found, AwsConfig) or len(str(found)) < 500
