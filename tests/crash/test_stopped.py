"""A process that is stopped in the middle of a refresh, and goes on later: nobody is stuck, and nothing is lost."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

import pytest

from ssooidc_emulator import IdentityCenter, LoggedRequest

if TYPE_CHECKING:
    from tests.crash.conftest import Child, Report, SignedIn, Start

PART: Final = "stopped"
SECONDS: Final = 60
CALLERS: Final = 5
# Longer than a session's transport waits for an answer: it has the whole answer by then.
PAST_THE_TIMEOUT: Final = 17.0
# Longer than a caller waits for the holder.
PAST_ALL_PATIENCE: Final = 33.0
STOPS: Final = [2.0, PAST_THE_TIMEOUT]
if int(os.environ.get("SSOOIDC_CRASH_ROUNDS", "20")) >= 1000:
    STOPS.append(PAST_ALL_PATIENCE)


class Stopped:
    """Stops a process when the service has made its token, and has not yet sent it; counts the requests of all."""

    def __init__(self, center: IdentityCenter, holder: Child) -> None:
        self.requests = 0
        self._pid = holder.process.pid
        self._done = threading.Event()
        self._stack = contextlib.ExitStack()
        self._stack.callback(center.subscribe(self._see))

    def _see(self, request: LoggedRequest) -> None:
        if request.operation == "CreateToken":
            self.requests += 1
            if self.requests == 1:
                os.kill(self._pid, signal.SIGSTOP)
                self._done.set()

    def wait(self) -> None:
        """Wait until it is stopped."""
        assert self._done.wait(SECONDS)

    def go_on(self) -> None:
        """Continue the stopped process."""
        os.kill(self._pid, signal.SIGCONT)

    def close(self) -> None:
        """Count no more."""
        self._stack.close()


def begin(start: Start, center: IdentityCenter) -> tuple[Child, Child, Stopped]:
    """Start a holder and some callers; return when the holder is stopped."""
    holder, callers = start("herd.py", callers=1), start("herd.py", callers=CALLERS)
    assert [holder.says(), callers.says()] == [{"state": "ready"}] * 2
    stopped = Stopped(center, holder)
    holder.tell()
    stopped.wait()
    callers.tell()
    return holder, callers, stopped


def test_callers_with_a_good_token_do_not_wait(
    start: Start, figures: Report, center: IdentityCenter, signed_in: SignedIn
) -> None:
    signed_in.expire(300)
    holder, callers, stopped = begin(start, center)
    result = callers.result()
    stopped.go_on()
    of_holder = holder.result()["outcomes"]
    stopped.close()
    locks = signed_in.is_locked()
    outcomes = Counter(result["outcomes"])
    figures(
        "5 minutes left",
        rounds=1,
        lost=int(signed_in.is_lost()),
        locks=int(locks),
        requests=stopped.requests,
        longest=result["longest"],
        wrong=sum(outcomes.values()) - outcomes["the old token"],
        notes=f"callers got {_said(outcomes)}, the holder {_said(of_holder)}",
    )


@pytest.mark.parametrize("seconds", STOPS)
def test_callers_without_a_token_wait_for_it(
    start: Start, figures: Report, center: IdentityCenter, signed_in: SignedIn, seconds: float
) -> None:
    signed_in.expire()
    holder, callers, stopped = begin(start, center)
    time.sleep(seconds)
    stopped.go_on()
    of_holder = Counter(holder.result()["outcomes"])
    outcomes = Counter(callers.result()["outcomes"])
    stopped.close()
    locks = signed_in.is_locked()
    expected = "RefreshBusy" if seconds == PAST_ALL_PATIENCE else "a new token"
    figures(
        f"token ended, stopped for {seconds:.0f} s",
        rounds=1,
        lost=int(signed_in.is_lost()),
        locks=int(locks),
        requests=stopped.requests,
        wrong=sum(outcomes.values()) - outcomes[expected] + 1 - of_holder["a new token"],
        notes=f"callers got {_said(outcomes)}, the holder {_said(of_holder)}",
    )


def _said(outcomes: Counter[str]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
