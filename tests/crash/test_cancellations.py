"""A task that is cancelled at any step of a refresh: the session stays, and nothing stays locked or open."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.crash.conftest import Report, Start

PART: Final = "cancellations"
# Besides every step, twice.
AT_RANDOM: Final = max(10, int(os.environ.get("SSOOIDC_CRASH_ROUNDS", "20")) // 8)


@pytest.mark.timeout(300 + 2 * AT_RANDOM)
@pytest.mark.parametrize("transport", ["its own transport", "a given client", "a given emulator"])
@pytest.mark.parametrize("library", ["asyncio", "trio"])
def test_cancelled_at_every_step(
    start: Start, figures: Report, library: str, transport: str
) -> None:
    child = start("cancelled.py", library=library, transport=transport, rounds=AT_RANDOM)
    result = child.result()
    found, ends = result["found"], result["ends"]
    others = {name: count for name, count in found.items() if name.startswith("next call")}
    at_steps = result["at_steps"].get("lost", 0)
    figures(
        f"{library}, {transport}",
        rounds=sum(ends.values()),
        lost=found.get("lost", 0),
        locks=found.get("locks", 0),
        descriptors=found.get("descriptors", 0),
        wrong=sum(others.values()),
        notes=f"{at_steps} of them at {result['steps']} steps, each tried twice; "
        + ", ".join(f"{end} {count}" for end, count in sorted((ends | others).items())),
    )
