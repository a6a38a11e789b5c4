"""Registered clients: the rules of RegisterClient, and the authentication of clients."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from ssooidc_emulator._entropy import REPEATED_ENTROPY, Entropy
from ssooidc_emulator._expiring import ExpiringMap
from ssooidc_emulator._oidc.client_secret import ClientSecrets
from ssooidc_emulator._oidc.inputs import RegisterClientInput
from ssooidc_emulator._oidc.redirect_uris import is_registrable
from ssooidc_emulator._oidc.refusals import (
    BAD_CLIENT_NAME,
    BAD_CLIENT_TYPE,
    BAD_REDIRECT_URI,
    BAD_SCOPE,
    INVALID_CLIENT,
    MIXED_GRANT_TYPES,
    TOO_MANY_SCOPES,
    UNSUPPORTED_GRANT_TYPE,
    Refusal,
)
from ssooidc_emulator._settings import Settings

__all__ = [
    "AUTHORIZATION_CODE",
    "DEVICE_CODE",
    "GRANT_TYPES",
    "REFRESH_TOKEN",
    "RegisteredClient",
    "Registration",
    "Registrations",
]

DEVICE_CODE: Final = "urn:ietf:params:oauth:grant-type:device_code"
AUTHORIZATION_CODE: Final = "authorization_code"
REFRESH_TOKEN: Final = "refresh_token"  # noqa: S105 - a grant type
GRANT_TYPES: Final = frozenset({DEVICE_CODE, AUTHORIZATION_CODE, REFRESH_TOKEN})
"""The grant types of RegisterClient and CreateToken."""

_MAX_SCOPES: Final = 25
_CLIENT_ID_BYTES: Final = 16
_MOST_TRIES: Final = 100
# RFC 6749 section 3.3
_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+\Z")


@dataclass(frozen=True, slots=True)
class Registration:
    """A registered client; times are epoch seconds."""

    client_id: str
    client_secret: str = field(repr=False)
    client_name: str
    scopes: tuple[str, ...]
    grant_types: frozenset[str]
    redirect_uris: tuple[str, ...]
    issued_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """A registered client, without its secret."""

    client_id: str
    client_name: str
    scopes: tuple[str, ...]
    grant_types: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime


class Registrations:
    """All registered clients of an instance. Not locked."""

    def __init__(self, settings: Settings, entropy: Entropy) -> None:
        """Start without clients."""
        self._settings: Final = settings
        self._entropy: Final = entropy
        self._secrets: Final = ClientSecrets(settings.region, entropy)
        self._clients: Final = ExpiringMap[str, Registration]()

    def __len__(self) -> int:
        """Return the number of clients that were not dropped yet."""
        return len(self._clients)

    def register(self, asked: RegisterClientInput, now: float) -> Registration | Refusal:
        """Register a client and return it, or a refusal."""
        refusal = self._problem(asked)
        if refusal is not None:
            return refusal
        client_id = self._new_client_id()
        issued_at = int(now)
        scopes = asked.scopes or ()
        registration = Registration(
            client_id=client_id,
            client_secret=self._secrets.make(
                client_id=client_id,
                client_name=asked.client_name,
                scopes=scopes,
                issuer_url=asked.issuer_url,
                now=now,
                expires_at=now + self._settings.registration_lifetime,
            ),
            client_name=asked.client_name,
            scopes=scopes,
            grant_types=_usable_grants(asked.grant_types or ()),
            redirect_uris=asked.redirect_uris or (),
            issued_at=issued_at,
            expires_at=issued_at + self._settings.registration_lifetime,
        )
        self._clients.put(client_id, registration, until=registration.expires_at)
        return registration

    def authenticate(
        self, client_id: str, client_secret: str, now: float
    ) -> Registration | Refusal:
        """Return the client with this id and secret; an unknown, an expired and a wrong one get the same refusal."""
        registration = self.find(client_id, now)
        if registration is None:
            return INVALID_CLIENT
        # As bytes: compare_digest accepts only ASCII text.
        if not hmac.compare_digest(registration.client_secret.encode(), client_secret.encode()):
            return INVALID_CLIENT
        return registration

    def find(self, client_id: str, now: float) -> Registration | None:
        """Return the client with this id, or `None`; for browsers, which send no secret (RFC 6749 section 4.1.1)."""
        registration = self._clients.get(client_id)
        return None if registration is None or now >= registration.expires_at else registration

    def listed(self, now: float) -> Iterable[RegisteredClient]:
        """Yield the clients that have not expired, oldest first."""
        for client in self._clients.values():
            if now < client.expires_at:
                yield RegisteredClient(
                    client_id=client.client_id,
                    client_name=client.client_name,
                    scopes=client.scopes,
                    grant_types=tuple(sorted(client.grant_types)),
                    issued_at=datetime.fromtimestamp(client.issued_at, UTC),
                    expires_at=datetime.fromtimestamp(client.expires_at, UTC),
                )

    def forget_expired(self, now: float) -> None:
        """Drop expired registrations."""
        _ = self._clients.forget_until(now)

    def _new_client_id(self) -> str:
        for _ in range(_MOST_TRIES):
            raw = self._entropy(_CLIENT_ID_BYTES) + self._settings.region.encode("ascii")
            client_id = base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
            if client_id not in self._clients:
                return client_id
        raise RuntimeError(REPEATED_ENTROPY)

    def _problem(self, asked: RegisterClientInput) -> Refusal | None:
        # "The service supports only public as a client type" (the API reference)
        if asked.client_type != "public":
            return BAD_CLIENT_TYPE
        if not asked.client_name or (self._settings.refuse_white_space and _spaced(asked)):
            return BAD_CLIENT_NAME
        if not all(map(is_registrable, asked.redirect_uris or ())):
            return BAD_REDIRECT_URI
        grant_types = frozenset(asked.grant_types or ())
        if not grant_types <= GRANT_TYPES:
            return UNSUPPORTED_GRANT_TYPE
        if {DEVICE_CODE, AUTHORIZATION_CODE} <= grant_types:
            return MIXED_GRANT_TYPES
        scopes = asked.scopes or ()
        if len(scopes) > _MAX_SCOPES:
            return TOO_MANY_SCOPES
        # Malformed scopes are refused by RFC 6749 section 3.3. Which scopes the service has is not public.
        return None if all(map(_SCOPE.match, scopes)) else BAD_SCOPE


def _spaced(asked: RegisterClientInput) -> bool:
    """Return whether the name has white space.

    Reported as refused: `botocore-client-AWS on Chromebook` was answered with InvalidClientMetadataException, which AWS
    staff reproduced (aws/aws-cli#7643, 2023). No record shows whether that is still so; a name without white space is
    always accepted.
    """
    return any(character.isspace() for character in asked.client_name)


def _usable_grants(asked: tuple[str, ...]) -> frozenset[str]:
    """Return the grant types that a client may use.

    The AWS CLI registers for the device flow without any grant types, other tools with `refresh_token` alone
    (synfinatic/aws-sso-cli#1360), and both then use device codes. Only a client for authorization codes may not.
    """
    if not asked:
        return frozenset({DEVICE_CODE, REFRESH_TOKEN})
    if AUTHORIZATION_CODE in asked:
        return frozenset(asked)
    return frozenset({DEVICE_CODE, *asked})
