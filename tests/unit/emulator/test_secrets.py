"""No secret in a page, in the log, or in the text of any object of the emulator."""

from __future__ import annotations

import gc
import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from ssooidc_core import HttpRequest, HttpResponse
from ssooidc_emulator import (
    BodyCut,
    ConnectionReset,
    Delayed,
    EmulatorTransport,
    IdentityCenter,
    LoggedRequest,
    WireFault,
    faults,
)
from ssooidc_emulator._oidc.device_logins import DeviceLogin, PendingLogin
from ssooidc_emulator._oidc.inputs import CreateTokenInput, StartDeviceAuthorizationInput, read
from ssooidc_emulator._oidc.registrations import Registration
from ssooidc_emulator._oidc.sessions import IssuedTokens, Session
from ssooidc_emulator._pages.forms import BrowserCookie
from ssooidc_emulator._request_log import loggable_method, loggable_path
from ssooidc_transports.testing import VirtualClock

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import Register


@pytest.fixture
def life(  # noqa: PLR0917 - fixtures
    center: IdentityCenter,
    clock: VirtualClock,
    ask: Callable[..., HttpResponse],
    register: Register,
    start: Callable[..., dict[str, Any]],
    sign_in: Callable[..., dict[str, Any]],
    refresh: Callable[..., HttpResponse],
) -> tuple[list[HttpResponse], set[str]]:
    """Use every part of the emulator, and return the pages that were shown and every secret."""
    client = register(center)
    waiting, token = start(center, client), sign_in(center, client)
    again = json.loads(refresh(center, client, token["refreshToken"]).body)
    path = f"/device?user_code={waiting['userCode']}"
    pages = [ask(center, each, method="GET") for each in ("/", path, "/device?user_code=x")]
    bearer = (("Authorization", "Bearer CANARY-bearer"), ("Cookie", "a=CANARY-cookie"))
    pages += [
        ask(center, "/device", b"CANARY-form", method=how, headers=bearer)
        for how in ("POST", "PUT")
    ]
    ask(center, "/CANARY-path/x?CANARY-query#CANARY-fragment", b"CANARY-body", headers=bearer)
    ask(center, "/token", {"clientId": "CANARY-id", "clientSecret": ["CANARY-secret"]})
    secrets = {
        client["clientSecret"],
        waiting["deviceCode"],
        token["accessToken"],
        token["refreshToken"],
        again["accessToken"],
        "CANARY",
    }
    return pages, secrets


def test_no_page_shows_a_secret(life: tuple[list[HttpResponse], set[str]]) -> None:
    pages, secrets = life
    for page in pages:
        for secret in secrets:
            assert secret.encode() not in page.body
            assert secret not in str(page.headers.fields)


def test_the_log_has_none(
    life: tuple[list[HttpResponse], set[str]],
    center: IdentityCenter,
    caplog: pytest.LogCaptureFixture,
) -> None:
    _, secrets = life
    for entry in center.log.entries():
        for secret in secrets:
            assert secret not in repr(entry)
    assert center.log.entries()[-2].path == "/*/x"
    assert caplog.records == []


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/client/register", "/client/register"),
        ("/device_authorization", "/device_authorization"),
        ("/style.css", "/style.css"),
        ("", ""),
        ("/BCDF-GHJK", "/*"),
        ("/aoaSECRET:MG", "/*"),
        ("/a1", "/*"),
        ("/" + "a" * 33, "/*"),
        ("/a\n", "/*"),
        ("/é", "/*"),
        ("/a" * 50, "/a" * 5),
    ],
)
def test_paths_are_logged_as_far_as_they_are_words(path: str, shown: str) -> None:
    assert loggable_path(path) == shown


@pytest.mark.parametrize(
    ("method", "shown"),
    [("POST", "POST"), ("get", "*"), ("SECRETSECRETS", "*"), ("A\n", "*"), ("", "*")],
)
def test_methods_are_logged_where_they_look_like_ones(method: str, shown: str) -> None:
    assert loggable_method(method) == shown


def entries_of(center: IdentityCenter) -> Iterator[tuple[str, int | None, str | None, str | None]]:
    return (
        (entry.method, entry.status, entry.error, entry.fault) for entry in center.log.entries()
    )


def test_what_the_log_says(
    center: IdentityCenter, ask: Callable[..., HttpResponse], clock: VirtualClock
) -> None:
    body = b'{"clientName":"a","clientType":"public"}'
    request = HttpRequest("POST", "https://x/client/register", (), body)
    for fault in (
        faults.slow_down(),
        faults.html_page(),
        faults.connection_reset(),
        faults.body_cut(),
        faults.delay(1),
        faults.delay(1, faults.connection_reset()),
        faults.delay(1, faults.body_cut()),
    ):
        center.script("RegisterClient", fault)
        center.handle(request, clock.now())
    ask(center, "/device", method="GET")
    assert list(entries_of(center)) == [
        ("POST", 400, "SlowDownException", None),
        ("POST", 503, None, None),
        ("POST", None, None, "ConnectionReset"),
        ("POST", 200, None, "BodyCut"),
        ("POST", 200, None, "Delayed"),
        ("POST", None, None, "Delayed"),
        ("POST", 200, None, "Delayed"),
        ("GET", 200, None, None),
    ]
    assert {entry.operation for entry in center.log.entries()} == {"RegisterClient", "DevicePage"}
    assert {entry.time for entry in center.log.entries()} == {datetime(2026, 1, 1, tzinfo=UTC)}


def test_the_log_keeps_a_thousand(center: IdentityCenter, ask: Callable[..., HttpResponse]) -> None:
    for _ in range(1100):
        ask(center, "/x", method="GET")
    assert len(center.log) == 1000
    assert center.log.entries()[0].number == 101
    assert center.log.entries()[-1].number == 1100


def test_subscribers(
    center: IdentityCenter, ask: Callable[..., HttpResponse], caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[LoggedRequest] = []

    def broken(entry: LoggedRequest) -> None:
        message = f"CANARY {entry}"
        raise ValueError(message)

    stop_broken, stop = center.subscribe(broken), center.subscribe(seen.append)
    with caplog.at_level(logging.DEBUG):
        ask(center, "/")
    assert [entry.number for entry in seen] == [1]
    (record,) = caplog.records
    assert record.getMessage() == "A subscriber of the request log raised ValueError"
    assert record.exc_info is None
    stop_broken()
    stop()
    stop()
    ask(center, "/")
    assert len(seen) == len(caplog.records) == 1


def test_no_object_tells(
    life: tuple[list[HttpResponse], set[str]], center: IdentityCenter, clock: VirtualClock
) -> None:
    pages, secrets = life
    logins = center._operations.logins
    objects: list[object] = [
        center,
        EmulatorTransport(center),
        center.log,
        *center.pending_logins(clock.now()),
        *logins._by_device_code.values(),
        *center._operations.registrations._clients.values(),
        *center._operations.sessions._sessions.values(),
        *center._operations.sessions._refresh_tokens.values(),
        *center.log.entries(),
        *pages,
    ]
    client = next(iter(center._operations.registrations._clients.values()))
    objects += [center._operations.sessions.begin(client, "user", clock.now().wall.timestamp())]
    objects += [value for name, value in vars(center).items() if name != "log"]
    kinds = {type(each) for each in objects}
    assert kinds >= {DeviceLogin, PendingLogin, Registration, Session, IssuedTokens, LoggedRequest}
    secrets |= {login.user_code for login in logins._by_device_code.values()} | {"aoa", "aor"}
    for each in objects:
        for text in (repr(each), str(each), f"{each}"):
            for secret in secrets:
                assert secret not in text, type(each)


def test_no_input_tells() -> None:
    body = {
        "clientId": "id",
        "clientSecret": "CANARY",
        "grantType": "g",
        "startUrl": "https://x",
        "deviceCode": "CANARY",
        "code": "CANARY",
        "refreshToken": "CANARY",
        "codeVerifier": "CANARY",
    }
    for model in (CreateTokenInput, StartDeviceAuthorizationInput):
        asked = read(model, json.dumps(body).encode())
        assert isinstance(asked, model)
        assert "CANARY" not in repr(asked) + str(asked)
        assert "CANARY" not in repr(
            read(model, json.dumps(body | {"clientId": ["CANARY"]}).encode())
        )


def test_no_fault_tells(center: IdentityCenter, clock: VirtualClock) -> None:
    body = b'{"clientName":"a","clientType":"public"}'
    request = HttpRequest("POST", "https://x/client/register", (), body)
    outcomes: list[HttpResponse | WireFault | faults.Fault] = []
    for fault in (faults.body_cut(), faults.delay(1), faults.delay(1, faults.body_cut())):
        center.script(None, fault)
        outcomes += [fault, center.handle(request, clock.now())]
    assert {type(each) for each in outcomes} >= {BodyCut, Delayed}
    for each in outcomes:
        assert "clientSecret" not in repr(each)
        assert "eyJ" not in repr(each)
    assert repr(ConnectionReset()) == "ConnectionReset()"


def test_a_cookie_does_not_tell() -> None:
    assert "CANARY" not in repr(BrowserCookie("CANARY", is_new=True))


def test_a_center_is_let_go(ask: Callable[..., HttpResponse]) -> None:
    center = IdentityCenter()
    ask(center, "/", method="GET")
    pages = center._page
    referrers = len(gc.get_referrers(pages))
    assert referrers == 1


def test_the_name_of_a_center() -> None:
    assert repr(IdentityCenter(region="eu-west-1", start_url="https://x/start")) == (
        "IdentityCenter(region='eu-west-1', start_url='https://x/start')"
    )
