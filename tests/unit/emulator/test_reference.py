"""The tables of docs/emulator.md are complete."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from click import Group

from ssooidc_cli._commands import ssooidc
from ssooidc_emulator._serving.admin_verbs import VERBS
from ssooidc_emulator.faults._by_name import FAULT_KINDS
from ssooidc_emulator.faults._script import OperationName
from ssooidc_emulator.scene import load_scene


@pytest.fixture(scope="module")
def text() -> str:
    root = Path(__file__).parents[3]
    return (root / "docs" / "emulator.md").read_text(encoding="utf-8")


def table(text: str, heading: str) -> dict[str, str]:
    """Return the first and the second cells of the first table after a heading."""
    below = text.partition(f"\n{heading}\n")[2].partition("\n#")[0]
    rows = [line.strip("|").split("|") for line in below.splitlines() if line.startswith("| `")]
    return {row[0]: row[1] for row in rows}


def names(cell: str) -> list[str]:
    return re.findall(r"`([\w/]+)`", cell)


def test_every_verb_and_its_members(text: str) -> None:
    rows = table(text, "## The admin endpoint")
    told = {verb: cell for verbs, cell in rows.items() for verb in names(verbs)}
    assert list(told) == list(VERBS)
    for verb, cell in told.items():
        members = {name: bool(optional) for name, optional in re.findall(r"`(\w+)`(\?)?", cell)}
        # `null` and `number` explain the values of other rows.
        members = {name: each for name, each in members.items() if name not in {"null", "number"}}
        fields = VERBS[verb].model_fields
        assert members == {name: not field.is_required() for name, field in fields.items()}, verb


def test_every_fault(text: str) -> None:
    rows = table(text, "## Faults")
    assert [names(row)[0] for row in rows] == list(FAULT_KINDS)
    for (row, cell), allowed in zip(rows.items(), FAULT_KINDS.values(), strict=True):
        for name in set(names(cell)) - {"kind"}:
            assert name in allowed, row


def test_every_operation(text: str) -> None:
    told = text.partition("Operations: ")[2].partition(".")[0]
    assert names(told) == list(get_args(OperationName))


def test_faults_can_be_scripted_for_every_operation(
    every_request: frozenset[tuple[type, type]],
) -> None:
    assert set(get_args(OperationName)) == {operation.__name__ for operation, _ in every_request}


def test_every_option(text: str) -> None:
    assert isinstance(ssooidc, Group)
    options = {
        option
        for parameter in ssooidc.commands["emulator"].params
        for option in parameter.opts
        if option.startswith("--") and option != "--help"
    }
    told = table(text, "## The command")
    assert {re.findall(r"--[\w-]+", row)[0] for row in told} == options


def test_the_scene_is_one(text: str) -> None:
    center = load_scene(text.partition("```toml\n")[2].partition("```")[0]).center()
    assert center.region == "eu-central-1"
    assert center.directory.roles_of("jane", account_id="111122223333") == ("ReadOnly",)
