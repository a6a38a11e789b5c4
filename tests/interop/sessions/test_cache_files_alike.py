"""A login with the AWS CLI and one with this library write the same files, byte for byte except for times."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import httpx
import pytest

from ssooidc_core import Instant
from ssooidc_emulator import EmulatorServer, IdentityCenter, LoggedRequest, seeded_entropy
from ssooidc_emulator._serving.client_environment import scratch_home
from ssooidc_login import SsoSession, WayIn
from ssooidc_login.stores.aws_cache import AwsCacheStore

if TYPE_CHECKING:
    from tests.interop.sessions.conftest import Person

Files: TypeAlias = dict[str, str]
# The service's clock is fixed, since the client secret contains the time at which it was issued.
NOW = Instant(datetime.now(UTC).replace(microsecond=0), 0.0)


def masked(text: str) -> str:
    """Mask the values that come from the client's own clock."""
    return re.sub('"((registrationE|e)xpiresAt)": "[^"]*Z"', r'"\1": "…"', text)


def files_of(home: Path) -> Files:
    paths = [path for path in (home / ".aws" / "sso").rglob("*") if path.is_file()]
    # Only this library makes lock files; they are empty.
    kept = [path for path in paths if path.suffix != ".lock"]
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o600}
    return {str(path.relative_to(home)): masked(path.read_text()) for path in kept}


def approve_at_once(center: IdentityCenter) -> None:
    """Approve device logins before the first poll: clients differ in their polls, and each response has an id."""

    def see(request: LoggedRequest) -> None:
        if request.operation == "StartDeviceAuthorization":
            (login,) = center.pending_logins(NOW)
            center.approve(login.user_code)

    center.subscribe(see)


@pytest.mark.parametrize(
    ("profile", "way"),
    [
        ("emulator", WayIn.BROWSER),
        ("emulator", WayIn.DEVICE_CODE),
        ("emulator-legacy", WayIn.DEVICE_CODE),
    ],
    ids=["browser", "device code", "legacy"],
)
def test_the_cli_and_we_write_the_same(
    start_aws: Callable[..., subprocess.Popen[str]],
    opened_url: Callable[[], str],
    scripted_browser: httpx.Client,
    environment: dict[str, str],
    *,
    person: Person,
    profile: str,
    way: WayIn,
) -> None:
    def fresh() -> EmulatorServer:
        made: Any = {"auto_approve": "user", "entropy": seeded_entropy("the same for both")}
        return EmulatorServer(IdentityCenter(**made), clock=lambda: NOW)

    with fresh() as server, scratch_home(server) as theirs:
        environment.update(theirs.variables)
        approve_at_once(server.center)
        device = () if way is WayIn.BROWSER else ("--use-device-code", "--no-browser")
        process = start_aws("sso", "login", "--profile", profile, *device)
        if way is WayIn.BROWSER:
            scripted_browser.get(opened_url(), follow_redirects=True)
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
        by_cli = files_of(Path(theirs.variables["HOME"]))
        (registered,) = server.center.registrations(NOW)
        asked_by_cli = [entry.operation for entry in server.center.log.entries()]

    with fresh() as server, scratch_home(server) as ours:
        approve_at_once(server.center)
        store = AwsCacheStore(Path(ours.variables["HOME"]))
        with SsoSession.from_profile(profile, store=store, environ=ours.variables) as session:
            # The client secret contains the name, and the CLI's name for a legacy login contains the time.
            session.login(way=way, interaction=Silent(person), client_name=registered.client_name)
        by_us = files_of(Path(ours.variables["HOME"]))
        asked_by_us = [entry.operation for entry in server.center.log.entries()]

    assert asked_by_us == asked_by_cli
    assert by_us == by_cli
    assert len(by_us) == 2


class Silent:
    """Opens pages, and shows nothing."""

    def __init__(self, person: Person) -> None:
        self.open_url = person.open_url

    def show(self, text: str, /) -> None:
        pass
