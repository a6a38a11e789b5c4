"""What a session can do, as programs: all that `SsoSession` and `AsyncSsoSession` have in common."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from pydantic import SecretStr

from ssooidc_core import ConfigurationError
from ssooidc_core._cache_files import TokenFile
from ssooidc_core._sigv4 import Credentials
from ssooidc_core.errors import CacheFileInvalid
from ssooidc_core.flows.portal import list_all_account_roles, list_all_accounts
from ssooidc_core.portal import AccountInfo, RoleInfo
from ssooidc_login._events import LoginSteps
from ssooidc_login._flows.credentials import role_credentials
from ssooidc_login._flows.documents import load_token
from ssooidc_login._flows.login import LoginPlan, sign_in
from ssooidc_login._flows.logout import end_portal_session, sign_out
from ssooidc_login._flows.token import RefreshMemory, current_token
from ssooidc_login._session_facts import SessionFacts

__all__ = ["AccessToken", "RoleSession", "SessionPrograms"]


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessToken:
    """A bearer token, and when it ends (UTC)."""

    access_token: SecretStr
    expires_at: datetime

    @classmethod
    def of(cls, token: TokenFile) -> AccessToken:
        """Give what a caller needs of a token's document."""
        return cls(access_token=token.access_token, expires_at=token.expires_at)


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleSession:
    """AWS credentials of a role, and when they end (UTC)."""

    account_id: str
    role_name: str
    credentials: Credentials
    expires_at: datetime


class SessionPrograms:
    """A session's programs over its settings and what it remembers."""

    def __init__(self, facts: SessionFacts) -> None:
        """Take what it is made of."""
        self.facts: Final = facts
        self.settings: Final = facts.settings
        self._memory: Final = RefreshMemory()
        self._roles: Final = set(facts.roles)

    def moved_to(self, region: str) -> SessionPrograms:
        """Give the programs of the same session in the region that its start URL leads to."""
        facts = self.facts.moved_to(region)
        return SessionPrograms(replace(facts, roles=tuple(sorted(self._roles))))

    def login(self, plan: LoginPlan, *, new_portal_session: bool) -> LoginSteps[AccessToken]:
        """Sign in."""
        if new_portal_session:
            try:
                old = yield from load_token(self.settings)
            except CacheFileInvalid:
                old = None
            if old is not None:
                yield from end_portal_session(old)
        token = yield from sign_in(self.settings, plan, self.facts.config)
        self._memory.tried_at = None
        return AccessToken.of(token)

    def token(self, *, force_refresh: bool = False) -> LoginSteps[AccessToken]:
        """Give a good token."""
        token = yield from current_token(self.settings, self._memory, force=force_refresh)
        return AccessToken.of(token)

    def accounts(self) -> LoginSteps[tuple[AccountInfo, ...]]:
        """List the accounts."""
        token = yield from current_token(self.settings, self._memory)
        return (yield from list_all_accounts(token.access_token))

    def roles(self, account_id: str) -> LoginSteps[tuple[RoleInfo, ...]]:
        """List the roles in an account."""
        token = yield from current_token(self.settings, self._memory)
        return (yield from list_all_account_roles(token.access_token, account_id=account_id))

    def credentials(self, account_id: str | None, role_name: str | None) -> LoginSteps[RoleSession]:
        """Give a role's credentials; by default of the profile's account and role."""
        if account_id is None and role_name is None:
            account_id, role_name = self.settings.account_and_role()
        if account_id is None or role_name is None:
            message = "Give both an account_id and a role_name, or neither to use the profile's"
            raise ConfigurationError(message)
        self._roles.add((account_id, role_name))
        file = yield from role_credentials(
            self.settings, self._memory, account_id=account_id, role_name=role_name
        )
        return RoleSession(
            account_id=account_id,
            role_name=role_name,
            credentials=Credentials(file.access_key_id, file.secret_access_key, file.session_token),
            expires_at=file.expiration,
        )

    def logout(self) -> LoginSteps[bool]:
        """Sign out of this session only."""
        return (yield from sign_out(self.settings, sorted(self._roles)))

    def __repr__(self) -> str:
        """Name the session."""
        name = self.settings.session_name or self.settings.start_url
        return f"{name!r}, region={self.settings.region!r}"
