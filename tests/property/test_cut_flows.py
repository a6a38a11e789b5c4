"""A flow may be stopped at any step with any driver: nothing is sent after that."""

from __future__ import annotations

import types
from collections.abc import Callable, Generator
from typing import Final, TypeAlias, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssooidc_core import (
    AuthorizationPendingException,
    ClientConfig,
    CreateTokenResponse,
    Flow,
    HttpRequest,
    HttpResponse,
    InternalServerException,
    Now,
    Operation,
    Program,
    RegisterClientRequest,
    RegisterClientResponse,
    SecretStr,
    Sleep,
    SlowDownException,
    SsoOidcError,
    arun,
    run,
)
from ssooidc_core._start_urls import resolve_start_url
from ssooidc_core.flows.authorization_code import (
    PendingCodeLogin,
    finish_code_login,
    start_code_login,
)
from ssooidc_core.flows.device import (
    PendingDeviceLogin,
    poll_for_token,
    poll_once,
    start_device_login,
)
from ssooidc_core.flows.portal import list_all_account_roles, list_all_accounts
from ssooidc_core.flows.refresh import refresh_token
from ssooidc_transports.testing import ScriptedTransport, VirtualClock, error_reply, reply

T = TypeVar("T")
NOW: Final = VirtualClock().now().wall.timestamp()
CLIENT: Final = RegisterClientResponse(
    client_id="cid",
    client_secret=SecretStr("cs"),
    client_secret_expires_at=int(NOW) + 9000,
)
PENDING: Final = PendingDeviceLogin(
    region="us-east-1",
    client=CLIENT,
    device_code=SecretStr("dc"),
    user_code="BCDF-GHJK",
    verification_uri="https://device.sso.us-east-1.amazonaws.com/",
    interval=1,
    expires_at=NOW + 600,
    next_poll_at=NOW + 1,
)
DUE: Final = PENDING.model_copy(update={"next_poll_at": NOW})
REDIRECT_URI: Final = "http://127.0.0.1:8400/oauth/callback"
IN_A_BROWSER: Final = PendingCodeLogin(
    region="us-east-1",
    client=CLIENT,
    scopes=(),
    redirect_uri=REDIRECT_URI,
    state=SecretStr("st"),
    code_verifier=SecretStr("cv"),
    expires_at=NOW + 600,
)
TOKEN: Final = reply(200, {"accessToken": "at", "refreshToken": "rt", "expiresIn": 3600})
WAITING: Final = [
    error_reply(AuthorizationPendingException),
    error_reply(SlowDownException),
    error_reply(InternalServerException),
]
REGISTERED: Final = reply(200, {"clientId": "cid", "clientSecret": "cs"})
STARTED: Final = reply(
    200, {"deviceCode": "dc", "userCode": "BCDF-GHJK", "verificationUri": "https://device"}
)


def page(member: str, next_token: str | None) -> HttpResponse:
    entry = {"accountId": "1" * 12, "roleName": "r"}
    return reply(200, {"nextToken": next_token, member: [entry]})


Case: TypeAlias = tuple[Program[object], list[HttpResponse]]
CASES: Final[list[Case]] = [
    (
        start_device_login(
            RegisterClientRequest(client_name="tool", client_type="public"),
            start_url="https://d-1.awsapps.com/start",
            region="us-east-1",
        ),
        [REGISTERED, STARTED],
    ),
    (
        start_code_login(
            RegisterClientRequest(client_name="tool", client_type="public"),
            redirect_uri=REDIRECT_URI,
            region="us-east-1",
        ),
        [REGISTERED],
    ),
    (finish_code_login(IN_A_BROWSER, f"{REDIRECT_URI}?code=c&state=st"), [TOKEN]),
    (
        resolve_start_url("https://sso.example/", region="us-east-1"),
        [reply(405), reply(301, headers={"Location": "https://d-1.awsapps.com/start"})],
    ),
    (poll_for_token(PENDING), [*WAITING, *WAITING, TOKEN]),
    (poll_once(DUE), [TOKEN]),
    (poll_once(DUE), [WAITING[0]]),
    (refresh_token(CLIENT, CreateTokenResponse(access_token=SecretStr("a"), refresh_token=SecretStr("r"))), [TOKEN]),
    (list_all_accounts("at"), [page("accountList", "2"), page("accountList", "3"), page("accountList", None)]),
    (
        list_all_account_roles("at", account_id="1" * 12),
        [page("roleList", "2"), page("roleList", None)],
    ),
]  # fmt: skip
STEPS: Final = st.integers(0, 30)


def test_every_flow_is_here(every_flow: frozenset[Callable[..., object]]) -> None:
    assert {program._make for program, _ in CASES if isinstance(program, Flow)} == every_flow


class Outage(Exception):
    """Not an error of the library: no policy waits for it to pass."""


class Stop(BaseException):
    """The equivalent of Ctrl-C and a cancellation."""


def next_reply(event: object, transport: ScriptedTransport) -> object:
    """Carry out one event, like a driver."""
    if isinstance(event, Operation):
        return event.parse(transport.send(event.http_request(transport.config, transport.now())))
    if isinstance(event, Sleep):
        transport.sleep(event.seconds)
        return None
    assert isinstance(event, Now)
    return transport.now()


def advanced(
    case: Case, steps: int
) -> tuple[Generator[object, object, object], ScriptedTransport, bool]:
    """Return a flow at one of its steps, its transport, and whether it has ended."""
    program, replies = case
    transport = ScriptedTransport(replies)
    running = program.__iter__()
    value: object = None
    error: Exception | None = None
    for step in range(steps + 1):
        try:
            event = running.send(value) if error is None else running.throw(error)
        except StopIteration:
            transport.assert_exhausted()
            return running, transport, True
        value, error = None, None
        # The last event is only requested: the flow is waiting for its reply when it is stopped.
        if step < steps:
            try:
                value = next_reply(event, transport)
            except SsoOidcError as failure:
                error = failure
    return running, transport, False


@given(st.sampled_from(CASES), STEPS)
def test_a_closed_flow_sends_nothing(case: Case, steps: int) -> None:
    """A flow sends nothing while it is being closed."""
    running, transport, _ = advanced(case, steps)
    sent = len(transport.requests)
    # If the flow yielded again, this would raise.
    running.close()
    assert next(running, "over") == "over"
    assert len(transport.requests) == sent


@given(st.sampled_from(CASES), STEPS, st.sampled_from([Outage, Stop]))
def test_a_flow_sends_nothing_after_an_error_it_does_not_know(
    case: Case, steps: int, kind: type[BaseException]
) -> None:
    """`poll_for_token` raises every error after which the policy does not continue; it may ask for the time first."""
    running, transport, ended = advanced(case, steps)
    if ended:
        return
    thrown = kind("cut")
    asked: object = None
    try:
        asked = running.throw(thrown)
    except kind as caught:
        raised = caught
    else:
        assert asked == Now()
        # If the flow continued, there would be a second question.
        with pytest.raises(kind) as ended_with:
            _ = running.send(transport.now())
        raised = ended_with.value
    assert raised is thrown
    assert next(running, "over") == "over"


class Cut(ScriptedTransport):
    """Raises in one of its calls, and counts the calls after that."""

    def __init__(self, replies: list[HttpResponse], at: int, error: BaseException) -> None:
        super().__init__(replies)
        self._left = at
        self._error = error
        self.after = 0

    def _called(self) -> None:
        self._left -= 1
        if self._left < -1:
            self.after += 1
        if self._left == -1:
            raise self._error

    def send(self, request: HttpRequest, /) -> HttpResponse:
        self._called()
        return super().send(request)

    def sleep(self, seconds: float, /) -> None:
        self._called()
        super().sleep(seconds)

    @types.coroutine
    def _suspend(self) -> Generator[None, None, None]:
        yield

    async def asend(self, request: HttpRequest, /) -> HttpResponse:
        await self._suspend()
        return self.send(request)

    async def asleep(self, seconds: float, /) -> None:
        await self._suspend()
        self.sleep(seconds)


def _await(program: Program[T], transport: Cut) -> T:
    """Run a coroutine as an event loop does."""
    running = arun(program, transport)
    while True:
        try:
            running.send(None)
        except StopIteration as stop:
            result: T = stop.value
            return result


DRIVERS: Final[list[Callable[[Program[object], Cut], object]]] = [run, _await]


@given(st.sampled_from(CASES), STEPS, st.sampled_from([Outage, Stop]), st.sampled_from(DRIVERS))
def test_a_driver_sends_nothing_after_a_cut(
    case: Case,
    at: int,
    kind: type[BaseException],
    drive: Callable[[Program[object], Cut], object],
) -> None:
    """A KeyboardInterrupt or a cancellation is never thrown into the flow, but closes it."""
    program, replies = case
    error = kind("cut")
    transport = Cut(replies, at, error)
    try:
        drive(program, transport)
    except kind as caught:
        raised: BaseException | None = caught
    else:
        raised = None
        transport.assert_exhausted()
    assert raised in {error, None}
    assert transport.after == 0


@given(st.sampled_from(CASES), STEPS, st.sampled_from(["close", "throw"]))
def test_a_cancelled_task_sends_nothing(case: Case, suspensions: int, how: str) -> None:
    """A `BaseException` is never thrown into the flow, which is always closed."""
    program, replies = case
    transport = Cut(replies, 1000, Stop())
    running = arun(program, transport)
    for _ in range(suspensions):
        try:
            running.send(None)
        except StopIteration:
            transport.assert_exhausted()
            return
    sent = list(transport.events)
    if how == "close":
        running.close()
    else:
        with pytest.raises(Stop):
            running.throw(Stop("cancelled"))
    assert transport.events == sent


def test_every_case_runs_to_its_end() -> None:
    """The cases are complete flows, which use all of their replies."""
    for program, replies in CASES:
        transport = ScriptedTransport(replies, config=ClientConfig(region="us-east-1"))
        _ = run(program, transport)
        transport.assert_exhausted()
