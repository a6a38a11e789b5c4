"""Sign a person in to AWS IAM Identity Center and keep them signed in, together with the AWS CLI and the AWS SDKs.

    from ssooidc_login import SsoSession

    with SsoSession.from_profile("dev") as session:
        session.login()
        role = session.credentials()

`AsyncSsoSession` is the same for asyncio and trio. Stores are in `ssooidc_login.stores`, the command line in
`ssooidc_cli`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssooidc_core.sso_settings import SsoSettings
    from ssooidc_login._async_session import AsyncSsoSession
    from ssooidc_login._flows.login import WayIn
    from ssooidc_login._session import SsoSession
    from ssooidc_login._session_programs import AccessToken, RoleSession
    from ssooidc_login._status import SessionState, SessionStatus
    from ssooidc_login.errors import (
        ListenerError,
        LoginBusy,
        NotLoggedIn,
        RefreshBusy,
        RoleNotAssigned,
        StoreError,
    )

__all__ = [
    "AccessToken",
    "AsyncSsoSession",
    "ListenerError",
    "LoginBusy",
    "NotLoggedIn",
    "RefreshBusy",
    "RoleNotAssigned",
    "RoleSession",
    "SessionState",
    "SessionStatus",
    "SsoSession",
    "SsoSettings",
    "StoreError",
    "WayIn",
]

_HOMES = {
    "AccessToken": "ssooidc_login._session_programs",
    "AsyncSsoSession": "ssooidc_login._async_session",
    "ListenerError": "ssooidc_login.errors",
    "LoginBusy": "ssooidc_login.errors",
    "NotLoggedIn": "ssooidc_login.errors",
    "RefreshBusy": "ssooidc_login.errors",
    "RoleNotAssigned": "ssooidc_login.errors",
    "RoleSession": "ssooidc_login._session_programs",
    "SessionState": "ssooidc_login._status",
    "SessionStatus": "ssooidc_login._status",
    "SsoSession": "ssooidc_login._session",
    "SsoSettings": "ssooidc_core.sso_settings",
    "StoreError": "ssooidc_login.errors",
    "WayIn": "ssooidc_login._flows.login",
}


# A checker that saw this would accept any misspelt name.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import what is asked for when it is: the command line starts without all of it."""
        from importlib import import_module  # noqa: PLC0415 - once a name

        if name not in _HOMES:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        value: object = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
