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
    from ssooidc_login._flows.status import SessionState, SessionStatus
    from ssooidc_login._login_plan import WayIn
    from ssooidc_login._resources import Interaction
    from ssooidc_login._session.async_session import AsyncSsoSession
    from ssooidc_login._session.programs import AccessToken, RoleSession
    from ssooidc_login._session.session import SsoSession
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
    "Interaction",
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

# A checker that saw this would accept any misspelt name.
if not TYPE_CHECKING:
    # The module that defines a name. The names that are not here are in `ssooidc_login.errors`.
    _HOMES = {
        "AccessToken": "ssooidc_login._session.programs",
        "AsyncSsoSession": "ssooidc_login._session.async_session",
        "Interaction": "ssooidc_login._resources",
        "RoleSession": "ssooidc_login._session.programs",
        "SessionState": "ssooidc_login._flows.status",
        "SessionStatus": "ssooidc_login._flows.status",
        "SsoSession": "ssooidc_login._session.session",
        "SsoSettings": "ssooidc_core.sso_settings",
        "WayIn": "ssooidc_login._login_plan",
    }

    def __getattr__(name: str) -> object:
        """Import an exported name when it is first used, so that the command line starts without all of it."""
        from importlib import import_module  # noqa: PLC0415 - once a name

        if name not in __all__:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        home = _HOMES.get(name, "ssooidc_login.errors")
        value: object = getattr(import_module(home), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """Return the module's names, including those that were not imported yet."""
        return sorted({*globals(), *__all__})
