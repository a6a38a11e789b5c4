"""A stateful local IAM Identity Center for tests and demos, in process or over HTTP on 127.0.0.1.

`IdentityCenter` is the service, as a state machine without I/O. `EmulatorTransport` and `AsyncEmulatorTransport` call
it in the same process; `EmulatorServer` serves it to any client (extra `emulator`). `ssooidc_emulator.faults` has
faults to script, `ssooidc_emulator.scene` reads scene files, and `ssooidc_emulator.pytest_plugin` has fixtures for
pytest. The emulator is not AWS: no AWS service accepts its tokens, and it must not be made reachable from a network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssooidc_emulator._clocks import Clock
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
    from ssooidc_emulator._in_process import AsyncEmulatorTransport, EmulatorTransport
    from ssooidc_emulator._oidc.sessions import ActiveSession
    from ssooidc_emulator._request_log import LoggedRequest
    from ssooidc_emulator._serving.client_environment import ClientEnvironment
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
    "ClientEnvironment",
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
    name: f"ssooidc_emulator.{module}"
    for module, names in {
        "_clocks": "Clock",
        "_directory": "AccessKey Account Application Directory TrustedTokenIssuer User",
        "_entropy": "Entropy seeded_entropy",
        "_identity_center": "IdentityCenter",
        "_in_process": "AsyncEmulatorTransport EmulatorTransport",
        "_oidc.sessions": "ActiveSession",
        "_request_log": "LoggedRequest",
        "_serving.client_environment": "ClientEnvironment",
        "_serving.server": "EmulatorServer",
        "_settings": "RefreshMode",
        "faults._wire": "BodyCut ConnectionReset Delayed WireFault",
    }.items()
    for name in names.split()
}

if not TYPE_CHECKING:  # With `__getattr__`, checkers would accept any name.

    def __getattr__(name: str) -> object:
        """Import a name at its first use, since pytest imports this package in every run, even if it is not used."""
        from importlib import import_module  # noqa: PLC0415 - only when a name is used

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

    def __dir__() -> list[str]:
        """Return the names of the module, including those that are not imported yet.

        Without the extra, `EmulatorServer` is left out: `help()` gets every name, and would fail.
        """
        from importlib.util import find_spec  # noqa: PLC0415 - only when it is called

        missing = {"EmulatorServer"} if find_spec("uvicorn") is None else set()
        return sorted({*globals(), *__all__} - missing)
