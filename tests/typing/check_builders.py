"""The types that checkers infer for the builders, the drivers and the grants. Never executed."""

from __future__ import annotations

from datetime import datetime
from typing import assert_type

from pydantic import SecretStr

from ssooidc_core import (
    AuthorizationCodeGrant,
    AwsAdditionalDetails,
    ClientConfig,
    CreateToken,
    CreateTokenError,
    CreateTokenRequest,
    CreateTokenResponse,
    CreateTokenWithIAM,
    CreateTokenWithIAMError,
    CreateTokenWithIAMRequest,
    CreateTokenWithIAMResponse,
    DeviceCodeGrant,
    Headers,
    HttpRequest,
    HttpResponse,
    IamAuthorizationCodeGrant,
    IamRefreshTokenGrant,
    Instant,
    JwtBearerGrant,
    RefreshTokenGrant,
    RegisterClient,
    RegisterClientError,
    RegisterClientRequest,
    RegisterClientResponse,
    StartDeviceAuthorization,
    StartDeviceAuthorizationError,
    StartDeviceAuthorizationRequest,
    StartDeviceAuthorizationResponse,
    TokenExchangeGrant,
    aattempt,
    arun,
    attempt,
    create_token,
    create_token_with_iam,
    portal,
    register_client,
    run,
    start_device_authorization,
)
from ssooidc_transports.testing import ScriptedTransport


def registering(transport: ScriptedTransport) -> None:
    operation = register_client(RegisterClientRequest(client_name="n", client_type="public"))
    assert_type(operation, RegisterClient)
    assert_type(operation.error_types, tuple[type[RegisterClientError], ...])
    assert_type(operation.parse(HttpResponse(200)), RegisterClientResponse)
    assert_type(operation.http_request(ClientConfig(), transport.now()), HttpRequest)
    client = run(operation, transport)
    assert_type(client, RegisterClientResponse)
    assert_type(client.client_id, str)
    assert_type(client.client_secret, SecretStr)
    assert_type(client.client_secret_expires_at, int)
    assert_type(client.authorization_endpoint, str | None)
    assert_type(client.expires_at, datetime | None)
    assert_type(attempt(operation, transport), RegisterClientResponse | RegisterClientError)


def starting(transport: ScriptedTransport, client: RegisterClientResponse) -> None:
    request = StartDeviceAuthorizationRequest.of(client, start_url="https://d-1.awsapps.com/start")
    assert_type(request, StartDeviceAuthorizationRequest)
    operation = start_device_authorization(request)
    assert_type(operation, StartDeviceAuthorization)
    assert_type(operation.error_types, tuple[type[StartDeviceAuthorizationError], ...])
    device = run(operation, transport)
    assert_type(device, StartDeviceAuthorizationResponse)
    assert_type(device.device_code, SecretStr)
    assert_type(device.user_code, str)
    assert_type(device.verification_uri_complete, str | None)
    assert_type(device.interval, int)
    assert_type(device.expires_in, int)
    assert_type(
        attempt(operation, transport),
        StartDeviceAuthorizationResponse | StartDeviceAuthorizationError,
    )


def getting_a_token(
    transport: ScriptedTransport,
    client: RegisterClientResponse,
    device: StartDeviceAuthorizationResponse,
) -> None:
    by_device = DeviceCodeGrant.of(client, device)
    assert_type(by_device, DeviceCodeGrant)
    assert_type(by_device.client_secret, SecretStr)
    assert_type(by_device.scope, tuple[str, ...] | None)
    operation = create_token(by_device)
    assert_type(operation, CreateToken)
    assert_type(operation.request, CreateTokenRequest)
    assert_type(operation.error_types, tuple[type[CreateTokenError], ...])
    token = run(operation, transport)
    assert_type(token, CreateTokenResponse)
    assert_type(token.access_token, SecretStr)
    assert_type(token.refresh_token, SecretStr | None)
    assert_type(token.id_token, SecretStr | None)
    assert_type(token.token_type, str | None)
    assert_type(token.expires_in, int)
    assert_type(attempt(operation, transport), CreateTokenResponse | CreateTokenError)
    by_code = AuthorizationCodeGrant.of(
        client, code="c", redirect_uri="http://127.0.0.1/oauth/callback", code_verifier="v"
    )
    assert_type(by_code, AuthorizationCodeGrant)
    assert_type(by_code.code, SecretStr)
    assert_type(by_code.code_verifier, SecretStr)
    assert_type(run(create_token(by_code), transport), CreateTokenResponse)
    # The response, the secret, or the plain string.
    assert_type(RefreshTokenGrant.of(client, token), RefreshTokenGrant)
    assert_type(RefreshTokenGrant.of(client, SecretStr("r")), RefreshTokenGrant)
    by_refresh = RefreshTokenGrant.of(client, "r")
    assert_type(by_refresh.refresh_token, SecretStr)
    assert_type(run(create_token(by_refresh), transport), CreateTokenResponse)


def getting_a_token_with_iam(transport: ScriptedTransport) -> None:
    arn = "arn:aws:sso::123456789012:application/ssoins-1/apl-1"
    by_code = IamAuthorizationCodeGrant.of(arn, code=SecretStr("c"), redirect_uri="https://app")
    assert_type(by_code, IamAuthorizationCodeGrant)
    assert_type(by_code.code_verifier, SecretStr | None)
    by_refresh = IamRefreshTokenGrant.of(arn, refresh_token="r")
    assert_type(by_refresh, IamRefreshTokenGrant)
    by_assertion = JwtBearerGrant.of(arn, assertion="j", scope=("openid",))
    assert_type(by_assertion, JwtBearerGrant)
    assert_type(by_assertion.assertion, SecretStr)
    by_exchange = TokenExchangeGrant.of(
        arn,
        subject_token="s",
        requested_token_type="urn:ietf:params:oauth:token-type:refresh_token",
    )
    assert_type(by_exchange, TokenExchangeGrant)
    assert_type(by_exchange.subject_token, SecretStr)
    operation = create_token_with_iam(by_exchange)
    assert_type(operation, CreateTokenWithIAM)
    assert_type(operation.request, CreateTokenWithIAMRequest)
    assert_type(operation.error_types, tuple[type[CreateTokenWithIAMError], ...])
    token = run(operation, transport)
    assert_type(token, CreateTokenWithIAMResponse)
    assert_type(token.access_token, SecretStr)
    assert_type(token.scope, tuple[str, ...] | None)
    assert_type(token.aws_additional_details, AwsAdditionalDetails | None)
    if token.aws_additional_details is not None:
        assert_type(token.aws_additional_details.identity_context, SecretStr | None)
    for each in (by_code, by_refresh, by_assertion):
        assert_type(run(create_token_with_iam(each), transport), CreateTokenWithIAMResponse)
    assert_type(attempt(operation, transport), CreateTokenWithIAMResponse | CreateTokenWithIAMError)


def at_the_portal(transport: ScriptedTransport, token: CreateTokenResponse) -> None:
    credentials = portal.get_role_credentials(
        portal.GetRoleCredentialsRequest.of(
            token.access_token, account_id="123456789012", role_name="r"
        )
    )
    assert_type(credentials, portal.GetRoleCredentials)
    role = run(credentials, transport).role_credentials
    assert_type(role, portal.RoleCredentials)
    assert_type(role.access_key_id, str)
    assert_type(role.secret_access_key, SecretStr)
    assert_type(role.session_token, SecretStr)
    assert_type(role.expiration, int)
    assert_type(role.expires_at, datetime | None)
    assert_type(
        attempt(credentials, transport),
        portal.GetRoleCredentialsResponse | portal.GetRoleCredentialsError,
    )
    accounts = portal.list_accounts(portal.ListAccountsRequest.of("at", max_results=10))
    assert_type(accounts, portal.ListAccounts)
    assert_type(run(accounts, transport).account_list, tuple[portal.AccountInfo, ...])
    assert_type(
        attempt(accounts, transport), portal.ListAccountsResponse | portal.ListAccountsError
    )
    roles = portal.list_account_roles(
        portal.ListAccountRolesRequest.of("at", account_id="123456789012")
    )
    assert_type(roles, portal.ListAccountRoles)
    assert_type(run(roles, transport).role_list, tuple[portal.RoleInfo, ...])
    assert_type(
        attempt(roles, transport), portal.ListAccountRolesResponse | portal.ListAccountRolesError
    )
    leaving = portal.logout(portal.LogoutRequest.of(token.access_token))
    assert_type(leaving, portal.Logout)
    assert_type(attempt(leaving, transport), portal.LogoutError | None)


async def in_an_event_loop(transport: ScriptedTransport, grant: CreateTokenRequest) -> None:
    assert_type(await arun(create_token(grant), transport), CreateTokenResponse)
    assert_type(
        await aattempt(create_token(grant), transport), CreateTokenResponse | CreateTokenError
    )
    accounts = portal.list_accounts(portal.ListAccountsRequest.of("at"))
    assert_type(await arun(accounts, transport), portal.ListAccountsResponse)
    assert_type(
        await aattempt(accounts, transport),
        portal.ListAccountsResponse | portal.ListAccountsError,
    )


def without_a_driver(grant: CreateTokenRequest, now: Instant) -> CreateTokenResponse:
    operation = create_token(grant)
    request = operation.http_request(ClientConfig(region="us-east-1"), now)
    assert_type(request.method, str)
    assert_type(request.url, str)
    assert_type(request.headers, Headers)
    assert_type(request.body, bytes)
    match request:
        case HttpRequest(method, url, headers, body):
            assert_type(method, str)
            assert_type(url, str)
            assert_type(headers, Headers)
            assert_type(body, bytes)
    return operation.parse(HttpResponse(200, [("Content-Type", "application/json")], b"{}"))
