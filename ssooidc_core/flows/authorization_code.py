"""Signing in through a browser: authorization code with PKCE (RFC 6749 section 4.1, RFC 7636, RFC 8252).

    pending = run(start_code_login(request, redirect_uri="http://127.0.0.1:8400/oauth/callback", ...), transport)
    open_in_a_browser(pending.authorize_url(config))
    token = run(finish_code_login(pending, callback_url), transport)

A login between its start and its end is a value, `PendingCodeLogin`. Listening at the redirect URI and opening the
browser are left to the caller.
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import Final

from pydantic import SecretStr

from ssooidc_core._config import ClientConfig
from ssooidc_core._model import Moment, Secret, Stored
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
"""The only path that the service accepts in a redirect URI."""

LOOPBACK_REDIRECT_URI: Final = f"http://127.0.0.1{CALLBACK_PATH}"
"""The redirect URI to register: without a port, it matches every port (RFC 8252 section 7.3)."""

DEFAULT_SCOPES: Final = ("sso:account:access",)
"""The scopes that the AWS CLI requests for a session without scopes: use of the access portal."""

_GRANT_TYPES: Final = ("authorization_code", "refresh_token")
_SECONDS_TO_SIGN_IN: Final = 600
_REDIRECT_URI: Final = re.compile(rf"http://127\.0\.0\.1(?::[0-9]{{1,5}})?{CALLBACK_PATH}\Z")


class PendingCodeLogin(Stored, frozen=True):
    """A browser login that waits for the person.

    Attributes:
        region: the region in which it was started.
        client: the registration with which it was started, also needed to refresh the token.
        scopes: the requested scopes.
        redirect_uri: where the browser is sent back to, including the port.
        state: ties the callback to this login; secret while it waits.
        code_verifier: proves that the code was issued to this login (RFC 7636); secret.
        issuer: the required `iss` of a callback that has one (RFC 9207), or `None`.
        expires_at: when the login expires, in epoch seconds.
    """

    region: str
    client: RegisterClientResponse
    scopes: tuple[str, ...]
    redirect_uri: str
    state: Secret
    code_verifier: Secret
    issuer: str | None = None
    expires_at: Moment

    def authorize_url(self, config: ClientConfig) -> str:
        """Return the URL to open in the browser. It contains `state`, so do not put it where others can read it.

        Its base is the SSO OIDC endpoint, as in the AWS CLI.

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
        """Return the code in a callback URL, or in its path and query, if it is the answer to this login.

        Raises:
            CallbackRefused: it is the answer, and has an error.
            CallbackMismatch: it is not the answer: it has another path, `state` or issuer, or neither code nor error.
            ConfigurationError: it is not a URL.
        """
        try:
            callback = parse_callback(callback_url)
        finally:
            # A traceback may show the variables of its frames.
            del callback_url
        if callback.path != CALLBACK_PATH:
            message = f"The callback's path is not {CALLBACK_PATH}"
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


def code_registration(
    client_name: str, *, start_url: str, scopes: tuple[str, ...] = DEFAULT_SCOPES
) -> RegisterClientRequest:
    """Return the request that registers a client for browser logins, as the AWS CLI does."""
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
    """Start a browser login: register, unless a registration is given, and create `state` and the code verifier.

    Args:
        registration: the request to register (see `code_registration`), or an existing registration.
        redirect_uri: where a listener is already running: `http://127.0.0.1:PORT/oauth/callback`.
        region: the region of the transport, stored for resuming the login.
        scopes: the scopes to request; those of the registration.
        issuer: the required `iss` of a callback that has one; AWS sends none.
        entropy: returns random bytes for verifier and state.

    Raises:
        ConfigurationError: the service does not accept the redirect URI.
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
    """Check the callback and exchange its code for a token.

    Args:
        pending: the login.
        callback_url: the address that the browser was sent to, or its path and query; a person may have pasted it.

    Raises:
        CallbackRefused: the callback has an error.
        CallbackMismatch: this is not the answer to this login; nothing was sent, and the login still waits.
        CodeLoginExpired: the login took too long.
        InvalidGrantException: the code was used before, or was issued to another client.
        SsoOidcError: anything else that CreateToken raises. A `TransportError` that `may_have_been_sent` may have
            spent the code.
    """
    try:
        code = pending.code_of(callback_url.strip())
    finally:
        # A traceback may show the variables of its frames.
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
        del cause  # its traceback refers to this frame


def _same(one: SecretStr, other: SecretStr) -> bool:
    # Bytes: compare_digest accepts only ASCII text, and a callback may contain any text.
    return hmac.compare_digest(
        one.get_secret_value().encode("utf-8", "surrogatepass"),
        other.get_secret_value().encode("utf-8", "surrogatepass"),
    )
