"""Fixtures for pytest: an emulated IAM Identity Center in any project's tests, with no code for it.

pytest loads this by itself where `ssooidc-core` is installed; `-p no:ssooidc` switches it off. Each fixture is new for
each test, and a project changes any of them by defining one of the same name in its own `conftest.py`.

For programs that use boto3, the AWS CLI or another SDK: `identity_center_environment`. For programs that use
`ssooidc_core`: `identity_center_transport`. What the person at the page does, and what is to go wrong, is said to
`identity_center`; time is let pass with `identity_center_clock`.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

# The emulator is imported inside of the fixtures only: this module is loaded in every run of every project that has the
# package installed, and before a coverage measurement begins.
if TYPE_CHECKING:
    from ssooidc_emulator._identity_center import IdentityCenter
    from ssooidc_emulator._in_process import AsyncEmulatorTransport, Clock, EmulatorTransport
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
# botocore works these paths out when it is imported, from the home of that moment: HOME does not move them any more.
_BOTOCORE_PATHS: Final = (
    ("botocore.credentials", "SSOProvider", "_SSO_TOKEN_CACHE_DIR", ".aws/sso/cache"),
    ("botocore.tokens", "SSOTokenProvider", "_SSO_TOKEN_CACHE_DIR", ".aws/sso/cache"),
    ("botocore.loaders", "Loader", "CUSTOMER_DATA_PATH", ".aws/models"),
    ("botocore.utils", "JSONFileCache", "CACHE_DIR", ".aws/boto/cache"),
)


@pytest.fixture
def identity_center() -> IdentityCenter:
    """The emulated service, without clients, logins and sessions; `approve(user_code)` is what the person would do."""
    from ssooidc_emulator._identity_center import IdentityCenter  # noqa: PLC0415 - see above

    return IdentityCenter()


@pytest.fixture
def identity_center_clock() -> Clock:
    """The machine's time and what `advance(seconds)` added; sleeps of the two transports add to it and do not wait."""
    from ssooidc_emulator._clocks import AdjustableClock  # noqa: PLC0415 - see above

    return AdjustableClock()


@pytest.fixture
def identity_center_transport(
    identity_center: IdentityCenter, identity_center_clock: Clock
) -> EmulatorTransport:
    """What `ssooidc_core.run` takes, without a socket."""
    from ssooidc_emulator._in_process import EmulatorTransport  # noqa: PLC0415 - see above

    return EmulatorTransport(identity_center, clock=identity_center_clock)


@pytest.fixture
def identity_center_async_transport(
    identity_center: IdentityCenter, identity_center_clock: Clock
) -> AsyncEmulatorTransport:
    """What `ssooidc_core.arun` takes, without a socket."""
    from ssooidc_emulator._in_process import AsyncEmulatorTransport  # noqa: PLC0415 - see above

    return AsyncEmulatorTransport(identity_center, clock=identity_center_clock)


@pytest.fixture
def identity_center_server(
    identity_center: IdentityCenter, identity_center_clock: Clock
) -> Iterator[EmulatorServer]:
    """The service over HTTP on a free port of 127.0.0.1, for any client: `.url` says where."""
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
    """A home for clients of the server, below `tmp_path`, and the variables that go with it; nothing is set yet.

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
    """`os.environ` for the time of the test: no other `AWS_` variable is left, and boto3 asks the emulator only.

    The profiles of `identity_center_home` are there, `emulator` is the chosen one. boto3's default session is a new
    one. A session or client that was made before keeps what it was made with.
    """
    # Not the fixture `monkeypatch`: a test may undo that one in its midst.
    with pytest.MonkeyPatch.context() as patch:
        _move_botocore(patch, Path(identity_center_home.variables["HOME"]))
        for name in identity_center_home.unset(os.environ):
            patch.delenv(name, raising=False)
        for name, value in identity_center_home.variables.items():
            patch.setenv(name, value)
        yield identity_center_home


def _move_botocore(patch: pytest.MonkeyPatch, home: Path) -> None:
    """Have botocore keep its files below this home, and boto3 forget its default session."""
    if importlib.util.find_spec("botocore") is not None:
        for module_name, class_name, attribute, path in _BOTOCORE_PATHS:
            # Imported now where it was not before: later it would take the test's home for good.
            owner = getattr(importlib.import_module(module_name), class_name)
            # A botocore that works a path out later has no such attribute, and needs none.
            patch.setattr(owner, attribute, str(home / path), raising=False)
    if importlib.util.find_spec("boto3") is not None:
        patch.setattr(importlib.import_module("boto3"), "DEFAULT_SESSION", None)
