"""The custom store in docs/stores.md keeps the contract that it is shown with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[4] / "docs" / "stores.md"


def test_the_store_of_ones_own(pytester: pytest.Pytester) -> None:
    examples: list[str] = re.findall(
        r"^```python\n(.*?)^```", DOCS.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    # The other one needs a Redis: tests/interop/shared_redis tests it.
    (example,) = (text for text in examples if "class SqliteStore" in text)
    pytester.makepyfile(test_sqlite_store=example)
    result = pytester.runpytest_subprocess("-Werror", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=14)
