"""The check of AWS Signature Version 4, over the headers that the request names as signed.

It shares no code with `ssooidc_core._sigv4`, which signs, so that a mistake in either makes them disagree. The
algorithm is that of "Create a signed AWS API request" in the IAM User Guide. Clients sign different headers (boto3
three or four, the SDK for JavaScript eight), so only `host` is required among them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, TypeAlias
from urllib.parse import quote, urlsplit

from ssooidc_core._http import HttpRequest
from ssooidc_emulator._directory import AccessKey
from ssooidc_emulator._oidc.refusals import MessageRefusal

__all__ = ["FindKey", "Signer", "verify"]

FindKey: TypeAlias = Callable[[str], AccessKey | None]
"""A function that returns the access key with an id, or `None`."""

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_SKEW: Final = timedelta(minutes=15)
_STAMP: Final = "%Y%m%dT%H%M%SZ"
# Longer than any header of a real client.
_LONGEST_AUTHORIZATION: Final = 8192
_AUTHORIZATION: Final = re.compile(
    rf"{_ALGORITHM} +Credential=(?P<credential>[\x21-\x2b\x2d-\x7e]+), *"
    r"SignedHeaders=(?P<headers>[\x21-\x2b\x2d-\x7e]+), *"
    r"Signature=(?P<signature>[0-9a-f]{64})\Z"
)
_STAMP_FORM: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z\Z")
# RFC 9110 section 5.6.2, without capitals
_NAMES: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+(?:;[!#$%&'*+.^_`|~0-9a-z-]+)*\Z")
# One host label, as in `ssooidc_core._endpoints.check_region`.
_REGION: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
# Spaces and tabs only: other white space of Unicode is part of the value (RFC 9110 section 5.6.3).
_WHITE_SPACE: Final = re.compile(r"[ \t]+")
_TERMINATOR: Final = "aws4_request"
_SCOPE_PARTS: Final = 5
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}

# Names, statuses and texts are those of other AWS services (Smithy's trait `aws.auth#sigv4` has
# InvalidSignatureException with 403). No public record shows any of them for SSO OIDC, so their source is "invented".
# The only values of a request that they quote are times.
_incomplete: Final = partial(MessageRefusal, "IncompleteSignatureException")
_invalid: Final = partial(MessageRefusal, "InvalidSignatureException")
NO_SIGNATURE: Final = MessageRefusal(
    "MissingAuthenticationTokenException", "Missing Authentication Token"
)
BAD_HEADER: Final = _incomplete(
    "Authorization header requires 'AWS4-HMAC-SHA256', and 'Credential', 'SignedHeaders', 'Signature' parameters.",
)
BAD_SIGNED_HEADERS: Final = _incomplete(
    "'SignedHeaders' must be names in lower case, each once, in alphabetical order.",
)
NO_DATE: Final = _incomplete("Authorization header requires existence of an 'X-Amz-Date'.")
BAD_DATE: Final = _incomplete(
    "Date must be in ISO-8601 'basic format', like 20150830T123600Z.",
)
HOST_NOT_SIGNED: Final = _invalid(
    "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
)
WRONG_SCOPE_DATE: Final = _invalid(
    "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.",
)
WRONG_REGION: Final = _invalid("Credential should be scoped to a valid region.")
WRONG_SERVICE: Final = _invalid("Credential should be scoped to correct service: 'sso-oauth'.")
WRONG_SIGNATURE: Final = _invalid(
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details.",
)
BAD_PAYLOAD_HASH: Final = _invalid(
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
)
UNKNOWN_KEY: Final = MessageRefusal(
    "UnrecognizedClientException", "The security token included in the request is invalid."
)


@dataclass(frozen=True, slots=True)
class Signer:
    """The signer of a request, and the region that it was signed for."""

    access_key_id: str
    region: str


@dataclass(frozen=True, slots=True)
class _Claim:
    """The contents of an `Authorization` header."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: str
    signature: str


def verify(
    request: HttpRequest, *, find_key: FindKey, service: str, now: datetime
) -> Signer | MessageRefusal:
    """Check a request's signature.

    Args:
        request: the request as it arrived; without the header `Host`, the host of its URL is used.
        find_key: finds the access keys whose signatures are accepted.
        service: the signing name, `sso-oauth` for SSO OIDC. Every region is accepted; the caller must check it.
        now: an aware time; a signature is valid from 15 minutes before its date until 15 minutes after it.

    Returns:
        The signer, or the refusal of a signature that is missing or wrong.
    """
    headers = _joined(request)
    claim = _claim(headers)
    if isinstance(claim, MessageRefusal):
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
    """Return the headers by lower-case names in canonical form: trimmed, repeated ones joined in order."""
    values: dict[str, list[str]] = {}
    for name, value in request.headers.fields:
        trimmed = _WHITE_SPACE.sub(" ", value).strip(" ")
        values.setdefault(name.lower(), []).append(trimmed)
    joined = {name: ",".join(several) for name, several in values.items()}
    if "host" not in joined:
        joined["host"] = _host(request.url)
    return joined


def _host(url: str) -> str:
    """Return the `Host` that a client sends for a URL, without the default port (RFC 9110 section 7.2)."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2].lower()
    return host.removesuffix(_DEFAULT_PORTS.get(parts.scheme, ""))


def _claim(headers: Mapping[str, str]) -> _Claim | MessageRefusal:
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
) -> MessageRefusal | None:
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
    # The signed date has whole seconds.
    present = now.astimezone(UTC).replace(microsecond=0)
    if moment - present > _SKEW:
        latest = _text(present + _SKEW)
        return _invalid(
            f"Signature not yet current: {stamp} is still later than {latest} ({_text(present)} + 15 min.)"
        )
    if present - moment > _SKEW:
        earliest = _text(present - _SKEW)
        return _invalid(
            f"Signature expired: {stamp} is now earlier than {earliest} ({_text(present)} - 15 min.)"
        )
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
    """Return whether the request has the session token of a temporary key, and none for another key."""
    token = headers.get("x-amz-security-token")
    if key.session_token is None or token is None:
        return key.session_token is token
    return _equal(token, key.session_token)


def _equal(one: str, other: str) -> bool:
    """Compare in constant time; as bytes, since `compare_digest` accepts only ASCII text."""
    return hmac.compare_digest(_encoded(one), _encoded(other))


def _encoded(text: str) -> bytes:
    """Return the bytes of a header on the wire (servers decode them as Latin-1)."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        # Only a request made in this process can have such a header.
        return text.encode("utf-8", "surrogatepass")


def _canonical_request(
    request: HttpRequest, headers: Mapping[str, str], names: list[str], payload_hash: str
) -> bytes:
    parts = urlsplit(request.url)
    lines = (
        request.method,
        _canonical_path(parts.path),
        _canonical_query(parts.query),
        # A missing signed header counts as empty, so that the signature does not match.
        *(f"{name}:{headers.get(name, '')}" for name in names),
        "",
        ";".join(names),
        payload_hash,
    )
    return b"\n".join(map(_encoded, lines))


def _canonical_path(path: str) -> str:
    """Return the path normalised (RFC 3986 section 5.2.4) and encoded once more, as for every service except S3."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(segment)
    last = "/" if kept and path.endswith("/") else ""
    return quote(f"/{'/'.join(kept)}{last}", safe="/~", errors="surrogatepass")


def _canonical_query(query: str) -> str:
    """Return the parameters sorted by name and then value, with their encoding unchanged."""
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
