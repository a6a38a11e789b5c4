"""Processes that are killed, or hang, during a refresh: the next one gets a token without waiting for a dead process.

`nox -s crash -- 300` runs more rounds with a fresh seed, which it prints.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from ssooidc_core import ClientConfig, Instant, SessionExpired
from ssooidc_core._cache_files import TokenFile
from ssooidc_core._cache_keys import token_cache_key
from ssooidc_emulator import EmulatorServer, IdentityCenter
from ssooidc_login import RefreshBusy, SsoSession, WayIn
from ssooidc_login.stores.aws_cache import AwsCacheStore
from ssooidc_login.stores.store import StoreKey
from ssooidc_transports.httpx import HttpxTransport

if TYPE_CHECKING:
    from tests.interop.sessions.conftest import AtCreateToken, Person, Start

Asked: TypeAlias = Callable[[], list[str]]
Expire: TypeAlias = Callable[[float], None]
IsGood: TypeAlias = Callable[[str], bool]

HERE = Path(__file__).parent
TOKEN = StoreKey("token", token_cache_key("emulator"))
ROUNDS = int(os.environ.get("SSOOIDC_CRASH_ROUNDS", "50"))
SEED = os.environ.get("SSOOIDC_CRASH_SEED", "20260131")
SECONDS = 60
LOST = "The session has ended: its refresh token is refused"
LOST_CALLS = [
    "CreateToken 200",
    "ListAccounts UnauthorizedException",
    "CreateToken InvalidGrantException",
]
MODES = ("rotating", "rotating-strict")
BOTH_MODES = pytest.mark.parametrize(
    "settings", [{"auto_approve": "user", "refresh_mode": mode} for mode in MODES], ids=MODES
)


@pytest.fixture
def settings() -> dict[str, Any]:
    """Accept a used refresh token for 60 more seconds: a kill before the new one is saved loses that one."""
    return {"auto_approve": "user", "refresh_mode": "rotating"}


class Impatient(HttpxTransport):
    """Never waits, neither for a lock nor before another attempt."""

    def sleep(self, seconds: float, /) -> None:
        message = f"It wanted to wait for {seconds} s"
        raise AssertionError(message)


class Sleepless(HttpxTransport):
    """Sleeps in virtual time."""

    slept = 0.0

    def sleep(self, seconds: float, /) -> None:
        self.slept += seconds

    def now(self) -> Instant:
        return Instant(super().now().wall, self.slept)


@pytest.fixture
def config(server: EmulatorServer) -> ClientConfig:
    return ClientConfig(region="us-east-1", endpoint_url=server.url, portal_endpoint_url=server.url)


@pytest.fixture
def next_one(
    config: ClientConfig, store: AwsCacheStore, environment: dict[str, str]
) -> Generator[Callable[[], SsoSession]]:
    """Return a function that makes the session of the next process, which cannot wait."""
    with Impatient(config) as transport:
        yield lambda: SsoSession.from_profile(store=store, transport=transport, environ=environment)


class Killed:
    """Runs `killed_child.py`, round by round."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-I", HERE / "killed_child.py", SEED, str(ROUNDS)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def says(self) -> Any:  # noqa: ANN401 - it is JSON
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def kills(self) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        found: dict[str, Any] = self.says()
        return found


@pytest.fixture
def killed(environment: dict[str, str], session: SsoSession, person: Person) -> Generator[Killed]:
    """Return the killer of refreshes in a session that is signed in."""
    session.login(way=WayIn.BROWSER, interaction=person)
    killed = Killed(environment)
    yield killed
    killed.process.kill()
    killed.process.communicate()


@BOTH_MODES
@pytest.mark.timeout(60 + 2 * ROUNDS)
def test_killed_at_any_point_of_a_refresh(
    session: SsoSession,
    person: Person,
    store: AwsCacheStore,
    killed: Killed,
    next_one: Callable[[], SsoSession],
    *,
    settings: dict[str, Any],
    center: IdentityCenter,
    expire: Expire,
    is_good: IsGood,
    measured: Callable[[str], None],
) -> None:
    mode: str = settings["refresh_mode"]
    ends: Counter[int] = Counter()
    points: Counter[str] = Counter()
    lost, longest = 0, 0.0
    calls: list[str] = []
    unsubscribe = center.subscribe(
        lambda seen: calls.append(f"{seen.operation} {seen.error or seen.status}")
    )
    for number in range(ROUNDS):
        assert killed.says() == "ready"
        expire(-1)
        before = store.load(TOKEN)
        calls.clear()
        done = killed.kills()
        where = f"{mode}, seed {SEED}, round {number}: {done}"
        ends[done["end"]] += 1
        document = store.load(TOKEN)
        assert document is not None, where
        assert TokenFile.from_text(document.get_secret_value()).refresh_token is not None, where
        lock = store.try_lock(TOKEN)
        assert lock is not None, where
        lock.release()
        # The request of the dead process is answered before this one, so it cannot arrive later.
        assert not is_good("none"), where
        if done["end"] != 0:
            made = "made" if calls[0] == "CreateToken 200" else "not made"
            points[f"{made}, {'not saved' if document == before else 'saved'}"] += 1
        began = time.perf_counter()
        over: SessionExpired | None = None
        try:
            token = next_one().token()
        except SessionExpired as ended:
            over = ended
        longest = max(longest, time.perf_counter() - began)
        if over is not None:
            # The service had made new tokens, which were lost with the dead process.
            assert calls == LOST_CALLS, where
            assert (mode, str(over), over.hint) == ("rotating-strict", LOST, "Log in again."), where
            lost += 1
            token = session.login(way=WayIn.BROWSER, interaction=person)
        assert is_good(token.access_token.get_secret_value()), where
        assert next_one().token() == token, where
    unsubscribe()
    assert set(ends) <= {0, -signal.SIGKILL}
    assert sum(points.values()) == ends[-signal.SIGKILL] > 0
    assert lost == (points["made, not saved"] if mode == "rotating-strict" else 0)
    left = [path for path in store.path(TOKEN).parent.iterdir() if path.suffix == ".tmp"]
    assert {path.stat().st_mode & 0o777 for path in left} <= {0o600}
    of_those = ", ".join(f"{count} with the new token {name}" for name, count in points.items())
    measured(
        f"{ROUNDS} refreshes ({mode}, seed {SEED}): {ends[-signal.SIGKILL]} killed on the way ({of_those}); "
        f"{lost} sessions lost, {len(left)} temporary files left; "
        f"who came next had an answer in {longest * 1000:.0f} ms at most"
    )


@BOTH_MODES
def test_killed_between_the_answer_and_the_save(
    session: SsoSession,
    person: Person,
    children: Start,
    next_one: Callable[[], SsoSession],
    at_create_token: AtCreateToken,
    *,
    settings: dict[str, Any],
    expire: Expire,
    is_good: IsGood,
    asked: Asked,
) -> None:
    session.login(way=WayIn.BROWSER, interaction=person)
    expire(-1)
    (child,), release = children("ours", 1)
    asked()
    at_create_token(child.process.pid, signal.SIGKILL)
    release()
    assert child.process.wait(SECONDS) == -signal.SIGKILL
    if settings["refresh_mode"] == "rotating":
        assert is_good(next_one().token().access_token.get_secret_value())
        assert asked() == ["CreateToken 200", "CreateToken 200", "ListAccounts 200"]
        return
    with pytest.raises(SessionExpired) as caught:
        next_one().token()
    assert (str(caught.value), caught.value.hint) == (LOST, "Log in again.")
    assert asked() == ["CreateToken 200", "CreateToken InvalidGrantException"]
    session.login(way=WayIn.BROWSER, interaction=person)
    assert is_good(next_one().token().access_token.get_secret_value())


def test_of_many_that_wait_for_one_that_is_killed_another_refreshes(
    session: SsoSession,
    person: Person,
    children: Start,
    at_create_token: AtCreateToken,
    *,
    expire: Expire,
    is_good: IsGood,
    asked: Asked,
) -> None:
    session.login(way=WayIn.BROWSER, interaction=person)
    expire(-1)
    (holder,), begin = children("ours", 1)
    waiting, release = children("ours", 7)
    asked()
    stopped = at_create_token(holder.process.pid, signal.SIGSTOP)
    begin()
    assert stopped.wait(SECONDS)
    release()
    holder.process.kill()
    outcomes = [child.ends() for child in waiting]
    assert [each.get("error") for each in outcomes] == [None] * 7
    (token,) = {each["token"] for each in outcomes}
    assert asked() == ["CreateToken 200", "CreateToken 200"]
    assert is_good(token)


@pytest.mark.parametrize("left", [-1, 300], ids=["token ended", "5 minutes left"])
def test_one_that_hangs_is_waited_for_half_a_minute(
    session: SsoSession,
    person: Person,
    children: Start,
    at_create_token: AtCreateToken,
    config: ClientConfig,
    store: AwsCacheStore,
    environment: dict[str, str],
    *,
    left: float,
    expire: Expire,
    asked: Asked,
) -> None:
    old = session.login(way=WayIn.BROWSER, interaction=person).access_token
    expire(left)
    (holder,), release = children("ours", 1)
    asked()
    stopped = at_create_token(holder.process.pid, signal.SIGSTOP)
    release()
    assert stopped.wait(SECONDS)
    with Sleepless(config) as transport:
        waiter = SsoSession.from_profile(store=store, transport=transport, environ=environment)
        if left > 0:
            assert waiter.token().access_token == old
        else:
            with pytest.raises(RefreshBusy) as caught:
                waiter.token()
            text = "No new token after 30 s: another process is refreshing the token, and holds its lock"
            assert str(caught.value) == text
        waited = 0.5 if left > 0 else 30
        assert waited <= transport.slept < waited + 1
    holder.process.send_signal(signal.SIGCONT)
    token = holder.ends()["token"]
    assert session.token().access_token.get_secret_value() == token
    assert asked() == ["CreateToken 200"]
