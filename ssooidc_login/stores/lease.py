"""A lock across hosts that ends by itself: what a store for fleets needs to be single flight for all of them."""

from __future__ import annotations

from typing import Protocol

from ssooidc_login.stores.store import AsyncLock

__all__ = ["Lease"]


class Lease(Protocol):
    """Gives the right to work on something, to one host at a time, and for a time.

    `ssooidc_login.stores.redis_lease` has one. For another service (DynamoDB, etcd, ...) these rules count:

    - It ends by itself, after 30 s or so: a refresh has 20 s, and who hangs or dies must block nobody for longer.
    - What is taken has an owner that nobody else can be, and is given back only where that still owns it.
    - `ais_held()` of what it gives is false as soon as somebody else could have it, and where that is not known.
    - `arelease()` of what it gives works in a task that is being cancelled, ends soon, and raises nothing: what cannot
      be given back ends by itself.
    """

    async def atry_acquire(self, name: str, /) -> AsyncLock | None:
        """Take a name, or give `None` at once where somebody has it.

        Args:
            name: up to 200 ASCII letters, digits, `-`, `_` and `:`; no secret.

        Raises:
            StoreError: the service that keeps leases does not answer.
        """
        ...
