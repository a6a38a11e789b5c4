"""The source of ids, codes and tokens: `entropy(n)` returns n random bytes."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final, TypeAlias

__all__ = ["REPEATED_ENTROPY", "Entropy", "seeded_entropy"]

Entropy: TypeAlias = Callable[[int], bytes]
"""A function that returns as many random bytes as it is asked for, such as `os.urandom`."""

REPEATED_ENTROPY: Final = "The entropy repeats itself: it must return other bytes each time"
"""The error message for entropy that keeps returning ids which are already taken."""


def seeded_entropy(seed: int | str) -> Entropy:
    """Return entropy that yields the same bytes for the same seed, so that a test can expect exact ids.

    It is predictable and must not be used for real secrets.
    """
    return random.Random(seed).randbytes  # noqa: S311 - reproducible on purpose
