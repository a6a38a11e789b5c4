"""Where ids, codes and tokens come from: `entropy(n)` gives n random bytes."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeAlias

__all__ = ["Entropy", "seeded_entropy"]

Entropy: TypeAlias = Callable[[int], bytes]
"""Gives as many random bytes as it is asked for; `os.urandom` is one."""


def seeded_entropy(seed: int | str) -> Entropy:
    """Give the same bytes again for the same seed, so that a test can expect exact ids. Not for secrets."""
    return random.Random(seed).randbytes  # noqa: S311 - reproducible on purpose
