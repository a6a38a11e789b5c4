"""The access portal's lists, every page of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from pydantic import SecretStr

from ssooidc_core._program import Operation, Steps, flow
from ssooidc_core.errors import ResponseParseError
from ssooidc_core.portal._list_account_roles import (
    ListAccountRolesRequest,
    RoleInfo,
    list_account_roles,
)
from ssooidc_core.portal._list_accounts import AccountInfo, ListAccountsRequest, list_accounts
from ssooidc_core.portal._requests import Page, PageRequest

__all__ = ["list_all_account_roles", "list_all_accounts"]

T = TypeVar("T")
RequestT = TypeVar("RequestT", bound=PageRequest)
PageT = TypeVar("PageT", bound=Page)

_PAGE_SIZE: Final = 100
# With full pages, 100,000 entries: far above any quota, and an end to a server that never stops.
_MOST_PAGES: Final = 1000


@flow
def list_all_accounts(access_token: str | SecretStr) -> Steps[tuple[AccountInfo, ...]]:
    """Return all accounts that the person may use.

    Raises:
        ResponseParseError: the pages have no end.
        SsoOidcError: those of ListAccounts.
    """
    request = ListAccountsRequest.of(access_token, max_results=_PAGE_SIZE)
    return (yield from _all_pages(list_accounts, request, lambda page: page.account_list))


@flow
def list_all_account_roles(
    access_token: str | SecretStr, *, account_id: str
) -> Steps[tuple[RoleInfo, ...]]:
    """Return all roles that the person may use in an account.

    Raises:
        ResponseParseError: the pages have no end.
        SsoOidcError: those of ListAccountRoles.
    """
    request = ListAccountRolesRequest.of(
        access_token, account_id=account_id, max_results=_PAGE_SIZE
    )
    return (yield from _all_pages(list_account_roles, request, lambda page: page.role_list))


def _all_pages(
    operation: Callable[[RequestT], Operation[PageT, Exception]],
    request: RequestT,
    entries: Callable[[PageT], tuple[T, ...]],
) -> Steps[tuple[T, ...]]:
    found: list[T] = []
    for _ in range(_MOST_PAGES):
        page = yield from operation(request)
        found.extend(entries(page))
        if not page.next_token:
            return tuple(found)
        if page.next_token == request.next_token:
            break
        request = request.model_copy(update={"next_token": page.next_token})
    name = type(operation(request)).__name__
    message = f"The pages of {name} have no end (status 200)"
    raise ResponseParseError(message, status=200)
