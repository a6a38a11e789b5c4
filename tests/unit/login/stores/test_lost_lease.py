"""A lease that expires during a refresh: its former owner checks before it saves, and the newer token is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pytest
from cryptography.fernet import Fernet
from key_value.aio.stores.memory import MemoryStore as Backend
from pydantic import SecretStr

from ssooidc_core import ClientConfig, HttpRequest, HttpResponse
from ssooidc_core._cache_files import TokenFile
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_emulator import AsyncEmulatorTransport
from ssooidc_login import NotLoggedIn, WayIn
from ssooidc_login._driver import adrive
from ssooidc_login._flows.documents import load_token, token_key
from ssooidc_login._flows.login import sign_in
from ssooidc_login._flows.token import RefreshMemory, current_token
from ssooidc_login._login_plan import LoginPlan
from ssooidc_login._resources import AsyncResources
from ssooidc_login.stores.key_value import KeyValueStore
from ssooidc_login.stores.store import AsyncLock

if TYPE_CHECKING:
    from tests.unit.login.conftest import Stage

CONFIG: Final = ClientConfig(region="us-east-1")
PLAN: Final = LoginPlan(
    way=WayIn.BROWSER, start_url="https://d-1234567890.awsapps.com/start", client_name="tool"
)


@dataclass
class Leases:
    """Leases of one name, which expire when a test says so."""

    owner: Lease | None = None
    taken: int = 0

    async def atry_acquire(self, name: str, /) -> AsyncLock | None:
        if self.owner is not None:
            return None
        self.owner = Lease(self)
        self.taken += 1
        return self.owner


@dataclass(eq=False)
class Lease:
    leases: Leases

    async def ais_held(self) -> bool:
        return self.leases.owner is self

    async def arelease(self) -> None:
        if await self.ais_held():
            self.leases.owner = None


class Wire(AsyncEmulatorTransport):
    """Calls a hook after each response, before it is returned."""

    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def asend(self, request: HttpRequest, /) -> HttpResponse:
        answer = await super().asend(request)
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            await happens()
        return answer


@dataclass
class Fleet:
    """Hosts that share a server, the leases and the service."""

    stage: Stage
    settings: SsoSettings
    backend: Backend = field(default_factory=Backend)
    leases: Leases = field(default_factory=Leases)
    key: SecretStr = field(default_factory=lambda: SecretStr(Fernet.generate_key().decode()))

    def host(self) -> AsyncResources:
        return AsyncResources(
            transport=Wire(self.stage.center, clock=self.stage.clock),
            store=KeyValueStore(self.backend, encryption=self.key, lease=self.leases),
            interaction=self.stage.person,
            listen=self.stage.listen,
        )

    async def refreshed(self, host: AsyncResources) -> TokenFile:
        return await adrive(current_token(self.settings, RefreshMemory(), force=True), host)

    async def stored(self) -> TokenFile | None:
        return await adrive(load_token(self.settings), self.host())


@pytest.fixture
def fleet(staged: Callable[..., Stage], settings: SsoSettings) -> Fleet:
    return Fleet(staged(refresh_mode="rotating"), settings)


def meanwhile(host: AsyncResources, happens: Callable[[], Awaitable[object]]) -> None:
    assert isinstance(host.transport, Wire)
    host.transport.meanwhile = happens


def test_another_hosts_newer_token_stays(fleet: Fleet) -> None:
    async def main() -> None:
        slow, fast = fleet.host(), fleet.host()
        old = await adrive(sign_in(fleet.settings, PLAN, CONFIG), slow)
        theirs: list[TokenFile] = []

        async def other_host() -> None:
            fleet.leases.owner = None  # 30 s have passed
            fleet.stage.clock.advance(31)
            theirs.append(await fleet.refreshed(fast))

        meanwhile(slow, other_host)
        ours = await fleet.refreshed(slow)
        assert ours == theirs[0]
        assert ours == await fleet.stored()
        assert ours.access_token != old.access_token
        # The login's, then one for each host: the second could not detect the first.
        assert fleet.stage.asked().count("CreateToken") == 3
        assert fleet.leases.owner is None

    asyncio.run(main())


def test_where_nobody_else_came_it_is_saved(fleet: Fleet) -> None:
    async def main() -> None:
        host = fleet.host()
        old = await adrive(sign_in(fleet.settings, PLAN, CONFIG), host)

        async def runs_out() -> None:
            fleet.leases.owner = None

        meanwhile(host, runs_out)
        new = await fleet.refreshed(host)
        assert new.access_token != old.access_token
        assert await fleet.stored() == new

    asyncio.run(main())


def test_a_logout_meanwhile_counts(fleet: Fleet) -> None:
    async def main() -> None:
        host = fleet.host()
        await adrive(sign_in(fleet.settings, PLAN, CONFIG), host)

        async def signed_out() -> None:
            fleet.leases.owner = None
            await host.store.adelete(token_key(fleet.settings))

        meanwhile(host, signed_out)
        with pytest.raises(NotLoggedIn) as caught:
            await fleet.refreshed(host)
        assert str(caught.value) == "The session was signed out while its token was being refreshed"
        assert await fleet.stored() is None

    asyncio.run(main())


def test_while_the_lease_is_held_nothing_is_read_twice(fleet: Fleet) -> None:
    """A value that was written without a lease is overwritten: it looks the same as an old token."""

    async def main() -> None:
        host = fleet.host()
        await adrive(sign_in(fleet.settings, PLAN, CONFIG), host)
        assert fleet.leases.taken == 1
        new = await fleet.refreshed(host)
        assert fleet.leases.taken == 2
        assert await fleet.stored() == new

    asyncio.run(main())
