"""A process or an event loop ends, in any of many ways, with the answer of the service a second away.

The next process still gets a token, but for the ways in which nothing of the dying process runs any more.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import pytest

from ssooidc_emulator import IdentityCenter, LoggedRequest
from ssooidc_emulator.faults import delay

if TYPE_CHECKING:
    from tests.crash.conftest import Report, SignedIn, Start

PART: Final = "endings"
ROUNDS: Final = max(1, int(os.environ.get("SSOOIDC_CRASH_ROUNDS", "20")) // 2000)
ANSWER: Final = 1.0
SECONDS: Final = 60
# Each way, and whether it may lose the session.
WAYS: Final = {
    "Ctrl-C": False,
    "a handler of SIGTERM that exits": False,
    "a handler of SIGALRM that raises": False,
    "the main thread ends, another asks": False,
    "the main thread ends, a daemon asks": False,
    "sys.exit, a daemon asks": False,
    "an error, a daemon asks": False,
    "os._exit": True,
    "SIGTERM": True,
    "SIGKILL": True,
    "asyncio.run ends, a task asks": False,
    "the loop is closed, a task asks": False,
    "aclose(), a task asks": False,
    "Ctrl-C in asyncio": False,
    "sys.exit in asyncio, a task asks": False,
    "asyncio.timeout": False,
    "asyncio.timeout, a given client, aclose()": False,
    "asyncio.timeout, a given client, no aclose()": True,
    "trio's cancel scope": False,
    "trio's cancel scope, a given client": False,
    "Ctrl-C in trio": False,
}


def made_by(center: IdentityCenter) -> tuple[threading.Event, Callable[[], None]]:
    """Return what is set once the service has made a token, and how to stop looking."""
    made = threading.Event()

    def see(request: LoggedRequest) -> None:
        if request.operation == "CreateToken":
            made.set()

    return made, center.subscribe(see)


@pytest.mark.timeout(120 * ROUNDS)
@pytest.mark.parametrize("way", WAYS)
def test_ended_with_the_answer_a_second_away(
    start: Start, figures: Report, center: IdentityCenter, signed_in: SignedIn, way: str
) -> None:
    lost = locks = 0
    ends = set()
    for _ in range(ROUNDS):
        signed_in.again()
        signed_in.expire()
        made, stop = made_by(center)
        center.script("CreateToken", delay(ANSWER))
        child = start("endings.py", way=way)
        assert child.says() == {"state": "ready"}
        assert made.wait(SECONDS)
        stop()
        child.tell()
        ends.add(child.ends(SECONDS))
        locks += signed_in.is_locked()
        lost += signed_in.is_lost()
    figures(
        way,
        rounds=ROUNDS,
        lost=0 if WAYS[way] else lost,
        excused=lost if WAYS[way] else 0,
        locks=locks,
        notes=f"ended with {', '.join(map(str, sorted(ends)))}",
    )
