"""What goes wrong between the service and its client: answers that a shell must spoil on the way.

`IdentityCenter.handle` returns one of these where a script says so. The in-process transports and the HTTP server
carry them out; the state machine itself sleeps and closes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ssooidc_core._http import HttpResponse

__all__ = ["BodyCut", "ConnectionReset", "Delayed", "WireFault"]


@dataclass(frozen=True, slots=True)
class ConnectionReset:
    """Close the connection with a reset instead of answering."""


@dataclass(frozen=True, slots=True)
class BodyCut:
    """Send the head of the answer as it is, this many bytes of its body, and close the connection."""

    response: HttpResponse
    keep: int


@dataclass(frozen=True, slots=True)
class Delayed:
    """Wait this many seconds, then do `then`."""

    seconds: float
    then: HttpResponse | ConnectionReset | BodyCut


WireFault: TypeAlias = ConnectionReset | BodyCut | Delayed
