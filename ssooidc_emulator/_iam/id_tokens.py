"""The id tokens of CreateTokenWithIAM, and the identity context in them.

Claims, their order and the algorithm are those of the examples in the service model. The identity context is for the
`ProvidedContexts` of `sts:AssumeRole`. AWS encrypts it; the emulator's is random bytes.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from pydantic_core import to_json

from ssooidc_emulator._directory import User
from ssooidc_emulator._entropy import Entropy
from ssooidc_emulator._jws import Sign, hmac_signer
from ssooidc_emulator._settings import Settings

__all__ = ["IDENTITY_CONTEXT", "OPENID", "IdTokens", "Identity"]

OPENID: Final = "openid"
IDENTITY_CONTEXT: Final = "sts:identity_context"

_KEY_BYTES: Final = 32
# STS accepts contexts of 4 to 2048 characters (its API reference, ProvidedContext).
_CONTEXT_BYTES: Final = 192
_CREDENTIAL_BYTES: Final = 48
_ARN: Final = re.compile(
    r"arn:(?P<partition>[a-z0-9-]+):sso:[a-z0-9-]*:(?P<account>[0-9]{12}):application/(?P<instance>ssoins-[0-9a-z]+)/"
)
_STORE: Final = re.compile(r"https://(d-[0-9a-z]+)\.awsapps\.com(?:/|\Z)")
# Used if the application's ARN, or the instance's start URL, has another form.
_EXAMPLE_INSTANCE: Final = ("aws", "123456789012", "ssoins-1111111111111111")
_EXAMPLE_STORE: Final = "d-1234567890"


@dataclass(frozen=True, slots=True)
class Identity:
    """Statements about the identity of a person; `None` if the scope for it was not granted."""

    id_token: str | None = field(repr=False)
    identity_context: str | None = field(repr=False)


class IdTokens:
    """Makes id tokens, with a key that is generated for the first of them."""

    def __init__(self, settings: Settings, entropy: Entropy) -> None:
        """Make tokens of the instance with these settings."""
        self._entropy: Final = entropy
        found = _STORE.match(settings.start_url)
        self._store: Final = _EXAMPLE_STORE if found is None else found[1]
        self._sign: Sign | None = None

    def identity(  # noqa: PLR0913 - the facts of a token, by keyword
        self,
        *,
        application_arn: str,
        user: User,
        scopes: tuple[str, ...],
        signed_in_at: float,
        expires_in: int,
        now: float,
    ) -> Identity:
        """Return statements about a person for an application; times are epoch seconds, `expires_in` is in seconds."""
        context = self._context() if IDENTITY_CONTEXT in scopes else None
        if OPENID not in scopes:
            return Identity(None, context)
        found = _ARN.match(application_arn)
        partition, account, instance = _EXAMPLE_INSTANCE if found is None else found.groups()
        audit = None if context is None else self._context()
        credential = base64.urlsafe_b64encode(self._entropy(_CREDENTIAL_BYTES)).decode("ascii")
        claims = {
            "aws:identity_store_id": self._store,
            "sub": user.user_id,
            "aws:instance_account": account,
            "sts:identity_context": context,
            "sts:audit_context": audit,
            "iss": f"https://identitycenter.amazonaws.com/{instance}",
            "aws:identity_store_arn": f"arn:{partition}:identitystore::{account}:identitystore/{self._store}",
            "aud": application_arn,
            "aws:instance_arn": f"arn:{partition}:sso:::instance/{instance}",
            "aws:credential_id": credential,
            # A text, unlike the claim of this name in OpenID Connect.
            "auth_time": datetime.fromtimestamp(int(signed_in_at), UTC).strftime(
                "%Y-%m-%dT%H:%M:%SZ"
            ),
            "exp": int(now) + expires_in,
            "iat": int(now),
        }
        present = {name: value for name, value in claims.items() if value is not None}
        if self._sign is None:
            self._sign = hmac_signer(self._entropy(_KEY_BYTES), "HS256")
        return Identity(self._sign({"alg": "HS256", "typ": "JWT"}, to_json(present)), context)

    def _context(self) -> str:
        return base64.b64encode(self._entropy(_CONTEXT_BYTES)).decode("ascii")
