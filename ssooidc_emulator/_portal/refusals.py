"""What the access portal answers when it says no: one table, each text with where it was seen.

The portal's errors are no OAuth errors: `message` and `__type` in the body, and no header. Where no public record shows
the real text, `source` is "invented", as in `ssooidc_emulator._oidc.refusals`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ssooidc_emulator._oidc.refusals import Source

__all__ = [
    "BAD_ACCOUNT_ID",
    "BAD_MAX_RESULT",
    "BAD_NEXT_TOKEN",
    "BAD_ROLE_NAME",
    "METHOD_NOT_ALLOWED",
    "NOT_FOUND",
    "NO_ACCESS",
    "NO_SESSION",
    "OTHER_SITE",
    "PORTAL_REFUSALS",
    "TOO_MANY_REQUESTS",
    "PortalRefusal",
]


@dataclass(frozen=True, slots=True)
class PortalRefusal:
    """One error answer.

    Attributes:
        code: the error's name, `UnauthorizedException` for example.
        message: the member `message`.
        status: the HTTP status.
        source: where the text was seen.
    """

    code: str
    message: str
    status: int
    source: Source = "invented"


# benkehoe/aws-sso-util#74, synfinatic/aws-sso-cli#279
NO_SESSION: Final = PortalRefusal(
    "UnauthorizedException", "Session token not found or invalid", 401, "recorded"
)
# ministryofjustice/modernisation-platform#10161, alchemy-run/distilled#281; also for a wrong role name
# (aws/aws-sam-cli#2129). The service model does not name it.
NO_ACCESS: Final = PortalRefusal("ForbiddenException", "No access", 403, "recorded")
# jonathanmorley/oktaws#512, fwdcloudsec/granted#811
TOO_MANY_REQUESTS: Final = PortalRefusal(
    "TooManyRequestsException", "HTTP 429 Unknown Code", 429, "recorded"
)

# The service model has these errors; no record shows their texts, or what exactly causes them.
BAD_ACCOUNT_ID: Final = PortalRefusal(
    "InvalidRequestException", "account_id must have 12 digits", 400
)
BAD_ROLE_NAME: Final = PortalRefusal("InvalidRequestException", "role_name is missing", 400)
BAD_MAX_RESULT: Final = PortalRefusal(
    "InvalidRequestException", "max_result must be a number from 1 to 100", 400
)
BAD_NEXT_TOKEN: Final = PortalRefusal("InvalidRequestException", "next_token is invalid", 400)
NOT_FOUND: Final = PortalRefusal("ResourceNotFoundException", "Resource not found", 404)
# Reported by users whose library turned a GET into a POST; the name is real, the text is not known.
METHOD_NOT_ALLOWED: Final = PortalRefusal("MethodNotAllowedException", "Method not allowed", 405)
# What a page of another site gets: the emulator's own rule, not the service's.
OTHER_SITE: Final = PortalRefusal("ForbiddenException", "Requests of other sites are refused", 403)

PORTAL_REFUSALS: Final = {
    refusal.code: refusal
    for refusal in (
        PortalRefusal("InvalidRequestException", "Invalid request", 400),
        NO_SESSION,
        NO_ACCESS,
        NOT_FOUND,
        TOO_MANY_REQUESTS,
    )
}
"""The usual refusal of each error by its name."""
