"""Device logins from start to end, and the sessions that they become."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from ssooidc_core import HttpResponse
from ssooidc_emulator import IdentityCenter, RefreshMode
from ssooidc_transports.testing import VirtualClock

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import ErrorOf, Register

INVALID_REFRESH_TOKEN: Final = (
    b'{"error":"invalid_grant","error_description":"Invalid refresh token provided"}'
)


def test_pending_approved_spent(
    center: IdentityCenter,
    register: Register,
    start: Callable[..., dict[str, Any]],
    poll: Callable[..., HttpResponse],
    error_of: ErrorOf,
) -> None:
    client = register(center)
    login = start(center, client)
    assert error_of(poll(center, client, login)).text == "authorization_pending"
    assert error_of(poll(center, client, login)).text == "authorization_pending"
    center.approve(login["userCode"])
    assert poll(center, client, login).status == 200
    for _ in range(2):
        assert error_of(poll(center, client, login)).text == "invalid_grant"


def test_denied(
    center: IdentityCenter,
    register: Register,
    start: Callable[..., dict[str, Any]],
    poll: Callable[..., HttpResponse],
    error_of: ErrorOf,
) -> None:
    client = register(center)
    login = start(center, client)
    center.deny(login["userCode"])
    for _ in range(2):
        answer = poll(center, client, login)
        assert (answer.status, error_of(answer).text) == (400, "access_denied")
        assert answer.headers["x-amzn-ErrorType"].startswith("AccessDeniedException:")


@pytest.mark.parametrize("decision", ["none", "approve", "deny", "spent"])
def test_expired_whatever_was_decided(  # noqa: PLR0917 - fixtures
    decision: str,
    center: IdentityCenter,
    register: Register,
    start: Callable[..., dict[str, Any]],
    poll: Callable[..., HttpResponse],
    clock: VirtualClock,
    error_of: ErrorOf,
) -> None:
    client = register(center)
    login = start(center, client)
    if decision != "none":
        (center.deny if decision == "deny" else center.approve)(login["userCode"])
    if decision == "spent":
        poll(center, client, login)
    clock.advance(600)
    answer = poll(center, client, login)
    assert (answer.status, error_of(answer).text) == (400, "expired_token")
    clock.advance(599)
    assert error_of(poll(center, client, login)).text == "expired_token"
    clock.advance(1)
    assert error_of(poll(center, client, login)).text == "invalid_grant"


def test_good_until_the_last_moment(
    center: IdentityCenter,
    register: Register,
    start: Callable[..., dict[str, Any]],
    poll: Callable[..., HttpResponse],
    clock: VirtualClock,
) -> None:
    client = register(center)
    login = start(center, client)
    clock.advance(599.5)
    center.approve(login["userCode"])
    assert poll(center, client, login).status == 200


def test_another_clients_code_looks_like_none(
    center: IdentityCenter,
    register: Register,
    start: Callable[..., dict[str, Any]],
    poll: Callable[..., HttpResponse],
) -> None:
    client, thief = register(center), register(center)
    login = start(center, client)
    center.approve(login["userCode"])
    stolen = poll(center, thief, login)
    unknown = poll(center, thief, {"deviceCode": "x" * 86})
    assert (stolen.status, stolen.body) == (unknown.status, unknown.body)
    assert poll(center, client, login).status == 200


@pytest.mark.parametrize(
    "typed",
    [str.lower, lambda code: code.replace("-", ""), lambda code: f" {code[:4]} – {code[4:]}. "],
    ids=["lower", "bare", "adorned"],
)
def test_a_code_is_known_however_it_is_typed(
    typed: Callable[[str], str],
    center: IdentityCenter,
    register: Register,
    start: Callable[..., dict[str, Any]],
    poll: Callable[..., HttpResponse],
) -> None:
    client = register(center)
    login = start(center, client)
    center.approve(typed(login["userCode"]))
    assert poll(center, client, login).status == 200


@pytest.mark.parametrize(
    "code", ["", "BCDF-GHJ", "BCDF-GHJKL", "AEIO-UAEI", "B" * 10_000, "\ud800"]
)
def test_no_login_waits_under_a_wrong_code(code: str, center: IdentityCenter) -> None:
    for decide in (center.approve, center.deny):
        with pytest.raises(
            ValueError, match="There is no pending device login with this user code"
        ) as caught:
            decide(code)
        assert not code or code not in str(caught.value)


def test_a_decision_is_taken_once(
    center: IdentityCenter,
    register: Register,
    start: Callable[..., dict[str, Any]],
    clock: VirtualClock,
    poll: Callable[..., HttpResponse],
) -> None:
    client = register(center)
    login = start(center, client)
    center.deny(login["userCode"])
    for decide in (center.approve, center.deny):
        with pytest.raises(ValueError, match="no pending device login with this user code"):
            decide(login["userCode"])
    late = start(center, client)
    clock.advance(600)
    poll(center, client, late)
    with pytest.raises(ValueError, match="no pending device login with this user code"):
        center.approve(late["userCode"])


def test_who_waits_for_a_decision(
    center: IdentityCenter,
    register: Register,
    start: Callable[..., dict[str, Any]],
    clock: VirtualClock,
) -> None:
    client = register(center, clientName="first")
    logins = [start(center, client) for _ in range(4)]
    center.approve(logins[1]["userCode"])
    center.deny(logins[2]["userCode"])
    waiting = center.pending_logins(clock.now())
    assert [each.user_code for each in waiting] == [logins[0]["userCode"], logins[3]["userCode"]]
    assert waiting[0].client_name == "first"
    assert waiting[0].scopes == ("sso:account:access",)
    assert waiting[0].started_at == clock.now().wall
    assert (waiting[0].expires_at - waiting[0].started_at).total_seconds() == 600
    clock.advance(600)
    assert center.pending_logins(clock.now()) == ()


def test_polls_may_come_as_fast_as_they_like_by_default(
    center: IdentityCenter,
    register: Register,
    start: Callable[..., dict[str, Any]],
    poll: Callable[..., HttpResponse],
    error_of: ErrorOf,
) -> None:
    client = register(center)
    login = start(center, client)
    assert {error_of(poll(center, client, login)).text for _ in range(50)} == {
        "authorization_pending"
    }


def test_an_enforced_interval_grows_by_five_each_time(
    register: Register,
    start: Callable[..., dict[str, Any]],
    poll: Callable[..., HttpResponse],
    clock: VirtualClock,
    error_of: ErrorOf,
) -> None:
    center = IdentityCenter(interval=2, enforce_interval=True)
    client = register(center)
    login = start(center, client)
    assert login["interval"] == 2
    told = []
    for wait in (0, 2, 1, 2, 11.9, 12, 16.9, 17):
        clock.advance(wait)
        told.append(error_of(poll(center, client, login)).text)
    pending, slow = "authorization_pending", "slow_down"
    assert told == [pending, pending, slow, slow, slow, slow, slow, slow]
    clock.advance(32)
    assert error_of(poll(center, client, login)).text == pending
    center.approve(login["userCode"])
    assert error_of(poll(center, client, login)).text == slow
    clock.advance(37)
    assert poll(center, client, login).status == 200


def test_an_enforced_interval_begins_anew_where_a_clock_is_set_back(
    register: Register,
    start: Callable[..., dict[str, Any]],
    poll: Callable[..., HttpResponse],
    clock: VirtualClock,
    error_of: ErrorOf,
) -> None:
    center = IdentityCenter(interval=2, enforce_interval=True)
    client = register(center)
    login = start(center, client)
    told = []
    for seconds in (300, 10, 12, 13):
        clock.set_wall(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))
        told.append(error_of(poll(center, client, login)).text)
    pending, slow = "authorization_pending", "slow_down"
    assert told == [pending, pending, pending, slow]


def test_a_stable_refresh_token_lasts_as_long_as_the_session(
    center: IdentityCenter,
    register: Register,
    sign_in: Callable[..., dict[str, Any]],
    refresh: Callable[..., HttpResponse],
    clock: VirtualClock,
) -> None:
    client = register(center)
    first = sign_in(center, client)
    seen = {first["accessToken"]}
    for _ in range(7):
        clock.advance(3600)
        answer = json.loads(refresh(center, client, first["refreshToken"]).body)
        assert answer["refreshToken"] == first["refreshToken"]
        assert answer["expiresIn"] == 3600
        seen.add(answer["accessToken"])
    assert len(seen) == 8
    clock.advance(3600)
    assert refresh(center, client, first["refreshToken"]).body == INVALID_REFRESH_TOKEN


def test_a_rotated_refresh_token_works_for_a_minute(
    register: Register,
    sign_in: Callable[..., dict[str, Any]],
    refresh: Callable[..., HttpResponse],
    clock: VirtualClock,
) -> None:
    center = IdentityCenter(refresh_mode="rotating")
    client = register(center)
    old = sign_in(center, client)["refreshToken"]
    new = json.loads(refresh(center, client, old).body)["refreshToken"]
    clock.advance(59)
    other = json.loads(refresh(center, client, old).body)["refreshToken"]
    assert len({old, new, other}) == 3
    clock.advance(1)
    assert refresh(center, client, old).body == INVALID_REFRESH_TOKEN
    assert refresh(center, client, new).status == 200
    assert refresh(center, client, other).status == 200


def test_a_strict_reuse_ends_the_session(
    register: Register,
    sign_in: Callable[..., dict[str, Any]],
    refresh: Callable[..., HttpResponse],
) -> None:
    center = IdentityCenter(refresh_mode="rotating-strict")
    client = register(center)
    bystander = sign_in(center, client)["refreshToken"]
    old = sign_in(center, client)["refreshToken"]
    new = json.loads(refresh(center, client, old).body)["refreshToken"]
    newer = json.loads(refresh(center, client, new).body)["refreshToken"]
    assert refresh(center, client, old).body == INVALID_REFRESH_TOKEN
    assert refresh(center, client, newer).body == INVALID_REFRESH_TOKEN
    assert refresh(center, client, bystander).status == 200


@pytest.mark.parametrize("mode", ["stable", "rotating", "rotating-strict"])
def test_another_client_cannot_refresh_and_does_no_harm(
    mode: RefreshMode,
    register: Register,
    sign_in: Callable[..., dict[str, Any]],
    refresh: Callable[..., HttpResponse],
) -> None:
    center = IdentityCenter(refresh_mode=mode)
    client, thief = register(center), register(center)
    token = sign_in(center, client)["refreshToken"]
    assert refresh(center, thief, token).body == INVALID_REFRESH_TOKEN
    assert refresh(center, client, token).status == 200


def test_an_access_token_does_not_refresh(
    center: IdentityCenter,
    register: Register,
    sign_in: Callable[..., dict[str, Any]],
    refresh: Callable[..., HttpResponse],
) -> None:
    client = register(center)
    token = sign_in(center, client)
    assert refresh(center, client, token["accessToken"]).body == INVALID_REFRESH_TOKEN


def test_the_lifetimes_can_be_set(
    register: Register,
    start: Callable[..., dict[str, Any]],
    sign_in: Callable[..., dict[str, Any]],
) -> None:
    center = IdentityCenter(
        access_token_lifetime=7, session_lifetime=11, device_code_lifetime=13, interval=3
    )
    client = register(center)
    login = start(center, client)
    assert (login["expiresIn"], login["interval"]) == (13, 3)
    assert sign_in(center, client)["expiresIn"] == 7
    assert sign_in(center, register(center, scopes=[]))["expiresIn"] == 11


def test_nothing_is_kept_for_ever(  # noqa: PLR0917 - fixtures
    center: IdentityCenter,
    register: Register,
    start: Callable[..., dict[str, Any]],
    sign_in: Callable[..., dict[str, Any]],
    ask: Callable[..., HttpResponse],
    clock: VirtualClock,
) -> None:
    clients = [register(center) for _ in range(250)]
    for client in clients:
        start(center, client)
        sign_in(center, client)
    operations = center._operations
    logins, sessions = operations.logins, operations.sessions
    assert len(operations.registrations) == len(sessions) == len(sessions._refresh_tokens) == 250
    assert len(logins) == len(logins._by_user_code) == 500
    clock.advance(90 * 24 * 3600)
    # A hundred of each kind go with a request.
    for _ in range(5):
        ask(center, "/nothing")
    assert len(operations.registrations) == len(sessions) == len(sessions._refresh_tokens) == 0
    assert len(logins) == len(logins._by_user_code) == 0


def test_a_clock_that_goes_back_breaks_nothing(  # noqa: PLR0917 - fixtures
    center: IdentityCenter,
    register: Register,
    start: Callable[..., dict[str, Any]],
    poll: Callable[..., HttpResponse],
    clock: VirtualClock,
    error_of: ErrorOf,
) -> None:
    client = register(center)
    login = start(center, client)
    now = clock.now().wall
    clock.set_wall(now.replace(year=2020))
    assert error_of(poll(center, client, login)).text == "authorization_pending"
    clock.set_wall(now)
    center.approve(login["userCode"])
    assert poll(center, client, login).status == 200
