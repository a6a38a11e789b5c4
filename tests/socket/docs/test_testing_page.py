"""The tests in docs/testing.md pass, each in a separate project."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

import ssooidc_emulator
from ssooidc_emulator import pytest_plugin

ROOT: Final = Path(__file__).parents[3]
EXAMPLE: Final = ROOT / "examples" / "boto3_project_test"
DOCUMENT: Final = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
BLOCKS: Final[list[str]] = re.findall(r"^```python\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)


def test_they_pass(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    tool = EXAMPLE / "my_tool.py"
    (pytester.path / tool.name).write_text(tool.read_text(encoding="utf-8"), encoding="utf-8")
    for number, block in enumerate(BLOCKS):
        compile(block, f"block {number}", "exec")
        (pytester.path / f"test_block_{number}.py").write_text(block, encoding="utf-8")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=sum(block.count("def test_") for block in BLOCKS))


def test_every_fixture_is_in_the_table() -> None:

    rows: list[str] = re.findall(r"^\| `(identity_center\w*)` \|", DOCUMENT, re.MULTILINE)
    assert sorted(rows) == pytest_plugin.__all__


def test_every_type_in_the_table_has_an_import_path() -> None:
    rows: list[str] = re.findall(r"^\| `identity_center\w*` \| `(\w+)` \|", DOCUMENT, re.MULTILINE)
    assert len(rows) == len(pytest_plugin.__all__)
    (line,) = re.findall(r"`from ssooidc_emulator import ([\w, ]+)`", DOCUMENT)
    names = line.split(", ")
    assert names == sorted(set(rows))
    for name in names:
        assert getattr(ssooidc_emulator, name).__name__ == name


def test_one_is_the_example() -> None:
    """`test_example_boto3_project.py` runs it as a project."""
    example = (EXAMPLE / "test_my_tool.py").read_text(encoding="utf-8")
    assert BLOCKS.count(example) == 1
