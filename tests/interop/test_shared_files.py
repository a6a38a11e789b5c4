"""The files of `~/.aws` are shared between this library and the clients: each reads and uses what the other writes."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from ssooidc_core import ClientConfig, RegisterClientRequest, run
from ssooidc_core._cache_files import RegistrationFile, RoleCredentialsFile, TokenFile
from ssooidc_core._cache_keys import (
    registration_cache_key,
    role_credentials_cache_key,
    token_cache_key,
)
from ssooidc_core.flows.device import poll_for_token, start_device_login
from ssooidc_emulator import EmulatorServer
from ssooidc_transports.httpx import HttpxTransport

Login: TypeAlias = Callable[..., None]
Aws: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
Asked: TypeAlias = Callable[[], list[str]]

START_URL = "https://d-1234567890.awsapps.com/start"
REGION = "us-east-1"
SCOPES = ("sso:account:access",)
ACCOUNT, ROLE = "123456789012", "AdministratorAccess"


def sso_file(home: Path, key: str) -> Path:
    return home / ".aws" / "sso" / "cache" / f"{key}.json"


class TestWrittenByTheAwsCli:
    @pytest.mark.parametrize(
        ("profile", "session", "scopes"),
        [("emulator", "emulator", SCOPES), ("emulator-legacy", None, None)],
    )
    def test_is_read_and_written_alike(
        self,
        login: Login,
        aws: Aws,
        home: Path,
        profile: str,
        session: str | None,
        scopes: tuple[str, ...] | None,
    ) -> None:
        login("--profile", profile)
        assert aws("configure", "export-credentials", "--profile", profile).returncode == 0
        registration_key = registration_cache_key(
            start_url=START_URL, region=REGION, scopes=scopes, session_name=session
        )
        role_key = role_credentials_cache_key(
            account_id=ACCOUNT, role_name=ROLE, session_name=session, start_url=START_URL
        )
        written = sso_file(home, token_cache_key(session or START_URL)).read_text()
        token = TokenFile.from_text(written)
        # Encoded again, not only passed on.
        again = TokenFile(
            access_token=token.access_token,
            expires_at=token.expires_at,
            start_url=START_URL,
            region=REGION,
            client_id=token.client_id,
            client_secret=token.client_secret,
            registration_expires_at=token.registration_expires_at,
            refresh_token=token.refresh_token,
        )
        assert again.to_text_with_secrets() == token.to_text_with_secrets() == written
        assert (token.refresh_token is None) == (session is None)

        written = sso_file(home, registration_key).read_text()
        registration = RegistrationFile.from_text(written)
        same = RegistrationFile(
            client_id=registration.client_id,
            client_secret=registration.client_secret,
            expires_at=registration.expires_at,
            scopes=scopes,
        )
        assert same.to_text_with_secrets() == registration.to_text_with_secrets() == written

        written = (home / ".aws" / "cli" / "cache" / f"{role_key}.json").read_text()
        role = RoleCredentialsFile.from_text(written)
        assert role.to_text_with_secrets() == written
        assert role.account_id == ACCOUNT


@pytest.mark.parametrize("settings", [{"access_token_lifetime": 60}], ids=["60 s"])
@pytest.mark.parametrize("sdk", ["boto3_profile", "javascript"])
def test_what_an_sdk_wrote_is_read(
    login: Login, home: Path, sdk: str, request: pytest.FixtureRequest
) -> None:
    login()
    path = sso_file(home, token_cache_key("emulator"))
    before = TokenFile.from_text(path.read_bytes())
    ask: Callable[..., Any] = request.getfixturevalue(sdk)
    script = ("profile.mjs",) if sdk == "javascript" else ()
    token = ask(*script, "token", "emulator")["token"]
    after = TokenFile.from_text(path.read_bytes())
    assert after.access_token.get_secret_value() == token
    assert after.access_token != before.access_token
    kept = ("start_url", "region", "client_id", "client_secret", "refresh_token")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]
    assert timedelta(seconds=30) < after.expires_at - datetime.now(UTC) <= timedelta(seconds=60)


@pytest.fixture
def written_by_us(server: EmulatorServer, home: Path) -> Path:
    """Sign in with this library and leave the token where the clients look for it."""
    registration = RegisterClientRequest(client_name="tool", client_type="public", scopes=SCOPES)
    with HttpxTransport(ClientConfig(region=REGION, endpoint_url=server.url)) as transport:
        login = run(start_device_login(registration, start_url=START_URL, region=REGION), transport)
        server.center.approve(login.user_code)
        token = run(poll_for_token(login), transport)
    assert token.expires_in is not None
    file = TokenFile(
        access_token=token.access_token,
        expires_at=datetime.now(UTC) + timedelta(seconds=token.expires_in),
        start_url=START_URL,
        region=REGION,
        client_id=login.client.client_id,
        client_secret=login.client.client_secret,
        registration_expires_at=datetime.now(UTC) + timedelta(days=89),
        refresh_token=token.refresh_token,
    )
    path = sso_file(home, token_cache_key("emulator"))
    path.parent.mkdir(parents=True)
    path.write_text(file.to_text_with_secrets())
    return path


@pytest.mark.parametrize(
    "settings", [{}, {"access_token_lifetime": 60}], ids=["fresh", "to refresh"]
)
class TestWrittenByUs:
    def test_the_aws_cli_uses_it(
        self, written_by_us: Path, aws: Aws, asked: Asked, settings: dict[str, Any]
    ) -> None:
        before = written_by_us.read_text()
        asked()
        done = aws("configure", "export-credentials")
        assert (done.returncode, done.stderr) == (0, "")
        refresh = ["CreateToken 200"] if settings else []
        assert asked() == [*refresh, "GetRoleCredentials 200"]
        # Now written by the CLI, in the same way.
        after = written_by_us.read_text()
        assert blank(after) == blank(before)
        assert (after == before) == (not settings)

    def test_boto3_uses_it(
        self, written_by_us: Path, boto3_profile: Callable[..., Any], asked: Asked
    ) -> None:
        before = written_by_us.read_text()
        token = boto3_profile("token", "emulator")["token"]
        after = written_by_us.read_text()
        assert token == json.loads(after)["accessToken"]
        assert blank(after) == blank(before)

    def test_javascript_uses_it(self, written_by_us: Path, javascript: Callable[..., Any]) -> None:
        token = javascript("profile.mjs", "token", "emulator")["token"]
        assert token == json.loads(written_by_us.read_text())["accessToken"]


def blank(text: str) -> str:
    """Mask the values that a refresh changes."""
    return re.sub('"(accessToken|expiresAt)": "[^"]*"', r'"\1": "…"', text)
