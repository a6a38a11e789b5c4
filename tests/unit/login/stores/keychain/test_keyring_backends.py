"""Which keychains `KeyringStore` accepts, its errors for the others, and where its locks are."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import keyring
import pytest
from keyring import errors
from keyring.backend import KeyringBackend
from keyring.backends import chainer, fail, null
from pydantic import SecretStr

from ssooidc_login.errors import StoreError
from ssooidc_login.stores.os_keyring import KeyringStore
from ssooidc_login.stores.store import StoreKey

if TYPE_CHECKING:
    from tests.unit.login.stores.keychain.conftest import Keychain

KEY: Final = StoreKey("token", "a" * 40)
ENTRY: Final = f"ssooidc:token:{'a' * 40}"
NO_KEYCHAIN: Final = (
    "There is no keychain here. Install one (GNOME Keyring or KWallet on Linux) and start it, or keep logins in files: "
    "AwsCacheStore"
)


@pytest.fixture
def plaintext(keychain: Keychain) -> Keychain:
    """Return a backend like the one in keyrings.alt with this name, which encrypts nothing."""
    made: Keychain = type("PlaintextKeyring", (type(keychain),), {})()
    return made


@pytest.mark.parametrize(
    ("raised", "text"),
    [
        (
            errors.KeyringLocked("s"),
            "Cannot read the keychain: it is locked. Unlock it, then try again",
        ),
        (
            errors.InitError("s"),
            "Cannot read the keychain: it cannot be opened. Start or unlock it, then try again",
        ),
        (errors.NoKeyringError("s"), NO_KEYCHAIN),
        (
            errors.PasswordSetError("s"),
            "Cannot read the keychain: it refused. Unlock it, let this program use it, then try again",
        ),
        (
            OSError("s"),
            (
                "Cannot read the keychain: OSError; check that it runs and is unlocked, then try again, "
                "or use AwsCacheStore"
            ),
        ),
    ],
)
@pytest.mark.usefixtures("clock")
def test_what_fails_is_told_by_its_class(
    raised: Exception, text: str, keychain: Keychain, locks: Path
) -> None:
    def fails(_doing: str) -> None:
        raise raised

    keychain.before = fails
    with pytest.raises(StoreError) as caught:
        KeyringStore(backend=keychain, lock_folder=locks).load(KEY)
    assert str(caught.value) == text
    assert caught.value.__context__ is None


def test_a_backend_that_keeps_nothing_or_in_the_clear_is_refused(
    plaintext: Keychain, locks: Path
) -> None:
    null_backend: KeyringBackend = null.Keyring()  # type: ignore[no-untyped-call]
    texts: dict[KeyringBackend, str] = {
        fail.Keyring(): NO_KEYCHAIN,  # type: ignore[no-untyped-call]
        null_backend: "keyring is switched off: its null backend keeps nothing. Configure another, or keep logins in "
        "files: AwsCacheStore",
        plaintext: "keyring's plain-text backend would keep tokens unencrypted. Configure another, or keep "
        "logins in files of mode 0600: AwsCacheStore",
    }
    for backend, text in texts.items():
        with pytest.raises(StoreError) as caught:
            KeyringStore(backend=backend, lock_folder=locks)
        assert str(caught.value) == text


@pytest.fixture
def no_choice() -> Generator[None]:
    """Reset the backend that keyring has chosen, before and after the test."""
    before = keyring.core._keyring_backend
    keyring.core._keyring_backend = None
    yield
    keyring.core._keyring_backend = before


@pytest.mark.usefixtures("no_choice")
def test_by_default_it_is_the_backend_that_keyring_is_configured_for(
    keychain: Keychain, locks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    with pytest.raises(StoreError) as caught:
        KeyringStore(lock_folder=locks)
    assert str(caught.value) == NO_KEYCHAIN
    keyring.set_keyring(keychain)
    KeyringStore(lock_folder=locks).save(KEY, SecretStr("a"))
    assert keychain.entries == {(ENTRY, "token"): '{"document":"a"}'}


@pytest.mark.usefixtures("no_choice")
def test_a_backend_that_cannot_be_loaded_is_told_of(
    locks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "nowhere_at_all.Keyring")
    with pytest.raises(StoreError) as caught:
        KeyringStore(lock_folder=locks)
    assert str(caught.value) == (
        "keyring cannot load its backend (ModuleNotFoundError): look at PYTHON_KEYRING_BACKEND and at keyringrc.cfg, "
        "which `keyring diagnose` names"
    )


def test_of_a_chain_the_first_that_keeps_secrets_is_taken(
    keychain: Keychain, plaintext: Keychain, locks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = chainer.ChainerBackend()  # type: ignore[no-untyped-call]
    monkeypatch.setattr(chainer.ChainerBackend, "backends", [plaintext, keychain])
    KeyringStore(backend=chain, lock_folder=locks).save(KEY, SecretStr("a"))
    assert (len(plaintext.entries), len(keychain.entries)) == (0, 1)
    monkeypatch.setattr(chainer.ChainerBackend, "backends", [plaintext])
    with pytest.raises(StoreError, match="keep tokens unencrypted"):
        KeyringStore(backend=chain, lock_folder=locks)


def test_lock_files_are_in_a_folder_of_the_users_own(
    keychain: Keychain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    lock = KeyringStore(backend=keychain).try_lock(KEY)
    assert lock is not None
    lock.release()
    folder = tmp_path / ".cache" / "ssooidc" / "locks"
    (file,) = folder.iterdir()
    assert file.name.endswith(f"-token-{'a' * 40}.work.lock")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder.parent, file)] == [
        0o700,
        0o700,
        0o600,
    ]


def test_a_lock_folder_that_others_can_write_to_is_refused(keychain: Keychain, locks: Path) -> None:
    locks.mkdir()
    locks.chmod(0o777)
    with pytest.raises(StoreError) as caught:
        KeyringStore(backend=keychain, lock_folder=locks).try_lock(KEY)
    assert str(caught.value) == (
        f"Other users could replace the lock files in {locks}: change its owner to you and its mode to 0700"
    )


def test_without_a_home_there_is_nowhere_to_lock(
    keychain: Keychain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(StoreError) as caught:
        KeyringStore(backend=keychain)
    assert str(caught.value) == (
        "Cannot determine the home directory, in which lock files are kept: set HOME"
    )


def test_names_and_limits_are_checked(keychain: Keychain) -> None:
    for arguments in ({"service": ""}, {"largest_entry": 255}):
        with pytest.raises(
            ValueError, match=r"A service needs a name, and an entry 256 characters or more"
        ):
            KeyringStore(backend=keychain, **arguments)


@pytest.mark.parametrize(
    ("missing", "text"),
    [
        (
            "keyring",
            'Keeping logins in the keychain needs keyring: pip install "ssooidc-core[keyring]"',
        ),
        ("filelock", 'Lock files need filelock: pip install "ssooidc-core[keyring]"'),
    ],
)
def test_what_is_not_installed_is_named(
    missing: str, text: str, keychain: Keychain, locks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if missing == "filelock":
        monkeypatch.setattr("ssooidc_login.stores._files.host_locks.find_spec", lambda name: None)
    else:
        monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError) as caught:
        KeyringStore(backend=keychain, lock_folder=locks)
    assert (str(caught.value), caught.value.name) == (text, missing)
