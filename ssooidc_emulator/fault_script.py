"""`FaultScript`: which calls of which operation go wrong, and how."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from ssooidc_emulator.faults import Fault

__all__ = ["FaultScript", "OperationName"]

OperationName: TypeAlias = Literal["RegisterClient", "StartDeviceAuthorization", "CreateToken"]
"""An operation that faults can be scripted for."""

_OPERATIONS: Final = get_args(OperationName)


@dataclass(slots=True)
class _Line:
    operation: OperationName | None
    fault: Fault
    left: int | None


class FaultScript:
    """A list of faults, each used up by the next calls it fits. Not locked."""

    def __init__(self) -> None:
        """Start with none."""
        self._lines: Final = deque[_Line]()

    def add(self, operation: OperationName | None, fault: Fault, times: int | None) -> None:
        """Add one; see `IdentityCenter.script`.

        Raises:
            ValueError: there is no such operation, or `times` is below 1.
        """
        if operation is not None and operation not in _OPERATIONS:
            message = f"No operation {operation!r}: use one of {', '.join(_OPERATIONS)}"
            raise ValueError(message)
        if times is not None and times < 1:
            message = "times must be at least 1, or None for all calls from now on"
            raise ValueError(message)
        self._lines.append(_Line(operation, fault, times))

    def take(self, operation: OperationName) -> Fault | None:
        """Give the fault of this call, the first added first."""
        for line in self._lines:
            if line.operation is not None and line.operation != operation:
                continue
            if line.left is not None:
                line.left -= 1
                if line.left == 0:
                    self._lines.remove(line)
            return line.fault
        return None

    def clear(self) -> None:
        """Let everything go right from now on."""
        self._lines.clear()
