"""`ssooidc_login._session.transports`: a refresh ends before those who wait for it give up, in virtual time."""

from __future__ import annotations

import pytest

from ssooidc_core import ClientConfig, HttpRequest, HttpResponse, SecretStr, run
from ssooidc_core.errors import SsoOidcError, Timeout
from ssooidc_core.portal import LogoutRequest, logout
from ssooidc_login._flows.token import SECONDS_TO_WAIT
from ssooidc_login._session.transports import make_async_transport, make_transport
from ssooidc_transports.testing import ScriptedTransport, reply

CONFIG = ClientConfig(region="us-east-1", max_attempts=10)


def test_no_attempt_takes_longer_than_15_seconds() -> None:
    with make_transport(CONFIG) as transport:
        assert transport.config.total_timeout == 15
    assert make_async_transport(CONFIG).config.total_timeout == 15


def test_who_wants_it_faster_gets_it_faster() -> None:
    with make_transport(ClientConfig(region="us-east-1", total_timeout=3)) as transport:
        assert transport.config.total_timeout == 3


@pytest.mark.parametrize("seconds", [0.0, 0.1, 1.0, 2.4, 4.9, 5.0, 14.9])
@pytest.mark.parametrize("hangs_at", [1, 2, 3, 99])
def test_all_attempts_together_end_within_20_seconds(seconds: float, hangs_at: int) -> None:
    """Each response is a transient failure that takes some time; one request hangs until its timeout."""
    with make_transport(CONFIG) as own:
        policy = own.retry_policy
    began: list[float] = []

    def answer(_request: HttpRequest) -> HttpResponse:
        began.append(scripted.clock.now().monotonic)
        if len(began) == hangs_at:
            scripted.clock.advance(15)
            message = "No complete answer within total_timeout (15 s)"
            raise Timeout(message)
        scripted.clock.advance(seconds)
        return reply(503)

    scripted = ScriptedTransport(answer, config=CONFIG)
    with pytest.raises(SsoOidcError):
        _ = run(logout(LogoutRequest(access_token=SecretStr("t"))), scripted, policy=policy)
    assert max(began) < 5
    assert scripted.clock.now().monotonic < 20 < SECONDS_TO_WAIT
