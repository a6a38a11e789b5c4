"""Stores and the boundaries of threads, tasks and processes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import trio
from pydantic import SecretStr

from ssooidc_login.stores.aws_cache import AwsCacheStore
from ssooidc_login.stores.blocking import in_thread
from ssooidc_login.stores.memory import MemoryStore
from ssooidc_login.stores.store import AsyncStore, Store, StoreKey
from ssooidc_transports.transport import in_trio_task

KEY = StoreKey("token", "d033e22ae348aeb5660fc2140aec35850c4da997")
MEMORY_AND_FORK = """
import os
from pydantic import SecretStr
from ssooidc_login.stores.memory import MemoryStore
from ssooidc_login.stores.store import StoreKey

store, key = MemoryStore(), StoreKey("token", "0" * 40)
store.save(key, SecretStr("parent"))
lock = store.try_lock(key)
if os.fork() == 0:
    print(lock.is_held(), flush=True)
    mine = store.try_lock(key)
    print(mine.is_held(), store.try_lock(key), flush=True)
    store.save(key, SecretStr("child"))
    lock.release()
    print(mine.is_held(), store.try_lock(key), flush=True)
    os._exit(0)
os.wait()
print(lock.is_held(), store.try_lock(key), store.load(key).get_secret_value())
"""


def test_the_stores_are_what_their_protocols_say(tmp_path: Path) -> None:
    both: list[Store] = [MemoryStore(), AwsCacheStore(tmp_path)]
    in_tasks: list[AsyncStore] = [MemoryStore(), AwsCacheStore(tmp_path)]
    assert [*map(type, both)] == [*map(type, in_tasks)]


class Work:
    """Blocking work that continues when a test allows it."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.begun = threading.Event()
        self.may_end = threading.Event()
        self.ended = False
        self.failure = failure

    def __call__(self) -> str:
        self.begun.set()
        assert self.may_end.wait(60)
        self.ended = True
        if self.failure is not None:
            raise self.failure
        return "done"


FAILURES = pytest.mark.parametrize("failure", [None, OSError("of the work")])


@FAILURES
def test_in_asyncio_a_cancellation_waits_for_what_is_being_written(
    failure: Exception | None,
) -> None:
    work = Work(failure)

    async def main() -> None:
        task = asyncio.create_task(in_thread(work))
        await asyncio.to_thread(work.begun.wait)
        for _ in range(3):  # it may be called more than once
            task.cancel()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert not task.done()
        work.may_end.set()
        await asyncio.wait([task])
        assert work.ended
        assert task.cancelled()

    asyncio.run(main())


@FAILURES
def test_in_trio_a_cancellation_waits_for_what_is_being_written(
    failure: Exception | None,
) -> None:
    work = Work(failure)
    came: list[object] = []

    async def do() -> None:
        try:
            came.append(await in_thread(work))
        except OSError as failed:
            came.append(failed)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(do)
            await trio.to_thread.run_sync(work.begun.wait)
            nursery.cancel_scope.cancel()
            work.may_end.set()

    trio.run(main)
    assert work.ended
    assert came == [failure or "done"]


def test_what_a_thread_gives_or_raises_comes_back() -> None:
    async def main() -> None:
        work = Work()
        work.may_end.set()
        assert await in_thread(work) == "done"
        work.failure = OSError("of the work")
        with pytest.raises(OSError, match="of the work"):
            await in_thread(work)

    asyncio.run(main())
    trio.run(main)


def test_a_blocking_store_does_its_work_in_a_thread(tmp_path: Path) -> None:
    threads: list[int] = []

    class Noting(AwsCacheStore):
        def load(self, key: StoreKey, /) -> SecretStr | None:
            threads.append(threading.get_ident())
            # No thread of a store is a task, in which it would be an error to block.
            assert not in_trio_task()
            return super().load(key)

    async def main() -> None:
        assert await Noting(tmp_path).aload(KEY) is None

    asyncio.run(main())
    trio.run(main)
    assert len(threads) == 2
    assert threading.get_ident() not in threads


def test_a_forked_child_has_its_own_memory() -> None:
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-Ic", MEMORY_AND_FORK],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split("\n") == ["False", "True None", "True None", "True None parent", ""]


def test_filelock_is_not_imported_before_something_is_locked() -> None:
    script = (
        "import sys\nfrom ssooidc_login.stores.aws_cache import AwsCacheStore\n"
        "from pathlib import Path\nAwsCacheStore(Path('/'))\n"
        "print([name for name in ('filelock', 'asyncio', 'sqlite3') if name in sys.modules])"
    )
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-Ic", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"
