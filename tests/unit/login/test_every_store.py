"""Every store of the library is tested with the store contract, blocking and in event loops."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import ssooidc_login.stores

ENDS = {"StoreContract": "load", "AsyncStoreContract": "aload"}


def stores_with(method: str) -> set[str]:
    """Return the names of the public classes with this method that are neither protocols nor base classes."""
    package = ssooidc_login.stores
    names = [info.name for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    return {
        name
        for module in map(importlib.import_module, names)
        for name, found in vars(module).items()
        if inspect.isclass(found)
        and found.__module__ == module.__name__
        and hasattr(found, method)
        and not name.startswith("_")
        and not getattr(found, "_is_protocol", False)
        and not inspect.isabstract(found)
    }


def put_through(contract: str) -> set[str]:
    """Return the names that the test classes for a contract use."""
    names: set[str] = set()
    for file in Path(__file__).parent.rglob("test_*contract*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and contract in map(ast.unparse, node.bases):
                names |= {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return names


@pytest.mark.parametrize(("contract", "method"), ENDS.items())
def test_every_store_keeps_the_contract(contract: str, method: str) -> None:
    stores = stores_with(method)
    assert "MemoryStore" in stores
    assert stores <= put_through(contract)
