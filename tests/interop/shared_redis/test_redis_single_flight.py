"""Hosts that share a Redis ask for a token when it expires: one of them refreshes, and all get the new token."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from key_value.aio.stores.redis import RedisStore
from pydantic import SecretStr
from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from ssooidc_core import RegisterClientRequest, run
from ssooidc_core.flows.device import poll_for_token, start_device_login
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_emulator import (
    AsyncEmulatorTransport,
    EmulatorServer,
    EmulatorTransport,
    IdentityCenter,
    LoggedRequest,
)
from ssooidc_login._driver import adrive
from ssooidc_login._flows.documents import save_token, token_of
from ssooidc_login._resources import AsyncResources
from ssooidc_login.stores.key_value import KeyValueStore
from ssooidc_transports.testing import VirtualClock

if TYPE_CHECKING:
    from tests.interop.shared_redis.conftest import Host

TASKS: Final = 8
SECONDS: Final = 60
SCOPES: Final = ("sso:account:access",)


@pytest.fixture
def settings() -> dict[str, Any]:
    """Using a refresh token twice ends the session."""
    return {"refresh_mode": "rotating-strict"}


@pytest.fixture
def ended_token(center: IdentityCenter, redis_port: int, encryption_key: SecretStr) -> SsoSettings:
    """Store a session in Redis whose token has just expired."""
    sso = SsoSettings(start_url=center.start_url, region=center.region, session_name="fleet")
    registration = RegisterClientRequest(client_name="fleet", client_type="public", scopes=SCOPES)
    # The wait between two polls is virtual, and ended a minute ago.
    clock = VirtualClock(datetime.now(UTC) - timedelta(seconds=60))
    transport = EmulatorTransport(center, clock=clock)
    login = run(
        start_device_login(registration, start_url=sso.start_url, region=sso.region), transport
    )
    center.approve(login.user_code)
    answer = run(poll_for_token(login), transport)
    now = datetime.now(UTC)
    token = token_of(sso, answer, login.client, now)
    ended = dataclasses.replace(token, expires_at=now - timedelta(seconds=1))

    async def main() -> None:
        async with Redis(port=redis_port, decode_responses=True) as client:
            store = KeyValueStore(RedisStore(client=client), encryption=encryption_key)
            world = AsyncResources(transport=AsyncEmulatorTransport(center), store=store)
            await adrive(save_token(sso, ended), world)

    asyncio.run(main())
    return sso


@pytest.mark.parametrize(
    ("homes", "lease"),
    [(("one", "other"), True), (("one", "one"), False)],
    ids=["two hosts with a lease", "two processes of one host without"],
)
def test_one_of_all_asks_for_the_token(
    *,
    homes: tuple[str, str],
    lease: bool,
    start_host: Callable[..., Host],
    ended_token: SsoSettings,
    center: IdentityCenter,
    server: EmulatorServer,
    raw_redis: BlockingRedis,
) -> None:
    told = len(center.log.entries())
    settings = {
        "task": "ask_for_tokens",
        "tasks": TASKS,
        "lease": lease,
        "start_url": ended_token.start_url,
        "region": ended_token.region,
        "url": server.url,
    }
    hosts = [start_host(home, **settings) for home in homes]
    all_ask = threading.Event()

    def hold_back(request: LoggedRequest) -> None:
        """Respond only after every task of both hosts has read the old token and has tried to get the lease."""
        if request.operation == "CreateToken":
            assert all_ask.wait(SECONDS)

    unsubscribe = center.subscribe(hold_back)
    for host in hosts:
        host.tell(go=True)
    assert [host.hear() for host in hosts] == ["asking", "asking"]
    all_ask.set()
    one, other = (host.hear() for host in hosts)
    unsubscribe()
    asked = [entry.operation for entry in center.log.entries()[told:]]
    assert asked.count("CreateToken") == 1
    assert len(set(one["tokens"] + other["tokens"])) == 1
    assert len(one["tokens"]) == len(other["tokens"]) == TASKS
    # The portal accepts the token.
    assert one["accounts"] == other["accounts"] != []
    assert set(raw_redis.scan_iter("ssooidc:lease:*")) == set()


def test_the_example_of_the_documentation(
    ended_token: SsoSettings,
    center: IdentityCenter,
    server: EmulatorServer,
    redis_port: int,
    encryption_key: SecretStr,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = (Path(__file__).parents[3] / "docs" / "stores.md").read_text(encoding="utf-8")
    examples: list[str] = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (example,) = (each for each in examples if "RedisLease" in each)
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102 - our own text

    config = tmp_path / "config"
    config.write_text(
        "[profile dev]\nsso_session = fleet\n[sso-session fleet]\n"
        f"sso_start_url = {ended_token.start_url}\nsso_region = {ended_token.region}\n"
    )
    variables = {
        "AWS_CONFIG_FILE": str(config),
        "AWS_ENDPOINT_URL_SSO_OIDC": server.url,
        "FLEET_KEY": encryption_key.get_secret_value(),
        "REDIS_URL": f"redis://127.0.0.1:{redis_port}",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    told = len(center.log.entries())
    first, second = (asyncio.run(names["access_token"]("dev")) for _ in range(2))
    assert first == second
    assert [entry.operation for entry in center.log.entries()[told:]] == ["CreateToken"]
