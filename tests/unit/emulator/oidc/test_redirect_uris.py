"""Which redirect URIs of a login match a registered one, and which never do."""

from __future__ import annotations

import pytest

from ssooidc_emulator._oidc.redirect_uris import fits_registered, is_registrable

CALLBACK = "http://127.0.0.1/oauth/callback"


@pytest.mark.parametrize(
    ("asked", "registered"),
    [
        (CALLBACK, CALLBACK),
        ("http://127.0.0.1:1/oauth/callback", CALLBACK),
        ("http://127.0.0.1:8400/oauth/callback", CALLBACK),
        ("http://127.0.0.1:65535/oauth/callback", CALLBACK),
        ("http://127.0.0.1:8400/oauth/callback", "http://127.0.0.1:8400/oauth/callback"),
        ("http://[::1]:8400/cb?a=b", "http://[::1]/cb?a=b"),
        ("http://127.0.0.1:8400", "http://127.0.0.1"),
        ("https://app.example.com/cb", "https://app.example.com/cb"),
        ("com.example.app:/cb", "com.example.app:/cb"),
    ],
)
def test_fits(asked: str, registered: str) -> None:
    assert fits_registered(asked, registered)


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "http://127.0.0.1",
        "http://127.0.0.1/oauth/callback/",
        "http://127.0.0.1/oauth/Callback",
        "http://127.0.0.1/oauth/callback?",
        "http://127.0.0.1/oauth/callback?next=https://evil.com",
        "http://127.0.0.1/oauth/callback#",
        "http://127.0.0.1/oauth/callback#x",
        "http://127.0.0.1/oauth/../oauth/callback",
        "http://127.0.0.1/oauth%2Fcallback",
        "http://127.0.0.1/oauth/callback\n",
        "http://127.0.0.1/oauth/callback\r\nSet-Cookie: a=b",
        " http://127.0.0.1/oauth/callback",
        "http://127.0.0.1:/oauth/callback",
        "http://127.0.0.1:0/oauth/callback",
        "http://127.0.0.1:65536/oauth/callback",
        "http://127.0.0.1:123456/oauth/callback",
        "http://127.0.0.1:-1/oauth/callback",
        "http://127.0.0.1:80 /oauth/callback",
        "http://127.0.0.1:80a/oauth/callback",
        "http://127.0.0.1:٨٠/oauth/callback",
        "http://127.0.0.1:80:81/oauth/callback",
        "http://127.0.0.1:80@evil.com/oauth/callback",
        "http://127.0.0.1:80.evil.com/oauth/callback",
        "http://127.0.0.1@evil.com/oauth/callback",
        "http://evil.com@127.0.0.1/oauth/callback",
        "http://127.0.0.1.evil.com/oauth/callback",
        "http://127.0.0.1\\.evil.com/oauth/callback",
        "http://127.0.0.2/oauth/callback",
        "http://127.1/oauth/callback",
        "http://2130706433/oauth/callback",
        "http://0x7f.0.0.1/oauth/callback",
        "http://0127.0.0.1/oauth/callback",
        "http://[::ffff:127.0.0.1]/oauth/callback",
        "http://[::1]/oauth/callback",
        "http://localhost/oauth/callback",
        "http://localhost:8400/oauth/callback",
        "https://127.0.0.1/oauth/callback",
        "https://127.0.0.1:8400/oauth/callback",
        "HTTP://127.0.0.1/oauth/callback",
        "//127.0.0.1/oauth/callback",
        "/oauth/callback",
        "javascript:alert(1)//127.0.0.1/oauth/callback",
        "https://evil.com/oauth/callback",
    ],
)
def test_does_not_fit(asked: str) -> None:
    assert not fits_registered(asked, CALLBACK)
    assert not (asked != CALLBACK and is_registrable(asked) and fits_registered(CALLBACK, asked))


@pytest.mark.parametrize(
    ("asked", "registered"),
    [
        ("http://127.0.0.1:8401/oauth/callback", "http://127.0.0.1:8400/oauth/callback"),
        (CALLBACK, "http://127.0.0.1:8400/oauth/callback"),
        ("https://app.example.com:8400/cb", "https://app.example.com/cb"),
        ("http://app.example.com:8400/cb", "http://app.example.com/cb"),
        ("https://app.example.com/cb/x", "https://app.example.com/cb"),
        ("http://localhost:8400/cb", "http://localhost/cb"),
        ("http://127.0.0.1:8400/cbx", "http://127.0.0.1/cb."),
        # A registered URI that would end a header matches nothing.
        ("https://app.example.com/\r\nA: b", "https://app.example.com/\r\nA: b"),
        ("https://app.example.com/#a", "https://app.example.com/#a"),
        ("https://app.example.com/é", "https://app.example.com/é"),
    ],
)
def test_only_the_port_of_a_loopback_one_without_may_differ(asked: str, registered: str) -> None:
    assert not fits_registered(asked, registered)
