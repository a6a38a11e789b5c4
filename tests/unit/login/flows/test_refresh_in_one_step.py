"""A refresh is one step: Ctrl-C, a cancellation, a full disk or a failing service cut nothing of it off.

The service's refresh tokens are good once.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

import pytest
import trio

from ssooidc_core import ClientConfig, ConnectionLost, HttpRequest, HttpResponse, SecretStr
from ssooidc_core._cache_files import TokenFile
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_emulator import AsyncEmulatorTransport, EmulatorTransport, IdentityCenter
from ssooidc_emulator.faults import connection_reset, server_error, throttling
from ssooidc_login import RefreshBusy, SsoSession, StoreError, WayIn, _shared_step
from ssooidc_login._driver import adrive, drive
from ssooidc_login._flows.documents import token_key
from ssooidc_login._flows.login import sign_in
from ssooidc_login._flows.refresh_memory import RefreshMemory
from ssooidc_login._flows.token import current_token
from ssooidc_login._login_plan import LoginPlan
from ssooidc_login._resources import AsyncResources, Resources
from ssooidc_login._shared_step import Step
from ssooidc_login._step_in_loop import steps_of_this_loop
from ssooidc_login.stores.aws_cache import AwsCacheStore
from ssooidc_transports.testing import VirtualClock

if TYPE_CHECKING:
    from tests.unit.login.conftest import Stage

CONFIG: Final = ClientConfig(region="us-east-1")
PLAN: Final = LoginPlan(
    way=WayIn.BROWSER, start_url="https://d-1234567890.awsapps.com/start", client_name="tool"
)
HOUR: Final = 3600


class Wire(EmulatorTransport):
    """Something happens when the service has answered, and the answer is on its way."""

    def __init__(self, center: IdentityCenter, clock: VirtualClock) -> None:
        super().__init__(center, clock=clock)
        self.then: Callable[[], object] = lambda: None

    def send(self, request: HttpRequest, /) -> HttpResponse:
        answer = super().send(request)
        self.then()
        return answer


class AsyncWire(AsyncEmulatorTransport):
    """Its answers take as many turns of the event loop as a cancellation needs."""

    cancel: Callable[[], object] | None = None

    async def asend(self, request: HttpRequest, /) -> HttpResponse:
        answer = await super().asend(request)
        if self.cancel is not None:
            self.cancel()
            for _ in range(3):
                await super().asleep(0)
        return answer


class Home:
    """A person's files, the service that they are signed in to, and the processes that use both."""

    def __init__(self, stage: Stage, settings: SsoSettings, folder: Path) -> None:
        self.stage = stage
        self.settings = settings
        self.folder = folder
        self.store = AwsCacheStore(folder)
        self.wire = Wire(stage.center, stage.clock)
        self.lock_file = Path(f"{self.store.path(token_key(settings))}.lock")
        self.sign_in()

    def sign_in(self) -> None:
        stage = self.stage
        world = Resources(
            transport=self.wire,
            store=self.store,
            interaction=stage.person,
            listen=stage.listen,
        )
        drive(sign_in(self.settings, PLAN, CONFIG), world)

    def token(self, memory: RefreshMemory, *, force: bool = False) -> TokenFile:
        world = Resources(transport=self.wire, store=AwsCacheStore(self.folder))
        return drive(current_token(self.settings, memory, force=force), world)

    def stored(self) -> TokenFile:
        document = self.store.load(token_key(self.settings))
        assert document is not None
        return TokenFile.from_text(document.get_secret_value())

    def requests(self) -> int:
        """Count the refreshes that were sent."""
        return self.stage.asked().count("CreateToken") - 1

    def is_free(self) -> bool:
        lock = self.store.try_lock(token_key(self.settings))
        if lock is not None:
            lock.release()
        return lock is not None

    def left_over(self) -> list[str]:
        return [path.name for path in self.lock_file.parent.glob("*.tmp")]


@pytest.fixture
def home(staged: Callable[..., Stage], settings: SsoSettings, tmp_path: Path) -> Home:
    return Home(staged(refresh_mode="rotating-strict"), settings, tmp_path)


def test_ctrl_c_before_the_answer_is_saved_loses_nothing(home: Home) -> None:
    old = home.stored()
    # The main thread waits for the step, or for the HTTP library.
    home.wire.then = lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    # In a shell's background job it is ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            home.token(RefreshMemory(), force=True)
    finally:
        signal.signal(signal.SIGINT, before)
    home.wire.then = lambda: None
    for thread in threading.enumerate():
        if thread.name == "ssooidc-refresh":
            thread.join()
    new = home.stored()
    assert new.refresh_token != old.refresh_token
    assert home.is_free()
    assert home.token(RefreshMemory(), force=True) != new


def test_closing_a_session_waits_for_a_refresh_over_a_transport_that_may_be_closed_next(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = home.stored()
    asked, closing = threading.Event(), threading.Event()

    def answered() -> None:
        asked.set()
        assert closing.wait(60)

    home.wire.then = answered
    session = SsoSession(home.settings, store=AwsCacheStore(home.folder), transport=home.wire)
    thread = threading.Thread(target=lambda: session.token(force_refresh=True))
    thread.start()
    assert asked.wait(60)
    waits = _shared_step.wait_for

    def wait_for(step: Step[object], told: SimpleQueue[None], seconds: float | None) -> bool:
        closing.set()
        return waits(step, told, seconds)

    monkeypatch.setattr(_shared_step, "wait_for", wait_for)
    session.close()
    assert home.stored().refresh_token != old.refresh_token
    thread.join()
    session.close()


def test_threads_that_ask_at_once_share_a_failure(home: Home) -> None:
    home.stage.clock.advance(HOUR)
    home.stage.center.script("CreateToken", server_error(), times=None)
    waiting = threading.Barrier(10)
    asked = threading.Event()
    home.wire.then = lambda: asked.wait(60)
    caught: list[str] = []

    def ask() -> None:
        waiting.wait()
        try:
            home.token(RefreshMemory())
        except Exception as failure:  # noqa: BLE001 - all of them count
            caught.append(type(failure).__name__)

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    # Some may come when the first have their answer: they are held off.
    asked.set()
    for thread in threads:
        thread.join()
    assert home.requests() == 1
    assert set(caught) <= {"InternalServerException", "RefreshBusy"}
    assert len(caught) == 10


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (False, "the service failed"),
        (True, "the connection was lost before the service's answer came"),
    ],
)
def test_who_waited_for_another_process_does_not_repeat_its_failure(
    home: Home, *, lost: bool, said: str
) -> None:
    home.stage.clock.advance(HOUR)
    home.stage.center.script("CreateToken", connection_reset() if lost else server_error())
    first = RefreshMemory()
    failure = "ConnectionLost" if lost else "InternalServerException"
    with pytest.raises(Exception) as caught:  # noqa: PT011 - its name is looked at
        home.token(first)
    assert type(caught.value).__name__ == failure
    # Another process, whose memory is empty, reads the note in the lock file.
    with pytest.raises(RefreshBusy) as busy:
        home.token(RefreshMemory())
    assert str(busy.value).startswith(
        f"A refresh failed a moment ago: {said}. The next attempt is possible in "
    )
    # The session whose refresh it was knows the failure itself.
    with pytest.raises(Exception) as again:  # noqa: PT011 - likewise
        home.token(first)
    assert type(again.value).__name__ == failure
    assert home.requests() == 1
    assert home.lock_file.read_bytes() == b""
    home.stage.clock.advance(6)
    assert home.token(RefreshMemory()) == home.stored()
    assert home.requests() == 2


def test_what_was_certainly_not_sent_is_sent_by_the_next(home: Home) -> None:
    home.stage.clock.advance(HOUR)
    home.stage.center.script("CreateToken", connection_reset())

    def unsent() -> None:
        message = "not sent"
        raise ConnectionLost(message, may_have_been_sent=False)

    home.wire.then = unsent
    with pytest.raises(ConnectionLost):
        home.token(RefreshMemory())
    home.wire.then = lambda: None
    home.stage.center.clear_script()


def test_a_new_login_is_not_held_off(home: Home) -> None:
    home.stage.clock.advance(HOUR)
    home.stage.center.script("CreateToken", server_error())
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever it is
        home.token(RefreshMemory())
    home.sign_in()
    assert home.token(RefreshMemory(), force=True) == home.stored()


def test_a_pause_that_the_service_asks_for_is_made_without_the_lock(home: Home) -> None:
    home.stage.clock.advance(HOUR)
    home.stage.center.script("CreateToken", throttling(retry_after_ms=3000))
    free: list[bool] = []
    sleep = home.wire.sleep

    def asleep(seconds: float, /) -> None:
        free.append(home.is_free())
        sleep(seconds)

    home.wire.sleep = asleep  # type: ignore[method-assign]
    before = home.stage.clock.now().monotonic
    assert home.token(RefreshMemory()) == home.stored()
    assert 3 <= home.stage.clock.now().monotonic - before < 6
    assert free
    assert all(free)
    assert home.requests() == 2


def test_on_a_full_disk_nothing_is_sent(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    old = home.stored()
    home.stage.clock.advance(HOUR)
    path = home.store.path(token_key(home.settings))
    write = os.write

    def full(*_given: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StoreError) as caught:
        home.token(RefreshMemory())
    assert str(caught.value) == (
        f"Cannot write {path}: No space left on device. Free some space, then try again"
    )
    assert (home.requests(), home.stored(), home.left_over()) == (0, old, [])
    monkeypatch.setattr(os, "write", write)
    assert home.token(RefreshMemory()) == home.stored() != old
    assert home.left_over() == []


def test_a_token_that_cannot_be_saved_is_saved_at_the_next_call(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = home.stored()
    home.stage.clock.advance(HOUR)
    memory = RefreshMemory()

    def full(*_given: object) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", full)
        new = home.token(memory)
        assert new.refresh_token != old.refresh_token
        assert home.token(memory) == new
        assert home.stored() == old
    assert home.token(memory) == new == home.stored()
    assert home.requests() == 1
    # What somebody else stores counts, and what is signed out stays so.
    assert home.token(RefreshMemory(), force=True) == home.stored()
    assert home.left_over() == []


@contextmanager
def removed_before_the_request(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    reserve = AwsCacheStore.reserve
    times = iter([True, False, False])

    def removed(self: AwsCacheStore, key: object) -> None:
        if next(times):
            home.lock_file.unlink()
        reserve(self, key)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(AwsCacheStore, "reserve", removed)
        yield


def test_nothing_is_sent_with_a_lock_whose_file_is_gone(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.stage.clock.advance(HOUR)
    free: list[bool] = []
    home.wire.then = lambda: free.append(home.is_free())
    with removed_before_the_request(home, monkeypatch):
        assert home.token(RefreshMemory()) == home.stored()
    # During the request nobody else could take the lock.
    assert free == [False]
    assert home.requests() == 1
    assert home.is_free()


def test_a_lock_whose_file_goes_during_the_request_is_taken_again_to_save(home: Home) -> None:
    """Somebody may refresh with the new lock file: what they save first counts."""
    taken: list[bool] = []

    def gone() -> None:
        home.wire.then = lambda: None
        home.lock_file.unlink()

    home.wire.then = gone
    save = AwsCacheStore.save

    def saved(store: AwsCacheStore, key: object, document: SecretStr) -> None:
        taken.append(not home.is_free())
        save(store, key, document)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(AwsCacheStore, "save", saved)
        new = home.token(RefreshMemory(), force=True)
    assert taken == [True]
    assert home.stored() == new
    assert home.is_free()


def test_why_a_refresh_did_not_happen_is_logged_and_remembered(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="ssooidc_login")
    old = home.stored()
    memory = RefreshMemory()
    home.stage.clock.advance(HOUR - 300)
    lock = home.store.try_lock(token_key(home.settings))
    assert lock is not None
    assert home.token(memory) == old
    held = "No new token after 0.5 s: another process is refreshing the token, and holds its lock"
    reasons = [memory.reason]
    lock.release()
    home.stage.center.script("CreateToken", server_error())
    assert home.token(memory) == old
    reasons.append(memory.reason)
    assert home.token(memory) == old
    other = RefreshMemory()
    assert home.token(other) == old
    assert str(other.reason).startswith("A refresh failed a moment ago: the service failed. ")
    home.stage.clock.advance(70)
    assert home.token(memory) != old
    reasons.append(memory.reason)
    assert reasons == [held, "the refresh failed (InternalServerException)", None]
    debug = [record.message for record in caplog.records if record.levelno == logging.DEBUG]
    assert debug == [
        f"Not refreshed: {held}",
        "Not refreshed: the refresh failed (InternalServerException)",
        "Not refreshed: tried less than a minute ago, when the refresh failed (InternalServerException)",
        f"Not refreshed: {other.reason}",
        "Refreshed the token",
    ]


def test_a_cancelled_task_leaves_a_step_that_goes_on_in_asyncio(home: Home) -> None:
    old = home.stored()

    async def main() -> None:
        wire = AsyncWire(home.stage.center, clock=home.stage.clock)
        resources = AsyncResources(transport=wire, store=AwsCacheStore(home.folder))
        steps = current_token(home.settings, RefreshMemory(), force=True)
        task = asyncio.create_task(adrive(steps, resources))
        wire.cancel = task.cancel
        with pytest.raises(asyncio.CancelledError):
            await task
        assert home.stored() == old
        await steps_of_this_loop()

    asyncio.run(main())
    assert home.stored().refresh_token != old.refresh_token
    assert home.is_free()
    assert home.token(RefreshMemory(), force=True) == home.stored()


def test_a_cancellation_waits_for_the_step_in_trio(home: Home) -> None:
    old = home.stored()

    async def main() -> None:
        wire = AsyncWire(home.stage.center, clock=home.stage.clock)
        resources = AsyncResources(transport=wire, store=AwsCacheStore(home.folder))
        with trio.CancelScope() as scope:
            wire.cancel = scope.cancel
            steps = current_token(home.settings, RefreshMemory(), force=True)
            await adrive(steps, resources)

    trio.run(main)
    assert home.stored().refresh_token != old.refresh_token
    assert home.token(RefreshMemory(), force=True) == home.stored()


@pytest.mark.parametrize("library", ["asyncio", "trio"])
def test_a_cancellation_does_not_reach_a_thread(home: Home, library: str) -> None:
    old = home.stored()

    @contextmanager
    def blocking() -> Iterator[Resources]:
        yield Resources(transport=home.wire, store=AwsCacheStore(home.folder))

    async def refreshed() -> object:
        wire = AsyncWire(home.stage.center, clock=home.stage.clock)
        resources = AsyncResources(transport=wire, store=home.store, blocking=blocking)
        steps = current_token(home.settings, RefreshMemory(), force=True)
        return await adrive(steps, resources)

    asked, cancelled = threading.Event(), threading.Event()
    done = threading.Event()

    def answered() -> None:
        asked.set()
        assert cancelled.wait(60)
        done.set()

    home.wire.then = answered

    async def in_asyncio() -> None:
        task = asyncio.create_task(refreshed())
        await asyncio.to_thread(asked.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def in_trio() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(refreshed)
            await trio.to_thread.run_sync(asked.wait)
            nursery.cancel_scope.cancel()

    if library == "trio":
        trio.run(in_trio)
    else:
        asyncio.run(in_asyncio())
    assert home.stored() == old
    home.wire.then = lambda: None
    cancelled.set()
    # This joins the step, or comes after it.
    home.token(RefreshMemory())
    for thread in threading.enumerate():
        if thread.name == "ssooidc-refresh":
            thread.join()
    assert home.stored().refresh_token != old.refresh_token
