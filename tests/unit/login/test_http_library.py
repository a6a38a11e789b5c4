"""The HTTP library: the extra `login` brings it, and `status()` does without."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

from ssooidc_core import ClientConfig, ConfigurationError, HttpRequest
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_login import AsyncSsoSession, SessionState, SsoSession
from ssooidc_login._session.offline import OfflineTransport
from ssooidc_login.stores.memory import MemoryStore

ROOT: Final = Path(__file__).parents[3]
SETTINGS: Final = SsoSettings(start_url="https://d-1.awsapps.com/start", region="us-east-1")

OFFLINE: Final = """
import asyncio, sys
sys.modules["httpx"] = sys.modules["httpx2"] = None
from ssooidc_login import AsyncSsoSession, SsoSession, SsoSettings
from ssooidc_login.stores.memory import MemoryStore

settings = SsoSettings(start_url="https://d-1.awsapps.com/start", region="us-east-1")

async def main():
    async with AsyncSsoSession(settings, store=MemoryStore()) as session:
        print((await session.status()).state.value)

with SsoSession(settings, store=MemoryStore()) as session:
    print(session.status().state.value)
asyncio.run(main())
"""


def test_one_extra_suffices_to_sign_in() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert set(extras["httpx"]) <= set(extras["login"])


def test_the_status_needs_no_http_library() -> None:
    done = subprocess.run(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-Ic", OFFLINE], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stdout, done.stderr) == ("signed out\nsigned out\n", "")


def test_a_closed_session_has_no_status() -> None:
    session = SsoSession(SETTINGS, store=MemoryStore())
    assert session.status().state is SessionState.SIGNED_OUT
    session.close()
    with pytest.raises(ConfigurationError) as caught:
        _ = session.status()
    assert str(caught.value) == "This SsoSession was closed: make a new one"

    async def main() -> None:
        other = AsyncSsoSession(SETTINGS, store=MemoryStore())
        await other.aclose()
        _ = await other.status()

    with pytest.raises(ConfigurationError, match="This AsyncSsoSession was closed"):
        asyncio.run(main())


def test_the_transport_without_a_library_sends_nothing() -> None:
    transport = OfflineTransport(ClientConfig(region="us-east-1"))
    request = HttpRequest("GET", "https://d-1.awsapps.com/start", (), b"")
    with pytest.raises(ConfigurationError) as caught:
        transport.send(request)
    assert str(caught.value) == "This transport sends nothing"
    with pytest.raises(ConfigurationError):
        asyncio.run(transport.asend(request))
