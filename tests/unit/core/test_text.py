"""`ssooidc_core._text`: text from other sources, made safe for a terminal, a log or an error message."""

from __future__ import annotations

import pytest

from ssooidc_core._text import printable


def test_plain_text_stays_as_it_is() -> None:
    assert printable("Grüße, 世界 🙂", limit=80) == "Grüße, 世界 🙂"


@pytest.mark.parametrize(
    "character",
    [
        *(chr(code) for code in range(0x20)),  # C0, including ESC: a terminal interprets them
        *(chr(code) for code in range(0x7F, 0xA0)),  # DEL and C1, including CSI
        "\u00ad",  # soft hyphen
        "\u061c",  # Arabic letter mark
        *(chr(code) for code in range(0x200B, 0x2010)),  # zero width and direction marks
        "\u2028",
        "\u2029",
        *(chr(code) for code in range(0x202A, 0x202F)),  # bidirectional embeddings and overrides
        *(chr(code) for code in range(0x2066, 0x206A)),  # bidirectional isolates
        "\ufeff",
        "\ud800",
        "\U000e0041",  # a tag character
    ],
)
def test_what_steers_a_terminal_or_hides_text_becomes_a_space(character: str) -> None:
    """CVE-2021-42574 ("Trojan Source") and ECMA-48 control sequences."""
    assert printable(f"a{character}b", limit=80) == "a b"
    assert printable(f"{character}a{character}{character}", limit=80) == "a"


def test_white_space_is_one_space_and_nothing_at_the_ends() -> None:
    assert printable("  a \t\r\n b\u00a0c  ", limit=80) == "a b c"


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("abcd", 4, "abcd"),
        ("abcde", 4, "abc…"),
        ("ab" * 10_000, 4, "aba…"),
        ("a", 1, "a"),
        ("ab", 1, "…"),
        ("a" + " " * 100, 4, "a…"),
        (" " * 100 + "a", 4, "…"),
        ("", 4, ""),
        (" \x1b ", 4, ""),
    ],
)
def test_text_is_cut_to_its_limit(text: str, limit: int, expected: str) -> None:
    assert printable(text, limit=limit) == expected
    assert len(expected) <= limit
