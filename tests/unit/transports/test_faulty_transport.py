"""Network failures: what the client and the service see, and how much time passes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Final

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from ssooidc_core import (
    ClientConfig,
    ConnectFailed,
    ConnectionLost,
    HttpRequest,
    HttpResponse,
    InvalidGrantException,
    RefreshTokenGrant,
    RegisterClientRequest,
    ResponseTooLarge,
    Timeout,
    TransportError,
    create_token,
    register_client,
    run,
)
from ssooidc_core.flows.device import poll_for_token, start_device_login
from ssooidc_emulator import EmulatorTransport, IdentityCenter
from ssooidc_transports.faulty import (
    AsyncFaultyTransport,
    Entropy,
    FaultyTransport,
    WireFailure,
    WireFailures,
    by_chance,
    connect_failed,
    connection_lost,
    delayed,
    response_too_large,
    timeout_after_sending,
    timeout_before_sending,
)
from ssooidc_transports.testing import ScriptedTransport, VirtualClock, reply

REQUEST: Final = HttpRequest("POST", "https://oidc.us-east-1.amazonaws.com/token", (), b"{}")
ANSWER: Final = reply(200, {"accessToken": "t"})
CONFIG: Final = ClientConfig(
    region="us-east-1", connect_timeout=3, read_timeout=7, total_timeout=20
)

Send = Callable[[ScriptedTransport, WireFailures], HttpResponse]


def blocking(inner: ScriptedTransport, failures: WireFailures) -> HttpResponse:
    return FaultyTransport(inner, failures).send(REQUEST)


def in_asyncio(inner: ScriptedTransport, failures: WireFailures) -> HttpResponse:
    return asyncio.run(AsyncFaultyTransport(inner, failures).asend(REQUEST))


def in_trio(inner: ScriptedTransport, failures: WireFailures) -> HttpResponse:
    return trio.run(AsyncFaultyTransport(inner, failures).asend, REQUEST)


@pytest.fixture(params=[blocking, in_asyncio, in_trio], ids=["blocking", "asyncio", "trio"])
def send(request: pytest.FixtureRequest) -> Send:
    made: Send = request.param
    return made


@pytest.fixture
def inner() -> ScriptedTransport:
    return ScriptedTransport(lambda _: ANSWER, config=CONFIG)


@pytest.mark.parametrize(
    ("failure", "kind", "may_have_been_sent", "seen", "seconds"),
    [
        (connect_failed(), ConnectFailed, False, 0, 0.0),
        (connect_failed(seconds=2), ConnectFailed, False, 0, 2.0),
        (timeout_before_sending(), Timeout, False, 0, 3.0),
        (timeout_before_sending(seconds=1), Timeout, False, 0, 1.0),
        (timeout_after_sending(), Timeout, True, 1, 7.0),
        (timeout_after_sending(processed=False), Timeout, True, 0, 7.0),
        (timeout_after_sending(seconds=4), Timeout, True, 1, 4.0),
        (connection_lost(), ConnectionLost, True, 1, 0.0),
        (connection_lost(processed=False), ConnectionLost, True, 0, 0.0),
        (connection_lost(seconds=6), ConnectionLost, True, 1, 6.0),
        (connection_lost(seconds=8), Timeout, True, 1, 7.0),
        (response_too_large(), ResponseTooLarge, True, 1, 0.0),
        (delayed(8), Timeout, True, 1, 7.0),
        (
            WireFailure(error=TransportError, is_delivered=False, may_have_been_sent=False),
            TransportError,
            False,
            0,
            0.0,
        ),
    ],
)
def test_each_failure(  # noqa: PLR0917 - the columns of the table
    send: Send,
    inner: ScriptedTransport,
    failure: WireFailure,
    kind: type[TransportError],
    may_have_been_sent: bool,  # noqa: FBT001 - a column of the table
    seen: int,
    seconds: float,
) -> None:
    with pytest.raises(TransportError) as raised:
        send(inner, [failure])
    assert type(raised.value) is kind
    assert raised.value.may_have_been_sent is may_have_been_sent
    assert str(raised.value).endswith(f"FaultyTransport was told to raise {kind.__name__}")
    assert raised.value.__context__ is None
    assert len(inner.requests) == seen
    assert inner.clock.now().monotonic == seconds


@pytest.mark.parametrize("failures", [[], [None], [delayed(5)], [delayed(7)], lambda _: None])
def test_an_answer_that_comes_is_the_inner_ones(
    send: Send, inner: ScriptedTransport, failures: WireFailures
) -> None:
    assert send(inner, failures) is ANSWER
    assert inner.requests == [REQUEST]


def test_a_delay_takes_the_inner_transports_time(send: Send, inner: ScriptedTransport) -> None:
    send(inner, [delayed(5)])
    assert [seconds for seconds in inner.sleeps if seconds] == [5]
    assert inner.clock.now().monotonic == 5


def test_failures_happen_in_their_order_and_then_no_more(inner: ScriptedTransport) -> None:
    failures = [connect_failed(), None, connection_lost()]
    transport = FaultyTransport(inner, failures)
    outcomes: list[int | str] = []
    for _ in range(5):
        try:
            outcomes.append(transport.send(REQUEST).status)
        except TransportError as error:
            outcomes.append(type(error).__name__)
    assert outcomes == ["ConnectFailed", 200, "ConnectionLost", 200, 200]
    assert transport.happened == [*failures, None, None]
    transport.assert_exhausted()


def test_failures_that_did_not_happen_are_named(inner: ScriptedTransport) -> None:
    transport = FaultyTransport(inner, [None, None, response_too_large(), connect_failed(), None])
    transport.send(REQUEST)
    with pytest.raises(
        AssertionError, match=r"^2 did not happen, the first of them: WireFailure\(error=.*TooLarge"
    ):
        transport.assert_exhausted()


def test_a_function_decides_by_the_request(inner: ScriptedTransport) -> None:
    transport = FaultyTransport(
        inner, lambda request: connect_failed() if request.method == "GET" else None
    )
    assert transport.send(REQUEST) is ANSWER
    with pytest.raises(ConnectFailed):
        transport.send(HttpRequest("GET", REQUEST.url))
    transport.assert_exhausted()


def test_all_else_is_the_inner_transports(inner: ScriptedTransport) -> None:
    for transport in (FaultyTransport(inner, []), AsyncFaultyTransport(inner, [])):
        assert transport.config is CONFIG
        assert transport.retry_policy is inner.retry_policy
        assert transport.now() == inner.now()
    FaultyTransport(inner, []).sleep(2)
    asyncio.run(AsyncFaultyTransport(inner, []).asleep(3))
    assert inner.sleeps == [2, 3]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: delayed(-1), "The seconds must be 0 or more: -1"),
        (lambda: delayed(float("nan")), "The seconds must be 0 or more: nan"),
        (
            lambda: WireFailure(error=None, is_delivered=False),
            "A request that was not delivered has no answer: set is_delivered or an error",
        ),
        (
            lambda: WireFailure(error=Timeout, is_delivered=True, may_have_been_sent=False),
            "A delivered request was sent: set may_have_been_sent",
        ),
        (
            lambda: by_chance(probability=0.5, entropy=bytes),
            "by_chance needs a failure, and a probability from 0 to 1",
        ),
        (
            lambda: by_chance(connect_failed(), probability=1.1, entropy=bytes),
            "by_chance needs a failure, and a probability from 0 to 1",
        ),
    ],
    ids=["back", "nan", "answer", "denied", "no failure", "no probability"],
)
def test_what_no_wire_does_is_refused(make: Callable[[], object], text: str) -> None:
    with pytest.raises(ValueError, match=f"^{text}$"):
        make()


def drawing(number: int) -> Entropy:
    return lambda size: number.to_bytes(size, "big")


class TestChance:
    @pytest.mark.parametrize("probability", [0, 0.25, 0.5, 1])
    def test_the_entropy_decides_where_the_border_is(self, probability: float) -> None:
        """Eight bytes are a number from 0 to 1, which is compared with the probability."""
        border = int(probability * 2**64)
        for drawn in (0, border - 1, border, 2**64 - 1):
            if not 0 <= drawn < 2**64:
                continue
            decide = by_chance(
                connect_failed(),
                probability=probability,
                entropy=drawing(drawn),
            )
            # A float has 53 bits: the number just below the limit is rounded to it.
            expected = drawn / 2**64 < probability
            assert (decide(REQUEST) is not None) is expected

    def test_the_same_entropy_gives_the_same_failures(self) -> None:
        def outcomes() -> list[WireFailure | None]:
            decide = by_chance(
                connect_failed(),
                connection_lost(),
                probability=0.4,
                entropy=random.Random(7).randbytes,  # noqa: S311 - reproducible on purpose
            )
            return [decide(REQUEST) for _ in range(400)]

        found = outcomes()
        assert found == outcomes()
        # Of 400 requests, about 160 fail, half of them in each way.
        assert 120 < sum(each is not None for each in found) < 200
        assert 50 < found.count(connect_failed()) < 110

    @given(
        probability=st.floats(0, 1),
        drawn=st.integers(0, 2**64 - 1),
        ways=st.integers(1, 5),
    )
    def test_any_draw_gives_one_of_the_failures_or_none(
        self, probability: float, drawn: int, ways: int
    ) -> None:
        failures = [connect_failed(seconds=number) for number in range(ways)]
        decide = by_chance(*failures, probability=probability, entropy=drawing(drawn))
        assert decide(REQUEST) in ([*failures] if drawn / 2**64 < probability else [None])


class TestAgainstTheEmulator:
    @pytest.fixture
    def center(self) -> IdentityCenter:
        return IdentityCenter(refresh_mode="rotating-strict")

    @pytest.fixture
    def around(self, center: IdentityCenter) -> EmulatorTransport:
        return EmulatorTransport(center, clock=VirtualClock())

    def test_a_registration_is_repeated(
        self, center: IdentityCenter, around: EmulatorTransport
    ) -> None:
        transport = FaultyTransport(around, [connection_lost(), connect_failed()])
        run(
            register_client(RegisterClientRequest(client_name="tool", client_type="public")),
            transport,
        )
        assert transport.happened == [connection_lost(), connect_failed(), None]
        assert len(center.registrations(around.now())) == 2

    @pytest.mark.parametrize(
        ("failure", "is_spent"),
        [(connection_lost(), True), (connection_lost(processed=False), False)],
        ids=["processed", "not processed"],
    )
    def test_a_refresh_whose_answer_was_lost_is_not_repeated(
        self,
        center: IdentityCenter,
        around: EmulatorTransport,
        failure: WireFailure,
        is_spent: bool,  # noqa: FBT001 - a column of the table
    ) -> None:
        registration = RegisterClientRequest(
            client_name="tool", client_type="public", scopes=("sso:account:access",)
        )
        start = start_device_login(registration, start_url=center.start_url, region=center.region)
        login = run(start, around)
        center.approve(login.user_code)
        token = run(poll_for_token(login), around)
        refresh = create_token(RefreshTokenGrant.of(login.client, token))
        transport = FaultyTransport(around, [failure])
        with pytest.raises(ConnectionLost):
            run(refresh, transport)
        assert transport.happened == [failure]
        if is_spent:
            with pytest.raises(InvalidGrantException):
                run(refresh, transport)
        else:
            assert run(refresh, transport).refresh_token is not None
