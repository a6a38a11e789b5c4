"""`RedisLease` without a Redis: what it refuses, and what it does if Redis fails or the caller is cancelled.

Tests with a Redis are in tests/interop/shared_redis/test_redis_exclusion.py.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import traceback
from collections.abc import Awaitable, Callable
from typing import Final

import pytest
import redis
import trio
from redis.asyncio import Redis

from ssooidc_core import ConfigurationError
from ssooidc_login.errors import StoreError
from ssooidc_login.stores import redis_lease
from ssooidc_login.stores.redis_lease import RedisLease

CANARY: Final = "canary-password-71c0"


class Server(Redis):
    """Answers scripts as a test says, and records the requests."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, ...]] = []
        self.answers: list[Callable[[], Awaitable[object]]] = []

    async def eval(  # type: ignore[override]
        self, script: str, numkeys: int, *keys_and_args: str
    ) -> object:
        assert numkeys == 1
        what = "take" if "'NX'" in script else "release" if "'DEL'" in script else "look"
        self.asked.append((what, *keys_and_args))
        return await self.answers.pop(0)()


async def yes() -> object:
    return 1


async def no() -> object:
    return 0


async def breaks() -> object:
    message = f"AUTH {CANARY}"
    raise redis.ConnectionError(message)


async def hangs() -> object:
    await asyncio.Event().wait()
    return None


@pytest.fixture
def server() -> Server:
    return Server()


def test_it_is_taken_looked_at_and_given_back_by_its_owner(server: Server) -> None:
    async def main() -> None:
        server.answers = [yes, yes, no, yes]
        lock = await RedisLease(server, ttl=1.5).atry_acquire("ssooidc-token:abc")
        assert lock is not None
        assert await lock.ais_held() is True
        assert await lock.ais_held() is False
        await lock.arelease()
        await lock.arelease()
        assert await lock.ais_held() is False

    asyncio.run(main())
    owner = server.asked[0][2]
    assert re.fullmatch(r"[0-9a-f]{32}", owner)
    key = "ssooidc:lease:ssooidc-token:abc"
    assert server.asked == [
        ("take", key, owner, "1500"),
        ("look", key, owner),
        ("look", key, owner),
        ("release", key, owner),
    ]


def test_every_owner_is_another(server: Server) -> None:
    async def main() -> None:
        server.answers = [no, no]
        lease = RedisLease(server)
        assert await lease.atry_acquire("a") is None
        assert await lease.atry_acquire("a") is None

    asyncio.run(main())
    assert server.asked[0][2] != server.asked[1][2]


def test_by_its_own_clock_it_has_run_out_whatever_redis_says(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(redis_lease, "monotonic", lambda: clock[0])

    async def late() -> object:
        clock[0] = 130.0
        return 1

    async def main() -> None:
        server.answers = [yes, yes, late]
        lock = await RedisLease(server).atry_acquire("a")
        assert lock is not None
        clock[0] = 129.9
        assert await lock.ais_held() is True
        assert await lock.ais_held() is False
        assert await lock.ais_held() is False
        assert [asked[0] for asked in server.asked] == ["take", "look", "look"]

    asyncio.run(main())


@pytest.mark.parametrize(("answer", "name"), [(breaks, "ConnectionError"), (hangs, "TimeoutError")])
def test_where_redis_fails_none_is_given_and_what_may_be_taken_is_given_back(
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[], Awaitable[object]],
    name: str,
) -> None:
    monkeypatch.setattr(redis_lease, "_SECONDS", 0.0)
    server.answers = [answer, yes]
    with pytest.raises(StoreError) as caught:
        asyncio.run(RedisLease(server).atry_acquire("a"))
    assert str(caught.value) == (
        f"Redis did not answer ({name}): check that it runs and can be reached, then try again"
    )
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert CANARY not in "".join(told.format())
    assert [asked[0] for asked in server.asked] == ["take", "release"]
    assert server.asked[0][:3] == ("take", *server.asked[1][1:])


def test_where_redis_does_not_tell_it_is_not_held(server: Server) -> None:
    async def main() -> None:
        server.answers = [yes, breaks]
        lock = await RedisLease(server).atry_acquire("a")
        assert lock is not None
        assert await lock.ais_held() is False

    asyncio.run(main())


def test_what_cannot_be_given_back_is_logged_and_no_error(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(redis_lease, "_SECONDS_TO_RELEASE", 0.0)

    async def main() -> None:
        for answer in (breaks, hangs):
            server.answers = [yes, answer]
            lock = await RedisLease(server).atry_acquire("a")
            assert lock is not None
            await lock.arelease()

    with caplog.at_level(logging.DEBUG, "ssooidc_login"):
        asyncio.run(main())
    assert [record.getMessage() for record in caplog.records] == [
        "A lease was not released (ConnectionError); it expires by itself",
        "A lease was not released (TimeoutError); it expires by itself",
    ]


def test_a_cancellation_while_it_is_taken_gives_it_back(server: Server) -> None:
    async def main() -> None:
        reached = asyncio.Event()

        async def hangs_there() -> object:
            reached.set()
            return await hangs()

        server.answers = [hangs_there, yes]
        taking = asyncio.create_task(RedisLease(server).atry_acquire("a"))
        await reached.wait()
        taking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await taking

    asyncio.run(main())
    assert [asked[0] for asked in server.asked] == ["take", "release"]


def test_it_is_given_back_however_often_the_task_is_cancelled(server: Server) -> None:
    async def main() -> None:
        go_on = asyncio.Event()

        async def slow() -> object:
            await go_on.wait()
            return 1

        server.answers = [yes, slow]
        lock = await RedisLease(server).atry_acquire("a")
        assert lock is not None

        async def work() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await lock.arelease()

        task = asyncio.create_task(work())
        for _ in range(5):
            await asyncio.sleep(0)
            task.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        assert not task.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [asked[0] for asked in server.asked] == ["take", "release"]

    asyncio.run(main())


def test_it_says_that_it_does_not_run_in_trio(server: Server) -> None:
    with pytest.raises(ConfigurationError) as caught:
        trio.run(RedisLease(server).atry_acquire, "a")
    assert str(caught.value) == "Leases in Redis need asyncio: redis-py does not run in trio"


def test_a_blocking_client_is_refused() -> None:
    client = redis.Redis()
    with pytest.raises(ConfigurationError) as caught:
        RedisLease(client)  # type: ignore[arg-type]
    assert str(caught.value) == "A lease needs a client of redis.asyncio, not Redis"
    client.close()


@pytest.mark.parametrize("ttl", [0.0, 0.999, 300.1, float("nan"), float("inf")])
def test_it_lasts_from_1_to_300_seconds(server: Server, ttl: float) -> None:
    with pytest.raises(ConfigurationError) as caught:
        RedisLease(server, ttl=ttl)
    assert str(caught.value) == "A lease takes from 1 to 300 seconds"


def test_its_text_shows_nothing_of_the_client() -> None:
    lease = RedisLease(Redis(password=CANARY))
    assert repr(lease) == "RedisLease(ttl=30.0, prefix='ssooidc:lease:')"


def test_without_the_library_the_extra_is_named(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(ImportError) as caught:
        RedisLease(server)
    assert str(caught.value) == 'Leases in Redis need redis-py: pip install "ssooidc-core[redis]"'
