"""Leases in Redis or Valkey: `SET NX PX` with a random owner, released by compare and delete.

redis-py's own lock is not used: if acquiring it is interrupted, it forgets its owner, and then it cannot be released.
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
from collections.abc import Awaitable
from time import monotonic
from typing import TYPE_CHECKING, Final, Protocol, cast

from ssooidc_core import ConfigurationError
from ssooidc_login.errors import StoreError
from ssooidc_login.stores._uncancelled import to_its_end
from ssooidc_transports.transport import in_trio_task

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.cluster import RedisCluster

__all__ = ["RedisLease"]

_log: Final = logging.getLogger(__name__)
# The client may send a command twice after a connection was lost, so a lease that is already ours counts as acquired.
_ACQUIRE: Final = (
    "if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end "
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return 1 end return 0"
)
_IS_HELD: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then return 1 end return 0"
_RELEASE: Final = (
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
)
_SHORTEST: Final = 1.0
_LONGEST: Final = 300.0
_SECONDS: Final = 5.0
_SECONDS_TO_RELEASE: Final = 2.0


class _Commands(Protocol):
    """The part of a client that is used here."""

    def eval(self, script: str, numkeys: int, *keys_and_args: str) -> Awaitable[object]:
        """Run a Lua script."""
        ...


class _RedisLock:
    """A lease that was acquired."""

    __slots__ = ("_client", "_ends_at", "_key", "_owner", "_released")

    def __init__(self, client: _Commands, key: str, owner: str, ends_at: float) -> None:
        self._client = client
        self._key = key
        self._owner = owner
        # By our own clock and from before the request, so never later than in Redis.
        self._ends_at = ends_at
        self._released = False

    async def ais_held(self) -> bool:
        """Return whether the lease is still held; false if Redis does not answer."""
        if self._released or monotonic() >= self._ends_at:
            return False
        try:
            async with asyncio.timeout(_SECONDS):
                answer = await self._client.eval(_IS_HELD, 1, self._key, self._owner)
        except Exception:  # noqa: BLE001 - the library may raise any class
            return False
        return answer == 1 and monotonic() < self._ends_at

    async def arelease(self) -> None:
        """Release the lease, also in a task that is being cancelled.

        A second call does nothing, and a failure is only logged.
        """
        if not self._released:
            self._released = True
            await to_its_end(self._release())

    async def _release(self) -> None:
        try:
            async with asyncio.timeout(_SECONDS_TO_RELEASE):
                _ = await self._client.eval(_RELEASE, 1, self._key, self._owner)
        except Exception as failed:  # noqa: BLE001 - likewise
            # Not the error's text: a library may quote the command, or the password of the connection.
            _log.warning(
                "A lease was not released (%s); it expires by itself", type(failed).__name__
            )


class RedisLease:
    """Leases in Redis or Valkey, for asyncio: redis-py does not run in trio.

    A lease is kept by one server. If that fails over to a replica, a lease can be lost and then held by two hosts. A
    refresh therefore reads the token again before it saves, and keeps a newer one.
    """

    def __init__(
        self,
        client: Redis | RedisCluster,
        *,
        ttl: float = 30.0,
        prefix: str = "ssooidc:lease:",
    ) -> None:
        """Create leases with a client, which the caller closes; `decode_responses` may be set or not.

        Args:
            client: a client of `redis.asyncio`.
            ttl: seconds after which a lease expires by itself, from 1 to 300. Below 20, a refresh may lose its lease
                while it waits for the service; above 30, other hosts give up before the lease of a dead host expires.
            prefix: the prefix of the keys in Redis.

        Raises:
            ConfigurationError: the client is a blocking one, or `ttl` is out of range.
            ImportError: redis-py is not installed; the text names the extra.
        """
        # First the attributes that `repr` needs: a traceback may show an object whose constructor failed.
        self._ttl = ttl
        self._prefix = prefix
        try:
            from redis.asyncio import Redis  # noqa: PLC0415 - imported only where it is used
            from redis.asyncio.cluster import RedisCluster  # noqa: PLC0415 - likewise
        except ImportError:
            message = 'Leases in Redis need redis-py: pip install "ssooidc-core[redis]"'
            raise ImportError(message, name="redis") from None
        # Without a type checker, a blocking client is easily passed by mistake.
        if not isinstance(cast("object", client), Redis | RedisCluster):
            message = f"A lease needs a client of redis.asyncio, not {type(client).__name__}"
            raise ConfigurationError(message)
        if not (math.isfinite(ttl) and _SHORTEST <= ttl <= _LONGEST):
            message = f"A lease takes from {_SHORTEST:.0f} to {_LONGEST:.0f} seconds"
            raise ConfigurationError(message)
        self._client = cast("_Commands", client)

    def __repr__(self) -> str:
        """Return the class, `ttl` and `prefix`; the client's text could show a password."""
        return f"{type(self).__name__}(ttl={self._ttl!r}, prefix={self._prefix!r})"

    async def atry_acquire(self, name: str, /) -> _RedisLock | None:
        """Lock a name, or return `None` at once if it is already locked.

        Raises:
            StoreError: Redis does not answer within 5 s, or answers with an error.
            ConfigurationError: the lease is used in trio.
        """
        if in_trio_task():
            message = "Leases in Redis need asyncio: redis-py does not run in trio"
            raise ConfigurationError(message)
        key = f"{self._prefix}{name}"
        owner = secrets.token_hex(16)
        lock = _RedisLock(self._client, key, owner, monotonic() + self._ttl)
        try:
            async with asyncio.timeout(_SECONDS):
                answer = await self._client.eval(
                    _ACQUIRE, 1, key, owner, str(math.ceil(self._ttl * 1000))
                )
        except Exception as failed:  # noqa: BLE001 - the library may raise any class
            problem = type(failed).__name__
        except BaseException:
            # The lease may have been acquired nevertheless.
            await lock.arelease()
            raise
        else:
            return lock if answer == 1 else None
        await lock.arelease()
        message = f"Redis did not answer ({problem}): check that it runs and can be reached, then try again"
        raise StoreError(message)
