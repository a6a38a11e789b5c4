"""`FaultScript`: which calls of which operations fail, and how."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from ssooidc_emulator._entropy import Entropy
from ssooidc_emulator.faults._kinds import Fault

__all__ = ["FaultScript", "OperationName"]

OperationName: TypeAlias = Literal[
    "RegisterClient",
    "StartDeviceAuthorization",
    "CreateToken",
    "CreateTokenWithIAM",
    "GetRoleCredentials",
    "ListAccounts",
    "ListAccountRoles",
    "Logout",
]
"""An operation that faults can be scripted for."""

_OPERATIONS: Final = get_args(OperationName)
_DRAWN_BYTES: Final = 8


@dataclass(slots=True)
class _Line:
    operation: OperationName | None
    fault: Fault
    left: int | None
    probability: float


class FaultScript:
    """A list of faults, each applied to the next calls that it matches. Not locked."""

    def __init__(self, entropy: Entropy) -> None:
        """Start without faults; the entropy decides about faults with a probability."""
        self._entropy: Final = entropy
        self._lines: Final = deque[_Line]()

    def add(
        self,
        operation: OperationName | None,
        fault: Fault,
        times: int | None,
        probability: float | None = None,
    ) -> None:
        """Add a fault; see `IdentityCenter.script`.

        Raises:
            ValueError: there is no such operation, `times` is below 1, or the probability is not above 0 and at most 1.
        """
        if operation is not None and operation not in _OPERATIONS:
            message = f"There is no operation {operation!r}: use one of {', '.join(_OPERATIONS)}"
            raise ValueError(message)
        if times is not None and times < 1:
            message = "times must be at least 1, or None for all calls from now on"
            raise ValueError(message)
        if probability is not None and not 0 < probability <= 1:
            message = "probability must be above 0 and at most 1"
            raise ValueError(message)
        self._lines.append(_Line(operation, fault, times, probability or 1.0))

    def take(self, operation: OperationName) -> Fault | None:
        """Return the fault for this call, the first one that was added, or `None`."""
        for line in self._lines:
            if line.operation is not None and line.operation != operation:
                continue
            if not self._happens(line.probability):
                continue
            if line.left is not None:
                line.left -= 1
                if line.left == 0:
                    self._lines.remove(line)
            return line.fault
        return None

    def clear(self) -> None:
        """Remove all faults."""
        self._lines.clear()

    def _happens(self, probability: float) -> bool:
        if probability >= 1:
            return True
        drawn = int.from_bytes(self._entropy(_DRAWN_BYTES), "big")
        return drawn / (1 << 8 * _DRAWN_BYTES) < probability
