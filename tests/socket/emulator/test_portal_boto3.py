"""boto3's client against the emulator's portal: parsing, pagination and errors."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from ssooidc_emulator import EmulatorServer, IdentityCenter, faults, seeded_entropy

ACCOUNT: Final = "123456789012"
CODE: Final = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[EmulatorServer]:
    """A server, with the machine's AWS configuration disabled."""
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SSO", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    center = IdentityCenter(entropy=seeded_entropy("boto3"))
    for number in range(45):
        center.directory.add_account(f"{number:012}", name=f"Account {number}")
        center.directory.assign("user", account_id=f"{number:012}", role_name="ReadOnly")
        center.directory.assign("user", account_id=ACCOUNT, role_name=f"Role{number:02}")
    with EmulatorServer(center) as running:
        yield running


def client_of(service: str, server: EmulatorServer) -> Any:  # noqa: ANN401 - boto3 makes its classes when it runs
    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    session = boto3.Session(region_name="us-east-1")
    return session.client(service, endpoint_url=server.url, config=config)  # type: ignore[call-overload]


@pytest.fixture
def token(server: EmulatorServer) -> str:
    """An access token that boto3 got."""
    oidc = client_of("sso-oidc", server)
    try:
        registered = oidc.register_client(
            clientName="tool", clientType="public", scopes=["sso:account:access"]
        )
        who = {name: registered[name] for name in ("clientId", "clientSecret")}
        login = oidc.start_device_authorization(**who, startUrl=server.center.start_url)
        server.center.approve(login["userCode"])
        tokens = oidc.create_token(**who, grantType=CODE, deviceCode=login["deviceCode"])
    finally:
        oidc.close()
    access_token: str = tokens["accessToken"]
    return access_token


@pytest.fixture
def sso(server: EmulatorServer) -> Iterator[Any]:
    client = client_of("sso", server)
    yield client
    client.close()


def test_credentials(sso: Any, token: str) -> None:  # noqa: ANN401 - a class of boto3's making
    before = datetime.now(UTC).timestamp()
    answer = sso.get_role_credentials(roleName="ReadOnly", accountId=ACCOUNT, accessToken=token)
    credentials = answer["roleCredentials"]
    assert set(credentials) == {"accessKeyId", "secretAccessKey", "sessionToken", "expiration"}
    assert credentials["accessKeyId"].startswith("ASIA")
    assert before - 1 <= credentials["expiration"] / 1000 - 3600 <= datetime.now(UTC).timestamp()
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert (headers["server"], headers["cache-control"]) == ("AWS SSO", "no-cache")


def test_lists_through_paginators(server: EmulatorServer, sso: Any, token: str) -> None:  # noqa: ANN401 - as above
    pages = list(
        sso.get_paginator("list_accounts").paginate(
            accessToken=token, PaginationConfig={"PageSize": 7}
        )
    )
    accounts = [account for page in pages for account in page["accountList"]]
    assert len(pages) == 7
    assert [account["accountId"] for account in accounts] == sorted(
        account.account_id for account in server.center.directory.accounts
    )
    assert accounts[0] == {
        "accountId": "000000000000",
        "accountName": "Account 0",
        "emailAddress": "account-000000000000@example.com",
    }
    assert "nextToken" not in pages[-1]
    roles = (
        sso.get_paginator("list_account_roles")
        .paginate(accessToken=token, accountId=ACCOUNT)
        .build_full_result()["roleList"]
    )
    assert [role["roleName"] for role in roles] == [
        "AdministratorAccess",
        "ReadOnly",
        *(f"Role{number:02}" for number in range(45)),
    ]
    assert {role["accountId"] for role in roles} == {ACCOUNT}


def test_logout(server: EmulatorServer, sso: Any, token: str) -> None:  # noqa: ANN401 - as above
    answer = sso.logout(accessToken=token)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert set(answer) == {"ResponseMetadata"}
    assert server.center.sessions(server.now()) == ()
    with pytest.raises(sso.exceptions.UnauthorizedException) as caught:
        sso.list_accounts(accessToken=token)
    assert caught.value.response["Error"] == {
        "Message": "Session token not found or invalid",
        "Code": "UnauthorizedException",
    }
    assert caught.value.response["message"] == "Session token not found or invalid"


def test_modelled_exceptions(server: EmulatorServer, sso: Any, token: str) -> None:  # noqa: ANN401 - as above
    with pytest.raises(sso.exceptions.InvalidRequestException, match="next_token is invalid"):
        sso.list_accounts(accessToken=token, nextToken="x")
    with pytest.raises(sso.exceptions.ResourceNotFoundException, match="Resource not found"):
        sso.list_account_roles(accessToken=token, accountId="999999999999")
    server.center.script("ListAccounts", faults.too_many_requests())
    with pytest.raises(sso.exceptions.TooManyRequestsException, match="HTTP 429 Unknown Code"):
        sso.list_accounts(accessToken=token)


def test_a_role_that_was_taken_away(server: EmulatorServer, sso: Any, token: str) -> None:  # noqa: ANN401 - as above
    server.center.directory.unassign("user", account_id=ACCOUNT, role_name="ReadOnly")
    with pytest.raises(ClientError) as caught:
        sso.get_role_credentials(roleName="ReadOnly", accountId=ACCOUNT, accessToken=token)
    assert caught.value.response["Error"] == {
        "Message": "No access",
        "Code": "ForbiddenException",
    }
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
