"""`/authorize` for applications of the directory: who may sign in, with which scopes, and where the form may lead."""

from __future__ import annotations

import dataclasses
import html
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest

from ssooidc_core import HttpResponse
from ssooidc_emulator import Application, Directory, IdentityCenter, seeded_entropy
from ssooidc_transports.testing import VirtualClock

BASE: Final = "http://127.0.0.1:8080"
STATE: Final = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"
# RFC 7636 appendix B
CHALLENGE: Final = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
CODE: Final = r"[A-Za-z0-9_-]{43}"
SCOPES: Final = ["sso:account:access", "codewhisperer:completions"]

Ask = Callable[..., HttpResponse]


def details(answer: HttpResponse) -> dict[str, str]:
    pairs = re.findall("<dt>(.*?)</dt><dd>(.*?)</dd>", answer.body.decode())
    return {name: html.unescape(value) for name, value in pairs}


APPLICATION: Final = Application(
    arn="arn:aws:sso::123456789012:application/ssoins-1/apl-1",
    grant_types=frozenset({"authorization_code"}),
    scopes=("openid", "aws"),
    redirect_uris=("https://app.example.com/cb?a=b",),
    users=frozenset({"jane"}),
    audiences=frozenset(),
)


@pytest.fixture
def with_application() -> IdentityCenter:
    directory = Directory()
    for name in ("joe", "jane"):
        directory.add_user(name)
    directory.add_application(APPLICATION)
    return IdentityCenter(directory=directory, entropy=seeded_entropy(1))


def application_query(**changes: str | None) -> str:
    usual: dict[str, str | None] = {
        "response_type": "code",
        "client_id": APPLICATION.arn,
        "redirect_uri": APPLICATION.redirect_uris[0],
        "state": STATE,
        "code_challenge_method": "S256",
        "code_challenge": CHALLENGE,
    }
    fields = {name: value for name, value in (usual | changes).items() if value is not None}
    return urlencode(fields, quote_via=quote, safe="")


@pytest.mark.parametrize(
    ("named", "asked"),
    [
        ({"scopes": "sso:account:access"}, SCOPES[:1]),
        ({"scopes": " ".join(SCOPES)}, SCOPES),
        ({"scopes": ",".join(SCOPES)}, SCOPES),
        ({"scopes": ", ".join(SCOPES)}, SCOPES),
        ({"scopes": None, "scope": " ".join(SCOPES)}, SCOPES),
        ({"scopes": None, "scope": SCOPES[1]}, SCOPES[1:]),
        ({"scopes": SCOPES[0], "scope": SCOPES[1]}, SCOPES),
        ({"scopes": f"{SCOPES[0]} {SCOPES[0]}"}, SCOPES[:1]),
        # The scopes that every application has come first.
        ({"scopes": None}, ["openid", "aws", "sts:identity_context", *SCOPES]),
        ({"scopes": ""}, ["openid", "aws", "sts:identity_context", *SCOPES]),
        ({"scopes": ","}, ["openid", "aws", "sts:identity_context", *SCOPES]),
    ],
    ids=repr,
)
def test_an_applications_token_has_the_scopes_that_were_named(
    named: dict[str, str | None], asked: list[str], ask: Ask
) -> None:
    directory = Directory.example()
    directory.add_application(dataclasses.replace(APPLICATION, scopes=tuple(SCOPES), users=None))
    center = IdentityCenter(directory=directory)
    path = f"/authorize?{application_query(**named)}"
    assert details(ask(center, path, method="GET", base=BASE))["Requested access"] == ", ".join(
        asked
    )


def test_an_application_is_for_the_users_assigned_to_it(
    with_application: IdentityCenter, ask: Ask, clock: VirtualClock
) -> None:
    answer = ask(with_application, f"/authorize?{application_query()}", method="GET", base=BASE)
    assert details(answer) == {
        "Application": APPLICATION.arn,
        "Requested access": "openid, aws, sts:identity_context",
        "You will be redirected to": "https://app.example.com/cb?a=b",
        "You sign in as": "jane",
    }
    policy = answer.headers["content-security-policy"]
    assert "form-action 'self' http://127.0.0.1:* https:;" in policy
    url = f"{BASE}/authorize?{application_query()}"
    callback = with_application.authorize(url, clock.now())
    assert re.fullmatch(rf"https://app\.example\.com/cb\?a=b&code={CODE}&state={STATE}", callback)
    with pytest.raises(ValueError, match="This user may not sign in to this application"):
        with_application.authorize(url, clock.now(), user="joe")


def test_an_application_keeps_a_secret_and_needs_no_challenge(
    with_application: IdentityCenter, clock: VirtualClock
) -> None:
    for query in (
        application_query(code_challenge=None, code_challenge_method=None),
        application_query(),
    ):
        callback = with_application.authorize(f"{BASE}/authorize?{query}", clock.now())
        assert "code" in parse_qs(urlsplit(callback).query)
    for query, problem in (
        (application_query(code_challenge=None), "code_challenge is missing"),
        (
            application_query(code_challenge_method="plain"),
            "transform algorithm not supported, use S256",
        ),
    ):
        callback = with_application.authorize(f"{BASE}/authorize?{query}", clock.now())
        assert parse_qs(urlsplit(callback).query)["error_description"] == [problem]


@pytest.mark.parametrize(
    ("redirect_uri", "more"),
    [
        ("https://APP.example.com:8443/cb", ""),
        ("http://127.0.0.1/cb", ""),
        ("http://127.0.0.1:8400/cb", ""),
        ("http://[::1]:8400/cb", " http:"),
        ("com.example.app:/cb", " com.example.app:"),
        ("https://a;script-src*/cb", ""),
        ("https://a,b/cb", ""),
    ],
)
def test_the_form_may_lead_to_the_redirect_uri_and_the_policy_stays_whole(
    redirect_uri: str, more: str, ask: Ask
) -> None:
    directory = Directory.example()
    directory.add_application(
        Application(
            arn=APPLICATION.arn,
            grant_types=frozenset({"authorization_code"}),
            scopes=(),
            redirect_uris=(redirect_uri,),
            users=None,
            audiences=frozenset(),
        )
    )
    center = IdentityCenter(directory=directory)
    query = application_query(redirect_uri=redirect_uri)
    answer = ask(center, f"/authorize?{query}", method="GET", base=BASE)
    assert answer.headers["content-security-policy"] == (
        f"default-src 'none'; style-src 'self'; form-action 'self' http://127.0.0.1:* https:{more}; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
