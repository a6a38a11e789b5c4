"""The consent form: which submissions it accepts, and that no other site can forge one."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, quote, urlencode

import pytest

from ssooidc_core import HttpResponse
from ssooidc_emulator import Directory, IdentityCenter, seeded_entropy
from ssooidc_transports.testing import VirtualClock

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import Browser, Register

BASE: Final = "http://127.0.0.1:8080"
OWN: Final = ("Origin", BASE)
CALLBACK: Final = "http://127.0.0.1:8400/oauth/callback"
CHALLENGE: Final = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.fixture
def browser(browser: Browser) -> Browser:
    """Return a browser that has the consent page open."""
    browser.action = "/authorize"
    return browser


@pytest.fixture
def path(center: IdentityCenter, authorize_path: Callable[..., str]) -> str:
    return authorize_path(center)


@pytest.fixture
def several(register: Register) -> IdentityCenter:
    """Return a center with three users."""
    directory = Directory()
    for name in ("jane", 'o"b<r>ien', "joe"):
        directory.add_user(name)
    return IdentityCenter(directory=directory, entropy=seeded_entropy("several"))


def title(answer: HttpResponse) -> str:
    match = re.search(r"<h1>(.*)</h1>", answer.body.decode())
    assert match is not None
    return match[1]


def codes_of(center: IdentityCenter) -> list[str]:
    """Return the users for whom codes were made."""
    return [code.user for code in center._operations.codes._codes.values()]


def test_allow(browser: Browser, path: str, center: IdentityCenter) -> None:
    assert title(browser.get(path)) == "Allow access?"
    assert codes_of(center) == []
    answer = browser.post("allow")
    assert (answer.status, answer.body) == (303, b"")
    location = answer.headers["location"]
    assert re.fullmatch(re.escape(CALLBACK) + r"\?code=[A-Za-z0-9_-]{43}&state=s", location)
    assert codes_of(center) == ["user"]


def test_deny(browser: Browser, path: str, center: IdentityCenter) -> None:
    browser.get(path)
    answer = browser.post("deny")
    assert answer.status == 303
    assert answer.headers["location"] == (
        f"{CALLBACK}?error=access_denied&error_description=The%20sign-in%20was%20denied&state=s"
    )
    assert codes_of(center) == []


def test_each_consent_is_a_code_of_its_own(
    browser: Browser, path: str, center: IdentityCenter
) -> None:
    browser.get(path)
    locations = {browser.post("allow").headers["location"] for _ in range(3)}
    assert len(locations) == 3


@pytest.mark.parametrize("decision", [None, "", "ALLOW", "approve", "code"])
def test_no_such_decision(
    decision: str | None, browser: Browser, path: str, center: IdentityCenter
) -> None:
    browser.get(path)
    answer = browser.post(decision)
    assert (answer.status, title(answer)) == (400, "Invalid form")
    assert "location" not in answer.headers
    assert codes_of(center) == []


def test_who_signs_in_is_chosen(
    several: IdentityCenter,
    browser: Browser,
    authorize_path: Callable[..., str],
) -> None:
    browser = browser.another(several)
    text = browser.get(authorize_path(several)).body.decode()
    options = re.findall('<option value="(.*?)">(.*?)</option>', text)
    names = ["jane", 'o"b<r>ien', "joe"]
    assert [(html.unescape(one), html.unescape(two)) for one, two in options] == [
        (name, name) for name in names
    ]
    assert "You sign in as" not in text
    for name in reversed(names):
        assert browser.post("allow", user=name).status == 303
    assert codes_of(several) == names[::-1]


@pytest.mark.parametrize("name", [None, "", "nobody", "JANE", "jane "])
def test_who_signs_in_must_be_one_of_them(
    name: str | None,
    several: IdentityCenter,
    browser: Browser,
    authorize_path: Callable[..., str],
) -> None:
    browser = browser.another(several)
    browser.get(authorize_path(several))
    answer = browser.post("allow", user=name)
    assert (answer.status, title(answer)) == (400, "Invalid form")
    assert codes_of(several) == []
    assert browser.post("deny", user=name).status == 303


def test_nobody_signs_in_by_default_once_there_is_a_choice(
    browser: Browser, path: str, center: IdentityCenter
) -> None:
    browser.get(path)
    center.directory.add_user("late")
    assert browser.post("allow").status == 400
    assert codes_of(center) == []


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
        ([("Origin", "null")], False),
        ([("Origin", "http://127.0.0.1:8400")], False),
        ([("Origin", "http://localhost:8080")], False),
        ([("Origin", "http://evil.com"), ("Sec-Fetch-Site", "same-origin")], False),
    ],
    ids=repr,
)
@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_where_a_form_comes_from(  # noqa: PLR0917 - fixtures
    headers: list[tuple[str, str]],
    accepted: bool,  # noqa: FBT001
    decision: str,
    browser: Browser,
    path: str,
    center: IdentityCenter,
) -> None:
    browser.get(path)
    answer = browser.post(decision, *headers)
    assert answer.status == (303 if accepted else 403)
    assert ("location" in answer.headers) == accepted
    assert codes_of(center) == (["user"] if accepted and decision == "allow" else [])


@pytest.mark.parametrize(
    "changes",
    [
        {"token": None},
        {"token": ""},
        {"token": "0" * 64},
        {"token": "é"},
        {"request": None},
        {"request": ""},
        {"request": "response_type=code"},
    ],
    ids=repr,
)
def test_a_form_without_its_token(
    changes: dict[str, str | None], browser: Browser, path: str, center: IdentityCenter
) -> None:
    browser.get(path)
    answer = browser.post("allow", OWN, **changes)
    assert (answer.status, title(answer)) == (403, "Request refused")
    assert codes_of(center) == []
    assert browser.post("allow").status == 303


def test_a_request_that_was_changed_in_the_form(
    browser: Browser, path: str, center: IdentityCenter
) -> None:
    browser.get(path)
    for one, other in (
        (CHALLENGE, "A" * 43),
        ("8400", "8401"),
        ("state=s", "state=t"),
        ("", "&a=b"),
    ):
        changed = browser.form["request"].replace(one, other, 1)
        assert changed != browser.form["request"]
        assert browser.post("allow", request=changed).status == 403
    assert codes_of(center) == []


def test_a_token_of_another_browser_or_emulator(
    browser: Browser,
    path: str,
    center: IdentityCenter,
    several: IdentityCenter,
    authorize_path: Callable[..., str],
) -> None:
    attacker, elsewhere = browser.another(center), browser.another(several)
    attacker.get(path)
    browser.get(path)
    assert browser.post("allow", token=attacker.form["token"]).status == 403
    elsewhere.cookie = browser.cookie
    elsewhere.get(authorize_path(several))
    assert browser.post("allow", token=elsewhere.form["token"]).status == 403
    browser.cookie = None
    assert browser.post("allow").status == 403
    assert codes_of(center) == []


def test_a_token_of_the_device_page(
    browser: Browser,
    path: str,
    center: IdentityCenter,
    register: Register,
    start: Callable[..., dict[str, Any]],
) -> None:
    login = start(center, register(center))
    browser.get(path)
    request = browser.form["request"]
    browser.get(f"/device?user_code={login['userCode']}")
    token = browser.form["token"]
    for asked in (request, login["userCode"]):
        assert browser.post("allow", request=asked, token=token).status == 403


@pytest.mark.parametrize(
    "body",
    [
        b"{form}&decision=allow&decision=deny",
        b"{form}&{form}&decision=allow",
        b"{form}&decision=allow&" + b"&".join(b"a%d=1" % number for number in range(20)),
        b"",
        b"&&&&",
        b"\xff\xfe\x00",
        b"a" * 100_000,
        b'{"request": "a", "decision": "allow"}',
    ],
    ids=lambda body: repr(body[:40]),
)
def test_odd_forms_give_nothing(
    body: bytes, browser: Browser, path: str, center: IdentityCenter
) -> None:
    browser.get(path)
    form = urlencode(browser.form).encode()
    answer = browser.send(body.replace(b"{form}", form), OWN)
    assert answer.status in {400, 403}
    assert "location" not in answer.headers
    assert codes_of(center) == []


def test_the_request_in_the_url_of_a_form_counts_for_nothing(
    browser: Browser, path: str, center: IdentityCenter
) -> None:
    browser.get(path)
    assert browser.send(b"decision=allow", OWN, path=path).status == 403
    form = urlencode(browser.form | {"decision": "allow"}).encode()
    answer = browser.send(form, OWN, path=f"{path}&redirect_uri=https%3A%2F%2Fevil.com")
    assert answer.headers["location"].startswith(f"{CALLBACK}?code=")


def test_a_form_that_is_sent_too_late(
    browser: Browser, path: str, center: IdentityCenter, clock: VirtualClock
) -> None:
    browser.get(path)
    clock.advance(90 * 24 * 3600)
    for decision in ("allow", "deny"):
        answer = browser.post(decision)
        assert (answer.status, title(answer)) == (400, "Invalid callback URL")
        assert "location" not in answer.headers
    assert codes_of(center) == []


@pytest.mark.parametrize(
    "evil",
    [
        "<script>alert(1)</script>",
        '"><img/src=x/onerror=alert(1)>',
        "'onmouseover='alert(1)",
        "{{7*7}}{%raw%}",
        "</dd></main><form/action=https://evil.com>",
    ],
)
def test_names_and_scopes_and_state_are_text(
    evil: str,
    center: IdentityCenter,
    browser: Browser,
    authorize_path: Callable[..., str],
) -> None:
    scope = evil.replace('"', "'")
    path = authorize_path(center, state=evil, clientName=evil, scopes=[scope])
    # Not as a browser would send it: most of it is not encoded.
    raw = path.replace(quote(evil, safe=""), evil.replace("%", "%25"))
    for each in (path, raw):
        text = browser.get(each).body.decode()
        details = [html.unescape(detail) for detail in re.findall("<dd>(.*?)</dd>", text)]
        assert details[:2] == [evil, scope]
        assert len(re.findall(r"<(form|img|script)", text)) == 1
        assert browser.form["request"] == each.partition("?")[2]
        location = browser.post("allow").headers["location"]
        assert parse_qs(location.partition("?")[2])["state"] == [evil]


def test_the_headers(browser: Browser, path: str) -> None:
    shown = browser.get(path)
    answers = [
        shown,
        browser.get("/authorize"),
        browser.get(path, method="PUT"),
        browser.post("allow", token=""),
    ]
    browser.get(path)
    answers += [browser.post("none"), browser.post("deny"), browser.post("allow")]
    assert [answer.status for answer in answers] == [200, 400, 405, 403, 400, 303, 303]
    assert answers[2].headers["allow"] == "GET, HEAD, POST"
    for answer in answers:
        headers = answer.headers
        target = " http://127.0.0.1:* https:" if answer is shown else ""
        assert headers["content-security-policy"] == (
            f"default-src 'none'; style-src 'self'; form-action 'self'{target}; base-uri 'none'; "
            "frame-ancestors 'none'"
        )
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        assert headers["content-length"] == str(len(answer.body))
        assert not re.search(rb"<script|<style|style=| on\w+=|javascript:", answer.body)


def test_the_cookie(browser: Browser, path: str) -> None:
    first = browser.get(path)
    assert re.fullmatch(
        "ssooidc_emulator=[A-Za-z0-9_-]{22}; Path=/; HttpOnly; SameSite=Strict",
        first.headers["set-cookie"],
    )
    assert "set-cookie" not in browser.get(path).headers


def test_head_is_get(browser: Browser, path: str) -> None:
    browser.get(path)
    head, get = browser.get(path, method="HEAD"), browser.get(path)
    assert (head.status, head.headers) == (get.status, get.headers)
