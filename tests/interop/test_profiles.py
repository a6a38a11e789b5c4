"""The CLI, boto3 and JavaScript use a login that the AWS CLI made: tokens and role credentials."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from ssooidc_emulator import EmulatorServer, IdentityCenter

Ask: TypeAlias = Callable[[str], dict[str, Any]]
Asked: TypeAlias = Callable[[], list[str]]
Login: TypeAlias = Callable[..., None]

# sha1 of `emulator`, the name of the sso-session
TOKEN_FILE = ".aws/sso/cache/7e09d0bb5f4eb56d9b97c579dd7351780613c45b.json"
PAST = "2020-01-01T00:00:00Z"
# Inside every client's refresh window: the CLI and boto3 refresh 15 minutes before expiry, JavaScript 5.
ABOUT_TO_EXPIRE = pytest.mark.parametrize("settings", [{"access_token_lifetime": 60}], ids=["60 s"])
ROLE = {"sso_account_id": "123456789012", "sso_role_name": "AdministratorAccess"}


@pytest.fixture
def token_file(home: Path) -> Path:
    return home / TOKEN_FILE


@pytest.fixture(params=["boto3", "JavaScript"])
def token_of(request: pytest.FixtureRequest) -> Ask:
    """Return a function that calls an SDK's token provider."""
    if request.param == "boto3":
        boto3_profile: Callable[..., dict[str, Any]] = request.getfixturevalue("boto3_profile")
        return lambda profile: boto3_profile("token", profile)
    javascript: Callable[..., dict[str, Any]] = request.getfixturevalue("javascript")
    return lambda profile: javascript("profile.mjs", "token", profile)


@pytest.fixture(params=["AWS CLI", "boto3", "JavaScript"])
def credentials_of(request: pytest.FixtureRequest) -> Ask:
    """Return a function that gets a role's credentials, as (access key id, secret key, session token)."""
    if request.param == "AWS CLI":
        aws: Callable[..., subprocess.CompletedProcess[str]] = request.getfixturevalue("aws")
        names = ("AccessKeyId", "SecretAccessKey", "SessionToken")

        def ask(profile: str) -> dict[str, Any]:
            done = aws("configure", "export-credentials", "--profile", profile)
            assert (done.returncode, done.stderr) == (0, "")
            return dict(zip(KEYS, map(json.loads(done.stdout).get, names), strict=True))

        return ask
    if request.param == "boto3":
        boto3_profile: Callable[..., dict[str, Any]] = request.getfixturevalue("boto3_profile")

        def ask_boto3(profile: str) -> dict[str, Any]:
            answer = boto3_profile("credentials", profile)
            assert answer.pop("method") == "sso"
            return answer

        return ask_boto3
    javascript: Callable[..., dict[str, Any]] = request.getfixturevalue("javascript")
    javascript_names = ("accessKeyId", "secretAccessKey", "sessionToken")
    return lambda profile: dict(
        zip(
            KEYS,
            map(javascript("profile.mjs", "credentials", profile).get, javascript_names),
            strict=True,
        )
    )


KEYS = ("access_key", "secret_key", "token")


def document(path: Path) -> dict[str, str]:
    read: dict[str, str] = json.loads(path.read_text())
    return read


def expire(path: Path) -> None:
    """Make the token expire, as if the machine had slept overnight."""
    path.write_text(json.dumps({**document(path), "expiresAt": PAST}))


class TestTokens:
    def test_a_fresh_one_is_used_as_it_is(
        self, login: Login, token_of: Ask, token_file: Path, asked: Asked
    ) -> None:
        login()
        before = token_file.read_bytes()
        assert token_of("emulator")["token"] == document(token_file)["accessToken"]
        assert asked() == []
        assert token_file.read_bytes() == before

    @ABOUT_TO_EXPIRE
    def test_one_about_to_expire_is_refreshed(
        self, login: Login, token_of: Ask, token_file: Path, asked: Asked
    ) -> None:
        login()
        before = document(token_file)
        token = token_of("emulator")["token"]
        after = document(token_file)
        assert asked() == ["CreateToken 200"]
        assert token == after["accessToken"] != before["accessToken"]
        kept = ("clientId", "clientSecret", "refreshToken", "region", "startUrl")
        assert {name: after[name] for name in kept} == {name: before[name] for name in kept}

    def test_one_that_expired_is_refreshed(
        self, login: Login, token_of: Ask, token_file: Path, asked: Asked
    ) -> None:
        login()
        expire(token_file)
        token = token_of("emulator")["token"]
        after = document(token_file)
        assert asked() == ["CreateToken 200"]
        assert token == after["accessToken"]
        left = datetime.fromisoformat(after["expiresAt"]) - datetime.now(UTC)
        assert timedelta(minutes=59) < left <= timedelta(hours=1)

    @pytest.mark.parametrize("settings", [{"refresh_mode": "rotating-strict"}], ids=["strict"])
    def test_a_rotated_refresh_token_is_kept(
        self, login: Login, token_of: Ask, token_file: Path, asked: Asked
    ) -> None:
        login()
        seen = [document(token_file)["refreshToken"]]
        for _ in range(2):
            expire(token_file)
            token_of("emulator")
            seen.append(document(token_file)["refreshToken"])
        assert asked() == ["CreateToken 200"] * 2
        assert len(set(seen)) == 3


def test_the_session_is_over(
    login: Login,
    aws: Callable[..., subprocess.CompletedProcess[str]],
    server: EmulatorServer,
    token_file: Path,
    asked: Asked,
) -> None:
    clock = server.clock
    assert clock is not None
    login()
    expire(token_file)
    clock.advance(28800)
    done = aws("configure", "export-credentials")
    told = "\naws: [ERROR]: Error when retrieving token from sso: Token has expired and refresh failed\n"
    assert (done.returncode, done.stdout, done.stderr) == (255, "", told)
    assert asked() == ["CreateToken InvalidGrantException"]


class TestRoles:
    def test_credentials(self, login: Login, credentials_of: Ask, asked: Asked) -> None:
        login()
        credentials = credentials_of("emulator")
        assert asked() == ["GetRoleCredentials 200"]
        assert re.fullmatch(r"ASIA[A-Z2-7]{16}", credentials["access_key"])
        assert len(credentials["secret_key"]) == 40
        assert credentials["token"]

    @ABOUT_TO_EXPIRE
    def test_the_token_is_refreshed_first(
        self, login: Login, credentials_of: Ask, asked: Asked
    ) -> None:
        login()
        credentials_of("emulator")
        assert asked() == ["CreateToken 200", "GetRoleCredentials 200"]

    def test_a_legacy_profile(self, login: Login, credentials_of: Ask, asked: Asked) -> None:
        login("--profile", "emulator-legacy")
        assert credentials_of("emulator-legacy")["access_key"].startswith("ASIA")
        assert asked() == ["GetRoleCredentials 200"]

    def test_each_role_has_credentials_of_its_own(
        self, login: Login, credentials_of: Ask, asked: Asked
    ) -> None:
        login()
        both = [
            credentials_of(f"emulator-123456789012-{role}")["access_key"]
            for role in ("AdministratorAccess", "ReadOnly")
        ]
        assert len(set(both)) == 2
        assert asked() == ["GetRoleCredentials 200"] * 2


def test_a_role_that_was_taken_away(
    login: Login,
    aws: Callable[..., subprocess.CompletedProcess[str]],
    center: IdentityCenter,
    asked: Asked,
) -> None:
    login()
    center.directory.unassign("user", account_id="123456789012", role_name="AdministratorAccess")
    done = aws("configure", "export-credentials")
    told = (
        "\naws: [ERROR]: An error occurred (ForbiddenException) when calling the "
        "GetRoleCredentials operation: No access\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (254, "", told)
    assert asked() == ["GetRoleCredentials ForbiddenException"]
