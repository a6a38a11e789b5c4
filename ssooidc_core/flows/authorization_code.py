"""Signing in through a browser: authorization code with PKCE (RFC 6749 section 4.1, RFC 7636, RFC 8252).

    pending = run(start_code_login(request, redirect_uri="http://127.0.0.1:8400/oauth/callback", ...), transport)
    open_in_a_browser(pending.authorize_url(config))
    token = run(finish_code_login(pending, callback_url), transport)

A login between its start and its end is a value, `PendingCodeLogin`. Who listens at the redirect URI, and how the
browser is opened, is not the core's business.
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import Annotated, Final

from pydantic import Field, SecretStr, ValidationError

from ssooidc_core._config import ClientConfig
from ssooidc_core._model import Secret, Stored, to_json
from ssooidc_core._operations.create_token import (
    AuthorizationCodeGrant,
    CreateTokenResponse,
    create_token,
)
from ssooidc_core._operations.register_client import (
    RegisterClientRequest,
    RegisterClientResponse,
    register_client,
)
from ssooidc_core._pkce import (
    Entropy,
    authorize_url,
    code_challenge,
    new_code_verifier,
    new_state,
    parse_callback,
)
from ssooidc_core._program import Now, Steps, flow
from ssooidc_core.errors import (
    CallbackMismatch,
    CallbackRefused,
    CodeLoginExpired,
    ConfigurationError,
    ExpiredTokenException,
)

__all__ = [
    "CALLBACK_PATH",
    "DEFAULT_SCOPES",
    "LOOPBACK_REDIRECT_URI",
    "PendingCodeLogin",
    "code_registration",
    "finish_code_login",
    "start_code_login",
]

CALLBACK_PATH: Final = "/oauth/callback"
"""The one path that the service takes in a redirect URI."""

LOOPBACK_REDIRECT_URI: Final = f"http://127.0.0.1{CALLBACK_PATH}"
"""What is registered: without a port, which fits every port (RFC 8252 section 7.3)."""

DEFAULT_SCOPES: Final = ("sso:account:access",)
"""What the AWS CLI asks for where a session names no scopes: use of the access portal."""

_GRANT_TYPES: Final = ("authorization_code", "refresh_token")
_SECONDS_TO_SIGN_IN: Final = 600
_REDIRECT_URI: Final = re.compile(rf"http://127\.0\.0\.1(?::[0-9]{{1,5}})?{CALLBACK_PATH}\Z")

_Epoch = Annotated[float, Field(ge=0, le=253_402_300_799, allow_inf_nan=False)]


class PendingCodeLogin(Stored, frozen=True):
    """A browser login that waits for the person.

    Attributes:
        region: the region that it was started in.
        client: the registration that it was started with, which refreshing needs later.
        scopes: what is asked for.
        redirect_uri: where the browser is sent back to, port included.
        state: ties the callback to this login; secret while it waits.
        code_verifier: proves that the code is ours (RFC 7636); secret.
        issuer: what `iss` of a callback that has one must be (RFC 9207), or `None`.
        expires_at: epoch seconds after which the login is over.
    """

    region: str
    client: RegisterClientResponse
    scopes: tuple[str, ...]
    redirect_uri: str
    state: Secret
    code_verifier: Secret
    issuer: str | None = None
    expires_at: _Epoch

    def authorize_url(self, config: ClientConfig) -> str:
        """Give the URL that the browser is to open; `state` is in it, so keep it off what others can read.

        It has the base of the SSO OIDC endpoint, as the AWS CLI's has.

        Raises:
            ConfigurationError: the endpoint cannot be resolved.
        """
        return authorize_url(
            config.oidc_endpoint,
            client_id=self.client.client_id,
            redirect_uri=self.redirect_uri,
            state=self.state,
            challenge=code_challenge(self.code_verifier),
            scopes=self.scopes,
        )

    def code_of(self, callback_url: str) -> SecretStr:
        """Give the code in a callback URL, or in its path and query, if it is the answer to this login.

        Raises:
            CallbackRefused: it is, and it says no.
            CallbackMismatch: it is not: another path, another `state` or issuer, or neither code nor error in it.
            ConfigurationError: it is no URL.
        """
        try:
            callback = parse_callback(callback_url)
        finally:
            # A traceback may show what its frames hold.
            del callback_url
        if callback.path != CALLBACK_PATH:
            message = f"The callback has another path than {CALLBACK_PATH}"
            raise CallbackMismatch(message, error=callback.error)
        if callback.state is None or not _same(callback.state, self.state):
            message = "The callback's state is not this login's"
            raise CallbackMismatch(message, error=callback.error)
        if None not in {callback.iss, self.issuer} and callback.iss != self.issuer:
            message = "The callback is from another issuer than this login's"
            raise CallbackMismatch(message, error=callback.error)
        if callback.error is not None:
            raise CallbackRefused(callback.error, callback.error_description)
        if callback.code is None:
            message = "The callback has no authorization code"
            raise CallbackMismatch(message)
        return callback.code

    def to_json_with_secrets(self) -> str:
        """Store it: JSON **with the verifier and the client secret in the clear**; keep it as you would a password.

        Raises:
            ConfigurationError: a text in it holds lone surrogates, which UTF-8 cannot.
        """
        return to_json(self).decode()

    @classmethod
    def from_json(cls, document: str | bytes) -> PendingCodeLogin:
        """Read what `to_json_with_secrets` gave.

        Raises:
            ConfigurationError: it is not that, or its secrets are masked.
        """
        try:
            return cls.model_validate_json(document)
        except ValidationError:
            message = "This is not a stored PendingCodeLogin; start the login again"
        raise ConfigurationError(message)


def code_registration(
    client_name: str, *, start_url: str, scopes: tuple[str, ...] = DEFAULT_SCOPES
) -> RegisterClientRequest:
    """Give the registration of a client for browser logins, as the AWS CLI makes it."""
    return RegisterClientRequest(
        client_name=client_name,
        client_type="public",
        grant_types=_GRANT_TYPES,
        redirect_uris=(LOOPBACK_REDIRECT_URI,),
        issuer_url=start_url,
        scopes=scopes,
    )


@flow
def start_code_login(  # noqa: PLR0913 - each fact by name
    registration: RegisterClientRequest | RegisterClientResponse,
    *,
    redirect_uri: str,
    region: str,
    scopes: tuple[str, ...] = DEFAULT_SCOPES,
    issuer: str | None = None,
    entropy: Entropy = secrets.token_bytes,
) -> Steps[PendingCodeLogin]:
    """Start a browser login: register, unless a registration is given, and make what the authorize URL needs.

    Args:
        registration: what to register (`code_registration` makes it), or an earlier registration to use again.
        redirect_uri: where something listens already: `http://127.0.0.1:PORT/oauth/callback`.
        region: the region of the transport, remembered for those who resume the login.
        scopes: what to ask for; those of the registration.
        issuer: what `iss` of a callback that has one must be; AWS sends none.
        entropy: gives random bytes for verifier and state.

    Raises:
        ConfigurationError: the redirect URI is not one that the service takes.
        SsoOidcError: those of RegisterClient.
    """
    if _REDIRECT_URI.match(redirect_uri) is None:
        message = f"The redirect URI must be http://127.0.0.1:PORT{CALLBACK_PATH}"
        raise ConfigurationError(message)
    client = (
        registration
        if isinstance(registration, RegisterClientResponse)
        else (yield from register_client(registration))
    )
    now = (yield from Now()).wall.timestamp()
    return PendingCodeLogin(
        region=region,
        client=client,
        scopes=scopes,
        redirect_uri=redirect_uri,
        state=new_state(entropy),
        code_verifier=new_code_verifier(entropy),
        issuer=issuer,
        expires_at=now + _SECONDS_TO_SIGN_IN,
    )


@flow
def finish_code_login(pending: PendingCodeLogin, callback_url: str) -> Steps[CreateTokenResponse]:
    """Check what came back, and exchange the code for a token.

    Args:
        pending: the login.
        callback_url: the address that the browser was sent to, or its path and query; a person may have pasted it.

    Raises:
        CallbackRefused: the answer to this login is no.
        CallbackMismatch: this is not the answer to this login; nothing was sent, and the login still waits.
        CodeLoginExpired: it took too long.
        InvalidGrantException: the code was used before, or is not this client's.
        SsoOidcError: anything else that CreateToken raises. A `TransportError` that `may_have_been_sent` may have
            spent the code.
    """
    try:
        code = pending.code_of(callback_url.strip())
    finally:
        # A traceback may show what its frames hold.
        del callback_url
    now = (yield from Now()).wall.timestamp()
    message = "The browser login took too long"
    if now >= pending.expires_at:
        raise CodeLoginExpired(message)
    grant = AuthorizationCodeGrant.of(
        pending.client,
        code=code,
        redirect_uri=pending.redirect_uri,
        code_verifier=pending.code_verifier,
    )
    try:
        return (yield from create_token(grant))
    except ExpiredTokenException as caught:
        cause = caught
    try:
        raise CodeLoginExpired(message) from cause
    finally:
        del cause  # its traceback holds this frame


def _same(one: SecretStr, other: SecretStr) -> bool:
    # Bytes: compare_digest takes text only where it is ASCII, and what came back may be anything.
    return hmac.compare_digest(
        one.get_secret_value().encode("utf-8", "surrogatepass"),
        other.get_secret_value().encode("utf-8", "surrogatepass"),
    )
