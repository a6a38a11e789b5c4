"""`KeyringStore` keeps the store contract: in keychains without a limit, with one, and in that of Windows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

import pytest
import trio
from keyring.backend import KeyringBackend
from pydantic import SecretStr

from ssooidc_login.stores.contract import AsyncStoreContract, StoreContract
from ssooidc_login.stores.os_keyring import KeyringStore
from ssooidc_login.stores.store import AsyncStore, Store, StoreKey

if TYPE_CHECKING:
    from tests.unit.login.stores.keychain.conftest import Keychain

WINDOWS: Final = 1280
KEY: Final = StoreKey("token", "a" * 40)
LONG: Final = "long-secret " * 500


class TestKeyringStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _folder(self, locks: Path, make_keychain: Callable[[int | None], Keychain]) -> None:
        self.locks, self.make_keychain = locks, make_keychain
        self.backend: KeyringBackend = make_keychain(None)

    def make_store(self) -> KeyringStore:
        return KeyringStore(backend=self.backend, lock_folder=self.locks)

    def make_another(self, store: Store) -> Store:
        return self.make_store()

    def make_broken_store(self) -> Store:
        self.locks.parent.joinpath("file").touch()
        backend = self.make_keychain(None)
        backend.before = broken
        return KeyringStore(backend=backend, lock_folder=self.locks.parent / "file" / "locks")


class TestSmallKeyringStore(TestKeyringStore):
    @pytest.fixture(autouse=True)
    def _small(self, _folder: None) -> None:
        self.backend = self.make_keychain(WINDOWS)

    def make_store(self) -> KeyringStore:
        return KeyringStore(backend=self.backend, lock_folder=self.locks, largest_entry=WINDOWS)


class TestKeyringStoreInAsyncio(AsyncStoreContract):
    @pytest.fixture(autouse=True)
    def _folder(self, locks: Path, small: Keychain) -> None:
        self.locks, self.backend = locks, small

    async def make_store(self) -> AsyncStore:
        return KeyringStore(backend=self.backend, lock_folder=self.locks, largest_entry=WINDOWS)

    async def make_another(self, store: AsyncStore) -> AsyncStore:
        return await self.make_store()


class TestKeyringStoreInTrio(TestKeyringStoreInAsyncio):
    def run(self, main: Callable[[], Coroutine[object, object, None]]) -> None:
        trio.run(main)


def broken(_doing: str) -> None:
    message = "quotes canary-of-a-document-8d1f"
    raise OSError(message)


def credential_manager() -> tuple[ModuleType, ModuleType]:
    """Replace the Credential Manager of Windows, as keyring's backend uses it."""
    pywintypes, win32cred = ModuleType("pywintypes"), ModuleType("win32cred")
    credentials: dict[str, dict[str, object]] = {}

    class CredentialError(Exception):
        def __init__(self, winerror: int, funcname: str) -> None:
            super().__init__(winerror)
            self.winerror, self.funcname = winerror, funcname

    def read(**query: str) -> dict[str, object]:
        found = credentials.get(query["TargetName"])
        if found is None:
            raise CredentialError(1168, "CredRead")
        return dict(found)

    def write(credential: dict[str, object], _flags: int) -> None:
        blob = str(credential["CredentialBlob"]).encode("utf-16-le")
        if len(blob) > 5 * 512:
            raise CredentialError(1783, "CredWrite")
        credentials[str(credential["TargetName"])] = {**credential, "CredentialBlob": blob}

    def delete(**query: str) -> None:
        if credentials.pop(query["TargetName"], None) is None:
            raise CredentialError(1168, "CredDelete")

    parts = {
        "CredRead": read,
        "CredWrite": write,
        "CredDelete": delete,
        "CRED_TYPE_GENERIC": "generic",
        "CRED_PERSIST_ENTERPRISE": 3,
        "credentials": credentials,
    }
    vars(pywintypes)["error"] = CredentialError
    vars(win32cred).update(parts)
    return pywintypes, win32cred


class TestKeyringOfWindows(StoreContract):
    """keyring's own backend for Windows, over a stand-in for the Credential Manager."""

    @pytest.fixture(autouse=True)
    def _windows(self, locks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from keyring.backends import Windows  # noqa: PLC0415 - its class is registered by importing

        pywintypes, self.win32cred = credential_manager()
        monkeypatch.setattr(Windows, "pywintypes", pywintypes, raising=False)
        monkeypatch.setattr(Windows, "win32cred", self.win32cred, raising=False)
        monkeypatch.setattr(sys, "platform", "win32")
        self.locks = locks
        self.backend = Windows.WinVaultKeyring()  # type: ignore[no-untyped-call]

    def make_store(self) -> KeyringStore:
        return KeyringStore(backend=self.backend, lock_folder=self.locks)

    def make_another(self, store: Store) -> Store:
        return self.make_store()

    def test_nothing_stays_behind(self) -> None:
        store = self.make_store()
        for _ in range(3):
            store.save(KEY, SecretStr(LONG))
        assert len(vars(self.win32cred)["credentials"]) > 1
        store.delete(KEY)
        assert vars(self.win32cred)["credentials"] == {}
