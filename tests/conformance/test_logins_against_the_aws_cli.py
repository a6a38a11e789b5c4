"""Signing in and out where the AWS CLI differs: which requests are sent, in which order, and what is stored.

The behavior of the AWS CLI 2 is taken from its source (`awscli/customizations/sso/`, `botocore/utils.py`) and from its
requests; `tests/interop/` runs the program itself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Final, TypeAlias
from unittest import mock
from urllib.parse import parse_qsl, urlsplit

import pytest

from ssooidc_core import HttpRequest, HttpResponse
from ssooidc_core.aws_config import parse_aws_config
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_emulator import EmulatorTransport, IdentityCenter, seeded_entropy
from ssooidc_login import SsoSession, WayIn
from ssooidc_login._flows.documents import registration_key, token_key
from ssooidc_login.stores.memory import MemoryStore
from ssooidc_transports.testing import VirtualClock

if TYPE_CHECKING:
    from tests.conformance.conftest import Tally

GROUP: Final = "sessions"
START_URL: Final = "https://d-1234567890.awsapps.com/start"

Request: TypeAlias = tuple[str, dict[str, object]]
SessionOf: TypeAlias = Callable[[SsoSettings], SsoSession]


class Service(EmulatorTransport):
    """The emulator, with a record of each request's path and body, and of each sleep in seconds."""

    def __init__(self) -> None:
        self.center: Final = IdentityCenter(entropy=seeded_entropy("differences"))
        self.clock: Final = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
        super().__init__(self.center, clock=self.clock)
        self.asked: list[Request] = []
        self.slept: list[float] = []

    def send(self, request: HttpRequest, /) -> HttpResponse:
        self.asked.append((urlsplit(request.url).path, json.loads(request.body or b"{}")))
        return super().send(request)

    def sleep(self, seconds: float, /) -> None:
        self.slept.append(seconds)
        super().sleep(seconds)

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


class Person:
    """Approves everything, with a browser that follows the redirect over a real socket if a listener waits."""

    def __init__(self, service: Service) -> None:
        self.service: Final = service
        self.asked_before_code: list[str] = []
        self.asked_before_browser: list[Request] = []
        self.strangers: tuple[str, ...] = ()
        self.told_strangers: list[int] = []
        self.tabs: list[HTTPConnection] = []

    def show(self, text: str, /) -> None:
        if "must show this code" in text:
            self.asked_before_code = self.service.paths
            self.service.center.approve(text.rpartition(" ")[2])

    def open_url(self, url: str, /) -> bool:
        self.asked_before_browser = list(self.service.asked)
        query = dict(parse_qsl(urlsplit(url).query))
        if "redirect_uri" in query:
            port = urlsplit(query["redirect_uri"]).port
            for target in self.strangers:
                tab = self.visit(port, target.format(state=query["state"]))
                self.told_strangers.append(tab.getresponse().status)
                tab.close()
            callback = urlsplit(self.service.center.authorize(url, self.service.clock.now()))
            self.tabs.append(self.visit(port, f"{callback.path}?{callback.query}"))
        return True

    def visit(self, port: int | None, target: str) -> HTTPConnection:
        tab = HTTPConnection("127.0.0.1", port, timeout=10)
        tab.request("GET", target)
        return tab

    def last_page(self) -> int:
        tab = self.tabs.pop()
        try:
            return tab.getresponse().status
        finally:
            tab.close()


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def person(service: Service) -> Iterator[Person]:
    person = Person(service)
    yield person
    for tab in person.tabs:
        tab.close()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def session_of(service: Service, store: MemoryStore) -> SessionOf:
    """Return a function that makes sessions at the emulator with the same store."""
    return lambda settings: SsoSession(settings, store=store, transport=service)


def session_settings(name: str) -> SsoSettings:
    return SsoSettings(start_url=START_URL, region="us-east-1", session_name=name)


def test_no_poll_comes_before_the_code_is_shown(
    session_of: SessionOf, service: Service, person: Person, tally: Tally
) -> None:
    """The AWS CLI polls before it shows the code and again right after it, and then waits the interval."""
    session = session_of(session_settings("my-sso"))
    token = session.login(way=WayIn.DEVICE_CODE, interaction=person)
    assert person.asked_before_code == ["/client/register", "/device_authorization"]
    # The first poll is made after the interval, and finds a decision that was made quickly.
    assert service.paths == [*person.asked_before_code, "/token"]
    assert service.slept == [1.0]
    assert service.asked[-1][1]["grantType"] == "urn:ietf:params:oauth:grant-type:device_code"
    assert session.token() == token
    tally.differs("no-poll-before-the-code-is-shown")
    tally.ran()


LEGACY: Final = f"[profile old]\nsso_start_url = {START_URL}\nsso_region = us-east-1\n"
WITH_SESSION: Final = (
    "[profile new]\nsso_session = s\n"
    f"[sso-session s]\nsso_start_url = {START_URL}\nsso_region = us-east-1\n"
)


@pytest.mark.enable_socket
@pytest.mark.parametrize(("text", "profile"), [(LEGACY, "old"), (WITH_SESSION, "new")])
def test_both_forms_of_a_profile_take_the_browser(  # noqa: PLR0917 - fixtures
    text: str,
    profile: str,
    session_of: SessionOf,
    service: Service,
    person: Person,
    tally: Tally,
) -> None:
    """The AWS CLI uses it only for a profile with a session, and otherwise the device flow."""
    settings = SsoSettings.from_profile(parse_aws_config(text), profile)
    assert settings is not None
    assert (settings.session_name is None) == (profile == "old")
    # A machine with a browser, and nothing else that affects the choice.
    with mock.patch.dict(os.environ, {"BROWSER": "firefox"}, clear=True):
        session_of(settings).login(interaction=person)
    (path, registration), (_, grant) = service.asked
    assert path == "/client/register"
    assert registration["grantTypes"] == ["authorization_code", "refresh_token"]
    assert registration["scopes"] == ["sso:account:access"]
    assert grant["grantType"] == "authorization_code"
    assert person.last_page() == 200
    if profile == "old":
        tally.differs("a-profile-without-a-session-takes-the-browser")
    tally.ran()


@pytest.mark.enable_socket
def test_a_stranger_at_the_listener_ends_no_login(
    session_of: SessionOf, person: Person, tally: Tally
) -> None:
    """The AWS CLI accepts a response on any path, and any error or wrong state ends its login."""
    person.strangers = (
        "/?code=stolen&state={state}",
        "/oauth/callback?error=access_denied",
        "/oauth/callback?code=stolen&state=wrong",
    )
    session = session_of(session_settings("my-sso"))
    token = session.login(way=WayIn.BROWSER, interaction=person)
    assert person.told_strangers == [404, 400, 400]
    assert person.last_page() == 200
    assert session.token() == token
    tally.differs("strangers-end-no-login")
    tally.ran(len(person.strangers))


def test_one_session_is_logged_out(
    session_of: SessionOf,
    service: Service,
    store: MemoryStore,
    person: Person,
    tally: Tally,
) -> None:
    """`aws sso logout` ends every session that has a token on disk, and keeps all registrations."""
    ours, other = session_settings("ours"), session_settings("other")
    for settings in (ours, other):
        session_of(settings).login(way=WayIn.DEVICE_CODE, interaction=person)
    assert len(service.center.sessions(service.clock.now())) == 2
    kept = [store.load(key(other)) for key in (token_key, registration_key)]
    assert None not in kept
    assert session_of(ours).logout()
    assert service.paths.count("/logout") == 1
    assert len(service.center.sessions(service.clock.now())) == 1
    assert [store.load(key(ours)) for key in (token_key, registration_key)] == [None, None]
    assert [store.load(key(other)) for key in (token_key, registration_key)] == kept
    tally.differs("one-session-is-logged-out")
    tally.ran()


@pytest.mark.enable_socket
def test_the_service_is_asked_whether_it_knows_a_registration(
    session_of: SessionOf, service: Service, person: Person, tally: Tally
) -> None:
    """The AWS CLI opens the page with any registration that is on disk."""
    session = session_of(session_settings("my-sso"))
    session.login(way=WayIn.BROWSER, interaction=person)
    assert person.last_page() == 200
    first = len(service.asked)
    session.login(way=WayIn.BROWSER, interaction=person)
    assert person.last_page() == 200
    (_, probe), (_, grant) = service.asked[first:]
    client = {key: grant[key] for key in ("clientId", "clientSecret")}
    assert probe == {
        **client,
        "grantType": "refresh_token",
        "refreshToken": "is-this-client-known",
    }
    assert person.asked_before_browser[first:] == [("/token", probe)]
    assert grant["grantType"] == "authorization_code"
    tally.differs("a-registration-is-asked-for")
    tally.ran()
