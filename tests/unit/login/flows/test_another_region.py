"""What another region issued: the service does not know it, and says `invalid_request` (protocol record of 2026-11)."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from ssooidc_core import ClientConfig, InvalidRequestException, SecretStr, SessionExpired
from ssooidc_core._cache_files import TokenFile
from ssooidc_core._start_urls import ResolvedStartUrl
from ssooidc_emulator.faults import error
from ssooidc_login import WayIn
from ssooidc_login._flows.documents import token_key
from ssooidc_login._flows.login import sign_in
from ssooidc_login._flows.token import RefreshMemory, current_token
from ssooidc_login._login_plan import LoginPlan
from ssooidc_login._session.facts import SessionFacts
from ssooidc_login._session.programs import SessionPrograms

if TYPE_CHECKING:
    from ssooidc_core.sso_settings import SsoSettings
    from ssooidc_emulator.faults import Fault
    from tests.unit.login.conftest import Carry, Stage

CONFIG: Final = ClientConfig(region="us-east-1")
PLAN: Final = LoginPlan(
    way=WayIn.BROWSER, start_url="https://d-1234567890.awsapps.com/start", client_name="tool"
)


def unknown_here() -> Fault:
    return error("InvalidRequestException", "Invalid token provided")


@pytest.fixture
def old(carry: Carry, stage: Stage, settings: SsoSettings) -> TokenFile:
    """A token that has ended, and that the service does not know."""
    token = carry(sign_in(settings, PLAN, CONFIG), stage)
    stage.clock.advance(3600)
    stage.center.script("CreateToken", unknown_here())
    return token


def test_the_session_has_ended(
    carry: Carry, stage: Stage, settings: SsoSettings, old: TokenFile
) -> None:
    del old
    with pytest.raises(SessionExpired) as caught:
        _ = carry(current_token(settings, RefreshMemory()), stage)
    assert str(caught.value) == (
        "The refresh token is refused: the session has ended, or the login was in another region"
    )
    assert isinstance(caught.value.__cause__, InvalidRequestException)


def test_a_login_where_needed_asks_the_person(
    carry: Carry, stage: Stage, settings: SsoSettings, old: TokenFile
) -> None:
    del old
    programs = SessionPrograms(SessionFacts(settings=settings, config=CONFIG))
    found = carry(programs.before_login(only_if_needed=True), stage)
    assert isinstance(found, ResolvedStartUrl)


def test_a_login_of_another_tool_meanwhile_is_found(
    carry: Carry, stage: Stage, settings: SsoSettings, old: TokenFile
) -> None:
    theirs = dataclasses.replace(
        old, access_token=SecretStr("theirs"), expires_at=old.expires_at + timedelta(hours=1)
    )
    answer = stage.center.handle

    def handle(*arguments: object) -> object:
        stage.store.save(token_key(settings), SecretStr(theirs.to_text_with_secrets()))
        return answer(*arguments)  # type: ignore[arg-type]

    stage.center.handle = handle  # type: ignore[method-assign,assignment]
    assert carry(current_token(settings, RefreshMemory()), stage) == theirs


def test_a_registration_of_another_region_is_replaced_before_the_browser_opens(
    carry: Carry, stage: Stage, settings: SsoSettings, old: TokenFile
) -> None:
    token = carry(sign_in(settings, PLAN, CONFIG), stage)
    assert token.client_id != old.client_id
    assert stage.asked().count("RegisterClient") == 2
    assert (
        "The service no longer knows this client's registration; registering again."
        in stage.person.shown
    )
