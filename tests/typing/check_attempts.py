"""A `match` over the results of `attempt` is exhaustive for every operation: exactly the errors of its model.

Never executed. A member that is missing below causes an error at `assert_never`; one that an operation no longer has,
an unreachable case.
"""

# ruff: noqa: C901, PLR0912 - a case for each error
from __future__ import annotations

from typing import assert_never, assert_type

from ssooidc_core import (
    AccessDeniedException,
    AsyncTransport,
    AuthorizationPendingException,
    CreateTokenRequest,
    CreateTokenResponse,
    CreateTokenWithIAMRequest,
    CreateTokenWithIAMResponse,
    ExpiredTokenException,
    InternalServerException,
    InvalidClientException,
    InvalidClientMetadataException,
    InvalidGrantException,
    InvalidRedirectUriException,
    InvalidRequestException,
    InvalidRequestRegionException,
    InvalidScopeException,
    RegisterClientRequest,
    RegisterClientResponse,
    SlowDownException,
    StartDeviceAuthorizationRequest,
    StartDeviceAuthorizationResponse,
    UnauthorizedClientException,
    UnsupportedGrantTypeException,
    aattempt,
    attempt,
    create_token,
    create_token_with_iam,
    portal,
    register_client,
    start_device_authorization,
)
from ssooidc_transports.testing import ScriptedTransport


def registering(transport: ScriptedTransport, request: RegisterClientRequest) -> str:
    match attempt(register_client(request), transport):
        case RegisterClientResponse(client_id=client_id):
            return str(client_id)
        case InternalServerException() as error:
            return error.code
        case InvalidClientMetadataException() as error:
            return error.code
        case InvalidRedirectUriException() as error:
            return error.code
        case InvalidRequestException() as error:
            return error.code
        case InvalidScopeException() as error:
            return error.code
        case SlowDownException() as error:
            return error.code
        case UnsupportedGrantTypeException() as error:
            return error.code
        case _ as never:
            assert_never(never)


def starting(transport: ScriptedTransport, request: StartDeviceAuthorizationRequest) -> str:
    match attempt(start_device_authorization(request), transport):
        case StartDeviceAuthorizationResponse(user_code=user_code):
            return str(user_code)
        case InternalServerException() as error:
            return error.code
        case InvalidClientException() as error:
            return error.code
        case InvalidRequestException() as error:
            return error.code
        case SlowDownException() as error:
            return error.code
        case UnauthorizedClientException() as error:
            return error.code
        case _ as never:
            assert_never(never)


def getting_a_token(transport: ScriptedTransport, request: CreateTokenRequest) -> str:
    match attempt(create_token(request), transport):
        case CreateTokenResponse(access_token=access_token):
            return str(access_token)
        case AccessDeniedException() as error:
            return error.code
        case AuthorizationPendingException() as error:
            return error.code
        case ExpiredTokenException() as error:
            return error.code
        case InternalServerException() as error:
            return error.code
        case InvalidClientException() as error:
            return error.code
        case InvalidGrantException() as error:
            return error.code
        case InvalidRequestException() as error:
            return error.code
        case InvalidScopeException() as error:
            return error.code
        case SlowDownException() as error:
            return error.code
        case UnauthorizedClientException() as error:
            return error.code
        case UnsupportedGrantTypeException() as error:
            return error.code
        case _ as never:
            assert_never(never)


def getting_a_token_with_iam(
    transport: ScriptedTransport, request: CreateTokenWithIAMRequest
) -> str:
    match attempt(create_token_with_iam(request), transport):
        case CreateTokenWithIAMResponse(access_token=access_token):
            return str(access_token)
        case AccessDeniedException() as error:
            return error.code
        case AuthorizationPendingException() as error:
            return error.code
        case ExpiredTokenException() as error:
            return error.code
        case InternalServerException() as error:
            return error.code
        case InvalidClientException() as error:
            return error.code
        case InvalidGrantException() as error:
            return error.code
        case InvalidRequestException() as error:
            return error.code
        case InvalidRequestRegionException() as error:
            assert_type(error.region, str | None)
            return error.code
        case InvalidScopeException() as error:
            return error.code
        case SlowDownException() as error:
            return error.code
        case UnauthorizedClientException() as error:
            return error.code
        case UnsupportedGrantTypeException() as error:
            return error.code
        case _ as never:
            assert_never(never)


def getting_role_credentials(
    transport: ScriptedTransport, request: portal.GetRoleCredentialsRequest
) -> str:
    match attempt(portal.get_role_credentials(request), transport):
        case portal.GetRoleCredentialsResponse(role_credentials=role_credentials):
            return str(role_credentials)
        case portal.InvalidRequestException() as error:
            return error.code
        case portal.ResourceNotFoundException() as error:
            return error.code
        case portal.TooManyRequestsException() as error:
            return error.code
        case portal.UnauthorizedException() as error:
            return error.code
        case _ as never:
            assert_never(never)


def listing_accounts(transport: ScriptedTransport, request: portal.ListAccountsRequest) -> str:
    match attempt(portal.list_accounts(request), transport):
        case portal.ListAccountsResponse(account_list=account_list):
            return str(account_list)
        case portal.InvalidRequestException() as error:
            return error.code
        case portal.ResourceNotFoundException() as error:
            return error.code
        case portal.TooManyRequestsException() as error:
            return error.code
        case portal.UnauthorizedException() as error:
            return error.code
        case _ as never:
            assert_never(never)


def listing_account_roles(
    transport: ScriptedTransport, request: portal.ListAccountRolesRequest
) -> str:
    match attempt(portal.list_account_roles(request), transport):
        case portal.ListAccountRolesResponse(role_list=role_list):
            return str(role_list)
        case portal.InvalidRequestException() as error:
            return error.code
        case portal.ResourceNotFoundException() as error:
            return error.code
        case portal.TooManyRequestsException() as error:
            return error.code
        case portal.UnauthorizedException() as error:
            return error.code
        case _ as never:
            assert_never(never)


def leaving(transport: ScriptedTransport, request: portal.LogoutRequest) -> str:
    match attempt(portal.logout(request), transport):
        case None:
            return "out"
        case portal.InvalidRequestException() as error:
            return error.code
        case portal.TooManyRequestsException() as error:
            return error.code
        case portal.UnauthorizedException() as error:
            return error.code
        case _ as never:
            assert_never(never)


async def in_an_event_loop(transport: AsyncTransport, request: portal.LogoutRequest) -> str:
    match await aattempt(portal.logout(request), transport):
        case None:
            return "out"
        case portal.InvalidRequestException() as error:
            return error.code
        case portal.TooManyRequestsException() as error:
            return error.code
        case portal.UnauthorizedException() as error:
            return error.code
        case _ as never:
            assert_never(never)


def forgetting_one(transport: ScriptedTransport, request: portal.LogoutRequest) -> str:
    match attempt(portal.logout(request), transport):
        case None:
            return "out"
        case portal.InvalidRequestException() | portal.TooManyRequestsException() as error:
            return error.code
        case _ as forgotten:
            assert_type(forgotten, portal.UnauthorizedException)
            assert_never(forgotten)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
