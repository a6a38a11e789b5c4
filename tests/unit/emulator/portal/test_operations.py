"""The access portal: exact responses, and how the core's operations read them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from ssooidc_core import HttpRequest, HttpResponse, run
from ssooidc_core.portal import (
    AccountInfo,
    GetRoleCredentialsRequest,
    InvalidRequestException,
    ListAccountRolesRequest,
    ListAccountsRequest,
    LogoutRequest,
    ResourceNotFoundException,
    RoleInfo,
    UnauthorizedException,
    get_role_credentials,
    list_account_roles,
    list_accounts,
    logout,
)
from ssooidc_core.portal._errors import PORTAL_ERRORS
from ssooidc_emulator import EmulatorTransport, IdentityCenter, seeded_entropy
from ssooidc_emulator._portal.answers import PORTAL_REFUSALS
from ssooidc_transports.testing import VirtualClock

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import ErrorOf, Register

ACCOUNT: Final = "123456789012"
CREDENTIALS: Final = f"/federation/credentials?role_name=ReadOnly&account_id={ACCOUNT}"
NO_SESSION: Final = (
    b'{"message":"Session token not found or invalid",'
    b'"__type":"com.amazonaws.switchboard.portal#UnauthorizedException"}'
)
OPERATIONS: Final = [
    ("GET", CREDENTIALS),
    ("GET", "/assignment/accounts"),
    ("GET", f"/assignment/roles?account_id={ACCOUNT}"),
    ("POST", "/logout"),
]

Portal = Callable[..., HttpResponse]


def test_the_headers_of_every_answer(
    center: IdentityCenter, token: str, portal: Portal, clock: VirtualClock
) -> None:
    answers = [portal(center, token, path, method=method) for method, path in OPERATIONS]
    answers.append(portal(center, token, CREDENTIALS))
    assert [answer.status for answer in answers] == [200, 200, 200, 200, 401]
    for answer in answers:
        fields = dict(answer.headers.fields)
        request_id = fields.pop("RequestId")
        assert re.fullmatch(
            r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", request_id
        )
        assert fields == {
            "Date": f"{clock.now().wall:%a, %d %b %Y %H:%M:%S GMT}",
            "Content-Length": str(len(answer.body)),
            "Connection": "keep-alive",
            "Access-Control-Expose-Headers": "RequestId",
            "Cache-Control": "no-cache",
            "Server": "AWS SSO",
        } | ({"Content-Type": "application/json"} if answer.body else {})
    assert len({answer.headers["RequestId"] for answer in answers}) == len(answers)


def test_the_recorded_headers(
    center: IdentityCenter, token: str, portal: Portal, case_tables: dict[str, Any]
) -> None:
    recorded = case_tables["recorded-answers"]["portal"]["headers"]
    fields = portal(center, token, CREDENTIALS).headers.fields
    sent = [f"{name}: {value}" for name, value in fields if name != "Content-Length"]
    for line, (name, _) in zip(recorded, fields[:2] + fields[3:], strict=True):
        assert line in sent or line.partition(":")[0] == name


def test_the_bytes_of_credentials(
    center: IdentityCenter, token: str, portal: Portal, clock: VirtualClock
) -> None:
    answer = portal(center, token, CREDENTIALS)
    members = json.loads(answer.body)["roleCredentials"]
    expiration = int(clock.now().wall.timestamp() + 3600) * 1000
    assert answer.body.decode() == (
        f'{{"roleCredentials":{{"accessKeyId":"{members["accessKeyId"]}",'
        f'"secretAccessKey":"{members["secretAccessKey"]}",'
        f'"sessionToken":"{members["sessionToken"]}","expiration":{expiration}}}}}'
    )
    assert re.fullmatch(r"ASIA[A-Z2-7]{16}", members["accessKeyId"])
    assert len(base64.b64decode(members["secretAccessKey"], validate=True)) == 30
    assert members["sessionToken"].startswith("IQoJb3JpZ2luX2Vj")
    again = json.loads(portal(center, token, CREDENTIALS).body)["roleCredentials"]
    assert not set(map(str, members.values())) & {
        again["accessKeyId"],
        again["secretAccessKey"],
        again["sessionToken"],
    }


def test_the_bytes_of_lists(center: IdentityCenter, token: str, portal: Portal) -> None:
    accounts = portal(center, token, "/assignment/accounts")
    assert accounts.body == (
        b'{"accountList":[{"accountId":"123456789012","accountName":"Example account",'
        b'"emailAddress":"account-123456789012@example.com"}],"nextToken":null}'
    )
    roles = portal(center, token, f"/assignment/roles?account_id={ACCOUNT}")
    assert roles.body == (
        b'{"nextToken":null,"roleList":[{"accountId":"123456789012","roleName":"AdministratorAccess"},'
        b'{"accountId":"123456789012","roleName":"ReadOnly"}]}'
    )


def test_no_session_has_the_recorded_bytes(
    center: IdentityCenter, portal: Portal, case_tables: dict[str, Any]
) -> None:
    recorded = case_tables["recorded-answers"]["portal"]["no_session"]
    answer = portal(center, "aoaCANARY:x", CREDENTIALS)
    assert (answer.status, answer.body.decode()) == (recorded["status"], recorded["body"])
    assert answer.status == 401
    assert recorded["body"].encode() == NO_SESSION


def test_through_our_own_operations(
    center: IdentityCenter, token: str, transport: EmulatorTransport, clock: VirtualClock
) -> None:
    accounts = run(list_accounts(ListAccountsRequest.of(token)), transport)
    assert accounts.next_token is None
    assert accounts.account_list == (
        AccountInfo(
            account_id=ACCOUNT,
            account_name="Example account",
            email_address=f"account-{ACCOUNT}@example.com",
        ),
    )
    roles = run(
        list_account_roles(ListAccountRolesRequest.of(token, account_id=ACCOUNT)), transport
    )
    assert roles.role_list == (
        RoleInfo(role_name="AdministratorAccess", account_id=ACCOUNT),
        RoleInfo(role_name="ReadOnly", account_id=ACCOUNT),
    )
    ask = GetRoleCredentialsRequest.of(token, account_id=ACCOUNT, role_name="ReadOnly")
    credentials = run(get_role_credentials(ask), transport).role_credentials
    assert credentials.expires_at == clock.now().wall + timedelta(hours=1)
    assert run(logout(LogoutRequest.of(token)), transport) is None
    with pytest.raises(UnauthorizedException, match="Session token not found or invalid"):
        run(get_role_credentials(ask), transport)


def test_how_long_role_credentials_last(
    clock: VirtualClock,
    portal: Portal,
    register: Register,
    sign_in: Callable[..., dict[str, Any]],
) -> None:
    center = IdentityCenter(role_session_lifetime=900, entropy=seeded_entropy("role"))
    token = sign_in(center, register(center))["accessToken"]
    clock.advance(0.75)
    credentials = json.loads(portal(center, token, CREDENTIALS).body)["roleCredentials"]
    now = clock.now().wall
    assert credentials["expiration"] == int(now.timestamp() + 900) * 1000
    with pytest.raises(
        ValueError, match="role_session_lifetime must be a whole number of seconds from 1"
    ):
        IdentityCenter(role_session_lifetime=0)


@pytest.mark.parametrize(
    ("path", "status", "code", "message"),
    [
        (
            "/federation/credentials",
            400,
            "InvalidRequestException",
            "account_id must have 12 digits",
        ),
        (
            "/federation/credentials?account_id=12345678901&role_name=R",
            400,
            "InvalidRequestException",
            "account_id must have 12 digits",
        ),
        (
            f"/federation/credentials?account_id={ACCOUNT}",
            400,
            "InvalidRequestException",
            "role_name is missing",
        ),
        (
            f"/federation/credentials?account_id={ACCOUNT}&role_name=",
            400,
            "InvalidRequestException",
            "role_name is missing",
        ),
        ("/assignment/roles", 400, "InvalidRequestException", "account_id must have 12 digits"),
        (
            "/assignment/roles?account_id=999999999999",
            404,
            "ResourceNotFoundException",
            "Resource not found",
        ),
        ("/assignment/roles?account_id=111122223333", 403, "ForbiddenException", "No access"),
    ],
)
def test_what_is_refused(  # noqa: PLR0917 - fixtures
    path: str,
    status: int,
    code: str,
    message: str,
    center: IdentityCenter,
    token: str,
    portal: Portal,
    error_of: ErrorOf,
) -> None:
    center.directory.add_account("111122223333")
    assert error_of(portal(center, token, path)) == (status, code, message)
    # The access token is checked first.
    assert portal(center, "other", path).status == 401


def test_refusals_are_our_own_error_types(token: str, transport: EmulatorTransport) -> None:
    with pytest.raises(InvalidRequestException, match="account_id must have 12 digits"):
        run(list_account_roles(ListAccountRolesRequest.of(token, account_id="1")), transport)
    with pytest.raises(ResourceNotFoundException, match="Resource not found"):
        run(
            list_account_roles(ListAccountRolesRequest.of(token, account_id="999999999999")),
            transport,
        )


def test_a_repeated_parameter_counts_once(
    center: IdentityCenter, token: str, portal: Portal
) -> None:
    assert portal(center, token, f"{CREDENTIALS}&role_name=Other").status == 200
    assert portal(center, token, f"{CREDENTIALS}{'&a=b' * 200}").status == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/federation/credentials"),
        ("POST", "/assignment/accounts"),
        ("PUT", "/assignment/roles"),
        ("GET", "/logout"),
        ("OPTIONS", "/logout"),
    ],
)
def test_a_wrong_method(  # noqa: PLR0917 - fixtures
    method: str, path: str, center: IdentityCenter, token: str, portal: Portal, error_of: ErrorOf
) -> None:
    answer = portal(center, token, path, method=method)
    assert error_of(answer) == (405, "MethodNotAllowedException", "Method not allowed")
    assert portal(center, token, CREDENTIALS).status == 200
    assert center.log.entries()[-2].operation is None


def test_the_usual_refusals_have_the_models_names_and_statuses() -> None:
    assert set(PORTAL_ERRORS) | {"ForbiddenException"} == set(PORTAL_REFUSALS)
    statuses = {code: refusal.status for code, refusal in PORTAL_REFUSALS.items()}
    assert statuses == {
        "InvalidRequestException": 400,
        "UnauthorizedException": 401,
        "ForbiddenException": 403,
        "ResourceNotFoundException": 404,
        "TooManyRequestsException": 429,
    }


def test_the_same_entropy_gives_the_same_credentials(
    clock: VirtualClock,
    portal: Portal,
    register: Register,
    sign_in: Callable[..., dict[str, Any]],
) -> None:
    def credentials() -> bytes:
        center = IdentityCenter(entropy=seeded_entropy(7))
        token = sign_in(center, register(center))["accessToken"]
        answer = portal(center, token, CREDENTIALS)
        return answer.body + answer.headers["RequestId"].encode()

    assert credentials() == credentials()
    assert clock.now().monotonic == 0


def test_asking_without_a_query_in_any_form(center: IdentityCenter, token: str) -> None:
    clock = VirtualClock()
    url = "https://portal.sso.us-east-1.amazonaws.com/assignment/accounts#fragment"
    bearer = (("X-AMZ-SSO_BEARER_TOKEN", token),)
    answer = center.handle(HttpRequest("GET", url, bearer), clock.now())
    assert isinstance(answer, HttpResponse)
    assert answer.status == 200
