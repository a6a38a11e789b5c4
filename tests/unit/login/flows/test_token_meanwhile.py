"""Changes by others between a refresh's read, its request and its save: AWS tools, logins, logouts, cancellations."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

import pytest
import trio
import trio.lowlevel

from ssooidc_core import (
    ClientConfig,
    InternalServerException,
    RegistrationGone,
    SecretStr,
    SessionExpired,
)
from ssooidc_core._cache_files import TokenFile
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_emulator.faults import error
from ssooidc_login import NotLoggedIn, StoreError, WayIn
from ssooidc_login._driver import adrive
from ssooidc_login._flows.documents import token_key
from ssooidc_login._flows.login import sign_in
from ssooidc_login._flows.token import RefreshMemory, current_token
from ssooidc_login._login_plan import LoginPlan

if TYPE_CHECKING:
    from ssooidc_login.stores.store import StoreKey
    from tests.unit.login.conftest import Carry, Stage

T = TypeVar("T")

CONFIG: Final = ClientConfig(region="us-east-1")
PLAN: Final = LoginPlan(
    way=WayIn.BROWSER, start_url="https://d-1234567890.awsapps.com/start", client_name="tool"
)
HOUR: Final = 3600


def signed_in(carry: Carry, stage: Stage, settings: SsoSettings) -> TokenFile:
    return carry(sign_in(settings, PLAN, CONFIG), stage)


def stored(stage: Stage, settings: SsoSettings) -> TokenFile | None:
    document = stage.store.load(token_key(settings))
    return None if document is None else TokenFile.from_text(document.get_secret_value())


def put(stage: Stage, settings: SsoSettings, token: TokenFile) -> None:
    stage.store.save(token_key(settings), SecretStr(token.to_text_with_secrets()))


def after_the_call(
    stage: Stage, happens: Callable[[], Awaitable[object] | None], *, reading: int = 3
) -> None:
    """Run a callback when the store is read for the third time: without the lock, with it, after the call."""
    load, loads = stage.store.load, iter(range(1, 1000))

    def counted(key: StoreKey, /) -> SecretStr | None:
        if next(loads) == reading:
            _ = happens()
        return load(key)

    async def acounted(key: StoreKey, /) -> SecretStr | None:
        if next(loads) == reading:
            waiting = happens()
            if waiting is not None:
                _ = await waiting
        return load(key)

    stage.store.load = counted  # type: ignore[method-assign]
    stage.store.aload = acounted  # type: ignore[method-assign]


def refreshed(carry: Carry, stage: Stage, settings: SsoSettings) -> TokenFile:
    return carry(current_token(settings, RefreshMemory(), force=True), stage)


def test_a_logout_of_another_tool_counts(carry: Carry, stage: Stage, settings: SsoSettings) -> None:
    """`aws sso logout` ignores our lock; the person who logged out must not be signed in again."""
    _ = signed_in(carry, stage, settings)
    after_the_call(stage, lambda: stage.store.delete(token_key(settings)))
    with pytest.raises(NotLoggedIn) as caught:
        _ = refreshed(carry, stage, settings)
    assert str(caught.value) == "The session was signed out while its token was being refreshed"
    assert stored(stage, settings) is None


def test_a_login_of_another_tool_stays(carry: Carry, stage: Stage, settings: SsoSettings) -> None:
    """After a new login, perhaps as another user, the token of the old session must not come back."""
    old = signed_in(carry, stage, settings)
    # It expires sooner than the refreshed one, since the login started earlier.
    theirs = dataclasses.replace(
        old, access_token=SecretStr("theirs"), expires_at=old.expires_at - timedelta(seconds=5)
    )
    after_the_call(stage, lambda: put(stage, settings, theirs))
    assert refreshed(carry, stage, settings) == theirs
    assert stored(stage, settings) == theirs


def test_what_somebody_saved_just_before_the_key_was_had_is_taken(
    carry: Carry, stage: Stage, settings: SsoSettings
) -> None:
    old = signed_in(carry, stage, settings)
    theirs = dataclasses.replace(
        old, access_token=SecretStr("theirs"), expires_at=old.expires_at + timedelta(hours=1)
    )
    stage.clock.advance(HOUR)
    after_the_call(stage, lambda: put(stage, settings, theirs), reading=2)
    assert carry(current_token(settings, RefreshMemory()), stage) == theirs
    assert stage.asked().count("CreateToken") == 1


@pytest.mark.parametrize(("left", "usable"), [(300, True), (-1, False)])
def test_what_somebody_saved_just_before_may_be_of_the_kind_that_cannot_be_refreshed(
    carry: Carry, stage: Stage, settings: SsoSettings, *, left: int, usable: bool
) -> None:
    old = signed_in(carry, stage, settings)
    stage.clock.advance(HOUR)
    ends = stage.clock.now().wall.replace(microsecond=0) + timedelta(seconds=left)
    theirs = dataclasses.replace(
        old, access_token=SecretStr("theirs"), refresh_token=None, expires_at=ends
    )
    after_the_call(stage, lambda: put(stage, settings, theirs), reading=2)
    if usable:
        assert carry(current_token(settings, RefreshMemory()), stage) == theirs
    else:
        with pytest.raises(SessionExpired):
            _ = carry(current_token(settings, RefreshMemory()), stage)
    assert stage.asked().count("CreateToken") == 1


@pytest.mark.parametrize("problem", ["unreadable", "broken"])
def test_a_refreshed_token_is_not_lost_where_the_store_fails_for_a_moment(
    carry: Carry, stage: Stage, settings: SsoSettings, problem: str
) -> None:
    old = signed_in(carry, stage, settings)

    def fails() -> None:
        if problem == "broken":
            stage.store.save(token_key(settings), SecretStr('{"accessTok'))
            return
        message = "Cannot read it"
        raise StoreError(message)

    after_the_call(stage, fails)
    new = refreshed(carry, stage, settings)
    assert new.access_token != old.access_token
    assert stored(stage, settings) == new


def test_a_login_waits_for_who_refreshes(carry: Carry, stage: Stage, settings: SsoSettings) -> None:
    old = signed_in(carry, stage, settings)
    lock = stage.store.try_lock(token_key(settings))
    assert lock is not None
    theirs = dataclasses.replace(old, access_token=SecretStr("refreshed"))
    now, began = stage.clock.now, stage.clock.now().monotonic

    def refreshed_after_ten_seconds() -> object:
        instant = now()
        if instant.monotonic - began > 10 and lock.is_held():
            put(stage, settings, theirs)
            lock.release()
        return instant

    stage.clock.now = refreshed_after_ten_seconds  # type: ignore[method-assign,assignment]
    new = signed_in(carry, stage, settings)
    assert not lock.is_held()
    assert new.access_token not in {old.access_token, theirs.access_token}
    assert stored(stage, settings) == new


def test_a_refresh_that_hangs_does_not_keep_a_person_from_signing_in(
    carry: Carry, stage: Stage, settings: SsoSettings
) -> None:
    assert stage.store.try_lock(token_key(settings)) is not None
    before = stage.clock.now().monotonic
    assert stored(stage, settings) is None
    assert signed_in(carry, stage, settings) == stored(stage, settings)
    assert 30 <= stage.clock.now().monotonic - before < 32


def test_who_waited_does_not_repeat_what_was_just_tried_in_vain(
    carry: Carry, stage: Stage, settings: SsoSettings
) -> None:
    """Otherwise hundreds of threads would each ask a service that hangs, one after the other."""
    old = signed_in(carry, stage, settings)
    stage.clock.advance(HOUR - 300)
    memory = RefreshMemory()
    lock = stage.store.try_lock(token_key(settings))
    assert lock is not None
    now, began = stage.clock.now, stage.clock.now().monotonic

    def tried_in_vain() -> object:
        instant = now()
        if instant.monotonic - began > 1 and lock.is_held():
            memory.tried_at = instant.wall
            lock.release()
        return instant

    stage.clock.now = tried_in_vain  # type: ignore[method-assign,assignment]
    assert carry(current_token(settings, memory), stage) == old
    assert stage.asked().count("CreateToken") == 1


def test_a_token_that_ends_soon_is_not_refreshed_at_every_call(
    carry: Carry, staged: Callable[..., Stage], settings: SsoSettings
) -> None:
    """The last token of a session lives only as long as the session."""
    stage = staged(access_token_lifetime=300)
    _ = signed_in(carry, stage, settings)
    memory = RefreshMemory()
    new = carry(current_token(settings, memory), stage)
    for _ in range(10):
        assert carry(current_token(settings, memory), stage) == new
    assert stage.asked().count("CreateToken") == 2
    stage.clock.advance(61)
    assert carry(current_token(settings, memory), stage) != new
    # A forced refresh gets another one.
    assert carry(current_token(settings, memory, force=True), stage) != new
    assert stage.asked().count("CreateToken") == 4


def test_a_refresh_that_the_service_refuses_leaves_the_old_token_where_the_store_fails_as_well(
    carry: Carry, stage: Stage, settings: SsoSettings
) -> None:
    old = signed_in(carry, stage, settings)
    stage.clock.advance(HOUR - 300)
    stage.center.script("CreateToken", error("InvalidGrantException"))

    def fails() -> None:
        message = "Cannot read it"
        raise StoreError(message)

    after_the_call(stage, fails)
    assert carry(current_token(settings, RefreshMemory()), stage) == old


@pytest.mark.parametrize(
    ("code", "error_type"),
    [
        ("InvalidGrantException", SessionExpired),
        ("InvalidClientException", RegistrationGone),
        ("InternalServerException", InternalServerException),
    ],
)
def test_whoever_insists_is_told_of_a_failure_while_the_old_token_lives(
    carry: Carry, stage: Stage, settings: SsoSettings, code: str, error_type: type[Exception]
) -> None:
    """The portal refuses the token of a session that was ended, so returning the same token again would not help."""
    old = signed_in(carry, stage, settings)
    stage.center.script("CreateToken", error(code), times=None)
    with pytest.raises(error_type):
        _ = refreshed(carry, stage, settings)
    assert stored(stage, settings) == old


def test_whoever_insists_is_told_that_it_cannot_be_refreshed(
    carry: Carry, stage: Stage, settings: SsoSettings
) -> None:
    old = signed_in(carry, stage, settings)
    put(stage, settings, dataclasses.replace(old, refresh_token=None))
    with pytest.raises(SessionExpired) as caught:
        _ = refreshed(carry, stage, settings)
    assert str(caught.value) == (
        "The token of my-sso expires at 2026-01-01T13:00:00Z, and it cannot be refreshed"
    )


def test_a_cancellation_after_the_answer_loses_no_token_in_asyncio(
    staged: Callable[..., Stage], settings: SsoSettings
) -> None:
    stage = staged(refresh_mode="rotating-strict")

    async def main() -> None:
        old = await adrive(sign_in(settings, PLAN, CONFIG), stage.async_world())
        steps = current_token(settings, RefreshMemory(), force=True)
        task = asyncio.create_task(adrive(steps, stage.async_world()))

        async def cancelled() -> None:
            _ = task.cancel()
            await asyncio.sleep(0)

        after_the_call(stage, cancelled)
        with pytest.raises(asyncio.CancelledError):
            _ = await task
        new = stored(stage, settings)
        assert new is not None
        assert new.refresh_token != old.refresh_token
        again = current_token(settings, RefreshMemory(), force=True)
        assert await adrive(again, stage.async_world()) != new

    asyncio.run(main())
    assert stage.store.try_lock(token_key(settings)) is not None


def test_a_cancellation_after_the_answer_loses_no_token_in_trio(
    staged: Callable[..., Stage], settings: SsoSettings
) -> None:
    stage = staged(refresh_mode="rotating-strict")

    async def main() -> None:
        old = await adrive(sign_in(settings, PLAN, CONFIG), stage.async_world())
        with trio.CancelScope() as scope:

            async def cancelled() -> None:
                scope.cancel()
                await trio.lowlevel.checkpoint()

            after_the_call(stage, cancelled)
            steps = current_token(settings, RefreshMemory(), force=True)
            _ = await adrive(steps, stage.async_world())
        new = stored(stage, settings)
        assert new is not None
        assert new.refresh_token != old.refresh_token
        again = current_token(settings, RefreshMemory(), force=True)
        assert await adrive(again, stage.async_world()) != new

    trio.run(main)
    assert stage.store.try_lock(token_key(settings)) is not None
