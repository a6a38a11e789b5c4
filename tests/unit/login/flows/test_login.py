"""`ssooidc_login._flows.login`: browser and device logins, and the reuse of registrations."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import pytest

from ssooidc_core import (
    AccessDeniedException,
    CallbackRefused,
    ClientConfig,
    CodeLoginExpired,
    DeviceLoginExpired,
    SecretStr,
)
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_login import LoginBusy, WayIn
from ssooidc_login._flows.documents import registration_key, token_key
from ssooidc_login._flows.login import sign_in
from ssooidc_login._flows.token import RefreshMemory, current_token
from ssooidc_login._login_plan import LoginPlan

if TYPE_CHECKING:
    from tests.unit.login.conftest import Carry, Stage

START_URL: Final = "https://d-1234567890.awsapps.com/start"
CONFIG: Final = ClientConfig(region="us-east-1")


def plan(way: WayIn = WayIn.BROWSER, **more: object) -> LoginPlan:
    facts: dict[str, object] = {"way": way, "start_url": START_URL, "client_name": "tool", **more}
    return LoginPlan(**facts)  # type: ignore[arg-type]


def document(stage: Stage, settings: SsoSettings, kind: str) -> dict[str, object]:
    key = token_key(settings) if kind == "token" else registration_key(settings)
    found = stage.store.load(key)
    assert found is not None
    members: dict[str, object] = json.loads(found.get_secret_value())
    return members


@pytest.mark.parametrize("way", WayIn)
def test_a_login_keeps_token_and_registration(
    carry: Carry, stage: Stage, settings: SsoSettings, way: WayIn
) -> None:
    token = carry(sign_in(settings, plan(way), CONFIG), stage)
    assert list(document(stage, settings, "token")) == [
        "startUrl",
        "region",
        "accessToken",
        "expiresAt",
        "clientId",
        "clientSecret",
        "registrationExpiresAt",
        "refreshToken",
    ]
    assert (
        document(stage, settings, "token")["accessToken"] == token.access_token.get_secret_value()
    )
    registration = document(stage, settings, "registration")
    assert registration["scopes"] == ["sso:account:access"]
    grants = ["authorization_code", "refresh_token"] if way is WayIn.BROWSER else None
    assert registration.get("grantTypes") == grants
    again = carry(current_token(settings, RefreshMemory()), stage)
    assert again == token


def test_the_browser_is_told_how_it_ended_and_the_listener_is_closed(
    carry: Carry, stage: Stage, settings: SsoSettings
) -> None:
    _ = carry(sign_in(settings, plan(ports=(8400, 8401)), CONFIG), stage)
    assert stage.listened == [(8400, 8401)]
    assert stage.browser.finished == [(True, "You are signed in. You can close this page.")]
    assert stage.browser.closed
    assert len(stage.person.opened) == 1
    (shown,) = stage.person.shown
    assert shown == (
        "A browser should open. If it does not, open this address:\n" + stage.person.opened[0]
    )


def test_a_device_code_is_shown_for_comparison(
    carry: Carry, stage: Stage, settings: SsoSettings
) -> None:
    _ = carry(sign_in(settings, plan(WayIn.DEVICE_CODE, reason="No display."), CONFIG), stage)
    (url,) = stage.person.opened
    code = url.partition("user_code=")[2]
    assert stage.person.shown == [
        "No display.",
        f"A browser should open. If it does not, open this address:\n{url}",
        f"The page must show this code: {code}",
    ]


def test_who_wants_no_browser_gets_the_address_only(
    carry: Carry, stage: Stage, settings: SsoSettings
) -> None:
    stage.person.opens = False
    refused = plan(WayIn.DEVICE_CODE)
    _ = carry(sign_in(settings, refused, CONFIG), stage)
    assert stage.person.shown[0].startswith("Open this address in a browser:\nhttps://device.sso.")
    assert len(stage.person.opened) == 1


def test_a_page_on_an_unknown_host_is_shown_with_a_warning_and_not_opened(
    carry: Carry, staged: Callable[..., Stage], settings: SsoSettings
) -> None:
    stage = staged(base_url="https://evil.example/device", device_code_lifetime=60)
    with pytest.raises(DeviceLoginExpired):
        _ = carry(sign_in(settings, plan(WayIn.DEVICE_CODE), CONFIG), stage)
    assert stage.person.opened == []
    assert stage.person.shown[0].startswith(
        "The sign-in page is on a host that is not known to belong to AWS, so it is not opened. "
        "Open it yourself only if you trust it:\nhttps://evil.example/device?user_code="
    )


def test_strangers_change_nothing(carry: Carry, stage: Stage, settings: SsoSettings) -> None:
    stage.browser.callbacks += [
        "/oauth/callback?code=stolen&state=wrong",
        "/oauth/callback?error=access_denied",
        "/oauth/callback",
        "/other?code=x",
        "/oauth/callback?" + "x" * 9000,
    ]
    token = carry(sign_in(settings, plan(), CONFIG), stage)
    assert token.refresh_token is not None
    assert stage.browser.notices == [
        "A page reported the error 'access_denied' without this login's state; still waiting."
    ]


def test_a_refusal_in_the_browser_ends_the_login_and_the_page_says_so(
    carry: Carry, stage: Stage, settings: SsoSettings
) -> None:
    def deny(url: str) -> None:
        callback = stage.center.authorize(url, stage.clock.now(), deny=True)
        stage.browser.callbacks.append(callback)

    stage.person.do = deny
    with pytest.raises(CallbackRefused) as caught:
        _ = carry(sign_in(settings, plan(), CONFIG), stage)
    assert caught.value.error == "access_denied"
    assert stage.browser.finished == [(False, str(caught.value))]
    assert stage.browser.closed
    assert stage.store.load(token_key(settings)) is None


def test_a_refusal_of_the_device_code_ends_the_login(
    carry: Carry, stage: Stage, settings: SsoSettings
) -> None:
    stage.person.do = lambda url: stage.center.deny(url.partition("user_code=")[2])
    with pytest.raises(AccessDeniedException):
        _ = carry(sign_in(settings, plan(WayIn.DEVICE_CODE), CONFIG), stage)


def test_nobody_comes_back(carry: Carry, stage: Stage, settings: SsoSettings) -> None:
    stage.person.do = None
    before = stage.clock.now().monotonic
    # The blocking listener waits; this one does not, so the clock of the test moves by itself.
    stage.browser.poll = lambda seconds: stage.clock.advance(max(seconds, 0.05))  # type: ignore[method-assign]
    with pytest.raises(CodeLoginExpired) as caught:
        _ = carry(sign_in(settings, plan(), CONFIG), stage)
    assert str(caught.value) == "The browser did not come back within 10 minutes"
    assert 600 <= stage.clock.now().monotonic - before < 602
    assert stage.browser.closed


@pytest.mark.parametrize("way", WayIn)
def test_a_registration_is_used_again_for_the_same_way_in(
    carry: Carry, stage: Stage, settings: SsoSettings, way: WayIn
) -> None:
    _ = carry(sign_in(settings, plan(way), CONFIG), stage)
    first = document(stage, settings, "registration")
    _ = carry(sign_in(settings, plan(way), CONFIG), stage)
    assert document(stage, settings, "registration") == first
    assert stage.asked().count("RegisterClient") == 1
    other = WayIn.DEVICE_CODE if way is WayIn.BROWSER else WayIn.BROWSER
    _ = carry(sign_in(settings, plan(other), CONFIG), stage)
    assert stage.asked().count("RegisterClient") == 2
    assert document(stage, settings, "registration")["clientId"] != first["clientId"]


@pytest.mark.parametrize("way", WayIn)
def test_a_registration_that_the_service_forgot_is_made_anew(
    carry: Carry,
    staged: Callable[..., Stage],
    settings: SsoSettings,
    way: WayIn,
) -> None:
    """Otherwise no login would succeed until a file is deleted by hand."""
    stage = staged()
    _ = carry(sign_in(settings, plan(way), CONFIG), stage)
    forgetful = staged()
    forgetful.store = stage.store
    token = carry(sign_in(settings, plan(way), CONFIG), forgetful)
    assert token.refresh_token is not None
    assert forgetful.asked().count("RegisterClient") == 1
    assert len(forgetful.person.opened) == 1
    assert (
        "The service no longer knows this client's registration; registering again."
        in forgetful.person.shown
    )


@pytest.mark.parametrize("kind", ["token", "registration"])
def test_a_broken_document_heals_with_a_word(
    carry: Carry, stage: Stage, settings: SsoSettings, kind: str
) -> None:
    key = token_key(settings) if kind == "token" else registration_key(settings)
    stage.store.save(key, SecretStr("{"))
    token = carry(sign_in(settings, plan(), CONFIG), stage)
    assert token.refresh_token is not None
    end = "; signing in writes a new one." if kind == "token" else "; registering again"
    assert stage.person.shown[0] == f"The {kind} file does not hold a JSON object{end}"


@pytest.mark.parametrize("kind", ["token", "registration"])
def test_a_masked_document_heals_with_a_word(
    carry: Carry, stage: Stage, settings: SsoSettings, kind: str
) -> None:
    """Somebody restored a document from a dump, in which every secret is masked."""
    _ = carry(sign_in(settings, plan(), CONFIG), stage)
    key = token_key(settings) if kind == "token" else registration_key(settings)
    masked = document(stage, settings, kind) | {"clientSecret": "**********"}
    stage.store.save(key, SecretStr(json.dumps(masked)))
    stage.person.shown.clear()
    token = carry(sign_in(settings, plan(), CONFIG), stage)
    assert carry(current_token(settings, RefreshMemory(), force=True), stage) != token
    end = "; signing in writes a new one." if kind == "token" else "; registering again"
    assert stage.person.shown[0] == (
        f"The {kind} file's clientSecret is **********, which replaces a secret in a dump{end}"
    )


def test_who_finds_another_login_under_way_takes_its_token(
    carry: Carry, stage: Stage, settings: SsoSettings, staged: Callable[..., Stage]
) -> None:
    lock = stage.store.try_lock(registration_key(settings))
    assert lock is not None
    theirs = staged()
    token = carry(sign_in(settings, plan(), CONFIG), theirs)
    found = theirs.store.load(token_key(settings))
    assert found is not None

    def the_other_finishes(text: str) -> None:
        stage.person.shown.append(text)
        stage.store.save(token_key(settings), found)
        lock.release()

    stage.person.show = the_other_finishes  # type: ignore[method-assign]
    assert carry(sign_in(settings, plan(), CONFIG), stage) == token
    assert stage.person.shown == ["Another process is signing in to this session; waiting for it."]
    assert stage.asked() == []


def test_who_waits_for_a_login_that_failed_signs_in_themselves(
    carry: Carry, stage: Stage, settings: SsoSettings
) -> None:
    lock = stage.store.try_lock(registration_key(settings))
    assert lock is not None
    stage.person.show = lambda text: lock.release()  # type: ignore[method-assign]
    token = carry(sign_in(settings, plan(), CONFIG), stage)
    assert token.refresh_token is not None


def test_a_login_that_hangs_elsewhere_is_waited_for_as_long_as_a_login_may_take(
    carry: Carry, stage: Stage, settings: SsoSettings
) -> None:
    assert stage.store.try_lock(registration_key(settings)) is not None
    before = stage.clock.now().monotonic
    with pytest.raises(LoginBusy) as caught:
        _ = carry(sign_in(settings, plan(), CONFIG), stage)
    assert str(caught.value) == (
        "Another process has been signing in to this session for 10 minutes"
    )
    assert 600 <= stage.clock.now().monotonic - before < 601


def test_the_older_form_of_a_profile_has_no_scopes_with_a_device_code(
    carry: Carry, stage: Stage
) -> None:
    legacy = SsoSettings(start_url=START_URL, region="us-east-1")
    token = carry(sign_in(legacy, plan(WayIn.DEVICE_CODE), CONFIG), stage)
    assert token.refresh_token is None
    assert "scopes" not in document(stage, legacy, "registration")
