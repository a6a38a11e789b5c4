"""What the contracts of blocking and asynchronous stores are written with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pydantic import SecretStr

from ssooidc_login.stores.store import StoreKey

__all__ = [
    "CANARY",
    "KEY",
    "KEYS",
    "OTHERS",
    "SECONDS",
    "demand",
    "documents",
    "refuse_leak",
    "text_of",
]

KEY: Final = StoreKey("token", "0" * 40)
OTHERS: Final = (
    StoreKey("token", "0" * 39 + "1"),
    StoreKey("token", "1" + "0" * 39),
    StoreKey("registration", "f" * 40),
    StoreKey("role-credentials", "0" * 40),
    StoreKey("role-credentials", "f" * 40),
)
KEYS: Final = (KEY, *OTHERS)
CANARY: Final = "canary-of-a-document-8d1f"
SECONDS: Final = 60.0
"""How long a test waits for what must happen at some time."""


def demand(fact: bool, rule: str) -> None:  # noqa: FBT001 - a fact is what it is
    """Have a rule kept. `assert` is not used: with `python -O` it would let everything pass.

    Raises:
        AssertionError: it is not.
    """
    if not fact:
        message = f"The contract of stores is broken: {rule}"
        raise AssertionError(message)


def documents(largest: int) -> Iterator[tuple[str, str]]:
    """Give documents of many kinds, each with a name for it."""
    yield "JSON", '{"accessToken": "a", "expiresAt": "2026-01-31T12:00:00Z"}'
    yield "an empty text", ""
    yield "line ends", "\n a\r\nb\rc \n"
    yield "characters of all sizes", "a\u00e9\u20ac\U0001f511\u0301\ufeff"
    yield "what other formats mean something by", "\x00\x1a\x7f'\"\\%s{}$&;<>\u2028"
    yield "a byte order mark at its start", "\ufeff{}"
    yield f"{largest:,} bytes", "0123456789abcdef" * (largest // 16)
    yield "as many in larger characters", "\u00e9" * (largest // 2)


def refuse_leak(text: str) -> None:
    """Refuse a text that shows a document.

    Raises:
        AssertionError: it does.
    """
    demand(CANARY not in text, "no text shows anything of a document")


def text_of(document: SecretStr | None) -> str | None:
    """Give a document's text."""
    return None if document is None else document.get_secret_value()
