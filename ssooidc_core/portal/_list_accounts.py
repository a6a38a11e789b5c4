"""ListAccounts: the accounts that are assigned to the person, page by page.

GET /assignment/accounts, https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_ListAccounts.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias, get_args

from pydantic import BeforeValidator, Field, SecretStr

from ssooidc_core._config import ClientConfig
from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._model import Request, Response, Secret, as_secret, empty_if_absent
from ssooidc_core._program import Operation
from ssooidc_core._rest_json import parse
from ssooidc_core.portal._bearer import bearer_request
from ssooidc_core.portal._errors import (
    PORTAL_ERRORS,
    InvalidRequestException,
    ResourceNotFoundException,
    TooManyRequestsException,
    UnauthorizedException,
)

__all__ = [
    "AccountInfo",
    "ListAccounts",
    "ListAccountsError",
    "ListAccountsRequest",
    "ListAccountsResponse",
    "list_accounts",
]


class ListAccountsRequest(Request, frozen=True):
    """What ListAccounts is asked.

    Attributes:
        access_token: from CreateToken.
        next_token: from the page before.
        max_results: entries in a page at most, 1 to 100.
    """

    access_token: Secret
    next_token: str | None = None
    max_results: Annotated[int, Field(ge=1, le=100)] | None = None

    @classmethod
    def of(
        cls,
        access_token: str | SecretStr,
        *,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> ListAccountsRequest:
        """Ask with a plain or a wrapped token."""
        return cls(
            access_token=as_secret(access_token),
            next_token=next_token,
            max_results=max_results,
        )


class AccountInfo(Response, frozen=True):
    """An account: its 12-digit id, and the name and e-mail address it is shown with."""

    account_id: str
    account_name: str | None = None
    email_address: str | None = None


class ListAccountsResponse(Response, frozen=True):
    """One page.

    Attributes:
        next_token: asks for the next page; `None` or empty on the last.
        account_list: the entries.
    """

    next_token: str | None = None
    account_list: Annotated[tuple[AccountInfo, ...], BeforeValidator(empty_if_absent)] = ()


ListAccountsError: TypeAlias = (
    InvalidRequestException
    | ResourceNotFoundException
    | TooManyRequestsException
    | UnauthorizedException
)
"""What the service's model lets ListAccounts fail with."""


@dataclass(frozen=True, slots=True)
class ListAccounts(Operation[ListAccountsResponse, ListAccountsError]):
    """The operation as a value; made by `list_accounts`."""

    request: ListAccountsRequest

    @property
    def error_types(self) -> tuple[type[ListAccountsError], ...]:
        """The members of `ListAccountsError`."""
        return get_args(ListAccountsError)

    def unsigned_request(self, config: ClientConfig) -> HttpRequest:
        """Encode it."""
        return bearer_request(
            "GET",
            f"{config.portal_endpoint}/assignment/accounts",
            self.request.access_token,
            {
                "next_token": self.request.next_token,
                "max_result": self.request.max_results,
            },
        )

    def parse(self, response: HttpResponse) -> ListAccountsResponse:
        """Understand the answer."""
        return parse(response, ListAccountsResponse, self, PORTAL_ERRORS)


def list_accounts(request: ListAccountsRequest) -> ListAccounts:
    """Get one page; `ssooidc_core.flows.portal` gets them all.

    Errors when run: those of `ListAccountsError`, and what any operation may raise (see `ssooidc_core.errors`).
    """
    return ListAccounts(request)
