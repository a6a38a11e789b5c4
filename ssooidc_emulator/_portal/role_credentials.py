"""What the credentials of a role look like. They are random, and no AWS service accepts them."""

from __future__ import annotations

import base64
from typing import Final

from ssooidc_emulator._entropy import Entropy

__all__ = ["new_role_credentials"]

# AWS documents the prefix of temporary keys (IAM user guide, "Unique identifiers"); 16 characters follow.
_KEY_ID_PREFIX: Final = "ASIA"
_KEY_ID_BYTES: Final = 10
_SECRET_BYTES: Final = 30
# Session tokens of STS begin with this, base64 for `!`, a line feed, a tab and `origin_ec`.
_TOKEN_START: Final = b"!\n\torigin_ec"
_TOKEN_BYTES: Final = 240


def new_role_credentials(entropy: Entropy, expiration: int) -> dict[str, str | int]:
    """Make credentials by their wire names; `expiration` is in epoch milliseconds."""
    key_id = base64.b32encode(entropy(_KEY_ID_BYTES)).decode("ascii")
    return {
        "accessKeyId": f"{_KEY_ID_PREFIX}{key_id}",
        "secretAccessKey": base64.b64encode(entropy(_SECRET_BYTES)).decode("ascii"),
        "sessionToken": base64.b64encode(_TOKEN_START + entropy(_TOKEN_BYTES)).decode("ascii"),
        "expiration": expiration,
    }
