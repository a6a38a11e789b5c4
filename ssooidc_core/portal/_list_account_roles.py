"""ListAccountRoles: the roles that are assigned to the person in an account, page by page.

GET /assignment/roles, https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_ListAccountRoles.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias, get_args

from pydantic import BeforeValidator, SecretStr

from ssooidc_core._config import ClientConfig
from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._model import Response, as_secret, empty_if_absent
from ssooidc_core._program import Operation
from ssooidc_core._rest_json import parse
from ssooidc_core.portal._errors import PORTAL_ERRORS, PortalError
from ssooidc_core.portal._requests import Page, PageRequest, page_request

__all__ = [
    "ListAccountRoles",
    "ListAccountRolesError",
    "ListAccountRolesRequest",
    "ListAccountRolesResponse",
    "RoleInfo",
    "list_account_roles",
]


class ListAccountRolesRequest(PageRequest, frozen=True):
    """The request of ListAccountRoles.

    Attributes:
        access_token: from CreateToken.
        account_id: 12 digits.
        next_token: from the previous page.
        max_results: the most entries in a page, 1 to 100.
    """

    account_id: str

    @classmethod
    def of(
        cls,
        access_token: str | SecretStr,
        *,
        account_id: str,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> ListAccountRolesRequest:
        """Return the request with a token that is a string or a secret."""
        return cls(
            access_token=as_secret(access_token),
            account_id=account_id,
            next_token=next_token,
            max_results=max_results,
        )


class RoleInfo(Response, frozen=True):
    """A role: its friendly name and its account."""

    role_name: str
    account_id: str | None = None


class ListAccountRolesResponse(Page, frozen=True):
    """One page.

    Attributes:
        next_token: for the request of the next page; `None` or empty on the last page.
        role_list: the entries.
    """

    role_list: Annotated[tuple[RoleInfo, ...], BeforeValidator(empty_if_absent)] = ()


ListAccountRolesError: TypeAlias = PortalError
"""The errors of ListAccountRoles in the service\'s model."""


@dataclass(frozen=True, slots=True)
class ListAccountRoles(Operation[ListAccountRolesResponse, ListAccountRolesError]):
    """The operation as a value, returned by `list_account_roles`."""

    request: ListAccountRolesRequest

    @property
    def error_types(self) -> tuple[type[ListAccountRolesError], ...]:
        """The members of `ListAccountRolesError`."""
        return get_args(ListAccountRolesError)

    def unsigned_request(self, config: ClientConfig) -> HttpRequest:
        """Return the request without signature and common headers."""
        url = f"{config.portal_endpoint}/assignment/roles"
        return page_request(url, self.request, account_id=self.request.account_id)

    def parse(self, response: HttpResponse) -> ListAccountRolesResponse:
        """Return the content of an answer."""
        return parse(response, ListAccountRolesResponse, self, PORTAL_ERRORS)


def list_account_roles(request: ListAccountRolesRequest) -> ListAccountRoles:
    """Get one page; `list_all_account_roles` in `ssooidc_core.flows.portal` gets all pages.

    Running it raises the errors of `ListAccountRolesError`, and those of any operation (see `ssooidc_core.errors`).
    """
    return ListAccountRoles(request)
