"""The core performs no I/O: what it imports, and that it reads no file, environment, clock or entropy by itself."""

from __future__ import annotations

import ast
import json
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ssooidc_core

PACKAGE = Path(ssooidc_core.__file__).parent
MODULES = sorted(
    info.name for info in pkgutil.walk_packages(ssooidc_core.__path__, prefix="ssooidc_core.")
)
FILES = sorted(PACKAGE.rglob("*.py"))

# Top-level modules that do I/O, read clocks, start processes, or are packages of ours above the core.
FORBIDDEN = (
    "ssl",
    "_ssl",
    "socket",
    "_socket",
    "selectors",
    "http",
    "asyncio",
    "trio",
    "anyio",
    "httpx",
    "httpcore",
    "urllib.request",
    "subprocess",
    "uuid",
    "logging",
    "tenacity",
    "ssooidc_transports",
    "ssooidc_emulator",
    "ssooidc_login",
)
PYDANTIC_ALONE = """
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SecretStr, ValidationError
from pydantic.alias_generators import to_camel
class Model(BaseModel, frozen=True, alias_generator=to_camel):
    secret: SecretStr = SecretStr("s")
Model.model_validate_json("{}").model_dump_json()
"""
RUN = """
from datetime import UTC, datetime
from ssooidc_core import ClientConfig, HttpResponse, Instant, RegisterClientRequest, register_client, run
class Transport:
    config = ClientConfig(region="us-east-1")
    @property
    def retry_policy(self):
        raise AssertionError("asked for a policy")
    def send(self, request):
        return HttpResponse(200, {}, b'{"clientId":"i","clientSecret":"s"}')
    def sleep(self, seconds):
        raise AssertionError("slept")
    def now(self):
        return Instant(datetime(2026, 1, 1, tzinfo=UTC), 0.0)
request = RegisterClientRequest(client_name="n", client_type="public")
assert run(register_client(request), Transport()).client_id == "i"
"""


def loaded_by(code: str) -> set[str]:
    """Return the names in `sys.modules` of a new isolated interpreter after it ran this code."""
    # In isolated mode PYTHONPATH is ignored, so the package under test, in a checkout or installed, is added.
    whole = (
        f"import sys\nsys.path.insert(0, {str(PACKAGE.parent)!r})\n{code}\n"
        "import json\nprint(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter and our own code
        [sys.executable, "-I", "-c", whole], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    return set(json.loads(done.stdout))


def forbidden_in(modules: set[str]) -> set[str]:
    return {
        name
        for name in modules
        if any(name == root or name.startswith(f"{root}.") for root in FORBIDDEN)
    }


@pytest.fixture(scope="module")
def baseline() -> set[str]:
    return loaded_by(PYDANTIC_ALONE)


def test_importing_the_package_loads_nothing_that_performs_io(baseline: set[str]) -> None:
    """Only pydantic's own imports."""
    loaded = loaded_by("import ssooidc_core")
    assert "ssooidc_core._operations.create_token" in loaded
    assert forbidden_in(loaded - baseline) == set()


def test_importing_every_module_but_the_policies_does_not_load_tenacity(
    baseline: set[str],
) -> None:
    """Importing it takes as long as a whole call."""
    others = [name for name in MODULES if name != "ssooidc_core.policies"]
    assert len(others) > 20
    loaded = loaded_by("\n".join(f"import {name}" for name in others))
    assert set(others) <= loaded
    assert forbidden_in(loaded - baseline) == set()


def test_the_policies_are_what_loads_tenacity() -> None:
    assert "tenacity" in loaded_by("import ssooidc_core.policies")


def test_a_run_that_succeeds_does_not_load_tenacity(baseline: set[str]) -> None:
    loaded = loaded_by(RUN)
    assert "ssooidc_core._driver" in loaded
    assert "ssooidc_core.policies" not in loaded
    assert forbidden_in(loaded - baseline) == set()


# Names that do I/O; `random` and `secrets` may be imported, and their uses are checked one by one.
IMPURE_MODULES = frozenset(
    {
        "asyncio",
        "ctypes",
        "getpass",
        "glob",
        "http",
        "importlib",
        "io",
        "locale",
        "logging",
        "multiprocessing",
        "os",
        "pathlib",
        "platform",
        "shutil",
        "signal",
        "socket",
        "ssl",
        "subprocess",
        "tempfile",
        "time",
        "uuid",
        "warnings",
        "webbrowser",
    }
)
IMPURE_CALLS = frozenset(
    {"__import__", "breakpoint", "compile", "eval", "exec", "input", "open", "print"}
)
ENTROPY = frozenset({"random", "secrets"})
CLOCKS = frozenset({"now", "utcnow", "today"})


def impurities(tree: ast.AST) -> Iterator[str]:
    """Return the places in a module's syntax tree that do I/O."""
    excused = set(entropy_defaults(tree))
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (each.name for each in names if root(each.name) in IMPURE_MODULES)
            case ast.ImportFrom(module=str(module)) if root(module) in IMPURE_MODULES | ENTROPY:
                yield module
            case ast.Call(func=ast.Name(id=name)) if name in IMPURE_CALLS:
                yield name
            case ast.Attribute(value=ast.Name(id="datetime" | "date"), attr=attr) if attr in CLOCKS:
                yield f"datetime.{attr}"
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if (
                name in ENTROPY and node not in excused
            ):
                yield f"{name}.{attr}"
            case _:
                pass


def root(module: str) -> str:
    return "urllib.request" if module == "urllib.request" else module.partition(".")[0]


def entropy_defaults(tree: ast.AST) -> Iterator[ast.AST]:
    """Return nodes that only give an argument its default: `def f(x=random.random)` and `x or random.y()`."""
    for function in ast.walk(tree):
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        arguments = function.args
        names = {each.arg for each in (*arguments.args, *arguments.kwonlyargs)}
        defaults = [each for each in (*arguments.defaults, *arguments.kw_defaults) if each]
        for node in ast.walk(function):
            match node:
                case ast.BoolOp(op=ast.Or(), values=[ast.Name(id=name), fallback]) if name in names:
                    defaults.append(fallback)
                case _:
                    pass
        for default in defaults:
            yield from ast.walk(default)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_of_the_core_reaches_for_the_world(path: Path) -> None:
    """Entropy is an argument with a default; time, files, environment and network come from a transport."""
    assert list(impurities(ast.parse(path.read_text("utf-8")))) == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import os\nos.environ['HOME']", ["os"]),
        ("from os import environ", ["os"]),
        ("import os.path", ["os.path"]),
        ("from time import time", ["time"]),
        ("open('f')", ["open"]),
        ("datetime.now(UTC)", ["datetime.now"]),
        ("import random\nx = random.random()", ["random.random"]),
        ("from random import random", ["random"]),
        ("def f(x=random.random): return x()", []),
        ("def f(*, x=None): return x or random.random()", []),
        ("def f(x): return y or random.random()", ["random.random"]),
        ("transport.now()", []),
    ],
)
def test_the_check_finds_what_it_looks_for(code: str, found: list[str]) -> None:
    assert list(impurities(ast.parse(code))) == found


def test_every_file_of_the_core_is_checked() -> None:
    names = {str(path.relative_to(PACKAGE)) for path in FILES}
    assert {
        "__init__.py",
        "_driver.py",
        "_operations/create_token.py",
        "portal/_logout.py",
    } <= names
    assert len(FILES) >= len(MODULES)
