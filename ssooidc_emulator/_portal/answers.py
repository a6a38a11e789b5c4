"""The exact form of the access portal's answers, which differs from SSO OIDC's, and the portal's refusals.

Recorded are the headers (the fixture of the AWS SDK for Rust), the form of errors (benkehoe/aws-sso-util#74,
jonathanmorley/oktaws#512: `message` and `__type` in the body, and no header), and that expirations are in milliseconds.
The order of an output's members, and that an absent `nextToken` is sent as `null`, are unverified.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from pydantic_core import to_json

from ssooidc_core._http import HttpResponse
from ssooidc_emulator._oidc.answers import Answers, Fields
from ssooidc_emulator._oidc.refusals import MessageRefusal

_NAMESPACE: Final = "com.amazonaws.switchboard.portal#"
_ERROR_START: Final = b'{"message":'
_TYPE_START: Final = f'"__type":"{_NAMESPACE}'.encode()
_JSON: Final = "application/json"
_OK: Final = 200

# benkehoe/aws-sso-util#74, synfinatic/aws-sso-cli#279
NO_SESSION: Final = MessageRefusal(
    "UnauthorizedException", "Session token not found or invalid", 401, "recorded"
)
# ministryofjustice/modernisation-platform#10161, alchemy-run/distilled#281; also for a wrong role name
# (aws/aws-sam-cli#2129). The service model does not name it.
NO_ACCESS: Final = MessageRefusal("ForbiddenException", "No access", 403, "recorded")
# jonathanmorley/oktaws#512, fwdcloudsec/granted#811
TOO_MANY_REQUESTS: Final = MessageRefusal(
    "TooManyRequestsException", "HTTP 429 Unknown Code", 429, "recorded"
)

# The service model has these errors; no record shows their texts, or what exactly causes them.
BAD_ACCOUNT_ID: Final = MessageRefusal(
    "InvalidRequestException", "account_id must have 12 digits", 400
)
BAD_ROLE_NAME: Final = MessageRefusal("InvalidRequestException", "role_name is missing", 400)
BAD_MAX_RESULT: Final = MessageRefusal(
    "InvalidRequestException", "max_result must be a number from 1 to 100", 400
)
BAD_NEXT_TOKEN: Final = MessageRefusal("InvalidRequestException", "next_token is invalid", 400)
NOT_FOUND: Final = MessageRefusal("ResourceNotFoundException", "Resource not found", 404)
# Reported by users whose library turned a GET into a POST; the name is real, the text is not known.
METHOD_NOT_ALLOWED: Final = MessageRefusal("MethodNotAllowedException", "Method not allowed", 405)
# The emulator's own rule, not the service's.
_OTHER_SITE: Final = MessageRefusal("ForbiddenException", "Requests of other sites are refused")

PORTAL_REFUSALS: Final = {
    refusal.code: refusal
    for refusal in (
        MessageRefusal("InvalidRequestException", "Invalid request", 400),
        NO_SESSION,
        NO_ACCESS,
        NOT_FOUND,
        TOO_MANY_REQUESTS,
    )
}
"""The usual refusal of each error, by the error's name."""


class PortalAnswers(Answers):
    """Builds answers of the access portal."""

    def output(self, members: Mapping[str, object], wall: datetime) -> HttpResponse:
        """Return a successful answer with an operation's output, its members in this order."""
        return self.raw(_OK, _JSON, to_json(members), wall)

    def empty(self, wall: datetime) -> HttpResponse:
        """Return a successful answer without a body."""
        answer = self.raw(_OK, _JSON, b"", wall)
        fields = (field for field in answer.headers.fields if field[0] != "Content-Type")
        return HttpResponse(answer.status, tuple(fields))

    def from_another_site(self, wall: datetime) -> HttpResponse:
        """Return the answer to a request sent by a page of another site."""
        return self.refused(_OTHER_SITE, wall)

    def named_error(
        self, status: int, code: str, members: Mapping[str, str], wall: datetime
    ) -> HttpResponse:
        """Return an answer with the error of this name, in the portal's namespace: `message` first, then `__type`.

        A scripted fault may ask for an error of SSO OIDC; its `error_description` becomes the message.
        """
        text = members.get("message", members.get("error_description"))
        return self.raw(
            status, _JSON, to_json({"message": text, "__type": _NAMESPACE + code}), wall
        )

    def _service_fields(self, request_id: str) -> Fields:
        """Return the headers that only the portal's answers have."""
        return (
            ("Access-Control-Expose-Headers", "RequestId"),
            ("Cache-Control", "no-cache"),
            ("RequestId", request_id),
            ("Server", "AWS SSO"),
        )


def error_name(answer: HttpResponse) -> str | None:
    """Return the name of the error in an answer of the emulator, of either service, or `None`."""
    if header := answer.headers.get("x-amzn-errortype"):
        return header.partition(":")[0]
    if not answer.body.startswith(_ERROR_START):
        return None
    _, _, name = answer.body.rpartition(_TYPE_START)
    return name.partition(b'"')[0].decode("ascii", "replace") or None
