"""AWS Signature Version 4 of an `HttpRequest` (used by CreateTokenWithIAM).

The algorithm is the AWS General Reference's "Create a signed AWS API request". The headers left out of the signature
and the order of the others are botocore's, so that both produce the same `Authorization` for the same request.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias
from urllib.parse import quote, urlsplit

from pydantic import SecretStr

from ssooidc_core._http import HttpRequest
from ssooidc_core.errors import ConfigurationError

__all__ = ["Credentials", "CredentialsProvider", "sign"]

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
# Each signature replaces these.
_MADE_HERE: Final = frozenset({"authorization", "x-amz-date", "x-amz-security-token"})
# Proxies may change these: hop-by-hop fields (RFC 9110 section 7.6.1) and traces. The list is botocore's.
_UNSIGNED_HEADERS: Final = frozenset(
    {
        "baggage",
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-amzn-trace-id",
    }
)
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+\Z")


@dataclass(frozen=True, slots=True)
class Credentials:
    """AWS credentials, which sign requests."""

    access_key_id: str
    secret_access_key: SecretStr
    session_token: SecretStr | None = None

    @classmethod
    def of(
        cls, access_key_id: str, secret_access_key: str, session_token: str | None = None
    ) -> Credentials:
        """Create credentials from plain strings."""
        return Credentials(
            access_key_id,
            SecretStr(secret_access_key),
            None if session_token is None else SecretStr(session_token),
        )


class TemporaryCredentials(Credentials):
    """AWS credentials of a role's session, which always have a session token."""

    __slots__ = ()

    session_token: SecretStr

    def __init__(
        self, access_key_id: str, secret_access_key: SecretStr, session_token: SecretStr
    ) -> None:
        """Create the credentials of a session."""
        super().__init__(access_key_id, secret_access_key, session_token)


CredentialsProvider: TypeAlias = Callable[[], "Credentials | Awaitable[Credentials]"]
"""Returns the credentials to use now; called before each attempt. One that returns an awaitable needs `arun`."""


def sign(
    request: HttpRequest, *, credentials: Credentials, region: str, service: str, now: datetime
) -> HttpRequest:
    """Return the request with `X-Amz-Date`, `X-Amz-Security-Token` if there is a session token, and `Authorization`.

    All headers of the request are signed, except those that proxies may change (`User-Agent` and the like). An existing
    signature is replaced.

    Args:
        request: the request to sign; its body is hashed as it is.
        credentials: the credentials to sign with.
        region: the region of the credential scope.
        service: the signing name of the credential scope, `sso-oauth` for SSO OIDC.
        now: an aware time; services allow about 15 minutes of skew.

    Raises:
        ConfigurationError: the credentials contain characters that are not allowed in a header, or the time is naive.
    """
    _check(credentials)
    if now.tzinfo is None:
        # `astimezone` would read it as the local time of this machine.
        message = "The time of a signature must be aware: datetime.now(UTC), not datetime.utcnow()"
        raise ConfigurationError(message)
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope_parts = (stamp[:8], region, service, "aws4_request")
    scope = "/".join(scope_parts)
    kept = tuple(field for field in request.headers.fields if field[0].lower() not in _MADE_HERE)
    dated = HttpRequest(request.method, request.url, (*kept, ("X-Amz-Date", stamp)), request.body)
    if credentials.session_token is not None:
        token = ("X-Amz-Security-Token", credentials.session_token.get_secret_value())
        dated = dated.with_headers(token)
    signed = _signed_headers(dated)
    names = ";".join(signed)
    hashed_request = hashlib.sha256(_canonical_request(dated, signed).encode()).hexdigest()
    signature = _signature(
        credentials, scope_parts, f"{_ALGORITHM}\n{stamp}\n{scope}\n{hashed_request}"
    )
    return dated.with_headers(
        (
            "Authorization",
            (
                f"{_ALGORITHM} Credential={credentials.access_key_id}/{scope}, "
                f"SignedHeaders={names}, Signature={signature}"
            ),
        )
    )


def _check(credentials: Credentials) -> None:
    # No secret is a local variable here: tracebacks with locals would show it.
    token = credentials.session_token
    name = None
    if _VISIBLE.match(credentials.access_key_id) is None:
        name = "access_key_id"
    elif token is not None and _VISIBLE.match(token.get_secret_value()) is None:
        name = "session_token"
    if name is not None:
        message = (
            f"The credentials' {name} is empty or contains characters that a header cannot have"
        )
        raise ConfigurationError(message)


def _signature(credentials: Credentials, scope: tuple[str, ...], string_to_sign: str) -> str:
    key = b"AWS4" + credentials.secret_access_key.get_secret_value().encode("utf-8", "replace")
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, string_to_sign.encode(), "sha256").hex()


def _signed_headers(request: HttpRequest) -> dict[str, str]:
    headers: dict[str, str] = {}
    for field, value in request.headers.fields:
        name, trimmed = field.lower(), " ".join(value.split())
        if name not in _UNSIGNED_HEADERS:
            headers[name] = f"{headers[name]},{trimmed}" if name in headers else trimmed
    if "host" not in headers:
        headers["host"] = _host(request.url)
    return dict(sorted(headers.items()))


def _host(url: str) -> str:
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    return host if parts.port in {None, default} else f"{host}:{parts.port}"


def _canonical_request(request: HttpRequest, signed: dict[str, str]) -> str:
    parts = urlsplit(request.url)
    lines = [
        request.method.upper(),
        quote(_normal_path(parts.path), safe="/~"),
        _canonical_query(parts.query),
        *(f"{name}:{value}" for name, value in signed.items()),
        "",
        ";".join(signed),
        hashlib.sha256(request.body).hexdigest(),
    ]
    return "\n".join(lines)


def _normal_path(path: str) -> str:
    """Remove dot segments and empty segments (RFC 3986 section 5.2.4), as every service except S3 requires."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(segment)
    slash = "/" if kept and path.endswith("/") else ""
    return f"/{'/'.join(kept)}{slash}"


def _canonical_query(query: str) -> str:
    """Sort the parameters by name, then value; the URL already has them in their encoded form."""
    pairs = [pair.partition("=") for pair in query.split("&")] if query else []
    return "&".join(
        f"{name}={value}" for name, value in sorted((name, value) for name, _, value in pairs)
    )
