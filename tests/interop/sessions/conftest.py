"""Sessions of this library that share the emulator and the home directory of the real clients."""

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
    """Reads the messages of a login, approves a device code in them, and opens pages in a minimal browser."""

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

        # Not the page of a device code: `show` approves the code.
        if "/authorize?" in url:
            self.threads.append(threading.Thread(target=browse))
            self.threads[-1].start()
        return True


@pytest.fixture
def person(center: IdentityCenter) -> Generator[Person]:
    """Return the person at this library's session."""
    person = Person(center)
    yield person
    for thread in person.threads:
        thread.join(SECONDS)


@pytest.fixture
def store(home: Path) -> AwsCacheStore:
    return AwsCacheStore(home)


@pytest.fixture
def session(environment: dict[str, str], store: AwsCacheStore) -> Generator[SsoSession]:
    """Return a session of this library in this process, for the profile that the clients use."""
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
        """Return the next line of output, or an empty one after the process has ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        said: dict[str, str] = json.loads(line) if line else {}
        return said

    def ends(self) -> dict[str, str]:
        """Wait for the process to end, and return its last output."""
        out, err = self.process.communicate(timeout=SECONDS)
        assert (self.process.returncode, err) == (0, "")
        said: dict[str, str] = json.loads(out.splitlines()[-1])
        return said


Start: TypeAlias = Callable[[str, int], tuple[list[Child], Callable[[], None]]]


@pytest.fixture
def children(environment: dict[str, str]) -> Generator[Start]:
    """Return a function that starts waiting processes, and returns them with a function that releases all of them."""
    with contextlib.ExitStack() as stack:

        def start(what: str, count: int) -> tuple[list[Child], Callable[[], None]]:
            # All of them wait for the end of this pipe.
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
    """Return a function that signals a process after the service has made the token and before it is sent."""
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
    """Return a function that sets the remaining seconds of the stored token in its file."""

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
    """Return a function that checks whether the access portal accepts a token."""

    def ask(token: str) -> bool:
        headers = {"x-amz-sso_bearer_token": token}
        with httpx.Client(trust_env=False, timeout=SECONDS) as client:
            answer = client.get(f"{server.url}/assignment/accounts", headers=headers)
        return answer.status_code == 200

    return ask
