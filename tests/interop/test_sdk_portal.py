"""The portal through the SDKs: lists of several pages, and the end of a session."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ssooidc_emulator import Directory, EmulatorServer
from ssooidc_emulator.faults import error
from ssooidc_emulator.faults._script import OperationName

# The portal sorts accounts by id.
ACCOUNT = "111122223333"
ACCOUNT_IDS = (ACCOUNT, "123456789012")
ROLES = [f"Role{number}" for number in range(3)]
ASKED = ["ListAccounts 200"] * 2
AFTER = "Session token not found or invalid"


def directory() -> Directory:
    made = Directory()
    _ = made.add_user("jane")
    for account_id in ACCOUNT_IDS:
        _ = made.add_account(account_id)
        for role in ROLES:
            made.assign("jane", account_id=account_id, role_name=role)
    return made


ACCOUNTS = [
    {
        "accountId": each,
        "accountName": f"Account {each}",
        "emailAddress": f"account-{each}@example.com",
    }
    for each in ACCOUNT_IDS
]
ROLE_LIST = [{"roleName": role, "accountId": ACCOUNT} for role in ROLES]

JANE = pytest.mark.parametrize("settings", [{"directory": directory()}], ids=["jane"])
STATUS = {
    "InvalidRequestException": 400,
    "UnauthorizedException": 401,
    "ResourceNotFoundException": 404,
    "TooManyRequestsException": 429,
}
CALLS: dict[OperationName, tuple[str, dict[str, str]]] = {
    "GetRoleCredentials": (
        "get_role_credentials",
        {"accessToken": "token", "accountId": ACCOUNT, "roleName": "Role0"},
    ),
    "ListAccounts": ("list_accounts", {"accessToken": "token"}),
    "ListAccountRoles": ("list_account_roles", {"accessToken": "token", "accountId": ACCOUNT}),
    "Logout": ("logout", {"accessToken": "token"}),
}
EACH_OPERATION = pytest.mark.parametrize("operation", list(CALLS))


def errors_of(operation: str) -> list[str]:
    return [name for name in STATUS if (operation, name) != ("Logout", "ResourceNotFoundException")]


@JANE
def test_boto3(
    boto3_profile: Callable[..., Any], login: Callable[..., None], asked: Callable[[], list[str]]
) -> None:
    login()
    assert boto3_profile("portal", "emulator") == {
        "accounts": ACCOUNTS,
        "roles": ROLE_LIST,
        "after": {"Code": "UnauthorizedException", "Message": AFTER},
    }
    assert asked() == [
        *ASKED,
        "ListAccountRoles 200",
        "Logout 200",
        "ListAccounts UnauthorizedException",
    ]


@JANE
def test_javascript(
    javascript: Callable[..., Any], login: Callable[..., None], asked: Callable[[], list[str]]
) -> None:
    login()
    assert javascript("portal.mjs", "emulator") == {
        "accounts": ACCOUNTS,
        "roles": ROLE_LIST,
        "after": {"name": "UnauthorizedException", "message": AFTER, "status": 401},
    }
    assert asked() == [
        *ASKED,
        *["ListAccountRoles 200"] * 3,
        "Logout 200",
        "ListAccounts UnauthorizedException",
    ]


@EACH_OPERATION
def test_boto3_catches_every_error_by_its_name(
    boto3_client: Callable[[str], Any], server: EmulatorServer, operation: OperationName
) -> None:
    client = boto3_client("sso")
    method, given = CALLS[operation]
    shapes = client.meta.service_model.operation_model(operation).error_shapes
    assert sorted(shape.name for shape in shapes) == sorted(errors_of(operation))
    for name in errors_of(operation):
        server.center.script(operation, error(name, "told by a test"))
        with pytest.raises(getattr(client.exceptions, name)) as caught:
            getattr(client, method)(**given)
        assert caught.value.response["Error"] == {"Code": name, "Message": "told by a test"}
        status = caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
        assert status == STATUS[name]


def test_boto3_knows_no_class_for_what_is_forbidden(
    boto3_client: Callable[[str], Any], server: EmulatorServer
) -> None:
    server.center.script("GetRoleCredentials", error("ForbiddenException"))
    method, given = CALLS["GetRoleCredentials"]
    with pytest.raises(ClientError) as caught:
        getattr(boto3_client("sso"), method)(**given)
    assert type(caught.value) is ClientError
    assert caught.value.response["Error"] == {"Code": "ForbiddenException", "Message": "No access"}


@EACH_OPERATION
def test_javascript_makes_every_error_an_instance_of_its_class(
    javascript: Callable[..., Any], server: EmulatorServer, operation: OperationName
) -> None:
    names = errors_of(operation)
    for name in names:
        server.center.script(operation, error(name, "told by a test"))
    called = json.dumps([[operation, CALLS[operation][1], names]])
    assert javascript("errors.mjs", called) == [
        [operation, name, True, None, "told by a test", STATUS[name]] for name in names
    ]
