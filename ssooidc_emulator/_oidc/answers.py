"""The exact form of answers: header names, their case and order, compact JSON with sorted keys.

Recorded in aws/aws-cli#5878, #5971, #5955, #8561 and boto/boto3#3891: Date, Content-Type, Content-Length, Connection,
x-amzn-RequestId, and for errors x-amzn-ErrorType; no Cache-Control and no Server. Unset members are `null` in good
answers and absent from errors.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from email.utils import formatdate
from functools import lru_cache
from typing import Final, TypeAlias

from pydantic_core import to_json

from ssooidc_core._http import HttpResponse
from ssooidc_core._operations.errors import OIDC_ERRORS
from ssooidc_emulator._entropy import Entropy
from ssooidc_emulator._oidc.refusals import Refusal, refusal_named
from ssooidc_emulator._portal.refusals import PORTAL_REFUSALS

__all__ = ["Answers", "Member", "http_date"]

Member: TypeAlias = str | int | tuple[str, ...] | Mapping[str, str] | None
"""The value of one member of an operation's output."""

_ERROR_NAMESPACE: Final = "http://internal.amazon.com/coral/com.amazonaws.sso.oidc/"
_REQUEST_ID_BYTES: Final = 16
_JSON: Final = "application/json"
_OK: Final = 200
_FORBIDDEN: Final = 403


@lru_cache(maxsize=8)
def _http_date(second: int) -> str:
    return formatdate(second, usegmt=True)


def http_date(wall: datetime) -> str:
    """Give the `Date` header of a moment (RFC 9110 section 5.6.7)."""
    return _http_date(int(wall.timestamp()))


class Answers:
    """Makes answers, with request ids out of the instance's entropy."""

    def __init__(self, entropy: Entropy) -> None:
        """Take the entropy."""
        self._entropy: Final = entropy

    def good(self, members: Mapping[str, Member], wall: datetime) -> HttpResponse:
        """Answer with the members of an operation's output."""
        return self.raw(_OK, _JSON, to_json(dict(sorted(members.items()))), wall)

    def refused(self, refusal: Refusal, wall: datetime) -> HttpResponse:
        """Answer with an error of the service model."""
        members = {
            "error": refusal.error,
            "error_description": refusal.description,
            "reason": refusal.reason,
            "endpoint": refusal.endpoint,
            "region": refusal.region,
        }
        present = {name: value for name, value in members.items() if value is not None}
        return self.named_error(refusal.status, refusal.code, present, wall)

    def error(self, code: str, description: str | None, wall: datetime) -> HttpResponse:
        """Answer with an error by its name: the service's own, or one that only the portal has.

        Raises:
            ValueError: neither has an error of this name.
        """
        refusal = PORTAL_REFUSALS.get(code)
        if refusal is None or code in OIDC_ERRORS:
            return self.refused(refusal_named(code, description), wall)
        members = {"message": refusal.message if description is None else description}
        return self.named_error(refusal.status, code, members, wall)

    def from_another_site(self, wall: datetime) -> HttpResponse:
        """Refuse a request that a page of another site sent; this is the emulator's rule, not the service's."""
        return self.named_error(_FORBIDDEN, "ForbiddenException", {}, wall)

    def named_error(
        self, status: int, code: str, members: Mapping[str, str], wall: datetime
    ) -> HttpResponse:
        """Answer with an error by its name, in the service's namespace."""
        body = to_json(dict(sorted(members.items())))
        error_type = ("x-amzn-ErrorType", f"{code}:{_ERROR_NAMESPACE}")
        return self.raw(status, _JSON, body, wall, error_type)

    def raw(
        self,
        status: int,
        content_type: str,
        body: bytes,
        wall: datetime,
        *more: tuple[str, str],
    ) -> HttpResponse:
        """Answer with this body and the headers that every answer of the service has, then `more`."""
        return HttpResponse(
            status,
            (
                ("Date", http_date(wall)),
                ("Content-Type", content_type),
                ("Content-Length", str(len(body))),
                ("Connection", "keep-alive"),
                (
                    "x-amzn-RequestId",
                    str(uuid.UUID(bytes=self._entropy(_REQUEST_ID_BYTES), version=4)),
                ),
                *more,
            ),
            body,
        )
