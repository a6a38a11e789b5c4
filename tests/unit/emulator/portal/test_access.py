"""The access portal: which requests are authorized, and for which resources."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import pytest

from ssooidc_core import HttpResponse, run
from ssooidc_core.errors import UnknownServiceError
from ssooidc_core.portal import (
    GetRoleCredentialsRequest,
    ListAccountRolesRequest,
    ListAccountsRequest,
    get_role_credentials,
    list_account_roles,
    list_accounts,
)
from ssooidc_emulator import EmulatorTransport, IdentityCenter
from ssooidc_transports.testing import VirtualClock

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import ErrorOf, Register

ACCOUNT: Final = "123456789012"
CREDENTIALS: Final = f"/federation/credentials?role_name=ReadOnly&account_id={ACCOUNT}"
NO_SESSION: Final = (
    b'{"message":"Session token not found or invalid",'
    b'"__type":"com.amazonaws.switchboard.portal#UnauthorizedException"}'
)
NO_ACCESS: Final = (
    b'{"message":"No access","__type":"com.amazonaws.switchboard.portal#ForbiddenException"}'
)
OPERATIONS: Final = [
    ("GET", CREDENTIALS),
    ("GET", "/assignment/accounts"),
    ("GET", f"/assignment/roles?account_id={ACCOUNT}"),
    ("POST", "/logout"),
]

Portal = Callable[..., HttpResponse]


def test_a_role_that_one_has_not(center: IdentityCenter, token: str, portal: Portal) -> None:
    center.directory.add_account("111122223333")
    for account_id, role in [
        (ACCOUNT, "Other"),
        (ACCOUNT, "readonly"),
        ("111122223333", "ReadOnly"),
        ("999999999999", "ReadOnly"),
    ]:
        path = f"/federation/credentials?account_id={account_id}&role_name={role}"
        answer = portal(center, token, path)
        assert (answer.status, answer.body) == (403, NO_ACCESS)


def test_a_role_that_is_taken_away(
    center: IdentityCenter, token: str, transport: EmulatorTransport
) -> None:
    ask = get_role_credentials(
        GetRoleCredentialsRequest.of(token, account_id=ACCOUNT, role_name="ReadOnly")
    )
    run(ask, transport)
    center.directory.unassign("user", account_id=ACCOUNT, role_name="ReadOnly")
    with pytest.raises(UnknownServiceError) as caught:
        run(ask, transport)
    assert (caught.value.status, caught.value.code) == (403, "ForbiddenException")
    assert "No access" in str(caught.value)
    roles = run(
        list_account_roles(ListAccountRolesRequest.of(token, account_id=ACCOUNT)), transport
    )
    assert [role.role_name for role in roles.role_list] == ["AdministratorAccess"]
    center.directory.unassign("user", account_id=ACCOUNT, role_name="AdministratorAccess")
    assert run(list_accounts(ListAccountsRequest.of(token)), transport).account_list == ()
    with pytest.raises(UnknownServiceError, match="No access"):
        run(list_account_roles(ListAccountRolesRequest.of(token, account_id=ACCOUNT)), transport)


def test_each_user_has_roles_of_their_own(
    center: IdentityCenter,
    portal: Portal,
    register: Register,
    start: Callable[..., dict[str, Any]],
    poll: Callable[..., HttpResponse],
) -> None:
    center.directory.add_user("jane")
    center.directory.add_account("111122223333", name="Production", email="p@example.com")
    center.directory.assign("jane", account_id="111122223333", role_name="Deploy")
    client = register(center)
    login = start(center, client)
    center.approve(login["userCode"], user="jane")
    token = json.loads(poll(center, client, login).body)["accessToken"]
    (account,) = json.loads(portal(center, token, "/assignment/accounts").body)["accountList"]
    assert account == {
        "accountId": "111122223333",
        "accountName": "Production",
        "emailAddress": "p@example.com",
    }
    assert portal(center, token, CREDENTIALS).status == 403


@pytest.mark.parametrize(
    ("scopes", "status"),
    [
        (None, 200),
        ([], 200),
        (["sso:account:access"], 200),
        (["codewhisperer:completions", "sso:account:access"], 200),
        (["codewhisperer:completions", "codewhisperer:analysis"], 401),
        (["SSO:account:access"], 401),
    ],
)
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_a_token_for_something_else(  # noqa: PLR0917 - fixtures
    method: str,
    path: str,
    scopes: list[str] | None,
    status: int,
    center: IdentityCenter,
    portal: Portal,
    register: Register,
    sign_in: Callable[..., dict[str, Any]],
) -> None:
    token = sign_in(center, register(center, scopes=scopes))["accessToken"]
    answer = portal(center, token, path, method=method)
    assert answer.status == status
    if status == 401:
        assert answer.body == NO_SESSION


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_token(
    method: str, path: str, center: IdentityCenter, ask: Callable[..., HttpResponse], portal: Portal
) -> None:
    authorization = (("Authorization", "Bearer aoaX:y"),)
    for answer in (
        ask(center, path, method=method),
        ask(center, path, method=method, headers=authorization),
        portal(center, "", path, method=method),
    ):
        assert (answer.status, answer.body) == (401, NO_SESSION)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_a_token_that_expired(  # noqa: PLR0917 - fixtures
    method: str,
    path: str,
    center: IdentityCenter,
    token: str,
    portal: Portal,
    clock: VirtualClock,
) -> None:
    clock.advance(3599)
    assert portal(center, token, "/assignment/accounts").status == 200
    clock.advance(1)
    assert portal(center, token, path, method=method).body == NO_SESSION


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@pytest.mark.parametrize(
    "headers",
    [
        (("Origin", "https://evil.example"),),
        (("Sec-Fetch-Site", "cross-site"),),
        (("Origin", "null"),),
    ],
)
def test_a_page_of_another_site(  # noqa: PLR0917 - fixtures
    method: str,
    path: str,
    headers: tuple[tuple[str, str], ...],
    center: IdentityCenter,
    token: str,
    portal: Portal,
    error_of: ErrorOf,
) -> None:
    answer = portal(center, token, path, method=method, headers=headers)
    assert error_of(answer) == (403, "ForbiddenException", "Requests of other sites are refused")
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert portal(center, token, CREDENTIALS).status == 200


def test_the_request_log(center: IdentityCenter, token: str, portal: Portal) -> None:
    before = len(center.log.entries())
    for method, path in OPERATIONS:
        portal(center, token, path, method=method)
    portal(center, token, CREDENTIALS)
    lines = [
        (entry.operation, entry.path, entry.status, entry.error)
        for entry in center.log.entries()[before:]
    ]
    assert lines == [
        ("GetRoleCredentials", "/federation/credentials", 200, None),
        ("ListAccounts", "/assignment/accounts", 200, None),
        ("ListAccountRoles", "/assignment/roles", 200, None),
        ("Logout", "/logout", 200, None),
        ("GetRoleCredentials", "/federation/credentials", 401, "UnauthorizedException"),
    ]
