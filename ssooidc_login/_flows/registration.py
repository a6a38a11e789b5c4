"""A session's client registration: the one on disk while it serves, else a new one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, TypeAlias

from ssooidc_core import (
    InvalidClientException,
    Now,
    RefreshTokenGrant,
    RegisterClientRequest,
    RegisterClientResponse,
    SecretStr,
    ServiceError,
    create_token,
    register_client,
)
from ssooidc_core.flows.authorization_code import DEFAULT_SCOPES, code_registration
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_login._events import Delete, LoginSteps
from ssooidc_login._flows.documents import (
    load_registration,
    registration_key,
    save_registration,
)

__all__ = ["LoginGrant", "Registered", "is_known", "registered", "scopes_of"]

LoginGrant: TypeAlias = Literal[
    "authorization_code", "urn:ietf:params:oauth:grant-type:device_code"
]
"""The grant that a login asks for its token with."""

_WINDOW: Final = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True, slots=True)
class Registered:
    """A registration, and whether it was there before."""

    client: RegisterClientResponse
    reused: bool


def scopes_of(settings: SsoSettings, grant: LoginGrant) -> tuple[str, ...] | None:
    """Give the scopes to register.

    Where none are configured, those that the AWS CLI takes for browser logins; the older form of a profile has none in
    the device flow, as there, and its tokens cannot be refreshed.
    """
    if settings.scopes is not None:
        return settings.scopes
    if grant == "authorization_code" or settings.session_name is not None:
        return DEFAULT_SCOPES
    return None


def registered(
    settings: SsoSettings, grant: LoginGrant, *, client_name: str, start_url: str, anew: bool
) -> LoginSteps[Registered]:
    """Give a registration for a login: the stored one if it is good for 15 more minutes and made for this grant.

    Args:
        settings: which session.
        grant: what the login needs.
        client_name: of a new registration.
        start_url: where the session is signed in to, a vanity URL resolved.
        anew: register, whatever is stored.

    Raises:
        SsoOidcError: those of RegisterClient and of the store.
    """
    now = (yield from Now()).wall
    stored = yield from load_registration(settings)
    if stored is not None and not anew and stored.is_usable(now, grant_type=grant, window=_WINDOW):
        client = RegisterClientResponse(
            client_id=stored.client_id,
            client_secret=stored.client_secret,
            client_secret_expires_at=int(stored.expires_at.timestamp()),
        )
        return Registered(client=client, reused=True)
    if anew:
        yield from Delete(registration_key(settings))
    scopes = scopes_of(settings, grant)
    if grant == "authorization_code":
        request = code_registration(client_name, start_url=start_url, scopes=scopes or ())
    else:
        request = RegisterClientRequest(
            client_name=client_name, client_type="public", scopes=scopes
        )
    client = yield from register_client(request)
    yield from save_registration(settings, client, scopes=scopes, grant_types=request.grant_types)
    return Registered(client=client, reused=False)


def is_known(client: RegisterClientResponse) -> LoginSteps[bool]:
    """Ask whether the service still knows a registration, before a person is sent to a page that only says no.

    RFC 6749 section 5.2: a client is authenticated before its grant is looked at, so that a refresh with no real token
    tells `invalid_client` from `invalid_grant`, and changes nothing.
    """
    grant = RefreshTokenGrant.of(client, SecretStr("is-this-client-known"))
    try:
        _ = yield from create_token(grant)
    except InvalidClientException:
        return False
    except ServiceError:
        return True
    return True
