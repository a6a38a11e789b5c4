"""The exact form of the access portal's answers, which is another than SSO OIDC's.

Recorded are the headers (the fixture of the AWS SDK for Rust), the form of errors (benkehoe/aws-sso-util#74,
jonathanmorley/oktaws#512) and that expirations are milliseconds. The order of an output's members, and that an absent
`nextToken` is sent as `null`, are unverified.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from pydantic_core import to_json

from ssooidc_core._http import HttpResponse
from ssooidc_emulator._oidc.answers import Answers, http_date
from ssooidc_emulator._oidc.refusals import Refusal, refusal_named
from ssooidc_emulator._portal.refusals import OTHER_SITE, PORTAL_REFUSALS, PortalRefusal

__all__ = ["PortalAnswers", "error_name"]

_NAMESPACE: Final = "com.amazonaws.switchboard.portal#"
_ERROR_START: Final = b'{"message":'
_TYPE_START: Final = f'"__type":"{_NAMESPACE}'.encode()
_REQUEST_ID_BYTES: Final = 16
_JSON: Final = "application/json"
_OK: Final = 200


class PortalAnswers(Answers):
    """Makes the portal's answers."""

    def output(self, members: Mapping[str, object], wall: datetime) -> HttpResponse:
        """Answer with an operation's output, its members in this order."""
        return self.raw(_OK, _JSON, to_json(members), wall)

    def empty(self, wall: datetime) -> HttpResponse:
        """Answer with nothing but success."""
        answer = self.raw(_OK, _JSON, b"", wall)
        fields = (field for field in answer.headers.fields if field[0] != "Content-Type")
        return HttpResponse(answer.status, tuple(fields))

    def portal_refused(self, refusal: PortalRefusal, wall: datetime) -> HttpResponse:
        """Answer with one of the portal's errors."""
        return self.named_error(refusal.status, refusal.code, {"message": refusal.message}, wall)

    def refused(self, refusal: Refusal, wall: datetime) -> HttpResponse:
        """Answer with an error of SSO OIDC's, which only a script asks for, in the form of the portal's."""
        text = {} if refusal.description is None else {"message": refusal.description}
        return self.named_error(refusal.status, refusal.code, text, wall)

    def error(self, code: str, description: str | None, wall: datetime) -> HttpResponse:
        """Answer with an error by its name: the portal's own, or one that only SSO OIDC has.

        Raises:
            ValueError: neither has an error of this name.
        """
        refusal = PORTAL_REFUSALS.get(code)
        if refusal is None:
            return self.refused(refusal_named(code, description), wall)
        text = {"message": refusal.message if description is None else description}
        return self.named_error(refusal.status, code, text, wall)

    def from_another_site(self, wall: datetime) -> HttpResponse:
        """Refuse a request that a page of another site sent."""
        return self.portal_refused(OTHER_SITE, wall)

    def named_error(
        self, status: int, code: str, members: Mapping[str, str], wall: datetime
    ) -> HttpResponse:
        """Answer with an error by its name, in the portal's namespace: `message` first, then `__type`."""
        text = {"message": members.get("message")}
        return self.raw(status, _JSON, to_json({**text, "__type": _NAMESPACE + code}), wall)

    def raw(
        self,
        status: int,
        content_type: str,
        body: bytes,
        wall: datetime,
        *more: tuple[str, str],
    ) -> HttpResponse:
        """Answer with this body and the headers that every answer of the portal has, then `more`."""
        request_id = str(uuid.UUID(bytes=self._entropy(_REQUEST_ID_BYTES), version=4))
        return HttpResponse(
            status,
            (
                ("Date", http_date(wall)),
                ("Content-Type", content_type),
                ("Content-Length", str(len(body))),
                ("Connection", "keep-alive"),
                ("Access-Control-Expose-Headers", "RequestId"),
                ("Cache-Control", "no-cache"),
                ("RequestId", request_id),
                ("Server", "AWS SSO"),
                *more,
            ),
            body,
        )


def error_name(answer: HttpResponse) -> str | None:
    """Give the name of the error that an answer of the emulator is, of whichever service."""
    if header := answer.headers.get("x-amzn-errortype"):
        return header.partition(":")[0]
    if not answer.body.startswith(_ERROR_START):
        return None
    _, _, name = answer.body.rpartition(_TYPE_START)
    return name.partition(b'"')[0].decode("ascii", "replace") or None
