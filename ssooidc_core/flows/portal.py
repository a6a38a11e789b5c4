"""The access portal's lists with every page of them."""

from __future__ import annotations

from typing import Final

from pydantic import SecretStr

from ssooidc_core._program import Steps, flow
from ssooidc_core.errors import ResponseParseError
from ssooidc_core.portal._list_account_roles import (
    ListAccountRolesRequest,
    RoleInfo,
    list_account_roles,
)
from ssooidc_core.portal._list_accounts import AccountInfo, ListAccountsRequest, list_accounts

__all__ = ["list_all_account_roles", "list_all_accounts"]

_PAGE_SIZE: Final = 100
# With full pages, 100,000 entries: far above any quota, and an end to a server that never stops.
_MOST_PAGES: Final = 1000


@flow
def list_all_accounts(access_token: str | SecretStr) -> Steps[tuple[AccountInfo, ...]]:
    """Give all accounts that the person may use.

    Raises:
        ResponseParseError: the pages have no end.
        SsoOidcError: those of ListAccounts.
    """
    request = ListAccountsRequest.of(access_token, max_results=_PAGE_SIZE)
    found: list[AccountInfo] = []
    for _ in range(_MOST_PAGES):
        page = yield from list_accounts(request)
        found.extend(page.account_list)
        if not page.next_token:
            return tuple(found)
        if page.next_token == request.next_token:
            break
        request = request.model_copy(update={"next_token": page.next_token})
    raise _endless(operation="ListAccounts")


@flow
def list_all_account_roles(
    access_token: str | SecretStr, *, account_id: str
) -> Steps[tuple[RoleInfo, ...]]:
    """Give all roles that the person may use in an account.

    Raises:
        ResponseParseError: the pages have no end.
        SsoOidcError: those of ListAccountRoles.
    """
    request = ListAccountRolesRequest.of(
        access_token, account_id=account_id, max_results=_PAGE_SIZE
    )
    found: list[RoleInfo] = []
    for _ in range(_MOST_PAGES):
        page = yield from list_account_roles(request)
        found.extend(page.role_list)
        if not page.next_token:
            return tuple(found)
        if page.next_token == request.next_token:
            break
        request = request.model_copy(update={"next_token": page.next_token})
    raise _endless(operation="ListAccountRoles")


def _endless(*, operation: str) -> ResponseParseError:
    return ResponseParseError(f"The pages of {operation} have no end (status 200)", status=200)
