"""`SsoSession` and `AsyncSsoSession` over real sockets: an emulated service, a scripted browser, files on disk."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest
import trio

from ssooidc_core import ConfigurationError
from ssooidc_emulator import EmulatorServer, IdentityCenter
from ssooidc_emulator._serving.client_environment import ClientEnvironment, scratch_home
from ssooidc_login import AsyncSsoSession, NotLoggedIn, SessionState, SsoSession, WayIn
from ssooidc_login.stores.aws_cache import AwsCacheStore

EXAMPLES: Final = Path(__file__).parents[3] / "examples"


class Person:
    """Reads, and opens pages in a minimal browser."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.pages: list[str] = []
        self._threads: list[threading.Thread] = []

    def show(self, text: str, /) -> None:
        self.shown.append(text)

    def open_url(self, url: str, /) -> bool:
        def browse() -> None:
            with httpx.Client(follow_redirects=True, trust_env=False, timeout=30) as client:
                self.pages.append(client.get(url).text)

        thread = threading.Thread(target=browse)
        self._threads.append(thread)
        thread.start()
        return True

    def leave(self) -> None:
        for thread in self._threads:
            thread.join(30)


@pytest.fixture
def person() -> Iterator[Person]:
    person = Person()
    yield person
    person.leave()


@pytest.fixture
def server() -> Iterator[EmulatorServer]:
    # A refresh token that is used twice ends the session.
    center = IdentityCenter(auto_approve="user", refresh_mode="rotating-strict")
    with EmulatorServer(center) as server:
        yield server


@pytest.fixture
def environment(server: EmulatorServer) -> Iterator[ClientEnvironment]:
    with scratch_home(server) as environment:
        yield environment


@pytest.fixture
def store(environment: ClientEnvironment) -> AwsCacheStore:
    return AwsCacheStore(Path(environment.variables["HOME"]))


@pytest.fixture
def session(environment: ClientEnvironment, store: AwsCacheStore) -> Iterator[SsoSession]:
    with SsoSession.from_profile(store=store, environ=environment.variables) as session:
        yield session


def test_a_whole_life(session: SsoSession, person: Person, environment: ClientEnvironment) -> None:
    with pytest.raises(NotLoggedIn):
        _ = session.token()
    assert session.status().state is SessionState.SIGNED_OUT
    token = session.login(way=WayIn.BROWSER, interaction=person)
    assert session.token() == token
    assert session.status().state is SessionState.VALID
    (account,) = session.accounts()
    assert [role.role_name for role in session.roles(account.account_id)] == [
        "AdministratorAccess",
        "ReadOnly",
    ]
    role = session.credentials()
    assert (role.account_id, role.role_name) == ("123456789012", "AdministratorAccess")
    refreshed = session.token(force_refresh=True)
    assert refreshed.access_token != token.access_token
    home = Path(environment.variables["HOME"])
    written = sorted(path.relative_to(home) for path in home.rglob("*.json"))
    assert [path.parent.as_posix() for path in written] == [
        ".aws/cli/cache",
        ".aws/sso/cache",
        ".aws/sso/cache",
    ]
    assert {(home / path).stat().st_mode & 0o777 for path in written} == {0o600}
    assert session.logout() is True
    assert list(home.rglob("*.json")) == []
    assert session.logout() is False
    person.leave()
    assert len(person.pages) == 1
    assert "You are signed in. You can close this page." in person.pages[0]


def test_a_login_only_if_it_is_needed(
    session: SsoSession, person: Person, environment: ClientEnvironment, server: EmulatorServer
) -> None:
    first = session.login(way=WayIn.BROWSER, interaction=person, only_if_needed=True)
    again = session.login(way=WayIn.BROWSER, interaction=person, only_if_needed=True)
    assert again == first
    expire(environment)
    refreshed = session.login(way=WayIn.BROWSER, interaction=person, only_if_needed=True)
    assert refreshed != first
    person.leave()
    assert len(person.pages) == 1
    (ended,) = server.center.sessions(server.now())
    server.center.end_session(ended.session_id)
    expire(environment)
    anew = session.login(way=WayIn.BROWSER, interaction=person, only_if_needed=True)
    assert anew not in {first, refreshed}
    person.leave()
    assert len(person.pages) == 2


def test_a_closed_session_is_not_used_again(session: SsoSession) -> None:
    session.close()
    session.close()
    with pytest.raises(ConfigurationError) as caught:
        _ = session.status()
    assert str(caught.value) == "This SsoSession was closed: make a new one"


def test_a_device_code(session: SsoSession, person: Person, server: EmulatorServer) -> None:
    def approve(text: str) -> None:
        if text.startswith("The page must show this code: "):
            server.center.approve(text.removeprefix("The page must show this code: "))

    person.show = approve  # type: ignore[method-assign]
    token = session.login(way=WayIn.DEVICE_CODE, interaction=person, open_browser=False)
    assert session.token() == token
    assert person.pages == []


@pytest.mark.parametrize("library", ["asyncio", "trio"])
def test_a_whole_life_asynchronously(
    environment: ClientEnvironment, store: AwsCacheStore, person: Person, library: str
) -> None:
    async def life() -> None:
        async with AsyncSsoSession.from_profile(
            store=store, environ=environment.variables
        ) as session:
            token = await session.login(way=WayIn.BROWSER, interaction=person)
            assert await session.token() == token
            assert await session.login(interaction=person, only_if_needed=True) == token
            assert (await session.status()).state is SessionState.VALID
            (account,) = await session.accounts()
            assert len(await session.roles(account.account_id)) == 2
            assert (await session.credentials()).role_name == "AdministratorAccess"
            assert await session.token(force_refresh=True) != token
            assert await session.logout() is True

    if library == "asyncio":
        asyncio.run(life())
    else:
        trio.run(life)


def test_a_session_by_its_name(
    environment: ClientEnvironment, store: AwsCacheStore, person: Person
) -> None:
    with SsoSession.from_sso_session(
        "emulator", store=store, environ=environment.variables
    ) as session:
        token = session.login(way=WayIn.BROWSER, interaction=person)
        with pytest.raises(ConfigurationError) as caught:
            _ = session.credentials()
    assert str(caught.value) == (
        "Invalid Configuration: an SSO session has no account and no role: "
        "use a profile that has them, or pass both"
    )
    with SsoSession.from_profile(store=store, environ=environment.variables) as by_profile:
        assert by_profile.token() == token


def test_the_example_of_five_lines(environment: ClientEnvironment, tmp_path: Path) -> None:
    """It takes everything from the environment: profile, endpoints, a script as browser, the home directory."""
    script = tmp_path / "browser.py"
    _ = script.write_text(
        f"#!{sys.executable}\n"
        "import sys, urllib.request\n"
        "urllib.request.build_opener(urllib.request.ProxyHandler({})).open(sys.argv[1]).read()\n",
        encoding="utf-8",
    )
    script.chmod(0o700)
    environ = {
        name: value
        for name, value in environment.over(os.environ).items()
        if not name.startswith(("SSH_", "CI"))
    }
    done = subprocess.run(  # noqa: S603 - our own example
        [sys.executable, "-I", str(EXAMPLES / "sign_in.py")],
        env=environ | {"BROWSER": f"{script} %s &", "DISPLAY": ":0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "123456789012 Example account\n", done.stderr
    assert done.returncode == 0
    home = Path(environment.variables["HOME"])
    assert len(list((home / ".aws/sso/cache").glob("*.json"))) == 2


def test_the_session_of_the_readme_names_itself(session: SsoSession) -> None:
    assert repr(session) == "SsoSession('emulator', region='us-east-1')"


@pytest.mark.parametrize("count", [200])
def test_single_flight_of_threads(
    session: SsoSession,
    person: Person,
    environment: ClientEnvironment,
    server: EmulatorServer,
    count: int,
) -> None:
    _ = session.login(way=WayIn.BROWSER, interaction=person)
    expire(environment)
    before = asked(server)
    got: list[str] = []

    def ask() -> None:
        got.append(session.token().access_token.get_secret_value())

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(got) == count
    assert len(set(got)) == 1
    assert asked(server) - before == 1


@pytest.mark.parametrize("library", ["asyncio", "trio"])
def test_single_flight_of_tasks(
    session: SsoSession,
    store: AwsCacheStore,
    person: Person,
    environment: ClientEnvironment,
    *,
    server: EmulatorServer,
    library: str,
) -> None:
    _ = session.login(way=WayIn.BROWSER, interaction=person)
    expire(environment)
    before = asked(server)
    got: list[str] = []

    async def ask(shared: AsyncSsoSession) -> None:
        got.append((await shared.token()).access_token.get_secret_value())

    async def in_asyncio() -> None:
        async with AsyncSsoSession.from_profile(
            store=store, environ=environment.variables
        ) as shared:
            _ = await asyncio.gather(*(ask(shared) for _ in range(1000)))

    async def in_trio() -> None:
        async with (
            AsyncSsoSession.from_profile(store=store, environ=environment.variables) as shared,
            trio.open_nursery() as nursery,
        ):
            for _ in range(1000):
                nursery.start_soon(ask, shared)

    if library == "asyncio":
        asyncio.run(in_asyncio())
    else:
        trio.run(in_trio)
    assert len(got) == 1000
    assert len(set(got)) == 1
    assert asked(server) - before == 1


def expire(environment: ClientEnvironment) -> None:
    """Make the stored token expire."""
    home = Path(environment.variables["HOME"])
    for path in (home / ".aws/sso/cache").glob("*.json"):
        document = json.loads(path.read_text(encoding="utf-8"))
        if "accessToken" in document:
            document["expiresAt"] = "2020-01-01T00:00:00Z"
            _ = path.write_text(json.dumps(document), encoding="utf-8")


def asked(server: EmulatorServer) -> int:
    return sum(entry.operation == "CreateToken" for entry in server.center.log.entries())


def test_nothing_but_the_emulator_is_asked(
    session: SsoSession, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts: list[str | None] = []
    send = httpx.Client.send

    def spied(client: httpx.Client, request: httpx.Request, **more: object) -> httpx.Response:
        hosts.append(request.url.host)
        return send(client, request, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(httpx.Client, "send", spied)
    _ = session.login(way=WayIn.BROWSER, interaction=person)
    person.leave()
    assert set(hosts) == {"127.0.0.1"}
