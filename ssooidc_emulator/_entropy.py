"""Where ids, codes and tokens come from: `entropy(n)` gives n random bytes."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final, TypeAlias

__all__ = ["REPEATED_ENTROPY", "Entropy", "seeded_entropy"]

Entropy: TypeAlias = Callable[[int], bytes]
"""Gives as many random bytes as it is asked for; `os.urandom` is one."""

REPEATED_ENTROPY: Final = "The entropy repeats itself: it must give other bytes each time"
"""What is wrong where nothing new comes out of it; looking on would take for ever."""


def seeded_entropy(seed: int | str) -> Entropy:
    """Give the same bytes again for the same seed, so that a test can expect exact ids. Not for secrets."""
    return random.Random(seed).randbytes  # noqa: S311 - reproducible on purpose
