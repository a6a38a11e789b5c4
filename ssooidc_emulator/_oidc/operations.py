"""The operations: from the body of a request to the members of its answer, or a refusal.

If a request has several problems, no record shows which of them the real service reports. Here the order is malformed
input, client, grant type, grant.
"""

from __future__ import annotations

from typing import Final

from ssooidc_emulator._entropy import Entropy
from ssooidc_emulator._oidc.answers import Members
from ssooidc_emulator._oidc.authorization_codes import AuthorizationCodes
from ssooidc_emulator._oidc.device_logins import DeviceLogins
from ssooidc_emulator._oidc.inputs import (
    CreateTokenInput,
    RegisterClientInput,
    StartDeviceAuthorizationInput,
    read,
)
from ssooidc_emulator._oidc.refusals import (
    CLIENT_NOT_FOR_DEVICES,
    GRANT_NOT_REGISTERED,
    INVALID_START_URL,
    UNSUPPORTED_GRANT_TYPE,
    Refusal,
    invalid_request,
)
from ssooidc_emulator._oidc.registrations import (
    DEVICE_CODE,
    GRANT_TYPES,
    REFRESH_TOKEN,
    Registration,
    Registrations,
)
from ssooidc_emulator._oidc.sessions import IssuedTokens, Sessions
from ssooidc_emulator._settings import Settings

__all__ = ["Operations"]


class Operations:
    """The operations over one instance's state. Not locked; times are epoch seconds."""

    def __init__(self, settings: Settings, entropy: Entropy) -> None:
        """Start without registrations, logins, codes and sessions."""
        self.registrations: Final = Registrations(settings, entropy)
        self.logins: Final = DeviceLogins(settings, entropy)
        self.codes: Final = AuthorizationCodes(settings, entropy)
        self.sessions: Final = Sessions(settings, entropy)
        self._settings: Final = settings

    def forget_expired(self, now: float) -> None:
        """Drop what has expired."""
        self.registrations.forget_expired(now)
        self.logins.forget_expired(now)
        self.codes.forget_expired(now)
        self.sessions.forget_expired(now)

    def register_client(self, body: bytes, url: str, now: float) -> Members | Refusal:
        """Carry out RegisterClient."""
        del url
        asked = read(RegisterClientInput, body)
        if isinstance(asked, Refusal):
            return asked
        client = self.registrations.register(asked, now)
        if isinstance(client, Refusal):
            return client
        return {
            # Recorded as null, although the model has both.
            "authorizationEndpoint": None,
            "clientId": client.client_id,
            "clientIdIssuedAt": client.issued_at,
            "clientSecret": client.client_secret,
            "clientSecretExpiresAt": client.expires_at,
            "tokenEndpoint": None,
        }

    def start_device_authorization(self, body: bytes, url: str, now: float) -> Members | Refusal:
        """Carry out StartDeviceAuthorization; `url` is the URL of the request."""
        asked = read(StartDeviceAuthorizationInput, body)
        if isinstance(asked, Refusal):
            return asked
        client = self.registrations.authenticate(asked.client_id, asked.client_secret, now)
        if isinstance(client, Refusal):
            return client
        if DEVICE_CODE not in client.grant_types:
            return CLIENT_NOT_FOR_DEVICES
        if not self._settings.is_start_url(asked.start_url):
            return INVALID_START_URL
        login = self.logins.start(client, now)
        verification_uri = self._settings.verification_uri(url)
        return {
            "deviceCode": login.device_code,
            "expiresIn": self._settings.device_code_lifetime,
            "interval": login.interval,
            "userCode": login.user_code,
            "verificationUri": verification_uri,
            "verificationUriComplete": f"{verification_uri}?user_code={login.user_code}",
        }

    def create_token(self, body: bytes, url: str, now: float) -> Members | Refusal:
        """Carry out CreateToken."""
        del url
        asked = read(CreateTokenInput, body)
        if isinstance(asked, Refusal):
            return asked
        client = self.registrations.authenticate(asked.client_id, asked.client_secret, now)
        if isinstance(client, Refusal):
            return client
        tokens = self._grant(asked, client, now)
        if isinstance(tokens, Refusal):
            return tokens
        return {
            "accessToken": tokens.access_token,
            # Sent although the model does not have it (a fixture of the AWS SDK for Java v2).
            "aws_sso_app_session_id": None,
            "expiresIn": tokens.expires_in,
            "idToken": None,
            "issuedTokenType": None,
            "originSessionId": None,
            "refreshToken": tokens.refresh_token,
            "tokenType": "Bearer",
        }

    def _grant(
        self, asked: CreateTokenInput, client: Registration, now: float
    ) -> IssuedTokens | Refusal:
        if asked.grant_type not in GRANT_TYPES:
            return UNSUPPORTED_GRANT_TYPE
        if asked.grant_type not in client.grant_types:
            return GRANT_NOT_REGISTERED
        if asked.grant_type == DEVICE_CODE:
            if asked.device_code is None:
                return invalid_request("Missing or invalid: deviceCode")
            user = self.logins.redeem(asked.device_code, client, now)
            return user if isinstance(user, Refusal) else self.sessions.begin(client, user, now)
        if asked.grant_type == REFRESH_TOKEN:
            if asked.refresh_token is None:
                return invalid_request("Missing or invalid: refreshToken")
            return self.sessions.refresh(asked.refresh_token, client, now)
        if asked.code is None:
            return invalid_request("Missing or invalid: code")
        code = self.codes.redeem(
            asked.code,
            client_id=client.client_id,
            redirect_uri=asked.redirect_uri,
            code_verifier=asked.code_verifier,
            now=now,
        )
        if isinstance(code, Refusal):
            return code
        tokens = self.sessions.begin(client, code.user, now, scopes=code.scopes)
        code.end_session = tokens.session.end
        return tokens
