"""What holds for every test: no skip passes unseen, no test leaves this machine, examples are the same each time."""

import gc
import os
import re
from collections.abc import Generator
from pathlib import Path

import pytest
import pytest_socket
from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parent
ALLOWED_SKIPS = TESTS / "allowed_skips.txt"

# For type checkers only, never run.
collect_ignore = ["typing"]

# Two workers on a busy machine are slow at times; that says nothing about the code.
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
    """Say whether the reviewed list has this skip."""
    skip = f"{nodeid}: {reason}"
    for line in ALLOWED_SKIPS.read_text(encoding="utf-8").splitlines():
        pattern = ".*".join(map(re.escape, line.split("*")))
        if line and not line.startswith("#") and re.fullmatch(pattern, skip, re.DOTALL):
            return True
    return False


def refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip that is not on the list into a failure."""
    # An expected failure is reported as a skip as well, and is not one.
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
    """See the skips of tests."""
    report = yield
    refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """See the skips of whole modules: `importorskip`, `allow_module_level`."""
    report = yield
    refuse_skip(report)
    return report


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let the coverage come from the tests of the core and of its flows alone.

    A line that a login over a socket happens to run is not tested by it; and to trace all other tests takes a minute.
    """
    if item.path.relative_to(TESTS).parts[:2] not in {("unit", "core"), ("unit", "flows")}:
        item.add_marker("no_cover")


def pytest_collection_finish() -> None:
    """Take all that was imported out of the collector's sight: tests that collect need not walk through it."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Forbid sockets; tests in `socket/` and `interop/`, or marked `enable_socket`, reach 127.0.0.1.

    Unix sockets stay: an event loop wakes itself with a pair of them. `pytest_socket` lifts the ban after each test.
    """
    folder = item.path.relative_to(TESTS).parts[0]
    if folder in {"socket", "interop"} or item.get_closest_marker("enable_socket"):
        pytest_socket.socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)
    else:
        pytest_socket.disable_socket(allow_unix_socket=True)


@pytest.fixture(scope="session")
def vectors() -> Path:
    """Give the folder of case files that nobody of this project wrote."""
    named = os.environ.get("SSOOIDC_VECTORS")
    folder = (TESTS.parent / (named or "../shared/vectors")).resolve()
    if not folder.is_dir():
        message = f"no case files at {folder}: SSOOIDC_VECTORS names their folder, from the repository's root"
        if named:
            pytest.fail(message)
        pytest.skip(message)
    return folder
