"""Browser logins without a person: `center.authorize`, and automatic approval."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import pytest

from ssooidc_core import HttpResponse
from ssooidc_emulator import Directory, IdentityCenter
from ssooidc_transports.testing import VirtualClock

BASE: Final = "http://127.0.0.1:8080"
CALLBACK: Final = re.escape("http://127.0.0.1:8400/oauth/callback")
CODE: Final = r"[A-Za-z0-9_-]{43}"


def test_deciding_without_a_page(
    center: IdentityCenter, authorize_path: Callable[..., str], clock: VirtualClock
) -> None:
    url = BASE + authorize_path(center)
    for user in ("user", None):
        callback = center.authorize(url, clock.now(), user=user)
        assert re.fullmatch(rf"{CALLBACK}\?code={CODE}&state=s", callback)
    assert center.authorize(url, clock.now(), deny=True) == (
        "http://127.0.0.1:8400/oauth/callback?error=access_denied"
        "&error_description=The%20sign-in%20was%20denied&state=s"
    )
    with pytest.raises(ValueError, match="This user may not sign in to this application"):
        center.authorize(url, clock.now(), user="nobody")


def test_deciding_on_a_wrong_request(
    center: IdentityCenter, authorize_path: Callable[..., str], clock: VirtualClock
) -> None:
    wrong = authorize_path(center).replace("code_challenge=", "challenge=")
    for deny in (True, False):
        callback = center.authorize(BASE + wrong, clock.now(), deny=deny)
        assert re.fullmatch(rf"{CALLBACK}\?error=invalid_request&.*&state=s", callback)


def test_deciding_where_there_is_nobody(
    authorize_path: Callable[..., str], ask: Callable[..., HttpResponse], clock: VirtualClock
) -> None:
    center = IdentityCenter(directory=Directory())
    path = authorize_path(center)
    with pytest.raises(ValueError, match="No user may sign in to this application"):
        center.authorize(BASE + path, clock.now())
    answer = ask(center, path, method="GET", base=BASE)
    assert answer.status == 403
    assert b"<h1>No user</h1>" in answer.body


def test_a_browser_that_a_script_drives(
    authorize_path: Callable[..., str], ask: Callable[..., HttpResponse]
) -> None:
    directory = Directory.example()
    directory.add_user("robot")
    center = IdentityCenter(directory=directory, auto_approve="robot")
    path = authorize_path(center)
    answer = ask(center, path, method="GET", base=BASE)
    assert (answer.status, answer.body) == (303, b"")
    assert re.fullmatch(rf"{CALLBACK}\?code={CODE}&state=s", answer.headers["location"])
    assert "set-cookie" not in answer.headers
    (code,) = center._operations.codes._codes.values()
    assert code.user == "robot"
    wrong = ask(center, f"{path}&redirect_uri=https%3A%2F%2Fevil.com", method="GET", base=BASE)
    assert (wrong.status, "location" in wrong.headers) == (400, False)


def test_who_is_signed_in_at_once_must_exist() -> None:
    with pytest.raises(ValueError, match="No user 'robot'"):
        IdentityCenter(auto_approve="robot")
