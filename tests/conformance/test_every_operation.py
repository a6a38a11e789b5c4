"""The operations that these tests name are all that exist in the code."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conformance.conftest import Asked


def test_every_operation_is_asked(
    asked: dict[str, Asked], every_request: frozenset[tuple[type, type]]
) -> None:
    assert asked.keys() == {operation.__name__ for operation, _ in every_request}
    for name, each in asked.items():
        assert type(each.operation).__name__ == name
