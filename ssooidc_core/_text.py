"""Text from other sources, made safe for a terminal, a log or an error message."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["printable"]

# C0 and C1 controls, and characters that reorder or hide text (bidirectional controls, zero width, line separators,
# BOM): terminals obey them, and readers do not see them.
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]+"
)


def printable(text: str, *, limit: int) -> str:
    """Return `text` on one line, without control characters, cut to `limit` characters."""
    # Cut first, because the server decides how long `text` is.
    clean = " ".join(_UNPRINTABLE.sub(" ", text[: 2 * limit]).split())
    return clean if len(clean) <= limit and len(text) <= 2 * limit else f"{clean[: limit - 1]}…"
