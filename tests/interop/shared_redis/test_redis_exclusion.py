"""`RedisLease` over a real Redis: one owner at a time, release by that owner only, and expiry without a release."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import pytest
from key_value.aio.stores.redis import RedisStore
from pydantic import SecretStr
from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from ssooidc_login.stores.key_value import KeyValueStore
from ssooidc_login.stores.redis_lease import RedisLease
from ssooidc_login.stores.store import StoreKey

if TYPE_CHECKING:
    from tests.interop.shared_redis.conftest import Host

NAME: Final = "ssooidc-token:a"
KEY: Final = "ssooidc:lease:ssooidc-token:a"


@pytest.mark.parametrize("decodes", [False, True])
def test_one_has_it_until_it_is_given_back(
    redis_port: int, raw_redis: BlockingRedis, *, decodes: bool
) -> None:
    async def main() -> None:
        async with (
            Redis(port=redis_port, decode_responses=decodes) as one,
            Redis(port=redis_port, decode_responses=decodes) as other,
        ):
            lock = await RedisLease(one).atry_acquire(NAME)
            assert lock is not None
            left = raw_redis.pttl(KEY)
            assert isinstance(left, int)
            assert 20_000 < left <= 30_000
            assert await lock.ais_held() is True
            assert await RedisLease(other).atry_acquire(NAME) is None
            another = await RedisLease(other).atry_acquire("ssooidc-token:b")
            assert another is not None
            await lock.arelease()
            assert raw_redis.exists(KEY) == 0
            assert await lock.ais_held() is False
            theirs = await RedisLease(other).atry_acquire(NAME)
            assert theirs is not None
            # The first owner's second release leaves the second owner's lease alone.
            await lock.arelease()
            assert await theirs.ais_held() is True

    asyncio.run(main())


def test_of_many_one_gets_it(redis_port: int) -> None:
    async def main() -> None:
        async with Redis(port=redis_port) as client:
            lease = RedisLease(client)
            got = await asyncio.gather(*(lease.atry_acquire(NAME) for _ in range(50)))
            assert sum(lock is not None for lock in got) == 1

    asyncio.run(main())


def test_what_ran_out_is_another_owners_and_cannot_be_taken_back(
    redis_port: int, raw_redis: BlockingRedis
) -> None:
    async def main() -> None:
        async with Redis(port=redis_port) as client:
            late = await RedisLease(client).atry_acquire(NAME)
            assert late is not None
            # 30 s in one millisecond.
            raw_redis.pexpire(KEY, 1)
            while raw_redis.exists(KEY):
                pass
            assert await late.ais_held() is False
            theirs = await RedisLease(client).atry_acquire(NAME)
            assert theirs is not None
            assert await late.ais_held() is False
            await late.arelease()
            assert await theirs.ais_held() is True
            assert raw_redis.exists(KEY) == 1
            await theirs.arelease()
            assert raw_redis.exists(KEY) == 0

    asyncio.run(main())


def test_a_command_that_came_twice_is_no_failure(
    redis_port: int, raw_redis: BlockingRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client repeats a command that got no response; the owner is the same."""
    monkeypatch.setattr("ssooidc_login.stores.redis_lease.secrets.token_hex", lambda _n: "f" * 32)

    async def main() -> None:
        async with Redis(port=redis_port) as client:
            assert await RedisLease(client).atry_acquire(NAME) is not None
            assert await RedisLease(client).atry_acquire(NAME) is not None
            raw_redis.set(KEY, "e" * 32)
            assert await RedisLease(client).atry_acquire(NAME) is None

    asyncio.run(main())


def test_it_is_given_back_by_a_task_that_is_cancelled(
    redis_port: int, raw_redis: BlockingRedis
) -> None:
    async def main() -> None:
        async with Redis(port=redis_port) as client:
            taken = asyncio.Event()

            async def work() -> None:
                lock = await RedisLease(client).atry_acquire(NAME)
                assert lock is not None
                taken.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    await lock.arelease()

            task = asyncio.create_task(work())
            await taken.wait()
            assert raw_redis.exists(KEY) == 1
            for _ in range(3):
                task.cancel()
                await asyncio.sleep(0)
            with pytest.raises(asyncio.CancelledError):
                await task
            assert raw_redis.exists(KEY) == 0

    asyncio.run(main())


def test_two_processes_take_turns(
    start_host: Callable[..., Host],
    redis_port: int,
    raw_redis: BlockingRedis,
    encryption_key: SecretStr,
) -> None:
    """Each increments a number repeatedly, and no increment is lost."""
    settings = {"task": "take_turns", "name": "a" * 40, "lease": True, "rounds": 25}
    hosts = [start_host(home, **settings) for home in ("one", "other")]
    for host in hosts:
        host.tell(go=True)
    assert [host.hear() for host in hosts] == ["done", "done"]

    async def total() -> str:
        async with Redis(port=redis_port, decode_responses=True) as client:
            store = KeyValueStore(RedisStore(client=client), encryption=encryption_key)
            found = await store.aload(StoreKey("token", "a" * 40))
            assert found is not None
            return found.get_secret_value()

    assert asyncio.run(total()) == "50"
    assert list(raw_redis.scan_iter("ssooidc:lease:*")) == []


def test_a_host_that_dies_has_it_for_half_a_minute_at_most(
    start_host: Callable[..., Host], raw_redis: BlockingRedis
) -> None:
    host = start_host("one", task="hold", name="a" * 40, lease=True)
    host.process.kill()
    assert host.process.wait(60) == -9
    left = raw_redis.pttl(f"ssooidc:lease:ssooidc-token:{'a' * 40}")
    assert isinstance(left, int)
    assert 0 < left <= 30_000
