"""Reading what a form or a query says."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs

__all__ = ["field_of"]

_MOST_FIELDS: Final = 10


def field_of(form: str, name: str) -> str | None:
    """Give the one value of a form's or query's field; fields that come twice count as absent."""
    try:
        values = parse_qs(form, max_num_fields=_MOST_FIELDS).get(name, [])
    except ValueError:
        return None
    return values[0] if len(values) == 1 else None
