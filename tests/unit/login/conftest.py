"""A session's programs in virtual time: an emulated center, a store, a person and a browser, with three drivers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol, TypeVar

import pytest
import trio
from pydantic import SecretStr

from ssooidc_core.sso_settings import SsoSettings
from ssooidc_emulator import (
    AsyncEmulatorTransport,
    EmulatorTransport,
    IdentityCenter,
    seeded_entropy,
)
from ssooidc_login._driver import adrive, drive
from ssooidc_login._events import LoginSteps
from ssooidc_login._resources import AsyncResources, Listener, Resources
from ssooidc_login.stores.memory import MemoryStore
from ssooidc_transports.testing import VirtualClock

T = TypeVar("T")

REDIRECT_URI: Final = "http://127.0.0.1:8400/oauth/callback"


@dataclass
class Person:
    """Reads the messages, and acts in the browser as the test says."""

    opens: bool = True
    shown: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    do: Callable[[str], object] | None = None

    def show(self, text: str, /) -> None:
        self.shown.append(text)

    def open_url(self, url: str, /) -> bool:
        self.opened.append(url)
        if self.do is not None:
            _ = self.do(url)
        return self.opens


@dataclass
class Browser:
    """A listener without a socket, which looks for a callback when it is polled."""

    callbacks: list[str] = field(default_factory=list)
    finished: list[tuple[bool, str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    closed: bool = False
    redirect_uri: str = REDIRECT_URI
    accepts: Callable[[str], bool | str | None] | None = None

    def expect(self, accepts: Callable[[str], bool | str | None], /) -> None:
        self.accepts = accepts

    def poll(self, seconds: float, /) -> SecretStr | str | None:
        assert self.accepts is not None
        while self.callbacks:
            callback = self.callbacks.pop(0)
            verdict = self.accepts(callback)
            if verdict is True:
                return SecretStr(callback)
            if isinstance(verdict, str):
                self.notices.append(verdict)
                return verdict
        return None

    def finish(self, *, succeeded: bool, text: str) -> None:
        self.finished.append((succeeded, text))

    def close(self) -> None:
        self.closed = True


@dataclass
class Stage:
    """Everything that a program uses."""

    center: IdentityCenter
    clock: VirtualClock
    store: MemoryStore
    person: Person
    browser: Browser
    listened: list[tuple[int, ...]] = field(default_factory=list)

    def listen(self, ports: tuple[int, ...]) -> Listener:
        self.listened.append(ports)
        return self.browser

    def world(self) -> Resources:
        return Resources(
            transport=EmulatorTransport(self.center, clock=self.clock),
            store=self.store,
            interaction=self.person,
            listen=self.listen,
        )

    def async_world(self) -> AsyncResources:
        return AsyncResources(
            transport=AsyncEmulatorTransport(self.center, clock=self.clock),
            store=self.store,
            interaction=self.person,
            listen=self.listen,
        )

    def asked(self) -> list[str | None]:
        """Return the names of the operations that were requested from the center."""
        return [entry.operation for entry in self.center.log.entries()]


class Carry(Protocol):
    """Runs a program on a stage."""

    def __call__(self, steps: LoginSteps[T], stage: Stage, /) -> T:
        """Return the program's result."""
        ...


def blocking(steps: LoginSteps[T], stage: Stage, /) -> T:
    return drive(steps, stage.world())


def in_asyncio(steps: LoginSteps[T], stage: Stage, /) -> T:
    return asyncio.run(adrive(steps, stage.async_world()))


def in_trio(steps: LoginSteps[T], stage: Stage, /) -> T:
    async def main() -> T:
        return await adrive(steps, stage.async_world())

    return trio.run(main)


DRIVERS: Final[dict[str, Carry]] = {"drive": blocking, "asyncio": in_asyncio, "trio": in_trio}


@pytest.fixture(params=DRIVERS)
def carry(request: pytest.FixtureRequest) -> Carry:
    """Each driver, one at a time."""
    return DRIVERS[request.param]


@pytest.fixture
def settings() -> SsoSettings:
    return SsoSettings(
        start_url="https://d-1234567890.awsapps.com/start",
        region="us-east-1",
        session_name="my-sso",
        scopes=("sso:account:access",),
    )


@pytest.fixture
def stage() -> Stage:
    return make_stage()


@pytest.fixture
def staged() -> Callable[..., Stage]:
    """Return a function that makes a stage whose center has these settings."""
    return make_stage


@pytest.fixture
def new_person() -> Callable[[], Person]:
    """Return a person who only reads."""
    return Person


def make_stage(**settings: object) -> Stage:
    center = IdentityCenter(entropy=seeded_entropy("login"), **settings)  # type: ignore[arg-type]
    clock = VirtualClock(datetime(2026, 1, 1, 12, 0, 0, 700_000, tzinfo=UTC))
    stage = Stage(center, clock, MemoryStore(), Person(), Browser())

    def sign_in(url: str) -> None:
        """Approve the login, the default action of a person."""
        if "/authorize?" in url:
            stage.browser.callbacks.append(center.authorize(url, clock.now()))
        else:
            center.approve(url.partition("user_code=")[2])

    stage.person.do = sign_in
    return stage
