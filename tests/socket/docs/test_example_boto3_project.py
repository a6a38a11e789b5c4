"""A project that uses only boto3 and pytest gets a login test with one dependency and ten lines."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

EXAMPLE = Path(__file__).parents[3] / "examples" / "boto3_project_test"
CANARY = "Zk9qX" + "v7wPd"
LEAKY = {
    "AWS_ACCESS_KEY_ID": f"AKIA{CANARY}",
    "AWS_SECRET_ACCESS_KEY": CANARY,
    "AWS_SESSION_TOKEN": CANARY,
    "AWS_PROFILE": CANARY,
    "AWS_CONFIG_FILE": f"/nonexistent/{CANARY}",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_ENDPOINT_URL_SSO_OIDC": "http://127.0.0.1:1",
    "AWS_CA_BUNDLE": f"/nonexistent/{CANARY}",
    "AWS_MADE_UP_TOMORROW": CANARY,
    "HTTP_PROXY": "http://127.0.0.1:1",
}
SNOOP = """
import os

import boto3


def test_what_a_program_sees(identity_center_environment, tmp_path):
    home = tmp_path / "identity-center-home"
    assert os.environ["HOME"] == str(home)
    seen = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    assert seen == {
        name: value
        for name, value in identity_center_environment.variables.items()
        if name.startswith("AWS_")
    }
    session = boto3.Session()
    assert session.profile_name == "emulator"
    assert "default" not in session.available_profiles
    print("canaries:", [name for name in os.environ if "Zk9qX" "v7wPd" in os.environ[name]])
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "project"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make a home directory with a login in it."""
    cache = tmp_path / "home" / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    for name in ("75e4d41276d8bd17f85fc6dc5e9a0bd7ab2e4ad4.json", "emulator.json"):
        (cache / name).write_text(f'{{"accessToken": "{CANARY}"}}', encoding="utf-8")
    (cache.parents[1] / "config").write_text("[default]\nregion = eu-west-1\n", encoding="utf-8")
    return tmp_path / "home"


def state(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in (folder, *folder.rglob("*"))
    }


def run_pytest(project: Path, home: Path) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), **LEAKY}
    command = [sys.executable, "-m", "pytest", "-rP", "-p", "no:cacheprovider"]
    done = subprocess.run(  # noqa: S603 - the example is this repository's
        command,
        cwd=project,
        env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_passes_and_leaves_its_users_home_alone(project: Path, home: Path) -> None:
    before = state(home)
    output = run_pytest(project, home)
    assert " 1 passed in " in output
    assert "Open http://127.0.0.1:" in output
    assert CANARY not in output
    assert state(home) == before


def test_nothing_of_the_outer_environment_leaks_in(project: Path, home: Path) -> None:
    (project / "test_my_tool.py").write_text(SNOOP, encoding="utf-8")
    output = run_pytest(project, home)
    assert " 1 passed in " in output
    assert "canaries: []\n" in output


def test_one_dependency_and_ten_lines_are_all_that_it_takes() -> None:
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))
    asked = project["project"]["dependencies"] + project["dependency-groups"]["test"]
    assert [Requirement(line).name for line in asked] == ["boto3", "pytest", "ssooidc-core"]
    lines = (EXAMPLE / "test_my_tool.py").read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line and not line.lstrip().startswith("#")]) <= 10
    assert "ssooidc" not in (EXAMPLE / "my_tool.py").read_text(encoding="utf-8")
