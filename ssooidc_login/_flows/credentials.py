"""A role's AWS credentials: from the store while they are valid, else from the access portal."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

from ssooidc_core import Now, ResponseParseError, SecretStr, UnknownServiceError
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
from ssooidc_login._flows.portal_calls import asked_with_token
from ssooidc_login._flows.token import RefreshMemory
from ssooidc_login.errors import RoleNotAssigned, StoreError

__all__ = ["role_credentials"]

_logger: Final = logging.getLogger("ssooidc_login")

# As in boto3, credentials with less time left than this are replaced.
_WINDOW: Final = timedelta(minutes=15)
# A role's session lasts 12 hours at most, so this was not written by the portal, or this machine's clock is behind.
_LONGEST: Final = timedelta(days=1)
_OK: Final = 200
_FORBIDDEN: Final = "ForbiddenException"


def role_credentials(
    settings: SsoSettings, memory: RefreshMemory, *, account_id: str, role_name: str
) -> LoginSteps[RoleCredentialsFile]:
    """Return credentials of a role that are valid for at least 15 minutes, if the role's session is that long.

    Raises:
        SessionExpired: the portal refuses the token: log in again.
        RoleNotAssigned: the person does not have this role in this account.
        SsoOidcError: those of `asked_with_token` and GetRoleCredentials.
    """
    now = (yield from Now()).wall
    stored = yield from load_role_credentials(settings, account_id=account_id, role_name=role_name)
    if stored is not None and _WINDOW <= stored.expiration - now <= _LONGEST:
        return stored

    def ask(token: SecretStr) -> LoginSteps[GetRoleCredentialsResponse]:
        request = GetRoleCredentialsRequest.of(token, account_id=account_id, role_name=role_name)
        return (yield from get_role_credentials(request))

    try:
        answer = yield from asked_with_token(settings, memory, ask)
    except UnknownServiceError as caught:
        # The service model does not have this error, but the portal sends it (modernisation-platform#10161).
        if caught.code != _FORBIDDEN:
            raise
        role, account = printable(role_name, limit=64), printable(account_id, limit=20)
        message = f"The role {role!r} in account {account!r} is not assigned to the person who is signed in"
        raise RoleNotAssigned(message) from caught
    return (yield from _keep(settings, role_name, account_id, answer))


def _keep(
    settings: SsoSettings, role_name: str, account_id: str, answer: GetRoleCredentialsResponse
) -> LoginSteps[RoleCredentialsFile]:
    found = answer.role_credentials
    if found.expires_at is None:
        message = "GetRoleCredentials returned credentials without an expiration (status 200)"
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
        # The home directory may be read-only, in a container for example; the credentials can still be used.
        _logger.warning("The role's credentials cannot be saved: %s", caught)
    return file
