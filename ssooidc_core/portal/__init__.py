"""The access portal (service `sso`): accounts, roles, role credentials, and the end of a session.

A module of its own, since two of its errors have names that SSO OIDC's have too.
"""

from __future__ import annotations

from ssooidc_core.portal._errors import (
    InvalidRequestException,
    ResourceNotFoundException,
    TooManyRequestsException,
    UnauthorizedException,
)
from ssooidc_core.portal._get_role_credentials import (
    GetRoleCredentials,
    GetRoleCredentialsError,
    GetRoleCredentialsRequest,
    GetRoleCredentialsResponse,
    RoleCredentials,
    get_role_credentials,
)
from ssooidc_core.portal._list_account_roles import (
    ListAccountRoles,
    ListAccountRolesError,
    ListAccountRolesRequest,
    ListAccountRolesResponse,
    RoleInfo,
    list_account_roles,
)
from ssooidc_core.portal._list_accounts import (
    AccountInfo,
    ListAccounts,
    ListAccountsError,
    ListAccountsRequest,
    ListAccountsResponse,
    list_accounts,
)
from ssooidc_core.portal._logout import (
    Logout,
    LogoutError,
    LogoutRequest,
    logout,
)

__all__ = [
    "AccountInfo",
    "GetRoleCredentials",
    "GetRoleCredentialsError",
    "GetRoleCredentialsRequest",
    "GetRoleCredentialsResponse",
    "InvalidRequestException",
    "ListAccountRoles",
    "ListAccountRolesError",
    "ListAccountRolesRequest",
    "ListAccountRolesResponse",
    "ListAccounts",
    "ListAccountsError",
    "ListAccountsRequest",
    "ListAccountsResponse",
    "Logout",
    "LogoutError",
    "LogoutRequest",
    "ResourceNotFoundException",
    "RoleCredentials",
    "RoleInfo",
    "TooManyRequestsException",
    "UnauthorizedException",
    "get_role_credentials",
    "list_account_roles",
    "list_accounts",
    "logout",
]
