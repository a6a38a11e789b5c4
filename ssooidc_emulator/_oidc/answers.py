"""The exact form of answers: header names, their case and order, compact JSON with sorted keys.

Recorded in aws/aws-cli#5878, #5971, #5955, #8561 and boto/boto3#3891: Date, Content-Type, Content-Length, Connection,
x-amzn-RequestId, and for errors x-amzn-ErrorType; no Cache-Control and no Server. Unset members are `null` in
successful answers and absent from errors.
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
from ssooidc_emulator._entropy import Entropy
from ssooidc_emulator._oidc.refusals import MessageRefusal, Refusal

__all__ = ["Answers", "Fields", "Members", "http_date", "http_fields"]

Fields: TypeAlias = tuple[tuple[str, str], ...]
"""Headers in their order."""

Members: TypeAlias = Mapping[str, str | int | tuple[str, ...] | Mapping[str, str] | None]
"""The members of a successful answer by their wire names; unset ones are `None`."""

_ERROR_NAMESPACE: Final = "http://internal.amazon.com/coral/com.amazonaws.sso.oidc/"
_REQUEST_ID_BYTES: Final = 16
_JSON: Final = "application/json"
_OK: Final = 200
_FORBIDDEN: Final = 403


@lru_cache(maxsize=8)
def _http_date(second: int) -> str:
    return formatdate(second, usegmt=True)


def http_date(wall: datetime) -> str:
    """Return the value of the header `Date` for a time (RFC 9110 section 5.6.7)."""
    return _http_date(int(wall.timestamp()))


def http_fields(content_type: str, body: bytes, wall: datetime) -> Fields:
    """Return the headers with which every answer begins."""
    return (
        ("Date", http_date(wall)),
        ("Content-Type", content_type),
        ("Content-Length", str(len(body))),
        ("Connection", "keep-alive"),
    )


class Answers:
    """Builds answers of SSO OIDC."""

    def __init__(self, entropy: Entropy) -> None:
        """Draw request ids from this entropy."""
        self._entropy: Final = entropy

    def good(self, members: Members, wall: datetime) -> HttpResponse:
        """Return a successful answer with the members of an operation's output."""
        return self.raw(_OK, _JSON, to_json(dict(sorted(members.items()))), wall)

    def refused(self, refusal: Refusal | MessageRefusal, wall: datetime) -> HttpResponse:
        """Return an error answer for a refusal."""
        return self.named_error(refusal.status, refusal.code, refusal.members, wall)

    def from_another_site(self, wall: datetime) -> HttpResponse:
        """Return the answer to a request sent by a page of another site: the emulator's own rule, not the service's."""
        return self.named_error(_FORBIDDEN, "ForbiddenException", {}, wall)

    def named_error(
        self, status: int, code: str, members: Mapping[str, str], wall: datetime
    ) -> HttpResponse:
        """Return an answer with the error of this name, in the service's namespace."""
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
        """Return an answer with this body, the headers of every answer of the service, and then `more`."""
        request_id = str(uuid.UUID(bytes=self._entropy(_REQUEST_ID_BYTES), version=4))
        fields = http_fields(content_type, body, wall) + self._service_fields(request_id)
        return HttpResponse(status, (*fields, *more), body)

    def _service_fields(self, request_id: str) -> Fields:
        """Return the headers that only this service's answers have."""
        return (("x-amzn-RequestId", request_id),)
