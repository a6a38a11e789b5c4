"""Any text from other sources is printed with a limited length, without control characters and without the secret."""

from __future__ import annotations

import ast
import json
import unicodedata
from typing import Final

from hypothesis import example, given
from hypothesis import strategies as st

from ssooidc_core import AccessDeniedException
from ssooidc_core._excerpt import excerpt, redact
from ssooidc_core._text import printable
from ssooidc_core.errors import InvalidRequestRegionException

# Secrets of this service consist of base64, base64url, JWTs, and `k_e.y~/+=` or the like.
SECRETS: Final = st.text("QZXJqzxj0189-_.~+/=", min_size=3, max_size=60).map("zQ7".__add__)
TEXTS: Final = st.text(max_size=40) | st.text(
    "\0\x07\x1b\u202e\u200b\u2028\ud800\r\n\t ab", max_size=40
)


def is_control(character: str) -> bool:
    """Return whether Unicode defines a character as control, formatting or hidden (UAX 9, UAX 44)."""
    return unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or (
        unicodedata.bidirectional(character)
        in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI", "BN"}
        and unicodedata.category(character) == "Cf"
        and not unicodedata.name(character, "").startswith(("SHORTHAND", "MUSICAL"))
    )


@given(TEXTS, st.integers(1, 80))
@example("\u202e" * 500, 10)
@example("a" * 21, 10)
def test_printable_text(text: str, limit: int) -> None:
    """`printable`: "on one line, without control characters, cut to `limit` characters"."""
    shown = printable(text, limit=limit)
    assert len(shown) <= limit
    assert not any(is_control(character) for character in shown)
    assert len(shown.splitlines()) <= 1
    assert shown == printable(shown, limit=limit)


@given(
    st.lists(st.text("abcäöü漢字🙂'\"<", min_size=1, max_size=9), max_size=9),
    st.sampled_from(" \0\r\n\x1b"),
)
def test_printable_keeps_words(words: list[str], between: str) -> None:
    """The same: nothing else is removed."""
    assert printable(between.join(words), limit=200) == " ".join(words)


@given(TEXTS)
def test_a_service_error_is_fit_for_a_terminal(text: str) -> None:
    """`ServiceError.__str__`: "printable and bounded"."""
    error = AccessDeniedException(
        code="C", status=400, error=text, error_description=text, reason=text, request_id=text
    )
    located = InvalidRequestRegionException(code="C", status=400, endpoint=text, region=text * 20)
    for shown in (str(error), repr(error), str(located), located.hint or ""):
        assert len(shown) <= 1100
        assert not any(is_control(character) for character in shown)


BODIES: Final = st.builds(
    lambda shape, before, secret, behind: (secret, shape.format(before, secret, behind)),
    st.sampled_from(
        [
            "{} {} {}",
            "{}{}{}",
            "<html><body class={}>{}</body>{}",
            "<!--{}-->{}<script>{}</script>",
            "<title>{}</title>access_token={}&x={}",
            "{}: {}\r\n{}",
            '{{"{}":"{}","x":"{}"',
            "{}\0{}\0{}",
        ]
    ),
    TEXTS | st.integers(0, 3000).map("p ".__mul__),
    SECRETS,
    TEXTS,
)


def encoded(text: str, codec: str) -> bytes:
    return text.encode(codec, "replace")


@given(BODIES, st.sampled_from(["utf-8", "utf-16-le", "utf-16-be", "latin-1"]), st.integers(1, 60))
def test_an_excerpt_never_holds_the_secret(body: tuple[str, str], codec: str, times: int) -> None:
    """`excerpt` never contains a secret."""
    secret, text = body
    shown = excerpt(encoded(text, codec) * times, [secret])
    # UTF-16 that is read as UTF-8 has a character between any two letters.
    assert secret not in shown.replace(" ", "")
    assert not any(is_control(character) for character in shown)
    said, _, words = shown.partition(" that begin ")
    assert said.endswith((" bytes", " of broken JSON", "an empty body"))
    if words:
        assert 0 < len(ast.literal_eval(words)) <= 160


@given(SECRETS.filter(lambda secret: len(secret) > 8), st.integers(830, 856), st.integers(0, 3))
def test_an_excerpt_never_holds_half_a_secret(secret: str, tags: int, spaces: int) -> None:
    """`excerpt` does not show the end of a cut text, since half of a secret is not recognized."""
    body = f"{'<p>' * tags}{' ' * spaces}{secret}{'<p>' * 99}"
    assert secret[:6] not in excerpt(body.encode(), [secret])


@given(st.binary(max_size=4000))
def test_an_excerpt_of_any_bytes(body: bytes) -> None:
    """`excerpt` describes a body by a few quoted words, or by its size."""
    shown = excerpt(body)
    assert not any(is_control(character) for character in shown)
    assert str(len(body)) in shown or not body
    words = shown.partition(" that begin ")[2]
    if words:
        assert 0 < len(ast.literal_eval(words)) <= 160


@given(
    st.text("QZXqzx01-_", min_size=20, max_size=80),
    st.sampled_from(["{}", "a {} b", "k={}", "<p>{}"]),
)
def test_an_unknown_token_is_masked(token: str, shape: str) -> None:
    """`excerpt`: "long opaque words and the values of secret-sounding names are masked"."""
    assert token not in excerpt(shape.format(token).encode())


@given(
    SECRETS, st.sampled_from(["access_token={}", "Authorization: {}", "code={}&x=1", "Bearer {}"])
)
def test_a_named_secret_is_masked(secret: str, shape: str) -> None:
    """The same for a short one with its name in front."""
    assert secret not in excerpt(shape.format(secret).encode())


@given(st.lists(SECRETS, min_size=1, max_size=3), st.lists(TEXTS, min_size=4, max_size=4), SECRETS)
def test_redacted_text_holds_no_secret(
    secrets: list[str], around: list[str], session_token: str
) -> None:
    """`redact` masks every occurrence of known secrets, and a session token in a quoted request."""
    text = around[0] + "".join(
        secret + between for secret, between in zip(secrets * 2, around * 2, strict=False)
    )
    masked = redact(text, secrets)
    for secret in secrets:
        assert secret not in masked
    request = f"{text}\nx-amz-security-token:{session_token}\nhost:{text}"
    assert session_token not in redact(request, secrets) or session_token in masked
    assert redact(json.dumps(around), ()) == json.dumps(around)
