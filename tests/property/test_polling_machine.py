"""The emulator, a person who decides at any time, a network that fails at any time, and the polling flows.

Time is virtual. The machine implements RFC 8628 section 3.5 itself, and compares each step of the flows with that.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Final, Literal

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ssooidc_core import (
    AccessDeniedException,
    CreateTokenResponse,
    DeviceLoginExpired,
    Event,
    HttpRequest,
    HttpResponse,
    Now,
    Operation,
    RegisterClientRequest,
    Sleep,
    SsoOidcError,
    TransportError,
    run,
)
from ssooidc_core.flows.device import (
    PendingDeviceLogin,
    poll_for_token,
    poll_once,
    start_device_login,
)
from ssooidc_emulator import EmulatorTransport, IdentityCenter, faults, seeded_entropy
from ssooidc_transports.testing import VirtualClock

# Epoch seconds as floats are exact to a quarter of a microsecond.
ROUNDING: Final = 1e-4
SLOWEST: Final = 60.0

Kind = Literal["token", "pending", "slow_down", "failed", "expired", "denied", "other"]


def kind_of(answer: HttpResponse | TransportError) -> Kind:
    """Return the meaning of a response by the RFC and the service's headers."""
    if isinstance(answer, TransportError) or answer.status >= 500 or answer.status == 429:
        return "failed"
    if answer.status == 200 and answer.headers.get("content-type") == "application/json":
        return "token"
    kinds: dict[str, Kind] = {
        "AuthorizationPendingException": "pending",
        "SlowDownException": "slow_down",
        "ExpiredTokenException": "expired",
        "AccessDeniedException": "denied",
    }
    return kinds.get(answer.headers.get("x-amzn-errortype", "").partition(":")[0], "other")


@dataclass(frozen=True)
class Poll:
    """One CreateToken request: its start, its end, and its outcome."""

    sent: float
    answered: float
    kind: Kind


class Recorder(EmulatorTransport):
    """The emulator's transport, which records the polls."""

    def __init__(self, center: IdentityCenter, clock: VirtualClock) -> None:
        super().__init__(center, clock=clock)
        self.polls: list[Poll] = []
        self.requests = 0

    def send(self, request: HttpRequest, /) -> HttpResponse:
        sent = self.now().monotonic
        self.requests += 1
        answer: HttpResponse | TransportError
        try:
            answer = super().send(request)
        except TransportError as lost:
            answer = lost
        if request.url.endswith("/token"):
            self.polls.append(Poll(sent, self.now().monotonic, kind_of(answer)))
        if isinstance(answer, TransportError):
            raise answer
        return answer


FAULTS: Final = st.one_of(
    # Failures after which a driver repeats other one-time grants.
    st.builds(faults.throttling),
    st.builds(faults.slow_down),
    st.builds(faults.server_error),
    st.builds(faults.throttling, retry_after_ms=st.none() | st.integers(0, 100_000)),
    st.builds(faults.html_page, st.sampled_from([502, 503, 504])),
    st.builds(faults.connection_reset),
    st.builds(faults.body_cut, st.integers(0, 40)),
    st.builds(faults.delay, st.floats(0, 50)),
    st.builds(faults.error, st.just("AuthorizationPendingException")),
)
TERMINAL: Final = st.sampled_from(
    [
        faults.error("InvalidClientException"),
        faults.error("InvalidGrantException"),
        faults.error("UnauthorizedClientException"),
        faults.error("ExpiredTokenException"),
        faults.html_page(200),
        faults.html_page(404),
    ]
)


class DeviceLogin(RuleBasedStateMachine):
    """One center with consecutive logins, each polled by one of the two flows."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualClock()
        self.started = False

    @initialize(
        interval=st.integers(1, 9) | st.integers(1, 90),
        lifetime=st.integers(1, 900) | st.integers(1, 20),
        enforce=st.booleans(),
    )
    def make_center(self, *, interval: int, lifetime: int, enforce: bool) -> None:
        self.center = IdentityCenter(
            interval=interval,
            device_code_lifetime=lifetime,
            enforce_interval=enforce,
            entropy=seeded_entropy(7),
        )
        self.lifetime = lifetime
        self.first_interval = interval
        self.transport = Recorder(self.center, self.clock)
        self.started = True
        self.start_again()

    def start_again(self) -> None:
        registration = RegisterClientRequest(client_name="tool", client_type="public")
        start = start_device_login(
            registration, start_url=self.center.start_url, region="us-east-1"
        )
        self.pending: PendingDeviceLogin = run(start, self.transport)
        self.transport.polls.clear()
        self.checked = 0
        self.deadline = self.now + self.lifetime
        self.due = self.now + self.first_interval
        self.interval = self.first_interval
        self.failed = 0
        self.decided: Literal["approved", "denied"] | None = None
        self.end: CreateTokenResponse | Exception | None = None
        self.sent_at_end = 0
        self.steps: Generator[Event, object, CreateTokenResponse] | None = None
        self.reply: object = None
        self.error: Exception | None = None
        self.by_hand = False
        self.oversleep = 0.0

    @property
    def now(self) -> float:
        return self.clock.now().monotonic

    # Events outside of the client

    @precondition(lambda self: self.started and self.end is None and self.decided is None)
    @rule(approve=st.booleans())
    def decide(self, *, approve: bool) -> None:
        decide = self.center.approve if approve else self.center.deny
        try:
            decide(self.pending.user_code)
        except ValueError:
            assert self.now >= self.deadline - ROUNDING
        else:
            self.decided = "approved" if approve else "denied"

    @precondition(lambda self: self.started)
    @rule(fault=FAULTS, times=st.integers(1, 8))
    def go_wrong(self, *, fault: faults.Fault, times: int) -> None:
        self.center.script("CreateToken", fault, times=times)

    @precondition(lambda self: self.started)
    @rule(fault=TERMINAL)
    def go_wrong_for_good(self, *, fault: faults.Fault) -> None:
        self.center.script("CreateToken", fault)

    @precondition(lambda self: self.started)
    @rule()
    def go_right(self) -> None:
        self.center.clear_script()

    @precondition(lambda self: self.started)
    @rule(seconds=st.floats(0, 20) | st.floats(0, 700))
    def let_time_pass(self, *, seconds: float) -> None:
        """A busy job queue, or, during a sleep, a sleep that takes longer than it should."""
        if self.steps is None or self.end is not None:
            self.clock.advance(seconds)
        else:
            self.oversleep = seconds

    @precondition(lambda self: self.started and self.end is not None)
    @rule()
    def log_in_again(self) -> None:
        self.center.clear_script()
        self.start_again()

    # The flows

    @precondition(lambda self: self.started and self.end is None and self.steps is None)
    @rule(stored=st.booleans())
    def poll_once(self, *, stored: bool) -> None:
        """Poll like a job queue: at any time, with the login stored as JSON in between."""
        self.by_hand = True
        if stored:
            self.pending = PendingDeviceLogin.from_json(self.pending.to_json_with_secrets())
        before = len(self.transport.polls)
        early = self.now < self.due - ROUNDING
        was = self.pending
        try:
            answer = run(poll_once(self.pending), self.transport)
        except SsoOidcError as error:
            self.finish(error)
        else:
            if isinstance(answer, CreateTokenResponse):
                self.finish(answer)
            else:
                self.pending = answer
        if early:
            assert len(self.transport.polls) == before, "called early it sends nothing"
            assert self.pending is was, "and returns `pending` as it is"
        self.check_polls()
        if self.end is None:
            assert self.pending.interval == self.interval
            assert self.pending.failed_polls == self.failed

    @precondition(lambda self: self.started and self.end is None and not self.by_hand)
    @rule(events=st.integers(1, 12))
    def poll_on(self, *, events: int) -> None:
        """Act like a driver, one event at a time, so that anything can happen between two events."""
        if self.steps is None:
            self.steps = iter(poll_for_token(self.pending))
        for _ in range(events):
            if self.end is None:
                self.one_event(self.steps)

    @precondition(lambda self: self.started and self.end is None and self.steps is None)
    @rule()
    def poll_to_the_end(self) -> None:
        """Poll like most programs; the driver must not repeat what the loop repeats."""
        try:
            self.finish(run(poll_for_token(self.pending), self.transport))
        except SsoOidcError as error:
            self.finish(error)

    def one_event(self, steps: Generator[Event, object, CreateTokenResponse]) -> None:
        try:
            event = steps.send(self.reply) if self.error is None else steps.throw(self.error)
        except StopIteration as stop:
            token: CreateTokenResponse = stop.value
            self.finish(token)
            return
        except SsoOidcError as error:
            self.finish(error)
            return
        self.reply, self.error = None, None
        if isinstance(event, Sleep):
            due = self.now + event.seconds
            assert abs(due - self.due) < ROUNDING, "waits until the poll is due, and no longer"
            assert due < self.deadline + ROUNDING, "a wait that would reach the end is not begun"
            self.clock.advance(event.seconds + self.oversleep)
            self.oversleep = 0.0
        elif isinstance(event, Now):
            self.reply = self.transport.now()
        else:
            assert isinstance(event, Operation)
            request = event.http_request(self.transport.config, self.transport.now())
            try:
                self.reply = event.parse(self.transport.send(request))
            except SsoOidcError as error:
                self.error = error
            self.check_polls()

    # Invariants

    def finish(self, end: CreateTokenResponse | Exception) -> None:
        self.check_polls()
        self.end = end
        self.sent_at_end = self.transport.requests
        last = self.transport.polls[-1].kind if self.transport.polls else None
        if isinstance(end, CreateTokenResponse):
            assert last == "token"
            assert self.decided == "approved"
        elif isinstance(end, DeviceLoginExpired):
            assert last == "expired" or max(self.due, self.now) >= self.deadline - ROUNDING
        elif isinstance(end, AccessDeniedException):
            assert last == "denied"
            assert self.decided == "denied"
        else:
            assert last == "other", "only an answer that waiting cannot change ends it"

    def check_polls(self) -> None:
        """Check each new poll against the rules, and compute when the next one is due."""
        for poll in self.transport.polls[self.checked :]:
            assert poll.sent >= self.due - ROUNDING, "never polls before the interval"
            assert poll.sent < self.deadline + ROUNDING, "ends by the deadline"
            if poll.kind == "slow_down":
                self.interval += 5
            self.failed = self.failed + 1 if poll.kind == "failed" else 0
            slowed = min(self.interval * 2.0**self.failed, SLOWEST) if self.failed else 0.0
            self.due = poll.answered + max(float(self.interval), slowed)
            if poll.kind not in {"pending", "slow_down", "failed"}:
                self.due = float("inf")  # nothing may be sent after success or a terminal answer
        self.checked = len(self.transport.polls)

    @invariant()
    def nothing_is_sent_after_the_end(self) -> None:
        if self.started and self.end is not None:
            assert self.transport.requests == self.sent_at_end

    @invariant()
    def a_final_answer_ends_it_at_once(self) -> None:
        if (
            self.started
            and self.end is None
            and self.steps is not None
            and self.due == float("inf")
        ):
            # The response has arrived, and has not been passed to the flow yet.
            assert self.reply is not None or self.error is not None

    def teardown(self) -> None:
        if not self.started:
            return
        if self.steps is not None:
            before = self.transport.requests
            self.steps.close()
            assert self.transport.requests == before


TestDeviceLogin = DeviceLogin.TestCase
