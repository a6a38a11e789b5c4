"""boto3 and the AWS SDK for JavaScript share sessions with this library: each uses and refreshes the others' tokens."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from ssooidc_login import SsoSession, WayIn

if TYPE_CHECKING:
    from tests.interop.sessions.conftest import Person

Ask: TypeAlias = Callable[[str], dict[str, Any]]
Asked: TypeAlias = Callable[[], list[str]]

# sha1 of `emulator`, the name of the sso-session
TOKEN_FILE = ".aws/sso/cache/7e09d0bb5f4eb56d9b97c579dd7351780613c45b.json"
PAST = "2020-01-01T00:00:00Z"
OVER = {
    "boto3": "Token for emulator does not exist",
    "JavaScript": "The SSO session token associated with profile=emulator was not found or is invalid. "
    "To refresh this SSO session run 'aws sso login' with the corresponding profile.",
}


@pytest.fixture
def settings() -> dict[str, Any]:
    """Accept each refresh token once."""
    return {"auto_approve": "user", "refresh_mode": "rotating-strict"}


@pytest.fixture
def token_file(home: Path) -> Path:
    return home / TOKEN_FILE


@pytest.fixture(params=["boto3", "JavaScript"])
def sdk(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def ask(sdk: str, request: pytest.FixtureRequest) -> Ask:
    """Return a function that calls the SDK's token provider or its credential provider."""
    if sdk == "boto3":
        boto3_profile: Callable[..., dict[str, Any]] = request.getfixturevalue("boto3_profile")
        return lambda what: boto3_profile(what, "emulator")
    javascript: Callable[..., dict[str, Any]] = request.getfixturevalue("javascript")
    return lambda what: javascript("profile.mjs", what, "emulator")


def read(path: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads(path.read_text())
    return found


def expire(path: Path) -> None:
    path.write_text(json.dumps({**read(path), "expiresAt": PAST}))


def ours(session: SsoSession) -> str:
    return session.token().access_token.get_secret_value()


def test_we_sign_in_and_the_sdk_uses_it(
    session: SsoSession, person: Person, ask: Ask, asked: Asked
) -> None:
    session.login(way=WayIn.BROWSER, interaction=person)
    asked()
    assert ask("token")["token"] == ours(session)
    assert asked() == []
    credentials = ask("credentials")
    assert (credentials.get("access_key") or credentials["accessKeyId"]).startswith("ASIA")
    assert asked() == ["GetRoleCredentials 200"]


def test_each_uses_what_the_other_refreshed(
    session: SsoSession, person: Person, ask: Ask, asked: Asked, token_file: Path
) -> None:
    session.login(way=WayIn.BROWSER, interaction=person)
    asked()
    seen = [ours(session)]
    for _ in range(2):
        expire(token_file)
        theirs = ask("token")["token"]
        assert asked() == ["CreateToken 200"]
        assert ours(session) == theirs
        expire(token_file)
        refreshed = ours(session)
        assert asked() == ["CreateToken 200"]
        assert ask("token")["token"] == refreshed
        assert asked() == []
        seen += [theirs, refreshed]
    assert len(set(seen)) == 5
    # The session is still valid: no refresh token was used twice.
    assert [account.account_id for account in session.accounts()] == ["123456789012"]


def test_what_the_cli_signed_in_all_three_refresh_in_turn(
    login: Callable[[], None], session: SsoSession, ask: Ask, asked: Asked, token_file: Path
) -> None:
    login()
    expire(token_file)
    refreshed = ours(session)
    assert ask("token")["token"] == refreshed
    expire(token_file)
    assert ask("token")["token"] == ours(session) != refreshed
    assert asked() == ["CreateToken 200"] * 2
    assert (
        session.token(force_refresh=True).access_token.get_secret_value() == ask("token")["token"]
    )


def test_we_sign_out_and_the_sdk_knows(
    session: SsoSession, person: Person, sdk: str, ask: Ask
) -> None:
    session.login(way=WayIn.BROWSER, interaction=person)
    session.logout()
    if sdk == "boto3":
        with pytest.raises(AssertionError) as caught:
            ask("token")
        assert f"SSOTokenLoadError: Error loading SSO Token: {OVER[sdk]}\n" in str(caught.value)
    else:
        assert ask("token") == {"error": "TokenProviderError", "message": OVER[sdk]}
