"""The portal's requests (method, URL, query and bearer header) and the results of its responses."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, TypeAlias

import pytest
from pydantic import SecretStr, ValidationError

from ssooidc_core import (
    ClientConfig,
    ConfigurationError,
    ConnectFailed,
    HttpRequest,
    HttpResponse,
    Instant,
    InternalServerException,
    Operation,
    ResponseParseError,
    Timeout,
    UnknownServiceError,
    portal,
)
from ssooidc_core.portal import (
    AccountInfo,
    GetRoleCredentialsRequest,
    GetRoleCredentialsResponse,
    ListAccountRolesRequest,
    ListAccountRolesResponse,
    ListAccountsRequest,
    ListAccountsResponse,
    LogoutRequest,
    RoleCredentials,
    RoleInfo,
    get_role_credentials,
    list_account_roles,
    list_accounts,
    logout,
)

Portal: TypeAlias = (
    "portal.GetRoleCredentials | portal.ListAccounts | portal.ListAccountRoles | portal.Logout"
)

JSON = {"Content-Type": "application/json"}
CONFIG = ClientConfig(region="us-east-1")
BASE = "https://portal.sso.us-east-1.amazonaws.com"
BEARER = {"x-amz-sso_bearer_token": "aoa:MG+/="}
TOKEN = "aoa:MG+/="
CREDENTIALS = get_role_credentials(
    GetRoleCredentialsRequest.of(TOKEN, account_id="123456789012", role_name="Admin")
)
ACCOUNTS = list_accounts(ListAccountsRequest.of(TOKEN))
ROLES = list_account_roles(ListAccountRolesRequest.of(TOKEN, account_id="123456789012"))
LOGOUT = logout(LogoutRequest.of(TOKEN))
ALL: tuple[Portal, ...] = (CREDENTIALS, ACCOUNTS, ROLES, LOGOUT)


@pytest.mark.parametrize(
    ("operation", "method", "target"),
    [
        (CREDENTIALS, "GET", "/federation/credentials?role_name=Admin&account_id=123456789012"),
        (ACCOUNTS, "GET", "/assignment/accounts"),
        (
            list_accounts(ListAccountsRequest.of(TOKEN, next_token="n+/=", max_results=1)),
            "GET",
            "/assignment/accounts?next_token=n%2B%2F%3D&max_result=1",
        ),
        (ROLES, "GET", "/assignment/roles?account_id=123456789012"),
        (
            list_account_roles(
                ListAccountRolesRequest.of(
                    TOKEN, account_id="123456789012", next_token="n", max_results=100
                )
            ),
            "GET",
            "/assignment/roles?next_token=n&max_result=100&account_id=123456789012",
        ),
        (LOGOUT, "POST", "/logout"),
    ],
)
def test_the_request_of_each_operation(operation: Portal, method: str, target: str) -> None:
    """Service model `sso`: members in the query, the token in `x-amz-sso_bearer_token`, no body."""
    assert operation.unsigned_request(CONFIG) == HttpRequest(method, BASE + target, BEARER, b"")


def test_a_base_path_is_kept() -> None:
    config = ClientConfig(portal_endpoint_url="https://proxy.example/p/")
    assert LOGOUT.unsigned_request(config).url == "https://proxy.example/p/logout"


def test_the_headers_of_a_whole_request() -> None:
    """POST /logout has no body, and therefore no Content-Type."""
    when = Instant(datetime(2026, 1, 1, tzinfo=UTC), 0.0)
    request = LOGOUT.http_request(CONFIG, when, invocation_id="i", attempt=2)
    assert request.headers.fields == (
        ("x-amz-sso_bearer_token", TOKEN),
        CONFIG.user_agent_field,
        ("amz-sdk-invocation-id", "i"),
        ("amz-sdk-request", "attempt=2"),
    )


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("a b", "a%20b"),
        ("a&account_id=1", "a%26account_id%3D1"),
        ("ü/ß", "%C3%BC%2F%C3%9F"),
        ("-._~", "-._~"),
        ("%:;?#[]@!$'()*+,=", "%25%3A%3B%3F%23%5B%5D%40%21%24%27%28%29%2A%2B%2C%3D"),
        ("\r\n", "%0D%0A"),
        ("", ""),
    ],
)
def test_query_values_are_percent_encoded(name: str, query: str) -> None:
    """RestJsonQueryStringEscaping: everything but RFC 3986's unreserved characters; an empty value is sent."""
    request = GetRoleCredentialsRequest.of(TOKEN, account_id="1", role_name=name)
    assert get_role_credentials(request).unsigned_request(CONFIG).url == (
        f"{BASE}/federation/credentials?role_name={query}&account_id=1"
    )


def test_a_query_value_with_lone_surrogates_is_refused() -> None:
    request = GetRoleCredentialsRequest.of(TOKEN, account_id="1", role_name="\ud800")
    with pytest.raises(ConfigurationError) as caught:
        _ = get_role_credentials(request).unsigned_request(CONFIG)
    assert str(caught.value) == "A query parameter contains text that UTF-8 cannot encode"
    assert caught.value.__context__ is None


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX: y", "ü", "\ud800", "a\x00", "\x7f"])
def test_a_token_that_no_header_can_hold_is_refused(token: str) -> None:
    """RFC 9110 section 5.5; a line break would start another header."""
    with pytest.raises(ConfigurationError) as caught:
        _ = logout(LogoutRequest.of(token)).unsigned_request(CONFIG)
    assert (
        str(caught.value)
        == "access_token is empty or contains characters that a header cannot have"
    )


@pytest.mark.parametrize("most", [0, 101, -1])
def test_a_page_has_1_to_100_entries(most: int) -> None:
    """Service model: MaxResultType, range 1 to 100."""
    with pytest.raises(ValidationError):
        _ = ListAccountsRequest.of(TOKEN, max_results=most)
    with pytest.raises(ValidationError):
        _ = ListAccountRolesRequest.of(TOKEN, account_id="1", max_results=most)


def test_of_takes_plain_and_wrapped_tokens() -> None:
    secret = SecretStr(TOKEN)
    assert LogoutRequest.of(secret) == LogoutRequest(access_token=secret) == LOGOUT.request
    assert ListAccountsRequest.of(secret) == ACCOUNTS.request
    assert ListAccountRolesRequest.of(secret, account_id="123456789012") == ROLES.request
    assert CREDENTIALS.request == GetRoleCredentialsRequest.of(
        secret, account_id="123456789012", role_name="Admin"
    )


def test_members_and_errors_are_those_of_the_service_model(case_tables: dict[str, Any]) -> None:
    service = case_tables["model-sso"]
    for operation in ALL:
        name = type(operation).__name__
        fields = {field.alias for field in type(operation.request).model_fields.values()}
        assert fields == set(service["structures"][f"{name}Request"])
        assert {each.__name__ for each in operation.error_types} == set(service["raises"][name])
        assert operation.signed is False
    for model in (
        GetRoleCredentialsResponse,
        RoleCredentials,
        ListAccountsResponse,
        AccountInfo,
        ListAccountRolesResponse,
        RoleInfo,
    ):
        members = service["structures"][model.__name__]
        assert {field.alias for field in model.model_fields.values()} == set(members)


def test_role_credentials_end_at_a_time_in_milliseconds() -> None:
    """protocol.md section 7: `roleCredentials.expiration` is in epoch milliseconds."""
    answer = CREDENTIALS.parse(
        HttpResponse(
            200,
            JSON,
            b'{"roleCredentials":{"accessKeyId":"ASIA","secretAccessKey":"k","sessionToken":"t",'
            b'"expiration":1640438999999,"new":1}}',
        )
    )
    assert answer == GetRoleCredentialsResponse(
        role_credentials=RoleCredentials(
            access_key_id="ASIA",
            secret_access_key=SecretStr("k"),
            session_token=SecretStr("t"),
            expiration=1_640_438_999_999,
        )
    )
    expires_at = answer.role_credentials.expires_at
    assert expires_at is not None
    assert expires_at.isoformat() == "2021-12-25T13:29:59.999000+00:00"


@pytest.mark.parametrize(
    ("expiration", "shown"),
    [
        (None, "None"),
        (0, "None"),
        (1, "1970-01-01 00:00:00.001000+00:00"),
        (253_402_300_799_999, "9999-12-31 23:59:59.999000+00:00"),
    ],
)
def test_an_absent_end_reads_as_none_and_the_last_one_is_a_datetime(
    expiration: int | None, shown: str
) -> None:
    body = {
        "accessKeyId": "A",
        "secretAccessKey": "k",
        "sessionToken": "t",
        "expiration": expiration,
    }
    credentials = RoleCredentials.model_validate_json(json.dumps(body))
    assert str(credentials.expires_at) == shown


def test_role_credentials_that_lack_the_essential_are_refused() -> None:
    body = b'{"roleCredentials":{"expiration":253402300800000}}'
    with pytest.raises(ResponseParseError) as caught:
        _ = CREDENTIALS.parse(HttpResponse(200, JSON, body))
    assert str(caught.value) == (
        "The answer does not fit GetRoleCredentialsResponse: roleCredentials.accessKeyId missing, "
        "roleCredentials.secretAccessKey missing, roleCredentials.sessionToken missing, "
        "roleCredentials.expiration bounded_integer (status 200)"
    )
    with pytest.raises(ResponseParseError, match="roleCredentials missing"):
        _ = CREDENTIALS.parse(HttpResponse(200, JSON, b"{}"))


def test_accounts_are_read_with_and_without_their_names() -> None:
    body = (
        b'{"accountList":[{"accountId":"1","accountName":"n","emailAddress":"e","new":{}},'
        b'{"accountId":"2","accountName":null}],"nextToken":"t"}'
    )
    assert ACCOUNTS.parse(HttpResponse(200, JSON, body)) == ListAccountsResponse(
        account_list=(
            AccountInfo(account_id="1", account_name="n", email_address="e"),
            AccountInfo(account_id="2"),
        ),
        next_token="t",
    )


def test_roles_are_read_with_and_without_their_account() -> None:
    body = b'{"roleList":[{"roleName":"a","accountId":"1"},{"roleName":"b"}],"nextToken":""}'
    assert ROLES.parse(HttpResponse(200, JSON, body)) == ListAccountRolesResponse(
        role_list=(RoleInfo(role_name="a", account_id="1"), RoleInfo(role_name="b")),
        next_token="",
    )


@pytest.mark.parametrize("body", [b"{}", b'{"accountList":null,"roleList":null,"nextToken":null}'])
def test_a_page_without_entries_is_empty(body: bytes) -> None:
    assert ACCOUNTS.parse(HttpResponse(200, JSON, body)) == ListAccountsResponse()
    assert ROLES.parse(HttpResponse(200, JSON, body)) == ListAccountRolesResponse()


def test_an_entry_without_its_name_is_refused() -> None:
    with pytest.raises(ResponseParseError) as caught:
        _ = ACCOUNTS.parse(HttpResponse(200, JSON, b'{"accountList":[{"accountId":"1"},{},null]}'))
    assert str(caught.value) == (
        "The answer does not fit ListAccountsResponse: accountList.1.accountId missing, "
        "accountList.2 model_type (status 200)"
    )


@pytest.mark.parametrize("operation", ALL, ids=lambda operation: type(operation).__name__)
@pytest.mark.parametrize(
    ("error", "repeatable"),
    [
        (ConnectFailed("t"), True),
        (Timeout("t"), True),
        (InternalServerException.of(status=503), True),
        (portal.TooManyRequestsException.of(status=429), True),
        (portal.UnauthorizedException.of(status=401), False),
        (UnknownServiceError(code="ForbiddenException", status=403), False),
        (ResponseParseError("t", status=502), False),
        (OSError(), False),
    ],
    ids=repr,
)
def test_reading_and_logging_out_may_be_repeated(
    operation: Operation[object, Exception], error: Exception, *, repeatable: bool
) -> None:
    assert operation.may_repeat(error) is repeatable


def test_the_operations_are_values_that_hide_the_token() -> None:
    assert repr(LOGOUT) == "Logout(request=LogoutRequest(access_token=SecretStr('**********')))"
    for operation in ALL:
        twin = type(operation)(operation.request)  # type: ignore[arg-type]
        assert twin == operation
        assert hash(twin) == hash(operation)
        assert TOKEN not in repr(operation)
