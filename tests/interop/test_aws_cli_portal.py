"""`aws sso list-accounts`, `list-account-roles`, `get-role-credentials`, `logout`, and the portal's errors."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from ssooidc_emulator import Directory, EmulatorServer
from ssooidc_emulator.faults import html_page

Aws: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
Asked: TypeAlias = Callable[[], list[str]]

# sha1 of `emulator`, the name of the sso-session
TOKEN_FILE = ".aws/sso/cache/7e09d0bb5f4eb56d9b97c579dd7351780613c45b.json"
ACCOUNT = "123456789012"


def directory() -> Directory:
    made = Directory.example()
    _ = made.add_account("111122223333", name="Bücher & Co", email="b@example.com")
    made.assign("user", account_id="111122223333", role_name="Read+Write=@,.-_")
    return made


TWO_ACCOUNTS = pytest.mark.parametrize("settings", [{"directory": directory()}], ids=["2 accounts"])


@pytest.fixture
def token(login: Callable[..., None], home: Path) -> str:
    login()
    read: str = json.loads((home / TOKEN_FILE).read_text())["accessToken"]
    return read


def answer(done: subprocess.CompletedProcess[str]) -> Any:  # noqa: ANN401 - it is JSON
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@TWO_ACCOUNTS
def test_list_accounts_page_by_page(aws: Aws, token: str, asked: Asked) -> None:
    done = aws("sso", "list-accounts", "--access-token", token, "--page-size", "1")
    assert answer(done) == {
        "accountList": [
            {
                "accountId": "111122223333",
                "accountName": "Bücher & Co",
                "emailAddress": "b@example.com",
            },
            {
                "accountId": ACCOUNT,
                "accountName": "Example account",
                "emailAddress": f"account-{ACCOUNT}@example.com",
            },
        ]
    }
    assert asked() == ["ListAccounts 200"] * 2


def test_list_account_roles(aws: Aws, token: str, asked: Asked) -> None:
    done = aws("sso", "list-account-roles", "--access-token", token, "--account-id", ACCOUNT)
    assert answer(done) == {
        "roleList": [
            {"roleName": "AdministratorAccess", "accountId": ACCOUNT},
            {"roleName": "ReadOnly", "accountId": ACCOUNT},
        ]
    }
    assert asked() == ["ListAccountRoles 200"]


@TWO_ACCOUNTS
def test_get_role_credentials(aws: Aws, token: str, asked: Asked) -> None:
    role = ("--account-id", "111122223333", "--role-name", "Read+Write=@,.-_")
    done = aws("sso", "get-role-credentials", "--access-token", token, *role)
    credentials = answer(done)["roleCredentials"]
    assert sorted(credentials) == ["accessKeyId", "expiration", "secretAccessKey", "sessionToken"]
    assert re.fullmatch(r"ASIA[A-Z2-7]{16}", credentials["accessKeyId"])
    left = datetime.fromtimestamp(credentials["expiration"] / 1000, UTC) - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(hours=1)
    assert asked() == ["GetRoleCredentials 200"]


@pytest.mark.parametrize(
    ("arguments", "operation", "code", "text"),
    [
        (
            ("list-accounts", "--access-token", "not-a-token"),
            "ListAccounts",
            "UnauthorizedException",
            "Session token not found or invalid",
        ),
        (
            ("list-account-roles", "--access-token", "not-a-token", "--account-id", ACCOUNT),
            "ListAccountRoles",
            "UnauthorizedException",
            "Session token not found or invalid",
        ),
    ],
)
def test_a_token_that_is_none(
    aws: Aws, asked: Asked, arguments: tuple[str, ...], operation: str, code: str, text: str
) -> None:
    done = aws("sso", *arguments)
    told = f"\naws: [ERROR]: An error occurred ({code}) when calling the {operation} operation: {text}\n"
    assert (done.returncode, done.stdout, done.stderr) == (254, "", told)
    assert asked() == [f"{operation} {code}"]


def test_a_role_that_nobody_has(aws: Aws, token: str, asked: Asked) -> None:
    role = ("--account-id", ACCOUNT, "--role-name", "Nobody")
    done = aws("sso", "get-role-credentials", "--access-token", token, *role)
    told = (
        "\naws: [ERROR]: An error occurred (ForbiddenException) when calling the "
        "GetRoleCredentials operation: No access\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (254, "", told)
    assert asked() == ["GetRoleCredentials ForbiddenException"]


def test_what_fails_in_passing_is_repeated(
    aws: Aws, token: str, server: EmulatorServer, asked: Asked
) -> None:
    server.center.script("ListAccounts", html_page(), times=2)
    assert len(answer(aws("sso", "list-accounts", "--access-token", token))["accountList"]) == 1
    assert asked() == ["ListAccounts 503", "ListAccounts 503", "ListAccounts 200"]


def test_logout(aws: Aws, token: str, asked: Asked, home: Path) -> None:
    assert answer(aws("configure", "export-credentials"))["Version"] == 1
    roles = list((home / ".aws/cli/cache").glob("*.json"))
    assert len(roles) == 1
    done = aws("sso", "logout")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert asked() == ["GetRoleCredentials 200", "Logout 200"]
    assert not (home / TOKEN_FILE).exists()
    assert not roles[0].exists()
    # The registration stays for the next login.
    assert len(list((home / ".aws/sso/cache").glob("*.json"))) == 1
    again = aws("sso", "list-accounts", "--access-token", token)
    assert again.returncode == 254
    assert asked() == ["ListAccounts UnauthorizedException"]


def test_logout_of_a_session_that_is_over(
    aws: Aws, token: str, server: EmulatorServer, asked: Asked, home: Path
) -> None:
    clock = server.clock
    assert clock is not None
    clock.advance(28800)
    done = aws("sso", "logout")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert asked() == ["Logout UnauthorizedException"]
    assert not (home / TOKEN_FILE).exists()
