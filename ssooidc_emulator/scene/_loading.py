"""From the text of a scene file to instances of the emulator."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from typing import Final

from ssooidc_core.errors import ConfigurationError
from ssooidc_emulator._entropy import Entropy, seeded_entropy
from ssooidc_emulator._identity_center import IdentityCenter
from ssooidc_emulator.faults._by_name import fault_named
from ssooidc_emulator.faults._kinds import Fault
from ssooidc_emulator.faults._script import OperationName
from ssooidc_emulator.scene._directory import directory_of
from ssooidc_emulator.scene._tables import (
    FaultTable,
    SceneError,
    SceneTables,
    number_of,
    read_tables,
)

__all__ = ["Scene", "SceneError", "load_scene"]

# One long dotted key takes tomllib a time that grows with its square.
_LARGEST: Final = 128 * 1024


@dataclass(frozen=True, slots=True)
class _ScriptedFault:
    operation: OperationName | None
    fault: Fault
    times: int | None
    probability: float | None


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene that was read and found right; each center made of it begins anew."""

    _tables: SceneTables = field(repr=False)
    _faults: tuple[_ScriptedFault, ...] = field(repr=False)

    def center(self, *, entropy: Entropy = os.urandom) -> IdentityCenter:
        """Make an instance; `seeded_entropy(...)` makes runs repeatable."""
        settings = self._tables.instance.model_dump(exclude_none=True)
        center = IdentityCenter(**settings, directory=directory_of(self._tables), entropy=entropy)
        for line in self._faults:
            center.script(
                line.operation, line.fault, times=line.times, probability=line.probability
            )
        return center


def load_scene(text: str) -> Scene:
    """Read a scene; nothing but the text is looked at.

    Raises:
        SceneError: it is no TOML, or no scene; the text names the table and the key, and says what is allowed.
    """
    tables = read_tables(_document(text))
    faults = tuple(_fault(index, table) for index, table in enumerate(tables.faults))
    scene = Scene(tables, faults)
    # What a directory or a center refuses is to be known now.
    _ = directory_of(tables)
    try:
        _ = scene.center(entropy=seeded_entropy(0))
    except (ConfigurationError, ValueError) as error:
        problem = str(error)
    else:
        return scene
    message = f"[instance]: {problem}"
    raise SceneError(message)


def _document(text: str) -> dict[str, object]:
    if len(text) > _LARGEST:
        message = f"A scene has {_LARGEST} characters at most"
        raise SceneError(message)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # Names of keys and positions; the error itself holds the whole text from Python 3.14 on.
        problem = str(error)
    except (RecursionError, ValueError):
        problem = "nested too deeply, or a number or date that there is not"
    message = f"The scene is not TOML: {problem}"
    raise SceneError(message)


def _fault(index: int, table: FaultTable) -> _ScriptedFault:
    try:
        fault = fault_named(table.kind, table.parameters)
    except ValueError as error:
        problem = str(error)
    else:
        times = table.times
        if times is None:
            # Once, or with a probability from now on.
            times = 1 if table.probability is None else "all"
        return _ScriptedFault(
            table.operation, fault, None if times == "all" else times, table.probability
        )
    message = f"{number_of('faults', index)}: {problem}"
    raise SceneError(message)
