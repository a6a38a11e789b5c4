"""ListAccountRoles: the roles that are assigned to the person in an account, page by page.

GET /assignment/roles, https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_ListAccountRoles.html
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
    "ListAccountRoles",
    "ListAccountRolesError",
    "ListAccountRolesRequest",
    "ListAccountRolesResponse",
    "RoleInfo",
    "list_account_roles",
]


class ListAccountRolesRequest(Request, frozen=True):
    """What ListAccountRoles is asked.

    Attributes:
        access_token: from CreateToken.
        account_id: 12 digits.
        next_token: from the page before.
        max_results: entries in a page at most, 1 to 100.
    """

    access_token: Secret
    account_id: str
    next_token: str | None = None
    max_results: Annotated[int, Field(ge=1, le=100)] | None = None

    @classmethod
    def of(
        cls,
        access_token: str | SecretStr,
        *,
        account_id: str,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> ListAccountRolesRequest:
        """Ask with a plain or a wrapped token."""
        return cls(
            access_token=as_secret(access_token),
            account_id=account_id,
            next_token=next_token,
            max_results=max_results,
        )


class RoleInfo(Response, frozen=True):
    """A role: its friendly name and the account it is in."""

    role_name: str
    account_id: str | None = None


class ListAccountRolesResponse(Response, frozen=True):
    """One page.

    Attributes:
        next_token: asks for the next page; `None` or empty on the last.
        role_list: the entries.
    """

    next_token: str | None = None
    role_list: Annotated[tuple[RoleInfo, ...], BeforeValidator(empty_if_absent)] = ()


ListAccountRolesError: TypeAlias = (
    InvalidRequestException
    | ResourceNotFoundException
    | TooManyRequestsException
    | UnauthorizedException
)
"""What the service's model lets ListAccountRoles fail with."""


@dataclass(frozen=True, slots=True)
class ListAccountRoles(Operation[ListAccountRolesResponse, ListAccountRolesError]):
    """The operation as a value; made by `list_account_roles`."""

    request: ListAccountRolesRequest

    @property
    def error_types(self) -> tuple[type[ListAccountRolesError], ...]:
        """The members of `ListAccountRolesError`."""
        return get_args(ListAccountRolesError)

    def unsigned_request(self, config: ClientConfig) -> HttpRequest:
        """Encode it."""
        return bearer_request(
            "GET",
            f"{config.portal_endpoint}/assignment/roles",
            self.request.access_token,
            {
                "next_token": self.request.next_token,
                "max_result": self.request.max_results,
                "account_id": self.request.account_id,
            },
        )

    def parse(self, response: HttpResponse) -> ListAccountRolesResponse:
        """Understand the answer."""
        return parse(response, ListAccountRolesResponse, self, PORTAL_ERRORS)


def list_account_roles(request: ListAccountRolesRequest) -> ListAccountRoles:
    """Get one page; `ssooidc_core.flows.portal` gets them all.

    Errors when run: those of `ListAccountRolesError`, and what any operation may raise (see `ssooidc_core.errors`).
    """
    return ListAccountRoles(request)
