"""The access portal (service `sso`): list accounts and roles, get role credentials, end a session.

These names are in a module of their own because SSO OIDC has errors of two of these names too.
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


def __dir__() -> list[str]:
    return __all__
