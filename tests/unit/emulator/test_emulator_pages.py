"""The device page: what it shows, what it takes, and what it never takes or shows."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any, Final

import pytest

from ssooidc_core import HttpResponse
from ssooidc_emulator import IdentityCenter, seeded_entropy
from ssooidc_transports.testing import VirtualClock

BASE: Final = "http://127.0.0.1:8080"
OWN: Final = ("Origin", BASE)
WRONG: Final = "BBBB-BBBB"
CSP: Final = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


class Browser:
    """Keeps the cookie and reads the form, as a browser does."""

    def __init__(self, ask: Callable[..., HttpResponse], center: IdentityCenter) -> None:
        self.ask = ask
        self.center = center
        self.cookie: str | None = None
        self.form: dict[str, str] = {}

    def _cookies(self) -> tuple[tuple[str, str], ...]:
        return () if self.cookie is None else (("Cookie", self.cookie),)

    def get(self, path: str, *headers: tuple[str, str], method: str = "GET") -> HttpResponse:
        answer = self.ask(
            self.center, path, method=method, base=BASE, headers=(*headers, *self._cookies())
        )
        if "set-cookie" in answer.headers:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
        hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', answer.body.decode())
        self.form = {name: html.unescape(value) for name, value in hidden}
        return answer

    def open(self, user_code: str) -> HttpResponse:
        return self.get(f"/device?user_code={user_code}")

    def post(
        self, decision: str | None, *headers: tuple[str, str], **changes: str | None
    ) -> HttpResponse:
        form = {**self.form, "decision": decision, **changes}
        body = "&".join(f"{name}={value}" for name, value in form.items() if value is not None)
        return self.send(body.encode(), *(headers or (OWN,)))

    def send(self, body: bytes, *headers: tuple[str, str]) -> HttpResponse:
        return self.ask(
            self.center, "/device", body, base=BASE, headers=(*headers, *self._cookies())
        )


@pytest.fixture
def browser(ask: Callable[..., HttpResponse], center: IdentityCenter) -> Browser:
    return Browser(ask, center)


@pytest.fixture
def client(center: IdentityCenter, register: Callable[..., dict[str, str]]) -> dict[str, str]:
    return register(center)


@pytest.fixture
def login(
    center: IdentityCenter, client: dict[str, str], start: Callable[..., dict[str, Any]]
) -> dict[str, Any]:
    return start(center, client)


@pytest.fixture
def status_of(
    center: IdentityCenter,
    client: dict[str, str],
    login: dict[str, Any],
    poll: Callable[..., HttpResponse],
) -> Callable[[], str]:
    """Give what a poll says."""

    def ask_once() -> str:
        answer = poll(center, client, login)
        return "approved" if answer.status == 200 else answer.body.decode().split('"')[3]

    return ask_once


def title(answer: HttpResponse) -> str:
    match = re.search(r"<h1>(.*)</h1>", answer.body.decode())
    assert match is not None
    return match[1]


@pytest.mark.parametrize("path", ["/device", "/device?user_code=", "/device?other=1", "/device?"])
def test_the_page_asks_for_the_code(path: str, browser: Browser) -> None:
    answer = browser.get(path)
    assert (answer.status, title(answer)) == (200, "Enter the code")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("decision", ["approve", "deny"])
def test_a_decision(
    decision: str, browser: Browser, login: dict[str, Any], status_of: Callable[[], str]
) -> None:
    answer = browser.open(login["userCode"].lower().replace("-", "+"))
    assert (answer.status, title(answer)) == (200, "Approve the sign-in?")
    text = answer.body.decode()
    assert f'<p class="code">{login["userCode"]}</p>' in text
    assert "<dd>tool</dd>" in text
    assert "<dd>sso:account:access</dd>" in text
    assert status_of() == "authorization_pending"
    done = browser.post(decision)
    assert done.status == 200
    assert title(done) == {"approve": "Approved", "deny": "Denied"}[decision]
    assert status_of() == {"approve": "approved", "deny": "access_denied"}[decision]


def test_without_scopes_it_asks_for_the_accounts(
    center: IdentityCenter,
    browser: Browser,
    register: Callable[..., dict[str, str]],
    start: Callable[..., dict[str, Any]],
) -> None:
    login = start(center, register(center, scopes=[]))
    assert b"access to your AWS accounts" in browser.open(login["userCode"]).body


def test_expired(browser: Browser, login: dict[str, Any], clock: VirtualClock) -> None:
    browser.open(login["userCode"])
    clock.advance(600)
    answers = [browser.post("approve"), browser.open(login["userCode"])]
    assert [(answer.status, title(answer)) for answer in answers] == [(410, "Expired")] * 2


@pytest.mark.parametrize("decision", ["approve", "deny"])
def test_decided_already(
    decision: str, browser: Browser, login: dict[str, Any], status_of: Callable[[], str]
) -> None:
    browser.open(login["userCode"])
    form = browser.form
    browser.post("deny")
    browser.form = form
    answers = [browser.post(decision), browser.open(login["userCode"])]
    assert [(answer.status, title(answer)) for answer in answers] == [(409, "Already decided")] * 2
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
        assert (answer.status, title(answer)) == (404, "Enter the code")
        assert b'role="alert"' in answer.body
        clock.advance(1)
    for code in (WRONG, login["userCode"]):
        answer = browser.open(code)
        assert (answer.status, title(answer)) == (429, "Too many wrong codes")
    seconds = int(answer.headers["retry-after"])
    assert seconds == 50
    clock.advance(seconds)
    assert browser.open(login["userCode"]).status == 200
    assert browser.open(WRONG).status == 404
    assert browser.open(WRONG).status == 429


def test_the_limit_holds_for_forms_and_for_every_browser(
    browser: Browser,
    login: dict[str, Any],
    ask: Callable[..., HttpResponse],
    center: IdentityCenter,
) -> None:
    browser.open(login["userCode"])
    for _ in range(10):
        Browser(ask, center).open(WRONG)
    assert browser.post("approve").status == 429


def test_a_clock_set_back_does_not_lock_the_page(
    browser: Browser, login: dict[str, Any], clock: VirtualClock
) -> None:
    clock.advance(100)
    for _ in range(10):
        browser.open(WRONG)
    clock.set_wall(clock.now().wall.replace(hour=0, minute=0, second=0))
    assert browser.open(login["userCode"]).status == 200


def test_a_page_elsewhere_cannot_use_the_limit_up(browser: Browser, login: dict[str, Any]) -> None:
    for dest in ("image", "iframe", "empty", "script"):
        for site in ("cross-site", "same-site"):
            for _ in range(5):
                answer = browser.get(
                    f"/device?user_code={WRONG}",
                    ("Sec-Fetch-Site", site),
                    ("Sec-Fetch-Dest", dest),
                )
                assert (answer.status, title(answer)) == (403, "Not accepted")
    for _ in range(20):
        assert (
            browser.get(f"/device?user_code={WRONG}", ("Origin", "https://evil.com")).status == 403
        )
    assert browser.open(login["userCode"]).status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin", "none"])
def test_a_link_from_anywhere_opens_the_page(
    site: str, browser: Browser, login: dict[str, Any]
) -> None:
    answer = browser.get(
        f"/device?user_code={login['userCode']}",
        ("Sec-Fetch-Site", site),
        ("Sec-Fetch-Dest", "document"),
    )
    assert title(answer) == "Approve the sign-in?"


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
    ask: Callable[..., HttpResponse],
    center: IdentityCenter,
    status_of: Callable[[], str],
) -> None:
    attacker = Browser(ask, center)
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
    ask: Callable[..., HttpResponse],
    start: Callable[..., dict[str, Any]],
    register: Callable[..., dict[str, str]],
) -> None:
    other_center = IdentityCenter(entropy=seeded_entropy("other"))
    other = Browser(ask, other_center)
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
    assert title(answer) == "Enter the code"
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
    register: Callable[..., dict[str, str]],
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
        assert b"It is not AWS: enter no real password or code here." in answer.body
        # The policy allows none of these; a page that has one is broken.
        assert not re.search(rb"<script|<style|style=| on\w+=|javascript:", answer.body)
    assert answers[-1].headers["content-type"] == "text/css; charset=utf-8"
    assert answers[-2].headers["allow"] == "GET, HEAD, POST"


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
    assert ask(center, path, method="GET").headers["set-cookie"].endswith("; Secure")


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


@pytest.mark.parametrize("path", ["/", "/device", "/style.css"])
def test_head_is_get(path: str, browser: Browser) -> None:
    head, get = browser.get(path, method="HEAD"), browser.get(path)
    assert (head.status, head.headers) == (get.status, get.headers)


@pytest.mark.parametrize("path", ["/client/register", "/device_authorization", "/token"])
@pytest.mark.parametrize(
    "headers",
    [
        [("Origin", "https://evil.com")],
        [("Origin", "null")],
        [("Origin", "http://127.0.0.1:8081")],
        [("Sec-Fetch-Site", "cross-site")],
        [("Sec-Fetch-Site", "same-site")],
        [OWN, ("Sec-Fetch-Site", "cross-site")],
    ],
    ids=repr,
)
def test_a_page_elsewhere_calls_no_operation(
    path: str,
    headers: list[tuple[str, str]],
    center: IdentityCenter,
    ask: Callable[..., HttpResponse],
) -> None:
    body = b'{"clientName":"a","clientType":"public"}'
    answer = ask(center, path, body, base=BASE, headers=tuple(headers))
    assert (answer.status, answer.body) == (403, b"{}")
    assert answer.headers["x-amzn-errortype"].startswith("ForbiddenException:")
    assert len(center._operations.registrations) == 0


@pytest.mark.parametrize(
    "headers",
    [[], [OWN], [("Sec-Fetch-Site", "same-origin")], [("Sec-Fetch-Site", "none")]],
    ids=repr,
)
def test_command_lines_and_our_own_pages_may(
    headers: list[tuple[str, str]], center: IdentityCenter, ask: Callable[..., HttpResponse]
) -> None:
    body = b'{"clientName":"a","clientType":"public"}'
    answer = ask(center, "/client/register", body, base=BASE, headers=tuple(headers))
    assert answer.status == 200
