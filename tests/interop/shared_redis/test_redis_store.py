"""`KeyValueStore` over a real Redis keeps the contract of stores, and Redis sees ciphertext only."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import pytest
from key_value.aio.stores.redis import RedisStore
from pydantic import SecretStr
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.client import Redis as BlockingRedis

from ssooidc_login.errors import StoreError
from ssooidc_login.stores.contract import AsyncStoreContract
from ssooidc_login.stores.key_value import KeyValueStore
from ssooidc_login.stores.redis_lease import RedisLease
from ssooidc_login.stores.store import AsyncStore, DocumentKind, StoreKey

CANARY: Final = "canary-of-a-document-8d1f"


class TestRedisStore(AsyncStoreContract):
    """With leases for locks."""

    @pytest.fixture(autouse=True)
    def _redis(self, redis_port: int, encryption_key: SecretStr, tmp_path: Path) -> None:
        self.port, self.key, self.folder = redis_port, encryption_key, tmp_path
        self.clients: list[Redis] = []

    def client(self, port: int) -> Redis:
        # Without retries, which by default take seconds if there is no server.
        once = Retry(NoBackoff(), 0)
        self.clients.append(Redis(port=port, decode_responses=True, retry=once))
        return self.clients[-1]

    async def make_store(self) -> AsyncStore:
        return self.store_at(self.port)

    async def make_another(self, store: AsyncStore) -> AsyncStore:
        return self.store_at(self.port)

    async def make_broken_store(self) -> AsyncStore:
        return self.store_at(1)  # there is no server

    def store_at(self, port: int) -> KeyValueStore:
        client = self.client(port)
        lease = RedisLease(client)
        return KeyValueStore(RedisStore(client=client), encryption=self.key, lease=lease)

    async def close_store(self, store: AsyncStore) -> None:
        for client in self.clients:
            await client.aclose()


def test_what_redis_has_is_encrypted_and_ends_by_itself(
    redis_port: int, raw_redis: BlockingRedis, encryption_key: SecretStr
) -> None:
    kinds: dict[DocumentKind, int] = {
        "token": 90 * 86400,
        "registration": 90 * 86400,
        "role-credentials": 43200,
    }

    async def main() -> None:
        async with Redis(port=redis_port, decode_responses=True) as client:
            store = KeyValueStore(RedisStore(client=client), encryption=encryption_key)
            for kind in kinds:
                await store.asave(StoreKey(kind, "a" * 40), SecretStr(f"{CANARY} {kind}"))

    asyncio.run(main())
    names = {f"ssooidc-{kind}::{'a' * 40}": seconds for kind, seconds in kinds.items()}
    assert set(raw_redis.scan_iter()) == set(names)
    for name, seconds in names.items():
        value = raw_redis.get(name)
        assert isinstance(value, str)
        assert CANARY not in value
        assert "__encrypted_data__" in value
        left = raw_redis.ttl(name)
        assert isinstance(left, int)
        assert seconds - 60 < left <= seconds


def test_a_client_that_does_not_decode_is_told_of(
    redis_port: int, encryption_key: SecretStr
) -> None:
    """RedisStore accepts such a client, but returns no values."""

    async def main() -> None:
        async with Redis(port=redis_port) as client:
            store = KeyValueStore(RedisStore(client=client), encryption=encryption_key)
            await store.asave(StoreKey("token", "a" * 40), SecretStr("a"))

    with pytest.raises(StoreError, match="A Redis client needs decode_responses=True"):
        asyncio.run(main())


def test_what_somebody_else_wrote_into_redis_is_not_read(
    redis_port: int, raw_redis: BlockingRedis, encryption_key: SecretStr
) -> None:
    key = StoreKey("token", "a" * 40)
    name = f"ssooidc-token::{key.name}"

    async def main() -> None:
        async with Redis(port=redis_port, decode_responses=True) as client:
            store = KeyValueStore(RedisStore(client=client), encryption=encryption_key)
            await store.asave(key, SecretStr("ours"))
            written = raw_redis.get(name)
            assert isinstance(written, str)
            start = written.index("__encrypted_data__") + len('__encrypted_data__": "') + 40
            changed = "A" if written[start] != "A" else "B"
            raw_redis.set(name, f"{written[:start]}{changed}{written[start + 1 :]}")
            with pytest.raises(StoreError, match="encrypted with another key, or changed"):
                await store.aload(key)
            raw_redis.set(name, '{"value": {"document": "planted"}}')
            with pytest.raises(StoreError, match="another program wrote it"):
                await store.aload(key)
            raw_redis.set(name, "no JSON at all")
            # RedisStore ignores such a value.
            assert await store.aload(key) is None

    asyncio.run(main())
