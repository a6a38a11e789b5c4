"""A keychain in memory, where anything may happen."""

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
    """A keychain in memory, with a limit of size, and a moment before each access in which anything may happen."""

    viable = False  # never keyring's own choice
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
def make_keychain() -> Callable[[int | None], Keychain]:
    """Give a function that makes one whose entries have so many characters at most."""
    return Keychain
