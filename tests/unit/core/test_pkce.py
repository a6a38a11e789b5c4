"""`ssooidc_core._pkce`: verifier, challenge, authorize URL, callback."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from pydantic import SecretStr

from ssooidc_core._pkce import (
    Callback,
    authorize_url,
    code_challenge,
    new_code_verifier,
    new_state,
    parse_callback,
)
from ssooidc_core.errors import ConfigurationError

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"


def test_the_challenge_is_that_of_rfc_7636_appendix_b() -> None:
    verifier = SecretStr("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert code_challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_a_verifier_has_64_unreserved_characters() -> None:
    verifier = new_code_verifier()
    assert re.fullmatch(r"[A-Za-z0-9\-._~]{64}", verifier.get_secret_value())
    assert new_code_verifier() != verifier


def test_each_character_of_a_verifier_is_as_likely() -> None:
    """Every byte once: bytes that would make the first characters more likely are discarded."""
    given: list[bytes] = [bytes(range(96)), bytes(range(96, 192)), bytes(range(192, 256))]

    def entropy(count: int) -> bytes:
        assert count == 96
        return given.pop(0) if given else b"\xff" * count

    first = new_code_verifier(entropy).get_secret_value()
    assert first == ALPHABET[:64]
    fair = [byte for byte in range(256) if byte < 256 - 256 % 66]
    assert set(Counter(ALPHABET[byte % 66] for byte in fair).values()) == {3}


def test_entropy_that_gives_nothing_usable_ends() -> None:
    with pytest.raises(RuntimeError) as caught:
        _ = new_code_verifier(lambda count: b"\xff" * count)
    assert str(caught.value) == "The entropy repeats itself: it must return other bytes each time"


def test_a_state_is_a_random_uuid() -> None:
    state = new_state(lambda count: bytes(range(count)))
    assert state.get_secret_value() == "00010203-0405-4607-8809-0a0b0c0d0e0f"


def test_the_authorize_url_is_that_of_the_aws_cli() -> None:
    url = authorize_url(
        "https://oidc.us-east-1.amazonaws.com",
        client_id="a b+c/d",
        redirect_uri="http://127.0.0.1:8400/oauth/callback",
        state=SecretStr("5f0c7127-2b0c-4f1e-8a70-3c1d2b6f7a90"),
        challenge="E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        scopes=("sso:account:access", "x:y"),
    )
    assert url == (
        "https://oidc.us-east-1.amazonaws.com/authorize?response_type=code&client_id=a%20b%2Bc%2Fd"
        "&redirect_uri=http%3A%2F%2F127.0.0.1%3A8400%2Foauth%2Fcallback"
        "&state=5f0c7127-2b0c-4f1e-8a70-3c1d2b6f7a90&code_challenge_method=S256"
        "&scopes=sso%3Aaccount%3Aaccess%20x%3Ay"
        "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )


def test_a_callback_is_taken_apart() -> None:
    found = parse_callback("http://127.0.0.1:1/oauth/callback?code=c%20d&state=s&iss=https://i&x=1")
    assert found == Callback(
        path="/oauth/callback", code=SecretStr("c d"), state=SecretStr("s"), iss="https://i"
    )
    assert "c d" not in repr(found)
    refused = parse_callback("/oauth/callback?error=access_denied&error_description=No%0A&state=s")
    assert (refused.error, refused.error_description) == ("access_denied", "No\n")
    assert refused.code is None


@pytest.mark.parametrize("query", ["code=a&code=b", "code=", "", "code", "CODE=a", "#code=a"])
def test_a_code_that_is_repeated_empty_or_elsewhere_is_none(query: str) -> None:
    assert parse_callback(f"/oauth/callback?{query}").code is None


@pytest.mark.parametrize(
    "url",
    [
        "http://[/oauth/callback?code=canary",
        "/oauth/callback?code=" + "c" * 8192,
        "/oauth/callback?" + "&".join(f"{n}=canary" for n in range(51)),
    ],
)
def test_what_is_no_callback_is_not_quoted(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _ = parse_callback(url)
    assert str(caught.value) == "This is not the address that the browser was sent back to"
    assert caught.value.__context__ is None
