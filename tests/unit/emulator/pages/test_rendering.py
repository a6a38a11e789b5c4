"""The device page: what it shows, what it accepts, and what it never shows."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import pytest

from ssooidc_emulator import IdentityCenter
from ssooidc_transports.testing import VirtualClock

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import Browser, Register

OWN: Final = ("Origin", "http://127.0.0.1:8080")
WRONG: Final = "BBBB-BBBB"
CSP: Final = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


@pytest.mark.parametrize("path", ["/device", "/device?user_code=", "/device?other=1", "/device?"])
def test_the_page_asks_for_the_code(path: str, browser: Browser) -> None:
    answer = browser.get(path)
    assert (answer.status, browser.title(answer)) == (200, "Enter the code")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("decision", ["approve", "deny"])
def test_a_decision(
    decision: str, browser: Browser, login: dict[str, Any], status_of: Callable[[], str]
) -> None:
    answer = browser.open(login["userCode"].lower().replace("-", "+"))
    assert (answer.status, browser.title(answer)) == (200, "Approve the sign-in?")
    text = answer.body.decode()
    assert f'<p class="code">{login["userCode"]}</p>' in text
    assert "<dd>tool</dd>" in text
    assert "<dd>sso:account:access</dd>" in text
    assert status_of() == "authorization_pending"
    done = browser.post(decision)
    assert done.status == 200
    assert browser.title(done) == {"approve": "Approved", "deny": "Denied"}[decision]
    assert status_of() == {"approve": "approved", "deny": "access_denied"}[decision]


def test_without_scopes_it_asks_for_the_accounts(
    center: IdentityCenter,
    browser: Browser,
    register: Register,
    start: Callable[..., dict[str, Any]],
) -> None:
    login = start(center, register(center, scopes=[]))
    assert b"access to your AWS accounts" in browser.open(login["userCode"]).body


def test_expired(browser: Browser, login: dict[str, Any], clock: VirtualClock) -> None:
    browser.open(login["userCode"])
    clock.advance(600)
    answers = [browser.post("approve"), browser.open(login["userCode"])]
    assert [(answer.status, browser.title(answer)) for answer in answers] == [(410, "Expired")] * 2


@pytest.mark.parametrize("decision", ["approve", "deny"])
def test_decided_already(
    decision: str, browser: Browser, login: dict[str, Any], status_of: Callable[[], str]
) -> None:
    browser.open(login["userCode"])
    form = browser.form
    browser.post("deny")
    browser.form = form
    answers = [browser.post(decision), browser.open(login["userCode"])]
    assert [(answer.status, browser.title(answer)) for answer in answers] == [
        (409, "Already used")
    ] * 2
    assert status_of() == "access_denied"


@pytest.mark.parametrize("decision", [None, "", "APPROVE", "spent", "approved"])
def test_no_such_decision(
    decision: str | None, browser: Browser, login: dict[str, Any], status_of: Callable[[], str]
) -> None:
    browser.open(login["userCode"])
    assert browser.post(decision).status == 400
    assert status_of() == "authorization_pending"


def test_wrong_codes_are_limited(
    browser: Browser, login: dict[str, Any], clock: VirtualClock
) -> None:
    for _ in range(10):
        answer = browser.open(WRONG)
        assert (answer.status, browser.title(answer)) == (404, "Enter the code")
        assert b'role="alert"' in answer.body
        clock.advance(1)
    for code in (WRONG, login["userCode"]):
        answer = browser.open(code)
        assert (answer.status, browser.title(answer)) == (429, "Too many wrong codes")
    seconds = int(answer.headers["retry-after"])
    assert seconds == 50
    clock.advance(seconds)
    assert browser.open(login["userCode"]).status == 200
    assert browser.open(WRONG).status == 404
    assert browser.open(WRONG).status == 429


def test_the_limit_holds_for_forms_and_for_every_browser(
    browser: Browser,
    login: dict[str, Any],
    center: IdentityCenter,
) -> None:
    browser.open(login["userCode"])
    for _ in range(10):
        browser.another(center).open(WRONG)
    assert browser.post("approve").status == 429


def test_a_clock_set_back_does_not_lock_the_page(
    browser: Browser, login: dict[str, Any], clock: VirtualClock
) -> None:
    clock.advance(100)
    for _ in range(10):
        browser.open(WRONG)
    clock.set_wall(clock.now().wall.replace(hour=0, minute=0, second=0))
    assert browser.open(login["userCode"]).status == 200


@pytest.mark.parametrize(
    "query",
    [
        "user_code=A&user_code=B",
        "&".join(f"a{number}=1" for number in range(20)),
        "user_code=%00",
        "user_code=%ED%A0%80",
        "user_code=" + "B" * 100_000,
        "user_code=%0d%0aSet-Cookie:%20a=b",
        "user_code=%",
    ],
    ids=lambda query: query[:30],
)
def test_odd_queries(query: str, browser: Browser) -> None:
    answer = browser.get(f"/device?{query}")
    assert answer.status in {200, 404}
    assert browser.title(answer) == "Enter the code"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "evil",
    [
        "<script>alert(1)</script>",
        '"><img/src=x/onerror=alert(1)>',
        "'onmouseover='alert(1)",
        "{{7*7}}{%raw%}",
        "</dd></main><form/action=https://evil.com>",
        "&lt;b&gt;",
    ],
)
def test_names_and_scopes_are_text(
    evil: str,
    center: IdentityCenter,
    browser: Browser,
    register: Register,
    start: Callable[..., dict[str, Any]],
) -> None:
    scope = evil.replace('"', "'")
    login = start(center, register(center, clientName=evil, scopes=[scope, scope]))
    answer = browser.open(login["userCode"])
    text = answer.body.decode()
    assert answer.status == 200
    details = re.findall("<dd>(.*?)</dd>", text)
    assert [html.unescape(detail) for detail in details] == [evil, f"{scope}, {scope}", "user"]
    assert all(character not in detail for detail in details for character in "<>\"'")
    assert "evil.com" in evil or len(re.findall(r"<(form|img|script)", text)) == 1


@pytest.mark.parametrize("evil", ["<script>", "%3Cscript%3E", "%22%3E%3Cscript%3E", "{{7*7}}"])
def test_what_was_typed_is_not_repeated(evil: str, browser: Browser) -> None:
    answer = browser.open(evil)
    assert answer.status == 404
    assert b"script" not in answer.body
    assert b"49" not in answer.body


def test_the_headers_of_every_page(
    browser: Browser, login: dict[str, Any], clock: VirtualClock
) -> None:
    answers = [
        browser.get("/"),
        browser.open(WRONG),
        browser.open(login["userCode"]),
        browser.post("approve", OWN, token=""),
        browser.post("nothing"),
        browser.post("approve"),
        browser.open(login["userCode"]),
        browser.get("/device", method="PUT"),
        browser.get("/style.css"),
    ]
    assert [answer.status for answer in answers] == [200, 404, 200, 403, 400, 200, 409, 405, 200]
    for answer in answers:
        headers = answer.headers
        assert headers["content-security-policy"] == CSP
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        assert headers["content-length"] == str(len(answer.body))
        assert headers["connection"] == "keep-alive"
        assert headers["date"] == "Thu, 01 Jan 2026 00:00:00 GMT"
        assert "x-amzn-requestid" not in headers
    for answer in answers[:-1]:
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert b"It is not AWS. Do not enter real passwords or codes here." in answer.body
        # The policy blocks all of these; a page that has one does not work.
        assert not re.search(rb"<script|<style|style=| on\w+=|javascript:", answer.body)
    assert answers[-1].headers["content-type"] == "text/css; charset=utf-8"
    assert answers[-2].headers["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize("path", ["/", "/device", "/style.css"])
def test_head_is_get(path: str, browser: Browser) -> None:
    head, get = browser.get(path, method="HEAD"), browser.get(path)
    assert (head.status, head.headers) == (get.status, get.headers)
