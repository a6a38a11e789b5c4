"""The documents of a session: their keys in the store, and reading and writing them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from ssooidc_core import CreateTokenResponse, RegisterClientResponse
from ssooidc_core._cache_files import RegistrationFile, RoleCredentialsFile, TokenFile
from ssooidc_core._cache_keys import (
    registration_cache_key,
    role_credentials_cache_key,
    token_cache_key,
)
from ssooidc_core._longest_session import LONGEST_SESSION
from ssooidc_core.errors import CacheFileInvalid
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_login._events import Load, LoginSteps, Save, Show
from ssooidc_login.stores.store import StoreKey

__all__ = [
    "end_of",
    "load_registration",
    "load_role_credentials",
    "load_token",
    "registration_key",
    "role_credentials_key",
    "save_registration",
    "save_role_credentials",
    "save_token",
    "token_key",
    "token_of",
]


def token_key(settings: SsoSettings) -> StoreKey:
    """Return the key of a session's token."""
    return StoreKey("token", token_cache_key(settings.session_name or settings.start_url))


def registration_key(settings: SsoSettings) -> StoreKey:
    """Return the key of the registration with which a session signs in."""
    return StoreKey(
        "registration",
        registration_cache_key(
            start_url=settings.start_url,
            region=settings.region,
            scopes=settings.scopes,
            session_name=settings.session_name,
        ),
    )


def role_credentials_key(settings: SsoSettings, *, account_id: str, role_name: str) -> StoreKey:
    """Return the key of a role's credentials."""
    return StoreKey(
        "role-credentials",
        role_credentials_cache_key(
            account_id=account_id,
            role_name=role_name,
            session_name=settings.session_name,
            start_url=settings.start_url,
        ),
    )


def load_token(settings: SsoSettings) -> LoginSteps[TokenFile | None]:
    """Read a session's token.

    Raises:
        CacheFileInvalid: the stored document is broken.
        StoreError: the store cannot be read.
    """
    document = yield from Load(token_key(settings))
    return None if document is None else TokenFile.from_text(document.get_secret_value())


def save_token(settings: SsoSettings, token: TokenFile) -> LoginSteps[None]:
    """Save a session's token."""
    yield from Save(token_key(settings), SecretStr(token.to_text_with_secrets()))


def load_registration(settings: SsoSettings) -> LoginSteps[RegistrationFile | None]:
    """Read a session's registration. If it is broken, show a notice and return `None`."""
    document = yield from Load(registration_key(settings))
    if document is None:
        return None
    try:
        return RegistrationFile.from_text(document.get_secret_value())
    except CacheFileInvalid as invalid:
        problem = str(invalid)
    yield from Show(f"{problem}; registering again")
    return None


def save_registration(
    settings: SsoSettings,
    client: RegisterClientResponse,
    *,
    scopes: tuple[str, ...] | None,
    grant_types: tuple[str, ...] | None,
) -> LoginSteps[None]:
    """Save a registration, if the service said when it expires: without that, no tool could use it again."""
    if client.expires_at is None:
        return
    file = RegistrationFile(
        client_id=client.client_id,
        client_secret=client.client_secret,
        expires_at=client.expires_at,
        scopes=scopes,
        grant_types=grant_types,
    )
    yield from Save(registration_key(settings), SecretStr(file.to_text_with_secrets()))


def load_role_credentials(
    settings: SsoSettings, *, account_id: str, role_name: str
) -> LoginSteps[RoleCredentialsFile | None]:
    """Read a role's credentials; return `None` if there are none or if they are broken."""
    key = role_credentials_key(settings, account_id=account_id, role_name=role_name)
    document = yield from Load(key)
    if document is None:
        return None
    try:
        return RoleCredentialsFile.from_text(document.get_secret_value())
    except CacheFileInvalid:
        return None


def save_role_credentials(
    settings: SsoSettings, role_name: str, file: RoleCredentialsFile
) -> LoginSteps[None]:
    """Save a role's credentials."""
    key = role_credentials_key(settings, account_id=file.account_id or "", role_name=role_name)
    yield from Save(key, SecretStr(file.to_text_with_secrets()))


def end_of(received: datetime, seconds: int) -> datetime:
    """Return when a token expires, given when it was received: cut to seconds, as in its document.

    No token is valid for longer than the longest session.
    """
    left = min(timedelta(seconds=seconds), LONGEST_SESSION)
    return received.astimezone(UTC).replace(microsecond=0) + left


def token_of(
    settings: SsoSettings,
    answer: CreateTokenResponse,
    client: RegisterClientResponse,
    received: datetime,
) -> TokenFile:
    """Return the document of a token that CreateToken returned, in the AWS CLI's form.

    If the response does not say how long the token is valid, it counts as expired and is refreshed at its next use.
    """
    return TokenFile(
        start_url=settings.start_url,
        region=settings.region,
        access_token=answer.access_token,
        expires_at=end_of(received, answer.expires_in),
        client_id=client.client_id,
        client_secret=client.client_secret,
        registration_expires_at=client.expires_at,
        refresh_token=answer.refresh_token,
    )
