"""The proofs that a code belongs to a client, tested directly on the codes."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from ssooidc_core._pkce import code_challenge
from ssooidc_emulator import IdentityCenter
from ssooidc_emulator._oidc.authorization_codes import AuthorizationCode
from ssooidc_emulator._oidc.refusals import INVALID_GRANT
from ssooidc_transports.testing import VirtualClock


def test_a_verifier_for_a_code_without_a_challenge_is_refused_and_the_reverse(
    center: IdentityCenter, clock: VirtualClock
) -> None:
    codes = center._operations.codes
    verifier = SecretStr("v" * 43)
    now = clock.now().wall.timestamp()
    for challenge, fitting, other in (
        (None, None, verifier.get_secret_value()),
        (code_challenge(verifier), verifier.get_secret_value(), None),
    ):
        code = codes.issue(
            client_id="c", redirect_uri="r", challenge=challenge, scopes=(), user="u", now=now
        )
        for given, is_good in ((other, False), (fitting, True)):
            redeemed = codes.redeem(
                code, client_id="c", redirect_uri="r", code_verifier=given, now=now
            )
            assert isinstance(redeemed, AuthorizationCode) is is_good


@pytest.mark.parametrize("verifier", ["", "a" * 42, "a" * 129, "a" * 43 + "+"])
def test_a_verifier_that_is_none_proves_nothing(
    verifier: str, center: IdentityCenter, clock: VirtualClock
) -> None:
    now = clock.now().wall.timestamp()
    codes = center._operations.codes
    challenge = code_challenge(SecretStr(verifier))
    code = codes.issue(
        client_id="c", redirect_uri="r", challenge=challenge, scopes=(), user="u", now=now
    )
    assert (
        codes.redeem(code, client_id="c", redirect_uri="r", code_verifier=verifier, now=now)
        is INVALID_GRANT
    )
