"""What tokens look like.

`aoa<opaque>:<signature>` for access, `aor...` for refresh; the signature is the DER form of an ECDSA signature in
base64 and so begins with `MG`. Ours are random bytes of that shape and verify under no key.
"""

from __future__ import annotations

import base64
from typing import Final

from ssooidc_emulator._entropy import Entropy

__all__ = ["new_access_token", "new_refresh_token"]

_OPAQUE_BYTES: Final = 60
_INTEGER_BYTES: Final = 48
_SEQUENCE: Final = 0x30
_INTEGER: Final = 0x02
_TOP_BIT: Final = 0x80


def new_access_token(entropy: Entropy) -> str:
    """Make an access token."""
    return _token("aoa", entropy)


def new_refresh_token(entropy: Entropy) -> str:
    """Make a refresh token."""
    return _token("aor", entropy)


def _token(prefix: str, entropy: Entropy) -> str:
    raw = entropy(_OPAQUE_BYTES + 2 * _INTEGER_BYTES)
    opaque, r, s = raw[:_OPAQUE_BYTES], raw[_OPAQUE_BYTES:-_INTEGER_BYTES], raw[-_INTEGER_BYTES:]
    integers = _der_integer(r) + _der_integer(s)
    signature = bytes((_SEQUENCE, len(integers))) + integers
    return (
        f"{prefix}{base64.urlsafe_b64encode(opaque).decode('ascii')}"
        f":{base64.b64encode(signature).rstrip(b'=').decode('ascii')}"
    )


def _der_integer(value: bytes) -> bytes:
    # DER integers are signed: a leading zero keeps this one positive (ITU-T X.690 section 8.3).
    digits = b"\0" + value if value[0] & _TOP_BIT else value
    return bytes((_INTEGER, len(digits))) + digits
