"""Sessions of both kinds of login: lifetimes, refreshes, and what the reuse of a refresh token ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest

from ssooidc_core import HttpResponse
from ssooidc_emulator import IdentityCenter, RefreshMode
from ssooidc_transports.testing import VirtualClock

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import Register

CALLBACK: Final = "http://127.0.0.1:8400/oauth/callback"
# RFC 7636 appendix B
VERIFIER: Final = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE: Final = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

Kind = str
SignIn = Callable[..., tuple[dict[str, str], dict[str, Any]]]


@pytest.fixture(params=["device", "code"])
def log_in(
    request: pytest.FixtureRequest,
    register: Register,
    sign_in: Callable[..., dict[str, Any]],
    ask: Callable[..., HttpResponse],
    clock: VirtualClock,
) -> SignIn:
    """Register and sign in, with a device code or an authorization code; return client and token."""
    kind: Kind = request.param

    def by_device(
        center: IdentityCenter, *, refreshable: bool = True, **more: object
    ) -> tuple[dict[str, str], dict[str, Any]]:
        client = register(center, **more)
        del refreshable
        return client, sign_in(center, client)

    def by_code(
        center: IdentityCenter, *, refreshable: bool = True, **more: object
    ) -> tuple[dict[str, str], dict[str, Any]]:
        grants = ["authorization_code"] + (["refresh_token"] if refreshable else [])
        uris = ["http://127.0.0.1/oauth/callback"]
        client = register(center, grantTypes=grants, redirectUris=uris, **more)
        query = {
            "response_type": "code",
            "client_id": client["clientId"],
            "redirect_uri": CALLBACK,
            "code_challenge_method": "S256",
            "code_challenge": CHALLENGE,
        }
        url = f"https://x/authorize?{urlencode(query, quote_via=quote, safe='')}"
        code = parse_qs(urlsplit(center.authorize(url, clock.now())).query)["code"][0]
        grant = {
            "grantType": "authorization_code",
            "code": code,
            "redirectUri": CALLBACK,
            "codeVerifier": VERIFIER,
        }
        answer = ask(center, "/token", client | grant)
        assert answer.status == 200, answer.body
        members: dict[str, Any] = json.loads(answer.body)
        return client, members

    return by_device if kind == "device" else by_code


def is_alive(center: IdentityCenter, token: dict[str, Any], clock: VirtualClock) -> bool:
    sessions = center._operations.sessions
    return sessions.find(token["accessToken"], clock.now().wall.timestamp()) is not None


def test_with_a_scope_an_hour_and_a_refresh_token(
    center: IdentityCenter, log_in: SignIn, clock: VirtualClock
) -> None:
    _, token = log_in(center)
    assert token["expiresIn"] == 3600
    assert token["refreshToken"].startswith("aor")
    clock.advance(3599)
    assert is_alive(center, token, clock)
    clock.advance(1)
    assert not is_alive(center, token, clock)
    assert len(center.sessions(clock.now())) == 1


@pytest.mark.parametrize("scopes", [None, []], ids=repr)
def test_without_a_scope_eight_hours_and_none(
    scopes: list[str] | None, center: IdentityCenter, log_in: SignIn, clock: VirtualClock
) -> None:
    _, token = log_in(center, scopes=scopes)
    assert (token["expiresIn"], token["refreshToken"]) == (28800, None)
    clock.advance(28799)
    assert is_alive(center, token, clock)
    clock.advance(1)
    assert not is_alive(center, token, clock)
    assert center.sessions(clock.now()) == ()


def test_a_client_for_codes_that_cannot_refresh(center: IdentityCenter, log_in: SignIn) -> None:
    client, token = log_in(center, refreshable=False)
    grants = center._operations.registrations._clients.get(client["clientId"])
    assert grants is not None
    assert (token["refreshToken"] is not None) == ("refresh_token" in grants.grant_types)


def test_no_token_outlives_its_session_and_says_so(
    center: IdentityCenter,
    log_in: SignIn,
    refresh: Callable[..., HttpResponse],
    clock: VirtualClock,
) -> None:
    client, token = log_in(center)
    for at, expires_in in ((25_200, 3600), (25_201, 3599), (28_000.5, 799), (28_799.5, 1)):
        clock.advance(at - seconds_since_start(clock))
        last = json.loads(refresh(center, client, token["refreshToken"]).body)
        assert last["expiresIn"] == expires_in
        assert is_alive(center, last, clock)
    clock.advance(0.5)
    assert not is_alive(center, last, clock)
    assert refresh(center, client, token["refreshToken"]).status == 400


def seconds_since_start(clock: VirtualClock) -> float:
    return clock.now().wall.timestamp() - 1767225600


@pytest.mark.parametrize("again", ["the first", "the second"])
def test_a_strict_reuse_ends_the_whole_family(
    again: str,
    log_in: SignIn,
    refresh: Callable[..., HttpResponse],
    clock: VirtualClock,
) -> None:
    center = IdentityCenter(refresh_mode="rotating-strict")
    client, first = log_in(center)
    _, bystander = log_in(center)
    second = json.loads(refresh(center, client, first["refreshToken"]).body)
    third = json.loads(refresh(center, client, second["refreshToken"]).body)
    family = [first, second, third]
    assert len({token["accessToken"] for token in family}) == 3
    assert len({token["refreshToken"] for token in family}) == 3
    assert all(is_alive(center, token, clock) for token in family)
    reused = {"the first": first, "the second": second}[again]
    assert refresh(center, client, reused["refreshToken"]).status == 400
    assert not any(is_alive(center, token, clock) for token in family)
    for token in family:
        answer = refresh(center, client, token["refreshToken"])
        assert answer.body == (
            b'{"error":"invalid_grant","error_description":"Invalid refresh token provided"}'
        )
    assert is_alive(center, bystander, clock)
    assert len(center.sessions(clock.now())) == 1


@pytest.mark.parametrize("mode", ["stable", "rotating"])
def test_elsewhere_a_reuse_ends_nothing(
    mode: RefreshMode, log_in: SignIn, refresh: Callable[..., HttpResponse], clock: VirtualClock
) -> None:
    center = IdentityCenter(refresh_mode=mode)
    client, first = log_in(center)
    second = json.loads(refresh(center, client, first["refreshToken"]).body)
    clock.advance(60)
    assert (refresh(center, client, first["refreshToken"]).status == 200) == (mode == "stable")
    assert is_alive(center, first, clock)
    assert is_alive(center, second, clock)
    assert refresh(center, client, second["refreshToken"]).status == 200


def test_a_session_that_is_ended_takes_its_tokens_along(
    center: IdentityCenter,
    log_in: SignIn,
    refresh: Callable[..., HttpResponse],
    clock: VirtualClock,
) -> None:
    client, token = log_in(center)
    (session,) = center.sessions(clock.now())
    assert (session.user, session.client_name) == ("user", "tool")
    assert (session.expires_at - session.began_at).total_seconds() == 28800
    center.end_session(session.session_id)
    assert center.sessions(clock.now()) == ()
    assert not is_alive(center, token, clock)
    assert refresh(center, client, token["refreshToken"]).status == 400
    for wrong in (session.session_id, "none"):
        with pytest.raises(ValueError, match="There is no active session with this id"):
            center.end_session(wrong)
