"""One host of a fleet, as a separate process: reads tasks as lines of JSON, and prints the results.

The first line has the settings: the port of Redis, the encryption key (which must not be visible in a process list),
and more for each task.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from typing import Any, ClassVar

from key_value.aio.stores.redis import RedisStore
from pydantic import SecretStr
from redis.asyncio import Redis

from ssooidc_core import ClientConfig
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_login._session.async_session import AsyncSsoSession
from ssooidc_login.stores.key_value import KeyValueStore
from ssooidc_login.stores.redis_lease import RedisLease
from ssooidc_login.stores.store import StoreKey


class AnnouncingStore(KeyValueStore):
    """Reports when a number of tasks have read the token, as each does before it shares a refresh."""

    tasks = 0
    read: ClassVar[set[object]] = set()

    async def aload(self, key: StoreKey, /) -> SecretStr | None:
        document = await super().aload(key)
        if len(self.read) < self.tasks:
            self.read.add(asyncio.current_task())
            if len(self.read) == self.tasks:
                say("asking")
        return document


def say(what: object) -> None:
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


def hear() -> Any:  # noqa: ANN401 - it is JSON
    return json.loads(sys.stdin.readline())


def digest(secret: SecretStr) -> str:
    return hashlib.sha256(secret.get_secret_value().encode()).hexdigest()


async def ask_for_tokens(store: KeyValueStore, settings: dict[str, Any]) -> None:
    """Ask for the token in many tasks at once, then use it."""
    sso = SsoSettings(
        start_url=settings["start_url"], region=settings["region"], session_name="fleet"
    )
    url = settings["url"]
    config = ClientConfig(region=sso.region, endpoint_url=url, portal_endpoint_url=url)
    async with AsyncSsoSession(sso, config=config, store=store) as session:
        say("ready")
        hear()
        tokens = await asyncio.gather(*(session.token() for _ in range(settings["tasks"])))
        accounts = await session.accounts()
    say(
        {
            "tokens": [digest(token.access_token) for token in tokens],
            "accounts": [account.account_id for account in accounts],
        }
    )


async def take_turns(store: KeyValueStore, settings: dict[str, Any]) -> None:
    """Increment a number repeatedly while holding its lock."""
    key = StoreKey("token", settings["name"])
    say("ready")
    hear()
    for _ in range(settings["rounds"]):
        while (lock := await store.atry_lock(key)) is None:
            pass  # the requests to Redis are wait enough
        try:
            found = await store.aload(key)
            count = 0 if found is None else int(found.get_secret_value())
            await asyncio.sleep(0)
            await store.asave(key, SecretStr(str(count + 1)))
        finally:
            await lock.arelease()
    say("done")


async def hold(store: KeyValueStore, settings: dict[str, Any]) -> None:
    """Lock a key, and never release it."""
    lock = await store.atry_lock(StoreKey("token", settings["name"]))
    assert lock is not None
    say("ready")
    hear()


TASKS = {"ask_for_tokens": ask_for_tokens, "take_turns": take_turns, "hold": hold}


async def main() -> None:
    settings = hear()
    async with Redis(port=settings["port"], decode_responses=True) as client:
        lease = RedisLease(client) if settings["lease"] else None
        store = AnnouncingStore(
            RedisStore(client=client), encryption=SecretStr(settings["key"]), lease=lease
        )
        store.tasks = settings.get("tasks", 0)
        await TASKS[settings["task"]](store, settings)


asyncio.run(main())
