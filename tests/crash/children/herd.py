"""Many threads or tasks of one process that ask one session for a token at the same moment.

It says that it is ready, waits for a line, and says how many callers got what, and how long the last one waited.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections import Counter
from typing import Final

from pydantic import SecretStr

from signed_in import SETTINGS, Emulated, Home, emulated, say
from ssooidc_login import AsyncSsoSession
from ssooidc_login.stores.aws_cache import AwsCacheStore


class Callers:
    """What the callers got, and when."""

    def __init__(self, old: SecretStr) -> None:
        self.outcomes: Final[Counter[str]] = Counter()
        self.waited: Final[list[float]] = []
        self._old = old
        self._noting = threading.Lock()

    def got(self, what: SecretStr | Exception, began: float) -> None:
        """Note what one got who began at this time."""
        if isinstance(what, Exception):
            outcome = type(what).__name__
            if str(what).startswith("A refresh failed a moment ago: "):
                outcome = "told of another process's failure"
        else:
            outcome = "the old token" if what == self._old else "a new token"
        with self._noting:
            self.outcomes[outcome] += 1
            self.waited.append(time.monotonic() - began)


def wait_to_begin() -> None:
    """Wait for the test."""
    say(state="ready")
    sys.stdin.readline()


def in_threads(server: Emulated, home: Home, callers: Callers, count: int) -> None:
    """Ask in threads."""
    barrier = threading.Barrier(count + 1)
    with server.session(home) as session:
        session.status()

        def ask() -> None:
            barrier.wait()
            began = time.monotonic()
            try:
                callers.got(session.token().access_token, began)
            except Exception as caught:  # noqa: BLE001 - all of them count
                callers.got(caught, began)

        threads = [threading.Thread(target=ask) for _ in range(count)]
        for thread in threads:
            thread.start()
        wait_to_begin()
        barrier.wait()
        for thread in threads:
            thread.join()


async def in_tasks(server: Emulated, home: Home, callers: Callers, count: int) -> None:
    """Ask in tasks of asyncio."""
    store = AwsCacheStore(home.folder)
    async with AsyncSsoSession(SETTINGS, config=server.config, store=store) as session:
        await session.status()

        async def ask() -> None:
            began = time.monotonic()
            try:
                callers.got((await session.token()).access_token, began)
            except Exception as caught:  # noqa: BLE001 - all of them count
                callers.got(caught, began)

        wait_to_begin()
        await asyncio.gather(*(ask() for _ in range(count)))


def main() -> None:
    """Ask."""
    given, server, home = emulated()
    callers = Callers(home.read().access_token)
    if given.get("kind") == "tasks":
        asyncio.run(in_tasks(server, home, callers, given["callers"]))
    else:
        in_threads(server, home, callers, given["callers"])
    say(outcomes=callers.outcomes, longest=max(callers.waited))


if __name__ == "__main__":
    main()
