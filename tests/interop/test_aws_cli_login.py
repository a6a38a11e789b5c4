"""`aws sso login` with a device code: what it shows, what it requests, and which files it leaves."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import pytest

from ssooidc_emulator import EmulatorServer, IdentityCenter
from ssooidc_emulator.faults import connection_reset, error, html_page, server_error, slow_down

Aws: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
Asked: TypeAlias = Callable[[], list[str]]
WhenPolled: TypeAlias = Callable[..., list[str]]

START_URL = "https://d-1234567890.awsapps.com/start"
DEVICE = ("sso", "login", "--use-device-code", "--no-browser")
PENDING = "CreateToken AuthorizationPendingException"
FIRST_POLL = ["RegisterClient 200", "StartDeviceAuthorization 200", PENDING]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")


def shown(server: EmulatorServer, code: str) -> str:
    page = f"{server.url}/device"
    return (
        "Browser will not be automatically opened.\n"
        f"Please visit the following URL:\n\n{page}\n\nThen enter the code:\n\n{code}\n\n"
        "Alternatively, you may visit the following URL which will autofill the code upon loading:\n"
        f"{page}?user_code={code}\n"
    )


def refused(code: str, operation: str, oauth: str, description: str) -> str:
    return (
        f"\naws: [ERROR]: An error occurred ({code}) when calling the {operation} operation:\n\n"
        f"Additional error details:\nerror: {oauth}\nerror_description: {description}\n"
    )


def cache_file(home: Path, key: str) -> Path:
    name = hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest()
    return home / ".aws" / "sso" / "cache" / f"{name}.json"


def cached(home: Path, key: str) -> dict[str, str]:
    path = cache_file(home, key)
    assert path.stat().st_mode & 0o777 == 0o600
    document: dict[str, str] = json.loads(path.read_text())
    return document


def until(text: str) -> timedelta:
    assert TIME.match(text)
    return datetime.fromisoformat(text) - datetime.now(UTC)


def test_shows_the_code_and_waits_for_the_person(
    aws: Aws, when_polled: WhenPolled, server: EmulatorServer, asked: Asked
) -> None:
    # The CLI polls before it shows the code and again right after it; a person is slower than that.
    codes = when_polled(server.center.approve, polls=2)
    done = aws(*DEVICE)
    (code,) = codes
    success = f"Successfully logged into Start URL: {START_URL}\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, shown(server, code) + success, "")
    assert asked() == [*FIRST_POLL, PENDING, "CreateToken 200"]


def test_leaves_a_token_and_a_registration(
    aws: Aws, when_polled: WhenPolled, center: IdentityCenter, home: Path
) -> None:
    when_polled(center.approve)
    assert aws(*DEVICE).returncode == 0
    token = cached(home, "emulator")
    assert list(token) == [
        "startUrl",
        "region",
        "accessToken",
        "expiresAt",
        "clientId",
        "clientSecret",
        "registrationExpiresAt",
        "refreshToken",
    ]
    assert token["startUrl"] == START_URL
    assert token["region"] == "us-east-1"
    assert timedelta(minutes=59) < until(token["expiresAt"]) <= timedelta(hours=1)
    assert timedelta(days=89) < until(token["registrationExpiresAt"]) <= timedelta(days=90)
    registration = cached(
        home,
        json.dumps(
            {
                "region": "us-east-1",
                "scopes": ["sso:account:access"],
                "session_name": "emulator",
                "startUrl": START_URL,
                "tool": "botocore",
            }
        ),
    )
    assert registration == {
        "clientId": token["clientId"],
        "clientSecret": token["clientSecret"],
        "expiresAt": token["registrationExpiresAt"],
        "scopes": ["sso:account:access"],
    }


def test_registers_once(
    aws: Aws, when_polled: WhenPolled, center: IdentityCenter, asked: Asked, home: Path
) -> None:
    when_polled(center.approve)
    assert aws(*DEVICE).returncode == 0
    first = cached(home, "emulator")
    assert asked() == [*FIRST_POLL, "CreateToken 200"]
    when_polled(center.approve)
    assert aws(*DEVICE).returncode == 0
    second = cached(home, "emulator")
    assert asked() == [*FIRST_POLL[1:], "CreateToken 200"]
    assert second["clientId"] == first["clientId"]
    assert second["accessToken"] != first["accessToken"]


@pytest.mark.parametrize("settings", [{"registration_lifetime": 800}], ids=["800 s"])
def test_registers_anew_where_the_registration_is_about_to_expire(
    aws: Aws, when_polled: WhenPolled, center: IdentityCenter, asked: Asked
) -> None:
    for _ in range(2):
        when_polled(center.approve)
        assert aws(*DEVICE).returncode == 0
    assert asked() == [*FIRST_POLL, "CreateToken 200"] * 2


def test_a_registration_that_the_service_does_not_know(
    aws: Aws, when_polled: WhenPolled, center: IdentityCenter, environment: dict[str, str]
) -> None:
    when_polled(center.approve)
    assert aws(*DEVICE).returncode == 0
    with EmulatorServer() as other:
        environment["AWS_ENDPOINT_URL_SSO_OIDC"] = other.url
        done = aws(*DEVICE)
        seen = [(entry.operation, entry.status) for entry in other.center.log.entries()]
    # The CLI does not recover from this by itself, so clients of an emulator need a separate home directory.
    told = refused(
        "InvalidClientException",
        "StartDeviceAuthorization",
        "invalid_client",
        "Invalid client provided",
    )
    assert (done.returncode, done.stdout, done.stderr) == (254, "", told)
    assert seen == [("StartDeviceAuthorization", 401)]


def test_a_legacy_profile_gets_no_refresh_token(
    aws: Aws, when_polled: WhenPolled, server: EmulatorServer, asked: Asked, home: Path
) -> None:
    codes = when_polled(server.center.approve)
    done = aws("sso", "login", "--no-browser", "--profile", "emulator-legacy")
    success = f"Successfully logged into Start URL: {START_URL}\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, shown(server, *codes) + success, "")
    assert asked() == [*FIRST_POLL, "CreateToken 200"]
    token = cached(home, START_URL)
    assert "refreshToken" not in token
    assert timedelta(hours=7) < until(token["expiresAt"]) <= timedelta(hours=8)


@pytest.mark.parametrize("profile", ["emulator", "emulator-legacy"])
def test_a_services_section_leads_to_the_emulator_as_well(
    aws: Aws,
    when_polled: WhenPolled,
    center: IdentityCenter,
    asked: Asked,
    services_section: Callable[[str], None],
    profile: str,
) -> None:
    services_section(profile)
    when_polled(center.approve)
    assert aws(*DEVICE, "--profile", profile).returncode == 0
    assert aws("configure", "export-credentials", "--profile", profile).returncode == 0
    assert asked() == [*FIRST_POLL, "CreateToken 200", "GetRoleCredentials 200"]


def test_denied(
    aws: Aws, when_polled: WhenPolled, server: EmulatorServer, asked: Asked, home: Path
) -> None:
    codes = when_polled(server.center.deny)
    done = aws(*DEVICE)
    told = refused(
        "AccessDeniedException", "CreateToken", "access_denied", "Authorization request was denied"
    )
    assert (done.returncode, done.stdout, done.stderr) == (254, shown(server, *codes), told)
    assert asked() == [*FIRST_POLL, "CreateToken AccessDeniedException"]
    assert not cache_file(home, "emulator").exists()


def test_expired(aws: Aws, when_polled: WhenPolled, server: EmulatorServer, asked: Asked) -> None:
    clock = server.clock
    assert clock is not None
    codes = when_polled(lambda _: clock.advance(600))
    done = aws(*DEVICE)
    told = (
        "\naws: [ERROR]: The pending authorization to retrieve an SSO token has expired. "
        "The login flow to retrieve an SSO token must be restarted.\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (255, shown(server, *codes), told)
    assert asked() == [*FIRST_POLL, "CreateToken ExpiredTokenException"]


def test_slow_down_is_not_the_end(
    aws: Aws, when_polled: WhenPolled, center: IdentityCenter, asked: Asked
) -> None:
    when_polled(center.approve)
    center.script("CreateToken", slow_down())
    done = aws(*DEVICE)
    assert (done.returncode, done.stderr) == (0, "")
    assert asked() == [
        "RegisterClient 200",
        "StartDeviceAuthorization 200",
        "CreateToken SlowDownException",
        PENDING,
        "CreateToken 200",
    ]


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        (server_error(), "InternalServerException"),
        (html_page(), "503"),
        (connection_reset(), "None"),
    ],
    ids=["500", "a proxy's page", "reset"],
)
def test_what_fails_in_passing_is_repeated(
    aws: Aws,
    when_polled: WhenPolled,
    center: IdentityCenter,
    asked: Asked,
    fault: object,
    seen: str,
) -> None:
    when_polled(center.approve)
    center.script("StartDeviceAuthorization", fault, times=2)  # type: ignore[arg-type]
    done = aws(*DEVICE)
    assert (done.returncode, done.stderr) == (0, "")
    failed = [f"StartDeviceAuthorization {seen}"] * 2
    assert asked() == [FIRST_POLL[0], *failed, *FIRST_POLL[1:], "CreateToken 200"]


@pytest.mark.parametrize(
    ("code", "oauth"),
    [
        ("InvalidRequestException", "invalid_request"),
        ("UnauthorizedClientException", "unauthorized_client"),
        ("InvalidClientException", "invalid_client"),
    ],
)
def test_an_error_is_shown(
    aws: Aws, center: IdentityCenter, asked: Asked, code: str, oauth: str
) -> None:
    center.script("StartDeviceAuthorization", error(code, "told by a test"))
    done = aws(*DEVICE)
    told = refused(code, "StartDeviceAuthorization", oauth, "told by a test")
    assert (done.returncode, done.stdout, done.stderr) == (254, "", told)
    assert asked() == ["RegisterClient 200", f"StartDeviceAuthorization {code}"]


def test_a_session_that_is_not_configured_is_not_asked_for(aws: Aws, asked: Asked) -> None:
    done = aws(*DEVICE, "--sso-session", "nope")
    text = 'An error occurred (Configuration): The specified sso-session does not exist: "nope"'
    assert (done.returncode, done.stdout, done.stderr) == (253, "", f"\naws: [ERROR]: {text}\n")
    assert asked() == []
