"""Ends a process, an event loop or a wait while the service holds back the answer to a refresh: one of many ways.

It says that it is ready, asks for a token, and waits for a line before it ends in the way that it was given. The test
sends that line, or a signal, once the service has made the token. What is left to do is the product's: this script
does not wait for it.
"""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final

import httpx
import trio

from signed_in import SETTINGS, Emulated, Home, emulated, say
from ssooidc_login import AsyncSsoSession
from ssooidc_login.stores.aws_cache import AwsCacheStore
from ssooidc_transports.httpx import AsyncHttpxTransport

# The service answers within two seconds: who is still there after this long was not interrupted.
LONG: Final = 60.0


class Ended(Exception):
    """What a signal handler or a main function raises."""


def told() -> None:
    """Wait until the service has made the token."""
    sys.stdin.readline()


def when_told(act: Callable[[], object]) -> None:
    """Act from another thread once the service has made the token."""

    def wait() -> None:
        told()
        act()

    threading.Thread(target=wait, daemon=True).start()


def ready(server: Emulated, home: Home, wait: Callable[[], object]) -> None:
    """Ask in the main thread."""
    session = server.session(home)
    session.status()
    say(state="ready")
    session.token()
    wait()


def on_signal(number: int, server: Emulated, home: Home, error: type[BaseException]) -> None:
    """Raise an error from a handler in the main thread, which waits for the answer."""

    def raise_it(number: int, frame: FrameType | None) -> None:
        raise error

    signal.signal(number, raise_it)
    when_told(lambda: os.kill(os.getpid(), number))
    ready(server, home, signal.pause)


def in_thread(server: Emulated, home: Home, *, daemon: bool) -> None:
    """Ask in another thread, and go on once the service has made the token."""
    session = server.session(home)
    session.status()
    threading.Thread(target=session.token, daemon=daemon).start()
    say(state="ready")
    told()


def main_ends(server: Emulated, home: Home, *, daemon: bool) -> None:
    """Reach the end of the main thread."""
    in_thread(server, home, daemon=daemon)


def main_exits(server: Emulated, home: Home) -> None:
    """Leave with `sys.exit`."""
    in_thread(server, home, daemon=True)
    sys.exit(3)


def main_raises(server: Emulated, home: Home) -> None:
    """Leave with an error that nobody catches."""
    in_thread(server, home, daemon=True)
    raise Ended


def process_exits(server: Emulated, home: Home) -> None:
    """Leave with `os._exit`."""
    in_thread(server, home, daemon=True)
    os._exit(3)


def killed(server: Emulated, home: Home, number: int) -> None:
    """Kill this process."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    in_thread(server, home, daemon=False)
    os.kill(os.getpid(), number)
    signal.pause()


def open_session(server: Emulated, home: Home) -> AsyncSsoSession:
    """Return a session for asyncio or trio that makes its own transport."""
    return AsyncSsoSession(SETTINGS, config=server.config, store=AwsCacheStore(home.folder))


async def in_task(session: AsyncSsoSession) -> asyncio.Task[object]:
    """Ask in a task, and return once the service has made the token."""
    task: asyncio.Task[object] = asyncio.create_task(session.token())
    say(state="ready")
    await asyncio.get_running_loop().run_in_executor(None, told)
    return task


def task_pending(server: Emulated, home: Home) -> None:
    """Leave `asyncio.run`, which cancels the task."""

    async def main() -> None:
        await in_task(open_session(server, home))

    asyncio.run(main())


def loop_closed(server: Emulated, home: Home) -> None:
    """Close the loop with the task in it."""
    loop = asyncio.new_event_loop()
    task = loop.run_until_complete(in_task(open_session(server, home)))
    loop.close()
    del task


def session_closed(server: Emulated, home: Home) -> None:
    """Close the session under the task, and leave."""

    async def main() -> None:
        session = open_session(server, home)
        await in_task(session)
        await session.aclose()

    asyncio.run(main())


def asyncio_interrupted(server: Emulated, home: Home) -> None:
    """Interrupt with Ctrl-C in `asyncio.run`."""

    async def main() -> None:
        when_told(lambda: os.kill(os.getpid(), signal.SIGINT))
        async with open_session(server, home) as session:
            say(state="ready")
            await session.token()
            await asyncio.sleep(LONG)

    asyncio.run(main())


def asyncio_exits(server: Emulated, home: Home) -> None:
    """Leave `asyncio.run` with `sys.exit` in a task."""

    async def main() -> None:
        await in_task(open_session(server, home))
        sys.exit(3)

    asyncio.run(main())


async def cut_by_a_timeout(session: AsyncSsoSession) -> None:
    """End the wait with `asyncio.timeout` once the service has made the token."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(LONG) as timeout:
            when_told(
                lambda: loop.call_soon_threadsafe(
                    functools.partial(timeout.reschedule, loop.time())
                )
            )
            say(state="ready")
            await session.token()
            await asyncio.sleep(LONG)
    except TimeoutError:
        pass


def asyncio_timeout(server: Emulated, home: Home) -> None:
    """Leave after a timeout."""

    async def main() -> None:
        async with open_session(server, home) as session:
            await cut_by_a_timeout(session)

    asyncio.run(main())


def given_client(server: Emulated, home: Home, *, close: bool) -> None:
    """Leave after a timeout, with an HTTP client of the application's."""

    async def main() -> None:
        client = httpx.AsyncClient(trust_env=False, timeout=LONG)
        transport = AsyncHttpxTransport(server.config, client=client)
        session = AsyncSsoSession(SETTINGS, store=AwsCacheStore(home.folder), transport=transport)
        await cut_by_a_timeout(session)
        if close:
            await session.aclose()
            await transport.aclose()
            await client.aclose()

    asyncio.run(main())


async def cut_by_trio(session: AsyncSsoSession) -> None:
    """End the wait with a cancel scope once the service has made the token."""
    token = trio.lowlevel.current_trio_token()
    with trio.CancelScope() as scope:
        when_told(lambda: token.run_sync_soon(scope.cancel))
        say(state="ready")
        await session.token()
        await trio.sleep(LONG)


def trio_cancelled(server: Emulated, home: Home) -> None:
    """Leave after a cancellation."""

    async def main() -> None:
        async with open_session(server, home) as session:
            await cut_by_trio(session)

    trio.run(main)


def trio_given_client(server: Emulated, home: Home) -> None:
    """Leave after a cancellation, with an HTTP client of the application's."""

    async def main() -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=LONG) as client:
            transport = AsyncHttpxTransport(server.config, client=client)
            store = AwsCacheStore(home.folder)
            await cut_by_trio(AsyncSsoSession(SETTINGS, store=store, transport=transport))

    trio.run(main)


def trio_interrupted(server: Emulated, home: Home) -> None:
    """Interrupt with Ctrl-C in `trio.run`."""

    async def main() -> None:
        when_told(lambda: os.kill(os.getpid(), signal.SIGINT))
        async with open_session(server, home) as session:
            say(state="ready")
            await session.token()
            await trio.sleep(LONG)

    trio.run(main)


Way = Callable[[Emulated, Home], None]
WAYS: Final[dict[str, Way]] = {
    "Ctrl-C": lambda server, home: on_signal(signal.SIGINT, server, home, KeyboardInterrupt),
    "a handler of SIGTERM that exits": lambda server, home: on_signal(
        signal.SIGTERM, server, home, SystemExit
    ),
    "a handler of SIGALRM that raises": lambda server, home: on_signal(
        signal.SIGALRM, server, home, Ended
    ),
    "the main thread ends, another asks": functools.partial(main_ends, daemon=False),
    "the main thread ends, a daemon asks": functools.partial(main_ends, daemon=True),
    "sys.exit, a daemon asks": main_exits,
    "an error, a daemon asks": main_raises,
    "os._exit": process_exits,
    "SIGTERM": lambda server, home: killed(server, home, signal.SIGTERM),
    "SIGKILL": lambda server, home: killed(server, home, signal.SIGKILL),
    "asyncio.run ends, a task asks": task_pending,
    "the loop is closed, a task asks": loop_closed,
    "aclose(), a task asks": session_closed,
    "Ctrl-C in asyncio": asyncio_interrupted,
    "sys.exit in asyncio, a task asks": asyncio_exits,
    "asyncio.timeout": asyncio_timeout,
    "asyncio.timeout, a given client, aclose()": functools.partial(given_client, close=True),
    "asyncio.timeout, a given client, no aclose()": functools.partial(given_client, close=False),
    "trio's cancel scope": trio_cancelled,
    "trio's cancel scope, a given client": trio_given_client,
    "Ctrl-C in trio": trio_interrupted,
}


def main() -> None:
    """End in the way that was given."""
    given, server, home = emulated()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    WAYS[given["way"]](server, home)


if __name__ == "__main__":
    main()
