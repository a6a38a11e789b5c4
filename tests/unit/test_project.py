"""The project's tools: noxfile.py and tests/conftest.py."""

import ast
import asyncio
import importlib.util
import itertools
import os
import re
import socket
import stat
import sys
from pathlib import Path
from types import ModuleType

import pytest
import trio
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
RUNNING = f"3.{sys.version_info[1]}"


@pytest.fixture(scope="module")
def noxfile() -> ModuleType:
    spec = importlib.util.spec_from_file_location("noxfile", ROOT / "noxfile.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def command(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def is_this_python(found: str | None) -> bool:
    """Compare the folders and not the strings: `sys.executable` may be relative, or contain `..`."""
    mine = Path(sys.executable)
    return (
        found is not None
        and Path(found).name == mine.name
        and Path(found).parent.samefile(mine.parent)
    )


class TestLowest:
    def test_pins_each_requirement_to_its_lower_bound(self, noxfile: ModuleType) -> None:
        assert noxfile.lowest(["pydantic>=2.10", "click>=8.1,<9,!=8.1.5", "h11~=0.14"]) == [
            "pydantic==2.10",
            "click==8.1",
            "h11==0.14",
        ]

    def test_takes_the_higher_of_two_bounds(self, noxfile: ModuleType) -> None:
        assert noxfile.lowest(["httpx>=0.9", "httpx>=0.27", "httpx>=0.3"]) == ["httpx==0.27"]

    @pytest.mark.parametrize("requirement", ["httpx", "httpx<1", "httpx!=0.27"])
    def test_refuses_what_has_no_lower_bound(self, noxfile: ModuleType, requirement: str) -> None:
        with pytest.raises(ValueError, match="names no lowest version"):
            noxfile.lowest([requirement])

    def test_pins_what_this_project_asks_for(self, noxfile: ModuleType) -> None:
        project = noxfile.PYPROJECT["project"]
        extras = project["optional-dependencies"]
        asked = [*project["dependencies"], *itertools.chain(*extras.values())]
        pinned = [Requirement(line) for line in noxfile.lowest(asked)]
        assert {pin.name for pin in pinned} == {Requirement(line).name for line in asked}
        for pin in pinned:
            (exact,) = pin.specifier
            bounds = [Requirement(line) for line in asked if Requirement(line).name == pin.name]
            assert all(bound.specifier.contains(Version(exact.version)) for bound in bounds)


class TestFindPython:
    def test_takes_the_first_that_works(self, noxfile: ModuleType, tmp_path: Path) -> None:
        name = f"python{RUNNING}"
        command(tmp_path / "shims" / name, "echo no such version; exit 127")
        command(tmp_path / "real" / name, f'exec "{sys.executable}" "$@"')
        folders = [tmp_path / "nowhere", tmp_path / "shims", tmp_path / "real"]
        assert is_this_python(noxfile.find_python(RUNNING, folders, []))

    def test_looks_into_version_managers_folders(self, noxfile: ModuleType, tmp_path: Path) -> None:
        command(tmp_path / f"{RUNNING}.0/bin/python{RUNNING}", f'exec "{sys.executable}" "$@"')
        assert is_this_python(noxfile.find_python(RUNNING, [], [tmp_path]))

    @pytest.mark.parametrize(
        "answer",
        [
            "cpython 3.1 0 /bin/python",
            "pypy {version} 0 /bin/python",
            "cpython {version} 1 /bin/python",
            "",
        ],
        ids=["another version", "PyPy", "free-threaded", "no answer"],
    )
    def test_takes_no_other_kind(self, noxfile: ModuleType, tmp_path: Path, answer: str) -> None:
        path = command(tmp_path / f"python{RUNNING}", f"echo '{answer.format(version=RUNNING)}'")
        assert noxfile.working_python(path, RUNNING) is None

    def test_knows_where_version_managers_keep_them(
        self, noxfile: ModuleType, tmp_path: Path
    ) -> None:
        folders = noxfile.managed_folders({"PYENV_ROOT": "/pyenv"}, tmp_path)
        assert Path("/pyenv/versions") in folders
        assert tmp_path / ".asdf/installs/python" in folders
        assert tmp_path / ".local/share/uv/python" in folders
        assert tmp_path / ".local/share/mise/installs/python" in folders

    def test_every_python_is_tested_or_named(self, noxfile: ModuleType) -> None:
        others = [f"tests-{version}" for version in noxfile.VERSIONS if version != RUNNING]
        assert [*others, "tests-lowest"] == noxfile.OTHER_TESTS
        run = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
        assert re.search(r"^python3 noxfile\.py -t others$", run, re.MULTILINE)


def test_an_older_python_can_read_the_noxfile_to_the_message() -> None:
    ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"), feature_version=(3, 6))


def test_ci_runs_the_command_of_the_readme() -> None:
    run = ROOT / ".ci" / "run"
    assert os.access(run, os.X_OK)
    command = r"^ *python3 noxfile\.py -s tests$"
    assert re.search(command, run.read_text(encoding="utf-8"), re.MULTILINE)
    assert "python3 noxfile.py -s tests" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_hooks_run_the_versions_of_the_lint_session(noxfile: ModuleType) -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    listed = re.findall(r'additional_dependencies: \["(.+)"\]', hooks)
    assert len(listed) == hooks.count("- id: ")
    assert set(listed) == set(noxfile.groups("lint"))


SKIPS = """
import pytest

def test_skips():
    pytest.skip("no browser here")

@pytest.mark.skip(reason="allowed for once")
def test_listed():
    pass

@pytest.mark.xfail(reason="known")
def test_expected():
    assert False

def test_passes():
    pass
"""


class TestNoSkips:
    @pytest.fixture(autouse=True)
    def project(self, pytester: pytest.Pytester) -> None:
        tests = pytester.mkdir("tests")
        source = (ROOT / "tests" / "conftest.py").read_text(encoding="utf-8")
        (tests / "conftest.py").write_text(source, encoding="utf-8")
        (tests / "allowed_skips.txt").write_text(
            "# why\ntests/test_some.py::test_listed: allowed * once\n", encoding="utf-8"
        )
        (tests / "test_some.py").write_text(SKIPS, encoding="utf-8")
        pytester.makepyprojecttoml("[tool.pytest]\ntestpaths = ['tests']\n")

    @pytest.mark.parametrize("workers", [(), ("-n1",)], ids=["serial", "xdist"])
    def test_fails_each_skip_that_is_not_listed(
        self,
        pytester: pytest.Pytester,
        monkeypatch: pytest.MonkeyPatch,
        workers: tuple[str, ...],
    ) -> None:
        monkeypatch.setenv("SSOOIDC_NO_SKIPS", "1")
        result = pytester.runpytest_subprocess(*workers)
        result.assert_outcomes(passed=1, failed=1, skipped=1, xfailed=1)
        result.stdout.fnmatch_lines(
            ["*not in tests/allowed_skips.txt: *test_skips: no browser here*"]
        )

    def test_fails_a_module_that_skips_itself(
        self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSOOIDC_NO_SKIPS", "1")
        (pytester.path / "tests" / "test_more.py").write_text(
            "import pytest\npytest.importorskip('no_such_module')\n", encoding="utf-8"
        )
        result = pytester.runpytest_subprocess("tests/test_more.py")
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines(["*not in tests/allowed_skips.txt: tests/test_more.py: *"])

    def test_lets_a_contributor_skip(
        self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("SSOOIDC_NO_SKIPS", raising=False)
        result = pytester.runpytest_subprocess()
        result.assert_outcomes(passed=1, skipped=2, xfailed=1)


class TestSockets:
    def test_event_loops_run_without_them(self) -> None:
        async def answer() -> int:
            return 42

        assert asyncio.run(answer()) == 42
        assert trio.run(answer) == 42

    @pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
    def test_none_is_made(self, family: socket.AddressFamily) -> None:
        with pytest.raises((RuntimeError, UserWarning), match="tried to use socket"):
            socket.socket(family)
        with pytest.raises((RuntimeError, UserWarning), match="getaddrinfo"):
            socket.getaddrinfo("localhost", 80)

    @pytest.mark.enable_socket
    def test_the_marker_opens_the_way_to_this_machine_only(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname()).close()
        with pytest.raises((RuntimeError, UserWarning), match=r'with host "192\.0\.2\.1"'):
            socket.create_connection(("192.0.2.1", 80), timeout=1)
