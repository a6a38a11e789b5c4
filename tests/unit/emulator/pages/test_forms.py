"""The forms of the device page: their origin, their tokens, and the matching cookie."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import pytest

from ssooidc_core import HttpResponse
from ssooidc_emulator import IdentityCenter, seeded_entropy

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import Browser, Register

OWN: Final = ("Origin", "http://127.0.0.1:8080")
WRONG: Final = "BBBB-BBBB"


@pytest.mark.parametrize(
    "changes",
    [
        {"token": None},
        {"token": ""},
        {"token": "0" * 64},
        {"token": "%C3%A9"},
        {"token": "%ED%A0%80"},
        {"user_code": None},
        {"user_code": ""},
        {"user_code": WRONG},
    ],
    ids=repr,
)
def test_a_form_without_its_token(
    changes: dict[str, str | None],
    browser: Browser,
    login: dict[str, Any],
    status_of: Callable[[], str],
) -> None:
    browser.open(login["userCode"])
    assert browser.post("approve", OWN, **changes).status == 403
    assert status_of() == "authorization_pending"
    assert browser.post("approve").status == 200


def test_a_token_of_another_browser(
    browser: Browser,
    login: dict[str, Any],
    center: IdentityCenter,
    status_of: Callable[[], str],
) -> None:
    attacker = browser.another(center)
    attacker.open(login["userCode"])
    browser.open(login["userCode"])
    assert attacker.cookie != browser.cookie
    assert attacker.form["token"] != browser.form["token"]
    assert browser.post("approve", OWN, token=attacker.form["token"]).status == 403
    browser.cookie = None
    assert browser.post("approve").status == 403
    browser.cookie = "ssooidc_emulator=short"
    assert browser.post("approve").status == 403
    assert status_of() == "authorization_pending"


def test_a_token_of_another_code(  # noqa: PLR0917 - fixtures
    browser: Browser,
    login: dict[str, Any],
    client: dict[str, str],
    center: IdentityCenter,
    start: Callable[..., dict[str, Any]],
    status_of: Callable[[], str],
) -> None:
    browser.open(start(center, client)["userCode"])
    assert browser.post("approve", OWN, user_code=login["userCode"]).status == 403
    assert status_of() == "authorization_pending"


def test_a_token_of_another_emulator(
    browser: Browser,
    login: dict[str, Any],
    start: Callable[..., dict[str, Any]],
    register: Register,
) -> None:
    other_center = IdentityCenter(entropy=seeded_entropy("other"))
    other = browser.another(other_center)
    other.open(start(other_center, register(other_center))["userCode"])
    browser.cookie = other.cookie
    assert "set-cookie" not in browser.open(login["userCode"]).headers
    assert browser.post("approve", OWN, token=other.form["token"]).status == 403
    assert browser.post("approve").status == 200


@pytest.mark.parametrize(
    ("headers", "accepted"),
    [
        ([OWN], True),
        ([OWN, ("Sec-Fetch-Site", "same-origin")], True),
        ([("Sec-Fetch-Site", "same-origin")], True),
        ([("X-None", "")], False),
        ([("Sec-Fetch-Site", "none")], False),
        ([("Sec-Fetch-Site", "same-site")], False),
        ([("Sec-Fetch-Site", "cross-site")], False),
        ([OWN, ("Sec-Fetch-Site", "cross-site")], False),
        ([OWN, ("Sec-Fetch-Site", "same-site")], False),
        ([("Origin", "null")], False),
        ([("Origin", "null"), ("Sec-Fetch-Site", "same-origin")], False),
        ([("Origin", "")], False),
        ([("Origin", "http://127.0.0.1")], False),
        ([("Origin", "http://127.0.0.1:8081")], False),
        ([("Origin", "https://127.0.0.1:8080")], False),
        ([("Origin", "http://localhost:8080")], False),
        ([("Origin", "http://127.0.0.1:8080.evil.com")], False),
        ([("Origin", "http://evil.com"), ("Sec-Fetch-Site", "same-origin")], False),
        ([("Origin", "http://127.0.0.1:8080/")], False),
    ],
    ids=repr,
)
def test_where_a_form_comes_from(
    headers: list[tuple[str, str]],
    accepted: bool,  # noqa: FBT001
    browser: Browser,
    login: dict[str, Any],
    status_of: Callable[[], str],
) -> None:
    browser.open(login["userCode"])
    assert browser.post("approve", *headers).status == (200 if accepted else 403)
    assert status_of() == ("approved" if accepted else "authorization_pending")


@pytest.mark.parametrize(
    "body",
    [
        b"{form}&decision=approve&decision=approve",
        b"{form}&decision=approve&decision=deny",
        b"{form}&{form}&decision=approve",
        b"{form}&decision=approve&" + b"&".join(b"a%d=1" % number for number in range(20)),
        b"",
        b"&&&&",
        b"\xff\xfe\x00",
        b"a" * 100_000,
        b'{"user_code": "a", "decision": "approve"}',
    ],
    ids=lambda body: repr(body[:40]),
)
def test_odd_forms_change_nothing(
    body: bytes, browser: Browser, login: dict[str, Any], status_of: Callable[[], str]
) -> None:
    browser.open(login["userCode"])
    form = "&".join(f"{name}={value}" for name, value in browser.form.items()).encode()
    assert browser.send(body.replace(b"{form}", form), OWN).status in {400, 403}
    assert status_of() == "authorization_pending"


def test_the_cookie(browser: Browser, login: dict[str, Any]) -> None:
    answer = browser.open(login["userCode"])
    assert re.fullmatch(
        "ssooidc_emulator=[A-Za-z0-9_-]{22}; Path=/; HttpOnly; SameSite=Strict",
        answer.headers["set-cookie"],
    )
    assert "set-cookie" not in browser.open(login["userCode"]).headers


def test_the_cookie_is_secure_where_the_page_is(
    ask: Callable[..., HttpResponse], center: IdentityCenter, login: dict[str, Any]
) -> None:
    path = f"/device?user_code={login['userCode']}"
    assert re.fullmatch(
        "__Host-ssooidc_emulator=[A-Za-z0-9_-]{22}; Path=/; HttpOnly; SameSite=Strict; Secure",
        ask(center, path, method="GET").headers["set-cookie"],
    )


def test_the_cookie_of_an_emulator_without_tls_is_another(
    ask: Callable[..., HttpResponse], center: IdentityCenter, login: dict[str, Any]
) -> None:
    """RFC 6265 section 8.5: any program on this machine could have set it, on any port."""
    path = f"/device?user_code={login['userCode']}"
    value = "a" * 22
    for name, is_new in (("ssooidc_emulator", True), ("__Host-ssooidc_emulator", False)):
        answer = ask(center, path, method="GET", headers=(("Cookie", f"{name}={value}"),))
        assert ("set-cookie" in answer.headers) is is_new


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        ";;;",
        "ssooidc_emulator",
        "ssooidc_emulator=",
        "ssooidc_emulator=a\x00b",
        "a=b; c",
        "é=ü",
    ],
)
def test_odd_cookies(cookie: str, browser: Browser, login: dict[str, Any]) -> None:
    browser.cookie = cookie
    assert "set-cookie" in browser.open(login["userCode"]).headers
    assert browser.post("approve").status == 200


def test_a_cookie_among_others(browser: Browser, login: dict[str, Any]) -> None:
    browser.open(login["userCode"])
    browser.cookie = f"a=b; {browser.cookie}; c=d"
    assert browser.post("approve").status == 200
