"""What Identity Center answers when it says no: one table, each text with where it was seen.

Nothing else of the emulator holds an error text. Where no public record shows the real one, `source` is "invented":
a client must not be written against such a text, and the real service may choose another status as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from ssooidc_core._operations.errors import OIDC_ERRORS

__all__ = [
    "ACCESS_DENIED",
    "AUTHORIZATION_PENDING",
    "BAD_CLIENT_NAME",
    "BAD_CLIENT_TYPE",
    "BAD_REDIRECT_URI",
    "BAD_SCOPE",
    "CLIENT_NOT_FOR_DEVICES",
    "EXPIRED_DEVICE_CODE",
    "GRANT_NOT_REGISTERED",
    "INVALID_CLIENT",
    "INVALID_GRANT",
    "INVALID_REFRESH_TOKEN",
    "INVALID_START_URL",
    "INVALID_SUBJECT_TOKEN",
    "KMS_REASONS",
    "MIXED_GRANT_TYPES",
    "SERVER_ERROR",
    "SLOW_DOWN",
    "TOO_MANY_SCOPES",
    "UNSUPPORTED_GRANT_TYPE",
    "USER_NOT_ASSIGNED",
    "Refusal",
    "Source",
    "invalid_request",
    "other_region",
    "refusal_named",
]

Source: TypeAlias = Literal["recorded", "reported", "invented"]
"""`recorded`: a verbatim log of the real service; `reported`: somebody's words; `invented`: ours."""


KMS_REASONS: Final = {
    "KMS_AccessDeniedException": "AccessDeniedException",
    "KMS_DisabledException": "InvalidRequestException",
    "KMS_InvalidKeyUsageException": "InvalidRequestException",
    "KMS_InvalidStateException": "InvalidRequestException",
    "KMS_NotFoundException": "InvalidRequestException",
}
"""The values of the member `reason`, for what is wrong with an instance's own KMS key, and the error that has each.

They are the enumerations of the service model; no answer with one was ever recorded.
"""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One error answer.

    Attributes:
        code: the error's name in the service model, `InvalidGrantException` for example.
        description: the member `error_description`; `None` leaves it out.
        source: where that text was seen.
        reason: the member `reason`, one of `KMS_REASONS`; `None` leaves it out.
        endpoint: the member `endpoint` of InvalidRequestRegionException.
        region: its member `region`.
    """

    code: str
    description: str | None
    source: Source = "invented"
    reason: str | None = None
    endpoint: str | None = None
    region: str | None = None

    @property
    def status(self) -> int:
        """The HTTP status that the service model gives this error."""
        return OIDC_ERRORS[self.code].modelled_status

    @property
    def error(self) -> str | None:
        """The OAuth code (RFC 6749 section 5.2, RFC 8628 section 3.5) that the service model gives this error."""
        return OIDC_ERRORS[self.code].oauth_error


# aws/aws-cli#5878, #5971
AUTHORIZATION_PENDING: Final = Refusal(
    "AuthorizationPendingException", "Authorization is still pending", "recorded"
)
# aws/aws-cli#8561
INVALID_REFRESH_TOKEN: Final = Refusal(
    "InvalidGrantException", "Invalid refresh token provided", "recorded"
)
# aws/aws-cli#5058, aws/aws-toolkit-vscode#3498
INVALID_GRANT: Final = Refusal("InvalidGrantException", "Invalid grant provided", "reported")
# theurichde/go-aws-sso#150
INVALID_CLIENT: Final = Refusal("InvalidClientException", "Invalid client provided", "reported")
# AWS CLI v2's own tests and several issues; also what a start URL of another region gets
INVALID_START_URL: Final = Refusal(
    "InvalidRequestException", "Invalid start url provided", "recorded"
)
# Connapse PR#430: nothing but `error` was shown. That users must be assigned is the default.
USER_NOT_ASSIGNED: Final = Refusal("AccessDeniedException", None, "reported")

# The triggers of the following are known, their texts are not.
BAD_CLIENT_NAME: Final = Refusal("InvalidClientMetadataException", "Invalid client name provided")
BAD_CLIENT_TYPE: Final = Refusal("InvalidClientMetadataException", "Invalid client type provided")
BAD_REDIRECT_URI: Final = Refusal("InvalidRedirectUriException", "Invalid redirect uri provided")
# synfinatic/aws-sso-cli#1359 (2026-05); in 2025-01 the same gave a 500 (sorah/mairu#18)
MIXED_GRANT_TYPES: Final = Refusal("InvalidScopeException", "Invalid scope provided")
TOO_MANY_SCOPES: Final = Refusal("InvalidScopeException", "Too many scopes provided")
BAD_SCOPE: Final = Refusal("InvalidScopeException", "Invalid scope provided")
UNSUPPORTED_GRANT_TYPE: Final = Refusal(
    "UnsupportedGrantTypeException", "Unsupported grant type provided"
)
GRANT_NOT_REGISTERED: Final = Refusal(
    "UnauthorizedClientException", "Client is not registered for this grant type"
)
CLIENT_NOT_FOR_DEVICES: Final = Refusal(
    "UnauthorizedClientException", "Client is not registered for device authorization"
)
# RFC 8693 section 2.2.2 has `invalid_request` for every subject token that cannot be exchanged.
INVALID_SUBJECT_TOKEN: Final = Refusal("InvalidRequestException", "Invalid subject token provided")
EXPIRED_DEVICE_CODE: Final = Refusal("ExpiredTokenException", "Device code has expired")
ACCESS_DENIED: Final = Refusal("AccessDeniedException", "Authorization request was denied")
SLOW_DOWN: Final = Refusal("SlowDownException", "Polling too fast, slow down")
SERVER_ERROR: Final = Refusal("InternalServerException", "Internal server error")

_DEFAULTS: Final = {
    refusal.code: refusal
    for refusal in (
        ACCESS_DENIED,
        AUTHORIZATION_PENDING,
        EXPIRED_DEVICE_CODE,
        SERVER_ERROR,
        INVALID_CLIENT,
        BAD_CLIENT_NAME,
        INVALID_GRANT,
        BAD_REDIRECT_URI,
        INVALID_START_URL,
        BAD_SCOPE,
        SLOW_DOWN,
        GRANT_NOT_REGISTERED,
        UNSUPPORTED_GRANT_TYPE,
    )
}


def invalid_request(problem: str) -> Refusal:
    """Refuse malformed input; `problem` may quote nothing of it.

    Whether the real service is OAuth-shaped for input that is no JSON, or lacks members, is unverified: a server
    generated from the model would send `SerializationException` or `ValidationException`.
    """
    return Refusal("InvalidRequestException", problem)


def other_region(*, endpoint: str, region: str) -> Refusal:
    """Refuse a request to the wrong region; the service model's members say which is the right one."""
    return Refusal(
        "InvalidRequestRegionException",
        "Request belongs to another region",
        endpoint=endpoint,
        region=region,
    )


def refusal_named(
    code: str, description: str | None = None, *, reason: str | None = None
) -> Refusal:
    """Give the usual refusal of an error of the model, or one with this description or reason.

    Raises:
        ValueError: the service model has no error of this name, or no such reason for it.
    """
    if code not in OIDC_ERRORS:
        message = f"SSO OIDC has no error {code!r}: use one of {', '.join(sorted(OIDC_ERRORS))}"
        raise ValueError(message)
    if reason is not None:
        if KMS_REASONS.get(reason) != code:
            known = ", ".join(name for name, error in KMS_REASONS.items() if error == code)
            message = (
                f"{code} has no reason {reason!r}: use one of {known or 'those of other errors'}"
            )
            raise ValueError(message)
        return Refusal(code, description or "KMS key is not usable", reason=reason)
    if description is None and code in _DEFAULTS:
        return _DEFAULTS[code]
    return Refusal(code, description)
