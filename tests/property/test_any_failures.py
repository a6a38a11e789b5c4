"""Any sequence of failures: the waits of `standard_retry`, the cost to the quota, and the outcome of a login."""

from __future__ import annotations

import contextlib
import copy
from typing import Final

from hypothesis import example, given
from hypothesis import strategies as st
from tenacity import Retrying, retry_always, wait_exponential, wait_fixed

from ssooidc_core import (
    AuthorizationPendingException,
    ConnectFailed,
    ConnectionLost,
    DeviceLoginExpired,
    ExpiredTokenException,
    HttpResponse,
    InternalServerException,
    InvalidClientException,
    RegisterClientResponse,
    ResponseParseError,
    ResponseTooLarge,
    SecretStr,
    ServiceError,
    SlowDownException,
    SsoOidcError,
    Timeout,
    TransportError,
    UnknownServiceError,
    portal,
    run,
)
from ssooidc_core.flows.device import PendingDeviceLogin, after_poll, poll_for_token
from ssooidc_core.policies import RetryQuota, device_polling, standard_retry
from ssooidc_transports.testing import ScriptedTransport, VirtualClock, reply

ROUNDING: Final = 1e-4
LIST: Final = portal.list_accounts(portal.ListAccountsRequest.of("at"))


def failing_answer(status: int, code: str, hint: str | None) -> HttpResponse:
    hints = {} if hint is None else {"x-amz-retry-after": hint}
    return reply(status, {"__type": code}, headers=hints)


ANSWERS: Final = st.builds(
    failing_answer,
    st.sampled_from([500, 503, 429, 502, 504, 500, 503, 429, 400, 401, 404, 501]),
    st.sampled_from(["UnauthorizedException", "ThrottlingException", "SlowDown", "Unheard"]),
    st.sampled_from([None, "900000", "1500", "0", "-1", "1.5", "soon"]),
)
LOST: Final = st.sampled_from([Timeout, ConnectFailed, ConnectionLost, ResponseTooLarge]).map(
    lambda kind: kind("gone")
)
OUTCOMES: Final = st.lists(
    ANSWERS | ANSWERS | LOST | st.just(reply(200, {})), min_size=4, max_size=30
)


class Model:
    """The AWS SDKs' standard mode 2.1, implemented again from its description."""

    def __init__(self, attempts: int, backoff: float, quota: int, jitter: float) -> None:
        self.attempts, self.backoff, self.quota, self.jitter = attempts, backoff, quota, jitter
        self.capacity = quota

    def call(self, outcomes: list[HttpResponse | TransportError]) -> list[float]:
        """Consume the outcomes of one call, and return the waits between them."""
        waits: list[float] = []
        charged = 0
        while outcomes:
            outcome = outcomes.pop(0)
            if isinstance(outcome, HttpResponse) and outcome.status == 200:
                self.quota = min(self.capacity, self.quota + (charged or 1))
                break
            throttled = isinstance(outcome, HttpResponse) and (
                outcome.status == 429
                or b"Throttling" in outcome.body
                or b"SlowDown" in outcome.body
            )
            transient = (
                not isinstance(outcome, ResponseTooLarge)
                if isinstance(outcome, TransportError)
                else throttled or outcome.status in {500, 502, 503, 504}
            )
            cost = 5 if throttled else 14
            if not transient or len(waits) + 1 >= self.attempts or cost > self.quota:
                break
            self.quota -= cost
            charged = cost
            wait = self.jitter * min((1.0 if throttled else 0.05) * 2 ** len(waits), self.backoff)
            hint = (
                outcome.headers.get("x-amz-retry-after", "")
                if isinstance(outcome, HttpResponse)
                else ""
            )
            if hint.isdecimal():
                wait = min(max(wait, int(hint) / 1000), wait + 5)
            waits.append(wait)
        return waits


@given(
    OUTCOMES,
    st.integers(1, 12),
    st.floats(0.1, 60),
    st.just(500) | st.integers(0, 60),
    st.floats(0, 1),
)
@example([Timeout("gone")] * 30, 30, 20.0, 500, 1.0)
def test_standard_retry_waits_as_it_says(
    outcomes: list[HttpResponse | TransportError],
    attempts: int,
    backoff: float,
    capacity: int,
    jitter: float,
) -> None:
    """Waits are `rand * min(b * 2**i, 20)`, retries cost 14 (throttling 5), retry-after is clamped to [t, t+5 s]."""
    quota = RetryQuota(capacity)
    policy = standard_retry(
        max_attempts=attempts, max_backoff=backoff, quota=quota, jitter=lambda: jitter
    )
    model = Model(attempts, backoff, capacity, jitter)
    left = list(outcomes)
    sent = 0
    while left:
        transport = ScriptedTransport([*left, reply(200, {})], retry_policy=policy)
        # A script that ends within a call ends with a success.
        left.append(reply(200, {}))
        expected = model.call(left)
        with contextlib.suppress(SsoOidcError):
            _ = run(LIST, transport)
        assert transport.sleeps == expected
        assert len(transport.requests) == len(expected) + 1 <= attempts
        assert all(0 <= wait <= backoff + 5 for wait in transport.sleeps)
        assert quota.available == model.quota
        assert 0 <= quota.available <= capacity
        sent += len(transport.requests)
        left = outcomes[sent:]


CLIENT: Final = RegisterClientResponse(client_id="cid", client_secret=SecretStr("cs"))
FAILURES: Final[st.SearchStrategy[Exception]] = st.one_of(
    st.sampled_from(
        [
            AuthorizationPendingException,
            SlowDownException,
            ExpiredTokenException,
            InvalidClientException,
        ]
    ).map(lambda kind: kind.of()),
    st.sampled_from([429, 500, 503]).map(lambda status: InternalServerException.of(status=status)),
    st.builds(
        UnknownServiceError, code=st.sampled_from(["X", "SlowDown"]), status=st.integers(300, 600)
    ),
    LOST,
    st.just(ResponseParseError("no", status=200)),
    st.just(ValueError("of a flow's own")),
)
POLICIES: Final = st.one_of(
    st.none(),
    st.builds(device_polling),
    st.builds(
        lambda seconds: Retrying(wait=wait_fixed(seconds), retry=retry_always),
        st.floats(allow_nan=False, allow_infinity=False, min_value=-1e6, max_value=1e6),
    ),
    st.builds(lambda top: Retrying(wait=wait_exponential(max=top)), st.integers(0, 10_000)),
    st.sampled_from([float("inf"), float("nan"), -1.0]).map(
        lambda odd: Retrying(wait=lambda _: odd, retry=retry_always)
    ),
)


def goes_on(failure: Exception) -> bool:
    """RFC 8628 section 3.5: pending, slow_down, and a failing connection or server."""
    if isinstance(failure, (AuthorizationPendingException, SlowDownException)):
        return True
    return is_failed(failure)


def is_failed(failure: Exception) -> bool:
    if isinstance(failure, ServiceError):
        return failure.status == 429 or failure.status >= 500 or failure.code == "SlowDown"
    return isinstance(failure, TransportError)


@given(
    failure=FAILURES,
    policy=POLICIES,
    interval=st.integers(1, 200),
    failed=st.integers(0, 2000),
    polls=st.integers(0, 2000),
    at=st.floats(0, 4e9),
    lifetime=st.floats(0, 1000),
)
@example(
    failure=AuthorizationPendingException.of(),
    policy=Retrying(wait=lambda _: float("nan"), retry=retry_always),
    interval=5,
    failed=0,
    polls=0,
    at=1e9,
    lifetime=600.0,
)
def test_after_a_poll(
    *,
    failure: Exception,
    policy: Retrying | None,
    interval: int,
    failed: int,
    polls: int,
    at: float,
    lifetime: float,
) -> None:
    """Whatever the user's policy says, the wait is at least the interval."""
    pending = PendingDeviceLogin(
        region="us-east-1",
        client=CLIENT,
        device_code=SecretStr("dc"),
        user_code="BCDF-GHJK",
        verification_uri="https://device",
        interval=interval,
        failed_polls=failed,
        polls=polls,
        expires_at=at + lifetime,
        next_poll_at=at,
    )
    before = copy.deepcopy(pending)
    outcome = after_poll(pending, failure, at=at, policy=policy)
    again = after_poll(pending, failure, at=at, policy=policy)
    assert pending == before
    assert failure.__cause__ is None
    assert failure.__context__ is None
    if isinstance(outcome, PendingDeviceLogin):
        assert outcome == again
        assert outcome.interval == interval + (5 if isinstance(failure, SlowDownException) else 0)
        assert outcome.failed_polls == (failed + 1 if is_failed(failure) else 0)
        assert outcome.polls == polls + 1
        wait = outcome.next_poll_at - at
        assert outcome.interval - ROUNDING <= wait <= max(60, outcome.interval) + ROUNDING
        assert outcome.next_poll_at < outcome.expires_at
        assert PendingDeviceLogin.from_json(outcome.to_json_with_secrets()) == outcome
        assert policy is not None or goes_on(failure)
        return
    assert type(outcome) is type(again)
    if outcome is failure:
        assert not goes_on(failure)
    else:
        assert isinstance(outcome, DeviceLoginExpired)
        expired = isinstance(failure, ExpiredTokenException)
        assert expired or lifetime <= max(60, interval + 5) + ROUNDING


@given(OUTCOMES, st.integers(1, 90))
def test_only_the_loop_repeats_a_poll(
    outcomes: list[HttpResponse | TransportError], interval: int
) -> None:
    """The driver never repeats a `DeviceCodeGrant`: only the polling loop does."""
    clock = VirtualClock()
    now = clock.now().wall.timestamp()
    pending = PendingDeviceLogin(
        region="us-east-1",
        client=CLIENT,
        device_code=SecretStr("dc"),
        user_code="BCDF-GHJK",
        verification_uri="https://device",
        interval=interval,
        expires_at=now + 900,
        next_poll_at=now + interval,
    )
    transport = ScriptedTransport([*outcomes, reply(200, {"accessToken": "at"})], clock=clock)
    with contextlib.suppress(SsoOidcError):
        _ = run(poll_for_token(pending), transport)
    assert len(transport.requests) == len(transport.sleeps)
    assert all(wait >= interval - ROUNDING for wait in transport.sleeps)
