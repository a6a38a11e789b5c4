"""`KeyringStore` in a real GNOME keychain over D-Bus: unlocked, locked, and gone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest
from keyring.backends import SecretService
from pydantic import SecretStr

from ssooidc_login.errors import StoreError
from ssooidc_login.stores.contract import StoreContract
from ssooidc_login.stores.os_keyring import KeyringStore
from ssooidc_login.stores.store import Store, StoreKey

HOW: Final = "`python3 noxfile.py -s interop` installs it"
SECONDS: Final = 60
KEY: Final = StoreKey("token", "a" * 40)

# A bus that starts no services on demand.
BUS: Final = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={home}/bus</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


class Desktop:
    """A separate message bus and keychain, as on a desktop."""

    def __init__(self, home: Path, stack: ExitStack) -> None:
        self.home, self.stack = home, stack
        home.mkdir(mode=0o700)
        self.environment = {
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(home),
            "PATH": os.environ["PATH"],
        }
        config = home / "bus.conf"
        config.write_text(BUS.format(home=home))
        options = ("--nofork", "--nopidfile", "--print-address", f"--config-file={config}")
        bus = self.start("dbus-daemon", *options)
        assert bus.stdout is not None
        self.address = bus.stdout.readline().strip()
        self.environment["DBUS_SESSION_BUS_ADDRESS"] = self.address

    def start(self, *command: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.stack.callback(process.communicate, timeout=SECONDS)
        self.stack.callback(process.kill)
        return process

    def open_keychain(self, *, unlock: bool) -> subprocess.Popen[str]:
        options = ("--foreground", "--components=secrets", *(("--unlock",) if unlock else ()))
        keychain = self.start("gnome-keyring-daemon", *options)
        assert keychain.stdin is not None
        keychain.stdin.write("password-of-a-test" if unlock else "")
        keychain.stdin.close()
        keychain.stdin = None
        # It prints its address once it accepts connections.
        assert keychain.stdout is not None
        keychain.stdout.readline()
        return keychain


@pytest.fixture
def desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Desktop]:
    if not all(map(shutil.which, ("dbus-daemon", "gnome-keyring-daemon"))):
        pytest.skip(f"GNOME Keyring or dbus-daemon is not installed: {HOW}")
    with ExitStack() as stack:
        desktop = Desktop(tmp_path / "desktop", stack)
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", desktop.address)
        yield desktop


@pytest.fixture
def make_store(tmp_path: Path) -> Callable[[], KeyringStore]:
    def make() -> KeyringStore:
        backend = SecretService.Keyring()  # type: ignore[no-untyped-call]
        return KeyringStore(backend=backend, lock_folder=tmp_path / "locks")

    return make


class TestGnomeKeyring(StoreContract):
    @pytest.fixture(autouse=True)
    def _desktop(self, desktop: Desktop, make_store: Callable[[], KeyringStore]) -> None:
        desktop.open_keychain(unlock=True)
        self.make = make_store

    def make_store(self) -> Store:
        return self.make()

    def make_another(self, store: Store) -> Store:
        return self.make()


def test_it_is_there_after_the_keychain_was_started_again(
    desktop: Desktop, make_store: Callable[[], KeyringStore]
) -> None:
    keychain = desktop.open_keychain(unlock=True)
    make_store().save(KEY, SecretStr("a"))
    keychain.terminate()
    keychain.wait(SECONDS)
    desktop.open_keychain(unlock=True)
    found = make_store().load(KEY)
    assert found is not None
    assert found.get_secret_value() == "a"


def test_a_keychain_that_is_locked_is_told_of(
    desktop: Desktop, make_store: Callable[[], KeyringStore]
) -> None:
    keychain = desktop.open_keychain(unlock=True)
    make_store().save(KEY, SecretStr("a"))
    keychain.terminate()
    keychain.wait(SECONDS)
    desktop.open_keychain(unlock=False)
    with pytest.raises(StoreError) as caught:
        make_store().load(KEY)
    assert str(caught.value) == (
        "Cannot read the keychain: it is locked. Unlock it, then try again"
    )


def test_where_no_keychain_runs_that_is_told(
    desktop: Desktop, make_store: Callable[[], KeyringStore]
) -> None:
    store = make_store()
    with pytest.raises(StoreError) as caught:
        store.load(KEY)
    assert str(caught.value) == (
        "Cannot read the keychain: it cannot be opened. Start or unlock it, then try again"
    )


def connections(home: Path) -> int:
    """Return the number of this process's connections to a bus, according to the kernel."""
    lines = Path("/proc/net/unix").read_text(encoding="utf-8").splitlines()
    # Type 0001 and state 03: a connected stream socket.
    return sum(line.endswith(f" 0001 03 {line.split()[6]} {home}/bus") for line in lines[1:])


def test_all_threads_and_stores_share_one_connection(
    desktop: Desktop, make_store: Callable[[], KeyringStore]
) -> None:
    desktop.open_keychain(unlock=True)
    before = connections(desktop.home)
    make_store().save(KEY, SecretStr("a"))
    assert connections(desktop.home) == before + 1
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: make_store().load(KEY), range(40)))
    assert {each and each.get_secret_value() for each in found} == {"a"}
    assert connections(desktop.home) == before + 1


PROGRAM: Final = """\
import os, sys, warnings
from pathlib import Path
from keyring.backends import SecretService
from pydantic import SecretStr
from ssooidc_login.errors import StoreError
from ssooidc_login.stores.os_keyring import KeyringStore
from ssooidc_login.stores.store import StoreKey

key = StoreKey("token", "a" * 40)
store = KeyringStore(backend=SecretService.Keyring(), lock_folder=Path(sys.argv[1]))
store.save(key, SecretStr("before"))
child = os.fork()
store.save(key, SecretStr("child" if child == 0 else "parent"))
assert store.load(key).get_secret_value() in ("child", "parent")
if child == 0:
    sys.exit()
assert os.waitpid(child, 0)[1] == 0
os.environ["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=/nowhere"
try:
    store.load(key)
except StoreError as error:
    print(error)
"""


def test_no_process_leaves_a_connection_open(desktop: Desktop, tmp_path: Path) -> None:
    """Neither when it forks, nor when the bus cannot be reached, nor when it ends."""
    desktop.open_keychain(unlock=True)
    ended = subprocess.run(
        (sys.executable, "-X", "dev", "-Ic", PROGRAM, str(tmp_path / "locks")),
        env=desktop.environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("Cannot read the keychain: ")


def test_a_keychain_that_is_started_again_meanwhile_is_waited_for(
    desktop: Desktop, make_store: Callable[[], KeyringStore]
) -> None:
    keychain = desktop.open_keychain(unlock=True)
    store = make_store()
    store.save(KEY, SecretStr("a"))
    keychain.kill()
    keychain.wait(SECONDS)
    with ThreadPoolExecutor(1) as thread:
        saving = thread.submit(store.save, KEY, SecretStr("b"))
        desktop.open_keychain(unlock=True)
        saving.result(SECONDS)
    found = store.load(KEY)
    assert found is not None
    assert found.get_secret_value() == "b"
