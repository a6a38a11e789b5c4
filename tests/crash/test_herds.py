"""A hundred callers wait for one refresh that fails: one request is sent, and all of them learn why it failed."""

from __future__ import annotations

import os
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

import pytest

from ssooidc_core import SessionExpired, SsoOidcError
from ssooidc_emulator import IdentityCenter
from ssooidc_emulator.faults import connection_reset, delay, server_error, throttling

if TYPE_CHECKING:
    from ssooidc_emulator.faults import Fault
    from tests.crash.conftest import Report, SignedIn, Start

PART: Final = "herd"
ROUNDS: Final = max(1, int(os.environ.get("SSOOIDC_CRASH_ROUNDS", "20")) // 2000)
# Long enough for all of them to be waiting when the first answer comes.
FIRST_ANSWER: Final = 1.5
RETRY_AFTER: Final = 1.0
# What begins later may be held off for some seconds.
LATER: Final = 20.0
FAULTS: Final[dict[str, tuple[Fault, str]]] = {
    "500": (server_error(), "InternalServerException"),
    "429": (throttling(retry_after_ms=int(1000 * RETRY_AFTER)), "UnknownServiceError"),
    "answer lost, nothing done": (connection_reset(), "ConnectionLost"),
    # Nothing could save this session, but its callers can learn what happened to it.
    "answer lost, token spent": (connection_reset(processed=True), "ConnectionLost"),
}

# What a caller gets whose process sent nothing: an empty lock file can say what failed, but not be an exception.
TOLD: Final = "told of another process's failure"
HERDS: Final = [(1, "threads"), (5, "threads"), (1, "tasks"), (5, "tasks")]


class Requests:
    """When the emulator was asked for a token."""

    def __init__(self, center: IdentityCenter) -> None:
        self._times: list[float] = []
        self.stop = center.subscribe(lambda seen: self._see(seen.operation))

    def _see(self, operation: str | None) -> None:
        if operation == "CreateToken":
            self._times.append(time.monotonic())

    def most_within(self, seconds: float) -> int:
        """Return the most requests in any time of so many seconds."""
        return max(
            (sum(begin <= each < begin + seconds for each in self._times) for begin in self._times),
            default=0,
        )


def is_lost(signed_in: SignedIn) -> bool:
    """Return whether a caller that begins later is told that the session has ended."""
    end = time.monotonic() + LATER
    while True:
        try:
            signed_in.next_token()
        except SessionExpired:
            return True
        except SsoOidcError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)
        else:
            return False


@pytest.mark.timeout(200 * ROUNDS)
@pytest.mark.parametrize(("processes", "kind"), HERDS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_refresh_that_fails(
    start: Start,
    figures: Report,
    center: IdentityCenter,
    signed_in: SignedIn,
    *,
    fault: str,
    processes: int,
    kind: str,
) -> None:
    failure, error = FAULTS[fault]
    spent = fault == "answer lost, token spent"
    outcomes: Counter[str] = Counter()
    most = lost = 0
    longest = 0.0
    for _ in range(ROUNDS):
        signed_in.again()
        signed_in.expire()
        children = [start("herd.py", callers=100 // processes, kind=kind) for _ in range(processes)]
        assert [child.says() for child in children] == [{"state": "ready"}] * processes
        center.script("CreateToken", delay(FIRST_ANSWER, failure))
        if not spent:
            center.script("CreateToken", failure, times=None)
        requests = Requests(center)
        for child in children:
            child.tell()
        for child in children:
            result = child.result()
            outcomes.update(result["outcomes"])
            longest = max(longest, result["longest"])
        requests.stop()
        center.clear_script()
        # After a 429 it is right to ask again, but not sooner than the service said.
        most = max(most, requests.most_within(0.9 * RETRY_AFTER if fault == "429" else 1000))
        lost += is_lost(signed_in)
    figures(
        f"{fault}, {processes} x {100 // processes} {kind}",
        rounds=ROUNDS,
        lost=0 if spent else lost,
        excused=lost if spent else 0,
        requests=most,
        wrong=sum(
            count
            for outcome, count in outcomes.items()
            if outcome != error and not (outcome == TOLD and processes > 1)
        ),
        notes=f"{_said(outcomes)}; the last of them after {longest:.1f} s",
    )


@pytest.mark.timeout(200 * ROUNDS)
@pytest.mark.parametrize(("processes", "kind"), HERDS)
def test_a_refresh_that_fails_while_the_token_is_good(
    start: Start,
    figures: Report,
    center: IdentityCenter,
    signed_in: SignedIn,
    *,
    processes: int,
    kind: str,
) -> None:
    outcomes: Counter[str] = Counter()
    most = lost = 0
    longest = 0.0
    for _ in range(ROUNDS):
        signed_in.again()
        signed_in.expire(300)
        children = [start("herd.py", callers=100 // processes, kind=kind) for _ in range(processes)]
        assert [child.says() for child in children] == [{"state": "ready"}] * processes
        center.script("CreateToken", delay(2 * FIRST_ANSWER, server_error()))
        center.script("CreateToken", server_error(), times=None)
        requests = Requests(center)
        for child in children:
            child.tell()
        for child in children:
            result = child.result()
            outcomes.update(result["outcomes"])
            longest = max(longest, result["longest"])
        requests.stop()
        center.clear_script()
        most = max(most, requests.most_within(1000))
        signed_in.expire()
        lost += is_lost(signed_in)
    figures(
        f"500 with 5 minutes left, {processes} x {100 // processes} {kind}",
        rounds=ROUNDS,
        lost=lost,
        requests=most,
        longest=longest,
        wrong=sum(count for outcome, count in outcomes.items() if outcome != "the old token"),
        notes=_said(outcomes),
    )


def _said(outcomes: Counter[str]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
