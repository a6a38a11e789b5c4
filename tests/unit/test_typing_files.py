"""The files in `tests/typing/` cover every operation, grant and flow of the code.

Those files are never executed, so the names in their text are compared here.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

TYPING: Final = Path(__file__).parents[1] / "typing"


def tree_of(file: str) -> ast.Module:
    return ast.parse((TYPING / file).read_text(encoding="utf-8"))


def name_of(node: ast.expr) -> str:
    """Return `logout` for both `logout` and `portal.logout`."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def first_arguments(tree: ast.Module, function: str) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and name_of(node.func) == function:
            yield node.args[0]


def called_in(tree: ast.Module, function: str) -> set[str]:
    """Return the functions whose result is the first argument of calls of this function."""
    given = first_arguments(tree, function)
    return {name_of(each.func) for each in given if isinstance(each, ast.Call)}


@pytest.fixture(scope="module")
def builders(
    core_contents: tuple[Any, ...], every_request: frozenset[tuple[type, type]]
) -> dict[str, type]:
    """Return the functions that make an operation, each with the operation's class."""
    operations = {operation.__name__: operation for operation, _ in every_request}
    functions = [value for value in core_contents if inspect.isfunction(value)]
    # As written in the source: some modules import names of annotations only for type checkers.
    made = {value.__name__: value.__annotations__.get("return") for value in functions}
    return {name: operations[kind] for name, kind in made.items() if kind in operations}


def test_every_operation_has_its_builder(
    builders: dict[str, type], every_request: frozenset[tuple[type, type]]
) -> None:
    assert set(builders.values()) == {operation for operation, _ in every_request}


def test_every_operation_is_matched_to_its_end(builders: dict[str, type]) -> None:
    assert called_in(tree_of("check_attempts.py"), "attempt") == builders.keys()


def test_every_operation_and_request_is_typed(
    builders: dict[str, type], every_request: frozenset[tuple[type, type]]
) -> None:
    tree = tree_of("check_builders.py")
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert {name_of(call.func) for call in calls} >= builders.keys()
    typed = {name_of(call.args[1]) for call in calls if name_of(call.func) == "assert_type"}
    assert typed >= {operation.__name__ for operation, _ in every_request}
    made = {name_of(call.func) for call in calls}
    made |= {name_of(call.func.value) for call in calls if isinstance(call.func, ast.Attribute)}
    assert made >= {request.__name__ for _, request in every_request}


def test_every_flow_is_typed(every_flow: frozenset[Callable[..., object]]) -> None:
    tree = tree_of("check_flows.py")
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert names >= {flow.__name__ for flow in every_flow}
