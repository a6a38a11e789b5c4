"""Assertions: JWTs of trusted token issuers, each valid for one exchange (RFC 7523 section 3)."""

from __future__ import annotations

import base64
import functools
import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from pydantic_core import from_json

from ssooidc_emulator._directory import Application, Directory, TrustedTokenIssuer, User
from ssooidc_emulator._expiring import ExpiringMap

if TYPE_CHECKING:
    from joserfc.jwk import Key

__all__ = ["Assertion", "Assertions"]

_Object: TypeAlias = Mapping[str, object]

# Asymmetric algorithms only: otherwise a public key could serve to forge an HMAC (RFC 8725 section 3.1).
_ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
)
_LONGEST: Final = 64 * 1024
_LONGEST_HEADER: Final = 16 * 1024
_PARTS: Final = 3
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+\Z")
# If the token has no `kid`, each key is tried.
_MOST_KEYS: Final = 20
_KEY_SETS_KEPT: Final = 16
_KEY_TYPES: Final = ("RSA", "EC")


@dataclass(frozen=True, slots=True)
class Assertion:
    """A valid assertion: its user, its expiry, and the key under which its use is recorded."""

    user: User
    expires_at: float
    known_by: tuple[str, str] = field(repr=False)


class Assertions:
    """Checks assertions and records which were used. Not locked; times are epoch seconds."""

    def __init__(self, directory: Directory) -> None:
        """Look up issuers and users in this directory."""
        self._directory: Final = directory
        self._spent: Final = ExpiringMap[tuple[str, str], None]()

    def check(self, text: str, application: Application, now: float) -> Assertion | None:
        """Return the assertion in a JWT, or `None` if it is not valid for this application now."""
        parts = text.split(".")
        if len(text) > _LONGEST or len(parts) != _PARTS or not text.isascii():
            return None
        # RFC 7515 section 2 has one alphabet; decoders accept others as well.
        if _BASE64URL.match(parts[2]) is None:
            return None
        header, claims = _object(parts[0]), _object(parts[1])
        if header is None or claims is None:
            return None
        issuer_url = claims.get("iss")
        if not isinstance(issuer_url, str):
            return None
        issuer = self._directory.trusted_token_issuer(issuer_url)
        if issuer is None or not _is_signed(text, header, issuer):
            return None
        expires_at = _expiry(claims, now)
        if expires_at is None or not _audiences(claims) & application.audiences:
            return None
        named = claims.get(issuer.claim)
        user = None
        if isinstance(named, str):
            user = self._directory.user_with(issuer.attribute, named)
        identifier = claims.get("jti")
        if not isinstance(identifier, str):
            # Without the signature: with some algorithms, another valid signature is easily derived from the first.
            identifier = hashlib.sha256(f"{parts[0]}.{parts[1]}".encode()).hexdigest()
        known_by = (issuer_url, identifier)
        return (
            None
            if user is None or known_by in self._spent
            else Assertion(user, expires_at, known_by)
        )

    def spend(self, assertion: Assertion) -> None:
        """Record the use of an assertion that `check` has just returned."""
        self._spent.put(assertion.known_by, None, until=assertion.expires_at)

    def forget_expired(self, now: float) -> None:
        """Drop the records of expired assertions, which are refused anyway."""
        _ = self._spent.forget_until(now)


def _object(part: str) -> _Object | None:
    """Return the JSON object in a part of a JWT, or `None`."""
    # Only base64url (RFC 7515 section 2): the verifier might decode anything else differently.
    if _BASE64URL.match(part) is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        value: object = from_json(raw, allow_inf_nan=False)
    except ValueError:
        return None
    return cast("_Object", value) if isinstance(value, dict) else None


def _members(value: object) -> _Object:
    return cast("_Object", value) if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _is_signed(text: str, header: _Object, issuer: TrustedTokenIssuer) -> bool:
    from joserfc import jws  # noqa: PLC0415 - an extra
    from joserfc.errors import JoseError  # noqa: PLC0415

    algorithm, key_id = header.get("alg"), header.get("kid")
    # A verifier must support all critical parameters (RFC 7515 section 4.1.11); this one supports none.
    if algorithm not in _ALGORITHMS or "crit" in header or "b64" in header:
        return False
    registry = jws.JWSRegistry(algorithms=_ALGORITHMS, strict_check_header=False)
    registry.max_header_length = _LONGEST_HEADER
    for known_id, key in _keys(issuer.key_set):
        if key_id is not None and key_id != known_id:
            continue
        try:
            _ = jws.deserialize_compact(text, key, registry=registry)
        except (JoseError, ValueError, TypeError, RecursionError):
            continue  # Another key may match.
        return True
    return False


@functools.lru_cache(maxsize=_KEY_SETS_KEPT)
def _keys(key_set: str) -> tuple[tuple[object, Key], ...]:
    """Return the keys of a set by their ids, without those that cannot be used (RFC 7517 section 5)."""
    from joserfc.errors import JoseError  # noqa: PLC0415 - an extra
    from joserfc.jwk import JWKRegistry  # noqa: PLC0415

    try:
        document: object = from_json(key_set)
    except ValueError:
        return ()
    keys: list[tuple[object, Key]] = []
    for each in _list(_members(document).get("keys")):
        members = _members(each)
        if members.get("kty") not in _KEY_TYPES:
            continue
        try:
            key = JWKRegistry.import_key(cast("dict[str, str | list[str]]", members))
        except (JoseError, ValueError, TypeError):
            continue
        keys.append((members.get("kid"), key))
    return tuple(keys[:_MOST_KEYS])


def _expiry(claims: _Object, now: float) -> float | None:
    """Return the time at which an assertion expires, or `None` if it is not valid now.

    `exp` is required; `nbf` and `iat` must not be in the future.
    """
    expires_at = _number(claims.get("exp"))
    if expires_at is None or now >= expires_at:
        return None
    for name in ("nbf", "iat"):
        if name in claims:
            since = _number(claims[name])
            if since is None or since > now:
                return None
    return expires_at


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # JSON has no infinity (RFC 8259 section 6), but a number may overflow; such an assertion would never be dropped.
    return None if value == math.inf else value


def _audiences(claims: _Object) -> frozenset[str]:
    """Return the values of `aud`, which is one string or a list (RFC 7519 section 4.1.3)."""
    audience = claims.get("aud")
    listed = _list(audience) or [audience]
    return frozenset(each for each in listed if isinstance(each, str))
