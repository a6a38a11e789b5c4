"""`ssooidc_core._cache_keys`: the file names that the AWS CLI uses."""

from __future__ import annotations

from typing import Any

import pytest

from ssooidc_core._cache_keys import (
    registration_cache_key,
    role_credentials_cache_key,
    token_cache_key,
)

START_URL = "https://d-1234567890.awsapps.com/start"


def test_the_token_keys_of_four_sdks(case_tables: dict[str, Any]) -> None:
    keys: dict[str, str] = case_tables["cache-keys"]["token"]
    assert len(keys) == 6
    assert {name: token_cache_key(name) for name in keys} == keys


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("my-sso", "0ad374308c5a4e22f723adf10145eafad7c4031c"),
        (START_URL, "7487b5b67d5fa1132cf33fa93ae51ef38cc37752"),
        ("café", "f424452a9673918c6f09b0cdd35b20be8e6ae7d7"),
    ],
)
def test_the_token_keys_of_the_aws_cli(name: str, key: str) -> None:
    assert token_cache_key(name) == key


@pytest.mark.parametrize(
    ("start_url", "region", "scopes", "session_name", "key"),
    [
        (START_URL, "us-east-1", None, None, "365414a68be7c9bfc776c660981dbdbd942acea4"),
        (START_URL, "us-east-1", None, "my-sso", "8b2cedd020fb181ad4cf906d1d27b232fd31557e"),
        (
            START_URL,
            "us-east-1",
            ("sso:account:access",),
            "my-sso",
            "a8343d65418848d0bc13a5f25cbb32508ceec5d1",
        ),
        (START_URL, "us-east-1", ["a", "b"], "café", "c16cfe0a02dc715cd45b248e29dca9b5e8b1e48c"),
        (
            "https://d-abc123.awsapps.com/start",
            "us-west-2",
            None,
            None,
            "d75f79f67bab3f92a2b1450471c0c2574de0dca4",
        ),
    ],
)
def test_the_registration_keys_of_the_aws_cli(
    start_url: str,
    region: str,
    scopes: tuple[str, ...] | None,
    session_name: str | None,
    key: str,
) -> None:
    found = registration_cache_key(
        start_url=start_url, region=region, scopes=scopes, session_name=session_name
    )
    assert found == key


def test_the_role_credentials_keys_of_the_aws_cli() -> None:
    with_session = role_credentials_cache_key(
        account_id="123456789012", role_name="Admin", session_name="my-sso", start_url=START_URL
    )
    assert with_session == "c30b99aca80d8f5b3178e353f05b2abcc9a4ccd3"
    legacy = role_credentials_cache_key(
        account_id="1234567890",
        role_name="test-role",
        session_name=None,
        start_url="https://d-92671207e4.awsapps.com/start",
    )
    assert legacy == "048db75bbe50955c16af7aba6ff9c41a3131bb7e"
