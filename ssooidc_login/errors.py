"""What this package raises beside the core's errors."""

from __future__ import annotations

from typing import ClassVar

from ssooidc_core import LoginError, SsoOidcError

__all__ = [
    "ListenerError",
    "LoginBusy",
    "NotLoggedIn",
    "RefreshBusy",
    "RoleNotAssigned",
    "StoreError",
]


class StoreError(SsoOidcError):
    """A store could not read, write or lock: the disk is full, a file is not the user's, a server is gone."""


class NotLoggedIn(LoginError):
    """There is no token of this session in the store."""

    _hint: ClassVar[str | None] = "Log in first: session.login()."


class RefreshBusy(LoginError):
    """Another process has been refreshing this session's token for too long, and the token has ended."""

    _hint: ClassVar[str | None] = (
        "Try again; if it persists, look for a process that hangs while it holds the lock file."
    )


class LoginBusy(LoginError):
    """Another process has been signing in to this session for as long as a login may take."""

    _hint: ClassVar[str | None] = "Finish or stop the other login, then try again."


class ListenerError(LoginError):
    """Nothing can listen for the browser's answer: the ports are taken, or this machine has no loopback."""

    _hint: ClassVar[str | None] = "Use the device code, or other ports."


class RoleNotAssigned(SsoOidcError):
    """The person does not have this role in this account, or no longer; what the portal said is the cause."""

    _hint: ClassVar[str | None] = (
        "session.accounts() and session.roles(account_id) list what there is; an administrator assigns more."
    )
