"""`Lease`: a lock across hosts that expires by itself, with which one host refreshes for all."""

from __future__ import annotations

from typing import Protocol

from ssooidc_login.stores.store import AsyncLock

__all__ = ["Lease"]


class Lease(Protocol):
    """A service of locks that one host at a time can hold, for a limited time.

    `ssooidc_login.stores.redis_lease` has one. An implementation for another service (DynamoDB, etcd, ...) must follow
    these rules:

    - A lock expires by itself after about 30 s: a refresh takes at most 20 s, and a host that hangs or dies must not
      block the others for longer.
    - A lock has a unique owner, and is released only if that owner still holds it.
    - The lock's `ais_held()` is false as soon as another host could hold the lock, and if that is unknown.
    - The lock's `arelease()` works in a task that is being cancelled, ends soon, and raises nothing: a lock that cannot
      be released expires by itself.
    """

    async def atry_acquire(self, name: str, /) -> AsyncLock | None:
        """Lock a name, or return `None` at once if it is already locked.

        Args:
            name: up to 200 ASCII letters, digits, `-`, `_` and `:`; not a secret.

        Raises:
            StoreError: the service does not answer.
        """
        ...
