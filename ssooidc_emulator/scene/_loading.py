"""The reader of scene files, which makes instances of the emulator from them."""

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

__all__ = ["Scene", "load_scene"]

# The time that tomllib takes for one long dotted key grows with the square of its length.
_LARGEST: Final = 128 * 1024


@dataclass(frozen=True, slots=True)
class _ScriptedFault:
    operation: OperationName | None
    fault: Fault
    times: int | None
    probability: float | None


@dataclass(frozen=True, slots=True)
class Scene:
    """A valid scene; every center made from it starts in the same state."""

    _tables: SceneTables = field(repr=False)
    _faults: tuple[_ScriptedFault, ...] = field(repr=False)

    def center(self, *, entropy: Entropy = os.urandom) -> IdentityCenter:
        """Return a new instance; `seeded_entropy(...)` makes its ids and tokens repeatable."""
        settings = self._tables.instance.model_dump(exclude_unset=True)
        center = IdentityCenter(**settings, directory=directory_of(self._tables), entropy=entropy)
        for line in self._faults:
            center.script(
                line.operation, line.fault, times=line.times, probability=line.probability
            )
        return center


def load_scene(text: str) -> Scene:
    """Return the scene in a text; no files are read.

    Raises:
        SceneError: the text is not TOML or not a valid scene; the message names the table and the key, and says what
            is allowed.
    """
    tables = read_tables(_document(text))
    faults = tuple(_fault(index, table) for index, table in enumerate(tables.faults))
    scene = Scene(tables, faults)
    # Report errors now that only a directory or a center finds.
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
        message = f"A scene can have at most {_LARGEST} characters"
        raise SceneError(message)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # The message has only names of keys and positions. From Python 3.14 on, the error itself has the whole text.
        problem = str(error)
    except (RecursionError, ValueError):
        problem = "it is nested too deeply, or has an invalid number or date"
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
            # By default once, or with a probability for all calls.
            times = 1 if table.probability is None else "all"
        return _ScriptedFault(
            table.operation, fault, None if times == "all" else times, table.probability
        )
    message = f"{number_of('faults', index)}: {problem}"
    raise SceneError(message)
