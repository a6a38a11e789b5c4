"""The settings of an instance: their defaults, and the errors for invalid ones."""

from __future__ import annotations

from typing import Any

import pytest

from ssooidc_core.errors import ConfigurationError
from ssooidc_emulator import IdentityCenter
from ssooidc_emulator._settings import read_settings


def test_the_defaults() -> None:
    assert read_settings().model_dump() == {
        "region": "us-east-1",
        "start_url": "https://d-1234567890.awsapps.com/start",
        "base_url": None,
        "interval": 1,
        "device_code_lifetime": 600,
        "authorization_code_lifetime": 600,
        "registration_lifetime": 90 * 24 * 3600,
        "access_token_lifetime": 3600,
        "session_lifetime": 28800,
        "role_session_lifetime": 3600,
        "refresh_mode": "stable",
        "enforce_interval": False,
        "refuse_white_space": True,
        "auto_approve": None,
    }


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"interval": 0}, "interval must be a whole number of seconds from 1"),
        ({"interval": 1.5}, "interval must be a whole number of seconds from 1"),
        ({"session_lifetime": True}, "session_lifetime must be a whole number of seconds from 1"),
        (
            {"refresh_mode": "never"},
            "refresh_mode must be one of 'stable', 'rotating' and 'rotating-strict'",
        ),
        ({"enforce_interval": "CANARY"}, "enforce_interval must be true or false"),
        ({"start_url": ""}, "start_url must be text"),
        ({"auto_approve": "jane"}, "No user 'jane': call directory.add_user first"),
    ],
)
def test_a_wrong_value(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared whole
        IdentityCenter(**arguments)
    assert (type(caught.value), str(caught.value)) == (ValueError, problem)
    assert caught.value.__context__ is None


def test_a_wrong_region() -> None:
    with pytest.raises(ConfigurationError, match="'a b' is not a region"):
        IdentityCenter(region="a b")


def test_a_setting_that_there_is_not() -> None:
    with pytest.raises(TypeError, match=r"\AIdentityCenter has no argument 'intervals'\Z"):
        IdentityCenter(intervals=1)  # type: ignore[call-arg]
