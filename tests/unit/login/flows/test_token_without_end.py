"""A refresh whose answer does not say how long the token is valid: `expiresIn` is absent, null or 0."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from ssooidc_core import ClientConfig, HttpResponse, ResponseParseError
from ssooidc_core._cache_files import TokenFile
from ssooidc_login import WayIn
from ssooidc_login._flows.documents import token_key
from ssooidc_login._flows.login import sign_in
from ssooidc_login._flows.token import RefreshMemory, current_token
from ssooidc_login._login_plan import LoginPlan

if TYPE_CHECKING:
    from ssooidc_core.sso_settings import SsoSettings
    from ssooidc_emulator.faults import Call
    from tests.unit.login.conftest import Carry, Stage

CONFIG: Final = ClientConfig(region="us-east-1")
PLAN: Final = LoginPlan(
    way=WayIn.BROWSER, start_url="https://d-1234567890.awsapps.com/start", client_name="tool"
)
HOUR: Final = 3600
TEXT: Final = "CreateToken returned a token without expiresIn (status 200), so it cannot be kept"


@dataclass(frozen=True)
class WithoutEnd:
    """Carries out the call, and changes `expiresIn` of the answer."""

    change: Callable[[dict[str, object]], object]

    def apply(self, call: Call, /) -> HttpResponse:
        answer = call.process()
        members = json.loads(answer.body)
        _ = self.change(members)
        return HttpResponse(answer.status, answer.headers, json.dumps(members).encode())


@pytest.fixture(params=["absent", "null", "zero"])
def fault(request: pytest.FixtureRequest) -> WithoutEnd:
    changes: dict[str, Callable[[dict[str, object]], object]] = {
        "absent": lambda members: members.pop("expiresIn"),
        "null": lambda members: members.update(expiresIn=None),
        "zero": lambda members: members.update(expiresIn=0),
    }
    return WithoutEnd(changes[request.param])


@pytest.fixture
def rotating(staged: Callable[..., Stage]) -> Stage:
    return staged(refresh_mode="rotating-strict")


def signed_in(carry: Carry, stage: Stage, settings: SsoSettings) -> TokenFile:
    return carry(sign_in(settings, PLAN, CONFIG), stage)


def stored(stage: Stage, settings: SsoSettings) -> TokenFile:
    found = stage.store.load(token_key(settings))
    assert found is not None
    return TokenFile.from_text(found.get_secret_value())


def test_the_old_token_is_kept_while_it_is_good(
    carry: Carry,
    rotating: Stage,
    settings: SsoSettings,
    fault: WithoutEnd,
    caplog: pytest.LogCaptureFixture,
) -> None:
    old = signed_in(carry, rotating, settings)
    rotating.clock.advance(HOUR - 300)
    rotating.center.script("CreateToken", fault, times=None)
    memory = RefreshMemory()
    for _ in range(4):
        found = carry(current_token(settings, memory), rotating)
        assert (found.access_token, found.expires_at) == (old.access_token, old.expires_at)
    # One for the login, one for the four calls.
    assert rotating.asked().count("CreateToken") == 2
    assert caplog.messages == [
        "A refresh returned a token without expiresIn; the old token is still valid"
    ]
    # The old refresh token is spent: the new one is kept.
    assert stored(rotating, settings).refresh_token not in {None, old.refresh_token}
    rotating.center.clear_script()
    rotating.clock.advance(300)
    assert carry(current_token(settings, memory), rotating).access_token != old.access_token


def test_when_the_old_token_has_ended_the_error_says_what_happened(
    carry: Carry, rotating: Stage, settings: SsoSettings, fault: WithoutEnd
) -> None:
    old = signed_in(carry, rotating, settings)
    rotating.clock.advance(HOUR)
    rotating.center.script("CreateToken", fault)
    with pytest.raises(ResponseParseError) as caught:
        _ = carry(current_token(settings, RefreshMemory()), rotating)
    assert str(caught.value) == TEXT
    assert stored(rotating, settings).expires_at == old.expires_at
    assert carry(current_token(settings, RefreshMemory()), rotating) != old


def test_whoever_insists_is_told_while_the_old_token_is_good(
    carry: Carry, rotating: Stage, settings: SsoSettings, fault: WithoutEnd
) -> None:
    old = signed_in(carry, rotating, settings)
    rotating.center.script("CreateToken", fault)
    with pytest.raises(ResponseParseError) as caught:
        _ = carry(current_token(settings, RefreshMemory(), force=True), rotating)
    assert str(caught.value) == TEXT
    assert carry(current_token(settings, RefreshMemory()), rotating).access_token == (
        old.access_token
    )
    assert carry(current_token(settings, RefreshMemory(), force=True), rotating) != old
