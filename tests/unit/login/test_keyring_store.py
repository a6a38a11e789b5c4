"""`KeyringStore` keeps the contract of stores in keychains large and small, and leaves nothing behind in any."""

from __future__ import annotations

import json
import os
import stat
import sys
import threading
from collections.abc import Callable, Coroutine, Generator
from pathlib import Path
from types import ModuleType
from typing import Final

import keyring
import pytest
import trio
from keyring import errors
from keyring.backend import KeyringBackend
from keyring.backends import chainer, fail, null
from pydantic import SecretStr

from ssooidc_login.errors import StoreError
from ssooidc_login.stores.contract import AsyncStoreContract, StoreContract
from ssooidc_login.stores.os_keyring import KeyringStore
from ssooidc_login.stores.store import AsyncStore, Store, StoreKey

WINDOWS: Final = 1280
KEY: Final = StoreKey("token", "a" * 40)
ENTRY: Final = f"ssooidc:token:{'a' * 40}"
LONG: Final = "long-secret " * 500
NO_KEYCHAIN: Final = (
    "There is no keychain here. Install one (GNOME Keyring or KWallet on Linux) and start it, or keep logins in files: "
    "AwsCacheStore"
)


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


class PlaintextKeyring(Keychain):
    """What keyrings.alt calls its backend that encrypts nothing."""


@pytest.fixture
def locks(tmp_path: Path) -> Path:
    return tmp_path / "locks"


@pytest.fixture
def keychain() -> Keychain:
    return Keychain()


@pytest.fixture
def small() -> Keychain:
    return Keychain(WINDOWS)


class TestKeyringStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _folder(self, locks: Path) -> None:
        self.locks = locks
        self.backend: KeyringBackend = Keychain()

    def make_store(self) -> KeyringStore:
        return KeyringStore(backend=self.backend, lock_folder=self.locks)

    def make_another(self, store: Store) -> Store:
        return self.make_store()

    def make_broken_store(self) -> Store:
        self.locks.parent.joinpath("file").touch()
        backend = Keychain()
        backend.before = broken
        return KeyringStore(backend=backend, lock_folder=self.locks.parent / "file" / "locks")


class TestSmallKeyringStore(TestKeyringStore):
    @pytest.fixture(autouse=True)
    def _small(self, _folder: None) -> None:
        self.backend = Keychain(WINDOWS)

    def make_store(self) -> KeyringStore:
        return KeyringStore(backend=self.backend, lock_folder=self.locks, largest_entry=WINDOWS)


class TestKeyringStoreInAsyncio(AsyncStoreContract):
    @pytest.fixture(autouse=True)
    def _folder(self, locks: Path) -> None:
        self.locks = locks
        self.backend = Keychain(WINDOWS)

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
    """Stand in for Windows's, as keyring's own backend sees it."""
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


def test_a_document_is_one_entry_where_entries_have_no_limit(
    keychain: Keychain, locks: Path
) -> None:
    store = KeyringStore(backend=keychain, lock_folder=locks)
    store.save(KEY, SecretStr(LONG))
    assert keychain.entries == {
        (ENTRY, "token"): json.dumps({"document": LONG}, separators=(",", ":"))
    }


def test_a_short_document_is_one_entry_everywhere(small: Keychain, locks: Path) -> None:
    store = KeyringStore(backend=small, lock_folder=locks, largest_entry=WINDOWS)
    store.save(KEY, SecretStr("short"))
    assert small.entries == {(ENTRY, "token"): '{"document":"short"}'}


def test_a_long_document_is_parts_and_an_entry_that_names_them(
    small: Keychain, locks: Path
) -> None:
    store = KeyringStore(backend=small, lock_folder=locks, largest_entry=WINDOWS)
    store.save(KEY, SecretStr(LONG))
    written = json.loads(small.entries.pop((ENTRY, "token")))
    assert written == {"parts": {"generation": written["parts"]["generation"], "count": 5}}
    names = [f"{ENTRY}:{written['parts']['generation']}-{index}" for index in range(5)]
    assert list(small.entries) == [(name, "token") for name in names]
    assert json.loads("".join(small.entries.values())) == LONG


def test_every_length_around_the_limits_comes_back(small: Keychain, locks: Path) -> None:
    store = KeyringStore(backend=small, lock_folder=locks, largest_entry=WINDOWS)
    for length in (*range(1050, 1300), *range(2550, 2570)):
        text = '"' * (length // 7) + "x" * (length - length // 7)
        store.save(KEY, SecretStr(text))
        found = store.load(KEY)
        assert found is not None
        assert found.get_secret_value() == text


def test_two_services_have_their_own_documents_and_locks(keychain: Keychain, locks: Path) -> None:
    one = KeyringStore("one", keychain, lock_folder=locks)
    other = KeyringStore("other", keychain, lock_folder=locks)
    one.save(KEY, SecretStr("a"))
    assert other.load(KEY) is None
    lock = one.try_lock(KEY)
    assert lock is not None
    held = other.try_lock(KEY)
    assert held is not None
    held.release()
    lock.release()


class PowerCutError(BaseException):
    """The process is no more."""


OLD, NEW = "old " * 800, "new " * 900


@pytest.mark.parametrize("old", [None, "short", OLD])
@pytest.mark.parametrize("new", [None, "tiny", NEW])
def test_whenever_it_is_killed_a_document_is_old_or_new_and_nothing_stays_behind(
    old: str | None, new: str | None, locks: Path
) -> None:
    """`None` is no document: none saved before, or deleted."""
    step = 0
    while True:
        step += 1
        keychain = Keychain(WINDOWS)
        store = KeyringStore(backend=keychain, lock_folder=locks, largest_entry=WINDOWS)
        change(store, old)
        left = step

        def cut(_doing: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise PowerCutError

        keychain.before = cut
        try:
            change(store, new)
        except PowerCutError:
            was_cut = True
        else:
            was_cut = False
        keychain.before = lambda _doing: None
        found = store.load(KEY)
        text = None if found is None else found.get_secret_value()
        assert text in ({old, new} if was_cut else {new})
        store.save(KEY, SecretStr("after"))
        assert set(keychain.entries) == {(ENTRY, "token")}
        store.delete(KEY)
        assert keychain.entries == {}
        if not was_cut:
            break
    assert step > 1


def change(store: KeyringStore, text: str | None) -> None:
    if text is None:
        store.delete(KEY)
    else:
        store.save(KEY, SecretStr(text))


def test_a_reader_who_always_comes_too_late_waits_for_the_writer(
    small: Keychain, locks: Path
) -> None:
    """Its parts are replaced each time between reading their names and reading them."""
    store = KeyringStore(backend=small, lock_folder=locks, largest_entry=WINDOWS)
    writer = KeyringStore(backend=small, lock_folder=locks, largest_entry=WINDOWS)
    store.save(KEY, SecretStr(OLD))
    rounds = 0

    def replace(doing: str) -> None:
        nonlocal rounds
        small.before = lambda _doing: None
        if rounds < 6:
            rounds += 1
            # What holds the lock keeps this from coming in between.
            lock = store._locks.try_lock(KEY, "write")
            if lock is not None:
                lock.release()
                writer.save(KEY, SecretStr(f"{rounds} " * 800))
                small.before = lambda _doing: next_time()

    def next_time() -> None:
        small.before = replace

    next_time()
    found = store.load(KEY)
    assert found is not None
    # The sixth was kept out.
    assert (rounds, found.get_secret_value()) == (6, "5 " * 800)


def test_an_entry_of_others_comes_back_as_it_is_and_is_replaced(
    keychain: Keychain, locks: Path
) -> None:
    for text in ("anything", "{", '{"parts":{"generation":"../x","count":1}}', '{"other":1}'):
        keychain.entries[ENTRY, "token"] = text
        store = KeyringStore(backend=keychain, lock_folder=locks)
        found = store.load(KEY)
        assert found is not None
        assert found.get_secret_value() == text
        store.save(KEY, SecretStr("ours"))
        assert keychain.entries == {(ENTRY, "token"): '{"document":"ours"}'}


def test_a_document_whose_part_is_missing_is_no_document(small: Keychain, locks: Path) -> None:
    store = KeyringStore(backend=small, lock_folder=locks, largest_entry=WINDOWS)
    for take in range(5):
        store.save(KEY, SecretStr(LONG))
        part = next(name for name in small.entries if name[0].endswith(f"-{take}"))
        del small.entries[part]
        found = store.load(KEY)
        assert found is not None
        assert found.get_secret_value() == ""
    store.delete(KEY)
    assert small.entries == {}


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
                "Cannot read the keychain: OSError; see that it is there and unlocked, then try again, "
                "or use AwsCacheStore"
            ),
        ),
    ],
)
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


def test_a_keychain_that_refuses_the_size_says_so_without_the_document(locks: Path) -> None:
    keychain = Keychain(largest=100)
    store = KeyringStore(backend=keychain, lock_folder=locks)
    store.save(KEY, SecretStr("old"))
    with pytest.raises(StoreError) as caught:
        store.save(KEY, SecretStr(LONG))
    assert str(caught.value) == (
        "Cannot write to the keychain: it refused. Unlock it, let this program use it, then try again"
    )
    found = store.load(KEY)
    assert found is not None
    assert found.get_secret_value() == "old"


@pytest.mark.parametrize("document", ["x" * (1024 * 1024 + 1), "\ud800"])
def test_what_is_no_document_is_refused(document: str, keychain: Keychain, locks: Path) -> None:
    with pytest.raises(StoreError) as caught:
        KeyringStore(backend=keychain, lock_folder=locks).save(KEY, SecretStr(document))
    assert (
        str(caught.value) == "What is to be kept is no Unicode text of up to 1,048,576 characters"
    )
    assert keychain.entries == {}


def test_a_backend_that_keeps_nothing_or_in_the_clear_is_refused(locks: Path) -> None:
    null_backend: KeyringBackend = null.Keyring()  # type: ignore[no-untyped-call]
    texts: dict[KeyringBackend, str] = {
        fail.Keyring(): NO_KEYCHAIN,  # type: ignore[no-untyped-call]
        null_backend: "keyring is switched off: its null backend keeps nothing. Configure another, or keep logins in "
        "files: AwsCacheStore",
        PlaintextKeyring(): "keyring's plain-text backend would keep tokens in the clear. Configure another, or keep "
        "logins in files of mode 0600: AwsCacheStore",
    }
    for backend, text in texts.items():
        with pytest.raises(StoreError) as caught:
            KeyringStore(backend=backend, lock_folder=locks)
        assert str(caught.value) == text


@pytest.fixture
def no_choice() -> Generator[None]:
    """Have keyring look for its backend anew, in the test and after it."""
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
    keychain: Keychain, locks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = chainer.ChainerBackend()  # type: ignore[no-untyped-call]
    plain = PlaintextKeyring()
    monkeypatch.setattr(chainer.ChainerBackend, "backends", [plain, keychain])
    KeyringStore(backend=chain, lock_folder=locks).save(KEY, SecretStr("a"))
    assert (len(plain.entries), len(keychain.entries)) == (0, 1)
    monkeypatch.setattr(chainer.ChainerBackend, "backends", [plain])
    with pytest.raises(StoreError, match="in the clear"):
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
        f"Others could replace the lock files in {locks}: make it yours alone, mode 0700"
    )


def test_without_a_home_there_is_nowhere_to_lock(
    keychain: Keychain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(StoreError) as caught:
        KeyringStore(backend=keychain)
    assert str(caught.value) == (
        "Nobody knows where the home folder is, and so where to keep lock files: set HOME"
    )


def test_who_writes_for_too_long_is_told_of(
    keychain: Keychain, locks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = KeyringStore(backend=keychain, lock_folder=locks)
    lock = store._locks.try_lock(KEY, "write")
    assert lock is not None
    slept: list[float] = []
    monkeypatch.setattr("ssooidc_login.stores.os_keyring.time.sleep", slept.append)
    with pytest.raises(StoreError) as caught:
        store.save(KEY, SecretStr("a"))
    lock.release()
    assert slept == [0.05] * 100
    assert str(caught.value) == (
        "Another process has been writing to the keychain for 5 s: see whether the keychain asks for something, "
        "then try again"
    )


def test_names_and_limits_are_checked(keychain: Keychain) -> None:
    for arguments in ({"service": ""}, {"largest_entry": 255}):
        with pytest.raises(
            ValueError, match=r"A service has a name, and an entry 256 characters or more"
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
        monkeypatch.setattr("ssooidc_login.stores.host_locks.find_spec", lambda name: None)
    else:
        monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError) as caught:
        KeyringStore(backend=keychain, lock_folder=locks)
    assert (str(caught.value), caught.value.name) == (text, missing)
