"""The errors that this package raises in addition to those of `ssooidc_core.errors`."""

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
    """A store cannot read, write or lock: the disk is full, a file belongs to another user, a server is down."""


class NotLoggedIn(LoginError):
    """The store has no token for this session."""

    _hint: ClassVar[str | None] = "Log in first: session.login()."


class RefreshBusy(LoginError):
    """The token has expired, and another process has been refreshing it for more than half a minute."""

    _hint: ClassVar[str | None] = (
        "Try again; if it persists, look for a process that hangs while it holds the lock file."
    )


class LoginBusy(LoginError):
    """Another process has been signing in to this session for as long as a login may take."""

    _hint: ClassVar[str | None] = "Finish or stop the other login, then try again."


class ListenerError(LoginError):
    """No listener for the browser can be opened: the ports are taken, or this machine has no loopback interface."""

    _hint: ClassVar[str | None] = "Use the device code, or other ports."


class RoleNotAssigned(SsoOidcError):
    """The person does not have this role in this account, or no longer has it; the portal's error is the cause."""

    _hint: ClassVar[str | None] = (
        "session.accounts() and session.roles(account_id) list the available ones; ask an administrator for more."
    )
