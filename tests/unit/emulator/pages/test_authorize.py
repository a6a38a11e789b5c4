"""`/authorize`: which requests are accepted, and where the browser is redirected with which parameters."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, quote, urlencode

import pytest

from ssooidc_core import HttpRequest, HttpResponse
from ssooidc_emulator import IdentityCenter
from ssooidc_transports.testing import VirtualClock

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import Register

BASE: Final = "http://127.0.0.1:8080"
CALLBACK: Final = "http://127.0.0.1:8400/oauth/callback"
STATE: Final = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"
# RFC 7636 appendix B
CHALLENGE: Final = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
CODE: Final = r"[A-Za-z0-9_-]{43}"
SCOPES: Final = ["sso:account:access", "codewhisperer:completions"]

Ask = Callable[..., HttpResponse]


@pytest.fixture
def client(center: IdentityCenter, register: Register) -> str:
    """Register as the AWS CLI does, and return the client's id."""
    return register_for_codes(center, register)


def register_for_codes(center: IdentityCenter, register: Register, **more: object) -> str:
    usual: dict[str, object] = {
        "grantTypes": ["authorization_code", "refresh_token"],
        "redirectUris": ["http://127.0.0.1/oauth/callback"],
        "issuerUrl": center.start_url,
        "scopes": SCOPES,
    }
    return register(center, **(usual | more))["clientId"]


def query_of(client: str, **changes: str | None) -> str:
    """Return the query as the AWS CLI builds it, with some parameters changed or removed."""
    usual: dict[str, str | None] = {
        "response_type": "code",
        "client_id": client,
        "redirect_uri": CALLBACK,
        "state": STATE,
        "code_challenge_method": "S256",
        "scopes": "sso:account:access",
        "code_challenge": CHALLENGE,
    }
    fields = {name: value for name, value in (usual | changes).items() if value is not None}
    return urlencode(fields, quote_via=quote, safe="")


def answered(url: str) -> dict[str, str]:
    """Return the parameters of a callback URL."""
    where, _, query = url.partition("?")
    assert where == CALLBACK
    fields = parse_qs(query, keep_blank_values=True, strict_parsing=True)
    assert all(len(values) == 1 for values in fields.values())
    return {name: values[0] for name, values in fields.items()}


def title(answer: HttpResponse) -> str:
    match = re.search(r"<h1>(.*)</h1>", answer.body.decode())
    assert match is not None
    return match[1]


def details(answer: HttpResponse) -> dict[str, str]:
    pairs = re.findall("<dt>(.*?)</dt><dd>(.*?)</dd>", answer.body.decode())
    return {name: html.unescape(value) for name, value in pairs}


def test_the_consent_page(center: IdentityCenter, client: str, ask: Ask) -> None:
    answer = ask(center, f"/authorize?{query_of(client)}", method="GET", base=BASE)
    assert (answer.status, title(answer)) == (200, "Allow access?")
    assert "location" not in answer.headers
    assert details(answer) == {
        "Application": "tool",
        "Requested access": ", ".join(SCOPES),
        "You will be redirected to": CALLBACK,
        "You sign in as": "user",
    }
    assert b"<select" not in answer.body


@pytest.mark.parametrize(
    "named",
    [
        {"scopes": "sso:account:access"},
        {"scopes": " ".join(SCOPES)},
        {"scopes": ",".join(SCOPES)},
        {"scopes": ", ".join(SCOPES)},
        {"scopes": None, "scope": " ".join(SCOPES)},
        {"scopes": None, "scope": SCOPES[1]},
        {"scopes": SCOPES[0], "scope": SCOPES[1]},
        {"scopes": f"{SCOPES[0]} {SCOPES[0]}"},
        {"scopes": None},
        {"scopes": ""},
        {"scopes": ","},
    ],
    ids=repr,
)
def test_the_ways_to_name_scopes(
    named: dict[str, str | None], center: IdentityCenter, client: str, ask: Ask
) -> None:
    # The token has all scopes of the registration, whatever the request named.
    answer = ask(center, f"/authorize?{query_of(client, **named)}", method="GET", base=BASE)
    assert details(answer)["Requested access"] == ", ".join(SCOPES)


@pytest.mark.parametrize(
    ("changes", "error", "description"),
    [
        ({"response_type": None}, "invalid_request", "response_type is missing"),
        ({"response_type": ""}, "invalid_request", "response_type is missing"),
        (
            {"response_type": "token"},
            "unsupported_response_type",
            "Only the response type code is supported",
        ),
        (
            {"response_type": "code id_token"},
            "unsupported_response_type",
            "Only the response type code is supported",
        ),
        ({"code_challenge": None}, "invalid_request", "code challenge required"),
        ({"code_challenge": ""}, "invalid_request", "code challenge required"),
        (
            {"code_challenge": None, "code_challenge_method": None},
            "invalid_request",
            "code challenge required",
        ),
        (
            {"code_challenge_method": "plain"},
            "invalid_request",
            "transform algorithm not supported, use S256",
        ),
        (
            {"code_challenge_method": None},
            "invalid_request",
            "transform algorithm not supported, use S256",
        ),
        (
            {"code_challenge_method": "s256"},
            "invalid_request",
            "transform algorithm not supported, use S256",
        ),
        *(
            (
                {"code_challenge": wrong},
                "invalid_request",
                "code_challenge is not a SHA-256 digest",
            )
            for wrong in (CHALLENGE + "=", CHALLENGE[:-1], CHALLENGE[:-1] + "+", CHALLENGE + "\n")
        ),
        (
            {"scopes": "sso:account:access admin"},
            "invalid_scope",
            "A scope is not one that the client was registered with",
        ),
        (
            {"scope": "<script>"},
            "invalid_scope",
            "A scope is not one that the client was registered with",
        ),
    ],
    ids=repr,
)
def test_what_is_wrong_is_told_to_the_client(  # noqa: PLR0917 - fixtures
    changes: dict[str, str | None],
    error: str,
    description: str,
    center: IdentityCenter,
    client: str,
    ask: Ask,
) -> None:
    answer = ask(center, f"/authorize?{query_of(client, **changes)}", method="GET", base=BASE)
    assert (answer.status, answer.body) == (303, b"")
    location = answer.headers["location"]
    assert answered(location) == {"error": error, "error_description": description, "state": STATE}
    without = ask(
        center, f"/authorize?{query_of(client, **changes, state=None)}", method="GET", base=BASE
    )
    assert answered(without.headers["location"]) == {
        "error": error,
        "error_description": description,
    }


def test_the_bytes_of_an_error(center: IdentityCenter, client: str, ask: Ask) -> None:
    query = query_of(client, response_type="token", state="a b&c=d%")
    answer = ask(center, f"/authorize?{query}", method="GET", base=BASE)
    assert answer.headers.fields == (
        ("Date", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Length", "0"),
        ("Connection", "keep-alive"),
        (
            "Content-Security-Policy",
            (
                "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
                "frame-ancestors 'none'"
            ),
        ),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "same-origin"),
        ("Cache-Control", "no-store"),
        (
            "Location",
            (
                f"{CALLBACK}?error=unsupported_response_type"
                "&error_description=Only%20the%20response%20type%20code%20is%20supported"
                "&state=a%20b%26c%3Dd%25"
            ),
        ),
    )


@pytest.mark.parametrize("grant_types", [None, ["refresh_token"]], ids=repr)
def test_a_client_for_devices_gets_no_code(
    grant_types: list[str] | None, center: IdentityCenter, register: Register, ask: Ask
) -> None:
    client = register_for_codes(center, register, grantTypes=grant_types)
    answer = ask(center, f"/authorize?{query_of(client)}", method="GET", base=BASE)
    assert answered(answer.headers["location"]) == {
        "error": "unauthorized_client",
        "error_description": "Client is not registered for authorization codes",
        "state": STATE,
    }


@pytest.mark.parametrize(
    "name", ["response_type", "code_challenge", "code_challenge_method", "scopes", "other"]
)
def test_a_parameter_that_comes_twice(
    name: str, center: IdentityCenter, client: str, ask: Ask
) -> None:
    twice = f"{query_of(client)}&{name}=code&{name}=code"
    answer = ask(center, f"/authorize?{twice}", method="GET", base=BASE)
    assert answered(answer.headers["location"]) == {
        "error": "invalid_request",
        "error_description": "A parameter is included more than once",
        "state": STATE,
    }


def test_a_state_that_comes_twice_is_none(center: IdentityCenter, client: str, ask: Ask) -> None:
    answer = ask(center, f"/authorize?{query_of(client)}&state={STATE}", method="GET", base=BASE)
    assert answered(answer.headers["location"]) == {
        "error": "invalid_request",
        "error_description": "A parameter is included more than once",
    }


def test_unknown_and_empty_parameters_are_ignored(
    center: IdentityCenter, client: str, ask: Ask
) -> None:
    query = f"{query_of(client, state='')}&nonce=1&prompt="
    answer = ask(center, f"/authorize?{query}", method="GET", base=BASE)
    assert title(answer) == "Allow access?"


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": None},
        {"client_id": ""},
        {"client_id": "unknown"},
        {"redirect_uri": None},
        {"redirect_uri": ""},
        {"redirect_uri": "https://evil.com/oauth/callback"},
        {"redirect_uri": "http://localhost:8400/oauth/callback"},
        {"redirect_uri": "http://127.0.0.1:8400/oauth/callback/../x"},
        {"redirect_uri": CALLBACK + "\r\nSet-Cookie: a=b"},
        # The other problems must not redirect the browser either.
        {"redirect_uri": "https://evil.com/", "response_type": "token"},
        {"redirect_uri": "https://evil.com/", "code_challenge": None},
        {"redirect_uri": "//evil.com/", "scopes": "none"},
    ],
    ids=repr,
)
def test_a_bad_client_or_redirect_uri_is_shown_and_never_followed(
    changes: dict[str, str | None],
    center: IdentityCenter,
    client: str,
    ask: Ask,
    clock: VirtualClock,
) -> None:
    query = query_of(client, **changes)
    answer = ask(center, f"/authorize?{query}", method="GET", base=BASE)
    assert (answer.status, title(answer)) == (400, "Invalid callback URL")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert not {"location", "set-cookie", "refresh"} & {name.lower() for name in answer.headers}
    assert b"<a " not in answer.body
    assert b"evil" not in answer.body
    with pytest.raises(ValueError, match="Invalid callback URL") as caught:
        center.authorize(f"{BASE}/authorize?{query}", clock.now())
    assert "evil" not in str(caught.value)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "&&&",
        "%",
        "client_id",
        "a" * 100_000,
        "&".join(f"a{number}=1" for number in range(100)),
        "{query}&redirect_uri=https%3A%2F%2Fevil.com",
        "{query}&client_id=x",
        "{query}&" + "&".join(f"a{number}=1" for number in range(100)),
        "{query}&a=" + "b" * 10_000,
        "{query}&a=é",
        "{query}&a=\x7f",
    ],
    ids=lambda query: query[:40],
)
def test_odd_queries_lead_nowhere(
    query: str, center: IdentityCenter, client: str, ask: Ask
) -> None:
    odd = query.replace("{query}", query_of(client))
    answer = ask(center, f"/authorize?{odd}", method="GET", base=BASE)
    assert (answer.status, title(answer)) == (400, "Invalid callback URL")
    assert "location" not in answer.headers


def test_an_expired_registration_is_none(
    center: IdentityCenter, client: str, ask: Ask, clock: VirtualClock
) -> None:
    clock.advance(90 * 24 * 3600)
    answer = ask(center, f"/authorize?{query_of(client)}", method="GET", base=BASE)
    assert title(answer) == "Invalid callback URL"


@pytest.mark.parametrize(
    "state",
    [
        "a",
        "a b+c",
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "a\r\nSet-Cookie: b=c",
        "&code=stolen&error=x#fragment",
        "%00%25",
        "é ü 💥",
        "\x00\x7f",
        "{{7*7}}",
    ],
    ids=ascii,
)
def test_state_comes_back_as_it_was_and_as_nothing_else(
    state: str, center: IdentityCenter, client: str, ask: Ask, clock: VirtualClock
) -> None:
    url = f"{BASE}/authorize?{query_of(client, state=state)}"
    allowed = center.authorize(url, clock.now())
    assert re.fullmatch(CODE, answered(allowed)["code"])
    assert set(answered(allowed)) == {"code", "state"}
    denied = center.authorize(url, clock.now(), deny=True)
    assert set(answered(denied)) == {"error", "error_description", "state"}
    for callback in (allowed, denied):
        assert answered(callback)["state"] == state
        assert re.fullmatch(r"[\x21-\x7e]+", callback)
        assert not set("<>\"'#{ ") & set(callback)
    page = ask(center, url.removeprefix(BASE), method="GET", base=BASE).body
    assert b"<script" not in page
    assert b"<img" not in page
    assert b"49" not in page.split(b'name="request"')[0]


def test_the_bytes_of_a_state_in_any_encoding(
    center: IdentityCenter, client: str, clock: VirtualClock
) -> None:
    query = query_of(client, state=None) + "&state=%FF%C3%28"
    callback = center.authorize(f"{BASE}/authorize?{query}", clock.now())
    assert callback.endswith("&state=%FF%C3%28")


def test_what_the_log_says(center: IdentityCenter, client: str, clock: VirtualClock) -> None:
    url = f"{BASE}/authorize?{query_of(client, state='CANARY')}"
    center.handle(HttpRequest("GET", url, (), b""), clock.now())
    entry = center.log.entries()[-1]
    assert (entry.path, entry.operation, entry.status) == ("/authorize", "AuthorizePage", 200)
    assert "CANARY" not in repr(entry)
