"""`KeyValueStore` keeps the store contract, with a lock file and with a lease."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, SupportsFloat

import pytest
from cryptography.fernet import Fernet
from key_value.aio.stores.memory import MemoryStore as Backend
from pydantic import SecretStr

from ssooidc_login.errors import StoreError
from ssooidc_login.stores.contract import AsyncStoreContract
from ssooidc_login.stores.key_value import KeyValueStore
from ssooidc_login.stores.store import AsyncLock, AsyncStore

FERNET: Final = SecretStr(Fernet.generate_key().decode())
CANARY: Final = "canary-of-a-document-8d1f"


class Broken(Backend):
    """A backend whose server is gone, and whose errors quote a document."""

    async def get(self, key: str, *, collection: str | None = None) -> dict[str, Any] | None:
        raise OSError(CANARY)

    async def put(
        self,
        key: str,
        value: Mapping[str, Any],
        *,
        collection: str | None = None,
        ttl: SupportsFloat | None = None,
    ) -> None:
        raise OSError(CANARY)

    async def delete(self, key: str, *, collection: str | None = None) -> bool:
        raise OSError(CANARY)


class TestKeyValueStore(AsyncStoreContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.locks = tmp_path / "locks"
        self.backend = Backend()

    async def make_store(self) -> AsyncStore:
        return KeyValueStore(self.backend, encryption=FERNET, lock_folder=self.locks)

    async def make_another(self, store: AsyncStore) -> AsyncStore:
        return await self.make_store()

    async def make_broken_store(self) -> AsyncStore:
        self.locks.parent.joinpath("file").touch()
        folder = self.locks.parent / "file" / "locks"
        return KeyValueStore(Broken(), encryption=FERNET, lock_folder=folder)


class TestKeyValueStoreWithLease(TestKeyValueStore):
    async def make_store(self) -> AsyncStore:
        if not hasattr(self, "lease"):
            self.lease = LeaseInMemory()
        return KeyValueStore(self.backend, encryption=FERNET, lease=self.lease)

    async def make_broken_store(self) -> AsyncStore:
        lease = LeaseInMemory()
        lease.works = False
        return KeyValueStore(Broken(), encryption=FERNET, lease=lease)


class LeaseInMemory:
    """Leases that expire when a test says so."""

    def __init__(self) -> None:
        self.owners: dict[str, object] = {}
        self.works = True

    async def atry_acquire(self, name: str, /) -> AsyncLock | None:
        if not self.works:
            message = "No lease"
            raise StoreError(message)
        if name in self.owners:
            return None
        lock = LeasedName(self, name)
        self.owners[name] = lock
        return lock


class LeasedName:
    def __init__(self, lease: LeaseInMemory, name: str) -> None:
        self.lease, self.name = lease, name

    async def ais_held(self) -> bool:
        return self.lease.owners.get(self.name) is self

    async def arelease(self) -> None:
        if await self.ais_held():
            del self.lease.owners[self.name]
