"""Each flow makes the same requests at the same times, the same waits and the same result with every driver."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import pytest

from ssooidc_core import (
    AccessDeniedException,
    AuthorizationPendingException,
    ConfigurationError,
    ConnectionLost,
    CreateTokenResponse,
    DeviceLoginExpired,
    ExpiredTokenException,
    HttpResponse,
    InvalidClientException,
    InvalidGrantException,
    Program,
    RegisterClientRequest,
    RegisterClientResponse,
    RegistrationGone,
    ResponseParseError,
    SecretStr,
    SessionExpired,
    SlowDownException,
    SsoOidcError,
    UnauthorizedClientException,
    run,
)
from ssooidc_core._program import Flow
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
from ssooidc_transports.testing import ScriptedTransport, Slept, error_reply, reply

if TYPE_CHECKING:
    from tests.unit.core.conftest import Drive

REGISTRATION: Final = RegisterClientRequest(client_name="n", client_type="public")
NEW_CLIENT: Final = reply(200, {"clientId": "id", "clientSecret": "canary"})
NEW_DEVICE: Final = reply(
    200,
    {
        "deviceCode": "canary",
        "userCode": "BCDF-GHJK",
        "verificationUri": "https://x/",
        "expiresIn": 60,
        "interval": 2,
    },
)
NEW_TOKEN: Final = reply(200, {"accessToken": "canary", "refreshToken": "canary2"})
PENDING: Final = error_reply(AuthorizationPendingException)
SLOW_DOWN: Final = error_reply(SlowDownException)
CLIENT: Final = RegisterClientResponse(client_id="id", client_secret=SecretStr("canary"))
TOKEN: Final = CreateTokenResponse(
    access_token=SecretStr("canary"), refresh_token=SecretStr("canary2")
)


def start() -> Program[PendingDeviceLogin]:
    return start_device_login(REGISTRATION, start_url="https://s/start", region="us-east-1")


def login() -> PendingDeviceLogin:
    return run(start(), ScriptedTransport([NEW_CLIENT, NEW_DEVICE]))


def polls(*replies: HttpResponse | Exception) -> tuple[Program[object], list[object]]:
    return poll_for_token(login()), list(replies)


def start_in_a_browser() -> Program[PendingCodeLogin]:
    # Zeros instead of random bytes, so that every run is the same.
    uri = "http://127.0.0.1:8400/oauth/callback"
    return start_code_login(REGISTRATION, redirect_uri=uri, region="us-east-1", entropy=bytes)


def finish_in_a_browser(*replies: HttpResponse) -> tuple[Program[object], list[object]]:
    pending = run(start_in_a_browser(), ScriptedTransport([NEW_CLIENT]))
    callback = f"/oauth/callback?code=canary&state={pending.state.get_secret_value()}"
    return finish_code_login(pending, callback), list(replies)


HTML_502: Final = HttpResponse(502, {"content-type": "text/html"}, b"<p>Bad gateway</p>")
FLOWS: Final[dict[str, Callable[[], tuple[Program[object], list[object]]]]] = {
    "start": lambda: (start(), [NEW_CLIENT, NEW_DEVICE]),
    "start with a registration": lambda: (
        start_device_login(CLIENT, start_url="https://s/start", region="r"),
        [NEW_DEVICE],
    ),
    "start refused": lambda: (start(), [NEW_CLIENT, error_reply(InvalidClientException)]),
    "approved": lambda: polls(PENDING, PENDING, NEW_TOKEN),
    "slow down": lambda: polls(SLOW_DOWN, PENDING, SLOW_DOWN, NEW_TOKEN),
    "failed polls": lambda: polls(HTML_502, ConnectionLost("x"), PENDING, NEW_TOKEN),
    "denied": lambda: polls(PENDING, error_reply(AccessDeniedException)),
    "expired by the service": lambda: polls(error_reply(ExpiredTokenException)),
    "expired by the clock": lambda: polls(*[PENDING] * 40),
    "no answer of the service": lambda: polls(HttpResponse(200, {}, b"[]")),
    "polled once": lambda: (
        poll_once(login().model_copy(update={"next_poll_at": 0.0})),
        [NEW_TOKEN],
    ),
    "start in a browser": lambda: (start_in_a_browser(), [NEW_CLIENT]),
    "finish in a browser": lambda: finish_in_a_browser(NEW_TOKEN),
    "finish too late": lambda: finish_in_a_browser(error_reply(ExpiredTokenException)),
    "a start URL of one's own": lambda: (
        resolve_start_url("https://sso.example/", region="us-east-1"),
        [HttpResponse(301, {"Location": "https://d-1.awsapps.com/start"}, b"")],
    ),
    "refresh": lambda: (refresh_token(CLIENT, TOKEN), [NEW_TOKEN]),
    "refresh refused": lambda: (
        refresh_token(CLIENT, TOKEN),
        [error_reply(InvalidGrantException)],
    ),
    "accounts": lambda: (
        list_all_accounts("canary"),
        [
            reply(200, {"accountList": [{"accountId": "1"}], "nextToken": "a"}),
            reply(200, {"accountList": [{"accountId": "2"}], "nextToken": None}),
        ],
    ),
    "roles": lambda: (
        list_all_account_roles("canary", account_id="1"),
        [
            reply(200, {"roleList": [{"roleName": "a"}], "nextToken": "b"}),
            reply(200, {"roleList": [{"roleName": "c"}]}),
        ],
    ),
}


def outcome(drive: Drive, program: Program[object], transport: ScriptedTransport) -> str:
    try:
        return repr(drive(program, transport))
    except SsoOidcError as error:
        cause = error.__cause__
        return f"{error!r} from {cause!r}, while {error.__context__!r}"


def test_every_flow_is_here(every_flow: frozenset[Callable[..., object]]) -> None:
    programs = [make()[0] for make in FLOWS.values()]
    assert {program._make for program in programs if isinstance(program, Flow)} == every_flow


@pytest.mark.parametrize("name", FLOWS)
def test_every_driver_does_the_same(any_drive: Drive, name: str) -> None:
    program, replies = FLOWS[name]()
    expected, seen = ScriptedTransport(replies), ScriptedTransport(replies)  # type: ignore[arg-type]
    assert outcome(any_drive, program, seen) == outcome(run, program, expected)
    assert seen.events == expected.events
    assert "canary" not in repr(seen.events)


def test_a_started_login_is_all_that_is_needed_to_go_on() -> None:
    pending = login()
    assert (pending.region, pending.user_code, pending.interval) == ("us-east-1", "BCDF-GHJK", 2)
    assert pending.expires_at - pending.next_poll_at == 58
    assert (pending.polls, pending.failed_polls) == (0, 0)
    assert pending.client == CLIENT
    assert pending.device_code.get_secret_value() == "canary"


def waits(*replies: HttpResponse | Exception) -> list[float]:
    transport = ScriptedTransport(replies)
    run(poll_for_token(login()), transport)
    return transport.sleeps


def test_the_first_wait_is_the_interval_and_slow_down_adds_five_seconds_for_good() -> None:
    """RFC 8628 section 3.5."""
    assert waits(PENDING, SLOW_DOWN, PENDING, SLOW_DOWN, NEW_TOKEN) == [2, 2, 7, 7, 12]


def test_a_poll_without_a_real_answer_doubles_the_wait_until_the_next_real_answer() -> None:
    busy = reply(429, {})
    assert waits(HTML_502, busy, PENDING, HTML_502, NEW_TOKEN) == [2, 4, 8, 2, 4]


def test_a_throttled_poll_is_no_real_answer_even_with_status_400() -> None:
    throttled = reply(400, {}, headers={"x-amzn-ErrorType": "ThrottlingException"})
    assert waits(throttled, NEW_TOKEN) == [2, 4]


def test_waits_grow_to_a_minute_at_most() -> None:
    pending = login().model_copy(update={"expires_at": login().expires_at + 10_000})
    transport = ScriptedTransport([*[HTML_502] * 7, NEW_TOKEN])
    run(poll_for_token(pending), transport)
    assert transport.sleeps == [2, 4, 8, 16, 32, 60, 60, 60]


def test_an_interval_above_a_minute_stays_what_it_is() -> None:
    pending = login().model_copy(update={"interval": 90, "expires_at": login().expires_at + 900})
    transport = ScriptedTransport([HTML_502, NEW_TOKEN])
    run(poll_for_token(pending), transport)
    assert transport.sleeps == [2, 90]


def test_a_wait_that_would_reach_the_end_is_not_begun() -> None:
    transport = ScriptedTransport([PENDING] * 40)
    with pytest.raises(DeviceLoginExpired) as ended:
        run(poll_for_token(login()), transport)
    assert len(transport.requests) == 29
    assert sum(transport.sleeps) == 58
    assert str(ended.value) == "The device code expired before the sign-in was approved"
    assert isinstance(ended.value.__cause__, AuthorizationPendingException)


def test_an_expired_token_answer_is_the_end_of_the_login() -> None:
    with pytest.raises(DeviceLoginExpired) as ended:
        run(poll_for_token(login()), ScriptedTransport([error_reply(ExpiredTokenException)]))
    assert isinstance(ended.value.__cause__, ExpiredTokenException)


def test_a_login_resumed_after_its_end_sends_nothing() -> None:
    pending = login()
    for program in (poll_for_token(pending), poll_once(pending)):
        transport = ScriptedTransport([])
        transport.clock.advance(60)
        with pytest.raises(DeviceLoginExpired) as ended:
            run(program, transport)
        assert (transport.events, ended.value.__cause__) == ([], None)


def test_a_sleep_that_took_too_long_ends_it_without_another_poll() -> None:
    class Oversleeping(ScriptedTransport):
        def sleep(self, seconds: float, /) -> None:
            super().sleep(seconds + 100)

    transport = Oversleeping([])
    with pytest.raises(DeviceLoginExpired):
        run(poll_for_token(login()), transport)
    assert transport.requests == []


def test_within_a_process_a_wall_clock_that_jumps_changes_nothing() -> None:
    pending = login()

    class Jumping(ScriptedTransport):
        def sleep(self, seconds: float, /) -> None:
            super().sleep(seconds)
            now = self.clock.now().wall
            self.clock.set_wall(now.replace(year=now.year + 1))

    transport = Jumping([PENDING, NEW_TOKEN])
    run(poll_for_token(pending), transport)
    assert transport.sleeps == [2, 2]


def test_poll_once_polls_at_the_instants_of_poll_for_token_with_json_between() -> None:
    replies = [PENDING, SLOW_DOWN, HTML_502, PENDING, NEW_TOKEN]
    whole = ScriptedTransport(replies)
    token = run(poll_for_token(login()), whole)

    pieces = ScriptedTransport(replies)
    pending: PendingDeviceLogin | CreateTokenResponse = login()
    polled = 0
    while isinstance(pending, PendingDeviceLogin):
        pending = PendingDeviceLogin.from_json(pending.to_json_with_secrets())
        pieces.sleep(pending.next_poll_at - pieces.now().wall.timestamp())
        pending = run(poll_once(pending), pieces)
        polled += 1
    assert (pending, polled) == (token, 5)
    assert pieces.sleeps == pytest.approx(whole.sleeps, abs=1e-5)
    assert [event for event in pieces.events if not isinstance(event, Slept)] == [
        event for event in whole.events if not isinstance(event, Slept)
    ]


RESUME: Final = """
import sys
from ssooidc_core import run
from ssooidc_core.flows.device import PendingDeviceLogin, poll_for_token
from ssooidc_transports.testing import ScriptedTransport, reply

login = PendingDeviceLogin.from_json(sys.stdin.buffer.read())
transport = ScriptedTransport([reply(200, {"accessToken": "new"})])
token = run(poll_for_token(login), transport)
print(transport.requests[0].body.decode(), transport.sleeps, token.access_token.get_secret_value())
"""


def test_a_login_is_resumed_in_another_process() -> None:
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-Ic", RESUME],
        input=login().to_json_with_secrets(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        '{"grantType":"urn:ietf:params:oauth:grant-type:device_code","clientId":"id",'
        '"clientSecret":"canary","deviceCode":"canary"} [2.0] new\n'
    )


def test_poll_once_called_early_sends_nothing_and_gives_the_same_login_back() -> None:
    pending, transport = login(), ScriptedTransport([])
    assert run(poll_once(pending), transport) is pending
    assert transport.events == []


def test_a_next_poll_farther_off_than_any_wait_means_that_the_clock_was_set_back() -> None:
    pending = login()
    transport = ScriptedTransport([PENDING])
    transport.clock.set_wall(transport.now().wall.replace(year=2020))
    assert isinstance(run(poll_once(pending), transport), PendingDeviceLogin)
    assert len(transport.requests) == 1


def test_poll_once_raises_what_ends_the_login() -> None:
    transport = ScriptedTransport([error_reply(AccessDeniedException, "no")])
    transport.clock.advance(2)
    with pytest.raises(AccessDeniedException) as refused:
        run(poll_once(login()), transport)
    assert refused.value.hint == (
        "The sign-in was refused. Start again, or ask an administrator for access."
    )


@pytest.mark.parametrize("document", ["", "{}", "[]", b"\xff", "\ud800"])
def test_a_broken_document_is_told_apart_from_a_login(document: str | bytes) -> None:
    with pytest.raises(ConfigurationError) as refused:
        PendingDeviceLogin.from_json(document)
    assert str(refused.value).startswith("This is not a stored PendingDeviceLogin (")
    assert str(refused.value).endswith("); start the login again")
    assert (refused.value.__cause__, refused.value.__context__) == (None, None)


def test_a_masked_document_cannot_be_resumed() -> None:
    with pytest.raises(ConfigurationError) as refused:
        PendingDeviceLogin.from_json(login().model_dump_json(by_alias=True))
    assert str(refused.value) == (
        "This is not a stored PendingDeviceLogin (client.clientSecret masked_secret, deviceCode "
        "masked_secret); start the login again"
    )


def test_a_refresh_keeps_the_refresh_token_where_the_answer_has_none() -> None:
    """RFC 6749 section 6: a new refresh token may be issued; without one, the old one stays valid."""
    transport = ScriptedTransport([reply(200, {"accessToken": "new"})])
    token = run(refresh_token(CLIENT, TOKEN), transport)
    assert token.access_token.get_secret_value() == "new"
    assert token.refresh_token == TOKEN.refresh_token
    replaced = run(refresh_token(CLIENT, TOKEN), ScriptedTransport([NEW_TOKEN]))
    assert replaced == TOKEN


@pytest.mark.parametrize(
    ("error", "meaning", "hint"),
    [
        (InvalidGrantException, SessionExpired, "Log in again."),
        (ExpiredTokenException, SessionExpired, "Log in again."),
        (InvalidClientException, RegistrationGone, "Log in again, with a new registration."),
        (UnauthorizedClientException, RegistrationGone, "Log in again, with a new registration."),
    ],
)
def test_what_a_failed_refresh_means(
    error: type[InvalidGrantException], meaning: type[SsoOidcError], hint: str
) -> None:
    with pytest.raises(meaning) as ended:
        run(refresh_token(CLIENT, TOKEN), ScriptedTransport([error_reply(error)]))
    assert isinstance(ended.value.__cause__, error)
    assert ended.value.hint == hint


def test_an_expired_registration_is_not_sent() -> None:
    transport = ScriptedTransport([])
    expired = int(transport.now().wall.timestamp())
    client = CLIENT.model_copy(update={"client_secret_expires_at": expired})
    with pytest.raises(RegistrationGone, match=r"The client registration expired at \d{4}-.*Z\Z"):
        run(refresh_token(client, TOKEN), transport)
    assert transport.requests == []
    later = client.model_copy(update={"client_secret_expires_at": expired + 1})
    assert run(refresh_token(later, TOKEN), ScriptedTransport([NEW_TOKEN])) == TOKEN


def test_a_lost_answer_to_a_refresh_is_not_sent_again() -> None:
    transport = ScriptedTransport([ConnectionLost("gone")])
    with pytest.raises(ConnectionLost):
        run(refresh_token(CLIENT, TOKEN), transport)
    assert len(transport.requests) == 1


@pytest.mark.parametrize(
    ("flow", "page", "named"),
    [
        (list_all_accounts("t"), {"accountList": []}, "ListAccounts"),
        (list_all_account_roles("t", account_id="1"), {"roleList": []}, "ListAccountRoles"),
    ],
    ids=["accounts", "roles"],
)
def test_pages_without_an_end_are_given_up(
    flow: Program[object], page: dict[str, object], named: str
) -> None:
    same = ScriptedTransport(lambda _: reply(200, {**page, "nextToken": "same"}))
    with pytest.raises(ResponseParseError) as ended:
        run(flow, same)
    assert str(ended.value) == f"The pages of {named} have no end (status 200)"
    assert len(same.requests) == 2
    count = iter(range(10_000))
    endless = ScriptedTransport(lambda _: reply(200, {**page, "nextToken": str(next(count))}))
    with pytest.raises(ResponseParseError):
        run(flow, endless)
    assert len(endless.requests) == 1000
