"""Where to sign in: the resolution cases of botocore, the AWS CLI and the AWS SDK for C, read in place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from ssooidc_core import ConfigurationError
from ssooidc_core.aws_config import parse_aws_config
from ssooidc_core.sso_settings import SsoSettings, parse_registration_scopes

if TYPE_CHECKING:
    from tests.conformance.conftest import Tally

GROUP: Final = "config"


def load(file: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def tables(vectors: Path) -> dict[str, Any]:
    return load(vectors / "sso" / "cross-sdk-tables.json")


def written(config: dict[str, dict[str, dict[str, str]]]) -> str:
    """Write a case's sections as a config file."""
    lines: list[str] = []
    for kind, of in (("profile", "profiles"), ("sso-session", "sso_sessions")):
        for name, properties in config.get(of, {}).items():
            lines.append(f"[{kind} {name}]")
            lines += [f"{key} = {value}" for key, value in properties.items()]
    return "\n".join(lines)


def test_the_6_resolution_cases(vectors: Path, tally: Tally) -> None:
    cases: list[dict[str, Any]] = load(vectors / "sso" / "token-provider-cases.json")[
        "sso_provider_resolution_cases"
    ]
    assert len(cases) == 6
    for case in cases:
        config = parse_aws_config(written(case["config"]))
        if "expectedException" in case:
            with pytest.raises(ConfigurationError):
                SsoSettings.from_profile(config, "test")
        else:
            found = SsoSettings.from_profile(config, "test")
            assert (found is not None) == case["resolves"], case["documentation"]
            if found is not None:
                assert found == SsoSettings(
                    start_url="https://d-abc123.awsapps.com/start",
                    region="us-east-1",
                    session_name="admin",
                    profile="test",
                )
        tally.ran()


def test_the_8_rows_of_the_scopes_setting(tables: dict[str, Any], tally: Tally) -> None:
    rows: list[tuple[str, list[str]]] = tables["registration_scopes_setting"]["rows"]
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


def test_the_15_profiles_of_the_sdk_for_c(tables: dict[str, Any], tally: Tally) -> None:
    """That SDK has a provider for sessions and another for the older form; both look at the profile `default`."""
    cases: list[dict[str, Any]] = tables["c_auth_profile_cases"]["cases"]
    assert len(cases) == 15
    for case in cases:
        is_for_sessions = "provider_sso_session" in case["test"]
        config = parse_aws_config(case["config"])
        try:
            found = SsoSettings.from_profile(config)
        except ConfigurationError:
            found = None
        valid = found is not None and (found.session_name is not None) == is_for_sessions
        if case["name"] == "with sso_session":
            assert case["valid"]
            assert not valid
            tally.differs("a-session-is-not-passed-over")
        else:
            assert valid == case["valid"], case["name"]
        tally.ran()
