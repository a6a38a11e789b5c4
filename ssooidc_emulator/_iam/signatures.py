"""AWS Signature Version 4 as a service checks it: over whatever headers the request says are signed.

Independent of `ssooidc_core._sigv4`, which signs: whatever one of the two gets wrong shows between them. The algorithm
is the IAM User Guide's "Create a signed AWS API request". Clients sign different headers (boto3 three or four, the SDK
for JavaScript eight), so only `host` must be among them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias
from urllib.parse import quote, urlsplit

from ssooidc_core._http import HttpRequest
from ssooidc_emulator._directory import AccessKey
from ssooidc_emulator._iam.signature_refusals import (
    BAD_DATE,
    BAD_HEADER,
    BAD_PAYLOAD_HASH,
    BAD_SIGNED_HEADERS,
    HOST_NOT_SIGNED,
    NO_DATE,
    NO_SIGNATURE,
    UNKNOWN_KEY,
    WRONG_REGION,
    WRONG_SCOPE_DATE,
    WRONG_SERVICE,
    WRONG_SIGNATURE,
    SignatureRefusal,
    expired,
    not_yet_current,
)

__all__ = ["FindKey", "Signer", "verify"]

FindKey: TypeAlias = Callable[[str], AccessKey | None]
"""Gives the access key of an id."""

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_SKEW: Final = timedelta(minutes=15)
_STAMP: Final = "%Y%m%dT%H%M%SZ"
# A header of more than this says nothing that a service would want to know.
_LONGEST_AUTHORIZATION: Final = 8192
_AUTHORIZATION: Final = re.compile(
    rf"{_ALGORITHM} +Credential=(?P<credential>[\x21-\x2b\x2d-\x7e]+), *"
    r"SignedHeaders=(?P<headers>[\x21-\x2b\x2d-\x7e]+), *"
    r"Signature=(?P<signature>[0-9a-f]{64})\Z"
)
_STAMP_FORM: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z\Z")
# RFC 9110 section 5.6.2, without capitals
_NAMES: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+(?:;[!#$%&'*+.^_`|~0-9a-z-]+)*\Z")
# One host label, as `ssooidc_core._endpoints.check_region` has it.
_REGION: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
# Spaces and tabs alone: what else Unicode calls white space is a part of the value (RFC 9110 section 5.6.3).
_WHITE_SPACE: Final = re.compile(r"[ \t]+")
_TERMINATOR: Final = "aws4_request"
_SCOPE_PARTS: Final = 5
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed a request, and for which region."""

    access_key_id: str
    region: str


@dataclass(frozen=True, slots=True)
class _Claim:
    """What an `Authorization` header says."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: str
    signature: str


def verify(
    request: HttpRequest, *, find_key: FindKey, service: str, now: datetime
) -> Signer | SignatureRefusal:
    """Check a request's signature.

    Args:
        request: as it came; where it has no `Host`, that of its URL is taken.
        find_key: gives the access keys whose signatures are accepted.
        service: the signing name, `sso-oauth` for SSO OIDC. Any region is accepted: whether it is the right one is
            for the caller to say.
        now: an aware time; a signature is good from 15 minutes before its date until 15 minutes after.

    Returns:
        Who signed it, or why that is not known.
    """
    headers = _joined(request)
    claim = _claim(headers)
    if isinstance(claim, SignatureRefusal):
        return claim
    if problem := _scope_problem(claim, headers, service, now):
        return problem
    names = claim.signed_headers.split(";")
    if names != sorted(set(names)):
        return BAD_SIGNED_HEADERS
    if "host" not in names:
        return HOST_NOT_SIGNED
    key = find_key(claim.access_key_id)
    if key is None or not _has_its_token(key, headers):
        return UNKNOWN_KEY
    payload_hash = hashlib.sha256(request.body).hexdigest()
    if not _equal(headers.get("x-amz-content-sha256", payload_hash), payload_hash):
        return BAD_PAYLOAD_HASH
    canonical = _canonical_request(request, headers, names, payload_hash)
    if not _equal(_signature(key, claim, headers["x-amz-date"], canonical), claim.signature):
        return WRONG_SIGNATURE
    return Signer(claim.access_key_id, claim.region)


def _joined(request: HttpRequest) -> dict[str, str]:
    """Give the headers by lower-case names, in their canonical form: trimmed, repeated ones joined in their order."""
    values: dict[str, list[str]] = {}
    for name, value in request.headers.fields:
        trimmed = _WHITE_SPACE.sub(" ", value).strip(" ")
        values.setdefault(name.lower(), []).append(trimmed)
    joined = {name: ",".join(several) for name, several in values.items()}
    if "host" not in joined:
        joined["host"] = _host(request.url)
    return joined


def _host(url: str) -> str:
    """Give the `Host` that a client sends for a URL: without the default port (RFC 9110 section 7.2)."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2].lower()
    return host.removesuffix(_DEFAULT_PORTS.get(parts.scheme, ""))


def _claim(headers: Mapping[str, str]) -> _Claim | SignatureRefusal:
    authorization = headers.get("authorization")
    if not authorization:
        return NO_SIGNATURE
    if len(authorization) > _LONGEST_AUTHORIZATION:
        return BAD_HEADER
    found = _AUTHORIZATION.match(authorization)
    if found is None:
        return BAD_HEADER
    parts = found["credential"].split("/")
    if len(parts) != _SCOPE_PARTS or parts[-1] != _TERMINATOR:
        return BAD_HEADER
    if _NAMES.match(found["headers"]) is None:
        return BAD_SIGNED_HEADERS
    access_key_id, date, region, service, _ = parts
    return _Claim(access_key_id, date, region, service, found["headers"], found["signature"])


def _scope_problem(
    claim: _Claim, headers: Mapping[str, str], service: str, now: datetime
) -> SignatureRefusal | None:
    stamp = headers.get("x-amz-date")
    if stamp is None:
        return NO_DATE
    moment = _moment(stamp)
    if moment is None:
        return BAD_DATE
    if claim.date != stamp[:8]:
        return WRONG_SCOPE_DATE
    if _REGION.match(claim.region) is None:
        return WRONG_REGION
    if claim.service != service:
        return WRONG_SERVICE
    # Seconds are what a date holds.
    present = now.astimezone(UTC).replace(microsecond=0)
    if moment - present > _SKEW:
        return not_yet_current(stamp, _text(present), _text(present + _SKEW))
    if present - moment > _SKEW:
        return expired(stamp, _text(present), _text(present - _SKEW))
    return None


def _moment(stamp: str) -> datetime | None:
    if _STAMP_FORM.match(stamp) is None:
        return None
    try:
        return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def _text(moment: datetime) -> str:
    return moment.strftime(_STAMP)


def _has_its_token(key: AccessKey, headers: Mapping[str, str]) -> bool:
    """Whether a temporary key came with its session token, and any other key with none."""
    token = headers.get("x-amz-security-token")
    if key.session_token is None or token is None:
        return key.session_token is token
    return _equal(token, key.session_token)


def _equal(one: str, other: str) -> bool:
    """Compare in constant time; bytes, since `compare_digest` takes text only where it is ASCII."""
    return hmac.compare_digest(_encoded(one), _encoded(other))


def _encoded(text: str) -> bytes:
    """Give the bytes that a header had on the wire (servers decode them as Latin-1)."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        # Came over no wire.
        return text.encode("utf-8", "surrogatepass")


def _canonical_request(
    request: HttpRequest, headers: Mapping[str, str], names: list[str], payload_hash: str
) -> bytes:
    parts = urlsplit(request.url)
    lines = (
        request.method,
        _canonical_path(parts.path),
        _canonical_query(parts.query),
        # One that is signed and did not come counts as empty, and so fits no signature that was made of it.
        *(f"{name}:{headers.get(name, '')}" for name in names),
        "",
        ";".join(names),
        payload_hash,
    )
    return b"\n".join(map(_encoded, lines))


def _canonical_path(path: str) -> str:
    """Normalise (RFC 3986 section 5.2.4) and encode once more, as every service but S3 does."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(segment)
    last = "/" if kept and path.endswith("/") else ""
    return quote(f"/{'/'.join(kept)}{last}", safe="/~", errors="surrogatepass")


def _canonical_query(query: str) -> str:
    """Sort the parameters, encoded as they came, by name and then value."""
    if not query:
        return ""
    pairs = (pair.partition("=") for pair in query.split("&"))
    return "&".join(f"{name}={value}" for name, value in sorted((n, v) for n, _, v in pairs))


def _signature(key: AccessKey, claim: _Claim, stamp: str, canonical: bytes) -> str:
    scope = (claim.date, claim.region, claim.service, _TERMINATOR)
    lines = (_ALGORITHM, stamp, "/".join(scope), hashlib.sha256(canonical).hexdigest())
    derived = b"AWS4" + key.secret_access_key.encode("utf-8", "surrogatepass")
    for part in scope:
        derived = hmac.digest(derived, part.encode(), "sha256")
    return hmac.digest(derived, "\n".join(lines).encode(), "sha256").hex()
