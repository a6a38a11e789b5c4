"""Ctrl-C at any instant of a refresh: the session stays, nothing stays locked or open, and the caller sees it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.crash.conftest import Report, Start

PART: Final = "signals"
ROUNDS: Final = int(os.environ.get("SSOOIDC_CRASH_ROUNDS", "20"))
# Over loopback a round takes ten times as long.
ON_THE_WIRE: Final = max(10, ROUNDS // 20)


@pytest.mark.timeout(120 + ROUNDS)
@pytest.mark.parametrize("left", [-1, 300], ids=["token ended", "5 minutes left"])
@pytest.mark.parametrize("wire", [False, True], ids=["in memory", "httpx over loopback"])
def test_interrupted_at_random_instants(
    start: Start, figures: Report, *, wire: bool, left: float
) -> None:
    rounds = ON_THE_WIRE if wire else ROUNDS
    result = start("interrupted.py", rounds=rounds, wire=wire, left=left).result()
    found, ends = result["found"], result["ends"]
    where = "httpx over loopback" if wire else "in memory"
    ended = "token ended" if left < 0 else "5 minutes left"
    others = {name: count for name, count in found.items() if name.startswith("next call")}
    figures(
        f"{where}, {ended}",
        rounds=rounds,
        lost=found.get("lost", 0),
        locks=found.get("locks", 0),
        descriptors=found.get("descriptors", 0),
        swallowed=sum(count for end, count in ends.items() if end not in {"raised", "late"}),
        wrong=sum(others.values()),
        notes=", ".join(f"{end} {count:,}" for end, count in sorted((ends | others).items()))
        + f"; a refresh takes {1000 * result['seconds']:.1f} ms",
    )
