"""A session's client registration: the stored one while it can be used, else a new one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, TypeAlias

from ssooidc_core import (
    InvalidClientException,
    InvalidRequestException,
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
from ssooidc_login._login_plan import LoginPlan

__all__ = ["LoginGrant", "Registered", "is_known", "registered", "scopes_of"]

LoginGrant: TypeAlias = Literal[
    "authorization_code", "urn:ietf:params:oauth:grant-type:device_code"
]
"""The grant type with which a login gets its token."""

_WINDOW: Final = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True, slots=True)
class Registered:
    """A registration, and whether it was read from the store."""

    client: RegisterClientResponse
    reused: bool


def scopes_of(settings: SsoSettings, grant: LoginGrant) -> tuple[str, ...] | None:
    """Return the scopes to register, or `None` for a registration without scopes.

    If none are configured, these are the AWS CLI's default scopes. As in the AWS CLI, a profile in the legacy form,
    without an sso-session, has no scopes in the device flow, and its tokens cannot be refreshed.
    """
    if settings.scopes is not None:
        return settings.scopes
    if grant == "authorization_code" or settings.session_name is not None:
        return DEFAULT_SCOPES
    return None


def registered(
    settings: SsoSettings, plan: LoginPlan, grant: LoginGrant, *, replace: bool = False
) -> LoginSteps[Registered]:
    """Return a registration for a login: the stored one if it allows this grant and is valid for 15 more minutes.

    Args:
        settings: the session's settings.
        plan: has the name of a new registration, and the start URL.
        grant: the grant type that the login needs.
        replace: delete the stored registration and make a new one.

    Raises:
        SsoOidcError: those of RegisterClient and of the store.
    """
    now = (yield from Now()).wall
    stored = yield from load_registration(settings)
    if (
        stored is not None
        and not replace
        and stored.is_usable(now, grant_type=grant, window=_WINDOW)
    ):
        client = RegisterClientResponse(
            client_id=stored.client_id,
            client_secret=stored.client_secret,
            client_secret_expires_at=int(stored.expires_at.timestamp()),
        )
        return Registered(client=client, reused=True)
    if replace:
        yield from Delete(registration_key(settings))
    scopes = scopes_of(settings, grant)
    if grant == "authorization_code":
        request = code_registration(plan.client_name, start_url=plan.start_url, scopes=scopes or ())
    else:
        request = RegisterClientRequest(
            client_name=plan.client_name, client_type="public", scopes=scopes
        )
    client = yield from register_client(request)
    yield from save_registration(settings, client, scopes=scopes, grant_types=request.grant_types)
    return Registered(client=client, reused=False)


def is_known(client: RegisterClientResponse) -> LoginSteps[bool]:
    """Ask the service whether it still knows a registration, so that the person is not sent to an error page.

    The service authenticates the client before it checks the grant (RFC 6749 section 5.2). So a refresh with a made-up
    token fails with `invalid_client` if the registration is unknown and with `invalid_grant` if it is known, and
    changes nothing. A registration of another region was seen to fail with `invalid_request`.
    """
    grant = RefreshTokenGrant.of(client, SecretStr("is-this-client-known"))
    try:
        _ = yield from create_token(grant)
    except (InvalidClientException, InvalidRequestException):
        return False
    except ServiceError:
        return True
    return True
