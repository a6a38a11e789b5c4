"""A stateful local IAM Identity Center for tests and demos: in process, or over HTTP on 127.0.0.1.

`IdentityCenter` is the service as a state machine without I/O. `EmulatorTransport` and `AsyncEmulatorTransport` ask it
in the same process; `EmulatorServer` serves it to any client (extra `emulator`). Faults to script are in
`ssooidc_emulator.faults`, scene files in `ssooidc_emulator.scene`. It is not AWS, its tokens open nothing, and it must
not be put on a network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ssooidc_emulator.directory import (
    AccessKey,
    Account,
    Application,
    Directory,
    TrustedTokenIssuer,
    User,
)
from ssooidc_emulator.entropy import Entropy, seeded_entropy
from ssooidc_emulator.identity_center import IdentityCenter
from ssooidc_emulator.in_process import AsyncEmulatorTransport, Clock, EmulatorTransport
from ssooidc_emulator.request_log import LoggedRequest
from ssooidc_emulator.sessions import ActiveSession
from ssooidc_emulator.settings import RefreshMode
from ssooidc_emulator.wire_faults import BodyCut, ConnectionReset, Delayed, WireFault

if TYPE_CHECKING:
    from ssooidc_emulator.server import EmulatorServer

__all__ = [
    "AccessKey",
    "Account",
    "ActiveSession",
    "Application",
    "AsyncEmulatorTransport",
    "BodyCut",
    "Clock",
    "ConnectionReset",
    "Delayed",
    "Directory",
    "EmulatorServer",
    "EmulatorTransport",
    "Entropy",
    "IdentityCenter",
    "LoggedRequest",
    "RefreshMode",
    "TrustedTokenIssuer",
    "User",
    "WireFault",
    "seeded_entropy",
]


def __getattr__(name: str) -> object:
    """Import the server when it is asked for: in process, nobody needs uvicorn."""
    if name == "EmulatorServer":
        from ssooidc_emulator.server import EmulatorServer  # noqa: PLC0415

        return EmulatorServer
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
