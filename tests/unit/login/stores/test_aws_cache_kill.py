"""A process is killed at any point of a write: the file then has the old document or the new one, complete."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from ssooidc_login.stores.aws_cache import AwsCacheStore
from ssooidc_login.stores.store import StoreKey

KEY = StoreKey("token", "d033e22ae348aeb5660fc2140aec35850c4da997")
# `nox -s crash` sets both.
ROUNDS = int(os.environ.get("SSOOIDC_CRASH_ROUNDS", "50"))
SEED = os.environ.get("SSOOIDC_CRASH_SEED", "20260131")

START = """
import json, os, random, signal, sys, time
from pathlib import Path
from pydantic import SecretStr
from ssooidc_login.stores.aws_cache import AwsCacheStore
from ssooidc_login.stores.store import StoreKey

home, key = Path(sys.argv[1]), StoreKey("token", sys.argv[2])
OLD, NEW = "old" * 50_000, "new" * 60_000

def in_child(work):
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(9)
    return pid

def after(pid):
    # What others find: which document, whether the key is free, how many left-overs.
    status = os.waitpid(pid, 0)[1]
    store = AwsCacheStore(home)
    text = store.load(key).get_secret_value()
    found = {OLD: "old", NEW: "new"}.get(text, f"{len(text)} characters of another")
    lock = store.try_lock(key)
    free = lock is not None and lock.is_held()
    if free:
        lock.release()
    left = [path.name for path in store.path(key).parent.glob("*.tmp")]
    for name in left:
        os.unlink(store.path(key).parent / name)
    return {"end": os.waitstatus_to_exitcode(status), "found": found, "free": free, "left": len(left)}
"""

# Each system call is a point, before it is made; a write is split, with a point before each part.
AT_EACH_POINT = (
    START
    + """
def dies_at(point):
    calls = 0
    def counted(name):
        real = getattr(os, name)
        def call(*arguments, **options):
            nonlocal calls
            calls += 1
            if calls == point:
                os.kill(os.getpid(), signal.SIGKILL)
            if name == "write":
                return real(arguments[0], arguments[1][:40_000])
            return real(*arguments, **options)
        setattr(os, name, call)
    store = AwsCacheStore(home)
    lock = store.try_lock(key)
    for name in ("open", "fchmod", "write", "fsync", "fstat", "close", "replace", "scandir"):
        counted(name)
    store.save(key, SecretStr(NEW))
    os._exit(0)

rounds = []
while not rounds or rounds[-1]["end"] != 0:
    AwsCacheStore(home).save(key, SecretStr(OLD))
    rounds.append(after(in_child(lambda: dies_at(len(rounds) + 1))))
print(json.dumps(rounds))
"""
)

AT_RANDOM = (
    START
    + """
chance = random.Random(int(sys.argv[4]))

def writes_on():
    store = AwsCacheStore(home)
    while True:
        lock = store.try_lock(key)
        for text in (NEW, OLD):
            store.save(key, SecretStr(text))
        lock.release()

rounds = []
for _ in range(int(sys.argv[3])):
    AwsCacheStore(home).save(key, SecretStr(OLD))
    pid = in_child(writes_on)
    end = time.perf_counter() + chance.random() * 0.01
    while time.perf_counter() < end:
        pass
    os.kill(pid, signal.SIGKILL)
    rounds.append(after(pid))
print(json.dumps(rounds))
"""
)


def rounds_of(script: str, home: Path, *arguments: str) -> list[dict[str, object]]:
    """Run a script that forks, in a process without threads, which could affect the children."""
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-Ic", script, str(home), KEY.name, *arguments],
        capture_output=True,
        text=True,
        timeout=100 + ROUNDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    rounds: list[dict[str, object]] = json.loads(done.stdout)
    return rounds


def works_on(home: Path) -> bool:
    store = AwsCacheStore(home, warn=pytest.fail)
    store.save(KEY, SecretStr("{}"))
    names = [path.name for path in store.path(KEY).parent.iterdir()]
    return sorted(names) == [f"{KEY.name}.json", f"{KEY.name}.json.lock"]


def test_killed_at_each_point_of_a_write(tmp_path: Path) -> None:
    *killed, whole = rounds_of(AT_EACH_POINT, tmp_path)
    assert whole == {"end": 0, "found": "new", "free": True, "left": 0}
    assert len(killed) > 12
    assert {each["end"] for each in killed} == {-9}
    assert all(each["free"] for each in killed)
    # The old one before it is replaced, then the new one; a temporary file only from the open until then.
    found = [str(each["found"]) for each in killed]
    assert found == sorted(found, reverse=True)
    assert set(found) == {"old", "new"}
    left = [each["left"] for each in killed]
    assert set(left) == {0, 1}
    assert all(each["left"] == 0 for each in killed if each["found"] == "new")
    assert works_on(tmp_path)


@pytest.mark.timeout(110 + ROUNDS)
def test_killed_at_random_points(tmp_path: Path) -> None:
    rounds = rounds_of(AT_RANDOM, tmp_path, str(ROUNDS), SEED)
    assert len(rounds) == ROUNDS
    for number, each in enumerate(rounds):
        assert each["end"] == -9, (SEED, number)
        assert each["found"] in {"old", "new"}, (SEED, number)
        assert each["free"], (SEED, number)
    assert works_on(tmp_path)
