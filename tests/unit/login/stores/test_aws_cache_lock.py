"""The lock of `AwsCacheStore`: the kernel holds it for one process, whatever happens to that process or to the file."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
import pytest
from pydantic import SecretStr

from ssooidc_login.errors import StoreError
from ssooidc_login.stores._files.file_lock import FileLock
from ssooidc_login.stores.aws_cache import AwsCacheStore
from ssooidc_login.stores.store import StoreKey

KEY = StoreKey("token", "d033e22ae348aeb5660fc2140aec35850c4da997")
# Takes the lock and reports it; then follows commands, and at the end of input exits without releasing the lock.
HOLDER = """
import os, sys
from pathlib import Path
from ssooidc_login.stores.aws_cache import AwsCacheStore
from ssooidc_login.stores.store import StoreKey

store, key = AwsCacheStore(Path(sys.argv[1])), StoreKey("token", sys.argv[2])
lock = store.try_lock(key)
print("busy" if lock is None else "locked", flush=True)
for line in sys.stdin:
    if line == "release\\n":
        lock.release()
    elif line == "fork\\n":
        # A child that outlives its parent: it ends with the input that both have.
        if os.fork() == 0:
            print("done", flush=True)
            sys.stdin.read()
            os._exit(0)
        continue
    elif line == "ask a child\\n":
        if os.fork() == 0:
            held = lock.is_held()
            lock.release()
            print(held, store.try_lock(key), flush=True)
            os._exit(0)
        os.wait()
        print(lock.is_held(), store.try_lock(key), flush=True)
        continue
    print("done", flush=True)
os._exit(0)
"""


@pytest.fixture
def store(tmp_path: Path) -> AwsCacheStore:
    return AwsCacheStore(tmp_path)


@pytest.fixture
def lock_file(store: AwsCacheStore) -> Path:
    return Path(f"{store.path(KEY)}.lock")


@contextmanager
def holder(home: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-Ic", HOLDER, str(home), KEY.name]
    with subprocess.Popen(  # noqa: S603 - ours
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Start another process, which holds the lock."""
    with holder(tmp_path) as process:
        assert said(process) == "locked"
        yield process


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def write(process: subprocess.Popen[str], what: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{what}\n")
    process.stdin.flush()


def tell(process: subprocess.Popen[str], what: str) -> None:
    write(process, what)
    assert said(process) == "done"


def taken(store: AwsCacheStore) -> FileLock:
    lock = store.try_lock(KEY)
    assert lock is not None
    return lock


def test_what_another_process_has_is_not_to_be_had(
    store: AwsCacheStore, other: subprocess.Popen[str]
) -> None:
    assert store.try_lock(KEY) is None
    tell(other, "release")
    lock = taken(store)
    assert lock.is_held()


def test_what_this_process_has_another_does_not_get(store: AwsCacheStore, tmp_path: Path) -> None:
    lock = taken(store)
    with holder(tmp_path) as process:
        assert said(process) == "busy"
    lock.release()
    with holder(tmp_path) as process:
        assert said(process) == "locked"


def test_a_holder_that_is_killed_frees_it(
    store: AwsCacheStore, other: subprocess.Popen[str]
) -> None:
    other.kill()
    other.wait()
    assert taken(store).is_held()


def test_a_holder_that_is_killed_frees_it_though_its_child_lives(
    store: AwsCacheStore, other: subprocess.Popen[str]
) -> None:
    tell(other, "fork")
    assert store.try_lock(KEY) is None
    other.kill()
    other.wait()
    assert taken(store).is_held()


def test_a_forked_child_has_no_lock_and_leaves_the_parents_alone(
    store: AwsCacheStore, other: subprocess.Popen[str]
) -> None:
    write(other, "ask a child")
    assert said(other) == "False None"
    assert said(other) == "True None"
    assert store.try_lock(KEY) is None
    tell(other, "release")
    assert taken(store).is_held()


def test_the_lock_file_stays_and_stays_empty(store: AwsCacheStore, lock_file: Path) -> None:
    # `aws sso logout` reads all files of the folder, whatever their names, and parses those that are JSON.
    lock = taken(store)
    assert lock_file.read_bytes() == b""
    lock.release()
    assert lock_file.read_bytes() == b""
    store.save(KEY, SecretStr("a"))
    store.delete(KEY)
    assert [path.name for path in lock_file.parent.iterdir()] == [lock_file.name]


def test_a_lock_file_keeps_its_content_and_loses_an_open_mode(
    store: AwsCacheStore, lock_file: Path
) -> None:
    lock_file.parent.mkdir(parents=True, mode=0o700)
    lock_file.write_text("of somebody")
    lock_file.chmod(0o666)
    lock = taken(store)
    assert (lock_file.read_text(), lock_file.stat().st_mode & 0o777) == ("of somebody", 0o600)
    assert lock.is_held()


def test_a_lock_whose_file_was_removed_is_lost(store: AwsCacheStore, lock_file: Path) -> None:
    lock = taken(store)
    lock_file.unlink()
    assert not lock.is_held()
    second = taken(store)
    assert (lock.is_held(), second.is_held()) == (False, True)
    lock.release()
    assert second.is_held()
    assert store.try_lock(KEY) is None


def test_a_file_that_is_removed_while_it_is_being_locked(
    store: AwsCacheStore, lock_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock_descriptor, tries = filelock.lock_descriptor, [0]

    def remove_first(descriptor: int, *, blocking: bool) -> bool:
        tries[0] += 1
        if tries[0] <= removals:
            lock_file.unlink()
        return lock_descriptor(descriptor, blocking=blocking)

    monkeypatch.setattr(filelock, "lock_descriptor", remove_first)
    removals = 2
    assert taken(store).is_held()
    assert tries == [3]
    # Another process is always faster: the outcome is the same as for a lock that is held.
    tries, removals = [0], 99
    lock_file.unlink()
    assert store.try_lock(KEY) is None
    assert tries == [3]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.ENOSYS, "Function not implemented. The file system has no locks: "),
        (errno.EOPNOTSUPP, "Operation not supported. The file system has no locks: "),
        (errno.ENOLCK, "No locks available. The file system has no locks: "),
        (errno.EIO, "Input/output error. Try again; "),
    ],
)
def test_a_file_system_without_locks_is_said_to_be_one(
    store: AwsCacheStore,
    lock_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    text: str,
) -> None:
    def fail(_descriptor: int, *, blocking: bool) -> bool:
        raise OSError(number, os.strerror(number))

    before = descriptors()
    monkeypatch.setattr(filelock, "lock_descriptor", fail)
    with pytest.raises(StoreError) as caught:
        store.try_lock(KEY)
    assert str(caught.value).startswith(f"Cannot lock {lock_file}: {text}")
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert descriptors() == before


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EROFS, "Make the file system writable, or use another store"),
        (errno.EACCES, "Check the owner and the mode of the file and of its directories"),
        (errno.ENOSPC, "Free some space, then try again"),
        (errno.EMFILE, "Close some files, or raise the limit of open files"),
    ],
)
def test_a_lock_file_that_cannot_be_made(
    store: AwsCacheStore,
    lock_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    advice: str,
) -> None:
    lock_file.parent.mkdir(parents=True, mode=0o700)

    def fail(*_arguments: object) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", fail)
        with pytest.raises(StoreError) as caught:
            store.try_lock(KEY)
    assert str(caught.value) == f"Cannot lock {lock_file}: {os.strerror(number)}. {advice}"


def test_no_descriptor_is_left_open(store: AwsCacheStore) -> None:
    taken(store).release()
    before = descriptors()
    for _ in range(20):
        lock = taken(store)
        assert store.try_lock(KEY) is None
        store.save(KEY, SecretStr("a"))
        assert store.load(KEY) == SecretStr("a")
        store.delete(KEY)
        lock.release()
    assert descriptors() == before


def test_many_threads_that_release_one_lock_release_it_once(store: AwsCacheStore) -> None:
    lock = taken(store)
    start = threading.Barrier(8)
    failures: list[Exception] = []

    def release() -> None:
        start.wait()
        try:
            lock.release()
        except Exception as failed:  # noqa: BLE001 - the test says so
            failures.append(failed)

    threads = [threading.Thread(target=release) for _ in range(8)]
    run: Callable[[threading.Thread], object]
    for run in (threading.Thread.start, threading.Thread.join):
        for thread in threads:
            run(thread)
    assert failures == []
    assert taken(store).is_held()


def descriptors() -> list[str]:
    """Return the names of the open files of this process."""
    folder = Path("/proc/self/fd") if Path("/proc/self/fd").is_dir() else Path("/dev/fd")
    targets = [os.path.realpath(path) for path in folder.iterdir()]
    return sorted(target for target in targets if "cache" in target)
