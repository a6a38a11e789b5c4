"""Signatures over the emulator's own statements, as JWS compact serialisations (RFC 7515)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

__all__ = ["Sign", "hmac_signer"]

Sign: TypeAlias = Callable[[Mapping[str, str], bytes], str]
"""A function that signs a header and a payload."""


def hmac_signer(key: bytes, algorithm: str) -> Sign:
    """Return a function that signs with this key; `algorithm` is one of `HS256`, `HS384` and `HS512`.

    Raises:
        ImportError: joserfc is not installed; the message names the extra.
    """
    try:
        from joserfc import jws  # noqa: PLC0415 - an extra
        from joserfc.jwk import OctKey  # noqa: PLC0415
    except ImportError:
        message = 'The emulator needs joserfc: pip install "ssooidc-core[emulator]"'
        raise ImportError(message, name="joserfc") from None
    imported, registry = OctKey.import_key(key), jws.JWSRegistry(algorithms=[algorithm])

    def sign(header: Mapping[str, str], payload: bytes) -> str:
        return jws.serialize_compact(dict(header), payload, imported, registry=registry)

    return sign
