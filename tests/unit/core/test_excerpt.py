"""`ssooidc_core._excerpt`: a short excerpt of an unexpected body, without secrets."""

from __future__ import annotations

import json

import pytest

from ssooidc_core._excerpt import excerpt, redact

MASK = "**********"
TOKEN = "aoaAAAAAGW1234567890:MGUCMQDcanary"  # the form of real tokens


@pytest.mark.parametrize(
    ("text", "secrets", "expected"),
    [
        ("nothing here", ["secret"], "nothing here"),
        ("a secret, a secret", ["secret"], f"a {MASK}, a {MASK}"),
        ("one then", ["one ", "then"], f"{MASK}{MASK}"),
        ("four", ["four"], MASK),
        ("three", ["thr"], "three"),  # masking three letters would make any text unreadable
        ("empty", [""], "empty"),
        ("", ["secret"], ""),
    ],
)
def test_known_secrets_are_masked_wherever_they_stand(
    text: str, secrets: list[str], expected: str
) -> None:
    assert redact(text, secrets) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "The Canonical String should have been\n'x-amz-security-token:AQoDcanary==\n\ncontent",
            f"The Canonical String should have been\n'x-amz-security-token:{MASK}\n\ncontent",
        ),
        ("X-Amz-Security-Token=canary&X-Amz-Date=d", f"X-Amz-Security-Token={MASK}&X-Amz-Date=d"),
        ('{"x-amz-security-token": "canary"}', f'{{"x-amz-security-token": "{MASK}"}}'),
        ("x-amz-security-token is missing", "x-amz-security-token is missing"),
    ],
)
def test_a_session_token_in_a_quoted_request_is_masked(text: str, expected: str) -> None:
    """SignatureDoesNotMatch answers of AWS services quote the canonical request."""
    assert redact(text, ()) == expected


def test_an_empty_body_is_named() -> None:
    assert excerpt(b"") == "an empty body"


@pytest.mark.parametrize(
    "body",
    [
        b'{"accessToken":"canary"',
        b' \n{"accessToken":"canary"',
        b'["canary"',
        b'"canary',
        b"\xef\xbb\xbf{'accessToken': 'canary'}",
        b')]}\',\n{"accessToken" : "canary"}',
        b'HTTP/1.1 200 OK\r\n\r\n{"accessToken":"canary"}',
        '{"accessToken":"canary"}'.encode("utf-16"),
        '{"accessToken":"canary"}'.encode("utf-16-be"),
        '{"accessToken":"canary"}'.encode("utf-32"),
    ],
)
def test_what_looks_like_json_is_not_quoted_at_all(body: bytes) -> None:
    """An invalid response of the service may contain a token."""
    assert excerpt(body) == f"{len(body)} bytes of broken JSON"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"Bad Gateway", "Bad Gateway"),
        (b"<html><head><title>502 Bad Gateway</title></head>", "502 Bad Gateway"),
        (b"<style>p { color: red }</style><p>Down</p>", "Down"),
        (b"<SCRIPT>var token = 'x'</SCRIPT >Down", "Down"),
        (b"<script>never closed", None),
        (b"<!-- build 7 -->Down<!-- never closed", "Down"),
        (b"Down <a href='https://proxy.corp/login?x=", "Down"),
        (b"<p>Sign\x1b[31m in\x00</p>\r\n<b>\xe2\x80\xaehere</b>", "Sign [31m in here"),
        (b"caf\xe9 closed", "caf closed"),
        (b"\xff\xfe\xfd", None),
        (b"\x1b\x07 ", None),
        ("Zugriff verweigert – bitte anmelden".encode(), "Zugriff verweigert – bitte anmelden"),
    ],
)
def test_markup_and_controls_are_left_out_and_the_words_are_quoted(
    body: bytes, words: str | None
) -> None:
    size = f"{len(body)} bytes"
    assert excerpt(body) == (size if words is None else f"{size} that begin {words!r}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"Denied: {TOKEN} today", f"Denied: {MASK} today"),
        ("x" * 19 + " end", "x" * 19 + " end"),
        ("x" * 20 + " end", f"{MASK} end"),
        ("code=canary&x=1", f"code={MASK}&x=1"),
        ("Bearer canary expired", f"Bearer {MASK} expired"),
        ("authorization: Basic2canary", f"authorization: {MASK}"),
        ("device_code: 'canary'", f"device_code: '{MASK}'"),
        ("passwd=canary; go", f"passwd={MASK}; go"),
        ("code_verifier = canary", f"code_verifier = {MASK}"),
        ("code='canary'", f"code='{MASK}'"),
        ("a_session_cookie_value='canary'", MASK),
    ],
)
def test_opaque_words_and_values_of_secret_sounding_names_are_masked(text: str, words: str) -> None:
    assert excerpt(text.encode()) == f"{len(text)} bytes that begin {words!r}"


def test_secrets_of_the_request_are_masked_even_when_they_look_like_prose() -> None:
    body = b"<p>no such client my pass word here</p>"
    assert excerpt(body, ["my pass word"]) == (
        f"{len(body)} bytes that begin 'no such client {MASK} here'"
    )


def test_an_excerpt_is_at_most_160_characters_of_the_body() -> None:
    body = b"word " * 200
    assert excerpt(body) == "1000 bytes that begin '" + ("word " * 40)[:159] + "…'"


def test_a_secret_that_is_cut_where_the_excerpt_ends_is_not_shown_in_part() -> None:
    """Only the first 2,560 bytes are read, and half of a secret would not be recognized."""
    body = b"<p>" * 850 + b" Id: canary-secret"
    assert body[:2560].endswith(b" Id: canar")
    assert excerpt(body, ["canary-secret"]) == "2568 bytes that begin 'Id:'"


def test_a_body_that_is_one_long_word_is_only_measured() -> None:
    assert excerpt(b"x" * 3000) == "3000 bytes"


def test_a_hostile_body_is_looked_at_in_linear_time() -> None:
    """In linear time, each of these bodies takes about a millisecond."""
    for body in (b"<" * 10**6, b"<!--" * 10**5, b"token" * 10**5, b"\x00" * 10**6, b'"' * 10**5):
        assert excerpt(body).startswith(f"{len(body)} bytes")


def test_json_in_full_health_is_not_quoted_either() -> None:
    body = json.dumps({"clientSecret": "canary"}).encode()
    assert excerpt(body) == f"{len(body)} bytes of broken JSON"
