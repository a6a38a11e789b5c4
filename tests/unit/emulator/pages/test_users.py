"""The device page if several users can sign in, or none."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import pytest

from ssooidc_core import HttpResponse
from ssooidc_emulator import Directory, IdentityCenter

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import Register

BASE: Final = "http://127.0.0.1:8080"
NAMES: Final = ["jane", "joe", "<b>'\"&"]


@pytest.fixture
def center() -> IdentityCenter:
    directory = Directory()
    for name in NAMES:
        directory.add_user(name)
    return IdentityCenter(directory=directory)


@pytest.fixture
def decide(ask: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Open the page of a login, check its choices, and send the form."""

    def call(
        center: IdentityCenter, login: dict[str, Any], offered: list[str], **fields: str
    ) -> HttpResponse:
        shown = ask(center, f"/device?user_code={login['userCode']}", method="GET", base=BASE)
        text = shown.body.decode()
        options = re.findall('<option value="(.*?)">', text)
        assert [html.unescape(option) for option in options] == offered
        form = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', text))
        cookie = shown.headers["set-cookie"].partition(";")[0]
        body = urlencode(form | fields).encode()
        headers = (("Origin", BASE), ("Cookie", cookie))
        return ask(center, "/device", body, base=BASE, headers=headers)

    return call


def users_of(center: IdentityCenter) -> list[str]:
    return [session.user for session in center._operations.sessions._sessions.values()]


@pytest.mark.parametrize("name", NAMES)
def test_the_chosen_one_signs_in(  # noqa: PLR0917 - fixtures
    name: str,
    center: IdentityCenter,
    register: Register,
    start: Callable[..., dict[str, Any]],
    poll: Callable[..., HttpResponse],
    decide: Callable[..., HttpResponse],
) -> None:
    client = register(center)
    login = start(center, client)
    assert decide(center, login, NAMES, decision="approve", user=name).status == 200
    assert poll(center, client, login).status == 200
    assert users_of(center) == [name]


@pytest.mark.parametrize(
    "fields", [{}, {"user": ""}, {"user": "nobody"}, {"user": "JANE"}], ids=repr
)
def test_nobody_is_chosen(  # noqa: PLR0917 - fixtures
    fields: dict[str, str],
    center: IdentityCenter,
    register: Register,
    start: Callable[..., dict[str, Any]],
    poll: Callable[..., HttpResponse],
    decide: Callable[..., HttpResponse],
) -> None:
    client = register(center)
    login = start(center, client)
    assert decide(center, login, NAMES, decision="approve", **fields).status == 400
    assert b"authorization_pending" in poll(center, client, login).body
    assert decide(center, login, NAMES, decision="deny", **fields).status == 200
    assert b"access_denied" in poll(center, client, login).body


def test_with_one_user_there_is_nothing_to_choose(
    register: Register,
    start: Callable[..., dict[str, Any]],
    poll: Callable[..., HttpResponse],
    decide: Callable[..., HttpResponse],
) -> None:
    center = IdentityCenter()
    client = register(center)
    login = start(center, client)
    assert decide(center, login, [], decision="approve", user="nobody").status == 400
    assert decide(center, login, [], decision="approve").status == 200
    assert poll(center, client, login).status == 200
    assert users_of(center) == ["user"]


def test_with_no_user_nobody_can(
    ask: Callable[..., HttpResponse],
    register: Register,
    start: Callable[..., dict[str, Any]],
) -> None:
    center = IdentityCenter(directory=Directory())
    login = start(center, register(center))
    answer = ask(center, f"/device?user_code={login['userCode']}", method="GET", base=BASE)
    assert answer.status == 403
    assert b"<h1>No user</h1>" in answer.body
