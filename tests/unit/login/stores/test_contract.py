"""Both stores keep the store contract; blocking, in asyncio and in trio."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest
import trio
from pydantic import SecretStr

from ssooidc_login.stores.aws_cache import AwsCacheStore
from ssooidc_login.stores.contract import AsyncStoreContract, StoreContract
from ssooidc_login.stores.memory import MemoryStore
from ssooidc_login.stores.store import AsyncStore, Lock, Store, StoreKey


def home_that_is_a_file(folder: Path) -> Path:
    """Nothing can be read or written below it, not even by root."""
    home = folder / "file"
    home.touch()
    return home


class TestMemoryStore(StoreContract):
    def make_store(self) -> Store:
        return MemoryStore()


class TestMemoryStoreInAsyncio(AsyncStoreContract):
    async def make_store(self) -> AsyncStore:
        return MemoryStore()


class TestMemoryStoreInTrio(TestMemoryStoreInAsyncio):
    def run(self, main: Callable[[], Coroutine[object, object, None]]) -> None:
        trio.run(main)


class TestAwsCacheStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make_store(self) -> Store:
        return AwsCacheStore(self.folder)

    def make_another(self, store: Store) -> Store:
        return AwsCacheStore(self.folder)

    def make_broken_store(self) -> Store:
        return AwsCacheStore(home_that_is_a_file(self.folder))


class TestAwsCacheStoreInAsyncio(AsyncStoreContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    async def make_store(self) -> AsyncStore:
        return AwsCacheStore(self.folder)

    async def make_another(self, store: AsyncStore) -> AsyncStore:
        return AwsCacheStore(self.folder)

    async def make_broken_store(self) -> AsyncStore:
        return AwsCacheStore(home_that_is_a_file(self.folder))


class TestAwsCacheStoreInTrio(TestAwsCacheStoreInAsyncio):
    def run(self, main: Callable[[], Coroutine[object, object, None]]) -> None:
        trio.run(main)


class _FailsTheContract(MemoryStore):
    """Each of these breaks one rule, and the contract says which."""


class _Truncates(_FailsTheContract):
    def save(self, key: StoreKey, document: SecretStr, /) -> None:
        super().save(key, SecretStr(document.get_secret_value()[:1000]))


class _OneRoom(_FailsTheContract):
    def load(self, key: StoreKey, /) -> SecretStr | None:
        return super().load(StoreKey("token", key.name))

    def save(self, key: StoreKey, document: SecretStr, /) -> None:
        super().save(StoreKey("token", key.name), document)


class _LockNobodyKeeps:
    def is_held(self) -> bool:
        return True

    def release(self) -> None:
        pass


class _LocksNothing(MemoryStore):
    def try_lock(self, key: StoreKey, /) -> Lock:  # type: ignore[override]
        return _LockNobodyKeeps()


class _Talks(_FailsTheContract):
    def __repr__(self) -> str:
        return f"{[each.get_secret_value() for each in self._documents.values()]}"


@pytest.mark.parametrize(
    ("store", "test", "rule"),
    [
        (_Truncates, "test_documents_come_back_as_they_were", "1,048,576 bytes"),
        (_OneRoom, "test_keys_do_not_collide", "each key has its own document"),
        (_LocksNothing, "test_a_lock_is_for_one", "while another has it"),
        (_LocksNothing, "test_many_threads_take_turns", "keeps all others out"),
        (_Talks, "test_nothing_shows_a_document", "no text contains any part of a document"),
    ],
)
def test_the_contract_finds_what_is_wrong(store: type[MemoryStore], test: str, rule: str) -> None:
    class Contract(StoreContract):
        def make_store(self) -> Store:
            return store()

    with pytest.raises(AssertionError, match=rule):
        getattr(Contract(), test)()
