"""Our own sessions at the same emulator and in the same home as the real clients."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import httpx
import pytest
from pydantic import SecretStr

from ssooidc_core._cache_files import TokenFile
from ssooidc_core._cache_keys import token_cache_key
from ssooidc_emulator import EmulatorServer, IdentityCenter, LoggedRequest
from ssooidc_login import SsoSession
from ssooidc_login.stores.aws_cache import AwsCacheStore
from ssooidc_login.stores.store import StoreKey

HERE = Path(__file__).parent
SECONDS = 60
TOKEN = StoreKey("token", token_cache_key("emulator"))


class Person:
    """Reads what a login says, approves a device code that it reads, and opens pages in a browser of three lines."""

    def __init__(self, center: IdentityCenter) -> None:
        self.center = center
        self.shown: list[str] = []
        self.threads: list[threading.Thread] = []

    def show(self, text: str, /) -> None:
        self.shown.append(text)
        if text.startswith("The page must show this code: "):
            self.center.approve(text.removeprefix("The page must show this code: "))

    def open_url(self, url: str, /) -> bool:
        def browse() -> None:
            with httpx.Client(follow_redirects=True, trust_env=False, timeout=SECONDS) as client:
                client.get(url)

        # Not for the page of a device code: who reads the code approves it.
        if "code_challenge=" in url:
            self.threads.append(threading.Thread(target=browse))
            self.threads[-1].start()
        return True


@pytest.fixture
def person(center: IdentityCenter) -> Generator[Person]:
    """Give the person in front of our own session."""
    person = Person(center)
    yield person
    for thread in person.threads:
        thread.join(SECONDS)


@pytest.fixture
def store(home: Path) -> AwsCacheStore:
    return AwsCacheStore(home)


@pytest.fixture
def session(environment: dict[str, str], store: AwsCacheStore) -> Generator[SsoSession]:
    """Give our own session of the profile that the clients use, in this process."""
    with SsoSession.from_profile(store=store, environ=environment) as session:
        yield session


class Child:
    """A process of `session_child.py`; see there."""

    def __init__(self, what: str, environment: dict[str, str], gate: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-I", HERE / "session_child.py", what],
            env=environment,
            stdin=gate,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def says(self) -> dict[str, str]:
        """Wait for what it says next; nothing, where it has ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        said: dict[str, str] = json.loads(line) if line else {}
        return said

    def ends(self) -> dict[str, str]:
        """Wait for its end, and give what it said last."""
        out, err = self.process.communicate(timeout=SECONDS)
        assert (self.process.returncode, err) == (0, "")
        said: dict[str, str] = json.loads(out.splitlines()[-1])
        return said


Start: TypeAlias = Callable[[str, int], tuple[list[Child], Callable[[], None]]]


@pytest.fixture
def children(environment: dict[str, str]) -> Generator[Start]:
    """Give a function that starts processes which wait; it gives them, and what lets all of them begin at once."""
    with contextlib.ExitStack() as stack:

        def start(what: str, count: int) -> tuple[list[Child], Callable[[], None]]:
            # The end of a pipe that all of them read is what they wait for.
            gate, held = os.pipe()
            opening = stack.enter_context(contextlib.ExitStack())
            opening.callback(os.close, held)
            try:
                made = [Child(what, environment, gate) for _ in range(count)]
            finally:
                os.close(gate)
            for child in made:
                stack.callback(child.process.communicate)
                stack.callback(child.process.kill)
            assert [child.says() for child in made] == [{"state": "ready"}] * count
            return made, opening.close

        yield start


AtCreateToken: TypeAlias = Callable[[int, signal.Signals], threading.Event]


@pytest.fixture
def at_create_token(
    center: IdentityCenter,
) -> Generator[AtCreateToken]:
    """Give a function that sends a process a signal when the service has made the token, and has not yet sent it."""
    with contextlib.ExitStack() as stack:

        def arrange(pid: int, number: signal.Signals) -> threading.Event:
            sent = threading.Event()

            def see(request: LoggedRequest) -> None:
                if request.operation == "CreateToken" and not sent.is_set():
                    os.kill(pid, number)
                    sent.set()

            stack.callback(center.subscribe(see))
            return sent

        yield arrange


@pytest.fixture
def expire(store: AwsCacheStore) -> Callable[[float], None]:
    """Give a function that has so many seconds left to the stored token, by what its file says."""

    def write(left: float) -> None:
        document = store.load(TOKEN)
        assert document is not None
        ends = datetime.now(UTC) + timedelta(seconds=left)
        file = dataclasses.replace(
            TokenFile.from_text(document.get_secret_value()), expires_at=ends
        )
        store.save(TOKEN, SecretStr(file.to_text_with_secrets()))

    return write


@pytest.fixture
def is_good(server: EmulatorServer) -> Callable[[str], bool]:
    """Give a function that says whether the access portal takes a token."""

    def ask(token: str) -> bool:
        headers = {"x-amz-sso_bearer_token": token}
        with httpx.Client(trust_env=False, timeout=SECONDS) as client:
            answer = client.get(f"{server.url}/assignment/accounts", headers=headers)
        return answer.status_code == 200

    return ask
