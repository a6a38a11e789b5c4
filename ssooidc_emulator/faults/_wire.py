"""Failures of the connection between the service and its client.

`IdentityCenter.handle` returns one of these for a scripted fault. The in-process transports and the HTTP server carry
them out; the state machine itself never sleeps or closes a connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ssooidc_core._http import HttpResponse

__all__ = ["BodyCut", "ConnectionReset", "Delayed", "WireFault"]


@dataclass(frozen=True, slots=True)
class ConnectionReset:
    """Reset the connection instead of answering."""


@dataclass(frozen=True, slots=True)
class BodyCut:
    """Send the head of the answer unchanged, then `keep` bytes of its body, and close the connection."""

    response: HttpResponse
    keep: int


@dataclass(frozen=True, slots=True)
class Delayed:
    """Wait this many seconds, then carry out `then`."""

    seconds: float
    then: HttpResponse | ConnectionReset | BodyCut


WireFault: TypeAlias = ConnectionReset | BodyCut | Delayed
