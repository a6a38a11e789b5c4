"""Fixtures for pytest: an emulated IAM Identity Center for the tests of any project.

pytest loads this plugin by itself if `ssooidc-core` is installed; `-p no:ssooidc` switches it off. Every test gets new
fixtures. A project can replace a fixture by defining one of the same name in its own `conftest.py`.

Programs that use boto3, the AWS CLI or another SDK are tested with `identity_center_environment`, programs that use
`ssooidc_core` with `identity_center_transport`. A test calls methods of `identity_center` to approve logins and to
script faults, and advances the time with `identity_center_clock`.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

# The emulator is imported in the fixtures only: pytest loads this module in every run of every project that installs
# the package, and before coverage is measured.
if TYPE_CHECKING:
    from ssooidc_emulator._clocks import Clock
    from ssooidc_emulator._identity_center import IdentityCenter
    from ssooidc_emulator._in_process import AsyncEmulatorTransport, EmulatorTransport
    from ssooidc_emulator._serving.client_environment import ClientEnvironment
    from ssooidc_emulator._serving.server import EmulatorServer

__all__ = [
    "identity_center",
    "identity_center_async_transport",
    "identity_center_clock",
    "identity_center_environment",
    "identity_center_home",
    "identity_center_server",
    "identity_center_transport",
]

_HOME: Final = "identity-center-home"
# botocore determines these paths when it is imported; a later change of HOME does not affect them.
_BOTOCORE_PATHS: Final = (
    ("botocore.credentials", "SSOProvider", "_SSO_TOKEN_CACHE_DIR", ".aws/sso/cache"),
    ("botocore.tokens", "SSOTokenProvider", "_SSO_TOKEN_CACHE_DIR", ".aws/sso/cache"),
    ("botocore.loaders", "Loader", "CUSTOMER_DATA_PATH", ".aws/models"),
    ("botocore.utils", "JSONFileCache", "CACHE_DIR", ".aws/boto/cache"),
)


@pytest.fixture
def identity_center() -> IdentityCenter:
    """Return the emulated service, without clients, logins and sessions; `approve(user_code)` acts for the person."""
    from ssooidc_emulator._identity_center import IdentityCenter  # noqa: PLC0415 - see above

    return IdentityCenter()


@pytest.fixture
def identity_center_clock() -> Clock:
    """Return a clock with the machine's time, moved with `advance(seconds)`; the transports advance it to wait."""
    from ssooidc_emulator._clocks import AdjustableClock  # noqa: PLC0415 - see above

    return AdjustableClock()


@pytest.fixture
def identity_center_transport(
    identity_center: IdentityCenter, identity_center_clock: Clock
) -> EmulatorTransport:
    """Return a transport for `ssooidc_core.run`, without a socket."""
    from ssooidc_emulator._in_process import EmulatorTransport  # noqa: PLC0415 - see above

    return EmulatorTransport(identity_center, clock=identity_center_clock)


@pytest.fixture
def identity_center_async_transport(
    identity_center: IdentityCenter, identity_center_clock: Clock
) -> AsyncEmulatorTransport:
    """Return a transport for `ssooidc_core.arun`, without a socket."""
    from ssooidc_emulator._in_process import AsyncEmulatorTransport  # noqa: PLC0415 - see above

    return AsyncEmulatorTransport(identity_center, clock=identity_center_clock)


@pytest.fixture
def identity_center_server(
    identity_center: IdentityCenter, identity_center_clock: Clock
) -> Iterator[EmulatorServer]:
    """Serve the emulator over HTTP on a free port of 127.0.0.1, for any client; the address is `.url`."""
    try:
        from ssooidc_emulator._serving.server import EmulatorServer  # noqa: PLC0415 - see above
    except ModuleNotFoundError as missing:
        pytest.fail(
            f"{missing.name} is missing: pip install 'ssooidc-core[emulator]'", pytrace=False
        )
    with EmulatorServer(identity_center, clock=identity_center_clock) as server:
        yield server


@pytest.fixture
def identity_center_home(
    identity_center_server: EmulatorServer, tmp_path: Path
) -> ClientEnvironment:
    """Return a home for clients of the server, below `tmp_path`, and its environment variables, without setting them.

    For child processes: `subprocess.run(..., env=identity_center_home.over(os.environ))`.
    """
    from ssooidc_emulator._serving.client_environment import client_environment  # noqa: PLC0415 - see above

    home = tmp_path / _HOME
    home.mkdir(mode=0o700)
    environment = client_environment(identity_center_server, home)
    environment.write()
    return environment


@pytest.fixture
def identity_center_environment(
    identity_center_home: ClientEnvironment,
) -> Iterator[ClientEnvironment]:
    """Set environment variables during the test, so that boto3 and the AWS tools use only the emulator.

    All other variables that begin with `AWS_` are unset. The profiles of `identity_center_home` exist, and `emulator`
    is selected. boto3 has a new default session; a session or client that was created earlier is not affected.
    """
    # Not the fixture `monkeypatch`, since a test may call its `undo`.
    with pytest.MonkeyPatch.context() as patch:
        _move_botocore(patch, Path(identity_center_home.variables["HOME"]))
        for name in identity_center_home.unset(os.environ):
            patch.delenv(name, raising=False)
        for name, value in identity_center_home.variables.items():
            patch.setenv(name, value)
        yield identity_center_home


def _move_botocore(patch: pytest.MonkeyPatch, home: Path) -> None:
    """Make botocore keep its files below this home, and reset boto3's default session."""
    if importlib.util.find_spec("botocore") is not None:
        for module_name, class_name, attribute, path in _BOTOCORE_PATHS:
            # Imported now: if it were first imported during the test, it would keep the test's home afterwards.
            owner = getattr(importlib.import_module(module_name), class_name)
            # A version of botocore that determines a path later has no such attribute and needs no change.
            patch.setattr(owner, attribute, str(home / path), raising=False)
    if importlib.util.find_spec("boto3") is not None:
        patch.setattr(importlib.import_module("boto3"), "DEFAULT_SESSION", None)
