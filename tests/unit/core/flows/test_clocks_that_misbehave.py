"""Polling when sleeps are too short or too long, responses are slow, or each step is in a new process."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest
from tenacity import Retrying, stop_after_delay, wait_fixed

from ssooidc_core import (
    AuthorizationPendingException,
    CreateTokenResponse,
    DeviceLoginExpired,
    HttpRequest,
    HttpResponse,
    RegisterClientRequest,
    RegisterClientResponse,
    SecretStr,
    SlowDownException,
    Timeout,
    UnknownServiceError,
    register_client,
)
from ssooidc_core.flows.device import PendingDeviceLogin, poll_for_token, poll_once
from ssooidc_transports.testing import Replies, ScriptedTransport, Sent, error_reply, reply

if TYPE_CHECKING:
    from tests.unit.core.conftest import Drive

PENDING: Final = error_reply(AuthorizationPendingException)
SLOW_DOWN: Final = error_reply(SlowDownException)
TOKEN: Final = reply(200, {"accessToken": "canary"})
BEGUN: Final = ScriptedTransport([]).now().wall.timestamp()
LOGIN: Final = PendingDeviceLogin(
    region="r",
    client=RegisterClientResponse(client_id="id", client_secret=SecretStr("canary")),
    device_code=SecretStr("canary"),
    user_code="BCDF",
    verification_uri="u",
    interval=5,
    expires_at=BEGUN + 60,
    next_poll_at=BEGUN + 5,
)


class Imprecise(ScriptedTransport):
    """Sleeps `stretch` times as long as requested; each response takes `answer_takes` seconds."""

    def __init__(
        self, replies: Replies, *, stretch: float = 1.0, answer_takes: float = 0.0
    ) -> None:
        super().__init__(replies)
        self.stretch = stretch
        self.answer_takes = answer_takes

    def send(self, request: HttpRequest, /) -> HttpResponse:
        try:
            return super().send(request)
        finally:
            self.clock.advance(self.answer_takes)

    def sleep(self, seconds: float, /) -> None:
        self.sleeps.append(seconds)
        self.clock.advance(seconds * self.stretch)

    def sent_at(self) -> list[float]:
        return [event.at for event in self.events if isinstance(event, Sent)]


def test_a_sleep_that_ends_early_is_slept_on(any_drive: Drive) -> None:
    """A timer may fire early (signals, coarse clocks), and polling early causes a `slow_down`."""
    transport = Imprecise([PENDING, TOKEN], stretch=0.5)
    any_drive(poll_for_token(LOGIN), transport)
    assert transport.sent_at() == pytest.approx([5, 10], abs=1e-4)
    assert transport.sleeps[:3] == pytest.approx([5, 2.5, 1.25])
    assert len(transport.sleeps) < 50


def test_after_a_sleep_that_took_too_long_the_interval_counts_from_the_poll(
    any_drive: Drive,
) -> None:
    transport = Imprecise([PENDING, SLOW_DOWN, TOKEN], stretch=1.5)
    any_drive(poll_for_token(LOGIN), transport)
    assert transport.sent_at() == pytest.approx([7.5, 15, 30])


def test_the_interval_counts_from_the_answer(any_drive: Drive) -> None:
    transport = Imprecise([PENDING, PENDING, TOKEN], answer_takes=3)
    any_drive(poll_for_token(LOGIN), transport)
    assert transport.sent_at() == pytest.approx([5, 13, 21])


def test_a_login_that_ends_while_an_answer_is_awaited_has_expired(any_drive: Drive) -> None:
    for failure in (PENDING, Timeout("x")):
        transport = Imprecise([failure], answer_takes=56)
        with pytest.raises(DeviceLoginExpired) as ended:
            any_drive(poll_for_token(LOGIN), transport)
        assert isinstance(ended.value.__cause__, (AuthorizationPendingException, Timeout))
        assert transport.sleeps == [5]


def test_a_token_that_comes_after_the_end_is_a_token(any_drive: Drive) -> None:
    token = any_drive(poll_for_token(LOGIN), Imprecise([TOKEN], answer_takes=600))
    assert token.access_token.get_secret_value() == "canary"


@pytest.mark.parametrize(
    ("left", "polled"), [(5.0, 0), (5.5, 1), (10.0, 1), (10.5, 2)], ids="{}".format
)
def test_no_wait_reaches_the_end(any_drive: Drive, left: float, polled: int) -> None:
    pending = LOGIN.model_copy(update={"expires_at": BEGUN + left})
    transport = ScriptedTransport([PENDING] * polled)
    with pytest.raises(DeviceLoginExpired):
        any_drive(poll_for_token(pending), transport)
    transport.assert_exhausted()
    assert sum(transport.sleeps) < left


def test_steps_through_json_poll_at_the_instants_of_one_run(any_drive: Drive) -> None:
    """As if each step were in a new process, with each driver: the same polls, and the same result."""
    replies: Replies = [PENDING, Timeout("x"), SLOW_DOWN, PENDING, TOKEN]
    whole = ScriptedTransport(replies)
    token = any_drive(poll_for_token(LOGIN), whole)
    stepwise = ScriptedTransport(replies)
    state: PendingDeviceLogin | CreateTokenResponse = LOGIN
    while isinstance(state, PendingDeviceLogin):
        stored = PendingDeviceLogin.from_json(state.to_json_with_secrets())
        assert any_drive(poll_once(stored), stepwise) is stored, "too early"
        stepwise.clock.advance(stored.next_poll_at - stepwise.now().wall.timestamp())
        state = any_drive(poll_once(stored), stepwise)
    assert state == token
    sent = [(event.url, event.body) for event in whole.events if isinstance(event, Sent)]
    assert [(event.url, event.body) for event in stepwise.events if isinstance(event, Sent)] == sent
    assert [event.at for event in stepwise.events] == pytest.approx(
        [event.at for event in whole.events if isinstance(event, Sent)], abs=1e-4
    )


def test_steps_through_json_end_with_the_one_run(any_drive: Drive) -> None:
    transport = ScriptedTransport([PENDING] * 10)
    state: PendingDeviceLogin | CreateTokenResponse = LOGIN
    for _ in range(10):
        transport.clock.advance(5.00001)
        assert isinstance(state, PendingDeviceLogin)
        state = any_drive(poll_once(state), transport)
    assert isinstance(state, PendingDeviceLogin)
    transport.assert_exhausted()
    transport.clock.advance(5.00001)
    last = ScriptedTransport([PENDING], clock=transport.clock)
    with pytest.raises(DeviceLoginExpired) as ended:
        any_drive(poll_once(state), last)
    assert isinstance(ended.value.__cause__, AuthorizationPendingException)


def test_a_clock_set_back_between_processes_delays_no_poll_for_long(any_drive: Drive) -> None:
    """By more than the longest wait: poll now. By less: wait for the rest, a minute at most."""
    for back, slept in ((30, [35]), (55, [60]), (3600, [])):
        transport = ScriptedTransport([TOKEN])
        transport.clock.set_wall(transport.now().wall - timedelta(seconds=back))
        any_drive(poll_for_token(LOGIN), transport)
        assert transport.sleeps == pytest.approx(slept)


def test_a_clock_set_back_while_polling_lengthens_no_login(any_drive: Drive) -> None:
    class SetBack(ScriptedTransport):
        def sleep(self, seconds: float, /) -> None:
            super().sleep(seconds)
            self.clock.set_wall(self.clock.now().wall - timedelta(seconds=seconds))

    transport = SetBack([PENDING] * 11)
    with pytest.raises(DeviceLoginExpired):
        any_drive(poll_for_token(LOGIN), transport)
    transport.assert_exhausted()


def test_the_time_that_answers_take_counts_for_a_policy(drive: Drive) -> None:
    """`start_time` is the start of the first attempt, not the time of its failure."""
    operation = register_client(RegisterClientRequest(client_name="n", client_type="public"))
    policy = Retrying(stop=stop_after_delay(25), wait=wait_fixed(2))
    transport = Imprecise(lambda _: reply(503), answer_takes=8)
    with pytest.raises(UnknownServiceError):
        drive(operation, transport, policy=policy)
    assert transport.sent_at() == [0, 10, 20]
