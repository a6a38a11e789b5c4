"""Rules for every test: unlisted skips can fail, no test connects to other machines, examples are deterministic.

It also has the contents of the core, found in its modules, which tests compare with their own lists.
"""

import importlib
import inspect
import os
import pkgutil
import re
import tomllib
from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, get_args, get_type_hints

import pytest
import pytest_socket
from coverage import Coverage
from hypothesis import HealthCheck, settings
from pydantic import BaseModel

import ssooidc_core
from ssooidc_core import Operation
from ssooidc_core._model import Request, Response, Stored
from ssooidc_core.portal._requests import Page, PageRequest

TESTS = Path(__file__).parent
CASES = TESTS / "cases"
ALLOWED_SKIPS = TESTS / "allowed_skips.txt"

# For type checkers only; never executed.
collect_ignore = ["typing"]

# Two workers on a busy machine may be slow, which is not a failure of the code.
settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("fuzz", settings.get_profile("ci"), derandomize=False, max_examples=2000)
settings.load_profile(os.environ.get("SSOOIDC_HYPOTHESIS_PROFILE", "ci"))


def allows_skip(nodeid: str, reason: str) -> bool:
    """Return whether the reviewed list has this skip."""
    skip = f"{nodeid}: {reason}"
    for line in ALLOWED_SKIPS.read_text(encoding="utf-8").splitlines():
        pattern = ".*".join(map(re.escape, line.split("*")))
        if line and not line.startswith("#") and re.fullmatch(pattern, skip, re.DOTALL):
            return True
    return False


def refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip that is not on the list into a failure."""
    # pytest reports an expected failure as a skip.
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    if os.environ.get("SSOOIDC_NO_SKIPS") != "1":
        return
    where = report.longrepr
    reason = (where[2] if isinstance(where, tuple) else str(where)).removeprefix("Skipped: ")
    if not allows_skip(report.nodeid, reason):
        report.outcome = "failed"
        report.longrepr = (
            f"skipped under SSOOIDC_NO_SKIPS=1 and not in tests/{ALLOWED_SKIPS.name}: "
            f"{report.nodeid}: {reason}"
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Check the skips of tests."""
    report = yield
    refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Check the skips of whole modules: `importorskip`, `allow_module_level`."""
    report = yield
    refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure coverage only in the core's own tests.

    A line that only runs during a login over a socket is not really tested, and tracing all other tests takes a minute.
    """
    stopped: list[Coverage] = []
    if not item.path.is_relative_to(TESTS / "unit" / "core"):
        # pytest-cov's marker `no_cover` stops one, and in a worker of xdist there are two: the other would go on.
        while (running := Coverage.current()) is not None:
            running.stop()
            stopped.append(running)
    try:
        return (yield)
    finally:
        for each in reversed(stopped):
            each.start()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Forbid sockets; tests in `socket/` and `interop/`, or marked `enable_socket`, reach 127.0.0.1.

    Unix sockets are allowed, because event loops need a pair. `pytest_socket` undoes the restriction afterwards.
    """
    folder = item.path.relative_to(TESTS).parts[0]
    if folder in {"socket", "interop"} or item.get_closest_marker("enable_socket"):
        pytest_socket.socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)
    else:
        pytest_socket.disable_socket(allow_unix_socket=True)


@pytest.fixture(scope="session")
def case_tables() -> dict[str, Any]:
    """Return the tables of published cases, by the names of their files without `.toml`."""
    return {path.stem: tomllib.loads(path.read_text("utf-8")) for path in CASES.glob("*.toml")}


class SignedCase(NamedTuple):
    """A POST request, the headers that its signature adds, and the credentials and time of the signature."""

    url: str
    headers: dict[str, str]
    body: bytes
    added: dict[str, str]
    access_key_id: str
    secret_access_key: str
    session_token: str | None
    region: str
    service: str
    moment: datetime


@pytest.fixture(scope="session")
def signed_cases(case_tables: dict[str, Any]) -> list[SignedCase]:
    """Return the cases of `signatures.toml`."""
    table = case_tables["signatures"]
    found = []
    for place, body, with_token, signature in table["cases"]:
        region, url = table["places"][place]["region"], table["places"][place]["url"]
        signed, added = table["signed_headers"], {"X-Amz-Date": table["moment"]}
        if with_token:
            signed += ";x-amz-security-token"
            added["X-Amz-Security-Token"] = table["session_token"]
        scope = f"{table['moment'][:8]}/{region}/{table['service']}/aws4_request"
        added["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={table['access_key_id']}/{scope}, "
            f"SignedHeaders={signed}, Signature={signature}"
        )
        case = SignedCase(
            url,
            table["headers"],
            table["bodies"][body].encode(),
            added,
            table["access_key_id"],
            table["secret_access_key"],
            table["session_token"] if with_token else None,
            region,
            table["service"],
            datetime.strptime(table["moment"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC),
        )
        found.append(case)
    assert len(found) == 24
    return found


def public_of(module: ModuleType) -> Iterator[Any]:
    """Return the public names that a module defines."""
    for name, value in vars(module).items():
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__:
            yield value


@pytest.fixture(scope="session")
def core_contents() -> tuple[Any, ...]:
    """Return the public classes and functions of every module of the core."""
    names = [info.name for info in pkgutil.walk_packages(ssooidc_core.__path__, "ssooidc_core.")]
    modules = [importlib.import_module(name) for name in names]
    return tuple(value for module in modules for value in public_of(module))


@pytest.fixture(scope="session")
def every_request(core_contents: tuple[Any, ...]) -> frozenset[tuple[type, type]]:
    """Return each operation of the core with each kind of request that it takes."""
    found: set[tuple[type, type]] = set()
    for value in core_contents:
        if inspect.isclass(value) and issubclass(value, Operation) and value is not Operation:
            asked = get_type_hints(value)["request"]
            found |= {(value, kind) for kind in get_args(asked) or (asked,)}
    return frozenset(found)


@pytest.fixture(scope="session")
def every_model(core_contents: tuple[Any, ...]) -> frozenset[type[BaseModel]]:
    """Return each model of the core that is sent, received or stored."""
    bases = (Request, Response, Stored)
    shared = {*bases, PageRequest, Page}
    return frozenset(
        value
        for value in core_contents
        if inspect.isclass(value) and issubclass(value, bases) and value not in shared
    )


@pytest.fixture(scope="session")
def every_flow(core_contents: tuple[Any, ...]) -> frozenset[Callable[..., object]]:
    """Return each function of the core that is decorated with `@flow`."""
    return frozenset(
        value
        for value in core_contents
        if inspect.isfunction(value)
        and inspect.isgeneratorfunction(getattr(value, "__wrapped__", None))
    )
