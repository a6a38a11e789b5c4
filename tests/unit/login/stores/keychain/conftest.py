"""A keychain in memory, with a hook before each access."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from keyring import errors
from keyring.backend import KeyringBackend

WINDOWS: Final = 1280


class Keychain(KeyringBackend):
    """A keychain in memory with a size limit; a callback runs before each access."""

    viable = False  # never chosen by keyring itself
    priority = 1

    def __init__(self, largest: int | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.largest = largest
        self.entries: dict[tuple[str, str], str] = {}
        self.before: Callable[[str], object] = lambda _doing: None
        self.mutex = threading.Lock()

    def get_password(self, service: str, username: str) -> str | None:
        self.before("get")
        with self.mutex:
            return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.before("set")
        assert password.isascii()
        if self.largest is not None and len(password) > self.largest:
            message = f"too large: {password}"
            raise errors.PasswordSetError(message)
        with self.mutex:
            self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self.before("delete")
        with self.mutex:
            if self.entries.pop((service, username), None) is None:
                raise errors.PasswordDeleteError


class MacKeychain(Keychain):
    """A keychain in memory that replaces an entry like keyring on macOS: it deletes the old entry first."""

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.get_password(service, username) is not None:
            self.delete_password(service, username)
        super().set_password(service, username, password)


# `KeyringStore` recognizes the backend by its module.
MacKeychain.__module__ = "keyring.backends.macOS"


class Clock:
    """The clock of a retry loop, which moves during pauses."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.during_pause: Callable[[], object] = lambda: None

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= 0.05
        self.now += seconds
        self.during_pause()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Replace pauses by moves of a clock."""
    clock = Clock()
    monkeypatch.setattr("ssooidc_login.stores._keychain.turns.monotonic", clock.monotonic)
    monkeypatch.setattr("ssooidc_login.stores._keychain.turns.sleep", clock.sleep)
    return clock


@pytest.fixture
def locks(tmp_path: Path) -> Path:
    return tmp_path / "locks"


@pytest.fixture
def keychain() -> Keychain:
    return Keychain()


@pytest.fixture
def small() -> Keychain:
    return Keychain(WINDOWS)


@pytest.fixture
def mac() -> MacKeychain:
    return MacKeychain()


@pytest.fixture
def make_mac_keychain() -> Callable[[int | None], Keychain]:
    """Return a function that makes a keychain that deletes before it replaces."""
    return MacKeychain


@pytest.fixture
def make_keychain() -> Callable[[int | None], Keychain]:
    """Return a function that makes a keychain whose entries have a maximum length."""
    return Keychain
