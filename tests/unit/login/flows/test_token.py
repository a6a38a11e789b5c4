"""`ssooidc_login._flows.token`: when a token is refreshed, by which session, and what a failure means."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from ssooidc_core import (
    CacheFileInvalid,
    ClientConfig,
    InternalServerException,
    RegistrationGone,
    SecretStr,
    SessionExpired,
)
from ssooidc_core._cache_files import TokenFile
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_emulator.faults import error
from ssooidc_login import NotLoggedIn, RefreshBusy, StoreError, WayIn
from ssooidc_login._flows.documents import token_key
from ssooidc_login._flows.login import sign_in
from ssooidc_login._flows.token import RefreshMemory, current_token
from ssooidc_login._login_plan import LoginPlan

if TYPE_CHECKING:
    from tests.unit.login.conftest import Carry, Stage

CONFIG: Final = ClientConfig(region="us-east-1")
PLAN: Final = LoginPlan(
    way=WayIn.BROWSER, start_url="https://d-1234567890.awsapps.com/start", client_name="tool"
)
HOUR: Final = 3600


def signed_in(carry: Carry, stage: Stage, settings: SsoSettings) -> TokenFile:
    return carry(sign_in(settings, PLAN, CONFIG), stage)


def refreshes(stage: Stage) -> int:
    """Return the number of CreateToken calls since the login."""
    return stage.asked().count("CreateToken") - 1


@pytest.mark.parametrize(
    ("left", "refreshed"),
    [(HOUR, False), (901, False), (900, False), (899, True), (600, True), (1, True), (-1, True)],
)
def test_it_is_refreshed_when_less_than_15_minutes_are_left(
    carry: Carry, stage: Stage, settings: SsoSettings, left: int, *, refreshed: bool
) -> None:
    old = signed_in(carry, stage, settings)
    # The time is cut to seconds.
    ahead = (old.expires_at - stage.clock.now().wall).total_seconds() - left
    stage.clock.advance(max(ahead, 0))
    new = carry(current_token(settings, RefreshMemory()), stage)
    assert (new.access_token != old.access_token) is refreshed
    assert refreshes(stage) == int(refreshed)
    found = stage.store.load(token_key(settings))
    assert found is not None
    assert TokenFile.from_text(found.get_secret_value()).access_token == new.access_token


def test_it_is_refreshed_at_once_by_force(
    carry: Carry, stage: Stage, settings: SsoSettings
) -> None:
    old = signed_in(carry, stage, settings)
    new = carry(current_token(settings, RefreshMemory(), force=True), stage)
    assert new.access_token != old.access_token


def test_without_a_token_one_has_to_log_in(
    carry: Carry, stage: Stage, settings: SsoSettings
) -> None:
    with pytest.raises(NotLoggedIn) as caught:
        _ = carry(current_token(settings, RefreshMemory()), stage)
    assert str(caught.value) == "Not logged in to my-sso"
    assert caught.value.hint == "Log in first: session.login()."
    stage.store.save(token_key(settings), SecretStr("{"))
    with pytest.raises(CacheFileInvalid) as broken:
        _ = carry(current_token(settings, RefreshMemory()), stage)
    assert broken.value.hint == "Log in again, which replaces the file."


def test_the_keys_that_nobody_here_knows_survive_a_refresh(
    carry: Carry, stage: Stage, settings: SsoSettings
) -> None:
    old = signed_in(carry, stage, settings)
    members = json.loads(old.to_text_with_secrets())
    stage.store.save(token_key(settings), SecretStr(json.dumps({"x": 1, **members, "y": [2]})))
    _ = carry(current_token(settings, RefreshMemory(), force=True), stage)
    found = stage.store.load(token_key(settings))
    assert found is not None
    assert list(json.loads(found.get_secret_value())) == ["x", *members, "y"]


def test_a_refresh_in_vain_leaves_the_old_token_and_is_not_tried_again_for_a_minute(
    carry: Carry, stage: Stage, settings: SsoSettings, caplog: pytest.LogCaptureFixture
) -> None:
    old = signed_in(carry, stage, settings)
    memory = RefreshMemory()
    stage.clock.advance(HOUR - 300)
    stage.center.script("CreateToken", error("InternalServerException"), times=None)
    for _ in range(3):
        assert carry(current_token(settings, memory), stage) == old
    assert refreshes(stage) == 1
    assert caplog.messages == [
        "A refresh failed (InternalServerException); the token is still valid"
    ]
    stage.clock.advance(61)
    assert carry(current_token(settings, memory), stage) == old
    assert refreshes(stage) == 2
    stage.center.clear_script()
    stage.clock.advance(61)
    assert carry(current_token(settings, memory), stage) != old


def test_a_refresh_in_vain_of_an_ended_token_is_the_failure_itself(
    carry: Carry, stage: Stage, settings: SsoSettings
) -> None:
    _ = signed_in(carry, stage, settings)
    stage.clock.advance(HOUR)
    stage.center.script("CreateToken", error("InternalServerException"), times=None)
    with pytest.raises(InternalServerException):
        _ = carry(current_token(settings, RefreshMemory()), stage)
    stage.center.clear_script()
    assert carry(current_token(settings, RefreshMemory()), stage).refresh_token is not None


def test_a_session_that_was_ended(carry: Carry, stage: Stage, settings: SsoSettings) -> None:
    old = signed_in(carry, stage, settings)
    (session,) = stage.center.sessions(stage.clock.now())
    stage.center.end_session(session.session_id)
    stage.clock.advance(HOUR - 300)
    assert carry(current_token(settings, RefreshMemory()), stage) == old
    stage.clock.advance(300)
    with pytest.raises(SessionExpired) as caught:
        _ = carry(current_token(settings, RefreshMemory()), stage)
    assert str(caught.value) == "The session has ended: its refresh token is refused"


def test_invalid_grant_is_believed_only_after_another_look(
    carry: Carry, staged: Callable[..., Stage], settings: SsoSettings
) -> None:
    """A tool without our lock, such as the AWS CLI, may have refreshed between our read and our request."""
    stage = staged(refresh_mode="rotating-strict")
    old = signed_in(carry, stage, settings)
    theirs = dataclasses.replace(
        old,
        access_token=SecretStr("theirs"),
        refresh_token=SecretStr("new"),
        expires_at=old.expires_at + timedelta(hours=1),
    )
    stage.clock.advance(HOUR)
    stage.center.script("CreateToken", error("InvalidGrantException"))
    loads = stage.store.load
    seen: list[object] = []

    def load(key: object) -> SecretStr | None:
        seen.append(key)
        # Twice before the request: without the lock and with it.
        if len(seen) == 3:
            stage.store.save(token_key(settings), SecretStr(theirs.to_text_with_secrets()))
        return loads(token_key(settings))

    async def aload(key: object) -> SecretStr | None:
        return load(key)

    stage.store.load = load  # type: ignore[method-assign]
    stage.store.aload = aload  # type: ignore[method-assign]
    assert carry(current_token(settings, RefreshMemory()), stage) == theirs


def test_who_gets_the_lock_takes_what_another_got(
    carry: Carry, stage: Stage, settings: SsoSettings
) -> None:
    old = signed_in(carry, stage, settings)
    stage.clock.advance(HOUR)
    theirs = dataclasses.replace(
        old, access_token=SecretStr("theirs"), expires_at=old.expires_at + timedelta(hours=1)
    )
    lock = stage.store.try_lock(token_key(settings))
    assert lock is not None
    now = stage.clock.now
    began = now().monotonic

    def finished_after_a_second() -> object:
        instant = now()
        if instant.monotonic - began > 1:
            stage.store.save(token_key(settings), SecretStr(theirs.to_text_with_secrets()))
            lock.release()
        return instant

    stage.clock.now = finished_after_a_second  # type: ignore[method-assign,assignment]
    assert carry(current_token(settings, RefreshMemory()), stage) == theirs
    assert refreshes(stage) == 0


def test_while_minutes_are_left_nobody_waits_for_who_refreshes(
    carry: Carry, stage: Stage, settings: SsoSettings
) -> None:
    old = signed_in(carry, stage, settings)
    stage.clock.advance(HOUR - 800)
    assert stage.store.try_lock(token_key(settings)) is not None
    before = stage.clock.now()
    assert carry(current_token(settings, RefreshMemory()), stage) == old
    assert stage.clock.now() == before


def test_one_that_hangs_is_waited_for_half_a_minute(
    carry: Carry, stage: Stage, settings: SsoSettings
) -> None:
    old = signed_in(carry, stage, settings)
    assert stage.store.try_lock(token_key(settings)) is not None
    stage.clock.advance(HOUR - 300)
    before = stage.clock.now().monotonic
    assert carry(current_token(settings, RefreshMemory()), stage) == old
    assert 30 <= stage.clock.now().monotonic - before < 31
    stage.clock.advance(300)
    with pytest.raises(RefreshBusy) as caught:
        _ = carry(current_token(settings, RefreshMemory()), stage)
    assert str(caught.value) == "Another process has been refreshing the token for 30 s"


@pytest.mark.parametrize(
    ("missing", "error_type", "text"),
    [
        ("refresh_token", SessionExpired, ", and it cannot be refreshed"),
        (
            "client_secret",
            SessionExpired,
            ", and its file lacks the registration that refreshing needs",
        ),
        ("registration_expires_at", RegistrationGone, ", and its registration expired at "),
    ],
)
def test_what_cannot_be_refreshed_is_used_to_its_end(
    carry: Carry,
    stage: Stage,
    settings: SsoSettings,
    *,
    missing: str,
    error_type: type[Exception],
    text: str,
) -> None:
    old = signed_in(carry, stage, settings)
    value = stage.clock.now().wall if missing == "registration_expires_at" else None
    cut = dataclasses.replace(old, **{missing: value})  # type: ignore[arg-type]
    stage.store.save(token_key(settings), SecretStr(cut.to_text_with_secrets()))
    stage.clock.advance(HOUR - 10)
    found = carry(current_token(settings, RefreshMemory()), stage)
    assert found.access_token == old.access_token
    stage.clock.advance(10)
    with pytest.raises(error_type) as caught:
        _ = carry(current_token(settings, RefreshMemory()), stage)
    assert f"The token of my-sso expired at {old.expires_at:%Y-%m-%dT%H:%M:%SZ}{text}" in str(
        caught.value
    )
    assert refreshes(stage) == 0


def cannot(*_: object) -> SecretStr | None:
    message = "read-only"
    raise StoreError(message)


async def acannot(*_: object) -> SecretStr | None:
    return cannot()


def test_a_store_that_can_only_be_read_gives_its_token_while_it_is_good(
    carry: Carry, stage: Stage, settings: SsoSettings
) -> None:
    old = signed_in(carry, stage, settings)
    stage.store.try_lock = cannot  # type: ignore[method-assign,assignment]
    stage.store.atry_lock = acannot  # type: ignore[method-assign,assignment]
    stage.clock.advance(HOUR - 300)
    assert carry(current_token(settings, RefreshMemory()), stage) == old
    stage.clock.advance(300)
    with pytest.raises(StoreError):
        _ = carry(current_token(settings, RefreshMemory()), stage)
    assert refreshes(stage) == 0


def test_a_refreshed_token_that_cannot_be_kept_is_given_all_the_same(
    carry: Carry, stage: Stage, settings: SsoSettings, caplog: pytest.LogCaptureFixture
) -> None:
    old = signed_in(carry, stage, settings)
    stage.store.save = cannot  # type: ignore[method-assign,assignment]
    stage.store.asave = acannot  # type: ignore[method-assign,assignment]
    stage.clock.advance(HOUR)
    new = carry(current_token(settings, RefreshMemory()), stage)
    assert new.access_token != old.access_token
    assert caplog.messages == ["The refreshed token cannot be saved: read-only"]
