"""`AsyncSsoSession`: `SsoSession` for asyncio and trio."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, Self, TypeVar

from ssooidc_core import AsyncTransport, ClientConfig
from ssooidc_core.portal import AccountInfo, RoleInfo
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_login._browser.terminal import Terminal
from ssooidc_login._driver import adrive
from ssooidc_login._events import LoginSteps
from ssooidc_login._flows.status import SessionStatus, session_status
from ssooidc_login._login_plan import WayIn
from ssooidc_login._resources import AsyncResources, Interaction
from ssooidc_login._session.facts import check_transport, configured_facts, make_facts
from ssooidc_login._session.programs import (
    AccessToken,
    RoleSession,
    SessionPrograms,
    listener_for,
    plan_login,
)
from ssooidc_login._session.transports import SessionTransport, make_async_transport
from ssooidc_login.stores.aws_cache import AwsCacheStore
from ssooidc_login.stores.store import AsyncStore

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["AsyncSsoSession"]

T = TypeVar("T")


class AsyncSsoSession:
    """A session at an AWS access portal, for asyncio and trio. Many tasks of one event loop may use it.

    The session's token, registration and role credentials are kept in a store. The default store is the files that AWS
    tools share, so that a login with the AWS CLI is a login here, and the other way round.
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
        """Create a session; nothing is read or sent yet.

        Args:
            settings: start URL, region, scopes, and the name by which other tools find the session.
            config: endpoints, timeouts and limits; by default those of the region.
            roles: accounts and roles whose credentials `logout()` deletes, in addition to those that this session got.
            store: where tokens are kept; by default `AwsCacheStore()`.
            transport: sends the requests; the caller closes it. By default httpx with this config.

        Raises:
            ConfigurationError: the region is not valid, or the transport is for another one.
        """
        facts = make_facts(settings, config, roles, transport)
        self._programs = SessionPrograms(facts)
        self._store: Final = AwsCacheStore() if store is None else store
        self._transport: Final = SessionTransport(
            type(self).__name__, transport, make_async_transport
        )

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
        """Create the session of a profile in `~/.aws/config`.

        Args:
            profile: the profile's name; by default `AWS_PROFILE`, else `default`.
            config: used instead of what the AWS configuration says about endpoints.
            store: as for the constructor.
            transport: as for the constructor.
            environ: the environment variables; by default those of the process.

        Raises:
            ConfigurationError: the profile does not exist, says nothing about SSO, or is unusable; the text names file
                and line.
        """
        found = configured_facts(config, transport, environ, profile=profile)
        settings, config, roles = found.settings, found.config, found.roles
        return cls(settings, config=config, roles=roles, store=store, transport=transport)

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
        """Create the session of an `[sso-session]` section in `~/.aws/config`.

        Args:
            name: the section's name.
            config: as for `from_profile`.
            store: as for the constructor.
            transport: as for the constructor.
            environ: as for `from_profile`.

        Raises:
            ConfigurationError: the section does not exist or is unusable; the text names file and line.
        """
        found = configured_facts(config, transport, environ, sso_session=name)
        settings, config, roles = found.settings, found.config, found.roles
        return cls(settings, config=config, roles=roles, store=store, transport=transport)

    @property
    def settings(self) -> SsoSettings:
        """Start URL, region, name and scopes of this session."""
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
        """Sign a person in, even if there is a valid token.

        Args:
            way: browser or device code; by default the one that fits this machine, explained to the person in one line.
            interaction: shows texts to the person and opens the page; by default `ssooidc_login.terminal.Terminal()`.
            open_browser: whether to open the page; otherwise its address is only shown.
            ports: the ports to listen on for the browser, tried in order; 0 is any free port.
            client_name: the name of this application that people see; without white space.
            new_portal_session: end the session at the portal first, so that the new one lasts its full time.
            only_if_needed: return the stored token, refreshed if it is time to; ask the person only if there is none,
                or if it has expired and cannot be refreshed.

        Raises:
            LoginError: the login was refused, or took too long.
            SsoOidcError: see `ssooidc_core.errors` and `ssooidc_login.errors`.
        """
        person = Terminal() if interaction is None else interaction
        programs = await self._settled()
        found = await self._drive(programs.before_login(only_if_needed=only_if_needed), person)
        if isinstance(found, AccessToken):
            return found
        await self._move_to(found.region)
        plan = plan_login(
            found.start_url,
            way=way,
            interaction=interaction,
            open_browser=open_browser,
            ports=ports,
            client_name=client_name,
        )
        steps = self._programs.login(plan, new_portal_session=new_portal_session)
        return await self._drive(steps, person)

    async def token(self, *, force_refresh: bool = False) -> AccessToken:
        """Return a valid access token, refreshed if less than 15 minutes are left.

        Of all callers that share the store, one refreshes, and the others get its result.

        Args:
            force_refresh: refresh however much time is left. If that fails, the error is raised even if the old token
                is still valid.

        Raises:
            NotLoggedIn: there is no token: call `login()` first.
            SessionExpired: the session has ended: call `login()` again.
            RegistrationGone: the client's registration has ended: call `login()` again.
            RefreshBusy: another process has been refreshing the token for half a minute.
            SsoOidcError: the token has expired, and refreshing it failed for another reason.
        """
        return await self._drive((await self._settled()).token(force_refresh=force_refresh))

    async def status(self) -> SessionStatus:
        """Return the state of the session according to the store; nothing is sent, and nothing is refreshed.

        It needs no HTTP library.

        Raises:
            StoreError: the store cannot be read.
        """
        offline = self._transport.offline(self._programs.facts.config)
        return await adrive(session_status(self.settings), self._resources(offline))

    async def accounts(self) -> tuple[AccountInfo, ...]:
        """List all accounts that the person may use.

        Raises:
            SsoOidcError: those of `token()` and of ListAccounts.
        """
        return await self._drive((await self._settled()).accounts())

    async def roles(self, account_id: str) -> tuple[RoleInfo, ...]:
        """List all roles that the person may use in an account.

        Raises:
            SsoOidcError: those of `token()` and of ListAccountRoles.
        """
        return await self._drive((await self._settled()).roles(account_id))

    async def credentials(
        self, account_id: str | None = None, role_name: str | None = None
    ) -> RoleSession:
        """Return AWS credentials of a role: stored ones while they are valid, from the AWS CLI too, else new ones.

        Args:
            account_id: 12 digits. Give it together with `role_name`, or neither to use the profile's.
            role_name: the role's friendly name.

        Raises:
            ConfigurationError: the profile names no account and role.
            SsoOidcError: those of `token()` and of GetRoleCredentials.
        """
        return await self._drive((await self._settled()).credentials(account_id, role_name))

    async def logout(self) -> bool:
        """Sign out of this session, here and at the portal; other sessions stay signed in.

        Returns:
            Whether there was a token.

        Raises:
            StoreError: something could not be deleted.
        """
        return await self._drive((await self._settled()).logout())

    async def aclose(self) -> None:
        """Close the connections; the session stays signed in. Closing twice is harmless."""
        await self._close_own(for_good=True)

    async def _close_own(self, *, for_good: bool) -> None:
        own = self._transport.take_own(for_good=for_good)
        if own is not None:
            await own.aclose()

    async def _settled(self) -> SessionPrograms:
        """Return the programs, in the region of the stored token if the start URL led to that one."""
        if self._programs.may_move:
            offline = self._transport.offline(self._programs.facts.config)
            steps = self._programs.region_to_ask()
            await self._move_to(await adrive(steps, self._resources(offline)))
        return self._programs

    async def _move_to(self, region: str) -> None:
        if region == self.settings.region:
            return
        programs = self._programs.moved_to(region)
        check_transport(self._transport.given, programs.facts)
        # Before anything is awaited, so that of several tasks one moves.
        self._programs = programs
        await self._close_own(for_good=False)

    async def _drive(self, steps: LoginSteps[T], person: Interaction | None = None) -> T:
        transport = self._transport.get(self._programs.facts.config)
        return await adrive(steps, self._resources(transport, person))

    def _resources(
        self, transport: AsyncTransport, person: Interaction | None = None
    ) -> AsyncResources:
        return AsyncResources(
            transport=transport,
            store=self._store,
            interaction=person,
            listen=listener_for(person),
        )

    async def __aenter__(self) -> Self:
        """Return the session itself."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connections."""
        await self.aclose()

    def __repr__(self) -> str:
        """Return the class, and the session's name and region."""
        return f"{type(self).__name__}({self._programs!r})"
