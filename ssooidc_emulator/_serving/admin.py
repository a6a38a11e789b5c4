"""The admin endpoint, with which a test in any language controls a served emulator.

`POST /_ssooidc/<verb>`, with a JSON object in the request and in the answer. Web pages cannot use it: it requires the
token of this run and `application/json`, which no form can send, and which no page of another site may send, since
answers never have CORS headers.
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
from ssooidc_emulator._clocks import Clock
from ssooidc_emulator._identity_center import IdentityCenter
from ssooidc_emulator._oidc.answers import http_fields
from ssooidc_emulator._pages.same_origin import comes_from_another_site
from ssooidc_emulator._serving.admin_verbs import VERBS, Controlled, Verb

__all__ = ["ADMIN_PATH", "AdminEndpoint"]

_HEADERS: Final = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))
ADMIN_PATH: Final = "/_ssooidc/"
"""The beginning of the paths of all verbs."""


class AdminEndpoint:
    """Carries out verbs for clients that have the token."""

    def __init__(self, center: IdentityCenter, token: str, clock: Clock | None = None) -> None:
        """Control this center; without a clock, time cannot be advanced.

        Raises:
            ValueError: the token is empty.
        """
        if not token:
            message = "The token of an admin endpoint must not be empty"
            raise ValueError(message)
        self._center: Final = center
        self._token: Final = token.encode()
        self._clock: Final = clock

    def is_for(self, request: HttpRequest) -> bool:
        """Return whether this endpoint answers a request."""
        return urlsplit(request.url).path.startswith(ADMIN_PATH)

    def handle(self, request: HttpRequest, now: Instant) -> HttpResponse:
        """Carry out the verb of a request and return the answer; nothing is logged."""
        wall = now.wall
        if comes_from_another_site(request):
            return _refused(403, "Requests from pages of other sites are refused", wall)
        if not self._is_authorized(request):
            text = "Send the header `Authorization: Bearer <admin token of this run>`"
            return _refused(401, text, wall, ("WWW-Authenticate", "Bearer"))
        verb = VERBS.get(urlsplit(request.url).path.removeprefix(ADMIN_PATH))
        if verb is None:
            return _refused(404, f"There is no such verb: use one of {', '.join(VERBS)}", wall)
        if request.method != "POST":
            return _refused(405, "Use the method POST", wall, ("Allow", "POST"))
        if not _is_json(request):
            return _refused(415, "Send the header `Content-Type: application/json`", wall)
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
        # RFC 9110 section 11.1: the case of the scheme does not matter.
        is_token = hmac.compare_digest(token.strip().encode(), self._token)
        return is_token and scheme.lower() == "bearer"


def _is_json(request: HttpRequest) -> bool:
    content_type = request.headers.get("content-type", "")
    return content_type.partition(";")[0].strip().lower() == "application/json"


def _complaint(kind: type[Verb], error: ValidationError) -> str:
    # Only the names of the verb's own members: other names, and all values, came from the wire.
    places = [problem["loc"] for problem in error.errors(include_input=False)]
    members = sorted({str(place[0]) for place in places if place} & set(kind.model_fields))
    if members:
        return f"Missing or invalid: {', '.join(members)}"
    known = ", ".join(kind.model_fields) or "none"
    return f"The body must be a JSON object. Allowed members: {known}"


def _refused(status: int, text: str, wall: datetime, *more: tuple[str, str]) -> HttpResponse:
    return _answer(status, {"error": text}, wall, *more)


def _answer(
    status: int, members: Mapping[str, object], wall: datetime, *more: tuple[str, str]
) -> HttpResponse:
    body = to_json(members)
    fields = http_fields("application/json", body, wall) + _HEADERS
    return HttpResponse(status, (*fields, *more), body)
