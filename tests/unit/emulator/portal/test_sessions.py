"""Sessions end by Logout, by an administrator, or by time; an administrator may act during requests."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from ssooidc_core import HttpResponse
from ssooidc_emulator import IdentityCenter
from ssooidc_transports.testing import VirtualClock

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import Register

CREDENTIALS: Final = "/federation/credentials?role_name=ReadOnly&account_id=123456789012"

Portal = Callable[..., HttpResponse]


@pytest.fixture
def signed_in(
    center: IdentityCenter,
    register: Register,
    sign_in: Callable[..., dict[str, Any]],
) -> tuple[dict[str, str], dict[str, Any]]:
    """Return a client, and the tokens of a login with it."""
    client = register(center)
    return client, sign_in(center, client)


def test_logout_ends_this_session_only(
    center: IdentityCenter,
    portal: Portal,
    signed_in: tuple[dict[str, str], dict[str, Any]],
    sign_in: Callable[..., dict[str, Any]],
    refresh: Callable[..., HttpResponse],
) -> None:
    client, tokens = signed_in
    other = sign_in(center, client)["accessToken"]
    newer = json.loads(refresh(center, client, tokens["refreshToken"]).body)["accessToken"]
    answer = portal(center, newer, "/logout", method="POST")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Length"] == "0"
    for token in (newer, tokens["accessToken"]):
        assert portal(center, token, CREDENTIALS).status == 401
        assert portal(center, token, "/logout", method="POST").status == 401
    refused = refresh(center, client, tokens["refreshToken"])
    assert json.loads(refused.body)["error"] == "invalid_grant"
    assert portal(center, other, CREDENTIALS).status == 200


def test_an_administrator_ends_a_session(
    center: IdentityCenter,
    clock: VirtualClock,
    portal: Portal,
    signed_in: tuple[dict[str, str], dict[str, Any]],
    refresh: Callable[..., HttpResponse],
) -> None:
    client, tokens = signed_in
    (session,) = center.sessions(clock.now())
    assert (session.user, session.client_name) == ("user", "tool")
    assert session.began_at == clock.now().wall
    assert session.expires_at == clock.now().wall + timedelta(hours=8)
    center.end_session(session.session_id)
    assert center.sessions(clock.now()) == ()
    assert portal(center, tokens["accessToken"], CREDENTIALS).status == 401
    assert refresh(center, client, tokens["refreshToken"]).status == 400
    with pytest.raises(ValueError, match="There is no active session with this id"):
        center.end_session(session.session_id)


def test_no_session_to_end(center: IdentityCenter) -> None:
    with pytest.raises(ValueError, match="There is no active session with this id"):
        center.end_session("CANARY")


def test_sessions_end_in_time(
    center: IdentityCenter,
    clock: VirtualClock,
    signed_in: tuple[dict[str, str], dict[str, Any]],
    sign_in: Callable[..., dict[str, Any]],
) -> None:
    client, _ = signed_in
    clock.advance(60)
    sign_in(center, client)
    first, second = center.sessions(clock.now())
    assert second.began_at - first.began_at == timedelta(seconds=60)
    clock.advance(8 * 3600 - 60)
    assert center.sessions(clock.now()) == (second,)
    clock.advance(60)
    assert center.sessions(clock.now()) == ()


def test_what_an_administrator_sees_holds_no_token(
    center: IdentityCenter,
    clock: VirtualClock,
    signed_in: tuple[dict[str, str], dict[str, Any]],
) -> None:
    client, tokens = signed_in
    seen = repr(center.sessions(clock.now()))
    for secret in (client["clientSecret"], tokens["accessToken"], tokens["refreshToken"]):
        assert secret not in seen


def test_no_bearer_in_the_log_or_in_an_answer(
    center: IdentityCenter,
    portal: Portal,
    signed_in: tuple[dict[str, str], dict[str, Any]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(0)
    token = signed_in[1]["accessToken"]
    paths = [CREDENTIALS, "/assignment/accounts", "/assignment/roles?account_id=1", "/elsewhere"]
    answers = [portal(center, bearer, path) for path in paths for bearer in (token, "aoaCANARY:x")]
    answers.append(portal(center, token, "/logout", method="POST"))
    issued = json.loads(answers[0].body)["roleCredentials"]
    log = repr(center.log.entries()) + caplog.text
    for secret in (token, "CANARY", issued["secretAccessKey"], issued["sessionToken"]):
        assert secret not in log
    assert issued["accessKeyId"] not in log
    for answer in answers:
        sent = answer.body.decode() + repr(answer.headers.fields)
        assert token not in sent
        assert "CANARY" not in sent


def test_an_administrator_works_while_others_ask(
    center: IdentityCenter,
    portal: Portal,
    signed_in: tuple[dict[str, str], dict[str, Any]],
) -> None:
    token = signed_in[1]["accessToken"]
    directory = center.directory
    done = threading.Event()
    statuses: set[int] = set()

    def ask() -> None:
        while not done.is_set():
            for path in ("/assignment/accounts", CREDENTIALS):
                statuses.add(portal(center, token, path).status)

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for thread in asking:
        thread.start()
    try:
        for number in range(300):
            account_id = f"{number:012}"
            directory.add_account(account_id)
            directory.assign("user", account_id=account_id, role_name="ReadOnly")
            directory.unassign("user", account_id="123456789012", role_name="ReadOnly")
            directory.assign("user", account_id="123456789012", role_name="ReadOnly")
    finally:
        done.set()
        for thread in asking:
            thread.join()
    assert statuses <= {200, 403}
    assert 200 in statuses
    assert len(directory.accounts_of("user")) == 301
