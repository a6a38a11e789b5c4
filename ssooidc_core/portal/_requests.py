"""What the portal's requests have in common: members in the query, the access token in a header, and pages of lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field, SecretStr

from ssooidc_core._http import HttpRequest
from ssooidc_core._model import Request, Response, Secret
from ssooidc_core._rest_json import header_value, query_url

__all__ = ["Page", "PageRequest", "bearer_request", "page_request"]

_BEARER_HEADER: Final = "x-amz-sso_bearer_token"


def bearer_request(
    method: str,
    url: str,
    access_token: SecretStr,
    parameters: Mapping[str, str | int | None],
) -> HttpRequest:
    """Return a request without a body.

    Raises:
        ConfigurationError: the token cannot be the value of a header, or a parameter cannot be encoded.
    """
    # The token last: a traceback with locals must not show it when a parameter is refused.
    addressed = query_url(url, parameters)
    return HttpRequest(
        method, addressed, ((_BEARER_HEADER, header_value("access_token", access_token)),)
    )


class PageRequest(Request, frozen=True):
    """The request of a page."""

    access_token: Secret
    next_token: str | None = None
    max_results: Annotated[int, Field(ge=1, le=100)] | None = None


class Page(Response, frozen=True):
    """One page of a list."""

    next_token: str | None = None


def page_request(url: str, request: PageRequest, **members: str) -> HttpRequest:
    """Return the HTTP request of a page; `members` are further members of its query.

    Raises:
        ConfigurationError: a member cannot be sent.
    """
    # The name on the wire is max_result, without an s.
    query = {"next_token": request.next_token, "max_result": request.max_results, **members}
    return bearer_request("GET", url, request.access_token, query)
