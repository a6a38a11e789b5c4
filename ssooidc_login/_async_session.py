"""`AsyncSsoSession`: `SsoSession` for asyncio and trio."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, Self, TypeVar

from ssooidc_core import AsyncTransport, ClientConfig, ConfigurationError, arun
from ssooidc_core._start_urls import resolve_start_url
from ssooidc_core.portal import AccountInfo, RoleInfo
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_login._browser.terminal import Terminal
from ssooidc_login._driver import adrive
from ssooidc_login._events import LoginSteps
from ssooidc_login._flows.login import WayIn
from ssooidc_login._login_plan import NEEDS_LOGIN, plan_login
from ssooidc_login._loopback.listener import listen_for
from ssooidc_login._own_transport import make_async_transport
from ssooidc_login._resources import AsyncWorld, Interaction
from ssooidc_login._session_facts import (
    check_transport,
    facts_from_profile,
    facts_from_sso_session,
    make_facts,
    moved_text,
)
from ssooidc_login._session_programs import AccessToken, RoleSession, SessionPrograms
from ssooidc_login._status import SessionStatus, session_status
from ssooidc_login.stores.aws_cache import AwsCacheStore
from ssooidc_login.stores.store import AsyncStore

if TYPE_CHECKING:
    from types import TracebackType

    from ssooidc_transports.httpx import AsyncHttpxTransport

__all__ = ["AsyncSsoSession"]

T = TypeVar("T")


class AsyncSsoSession:
    """A session at an AWS access portal, for asyncio and trio. Many tasks of one event loop may use it.

    What it keeps is in a store, by default the files that AWS tools share: who is signed in with the AWS CLI is signed
    in here, and the other way round.
    """

    def __init__(
        self,
        settings: SsoSettings,
        *,
        config: ClientConfig | None = None,
        roles: Iterable[tuple[str, str]] = (),
        store: AsyncStore | None = None,
        transport: AsyncTransport | None = None,
    ) -> None:
        """Describe a session; nothing is read or sent yet.

        Args:
            settings: start URL, region, the name that other tools know the session by, scopes.
            config: endpoints, timeouts and limits; by default those of the region.
            roles: accounts and roles whose credentials `logout()` forgets, beside those that this session got.
            store: where tokens are kept; by default `AwsCacheStore()`.
            transport: what carries the requests; it stays yours to close. By default httpx, with this config.

        Raises:
            ConfigurationError: the region is not one, or the transport is for another one.
        """
        facts = make_facts(settings, config, roles, None if transport is None else transport.config)
        self._programs = SessionPrograms(facts)
        self._store: Final = AwsCacheStore() if store is None else store
        self._given: Final = transport
        self._own: AsyncHttpxTransport | None = None
        self._lock: Final = threading.Lock()
        self._closed = False

    @classmethod
    def from_profile(
        cls,
        profile: str | None = None,
        *,
        config: ClientConfig | None = None,
        store: AsyncStore | None = None,
        transport: AsyncTransport | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Self:
        """Take a profile of `~/.aws/config`.

        Args:
            profile: its name; by default `AWS_PROFILE`, else `default`.
            config: in place of what the AWS configuration says about endpoints.
            store: as for the constructor.
            transport: as for the constructor.
            environ: the variables in place of the process's.

        Raises:
            ConfigurationError: it does not exist, says nothing about SSO, or is unusable; names file and line.
        """
        facts = facts_from_profile(profile, _config(config, transport), environ)
        return cls(
            facts.settings,
            config=facts.config,
            roles=facts.roles,
            store=store,
            transport=transport,
        )

    @classmethod
    def from_sso_session(
        cls,
        name: str,
        *,
        config: ClientConfig | None = None,
        store: AsyncStore | None = None,
        transport: AsyncTransport | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Self:
        """Take an `[sso-session]` section of `~/.aws/config`; the arguments are those of `from_profile`.

        Raises:
            ConfigurationError: it does not exist, or is unusable; names file and line.
        """
        facts = facts_from_sso_session(name, _config(config, transport), environ)
        return cls(
            facts.settings,
            config=facts.config,
            roles=facts.roles,
            store=store,
            transport=transport,
        )

    @property
    def settings(self) -> SsoSettings:
        """Which session this is."""
        return self._programs.settings

    async def login(  # noqa: PLR0913 - each choice by name
        self,
        *,
        way: WayIn | None = None,
        interaction: Interaction | None = None,
        open_browser: bool = True,
        ports: tuple[int, ...] = (0,),
        client_name: str = "ssooidc-core",
        new_portal_session: bool = False,
        only_if_needed: bool = False,
    ) -> AccessToken:
        """Sign a person in, whatever token there is.

        Args:
            way: browser or device code; by default what fits this machine, said in one line.
            interaction: who is told what; by default the terminal (stderr).
            open_browser: whether to open the page; else its address is only shown.
            ports: where to listen for the browser, in order; 0 is any free port.
            client_name: what people see as the name of this application; without white space.
            new_portal_session: end the session at the portal first, so that the new one lasts its full time.
            only_if_needed: give the token that there is, refreshed where it is time to; ask the person only where there
                is none, or it has ended for good.

        Raises:
            LoginError: it was refused, or took too long.
            SsoOidcError: see `ssooidc_core.errors` and `ssooidc_login.errors`.
        """
        if only_if_needed:
            try:
                return await self.token()
            except NEEDS_LOGIN:
                pass
        person = Terminal() if interaction is None else interaction
        resolved = await arun(
            resolve_start_url(self.settings.start_url, region=self.settings.region),
            self._transport(),
        )
        if resolved.region != self.settings.region:
            person.show(moved_text(self.settings, resolved.region))
            await self._move_to(resolved.region)
        plan = plan_login(
            resolved.start_url,
            way=way,
            interaction=interaction,
            open_browser=open_browser,
            ports=ports,
            client_name=client_name,
        )
        steps = self._programs.login(plan, new_portal_session=new_portal_session)
        return await self._drive(steps, person)

    async def token(self, *, force_refresh: bool = False) -> AccessToken:
        """Give an access token that is good now; refreshed, by one for all, where less than 15 minutes are left.

        Args:
            force_refresh: refresh it whatever time is left; where that fails, say so, though the old one may be good.

        Raises:
            NotLoggedIn: there is no token: `login()` first.
            SessionExpired: the session has ended: `login()` again.
            RegistrationGone: likewise.
            RefreshBusy: another process has been refreshing it for half a minute.
            SsoOidcError: the token has ended, and could not be refreshed for another reason.
        """
        return await self._drive(self._programs.token(force_refresh=force_refresh))

    async def status(self) -> SessionStatus:
        """Say how the session stands, by what is stored; nothing is asked, and nothing is refreshed."""
        return await self._drive(session_status(self.settings))

    async def accounts(self) -> tuple[AccountInfo, ...]:
        """List all accounts that the person may use.

        Raises:
            SsoOidcError: those of `token()` and of ListAccounts.
        """
        return await self._drive(self._programs.accounts())

    async def roles(self, account_id: str) -> tuple[RoleInfo, ...]:
        """List all roles that the person may use in an account.

        Raises:
            SsoOidcError: those of `token()` and of ListAccountRoles.
        """
        return await self._drive(self._programs.roles(account_id))

    async def credentials(
        self, account_id: str | None = None, role_name: str | None = None
    ) -> RoleSession:
        """Give AWS credentials of a role; those that the AWS CLI or this library got before, while they are good.

        Args:
            account_id: 12 digits; with `role_name`, or neither, which takes the profile's.
            role_name: the role's friendly name.

        Raises:
            ConfigurationError: the profile names no account and role.
            SsoOidcError: those of `token()` and of GetRoleCredentials.
        """
        return await self._drive(self._programs.credentials(account_id, role_name))

    async def logout(self) -> bool:
        """Sign out of this session, here and at the portal; others stay signed in. Says whether there was a token.

        Raises:
            StoreError: something could not be deleted.
        """
        return await self._drive(self._programs.logout())

    async def aclose(self) -> None:
        """Let go of connections; the session stays signed in. Closing twice is harmless."""
        self._closed = True
        await self._let_go()

    def _transport(self) -> AsyncTransport:
        if self._given is not None:
            return self._given
        with self._lock:
            if self._closed:
                message = f"This {type(self).__name__} was closed: make a new one"
                raise ConfigurationError(message)
            if self._own is None:
                self._own = make_async_transport(self._programs.facts.config)
            return self._own

    async def _let_go(self) -> None:
        with self._lock:
            own, self._own = self._own, None
        if own is not None:
            await own.aclose()

    async def _move_to(self, region: str) -> None:
        programs = self._programs.moved_to(region)
        if self._given is not None:
            check_transport(self._given.config, programs.facts)
        await self._let_go()
        self._programs = programs

    async def _drive(self, steps: LoginSteps[T], person: Interaction | None = None) -> T:
        world = AsyncWorld(
            transport=self._transport(),
            store=self._store,
            interaction=person,
            listen=listen_for(person),
        )
        return await adrive(steps, world)

    async def __aenter__(self) -> Self:
        """Give the session itself."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let go of connections."""
        await self.aclose()

    def __repr__(self) -> str:
        """Name the session."""
        return f"{type(self).__name__}({self._programs!r})"


def _config(config: ClientConfig | None, transport: AsyncTransport | None) -> ClientConfig | None:
    return transport.config if config is None and transport is not None else config
