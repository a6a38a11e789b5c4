"""ListAccounts: the accounts that are assigned to the person, page by page.

GET /assignment/accounts, https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_ListAccounts.html
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
    "AccountInfo",
    "ListAccounts",
    "ListAccountsError",
    "ListAccountsRequest",
    "ListAccountsResponse",
    "list_accounts",
]


class ListAccountsRequest(PageRequest, frozen=True):
    """The request of ListAccounts.

    Attributes:
        access_token: from CreateToken.
        next_token: from the previous page.
        max_results: the most entries in a page, 1 to 100.
    """

    @classmethod
    def of(
        cls,
        access_token: str | SecretStr,
        *,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> ListAccountsRequest:
        """Return the request with a token that is a string or a secret."""
        return cls(
            access_token=as_secret(access_token),
            next_token=next_token,
            max_results=max_results,
        )


class AccountInfo(Response, frozen=True):
    """An account: its 12-digit id, name and e-mail address."""

    account_id: str
    account_name: str | None = None
    email_address: str | None = None


class ListAccountsResponse(Page, frozen=True):
    """One page.

    Attributes:
        next_token: for the request of the next page; `None` or empty on the last page.
        account_list: the entries.
    """

    account_list: Annotated[tuple[AccountInfo, ...], BeforeValidator(empty_if_absent)] = ()


ListAccountsError: TypeAlias = PortalError
"""The errors of ListAccounts in the service\'s model."""


@dataclass(frozen=True, slots=True)
class ListAccounts(Operation[ListAccountsResponse, ListAccountsError]):
    """The operation as a value, returned by `list_accounts`."""

    request: ListAccountsRequest

    @property
    def error_types(self) -> tuple[type[ListAccountsError], ...]:
        """The members of `ListAccountsError`."""
        return get_args(ListAccountsError)

    def unsigned_request(self, config: ClientConfig) -> HttpRequest:
        """Return the request without signature and common headers."""
        return page_request(f"{config.portal_endpoint}/assignment/accounts", self.request)

    def parse(self, response: HttpResponse) -> ListAccountsResponse:
        """Return the content of an answer."""
        return parse(response, ListAccountsResponse, self, PORTAL_ERRORS)


def list_accounts(request: ListAccountsRequest) -> ListAccounts:
    """Get one page; `list_all_accounts` in `ssooidc_core.flows.portal` gets all pages.

    Running it raises the errors of `ListAccountsError`, and those of any operation (see `ssooidc_core.errors`).
    """
    return ListAccounts(request)
