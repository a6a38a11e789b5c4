"""No room for the new token: nothing is sent, or what was made is kept; with room again the session goes on."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.crash.conftest import Report, Start

PART: Final = "full disk"
SMALL: Final = "a small disk that is full"
# Calls of Python's `os`: a product that writes in another way does not meet them.
CALLS: Final = ("write", "fsync", "rename")
# A namespace of its own: only the child sees the disk, and it goes with the child.
MOUNTED: Final = (
    "unshare",
    "--map-root-user",
    "--mount",
    "sh",
    "-c",
    'mount -t tmpfs -o size=128k tmpfs "$0" && exec "$@"',
)


def can_mount(folder: Path) -> bool:
    """Return whether this user may mount a disk that only a child sees."""
    if shutil.which(MOUNTED[0]) is None:
        return False
    done = subprocess.run([*MOUNTED, folder, "true"], capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.parametrize("left", [-1, 300], ids=["token ended", "5 minutes left"])
@pytest.mark.parametrize("how", ["a limit of the kernel", SMALL, *CALLS])
def test_no_room(start: Start, figures: Report, home: Path, how: str, left: float) -> None:
    home.mkdir()
    case = f"{how}, {'token ended' if left < 0 else '5 minutes left'}"
    if how == SMALL and not can_mount(home):
        figures(case, rounds=0, notes="not possible for this user")
        return
    prefix = [*MOUNTED, str(home)] if how == SMALL else []
    result = start("full_disk.py", prefix=prefix, how=how, left=left).result()
    # What is renamed was written before the request; what cannot be renamed is kept in memory.
    asks = how == "rename" or (how in CALLS and not result["hit"])
    good = asks or left > 0
    wrong = [each for each in result["without"] if each != ("token" if good else "StoreError")]
    figures(
        case,
        rounds=1,
        lost=int("SessionExpired" in {result["then"], result["another"]}),
        locks=result["locks"],
        descriptors=result["descriptors"],
        requests=result["sent"],
        allowed=1 if asks else 0,
        wrong=len(wrong),
        notes=f"without room {_said(result['without'])}; then {result['then']}; another process {result['another']}"
        + ("" if result["hit"] or how not in CALLS else "; no such call was made"),
    )


def _said(outcomes: list[str]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in Counter(outcomes).items())
