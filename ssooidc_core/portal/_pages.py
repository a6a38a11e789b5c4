"""The pages of the portal's two lists: what their requests and answers have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ssooidc_core._http import HttpRequest
from ssooidc_core._model import Request, Response, Secret
from ssooidc_core.portal._bearer import bearer_request

__all__ = ["Page", "PageRequest", "page_request"]


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
