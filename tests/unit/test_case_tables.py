"""The tables in `cases/`: each names its source and licence, and no row is a duplicate."""

import re
from pathlib import Path
from typing import Any

import pytest

CASES = Path(__file__).parents[1] / "cases"
NAMES = sorted(path.stem for path in CASES.glob("*.toml"))


def rows_of(value: object) -> list[list[dict[str, Any]]]:
    """Return each list of rows that have a name, at any depth."""
    below = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(below, list):
        return []
    found = [rows for each in below for rows in rows_of(each)]
    named = [row for row in below if isinstance(row, dict) and "name" in row]
    return [*found, named] if isinstance(value, list) and named else found


def test_the_readme_has_every_table() -> None:
    text = (CASES / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"`([a-z-]+)\.toml`", text.partition("| table |")[2])) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_table_names_its_sources_and_their_licence(
    name: str, case_tables: dict[str, Any]
) -> None:
    sources = case_tables[name]["sources"]
    assert sources
    for source in sources:
        assert source.keys() == {"repository", "version", "what", "licence"}
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", source["repository"])
        assert source["licence"] == "Apache-2.0"
        assert source["version"]
        assert source["what"]


@pytest.mark.parametrize("name", NAMES)
def test_the_names_of_a_table_differ(name: str, case_tables: dict[str, Any]) -> None:
    for rows in rows_of(case_tables[name]):
        names = [row["name"] for row in rows]
        assert sorted(set(names)) == sorted(names)
