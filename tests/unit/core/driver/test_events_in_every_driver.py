"""Every driver receives the same events from a flow, and sends the same replies."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar, cast

import pytest

from ssooidc_core import (
    AccessDeniedException,
    AuthorizationPendingException,
    ConnectionLost,
    CreateTokenResponse,
    Event,
    InvalidGrantException,
    Now,
    Operation,
    Program,
    RegisterClientRequest,
    RegisterClientResponse,
    SecretStr,
    SlowDownException,
    SsoOidcError,
    flow,
    run,
)
from ssooidc_core._program import Steps
from ssooidc_core.flows.device import poll_for_token, poll_once, start_device_login
from ssooidc_core.flows.portal import list_all_account_roles, list_all_accounts
from ssooidc_core.flows.refresh import refresh_token
from ssooidc_transports.testing import Replies, ScriptedTransport, error_reply, reply

if TYPE_CHECKING:
    from tests.unit.core.conftest import Drive

T = TypeVar("T")

CLIENT: Final = RegisterClientResponse(
    client_id="id", client_secret=SecretStr("canary"), client_secret_expires_at=2_000_000_000
)
TOKEN: Final = CreateTokenResponse(
    access_token=SecretStr("canary"), refresh_token=SecretStr("canary2")
)
REQUEST: Final = RegisterClientRequest(client_name="n", client_type="public")
REGISTERED: Final = reply(200, {"clientId": "id", "clientSecret": "canary"})
DEVICE: Final = reply(
    200, {"deviceCode": "canary", "userCode": "B", "verificationUri": "https://x/", "expiresIn": 90}
)
ISSUED: Final = reply(200, {"accessToken": "canary", "refreshToken": "canary2"})
PENDING: Final = error_reply(AuthorizationPendingException)
SLOW_DOWN: Final = error_reply(SlowDownException)


def traced(program: Program[T], log: list[object]) -> Generator[Event, object, T]:
    """The same program; `log` receives each event, and each time and error that was sent back."""
    steps = program.__iter__()
    go_on: Callable[[], Event] = partial(next, steps)
    try:
        while True:
            try:
                event = go_on()
            except StopIteration as end:
                return cast("T", end.value)
            log.append(event)
            try:
                told = yield event
            except Exception as error:  # noqa: BLE001 - it is the flow's
                log.append(repr(error))
                go_on = partial(steps.throw, error)
            else:
                if isinstance(event, Now):
                    log.append(told)
                go_on = partial(steps.send, told)
    finally:
        steps.close()


@flow
def whole_login() -> Steps[CreateTokenResponse]:
    """Start a login, poll, and refresh."""
    pending = yield from start_device_login(REQUEST, start_url="https://s/start", region="r")
    early = yield from poll_once(pending)
    assert early is pending
    token = yield from poll_for_token(pending)
    return (yield from refresh_token(pending.client, token))


FLOWS: Final[dict[str, tuple[Program[object], Replies]]] = {
    "login": (
        whole_login(),
        [REGISTERED, DEVICE, PENDING, SLOW_DOWN, ConnectionLost("x"), PENDING, ISSUED, ISSUED],
    ),
    "denied": (whole_login(), [REGISTERED, DEVICE, error_reply(AccessDeniedException)]),
    "expired": (
        whole_login(),
        [REGISTERED, DEVICE, *[SLOW_DOWN] * 3, *[reply(502)] * 9],
    ),
    "refresh": (refresh_token(CLIENT, TOKEN), [ISSUED]),
    "session over": (refresh_token(CLIENT, TOKEN), [error_reply(InvalidGrantException)]),
    "accounts": (
        list_all_accounts("canary"),
        [reply(200, {"nextToken": "2"}), reply(200, {"accountList": [{"accountId": "1"}]})],
    ),
    "roles": (list_all_account_roles("canary", account_id="1"), [reply(200, {"roleList": None})]),
}


def run_traced(drive: Drive, name: str) -> tuple[list[object], str, ScriptedTransport]:
    program, replies = FLOWS[name]
    log: list[object] = []
    transport = ScriptedTransport(replies)
    try:
        result = repr(drive(traced(program, log), transport))
    except SsoOidcError as error:
        result = repr(error)
    return log, result, transport


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_asks_and_is_told_the_same(any_drive: Drive, name: str) -> None:
    from_run, expected, _ = run_traced(run, name)
    log, result, _ = run_traced(any_drive, name)
    assert (log, result) == (from_run, expected)
    assert any(isinstance(event, Operation) for event in log)


@pytest.mark.parametrize(
    "replies",
    [
        [REGISTERED],
        [reply(503), REGISTERED],
        [ConnectionLost("x"), reply(429), REGISTERED],
        [reply(500), reply(502), reply(504)],
    ],
    ids=["at once", "second", "third", "never"],
)
def test_repeated_requests_are_the_same_but_for_their_number(
    drive: Drive, replies: Replies
) -> None:
    program = start_device_login(CLIENT, start_url="https://s/start", region="us-east-1")

    def sent(through: Drive) -> tuple[list[object], str]:
        transport = ScriptedTransport(replies)
        try:
            result = repr(through(program, transport))
        except SsoOidcError as error:
            result = f"{error!r} {error.__notes__}"
        headers = [
            sorted(
                (name, value)
                for name, value in request.headers.items()
                if name != "amz-sdk-invocation-id"
            )
            for request in transport.requests
        ]
        bodies = {(request.method, request.url, request.body) for request in transport.requests}
        assert len(bodies) == 1
        return [*headers, *transport.events[:1]], result

    assert sent(drive) == sent(run)


def test_the_order_of_keyword_arguments_makes_no_other_flow() -> None:
    assert start_device_login(CLIENT, start_url="u", region="r") == start_device_login(
        CLIENT, region="r", start_url="u"
    )
