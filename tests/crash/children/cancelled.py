"""Cancels `AsyncSsoSession.token()` at every step that its task makes, then at instants drawn by lot with minutes left.

Each step is tried twice: cancelled as the task begins to wait, and as what it waited for has come but not yet reached
it. The test says which library, whose transport, and how often an instant is drawn by lot.
"""

from __future__ import annotations

import asyncio
import functools
import random
import statistics
import time
import types
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
import trio

from signed_in import ENDED, SETTINGS, Emulated, Home, InMemory, emulated, look_and_repair, say
from ssooidc_emulator import AsyncEmulatorTransport
from ssooidc_login import AsyncSsoSession
from ssooidc_login.stores.aws_cache import AwsCacheStore
from ssooidc_transports.httpx import AsyncHttpxTransport

SLOWER: Final = 1.3
# More than today's code makes; whoever spins is stopped.
MOST_STEPS: Final = 400
LONGEST: Final = 60.0
# Few enough seconds that a refresh is due.
SOON: Final = 300.0


@types.coroutine
def watched(
    call: Coroutine[Any, Any, object],
    waits: Callable[[object], None],
    resumes: Callable[[], None],
) -> Generator[Any, Any, object]:
    """Run a coroutine; call these functions as it begins to wait for something, and before it goes on."""
    step: Callable[[], object] = functools.partial(call.send, None)
    while True:
        try:
            waited_for = step()
        except StopIteration as end:
            return end.value
        waits(waited_for)
        try:
            value = yield waited_for
        except BaseException as error:  # noqa: BLE001 - the coroutine's to handle
            step = functools.partial(call.throw, error)
        else:
            step = functools.partial(call.send, value)
        resumes()


class Cut:
    """Where a call is cancelled: at a step, or after some seconds; and what became of it."""

    def __init__(self, *, step: int = 0, late: bool = False, seconds: float | None = None) -> None:
        self.seconds = seconds
        self.end = "finished before"
        self.cancelled = False
        self._step = step
        self._late = late
        self._made = 0

    def at_wait(self) -> bool:
        """Return whether to cancel at the wait that begins now."""
        self._made += 1
        return self._made == self._step and not self._late

    def at_resumption(self) -> bool:
        """Return whether to cancel as this wait ends."""
        return self._made == self._step and self._late

    def ended(self, error: str) -> None:
        """Note how the call ended."""
        if self.cancelled:
            self.end = error or "returned normally"


def call_at_end(future: object, function: Callable[[object], None]) -> None:
    """Call a function when what a task waits for has come, before the task goes on."""
    if isinstance(future, asyncio.Future):
        future.add_done_callback(function)  # before the task adds its own
    else:
        asyncio.get_running_loop().call_soon(function, None)


async def cut_in_asyncio(session: AsyncSsoSession, cut: Cut) -> None:
    """Cancel a task."""

    def cancel(_: object = None) -> None:
        if not cut.cancelled and not task.done():
            cut.cancelled = True
            task.cancel()

    def waits(future: object) -> None:
        if cut.at_wait():
            cancel()
        elif cut.at_resumption():
            call_at_end(future, cancel)

    async def main() -> object:
        return await watched(session.token(), waits, lambda: None)

    task = asyncio.create_task(main())
    if cut.seconds is not None:
        asyncio.get_running_loop().call_later(cut.seconds, cancel)
    await asyncio.wait([task], timeout=LONGEST)
    if task.cancelled():
        cut.ended("cancelled")
    else:
        error = task.exception()
        cut.ended("" if error is None else type(error).__name__)


async def cut_in_trio(session: AsyncSsoSession, cut: Cut) -> None:
    """Cancel a scope."""
    with trio.CancelScope() as scope:

        def cancel() -> None:
            cut.cancelled = True
            scope.cancel()

        def waits(_: object) -> None:
            if cut.at_wait():
                cancel()

        def resumes() -> None:
            if cut.at_resumption():
                cancel()

        if cut.seconds is not None:
            scope.deadline = trio.current_time() + cut.seconds
        try:
            await watched(session.token(), waits, resumes)
            cut.ended("")
        except Exception as caught:  # noqa: BLE001 - all of them count
            cut.ended(type(caught).__name__)
    if scope.cancelled_caught:
        cut.cancelled = True
        cut.ended("cancelled")


class Rounds:
    """Rounds with one library and one kind of transport."""

    def __init__(self, given: dict[str, Any], server: Emulated, home: Home) -> None:
        self.ends: Counter[str] = Counter()
        self.found: Counter[str] = Counter()
        self._server = server
        self._home = home
        self._is_trio: bool = given["library"] == "trio"
        self._whose: str = given["transport"]
        self._service: Emulated | InMemory = server
        if self._whose == "a given emulator":
            self._service = InMemory()
        self._service.sign_in(home)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[AsyncSsoSession]:
        """Open a session, and close all of it afterwards, as applications should."""
        store = AwsCacheStore(self._home.folder)
        if isinstance(self._service, InMemory):
            transport = AsyncEmulatorTransport(self._service.center)
            async with AsyncSsoSession(SETTINGS, store=store, transport=transport) as session:
                yield session
        elif self._whose == "a given client":
            config = self._server.config
            async with (
                httpx.AsyncClient(trust_env=False, verify=False) as client,  # noqa: S501 - no TLS
                AsyncHttpxTransport(config, client=client) as wire,
                AsyncSsoSession(SETTINGS, store=store, transport=wire) as session,
            ):
                yield session
        else:
            config = self._server.config
            async with AsyncSsoSession(SETTINGS, config=config, store=store) as session:
                yield session

    def round(self, cut: Cut, left: float = ENDED) -> float:
        """Cancel once, and look; return how long the call took."""
        self._home.expire(left)
        taken = 0.0

        async def main() -> None:
            nonlocal taken
            async with self._session() as session:
                began = time.perf_counter()
                await (cut_in_trio if self._is_trio else cut_in_asyncio)(session, cut)
                taken = time.perf_counter() - began

        if self._is_trio:
            trio.run(main)
        else:
            asyncio.run(main())
        look_and_repair(self._service, self._home, self.found)
        return taken

    def all_steps(self) -> int:
        """Cancel at each step, twice, until the call makes no more; return how many there are."""
        for step in range(1, MOST_STEPS):
            cuts = [Cut(step=step, late=late) for late in (False, True)]
            for cut in cuts:
                self.round(cut)
                if cut.cancelled:
                    self.ends[cut.end] += 1
            if not any(cut.cancelled for cut in cuts):
                return step - 1
        return MOST_STEPS

    def at_random(self, rounds: int, chance: random.Random) -> None:
        """Cancel after times drawn by lot."""
        seconds = statistics.median(self.round(Cut(), SOON) for _ in range(7))
        for _ in range(rounds):
            cut = Cut(seconds=chance.uniform(0, SLOWER * seconds))
            self.round(cut, SOON)
            self.ends[cut.end] += 1


def main() -> None:
    """Run the rounds."""
    given, server, home = emulated()
    rounds = Rounds(given, server, home)
    rounds.round(Cut())  # imports what the others need
    steps = rounds.all_steps()
    at_steps = rounds.found.copy()
    rounds.at_random(given["rounds"], random.Random(given["seed"]))  # noqa: S311 - to be repeated
    say(steps=steps, at_steps=at_steps, found=rounds.found, ends=rounds.ends)


if __name__ == "__main__":
    main()
