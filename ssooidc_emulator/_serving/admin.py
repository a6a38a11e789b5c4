"""The admin endpoint: what a test in another language does to a served emulator.

`POST /_ssooidc/<verb>` with a JSON object in, and one out. It is no page's business: it wants the token of this run and
`application/json`, which no form can send and no page elsewhere may, since no CORS header is ever sent.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from pydantic import ValidationError
from pydantic_core import to_json

from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._program import Instant
from ssooidc_emulator._identity_center import IdentityCenter
from ssooidc_emulator._in_process import Clock
from ssooidc_emulator._oidc.answers import http_date
from ssooidc_emulator._pages.same_origin import comes_from_another_site
from ssooidc_emulator._serving.admin_verbs import VERBS, Controlled, Verb

__all__ = ["ADMIN_PATH", "AdminEndpoint"]

ADMIN_PATH: Final = "/_ssooidc/"
"""What the paths of all verbs begin with."""


class AdminEndpoint:
    """Carries out verbs for whoever has the token."""

    def __init__(self, center: IdentityCenter, token: str, clock: Clock | None = None) -> None:
        """Take what is to be controlled; without a clock, time cannot be moved.

        Raises:
            ValueError: the token is empty.
        """
        if not token:
            message = "An admin endpoint needs a token that nobody can guess"
            raise ValueError(message)
        self._center: Final = center
        self._token: Final = token.encode()
        self._clock: Final = clock

    def is_for(self, request: HttpRequest) -> bool:
        """Say whether this endpoint answers a request; nothing of it is logged."""
        return urlsplit(request.url).path.startswith(ADMIN_PATH)

    def handle(self, request: HttpRequest, now: Instant) -> HttpResponse:
        """Carry out a verb, or say why not."""
        wall = now.wall
        if comes_from_another_site(request):
            return _refused(403, "No page of another site may do this", wall)
        if not self._is_authorized(request):
            text = "This wants the header `Authorization: Bearer <admin token of this run>`"
            return _refused(401, text, wall, ("WWW-Authenticate", "Bearer"))
        verb = VERBS.get(urlsplit(request.url).path.removeprefix(ADMIN_PATH))
        if verb is None:
            return _refused(404, f"There is no such verb; there are {', '.join(VERBS)}", wall)
        if request.method != "POST":
            return _refused(405, "Every verb is a POST", wall, ("Allow", "POST"))
        if not _is_json(request):
            return _refused(415, "This wants the header `Content-Type: application/json`", wall)
        return self._carry_out(verb, request.body, now)

    def _carry_out(self, kind: type[Verb], body: bytes, now: Instant) -> HttpResponse:
        try:
            verb = kind.model_validate_json(body)
        except ValidationError as error:
            return _refused(400, _complaint(kind, error), now.wall)
        try:
            result = verb.carry_out(Controlled(self._center, self._clock, now))
        except ValueError as error:
            return _refused(400, str(error), now.wall)
        return _answer(200, result, now.wall)

    def _is_authorized(self, request: HttpRequest) -> bool:
        given = [value for name, value in request.headers.fields if name.lower() == "authorization"]
        if len(given) != 1:
            return False
        scheme, _, token = given[0].partition(" ")
        # RFC 9110 section 11.1: the scheme's case means nothing.
        is_token = hmac.compare_digest(token.strip().encode(), self._token)
        return is_token and scheme.lower() == "bearer"


def _is_json(request: HttpRequest) -> bool:
    content_type = request.headers.get("content-type", "")
    return content_type.partition(";")[0].strip().lower() == "application/json"


def _complaint(kind: type[Verb], error: ValidationError) -> str:
    # Names only, and only the model's own: the rest of it came from the wire.
    places = [problem["loc"] for problem in error.errors(include_input=False)]
    members = sorted({str(place[0]) for place in places if place} & set(kind.model_fields))
    if members:
        return f"Missing or invalid: {', '.join(members)}"
    known = ", ".join(kind.model_fields) or "none"
    return f"The body is not a JSON object with no other members than: {known}"


def _refused(status: int, text: str, wall: datetime, *more: tuple[str, str]) -> HttpResponse:
    return _answer(status, {"error": text}, wall, *more)


def _answer(
    status: int, members: Mapping[str, object], wall: datetime, *more: tuple[str, str]
) -> HttpResponse:
    body = to_json(members)
    fields = (
        ("Date", http_date(wall)),
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Connection", "keep-alive"),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
    )
    return HttpResponse(status, (*fields, *more), body)
