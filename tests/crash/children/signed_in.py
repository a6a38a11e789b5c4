"""Sessions for the crash tests: signed in at an emulator, left with so many seconds, and looked at afterwards.

Every script of this folder imports it. Python puts a script's own folder on `sys.path`, so it needs no installation.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
from pydantic import SecretStr

from ssooidc_core import ClientConfig, SessionExpired, SsoOidcError
from ssooidc_core._cache_files import TokenFile
from ssooidc_core._cache_keys import token_cache_key
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_emulator import EmulatorTransport, IdentityCenter
from ssooidc_login import SsoSession, WayIn
from ssooidc_login.stores.aws_cache import AwsCacheStore
from ssooidc_login.stores.store import StoreKey
from ssooidc_transports.httpx import HttpxTransport

ENDED: Final = -1.0
TOKEN: Final = StoreKey("token", token_cache_key("emulator"))
SETTINGS: Final = SsoSettings(
    start_url="https://d-1234567890.awsapps.com/start",
    region="us-east-1",
    session_name="emulator",
    scopes=("sso:account:access",),
)
# No refresh takes longer: the product allows it 20 s.
_LONGEST_STEP: Final = 25.0
_QUIET: Final = 0.1


class SleeplessEmulator(EmulatorTransport):
    """Polls for a login without a pause between."""

    def sleep(self, seconds: float, /) -> None:
        """Return at once."""


class SleeplessHttpx(HttpxTransport):
    """Polls for a login without a pause between."""

    def sleep(self, seconds: float, /) -> None:
        """Return at once."""


class Person:
    """Approves the device login, and reads nothing."""

    def __init__(self, approve: Callable[[], None]) -> None:
        self._approve = approve

    def show(self, text: str, /) -> None:
        """Approve whatever waits."""
        self._approve()

    def open_url(self, url: str, /) -> bool:
        """Open nothing."""
        return False


class Home:
    """A home folder with the session of one person in it, and ways to look at it that change nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = AwsCacheStore(folder)

    def read(self) -> TokenFile:
        """Return the stored token."""
        document = self.store.load(TOKEN)
        assert document is not None
        return TokenFile.from_text(document.get_secret_value())

    def expire(self, left: float = ENDED) -> None:
        """Leave so many seconds to the stored token, by what its file says."""
        ends = datetime.now(UTC) + timedelta(seconds=left)
        file = dataclasses.replace(self.read(), expires_at=ends)
        self.store.save(TOKEN, SecretStr(file.to_text_with_secrets()))

    def is_fresh(self) -> bool:
        """Return whether the stored token was made a moment ago."""
        return self.read().expires_at > datetime.now(UTC) + timedelta(minutes=20)

    def is_free(self) -> bool:
        """Return whether the lock is free now or becomes free while a refresh may take."""
        end = time.monotonic() + _LONGEST_STEP
        while not (free := self._can_be_taken()) and time.monotonic() < end:
            time.sleep(0.05)
        return free

    def left_behind(self) -> tuple[bool, list[int]]:
        """Return whether the lock stays taken, and this process's descriptors of files below the home that stay open.

        Other threads of this process may still be at work, or about to begin: what they hold is no leak.
        """
        end = time.monotonic() + _LONGEST_STEP
        clean_since: float | None = None
        while True:
            alone = threading.active_count() == 1
            taken, files = not self._can_be_taken(), self.open_files()
            now = time.monotonic()
            if taken or files:
                clean_since = None
            elif clean_since is None:
                clean_since = now
            # Libraries keep idle threads.
            stays_clean = clean_since is not None and now - clean_since >= _QUIET
            if alone or stays_clean or now > end:
                return taken, files
            time.sleep(0.005)

    def _can_be_taken(self) -> bool:
        lock = AwsCacheStore(self.folder).try_lock(TOKEN)
        if lock is None:
            return False
        lock.release()
        return True

    def open_files(self) -> list[int]:
        """Return this process's descriptors of files below the home that the garbage collector does not close."""
        found = self._open_files()
        if found:
            gc.collect()
            found = self._open_files()
        return found

    def _open_files(self) -> list[int]:
        place = self.folder.resolve()
        found = []
        for link in Path("/proc/self/fd").iterdir():
            # The descriptor that lists the folder is gone by now.
            with contextlib.suppress(FileNotFoundError):
                if place in link.readlink().parents:
                    found.append(int(link.name))
        return found


class Emulated:
    """An emulator in another process, reached over loopback, and how to sign in there."""

    def __init__(self, url: str, admin_token: str) -> None:
        self.url = url
        self.config = ClientConfig(
            region=SETTINGS.region, endpoint_url=url, portal_endpoint_url=url
        )
        self._headers = {"Authorization": f"Bearer {admin_token}"}

    def session(self, home: Home) -> SsoSession:
        """Return a new session that makes its own transport."""
        return SsoSession(SETTINGS, config=self.config, store=AwsCacheStore(home.folder))

    def sign_in(self, home: Home) -> None:
        """Sign in anew, whatever is stored."""
        with (
            SleeplessHttpx(self.config) as transport,
            SsoSession(SETTINGS, store=home.store, transport=transport) as session,
        ):
            session.login(way=WayIn.DEVICE_CODE, interaction=Person(self._approve))

    def _approve(self) -> None:
        for login in self._admin("logins/list")["logins"]:
            self._admin("logins/approve", user_code=login["user_code"])

    def _admin(self, verb: str, **members: str) -> dict[str, Any]:
        with httpx.Client(trust_env=False, timeout=60) as client:
            answer = client.post(f"{self.url}/_ssooidc/{verb}", headers=self._headers, json=members)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


class InMemory:
    """An emulator in this process."""

    def __init__(self, center: IdentityCenter | None = None) -> None:
        new = IdentityCenter(refresh_mode="rotating-strict")
        self.center = new if center is None else center

    def session(self, home: Home) -> SsoSession:
        """Return a new session."""
        transport = EmulatorTransport(self.center)
        return SsoSession(SETTINGS, store=AwsCacheStore(home.folder), transport=transport)

    def sign_in(self, home: Home) -> None:
        """Sign in anew, whatever is stored."""
        transport = SleeplessEmulator(self.center)

        def approve() -> None:
            for login in self.center.pending_logins(transport.now()):
                self.center.approve(login.user_code)

        session = SsoSession(SETTINGS, store=home.store, transport=transport)
        session.login(way=WayIn.DEVICE_CODE, interaction=Person(approve))


def look_and_repair(service: Emulated | InMemory, home: Home, found: Counter[str]) -> None:
    """Look at what a round left behind, count it, and repair it for the next."""
    taken, left = home.left_behind()
    found["locks"] += taken
    found["descriptors"] += len(left)
    for descriptor in left:
        os.close(descriptor)  # the lock with it
    # While the old token is good, a session that has ended gives it, and does not say so.
    if not home.is_fresh():
        home.expire()
    try:
        with service.session(home) as session:
            session.token()
    except SessionExpired:
        found["lost"] += 1
        service.sign_in(home)
    except SsoOidcError as caught:
        found[f"next call: {type(caught).__name__}"] += 1
        service.sign_in(home)


def emulated() -> tuple[dict[str, Any], Emulated, Home]:
    """Return what the test gave this script, in JSON: all of it, its emulator, and its home."""
    given: dict[str, Any] = json.loads(sys.argv[1])
    # The admin token travels in the environment, as command lines are for everybody to read.
    token = os.environ["SSOOIDC_EMULATOR_ADMIN_TOKEN"]
    return given, Emulated(given["url"], token), Home(Path(given["home"]))


def say(**members: object) -> None:
    """Report to the test, as one line of JSON."""
    sys.stdout.write(f"{json.dumps(members)}\n")
    sys.stdout.flush()
