"""The code of the README and of the documentation runs, block by block, against the emulator instead of AWS."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Final

import httpx
import pytest

from ssooidc_core import (
    ClientConfig,
    CreateTokenResponse,
    Instant,
    RegisterClientRequest,
    RegisterClientResponse,
    StartDeviceAuthorizationRequest,
    register_client,
    run,
)
from ssooidc_core.flows.device import PendingDeviceLogin, start_device_login
from ssooidc_emulator import EmulatorServer, IdentityCenter, LoggedRequest
from ssooidc_emulator._serving.client_environment import scratch_home
from ssooidc_login import SessionState, SsoSession, WayIn
from ssooidc_login._browser.choice import Choice
from ssooidc_transports.httpx import AsyncHttpxTransport, HttpxTransport
from ssooidc_transports.testing import VirtualClock
from ssooidc_transports.transport import AsyncBaseTransport

ROOT: Final = Path(__file__).parents[3]
# The blocks of these have separate tests: `test_testing_page.py`, and the tests of the stores.
ELSEWHERE: Final = {"testing.md", "stores.md"}
DOCUMENTS: Final = {
    path.name: path.read_text(encoding="utf-8")
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    if path.name not in ELSEWHERE
}
BLOCKS: Final[list[str]] = re.findall(
    r"^```python\n(.*?)^```", "\n".join(DOCUMENTS.values()), re.DOTALL | re.MULTILINE
)
REGISTRATION: Final = RegisterClientRequest(client_name="my-tool", client_type="public")


def block(marker: str) -> str:
    """Return the one block that contains this text."""
    (found,) = [text for text in BLOCKS if marker in text]
    return found


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmulatorServer]:
    """An emulator that approves every login at once; waits take no time."""

    clock = VirtualClock()

    async def asleep(_self: AsyncBaseTransport, seconds: float, /) -> None:
        clock.advance(seconds)

    monkeypatch.setattr(HttpxTransport, "now", lambda _self: clock.now())
    monkeypatch.setattr(HttpxTransport, "sleep", lambda _self, seconds: clock.advance(seconds))
    monkeypatch.setattr(AsyncHttpxTransport, "now", lambda _self: clock.now())
    monkeypatch.setattr(AsyncHttpxTransport, "asleep", asleep)
    center = IdentityCenter()

    def approve(entry: LoggedRequest) -> None:
        if entry.operation == "StartDeviceAuthorization":
            for login in center.pending_logins(Instant(datetime.now(UTC), monotonic())):
                center.approve(login.user_code)

    center.subscribe(approve)
    with EmulatorServer(center) as running:
        yield running


def execute(text: str, server: EmulatorServer, **names: object) -> dict[str, object]:
    local = re.sub(
        r"ClientConfig\(region=(REGION|\"us-east-1\")\)",
        rf'ClientConfig(region=\1, endpoint_url="{server.url}")',
        text,
    )
    namespace: dict[str, object] = {"START_URL": server.center.start_url, **names}
    exec(compile(local, "a document", "exec"), namespace)  # noqa: S102 - it is what this test is for
    return namespace


def test_every_block_has_a_test() -> None:
    markers = [
        "session.accounts()",
        "SessionState.SIGNED_OUT",
        "refresh_token(login.client",
        "async def wait_for_token",
        "DeviceCodeGrant.of(client, device)",
        "sso_settings(profile",
        "assert_never",
        "urlopen",
        "logging.basicConfig()",
        "HttpClientTransport",
        "center.script(",
        "directory=Directory()",
        "load_scene(",
        "IamAuthorizationCodeGrant.of(",
    ]
    assert sorted(map(block, markers)) == sorted(BLOCKS)


class Browser:
    """Opens pages instead of the terminal's browser."""

    def show(self, text: str, /) -> None:
        assert text

    def open_url(self, url: str, /) -> bool:
        def browse() -> None:
            _ = httpx.get(url, follow_redirects=True, trust_env=False)

        threading.Thread(target=browse).start()
        return True


def test_sign_in_and_stay_signed_in(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ssooidc_login._session.session.Terminal", Browser)
    monkeypatch.setattr(
        "ssooidc_login._session.programs.choose_way",
        lambda _facts, **_: Choice(way=WayIn.BROWSER, reason="In a test.", open_browser=True),
    )
    with (
        EmulatorServer(IdentityCenter(auto_approve="user")) as server,
        scratch_home(server) as home,
    ):
        for name, value in home.variables.items():
            monkeypatch.setenv(name, value)
        signing_in = block("session.accounts()").replace('"dev"', '"emulator"')
        _ = execute(signing_in, server)
        assert capsys.readouterr().out == "123456789012 Example account\n"
        staying = block("SessionState.SIGNED_OUT").replace('"dev"', '"emulator"')
        _ = execute(staying, server)
        with SsoSession.from_profile() as session:
            assert session.status().state is SessionState.SIGNED_OUT
    assert re.fullmatch(r"ASIA[A-Z0-9]{16} until 20.*\+00:00\n", capsys.readouterr().out)


def test_the_first_login(server: EmulatorServer, capsys: pytest.CaptureFixture[str]) -> None:
    token = execute(block("refresh_token(login.client"), server)["token"]
    assert isinstance(token, CreateTokenResponse)
    opened, signed_in = capsys.readouterr().out.splitlines()
    assert opened.startswith(f"Open {server.url}/platform/authorize?request_uri=")
    assert signed_in == "Signed in for 3600 s"


def test_the_first_login_in_asyncio(server: EmulatorServer) -> None:
    config = ClientConfig(region="us-east-1", endpoint_url=server.url)
    with HttpxTransport(config) as transport:
        start = start_device_login(
            REGISTRATION, start_url=server.center.start_url, region="us-east-1"
        )
        login = run(start, transport)
    first = execute(block("refresh_token(login.client"), server)
    names = execute(block("async def wait_for_token"), server, **first)
    wait_for_token = names["wait_for_token"]
    assert callable(wait_for_token)
    assert isinstance(login, PendingDeviceLogin)
    token = asyncio.run(wait_for_token(login))
    assert token.token_type == "Bearer"


def test_one_operation_at_a_time(server: EmulatorServer) -> None:
    one = block("DeviceCodeGrant.of(client, device)")
    one = re.sub(r'START_URL = "[^"]+"', f'START_URL = "{server.center.start_url}"', one)
    token = execute(one, server)["token"]
    assert isinstance(token, CreateTokenResponse)
    assert token.refresh_token is None


def test_configuration_from_the_environment(
    server: EmulatorServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(
        "[profile dev]\nsso_session = my-sso\nservices = emulator\n"
        "sso_account_id = 111122223333\nsso_role_name = Admin\n"
        f"[sso-session my-sso]\nsso_start_url = {server.center.start_url}\nsso_region = us-east-1\n"
        f"[services emulator]\nsso_oidc =\n  endpoint_url = {server.url}\n",
        encoding="utf-8",
    )
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    names = execute(block("sso_settings(profile"), server)
    assert isinstance(names["token"], CreateTokenResponse)
    assert (names["account_id"], names["role_name"]) == ("111122223333", "Admin")
    assert capsys.readouterr().out.startswith(f"Open {server.url}/platform/authorize?request_uri=")


@pytest.mark.parametrize(
    ("client_secret", "shown"),
    [
        (None, r"[B-Z]{4}-[B-Z]{4}\n"),
        ("wrong", r"The registration is gone or expired: register the client again\.\n"),
    ],
    ids=["success", "error"],
)
def test_handling_errors(
    server: EmulatorServer,
    capsys: pytest.CaptureFixture[str],
    client_secret: str | None,
    shown: str,
) -> None:
    config = ClientConfig(region="us-east-1", endpoint_url=server.url)
    with HttpxTransport(config) as transport:
        client = run(register_client(REGISTRATION), transport)
        request = StartDeviceAuthorizationRequest.model_validate(
            {
                "client_id": client.client_id,
                "client_secret": client_secret or client.client_secret,
                "start_url": server.center.start_url,
            }
        )
        execute(block("assert_never"), server, request=request, transport=transport)
    assert re.fullmatch(shown, capsys.readouterr().out)


def test_embedding_without_our_io(server: EmulatorServer) -> None:
    client = execute(block("urlopen"), server)["client"]
    assert isinstance(client, RegisterClientResponse)


def test_the_log(server: EmulatorServer) -> None:
    code = (
        f"{block('logging.basicConfig()')}"
        "from ssooidc_core import ClientConfig, RegisterClientRequest, register_client, run\n"
        "from ssooidc_transports.httpx import HttpxTransport\n"
        f"with HttpxTransport(ClientConfig(region='us-east-1', endpoint_url={server.url!r})) as transport:\n"
        "    run(register_client(RegisterClientRequest(client_name='t', client_type='public')), transport)\n"
    )
    done = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-Ic", code], capture_output=True, check=True, text=True, timeout=60
    )
    first = done.stderr.splitlines()[0]
    assert (
        first == f"DEBUG:ssooidc_core:RegisterClient, attempt 1: POST {server.url}/client/register"
    )


def test_the_transport_is_the_example() -> None:
    example = (ROOT / "examples" / "write_a_transport.py").read_text(encoding="utf-8")
    assert block("HttpClientTransport").strip() in example


@pytest.mark.parametrize(
    "marker",
    [
        "center.script(",
        "directory=Directory()",
        "IamAuthorizationCodeGrant.of(",
    ],
)
def test_testing_your_code(server: EmulatorServer, marker: str) -> None:
    assert "transport" in execute(block(marker), server)


def test_the_scene(server: EmulatorServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (scene,) = re.findall(
        r"^```toml\n(.*?)^```", DOCUMENTS["emulator-in-python.md"], re.DOTALL | re.MULTILINE
    )
    (tmp_path / "scene.toml").write_text(scene, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    center = execute(block("load_scene("), server)["center"]
    assert isinstance(center, IdentityCenter)
    assert center.directory.has_role("jane", account_id="111122223333", role_name="ReadOnly")


def test_every_page_is_in_the_index_and_every_link_leads_somewhere() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert pages == set(re.findall(r"\]\((\w[\w-]*\.md)\)", index))
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
            if not target.startswith(("https://", "http://")):
                assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 200
