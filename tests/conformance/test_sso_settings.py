"""The choice of the sign-in settings: cases of botocore, the AWS CLI and the AWS SDK for C."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from ssooidc_core import ConfigurationError
from ssooidc_core.aws_config import parse_aws_config
from ssooidc_core.sso_settings import SsoSettings, parse_registration_scopes

if TYPE_CHECKING:
    from tests.conformance.conftest import Tally

GROUP: Final = "config"


@pytest.fixture(scope="module")
def table(case_tables: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = case_tables["sso-settings"]
    return found


def test_the_6_resolution_cases(table: dict[str, Any], tally: Tally) -> None:
    expected = {
        "nothing": None,
        "a session": SsoSettings(
            start_url="https://d-abc123.awsapps.com/start",
            region="us-east-1",
            session_name="admin",
            profile="test",
        ),
    }
    assert len(table["resolved"]) == 6
    for case in table["resolved"]:
        config = parse_aws_config(case["config"])
        if case["found"] == "refused":
            with pytest.raises(ConfigurationError):
                SsoSettings.from_profile(config, "test")
        else:
            found = SsoSettings.from_profile(config, "test")
            assert found == expected[case["found"]], case["name"]
        tally.ran()


def test_the_8_rows_of_the_scopes_setting(table: dict[str, Any], tally: Tally) -> None:
    rows: list[tuple[str, list[str]]] = table["scopes"]
    assert len(rows) == 8
    for setting, scopes in rows:
        assert parse_registration_scopes(setting) == tuple(scopes)
        text = f"[sso-session s]\nsso_start_url=u\nsso_region=r\nsso_registration_scopes={setting}"
        found = SsoSettings.from_sso_session(parse_aws_config(text), "s")
        assert found.scopes == tuple(scopes)
        tally.ran()
    text = "[sso-session s]\nsso_start_url=u\nsso_region=r"
    assert SsoSettings.from_sso_session(parse_aws_config(text), "s").scopes is None
    tally.ran()


def test_the_15_profiles_of_the_sdk_for_c(table: dict[str, Any], tally: Tally) -> None:
    """That SDK has one provider for sessions and one for the legacy form; both use the profile `default`."""
    assert len(table["by_form"]) == 15
    for case in table["by_form"]:
        is_for_sessions = case["form"] == "session"
        config = parse_aws_config(case["config"])
        try:
            found = SsoSettings.from_profile(config)
        except ConfigurationError:
            found = None
        valid = found is not None and (found.session_name is not None) == is_for_sessions
        if case["name"] == "both forms":
            assert case["valid"]
            assert not valid
            tally.differs("a-session-is-not-passed-over")
        else:
            assert valid == case["valid"], case["name"]
        tally.ran()
