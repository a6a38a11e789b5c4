"""The documents that AWS tools share on disk: a session's token, a client's registration, a role's credentials.

    ~/.aws/sso/cache/<token_cache_key>.json            TokenFile
    ~/.aws/sso/cache/<registration_cache_key>.json     RegistrationFile
    ~/.aws/cli/cache/<role_credentials_cache_key>.json RoleCredentialsFile

Reading accepts what the AWS CLI, boto3 and the AWS SDKs write; writing produces the bytes that the AWS CLI v2 would
write. A file that is read and written again keeps the order of its keys and any unknown keys. No file is touched here:
these classes read and return text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from json import dumps
from typing import ClassVar, cast

from pydantic import SecretStr

from ssooidc_core._cache_document import SECRET, TEXT, TEXTS, TIME, CacheDocument, Member

__all__ = ["RegistrationFile", "RoleCredentialsFile", "TokenFile"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenFile(CacheDocument):
    """A session's token file.

    Attributes:
        access_token: the bearer token; secret.
        expires_at: when it expires, UTC.
        start_url: as configured; `None` in minimal files of other tools.
        region: the SSO region it was issued in. Requests use the configured one, unless the start URL leads elsewhere.
        client_id: the registration it was issued to, needed to refresh.
        client_secret: likewise; secret.
        registration_expires_at: when that registration expires, UTC.
        refresh_token: secret; `None` where the session cannot be refreshed.
    """

    name = "token"
    members: ClassVar[Mapping[str, Member]] = {
        "startUrl": Member("start_url", TEXT),
        "region": Member("region", TEXT),
        "accessToken": Member("access_token", SECRET, required=True),
        "expiresAt": Member("expires_at", TIME, required=True),
        "clientId": Member("client_id", TEXT),
        "clientSecret": Member("client_secret", SECRET),
        "registrationExpiresAt": Member("registration_expires_at", TIME),
        "refreshToken": Member("refresh_token", SECRET),
    }

    access_token: SecretStr
    expires_at: datetime
    start_url: str | None = None
    region: str | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    registration_expires_at: datetime | None = None
    refresh_token: SecretStr | None = None

    @property
    def scopes(self) -> tuple[str, ...] | None:
        """The scopes that some tools write beside their tokens, or `None`; the AWS CLI and the SDKs write none."""
        written = self._read.document.get("scopes")
        if not isinstance(written, list):
            return None
        return tuple(scope for scope in cast("list[object]", written) if isinstance(scope, str))


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistrationFile(CacheDocument):
    """A client's registration file.

    Attributes:
        client_id: the client's id.
        client_secret: secret.
        expires_at: when the registration expires, UTC.
        scopes: the registered scopes; `None` if the file does not say.
        grant_types: the registered grant types; `None` in files of the device flow.
    """

    name = "registration"
    members: ClassVar[Mapping[str, Member]] = {
        "clientId": Member("client_id", TEXT, required=True),
        "clientSecret": Member("client_secret", SECRET, required=True),
        "expiresAt": Member("expires_at", TIME, required=True),
        "scopes": Member("scopes", TEXTS),
        "grantTypes": Member("grant_types", TEXTS),
    }

    client_id: str
    client_secret: SecretStr
    expires_at: datetime
    scopes: tuple[str, ...] | None = None
    grant_types: tuple[str, ...] | None = None

    def is_usable(self, now: datetime, *, grant_type: str, window: timedelta) -> bool:
        """Return whether a login may use this registration.

        Args:
            now: the current time, UTC.
            grant_type: the grant type that the login needs. A registration for authorization codes does not serve the
                device flow, nor the reverse: the service refuses both grants in one registration.
            window: how long it must still be valid, at least; 15 minutes in the AWS CLI.
        """
        is_for_codes = "authorization_code" in (self.grant_types or ())
        fits = is_for_codes == (grant_type == "authorization_code")
        return fits and self.expires_at - now >= window


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleCredentialsFile(CacheDocument):
    """A role's credentials file; `expiration` is UTC."""

    name = "role credentials"
    inside = "Credentials"
    members: ClassVar[Mapping[str, Member]] = {
        "AccessKeyId": Member("access_key_id", TEXT, required=True),
        "SecretAccessKey": Member("secret_access_key", SECRET, required=True),
        "SessionToken": Member("session_token", SECRET, required=True),
        "Expiration": Member("expiration", TIME, required=True),
        "AccountId": Member("account_id", TEXT),
    }

    access_key_id: str
    secret_access_key: SecretStr
    session_token: SecretStr
    expiration: datetime
    account_id: str | None = None

    def to_text_with_secrets(self) -> str:
        """Return the file's content, **with the credentials in the clear**."""
        return dumps({"ProviderType": "sso", "Credentials": self._merged()})
