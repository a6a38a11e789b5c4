"""Who may ask `/authorize`: registered clients, and applications of the directory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from ssooidc_emulator._directory import Directory
from ssooidc_emulator._oidc.registrations import AUTHORIZATION_CODE, Registrations

__all__ = ["AuthorizeClient", "AuthorizeClients", "FindClient"]


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthorizeClient:
    """One of them.

    Attributes:
        client_id: its id, or an application's ARN.
        name: what the person is shown.
        scopes: what it may ask for, and does where it names none.
        redirect_uris: as registered.
        may_use_codes: whether it was registered for authorization codes.
        is_public: whether it must use PKCE, as every client that cannot keep a secret must (RFC 9700 section 2.1.1).
        users: the names of those who may sign in to it.
    """

    client_id: str
    name: str
    scopes: tuple[str, ...]
    redirect_uris: tuple[str, ...]
    may_use_codes: bool
    is_public: bool
    users: tuple[str, ...]


FindClient: TypeAlias = Callable[[str], AuthorizeClient | None]
"""Gives the client of an id."""


class AuthorizeClients:
    """All of them. Not locked."""

    def __init__(self, registrations: Registrations, directory: Directory) -> None:
        """Take where they are kept."""
        self._registrations: Final = registrations
        self._directory: Final = directory

    def find(self, client_id: str, now: float) -> AuthorizeClient | None:
        """Find one by its id; `now` is epoch seconds."""
        users = tuple(user.name for user in self._directory.users)
        registration = self._registrations.find(client_id, now)
        if registration is not None:
            return AuthorizeClient(
                client_id=client_id,
                name=registration.client_name,
                scopes=registration.scopes,
                redirect_uris=registration.redirect_uris,
                may_use_codes=AUTHORIZATION_CODE in registration.grant_types,
                is_public=True,
                users=users,
            )
        application = self._directory.application(client_id)
        if application is None:
            return None
        assigned = application.users
        return AuthorizeClient(
            client_id=client_id,
            name=client_id,
            scopes=application.allowed_scopes,
            redirect_uris=application.redirect_uris,
            may_use_codes=AUTHORIZATION_CODE in application.grant_types,
            # It signs its CreateTokenWithIAM requests, whose `codeVerifier` is optional.
            is_public=False,
            users=tuple(name for name in users if assigned is None or name in assigned),
        )
