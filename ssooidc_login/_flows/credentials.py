"""A role's AWS credentials: from the store while they are good, else from the access portal."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

from ssooidc_core import Now, ResponseParseError, UnknownServiceError
from ssooidc_core._cache_files import RoleCredentialsFile
from ssooidc_core._text import printable
from ssooidc_core.portal import (
    GetRoleCredentialsRequest,
    GetRoleCredentialsResponse,
    get_role_credentials,
)
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_login._events import LoginSteps
from ssooidc_login._flows.documents import load_role_credentials, save_role_credentials
from ssooidc_login._flows.token import RefreshMemory, current_token
from ssooidc_login.errors import RoleNotAssigned, StoreError

__all__ = ["role_credentials"]

_logger: Final = logging.getLogger("ssooidc_login")

# As boto3: credentials are taken for new ones while they have this long to live.
_WINDOW: Final = timedelta(minutes=15)
_OK: Final = 200
_FORBIDDEN: Final = "ForbiddenException"


def role_credentials(
    settings: SsoSettings, memory: RefreshMemory, *, account_id: str, role_name: str
) -> LoginSteps[RoleCredentialsFile]:
    """Give credentials of a role that are good for 15 minutes at least, where the role's session is that long.

    Raises:
        UnauthorizedException: the portal refuses the token: log in again.
        RoleNotAssigned: the person does not have this role in this account.
        SsoOidcError: what `current_token` and GetRoleCredentials raise.
    """
    now = (yield from Now()).wall
    stored = yield from load_role_credentials(settings, account_id=account_id, role_name=role_name)
    if stored is not None and stored.expiration - now >= _WINDOW:
        return stored
    token = yield from current_token(settings, memory)
    refused: UnknownServiceError
    try:
        answer = yield from get_role_credentials(
            GetRoleCredentialsRequest.of(
                token.access_token, account_id=account_id, role_name=role_name
            )
        )
    except UnknownServiceError as caught:
        # Not in the model, but what the portal says (modernisation-platform#10161).
        if caught.code != _FORBIDDEN:
            raise
        refused = caught
    else:
        return (yield from _keep(settings, role_name, account_id, answer))
    role, account = printable(role_name, limit=64), printable(account_id, limit=20)
    message = f"The role {role!r} in account {account!r} is not assigned to who is signed in"
    try:
        raise RoleNotAssigned(message) from refused
    finally:
        del refused  # its traceback holds this frame


def _keep(
    settings: SsoSettings, role_name: str, account_id: str, answer: GetRoleCredentialsResponse
) -> LoginSteps[RoleCredentialsFile]:
    found = answer.role_credentials
    if found.expires_at is None:
        message = "GetRoleCredentials answered credentials without expiration (status 200)"
        raise ResponseParseError(message, status=_OK)
    file = RoleCredentialsFile(
        access_key_id=found.access_key_id,
        secret_access_key=found.secret_access_key,
        session_token=found.session_token,
        expiration=found.expires_at,
        account_id=account_id,
    )
    try:
        yield from save_role_credentials(settings, role_name, file)
    except StoreError as caught:
        # A home that can only be read, in a container for example: they are good all the same.
        _logger.warning("The role's credentials cannot be kept: %s", caught)
    return file
