"""A stateful local IAM Identity Center for tests and demos: in process, or over HTTP on 127.0.0.1.

`IdentityCenter` is the service as a state machine without I/O. `EmulatorTransport` and `AsyncEmulatorTransport` ask it
in the same process; `EmulatorServer` serves it to any client (extra `emulator`). Faults to script are in
`ssooidc_emulator.faults`, scene files in `ssooidc_emulator.scene`, pytest's fixtures in
`ssooidc_emulator.pytest_plugin`. It is not AWS, its tokens open nothing, and it must not be put on a network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssooidc_emulator._directory import (
        AccessKey,
        Account,
        Application,
        Directory,
        TrustedTokenIssuer,
        User,
    )
    from ssooidc_emulator._entropy import Entropy, seeded_entropy
    from ssooidc_emulator._identity_center import IdentityCenter
    from ssooidc_emulator._in_process import AsyncEmulatorTransport, Clock, EmulatorTransport
    from ssooidc_emulator._oidc.sessions import ActiveSession
    from ssooidc_emulator._request_log import LoggedRequest
    from ssooidc_emulator._serving.server import EmulatorServer
    from ssooidc_emulator._settings import RefreshMode
    from ssooidc_emulator.faults._wire import BodyCut, ConnectionReset, Delayed, WireFault

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

_HOMES = {
    "AccessKey": "ssooidc_emulator._directory",
    "Account": "ssooidc_emulator._directory",
    "ActiveSession": "ssooidc_emulator._oidc.sessions",
    "Application": "ssooidc_emulator._directory",
    "AsyncEmulatorTransport": "ssooidc_emulator._in_process",
    "BodyCut": "ssooidc_emulator.faults._wire",
    "Clock": "ssooidc_emulator._in_process",
    "ConnectionReset": "ssooidc_emulator.faults._wire",
    "Delayed": "ssooidc_emulator.faults._wire",
    "Directory": "ssooidc_emulator._directory",
    "EmulatorServer": "ssooidc_emulator._serving.server",
    "EmulatorTransport": "ssooidc_emulator._in_process",
    "Entropy": "ssooidc_emulator._entropy",
    "IdentityCenter": "ssooidc_emulator._identity_center",
    "LoggedRequest": "ssooidc_emulator._request_log",
    "RefreshMode": "ssooidc_emulator._settings",
    "TrustedTokenIssuer": "ssooidc_emulator._directory",
    "User": "ssooidc_emulator._directory",
    "WireFault": "ssooidc_emulator.faults._wire",
    "seeded_entropy": "ssooidc_emulator._entropy",
}

if not TYPE_CHECKING:  # a checker that sees it takes any name for one of this module's

    def __getattr__(name: str) -> object:
        """Import what is asked for when it is: pytest imports this package in every run of every project around it."""
        from importlib import import_module  # noqa: PLC0415 - once a name

        if name not in _HOMES:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        try:
            module = import_module(_HOMES[name])
        except ModuleNotFoundError as missing:
            if missing.name is None or missing.name.startswith("ssooidc_"):
                raise
            message = f'{name} needs {missing.name}: pip install "ssooidc-core[emulator]"'
            raise ImportError(message, name=missing.name) from None
        value: object = getattr(module, name)
        globals()[name] = value
        return value
