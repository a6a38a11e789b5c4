"""The client secret: a signed statement of the registration, in the real service's form.

Recorded (2026-01): a JWS compact serialisation (RFC 7515), HS384, `{"kid":"key-1564028099","alg":"HS384"}`, whose
payload is `{"serialized":"..."}` around JSON text. To clients it is an opaque string of 1 to 2 kB. Its size matters:
requests with it were reported to exceed limits.
"""

from __future__ import annotations

from typing import Final

from pydantic_core import to_json

from ssooidc_emulator._entropy import Entropy
from ssooidc_emulator._jws import hmac_signer

__all__ = ["ClientSecrets"]

_KEY_BYTES: Final = 48
# Recorded for two regions; all others use the first.
_KEY_IDS: Final = {"us-east-1": "key-1564028099", "us-west-2": "key-1566968136"}


class ClientSecrets:
    """Makes client secrets, with its own key."""

    def __init__(self, region: str, entropy: Entropy) -> None:
        """Generate the key."""
        self._header: Final = {
            "kid": _KEY_IDS.get(region, _KEY_IDS["us-east-1"]),
            "alg": "HS384",
        }
        self._sign: Final = hmac_signer(entropy(_KEY_BYTES), "HS384")

    def make(  # noqa: PLR0913 - the facts of a registration, by keyword
        self,
        *,
        client_id: str,
        client_name: str,
        scopes: tuple[str, ...],
        issuer_url: str | None,
        now: float,
        expires_at: float,
    ) -> str:
        """Return the secret of a registration; times are epoch seconds."""
        statement = {
            "clientId": {"value": client_id},
            "idempotentKey": None,
            "tenantId": None,
            "clientName": client_name,
            "backfillVersion": None,
            "clientType": "PUBLIC",
            "templateArn": None,
            "templateContext": None,
            "expirationTimestamp": expires_at,
            "createdTimestamp": now,
            "updatedTimestamp": now,
            "createdBy": None,
            "updatedBy": None,
            "status": None,
            "initiateLoginUri": issuer_url,
            "entitledResourceId": None,
            "entitledResourceContainerId": None,
            "externalId": None,
            "softwareId": None,
            "scopes": [_scope(scope) for scope in scopes],
            "authenticationConfiguration": None,
            "shadowAuthenticationConfiguration": None,
            "enabledGrants": None,
            "enforceAuthNConfiguration": None,
            "ownerAccountId": None,
            "ssoInstanceAccountId": None,
            "userConsent": None,
            "nonInteractiveSessionsEnabled": None,
            "associatedInstanceArn": None,
            "isBackfilled": False,
            "hasInitialScopes": bool(scopes),
            "areAllScopesConsentedTo": False,
            "isExpired": False,
            "ssoScopes": [],
            "groupScopesByFriendlyId": {},
            "shouldGetValueFromTemplate": True,
            "hasRequestedScopes": False,
            "containsOnlySsoScopes": False,
            "isV1Backfilled": False,
            "isV2Backfilled": False,
            "isV3Backfilled": False,
            "isV4Backfilled": False,
        }
        payload = to_json({"serialized": to_json(statement).decode()})
        return self._sign(self._header, payload)


def _scope(scope: str) -> dict[str, str | None]:
    friendly, _, action = scope.partition(":")
    return {
        "fullScope": scope,
        "status": "INITIAL",
        "applicationArn": None,
        "friendlyId": friendly,
        "useCaseAction": action,
    }
