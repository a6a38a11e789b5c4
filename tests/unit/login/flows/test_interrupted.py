"""A Ctrl-C, a cancellation or a store's failure at any step leaves no lock, no open resource and no partial file."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import pytest

from ssooidc_core import ClientConfig, SecretStr, SsoOidcError
from ssooidc_core._cache_files import RegistrationFile, TokenFile
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_login import StoreError, WayIn
from ssooidc_login._driver import adrive, drive
from ssooidc_login._events import LoginSteps
from ssooidc_login._flows.documents import registration_key, token_key
from ssooidc_login._flows.login import sign_in
from ssooidc_login._flows.logout import sign_out
from ssooidc_login._flows.token import RefreshMemory, current_token
from ssooidc_login._login_plan import LoginPlan

if TYPE_CHECKING:
    from tests.unit.login.conftest import Stage

CONFIG: Final = ClientConfig(region="us-east-1")
START_URL: Final = "https://d-1234567890.awsapps.com/start"
STORE_METHODS: Final = ("load", "save", "delete", "try_lock")
OTHERS: Final = {
    "person": ("show", "open_url"),
    "browser": ("expect", "poll", "finish"),
    "clock": ("now", "advance"),
}


def programs(settings: SsoSettings) -> dict[str, Callable[[], LoginSteps[object]]]:
    def login(way: WayIn) -> LoginSteps[object]:
        plan = LoginPlan(way=way, start_url=START_URL, client_name="tool", reason="Because.")
        return (yield from sign_in(settings, plan, CONFIG))

    def refresh() -> LoginSteps[object]:
        return (yield from current_token(settings, RefreshMemory(), force=True))

    def logout() -> LoginSteps[object]:
        return (yield from sign_out(settings, [("123456789012", "ReadOnly")]))

    return {
        "browser": lambda: login(WayIn.BROWSER),
        "device": lambda: login(WayIn.DEVICE_CODE),
        "refresh": refresh,
        "logout": logout,
    }


PROGRAMS: Final = ("browser", "device", "refresh", "logout")


class Count:
    """Counts calls, and interrupts one of them, before or after it."""

    def __init__(self, at: int, stop: Callable[[], None], *, after: bool) -> None:
        self.calls = 0
        self.at = at
        self.stop = stop
        self.after = after

    def wrap(self, owner: object, name: str) -> None:
        real = getattr(owner, name)

        def called(*given: object, **named: object) -> object:
            self.calls += 1
            ours = self.calls == self.at
            if ours and not self.after:
                self.stop()
            result = real(*given, **named)
            if ours and self.after:
                if name == "try_lock" and result is not None:
                    # The lock is not returned to the caller, so the interruption has to count as one before the call.
                    result.release()
                self.stop()
            return result

        async def acalled(*given: object, **named: object) -> object:
            self.calls += 1
            ours = self.calls == self.at
            if ours and not self.after:
                self.stop()
                await asyncio.sleep(0)
            result = await real(*given, **named)
            if ours and self.after:
                self.stop()
            return result

        setattr(owner, name, acalled if inspect.iscoroutinefunction(real) else called)


def watch(stage: Stage, count: Count, *, asynchronous: bool, store_only: bool = False) -> None:
    for name in STORE_METHODS:
        count.wrap(stage.store, f"a{name}" if asynchronous else name)
    if not store_only:
        for part, names in OTHERS.items():
            for name in names:
                count.wrap(getattr(stage, part), name)


def cases(
    staged: Callable[..., Stage], settings: SsoSettings, name: str, stop: Callable[[], None]
) -> Iterator[tuple[Stage, Count, LoginSteps[object]]]:
    """Yield stages of a person who is signed in, each with one more point at which the program stops."""
    for after in (False, True):
        for at in range(1, 500):
            stage = staged()
            _ = drive(programs(settings)["browser"](), stage.world())
            stage.browser.closed = False
            stage.browser.callbacks.clear()
            count = Count(at, stop, after=after)
            yield stage, count, programs(settings)[name]()
            if count.calls < at:
                break
        else:
            pytest.fail("The program never ends")


def check(stage: Stage, settings: SsoSettings) -> None:
    """Check that everything is released and every document is complete; stop watching first."""
    store = stage.store
    for name in STORE_METHODS:
        for each in (name, f"a{name}"):
            vars(store).pop(each, None)
    for key in (token_key(settings), registration_key(settings)):
        lock = store.try_lock(key)
        assert lock is not None
        lock.release()
    assert stage.listened == [(0,)] or stage.browser.closed
    token, client = store.load(token_key(settings)), store.load(registration_key(settings))
    if token is not None:
        assert TokenFile.from_text(token.get_secret_value()).refresh_token is not None
    if client is not None:
        assert RegistrationFile.from_text(client.get_secret_value()).client_id


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_keyboard_interrupt_anywhere(
    staged: Callable[..., Stage], settings: SsoSettings, name: str
) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    stopped = 0
    for stage, count, steps in cases(staged, settings, name, stop):
        watch(stage, count, asynchronous=False)
        try:
            _ = drive(steps, stage.world())
        except KeyboardInterrupt:
            stopped += 1
        check(stage, settings)
    assert stopped > 10


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_cancellation_anywhere(
    staged: Callable[..., Stage], settings: SsoSettings, name: str
) -> None:
    stopped = 0
    tasks: list[asyncio.Task[object]] = []

    def stop() -> None:
        _ = tasks[-1].cancel()

    async def main(stage: Stage, count: Count, steps: LoginSteps[object]) -> bool:
        tasks.append(asyncio.create_task(adrive(steps, stage.async_world())))
        watch(stage, count, asynchronous=True)
        try:
            _ = await tasks[-1]
        except asyncio.CancelledError:
            return True
        return False

    for stage, count, steps in cases(staged, settings, name, stop):
        stopped += asyncio.run(main(stage, count, steps))
        check(stage, settings)
    assert stopped > 5


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_store_that_fails_once_anywhere(
    staged: Callable[..., Stage], settings: SsoSettings, name: str
) -> None:
    """The outcome is a result or a `StoreError`, and trying again succeeds."""

    def stop() -> None:
        message = "Cannot do it"
        raise StoreError(message)

    failed = 0
    for stage, count, steps in cases(staged, settings, name, stop):
        watch(stage, count, asynchronous=False, store_only=True)
        try:
            _ = drive(steps, stage.world())
        except SsoOidcError as caught:
            assert isinstance(caught, StoreError)  # noqa: PT017 - it is not known which fail
            failed += 1
        check(stage, settings)
        stage.browser.callbacks.clear()
        _ = drive(programs(settings)[name](), stage.world())
    assert failed >= 2


def test_a_store_that_fails_once_keeps_the_refreshed_token_or_the_old_one(
    staged: Callable[..., Stage], settings: SsoSettings
) -> None:
    """With a service whose refresh tokens are valid once."""
    for at in range(1, 10):
        stage = staged(refresh_mode="rotating-strict")
        _ = drive(programs(settings)["browser"](), stage.world())
        before = stage.store.load(token_key(settings))

        def stop() -> None:
            message = "Cannot do it"
            raise StoreError(message)

        count = Count(at, stop, after=False)
        watch(stage, count, asynchronous=False, store_only=True)
        try:
            got = drive(current_token(settings, RefreshMemory(), force=True), stage.world())
        except StoreError:
            got = None
        check(stage, settings)
        after = stage.store.load(token_key(settings))
        spent = stage.asked().count("CreateToken") - 1
        if spent:
            # The caller has it, whether or not it could be saved.
            assert got is not None
            assert SecretStr(got.to_text_with_secrets()) != before
        else:
            assert after == before
