"""`ssooidc_core.sso_settings`: sessions and profiles, and the error texts for mistakes in them."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest

from ssooidc_core import ConfigurationError
from ssooidc_core.aws_config import parse_aws_config
from ssooidc_core.sso_settings import SsoSettings, parse_registration_scopes

URL = "https://d-1234567890.awsapps.com/start"
SESSION = f"[sso-session s]\nsso_start_url = {URL}\nsso_region = us-east-1\n"
# Text after an equals sign is never quoted.
CANARY = "canary"


def of_profile(text: str, name: str | None = "p") -> SsoSettings | None:
    return SsoSettings.from_profile(parse_aws_config(text, config_file="f"), name)


def refused(text: str, name: str | None = "p") -> str:
    with pytest.raises(ConfigurationError) as caught:
        of_profile(text, name)
    assert caught.value.__context__ is None
    assert CANARY not in str(caught.value)
    prefix = "Invalid Configuration: "
    assert str(caught.value).startswith(prefix)
    return str(caught.value).removeprefix(prefix)


def test_a_profile_with_a_session() -> None:
    found = of_profile(
        f"{SESSION}sso_registration_scopes = sso:account:access, a\n"
        "[profile p]\nsso_session = s\nsso_account_id = 111122223333\nsso_role_name = Admin\nsso_region = us-east-1"
    )
    assert found == SsoSettings(
        start_url=URL,
        region="us-east-1",
        session_name="s",
        scopes=("sso:account:access", "a"),
        profile="p",
        account_id="111122223333",
        role_name="Admin",
    )
    assert found.account_and_role() == ("111122223333", "Admin")
    assert pickle.loads(pickle.dumps(found)) == found
    assert hash(found) == hash(pickle.loads(pickle.dumps(found)))


def test_account_and_role_may_stand_in_the_session() -> None:
    found = of_profile(
        f"{SESSION}sso_role_name = Admin\n[profile p]\nsso_session = s\nsso_account_id = 1"
    )
    assert found is not None
    assert found.account_and_role() == ("1", "Admin")


def test_the_older_form_has_no_scopes() -> None:
    text = f"[default]\nsso_start_url = {URL}\nsso_region = us-east-1\nsso_registration_scopes = a"
    assert of_profile(text, None) == SsoSettings(
        start_url=URL, region="us-east-1", profile="default"
    )


def test_a_profile_that_says_nothing_about_sso() -> None:
    assert of_profile("[profile p]\nregion = us-east-1\nsso_registration_scopes = a") is None
    assert of_profile("", None) is None


@pytest.mark.parametrize(
    ("setting", "scopes"),
    [
        ("", ()),
        ("sso_registration_scopes =", ()),
        ("sso_registration_scopes = a,\n b,", ("a", "b")),
    ],
)
def test_scopes_of_a_session(setting: str, scopes: tuple[str, ...]) -> None:
    found = SsoSettings.from_sso_session(parse_aws_config(SESSION + setting), "s")
    assert found == SsoSettings(
        start_url=URL, region="us-east-1", session_name="s", scopes=scopes if setting else None
    )


def test_scopes_are_separated_by_commas() -> None:
    assert parse_registration_scopes(" a ,, b\t,\n") == ("a", "b")
    assert refused(
        f"{SESSION}sso_registration_scopes = {CANARY} b\n[profile p]\nsso_session = s"
    ) == (
        "f, line 4, [sso-session s]: sso_registration_scopes has a space inside a scope: separate scopes by commas"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is no profile 'p': write [profile p] into f, or use another one (AWS_PROFILE)"),
        (
            f"{SESSION}[profile p]\nsso_session = {CANARY}",
            (
                "f, line 5, [profile p]: sso_session names an [sso-session] section that does not exist: "
                "write it into f, with sso_start_url and sso_region"
            ),
        ),
        (
            "[profile p]\nsso_session = s\n[sso-session s]\nsso_region = canary",
            (
                "f, line 3, [sso-session s]: sso_start_url is missing: write 'sso_start_url = ' with the start URL, "
                "https://d-1234567890.awsapps.com/start for example"
            ),
        ),
        (
            "[profile p]\nsso_role_name = canary\nsso_start_url = canary\nsso_region =",
            (
                "f, line 1, [profile p]: sso_region is missing: write 'sso_region = ' with the region of the Identity "
                "Center instance, us-east-1 for example, or 'sso_session = ' with the name of an [sso-session] section"
            ),
        ),
        (
            "[profile p]\nsso_start_url = canary\nsso_region = canary.example",
            "f, line 3, [profile p]: sso_region is not a region: write us-east-1, for example",
        ),
        (
            f"{SESSION}[profile p]\nsso_session = s\nsso_region = {CANARY}",
            (
                "f, line 6, [profile p]: sso_region differs from that of [sso-session s] (f, line 3): "
                "remove it from the profile"
            ),
        ),
        (
            f"{SESSION}CANARY/{CANARY} = 1\n[profile p]\nsso_session = s\nCANARY/{CANARY} = 2",
            (
                "f, line 7, [profile p]: a property differs from that of [sso-session s] (f, line 4): "
                "remove it from the profile"
            ),
        ),
        (
            "[profile p]\nsso_session =\n a = canary",
            "f, line 2, [profile p]: sso_session has indented lines below it: write its value after the '='",
        ),
    ],
)
def test_errors_say_where_and_what_to_write(text: str, said: str) -> None:
    assert refused(text) == said


def test_a_session_that_is_not_there() -> None:
    with pytest.raises(ConfigurationError) as caught:
        SsoSettings.from_sso_session(parse_aws_config(SESSION, config_file="f"), "t\n")
    assert str(caught.value) == (
        "Invalid Configuration: there is no SSO session 't': write [sso-session t] into f, "
        "with sso_start_url and sso_region"
    )


def test_a_session_that_was_ignored() -> None:
    """It is in the credentials file, where no AWS tool looks for sessions."""
    config = parse_aws_config("[profile p]\nsso_session = s", SESSION, credentials_file="g")
    readers: list[Callable[[], object]] = [
        lambda: SsoSettings.from_sso_session(config, "s"),
        lambda: SsoSettings.from_profile(config, "p"),
    ]
    for read in readers:
        with pytest.raises(ConfigurationError) as caught:
            read()
        assert str(caught.value).endswith(
            ", with sso_start_url and sso_region "
            "(g, line 1, [sso-session s]: this section is ignored: it belongs in the config file)"
        )


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            "sso_account_id = 1",
            "the profile 'p' has no sso_role_name: write 'sso_role_name = ' with the name of a permission set into it",
        ),
        (
            "sso_role_name = a",
            (
                "the profile 'p' has no sso_account_id: write 'sso_account_id = ' with the 12 digits of an AWS account "
                "into it"
            ),
        ),
        (
            "",
            (
                "the profile 'p' has no sso_account_id: write 'sso_account_id = ' with the 12 digits of an AWS account "
                "into it"
            ),
        ),
    ],
)
def test_account_and_role_are_both_needed(lines: str, said: str) -> None:
    found = of_profile(f"{SESSION}[profile p]\nsso_session = s\n{lines}")
    assert found is not None
    with pytest.raises(ConfigurationError) as caught:
        found.account_and_role()
    assert str(caught.value) == f"Invalid Configuration: {said}"


def test_a_session_alone_has_no_account() -> None:
    found = SsoSettings.from_sso_session(parse_aws_config(SESSION), "s")
    with pytest.raises(ConfigurationError) as caught:
        found.account_and_role()
    assert str(caught.value) == (
        "Invalid Configuration: an SSO session has no account and no role: "
        "use a profile that has them, or pass both"
    )
