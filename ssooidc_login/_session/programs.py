"""The operations of a session, as programs: everything that `SsoSession` and `AsyncSsoSession` have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from pydantic import SecretStr

from ssooidc_core import ConfigurationError
from ssooidc_core._cache_files import TokenFile
from ssooidc_core._sigv4 import TemporaryCredentials
from ssooidc_core._start_urls import ResolvedStartUrl, is_vanity, resolve_start_url
from ssooidc_core._text import printable
from ssooidc_core.errors import CacheFileInvalid
from ssooidc_core.flows.portal import list_all_account_roles, list_all_accounts
from ssooidc_core.portal import AccountInfo, RoleInfo
from ssooidc_login._browser.choice import choose_way, read_facts
from ssooidc_login._events import LoginSteps, Show
from ssooidc_login._flows.credentials import role_credentials
from ssooidc_login._flows.documents import load_token
from ssooidc_login._flows.login import sign_in
from ssooidc_login._flows.logout import end_portal_session, sign_out
from ssooidc_login._flows.portal_calls import asked_with_token
from ssooidc_login._flows.refresh_memory import RefreshMemory
from ssooidc_login._flows.regions import region_to_ask
from ssooidc_login._flows.status import SessionStatus, session_status
from ssooidc_login._flows.token import NEEDS_LOGIN, current_token
from ssooidc_login._login_plan import LoginPlan, WayIn
from ssooidc_login._loopback.listener import LoopbackListener, listen
from ssooidc_login._resources import Interaction, ReadsPastes
from ssooidc_login._session.facts import SessionFacts

__all__ = ["AccessToken", "RoleSession", "SessionPrograms", "listener_for", "plan_login"]


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessToken:
    """A bearer token, and when it expires (UTC)."""

    access_token: SecretStr
    expires_at: datetime

    @classmethod
    def of(cls, token: TokenFile) -> AccessToken:
        """Return the part of a token's document that callers need."""
        return cls(access_token=token.access_token, expires_at=token.expires_at)


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleSession:
    """AWS credentials of a role, and when they expire (UTC)."""

    account_id: str
    role_name: str
    credentials: TemporaryCredentials
    expires_at: datetime


class SessionPrograms:
    """The programs of a session, with its settings and what it remembers between calls."""

    def __init__(self, facts: SessionFacts) -> None:
        """Make the programs of a session."""
        self.facts: Final = facts
        self.settings: Final = facts.settings
        self._memory: Final = RefreshMemory()
        self._roles: Final = set(facts.roles)

    def moved_to(self, region: str) -> SessionPrograms:
        """Return the programs of the same session in the region that its start URL leads to."""
        facts = self.facts.moved_to(region)
        return SessionPrograms(replace(facts, roles=tuple(sorted(self._roles))))

    def before_login(self, *, only_if_needed: bool) -> LoginSteps[AccessToken | ResolvedStartUrl]:
        """Return where to sign in, or the stored token if `only_if_needed` and it is valid or can be refreshed."""
        if only_if_needed:
            try:
                token = yield from self.token()
            except NEEDS_LOGIN:
                pass
            else:
                if token.access_token != self._memory.refused:
                    return token
        configured = self.facts.configured_region
        found = yield from resolve_start_url(self.settings.start_url, region=configured)
        if found.region != configured:
            yield from Show(
                f"The start URL leads to region {found.region}: set sso_region = {found.region}"
                f"{self._section()}. Until then, the AWS CLI and the AWS SDKs ask {configured}."
            )
        return found

    def _section(self) -> str:
        """Return where the AWS configuration has the region, for a sentence; empty if it does not have it."""
        settings = self.settings
        if settings.session_name is not None:
            return f" in [sso-session {printable(settings.session_name, limit=80)}]"
        if settings.profile is None:
            return ""
        name = printable(settings.profile, limit=80)
        return " in [default]" if name == "default" else f" in [profile {name}]"

    @property
    def may_move(self) -> bool:
        """Whether the start URL may lead to another region than the configured one."""
        return is_vanity(self.settings.start_url)

    def region_to_ask(self) -> LoginSteps[str]:
        """Return the region in which the stored token was issued, else the configured one."""
        settings = replace(self.settings, region=self.facts.configured_region)
        return (yield from region_to_ask(settings))

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
        self._memory.signed_in()
        return AccessToken.of(token)

    def token(self, *, force_refresh: bool = False) -> LoginSteps[AccessToken]:
        """Return a valid token."""
        token = yield from current_token(self.settings, self._memory, force=force_refresh)
        return AccessToken.of(token)

    def status(self) -> LoginSteps[SessionStatus]:
        """Return the state of the session."""
        return (yield from session_status(self.settings, self._memory))

    def accounts(self) -> LoginSteps[tuple[AccountInfo, ...]]:
        """List the accounts."""

        def ask(token: SecretStr) -> LoginSteps[tuple[AccountInfo, ...]]:
            return (yield from list_all_accounts(token))

        return (yield from asked_with_token(self.settings, self._memory, ask))

    def roles(self, account_id: str) -> LoginSteps[tuple[RoleInfo, ...]]:
        """List the roles in an account."""

        def ask(token: SecretStr) -> LoginSteps[tuple[RoleInfo, ...]]:
            return (yield from list_all_account_roles(token, account_id=account_id))

        return (yield from asked_with_token(self.settings, self._memory, ask))

    def credentials(self, account_id: str | None, role_name: str | None) -> LoginSteps[RoleSession]:
        """Return the credentials of a role; by default of the profile's account and role."""
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
            credentials=TemporaryCredentials(
                file.access_key_id, file.secret_access_key, file.session_token
            ),
            expires_at=file.expiration,
        )

    def logout(self) -> LoginSteps[bool]:
        """Sign out of this session only."""
        return (yield from sign_out(self.settings, sorted(self._roles)))

    def __repr__(self) -> str:
        """Return the session's name and region."""
        name = self.settings.session_name or self.settings.start_url
        return f"{name!r}, region={self.settings.region!r}"


def plan_login(  # noqa: PLR0913 - each choice by name
    start_url: str,
    *,
    way: WayIn | None,
    interaction: Interaction | None,
    open_browser: bool,
    ports: tuple[int, ...],
    client_name: str,
) -> LoginPlan:
    """Plan a login at a resolved start URL, by the caller's choices and the facts about this machine."""
    choice = choose_way(read_facts(), wanted=way)
    return LoginPlan(
        way=choice.way,
        reason=choice.reason,
        start_url=start_url,
        client_name=client_name,
        # A caller's own `open_url` may work where this machine has no browser.
        open_browser=open_browser and (choice.open_browser or interaction is not None),
        ports=ports,
    )


def listener_for(person: Interaction | None) -> Callable[[tuple[int, ...]], LoopbackListener]:
    """Return a function that opens a listener; it reads standard input only if the person can paste into it."""
    pastes = isinstance(person, ReadsPastes) and person.reads_pastes is True
    return lambda ports: listen(ports, paste="terminal" if pastes else None)
