"""The dashboard: what it shows, what it never shows, and that it changes nothing."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest

from ssooidc_core import HttpResponse
from ssooidc_emulator import IdentityCenter, faults
from ssooidc_transports.testing import VirtualClock

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import Register

BASE: Final = "http://127.0.0.1:8080"
BANNER: Final = "This is an <strong>emulator</strong> on your own machine"


@pytest.fixture
def look(ask: Callable[..., HttpResponse], center: IdentityCenter) -> Callable[..., HttpResponse]:
    def call(path: str = "/", *headers: tuple[str, str], method: str = "GET") -> HttpResponse:
        return ask(center, path, method=method, base=BASE, headers=headers)

    return call


class Client(NamedTuple):
    """A client whose methods each send one request to the center."""

    register: Register
    start: Callable[..., dict[str, Any]]
    poll: Callable[..., HttpResponse]
    sign_in: Callable[..., dict[str, Any]]


@pytest.fixture
def client(
    register: Register,
    start: Callable[..., dict[str, Any]],
    poll: Callable[..., HttpResponse],
    sign_in: Callable[..., dict[str, Any]],
) -> Client:
    return Client(register, start, poll, sign_in)


def rows(answer: HttpResponse, title: str) -> list[list[str]]:
    """Return the cells of the table with a title."""
    text = answer.body.decode()
    section = text.partition(f">{title} <small")[2].partition("</section>")[0]
    body = section.partition("<tbody>")[2]
    return [
        [html.unescape(cell) for cell in re.findall(r"<td>(.*?)</td>", row)]
        for row in re.findall(r"<tr.*?</tr>", body)
    ]


def test_with_nothing_to_show(look: Callable[..., HttpResponse]) -> None:
    answer = look()
    assert answer.status == 200
    text = answer.body.decode()
    assert text.count('<p class="quiet">None.</p>') == 4
    assert "<table" not in text
    assert BANNER in text
    assert "Start URL: https://d-1234567890.awsapps.com/start. Region: us-east-1." in text
    assert "Current time of the emulator: 2026-01-01 00:00:00 UTC." in text


def test_what_it_shows(
    look: Callable[..., HttpResponse],
    center: IdentityCenter,
    clock: VirtualClock,
    client: Client,
) -> None:
    client.sign_in(center, client.register(center, clientName="first"))
    clock.advance(90)
    client.start(center, client.register(center, clientName="second", scopes=[]))
    clock.advance(150)
    answer = look()
    assert rows(answer, "Pending sign-ins") == [
        ["second", "access to your AWS accounts", "2 min ago", "in 7 min"]
    ]
    assert rows(answer, "Sessions") == [["user", "first", "4 min ago", "in 7 h"]]
    assert rows(answer, "Registered applications") == [
        [
            "second",
            "access to your AWS accounts",
            "device_code, refresh_token",
            "2 min ago",
            "in 89 d",
        ],
        ["first", "sso:account:access", "device_code, refresh_token", "4 min ago", "in 89 d"],
    ]
    assert rows(answer, "Requests")[-2:] == [
        ["2", "00:00:00", "POST /device_authorization", "StartDeviceAuthorization", "200"],
        ["1", "00:00:00", "POST /client/register", "RegisterClient", "200"],
    ]


def test_no_token_and_no_code_is_on_it(
    look: Callable[..., HttpResponse],
    center: IdentityCenter,
    ask: Callable[..., HttpResponse],
    client: Client,
) -> None:
    who = client.register(center)
    token = client.sign_in(center, who)
    login = client.start(center, who)
    client.poll(center, who, login)
    # A code and a bearer token in the wrong members.
    look(f"/device?user_code={login['userCode']}")
    look(f"/{login['userCode']}")
    look(f"/?user_code={login['userCode']}")
    look("/assignment/accounts", ("x-amz-sso_bearer_token", "CANARY-bearer"))
    look("/federation/credentials?account_id=CANARY-account&role_name=CANARY")
    ask(center, "/token", {"deviceCode": "CANARY-device"}, headers=(("Cookie", "CANARY-cookie"),))
    secrets = [
        who["clientSecret"],
        token["accessToken"],
        token["refreshToken"],
        login["deviceCode"],
        login["userCode"],
        login["userCode"].replace("-", ""),
        "CANARY",
    ]
    page = look().body.decode() + html.unescape(look("/?refresh=off").body.decode())
    assert len(rows(look(), "Requests")) > 8
    assert not [secret for secret in secrets if secret in page]
    assert not re.search(r"[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", page)
    # The page cannot be used to decide: it has no form, and the code has to be typed.
    assert "<form" not in page
    assert '<a href="/device">Enter a code</a>' in page


def test_what_clients_are_called_is_text(
    look: Callable[..., HttpResponse],
    center: IdentityCenter,
    client: Client,
) -> None:
    names = ("<script>alert(1)</script>\x1b[31m\u202e", "n" * 100_000)
    for name in names:
        scopes = ["'><img/src='x'/onerror=alert(1)>"]
        client.start(center, client.register(center, clientName=name, scopes=scopes))
    text = look().body.decode()
    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert len(text) < 10_000


def test_the_newest_fifty_of_many(
    look: Callable[..., HttpResponse],
    center: IdentityCenter,
    client: Client,
) -> None:
    for number in range(60):
        client.register(center, clientName=f"tool-{number}")
    answer = look()
    shown = rows(answer, "Registered applications")
    assert [row[0] for row in shown] == [f"tool-{number}" for number in range(59, 9, -1)]
    assert "the newest 50 of 60</small>" in answer.body.decode()


def test_what_went_wrong_stands_out(
    look: Callable[..., HttpResponse],
    center: IdentityCenter,
    ask: Callable[..., HttpResponse],
    client: Client,
) -> None:
    who = client.register(center)
    login = client.start(center, who)
    assert json.loads(client.poll(center, who, login).body)["error"] == "authorization_pending"
    center.script("CreateToken", faults.slow_down())
    client.poll(center, who, login)
    text = look().body.decode()
    # Waiting for the person is the normal state.
    assert text.count('<tr class="wrong">') == 1
    assert rows(look(), "Requests")[0][-1] == "400 SlowDownException"
    assert rows(look(), "Requests")[1][-1] == "400 AuthorizationPendingException"


def test_it_renews_itself_without_a_script_and_can_be_stopped(
    look: Callable[..., HttpResponse],
) -> None:
    live, still = look().body.decode(), look("/?refresh=off").body.decode()
    assert '<meta http-equiv="refresh" content="5">' in live
    assert '<a href="/?refresh=off">Stop reloading</a>' in live
    assert "http-equiv" not in still
    assert '<a href="/">Start reloading</a>' in still
    assert "<script" not in live + still


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_is_not_logged(
    method: str, look: Callable[..., HttpResponse], center: IdentityCenter
) -> None:
    look("/", method=method)
    look("/?refresh=off", method=method)
    look("/style.css", method=method)
    assert center.log.entries() == ()


def test_nothing_can_be_sent_to_it(look: Callable[..., HttpResponse]) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer = look("/", method=method)
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


def test_no_other_site_embeds_it(look: Callable[..., HttpResponse]) -> None:
    headers = look().headers
    assert headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    assert not [name for name in headers if name.lower().startswith("access-control")]
    for dest in ("image", "iframe", "empty", "script"):
        fetched = look("/", ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Dest", dest))
        assert fetched.status == 403
    opened = look("/", ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Dest", "document"))
    assert opened.status == 200


def test_each_table_has_a_name_and_headings(
    look: Callable[..., HttpResponse],
    center: IdentityCenter,
    client: Client,
) -> None:
    who = client.register(center)
    client.sign_in(center, who)
    client.start(center, who)
    text = look().body.decode()
    assert text.count("<table>") == text.count("<thead>") == 4
    named = set(re.findall(r'aria-labelledby="(\w+)"', text))
    assert named == {"logins", "sessions", "registrations", "requests"}
    assert named == set(re.findall(r'<h2 id="(\w+)"', text))
    assert re.findall(r"<th(?! scope)", text) == ["<th"] * 4  # of `<thead>`
