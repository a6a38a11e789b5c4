"""An AWS Builder ID: its start URL is the same for everyone, and all else is the same as for an organization."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest

from ssooidc_core._cache_keys import token_cache_key
from ssooidc_emulator import EmulatorServer, IdentityCenter
from ssooidc_emulator._serving.client_environment import ClientEnvironment, scratch_home
from ssooidc_login import SessionState, SsoSession, WayIn
from ssooidc_login.stores.aws_cache import AwsCacheStore

START_URL: Final = "https://view.awsapps.com/start"


class Person:
    """Approves a device code, and opens pages in a minimal browser."""

    def __init__(self, center: IdentityCenter) -> None:
        self.center = center
        self.threads: list[threading.Thread] = []

    def show(self, text: str, /) -> None:
        if text.startswith("The page must show this code: "):
            self.center.approve(text.removeprefix("The page must show this code: "))

    def open_url(self, url: str, /) -> bool:
        def browse() -> None:
            with httpx.Client(follow_redirects=True, trust_env=False, timeout=30) as client:
                client.get(url)

        if "/authorize?" in url:
            self.threads.append(threading.Thread(target=browse))
            self.threads[-1].start()
        return True


@pytest.fixture
def server() -> Iterator[EmulatorServer]:
    center = IdentityCenter(
        start_url=START_URL, auto_approve="user", refresh_mode="rotating-strict"
    )
    with EmulatorServer(center) as server:
        yield server


@pytest.fixture
def environment(server: EmulatorServer) -> Iterator[ClientEnvironment]:
    with scratch_home(server) as environment:
        yield environment


@pytest.fixture
def person(server: EmulatorServer) -> Iterator[Person]:
    person = Person(server.center)
    yield person
    for thread in person.threads:
        thread.join(30)


@pytest.fixture
def store(environment: ClientEnvironment) -> AwsCacheStore:
    return AwsCacheStore(Path(environment.variables["HOME"]))


@pytest.mark.parametrize("way", list(WayIn), ids=lambda way: way.value)
@pytest.mark.parametrize(
    ("profile", "name"), [("emulator", "emulator"), ("emulator-legacy", START_URL)]
)
def test_a_whole_life(
    environment: ClientEnvironment,
    store: AwsCacheStore,
    person: Person,
    *,
    profile: str,
    name: str,
    way: WayIn,
) -> None:
    with SsoSession.from_profile(profile, store=store, environ=environment.variables) as session:
        assert session.settings.start_url == START_URL
        token = session.login(way=way, interaction=person)
        assert session.token() == token
        written = Path(environment.variables["HOME"], ".aws", "sso", "cache")
        document = json.loads((written / f"{token_cache_key(name)}.json").read_text("utf-8"))
        assert document["startUrl"] == START_URL
        # Like the AWS CLI, a legacy login with a device code registers no scopes, and so gets no refresh token.
        if profile == "emulator" or way is WayIn.BROWSER:
            assert session.status().state is SessionState.VALID
            assert session.token(force_refresh=True).access_token != token.access_token
        else:
            assert session.status().state is SessionState.LEGACY
        assert [account.account_id for account in session.accounts()] == ["123456789012"]
        assert session.logout() is True


def test_nobody_is_asked_where_the_start_url_leads(
    environment: ClientEnvironment, server: EmulatorServer, store: AwsCacheStore, person: Person
) -> None:
    with SsoSession.from_profile(store=store, environ=environment.variables) as session:
        session.login(way=WayIn.DEVICE_CODE, interaction=person)
    assert [entry.operation for entry in server.center.log.entries()] == [
        "RegisterClient",
        "StartDeviceAuthorization",
        "CreateToken",
    ]
