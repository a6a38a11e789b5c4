"""The documents that AWS tools share on disk: a session's token, a client's registration, a role's credentials.

    ~/.aws/sso/cache/<token_cache_key>.json            TokenFile
    ~/.aws/sso/cache/<registration_cache_key>.json     RegistrationFile
    ~/.aws/cli/cache/<role_credentials_cache_key>.json RoleCredentialsFile

Reading takes what any of the AWS CLI, boto3 and the AWS SDKs write; writing gives the bytes that the AWS CLI v2 would
write. A file that is read and written again keeps the order of its keys and the keys that nobody here knows. No file
is touched here: these functions take and give text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from json import dumps

from pydantic import SecretStr

from ssooidc_core._cache_document import AsRead, Member, Reader, merged, read
from ssooidc_core.errors import CacheFileInvalid

__all__ = ["RegistrationFile", "RoleCredentialsFile", "TokenFile"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenFile:
    """A session's token file.

    Attributes:
        access_token: the bearer token; secret.
        expires_at: when it ends, UTC.
        start_url: as configured; `None` in minimal files of other tools.
        region: the SSO region it was made in; the configured one counts for requests.
        client_id: the registration that made it, needed to refresh.
        client_secret: likewise; secret.
        registration_expires_at: when that registration ends, UTC.
        refresh_token: secret; `None` where the session cannot be refreshed.
    """

    access_token: SecretStr
    expires_at: datetime
    start_url: str | None = None
    region: str | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    registration_expires_at: datetime | None = None
    refresh_token: SecretStr | None = None
    _read: AsRead = field(default_factory=AsRead, repr=False, compare=False)

    @classmethod
    def from_text(cls, text: str | bytes) -> TokenFile:
        """Read a file; keys are matched whatever their case.

        Raises:
            CacheFileInvalid: it is no JSON object, lacks `accessToken` or `expiresAt`, or a member is of another kind.
        """
        made = read(text, "token", cls._of)
        # A traceback may show what its frames hold.
        del text
        if isinstance(made, str):
            raise CacheFileInvalid(made)
        return made

    @classmethod
    def _of(cls, reader: Reader) -> TokenFile:
        return cls(
            access_token=reader.required_secret("accessToken"),
            expires_at=reader.required_time("expiresAt"),
            start_url=reader.text("startUrl"),
            region=reader.text("region"),
            client_id=reader.text("clientId"),
            client_secret=reader.secret("clientSecret"),
            registration_expires_at=reader.time("registrationExpiresAt"),
            refresh_token=reader.secret("refreshToken"),
            _read=AsRead(reader.document),
        )

    @property
    def scopes(self) -> tuple[str, ...] | None:
        """The scopes that some tools write beside their tokens, or `None`; the AWS CLI and the SDKs write none."""
        told = self._read.document.get("scopes")
        if not isinstance(told, list):
            return None
        return tuple(scope for scope in told if isinstance(scope, str))

    def to_text_with_secrets(self) -> str:
        """Give the file's content, **with the tokens in the clear**."""
        return _text_of(
            self._read,
            {
                "startUrl": self.start_url,
                "region": self.region,
                "accessToken": self.access_token,
                "expiresAt": self.expires_at,
                "clientId": self.client_id,
                "clientSecret": self.client_secret,
                "registrationExpiresAt": self.registration_expires_at,
                "refreshToken": self.refresh_token,
            },
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistrationFile:
    """A client's registration file.

    Attributes:
        client_id: the client's id.
        client_secret: secret.
        expires_at: when the registration ends, UTC.
        scopes: those registered; `None` where the file does not say.
        grant_types: those registered; `None` in files of the device flow.
    """

    client_id: str
    client_secret: SecretStr
    expires_at: datetime
    scopes: tuple[str, ...] | None = None
    grant_types: tuple[str, ...] | None = None
    _read: AsRead = field(default_factory=AsRead, repr=False, compare=False)

    @classmethod
    def from_text(cls, text: str | bytes) -> RegistrationFile:
        """Read a file; keys are matched whatever their case.

        Raises:
            CacheFileInvalid: it is no JSON object, lacks a required member, or a member is of another kind.
        """
        made = read(text, "registration", cls._of)
        # A traceback may show what its frames hold.
        del text
        if isinstance(made, str):
            raise CacheFileInvalid(made)
        return made

    @classmethod
    def _of(cls, reader: Reader) -> RegistrationFile:
        return cls(
            client_id=reader.required_text("clientId"),
            client_secret=reader.required_secret("clientSecret"),
            expires_at=reader.required_time("expiresAt"),
            scopes=reader.texts("scopes"),
            grant_types=reader.texts("grantTypes"),
            _read=AsRead(reader.document),
        )

    def to_text_with_secrets(self) -> str:
        """Give the file's content, **with the client secret in the clear**."""
        return _text_of(
            self._read,
            {
                "clientId": self.client_id,
                "clientSecret": self.client_secret,
                "expiresAt": self.expires_at,
                "scopes": self.scopes,
                "grantTypes": self.grant_types,
            },
        )

    def is_usable(self, now: datetime, *, grant_type: str, window: timedelta) -> bool:
        """Say whether it may serve a login.

        Args:
            now: UTC.
            grant_type: what the login needs. A registration for authorization codes does not serve the device flow,
                nor the other way round: the service refuses both grants in one registration.
            window: how long it must be good for, at least; the AWS CLI wants 15 minutes.
        """
        is_for_codes = "authorization_code" in (self.grant_types or ())
        fits = is_for_codes == (grant_type == "authorization_code")
        return fits and self.expires_at - now >= window


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleCredentialsFile:
    """A role's credentials file; `expiration` is UTC."""

    access_key_id: str
    secret_access_key: SecretStr
    session_token: SecretStr
    expiration: datetime
    account_id: str | None = None
    _read: AsRead = field(default_factory=AsRead, repr=False, compare=False)

    @classmethod
    def from_text(cls, text: str | bytes) -> RoleCredentialsFile:
        """Read a file.

        Raises:
            CacheFileInvalid: it is no JSON object with `Credentials`, or a member of these is missing or of another
                kind.
        """
        made = read(text, "role credentials", cls._of)
        # A traceback may show what its frames hold.
        del text
        if isinstance(made, str):
            raise CacheFileInvalid(made)
        return made

    @classmethod
    def _of(cls, reader: Reader) -> RoleCredentialsFile:
        reader = reader.inner("Credentials")
        return cls(
            access_key_id=reader.required_text("AccessKeyId"),
            secret_access_key=reader.required_secret("SecretAccessKey"),
            session_token=reader.required_secret("SessionToken"),
            expiration=reader.required_time("Expiration"),
            account_id=reader.text("AccountId"),
            _read=AsRead(reader.document),
        )

    def to_text_with_secrets(self) -> str:
        """Give the file's content, **with the credentials in the clear**."""
        credentials = merged(
            self._read,
            {
                "AccessKeyId": self.access_key_id,
                "SecretAccessKey": self.secret_access_key,
                "SessionToken": self.session_token,
                "Expiration": self.expiration,
                "AccountId": self.account_id,
            },
        )
        return dumps({"ProviderType": "sso", "Credentials": credentials})


def _text_of(read: AsRead, members: Mapping[str, Member]) -> str:
    # The separators of the AWS CLI are those of `json.dumps`, and so is the escaping of all but ASCII.
    return dumps(merged(read, members))
