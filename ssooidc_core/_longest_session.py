"""`LONGEST_SESSION`: an expiration that is farther away than this was written by a clock that was ahead."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

__all__ = ["LONGEST_SESSION"]

LONGEST_SESSION: Final = timedelta(days=90)
"""The longest session that IAM Identity Center allows; no token is valid for longer."""
