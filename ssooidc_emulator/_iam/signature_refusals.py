"""What is answered to a request whose signature is missing or wrong: one table.

Names, statuses and texts follow other AWS services (Smithy's trait `aws.auth#sigv4` has InvalidSignatureException with
403). No public record shows any of them for SSO OIDC, so that all are invented as far as this service goes. They quote
times, and nothing else of a request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ssooidc_emulator._oidc.refusals import Source

__all__ = [
    "BAD_DATE",
    "BAD_HEADER",
    "BAD_PAYLOAD_HASH",
    "BAD_SIGNED_HEADERS",
    "HOST_NOT_SIGNED",
    "NO_DATE",
    "NO_SIGNATURE",
    "UNKNOWN_KEY",
    "WRONG_REGION",
    "WRONG_SCOPE_DATE",
    "WRONG_SERVICE",
    "WRONG_SIGNATURE",
    "SignatureRefusal",
    "expired",
    "not_yet_current",
]

_FORBIDDEN: Final = 403


@dataclass(frozen=True, slots=True)
class SignatureRefusal:
    """One error answer.

    Attributes:
        code: the error's name, `InvalidSignatureException` for example.
        message: the member `message`.
        status: the HTTP status.
        source: where this was seen for SSO OIDC.
    """

    code: str
    message: str
    status: int = _FORBIDDEN
    source: Source = "invented"


NO_SIGNATURE: Final = SignatureRefusal(
    "MissingAuthenticationTokenException", "Missing Authentication Token"
)
BAD_HEADER: Final = SignatureRefusal(
    "IncompleteSignatureException",
    "Authorization header requires 'AWS4-HMAC-SHA256', and 'Credential', 'SignedHeaders', 'Signature' parameters.",
)
BAD_SIGNED_HEADERS: Final = SignatureRefusal(
    "IncompleteSignatureException",
    "'SignedHeaders' must be names in lower case, each once, in alphabetical order.",
)
NO_DATE: Final = SignatureRefusal(
    "IncompleteSignatureException", "Authorization header requires existence of an 'X-Amz-Date'."
)
BAD_DATE: Final = SignatureRefusal(
    "IncompleteSignatureException",
    "Date must be in ISO-8601 'basic format', like 20150830T123600Z.",
)
HOST_NOT_SIGNED: Final = SignatureRefusal(
    "InvalidSignatureException",
    "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
)
WRONG_SCOPE_DATE: Final = SignatureRefusal(
    "InvalidSignatureException",
    "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.",
)
WRONG_REGION: Final = SignatureRefusal(
    "InvalidSignatureException", "Credential should be scoped to a valid region."
)
WRONG_SERVICE: Final = SignatureRefusal(
    "InvalidSignatureException", "Credential should be scoped to correct service: 'sso-oauth'."
)
WRONG_SIGNATURE: Final = SignatureRefusal(
    "InvalidSignatureException",
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details.",
)
BAD_PAYLOAD_HASH: Final = SignatureRefusal(
    "InvalidSignatureException",
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
)
UNKNOWN_KEY: Final = SignatureRefusal(
    "UnrecognizedClientException", "The security token included in the request is invalid."
)


def expired(stamp: str, now: str, earliest: str) -> SignatureRefusal:
    """Refuse a signature that is too old; times in ISO 8601's basic format."""
    text = f"Signature expired: {stamp} is now earlier than {earliest} ({now} - 15 min.)"
    return SignatureRefusal("InvalidSignatureException", text)


def not_yet_current(stamp: str, now: str, latest: str) -> SignatureRefusal:
    """Refuse a signature of the future; times in ISO 8601's basic format."""
    text = f"Signature not yet current: {stamp} is still later than {latest} ({now} + 15 min.)"
    return SignatureRefusal("InvalidSignatureException", text)
