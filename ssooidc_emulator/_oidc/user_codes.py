"""User codes: what a person compares or types."""

from __future__ import annotations

from typing import Final

from ssooidc_emulator._entropy import Entropy

__all__ = ["canonical_user_code", "new_user_code"]

# RFC 8628 section 6.1: no vowels, so that no words come out; nothing that is taken for something else.
_LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
_LENGTH: Final = 8
_HALF: Final = 4
# Bytes from here on would make some letters likelier than others.
_FAIR: Final = 256 - 256 % len(_LETTERS)
_LONGEST_ENTRY: Final = 64


def new_user_code(entropy: Entropy) -> str:
    """Make a code of the form `XXXX-XXXX`: 34.6 bits."""
    letters = ""
    while len(letters) < _LENGTH:
        letters += "".join(
            _LETTERS[byte % len(_LETTERS)] for byte in entropy(_LENGTH) if byte < _FAIR
        )
    return _hyphenated(letters[:_LENGTH])


def canonical_user_code(entered: str) -> str | None:
    """Give what a person typed the form `XXXX-XXXX`, or `None` where it is no code.

    Case, punctuation and anything else outside the letters of codes is ignored (RFC 8628 section 6.1).
    """
    letters = "".join(
        character for character in entered[:_LONGEST_ENTRY].upper() if character in _LETTERS
    )
    return _hyphenated(letters) if len(letters) == _LENGTH else None


def _hyphenated(letters: str) -> str:
    return f"{letters[:_HALF]}-{letters[_HALF:]}"
