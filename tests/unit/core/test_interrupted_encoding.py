"""Ctrl-C while a model is encoded stays Ctrl-C: pydantic-core makes a ValueError of what a serializer raises."""

from __future__ import annotations

import pytest

from ssooidc_core import SecretStr
from ssooidc_core._model import to_json
from ssooidc_core._operations.create_token import RefreshTokenGrant


def test_an_interrupt_while_a_secret_is_revealed(monkeypatch: pytest.MonkeyPatch) -> None:
    grant = RefreshTokenGrant(
        client_id="c", client_secret=SecretStr("s"), refresh_token=SecretStr("r")
    )

    def interrupted(_secret: SecretStr) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(SecretStr, "get_secret_value", interrupted)
    with pytest.raises(KeyboardInterrupt):
        to_json(grant)
