"""The access portal: accounts, roles and role credentials for the access token of a session, and the session's end.

https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/welcome.html
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_emulator._directory import Account, Directory
from ssooidc_emulator._entropy import Entropy
from ssooidc_emulator._oidc.refusals import MessageRefusal
from ssooidc_emulator._oidc.sessions import Session, Sessions
from ssooidc_emulator._portal.answers import (
    BAD_ACCOUNT_ID,
    BAD_ROLE_NAME,
    METHOD_NOT_ALLOWED,
    NO_ACCESS,
    NO_SESSION,
    NOT_FOUND,
    PortalAnswers,
)
from ssooidc_emulator._portal.pagination import ResultPages
from ssooidc_emulator._settings import Settings

__all__ = ["Portal"]

_Query: TypeAlias = Mapping[str, str]
_Result: TypeAlias = Mapping[str, object] | MessageRefusal | None
_Operation: TypeAlias = Callable[[Session, _Query, datetime], _Result]

_BEARER_HEADER: Final = "x-amz-sso_bearer_token"
_PORTAL_SCOPE: Final = "sso:account:access"
_ACCOUNT_ID: Final = re.compile(r"[0-9]{12}\Z")
_MOST_PARAMETERS: Final = 100
_MILLISECONDS: Final = 1000
# AWS documents the prefix of temporary keys (IAM user guide, "Unique identifiers"); 16 characters follow.
_KEY_ID_PREFIX: Final = "ASIA"
_KEY_ID_BYTES: Final = 10
_SECRET_BYTES: Final = 30
# The session tokens of STS begin with this, base64 for `!`, a line feed, a tab and `origin_ec`.
_TOKEN_START: Final = b"!\n\torigin_ec"
_TOKEN_BYTES: Final = 240


class Portal:
    """The portal's operations over one instance's sessions and directory. Not locked."""

    def __init__(
        self, settings: Settings, sessions: Sessions, directory: Directory, entropy: Entropy
    ) -> None:
        """Use these sessions and this directory."""
        self.answers: Final = PortalAnswers(entropy)
        self._settings: Final = settings
        self._sessions: Final = sessions
        self._directory: Final = directory
        self._entropy: Final = entropy
        self._pages: Final = ResultPages(entropy)

    def route(self, operation: _Operation) -> Callable[[HttpRequest, datetime], HttpResponse]:
        """Return a function that answers requests for an operation, given by one of the methods below."""

        def answer(request: HttpRequest, wall: datetime) -> HttpResponse:
            session = self._session(request, wall)
            result = NO_SESSION if session is None else operation(session, _query(request), wall)
            if isinstance(result, MessageRefusal):
                return self.answers.refused(result, wall)
            return self.answers.empty(wall) if result is None else self.answers.output(result, wall)

        return answer

    def wrong_method(self, wall: datetime) -> HttpResponse:
        """Return the answer to a request for an operation's path with another method."""
        return self.answers.refused(METHOD_NOT_ALLOWED, wall)

    def get_role_credentials(self, session: Session, query: _Query, wall: datetime) -> _Result:
        """Carry out GetRoleCredentials."""
        account_id, role_name = query.get("account_id", ""), query.get("role_name", "")
        if _ACCOUNT_ID.match(account_id) is None:
            return BAD_ACCOUNT_ID
        if not role_name:
            return BAD_ROLE_NAME
        if not self._directory.has_role(session.user, account_id=account_id, role_name=role_name):
            return NO_ACCESS
        ends_at = wall.timestamp() + self._settings.role_session_lifetime
        # In milliseconds, but whole seconds, like AWS's.
        credentials = _new_credentials(self._entropy, int(ends_at) * _MILLISECONDS)
        return {"roleCredentials": credentials}

    def list_accounts(self, session: Session, query: _Query, wall: datetime) -> _Result:
        """Carry out ListAccounts."""
        del wall
        page = self._pages.page(
            self._directory.accounts_of(session.user),
            _account_id,
            of=(session.session_id, "ListAccounts"),
            max_result=query.get("max_result"),
            next_token=query.get("next_token"),
        )
        if isinstance(page, MessageRefusal):
            return page
        accounts = [
            {
                "accountId": account.account_id,
                "accountName": account.name,
                "emailAddress": account.email,
            }
            for account in page.entries
        ]
        return {"accountList": accounts, "nextToken": page.next_token}

    def list_account_roles(self, session: Session, query: _Query, wall: datetime) -> _Result:
        """Carry out ListAccountRoles.

        The real service's answer about an account in which the person has no role is unverified: here it is 403, or 404
        if the organization has no such account.
        """
        del wall
        account_id = query.get("account_id", "")
        if _ACCOUNT_ID.match(account_id) is None:
            return BAD_ACCOUNT_ID
        if account_id not in map(_account_id, self._directory.accounts):
            return NOT_FOUND
        roles = self._directory.roles_of(session.user, account_id=account_id)
        if not roles:
            return NO_ACCESS
        page = self._pages.page(
            roles,
            str,
            of=(session.session_id, "ListAccountRoles", account_id),
            max_result=query.get("max_result"),
            next_token=query.get("next_token"),
        )
        if isinstance(page, MessageRefusal):
            return page
        entries = [{"accountId": account_id, "roleName": role} for role in page.entries]
        return {"nextToken": page.next_token, "roleList": entries}

    def logout(self, session: Session, query: _Query, wall: datetime) -> None:
        """Carry out Logout: the session's tokens become invalid, including the refresh token."""
        del query, wall
        session.end()

    def _session(self, request: HttpRequest, wall: datetime) -> Session | None:
        """Return the session of the request's token, or `None` if it may not use the portal.

        A session with other scopes only, for example Amazon Q's, is answered like an unknown one
        (fwdcloudsec/granted#941). Clients registered without scopes, as all were before scopes existed, may use the
        portal (RegisterClient's documentation).
        """
        token = request.headers.get(_BEARER_HEADER)
        session = None if token is None else self._sessions.find(token, wall.timestamp())
        if session is None or (session.scopes and _PORTAL_SCOPE not in session.scopes):
            return None
        return session


def _account_id(account: Account) -> str:
    return account.account_id


def _query(request: HttpRequest) -> _Query:
    """Return the parameters of the query, the first of repeated ones; none if there are too many."""
    try:
        pairs = parse_qsl(
            urlsplit(request.url).query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS
        )
    except ValueError:
        return {}
    return dict(reversed(pairs))


def _new_credentials(entropy: Entropy, expiration: int) -> dict[str, str | int]:
    """Return random credentials, which no AWS service accepts, by their wire names.

    `expiration` is in epoch milliseconds.
    """
    key_id = base64.b32encode(entropy(_KEY_ID_BYTES)).decode("ascii")
    return {
        "accessKeyId": f"{_KEY_ID_PREFIX}{key_id}",
        "secretAccessKey": base64.b64encode(entropy(_SECRET_BYTES)).decode("ascii"),
        "sessionToken": base64.b64encode(_TOKEN_START + entropy(_TOKEN_BYTES)).decode("ascii"),
        "expiration": expiration,
    }
