"""The access portal: accounts, roles and role credentials for a session's access token, and the session's end.

https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/welcome.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_emulator._directory import Account, Directory
from ssooidc_emulator._entropy import Entropy
from ssooidc_emulator._oidc.sessions import Session, Sessions
from ssooidc_emulator._portal.answers import PortalAnswers
from ssooidc_emulator._portal.pagination import ResultPages
from ssooidc_emulator._portal.refusals import (
    BAD_ACCOUNT_ID,
    BAD_ROLE_NAME,
    METHOD_NOT_ALLOWED,
    NO_ACCESS,
    NO_SESSION,
    NOT_FOUND,
    PortalRefusal,
)
from ssooidc_emulator._portal.role_credentials import new_role_credentials
from ssooidc_emulator._settings import Settings

if TYPE_CHECKING:
    from ssooidc_emulator.faults._script import OperationName

__all__ = ["Portal"]

_Query: TypeAlias = Mapping[str, str]
_Answer: TypeAlias = Callable[[HttpRequest, datetime], HttpResponse]

_BEARER_HEADER: Final = "x-amz-sso_bearer_token"
_PORTAL_SCOPE: Final = "sso:account:access"
_ACCOUNT_ID: Final = re.compile(r"[0-9]{12}\Z")
_MOST_PARAMETERS: Final = 100
_MILLISECONDS: Final = 1000


class Portal:
    """The portal's operations over one instance's sessions and directory. Not locked."""

    def __init__(
        self, settings: Settings, sessions: Sessions, directory: Directory, entropy: Entropy
    ) -> None:
        """Take what it answers about."""
        self.answers: Final = PortalAnswers(entropy)
        self._settings: Final = settings
        self._sessions: Final = sessions
        self._directory: Final = directory
        self._entropy: Final = entropy
        self._pages: Final = ResultPages(entropy)
        self.operations: Final[Mapping[str, tuple[str, OperationName, _Answer]]] = {
            "/federation/credentials": ("GET", "GetRoleCredentials", self.get_role_credentials),
            "/assignment/accounts": ("GET", "ListAccounts", self.list_accounts),
            "/assignment/roles": ("GET", "ListAccountRoles", self.list_account_roles),
            "/logout": ("POST", "Logout", self.logout),
        }
        """By path: the method, the operation's name, and what answers it."""

    def get_role_credentials(self, request: HttpRequest, wall: datetime) -> HttpResponse:
        """GetRoleCredentials."""
        session = self._session(request, wall)
        if session is None:
            return self._refused(NO_SESSION, wall)
        query = _query(request)
        account_id, role_name = query.get("account_id", ""), query.get("role_name", "")
        if _ACCOUNT_ID.match(account_id) is None:
            return self._refused(BAD_ACCOUNT_ID, wall)
        if not role_name:
            return self._refused(BAD_ROLE_NAME, wall)
        if not self._directory.has_role(session.user, account_id=account_id, role_name=role_name):
            return self._refused(NO_ACCESS, wall)
        ends_at = wall.timestamp() + self._settings.role_session_lifetime
        # AWS's are whole seconds, in milliseconds.
        credentials = new_role_credentials(self._entropy, int(ends_at) * _MILLISECONDS)
        return self.answers.output({"roleCredentials": credentials}, wall)

    def list_accounts(self, request: HttpRequest, wall: datetime) -> HttpResponse:
        """ListAccounts."""
        session = self._session(request, wall)
        if session is None:
            return self._refused(NO_SESSION, wall)
        query = _query(request)
        page = self._pages.page(
            self._directory.accounts_of(session.user),
            _account_id,
            of=(session.session_id, "ListAccounts"),
            max_result=query.get("max_result"),
            next_token=query.get("next_token"),
        )
        if isinstance(page, PortalRefusal):
            return self._refused(page, wall)
        accounts = [
            {
                "accountId": account.account_id,
                "accountName": account.name,
                "emailAddress": account.email,
            }
            for account in page.entries
        ]
        return self.answers.output({"accountList": accounts, "nextToken": page.next_token}, wall)

    def list_account_roles(self, request: HttpRequest, wall: datetime) -> HttpResponse:
        """ListAccountRoles.

        What the service says about an account without a role for the person is unverified: here 403, or 404 where the
        organization has no such account.
        """
        session = self._session(request, wall)
        if session is None:
            return self._refused(NO_SESSION, wall)
        query = _query(request)
        account_id = query.get("account_id", "")
        if _ACCOUNT_ID.match(account_id) is None:
            return self._refused(BAD_ACCOUNT_ID, wall)
        if account_id not in map(_account_id, self._directory.accounts):
            return self._refused(NOT_FOUND, wall)
        roles = self._directory.roles_of(session.user, account_id=account_id)
        if not roles:
            return self._refused(NO_ACCESS, wall)
        page = self._pages.page(
            roles,
            str,
            of=(session.session_id, "ListAccountRoles", account_id),
            max_result=query.get("max_result"),
            next_token=query.get("next_token"),
        )
        if isinstance(page, PortalRefusal):
            return self._refused(page, wall)
        entries = [{"accountId": account_id, "roleName": role} for role in page.entries]
        return self.answers.output({"nextToken": page.next_token, "roleList": entries}, wall)

    def logout(self, request: HttpRequest, wall: datetime) -> HttpResponse:
        """Logout: the session's tokens are dead from now on, the refresh token as well."""
        session = self._session(request, wall)
        if session is None:
            return self._refused(NO_SESSION, wall)
        session.end()
        return self.answers.empty(wall)

    def wrong_method(self, wall: datetime) -> HttpResponse:
        """Answer where an operation's path was asked by another method."""
        return self._refused(METHOD_NOT_ALLOWED, wall)

    def _session(self, request: HttpRequest, wall: datetime) -> Session | None:
        """Give the session of the request's token, where it may use the portal.

        One for other scopes only, Amazon Q's for example, is answered as if it were none (fwdcloudsec/granted#941).
        Clients that registered no scopes at all are older than scopes and may (RegisterClient's documentation).
        """
        token = request.headers.get(_BEARER_HEADER)
        session = None if token is None else self._sessions.find(token, wall.timestamp())
        if session is None or (session.scopes and _PORTAL_SCOPE not in session.scopes):
            return None
        return session

    def _refused(self, refusal: PortalRefusal, wall: datetime) -> HttpResponse:
        return self.answers.portal_refused(refusal, wall)


def _account_id(account: Account) -> str:
    return account.account_id


def _query(request: HttpRequest) -> _Query:
    """Give the query's parameters, the first where one is repeated; none where there are too many."""
    try:
        pairs = parse_qsl(
            urlsplit(request.url).query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS
        )
    except ValueError:
        return {}
    return dict(reversed(pairs))
