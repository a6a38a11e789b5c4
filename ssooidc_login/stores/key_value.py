"""The store for fleets: any server that py-key-value-aio speaks to (Redis, Valkey, DynamoDB, Postgres, ...), encrypted.

Documents are encrypted and authenticated here, before the library's store sees them, and what is not encrypted is
not read. For asyncio: py-key-value-aio does not run in trio.

Without a `lease`, one task of all on this host refreshes at a time, but hosts know nothing of each other: two may ask
for a token at once, and where refresh tokens rotate, one of them has to sign in again. With a lease it is one of all.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import SecretStr

from ssooidc_core import ConfigurationError
from ssooidc_login.errors import StoreError
from ssooidc_login.stores._files.host_locks import AsyncFileLock, HostLocks
from ssooidc_login.stores._uncancelled import to_its_end
from ssooidc_login.stores.lease import Lease
from ssooidc_login.stores.store import AsyncLock, DocumentKind, StoreKey
from ssooidc_transports.transport import in_trio_task

if TYPE_CHECKING:
    from key_value.aio.protocols import AsyncKeyValue

try:
    from key_value.aio.errors import DecryptionError, DeserializationError, EncryptionVersionError

    from ssooidc_login.stores._fleet.encryption import NotSealedError, Passphrase, seal
except ImportError as _missing:
    _text = 'The store for fleets needs py-key-value-aio: pip install "ssooidc-core[store]"'
    raise ImportError(_text, name=_missing.name) from _missing

__all__ = ["KeyValueStore", "Passphrase"]

T = TypeVar("T")

_DAY: Final = 24 * 3600.0
# A registration lives 90 days, and no token can be refreshed without it; a role session 12 hours at most.
_LIFETIMES: Final[dict[DocumentKind, float]] = {
    "token": 90 * _DAY,
    "registration": 90 * _DAY,
    "role-credentials": _DAY / 2,
}
_NAMESPACE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LARGEST: Final = 1024 * 1024
_SECONDS: Final = 5.0
_RETRY: Final = "see that the server runs, can be reached and has room, then try again"


class KeyValueStore:
    """Keeps documents, encrypted, where a py-key-value-aio store keeps its values. Many tasks may use it."""

    def __init__(  # noqa: PLR0913 - each choice by name
        self,
        backend: AsyncKeyValue,
        *,
        encryption: SecretStr | Sequence[SecretStr] | Passphrase,
        namespace: str = "ssooidc",
        lease: Lease | None = None,
        lifetimes: Mapping[DocumentKind, float] | None = None,
        lock_folder: Path | None = None,
    ) -> None:
        """Take a store of the library, which stays open and is the caller's to close.

        Args:
            backend: the library's store, as it is: it is wrapped for encryption here.
            encryption: a Fernet key, as `Fernet.generate_key()` makes it; or several, of which the first encrypts and
                all decrypt, which is how a key is changed; or a `Passphrase`, which takes most of a second.
            namespace: what keeps one person's documents from another's in one server: letters, digits, `-` and `_`, 64
                at most. All who share a namespace and the key share the logins.
            lease: who may work on a document, across hosts; without one a file lock decides, on this host alone.
            lifetimes: seconds after which the server forgets a document of a kind, counted from when it was saved; by
                default 90 days for tokens and registrations, 12 hours for role credentials.
            lock_folder: where the lock files are, if there is no lease; by default `host_locks.lock_folder()`.

        Raises:
            ConfigurationError: a key is none, a passphrase is short, the namespace or a lifetime is unusable.
            ImportError: filelock is missing; the text names the extra.
        """
        # What `repr` shows comes first: a traceback may show an object that was refused.
        self._namespace: Final = namespace
        self._lease: Final = lease
        if _NAMESPACE.fullmatch(namespace) is None:
            message = "A namespace is up to 64 letters, digits, '-' and '_'"
            raise ConfigurationError(message)
        chosen = {**_LIFETIMES, **({} if lifetimes is None else lifetimes)}
        if not all(math.isfinite(seconds) and seconds >= 1.0 for seconds in chosen.values()):
            message = "A lifetime is a finite number of seconds, 1 or more"
            raise ConfigurationError(message)
        self._sealed: Final = seal(backend, encryption)
        self._lifetimes: Final = chosen
        self._locks: Final = (
            HostLocks(f"key-value:{namespace}", lock_folder, extra="store")
            if lease is None
            else None
        )
        self._was_tried = False

    def __repr__(self) -> str:
        """Name the namespace; a backend's text could show a password."""
        return f"{type(self).__name__}(namespace={self._namespace!r}, lease={self._lease!r})"

    async def aload(self, key: StoreKey, /) -> SecretStr | None:
        """Give a document, or `None` where there is none.

        Raises:
            StoreError: the server does not answer within 5 s or fails; or what it has was not written with our key, or
                under another name.
            ConfigurationError: this runs in trio.
        """
        collection = self._collection(key)
        problem, document = await self._within(self._load(key, collection))
        _raise(problem, "read", key)
        return document

    async def asave(self, key: StoreKey, document: SecretStr, /) -> None:
        """Keep a document in place of what was there. A cancellation waits for it: its token may be the only one.

        Raises:
            StoreError: the server does not answer within 5 s or fails, or does not keep what it is given; or the
                document is larger than 1 MiB.
            ConfigurationError: this runs in trio.
        """
        collection = self._collection(key)
        problem, _ = await to_its_end(self._within(self._save(key, collection, document)))
        _raise(problem, "write", key)

    async def adelete(self, key: StoreKey, /) -> None:
        """Forget a document; it need not be there.

        Raises:
            StoreError: the server does not answer within 5 s or fails.
            ConfigurationError: this runs in trio.
        """
        collection = self._collection(key)
        problem, _ = await to_its_end(
            self._within(self._sealed.delete(key.name, collection=collection))
        )
        _raise(problem, "delete", key)

    async def atry_lock(self, key: StoreKey, /) -> AsyncLock | None:
        """Take the right to work on a key, or give `None` at once where somebody has it.

        Raises:
            StoreError: the lease's service does not answer, or the lock file cannot be made or locked.
            ConfigurationError: this runs in trio.
        """
        name = f"{self._collection(key)}:{key.name}"
        if self._locks is None:
            return None if self._lease is None else await self._lease.atry_acquire(name)
        lock = self._locks.try_lock(key)
        return None if lock is None else AsyncFileLock(lock)

    def _collection(self, key: StoreKey) -> str:
        if in_trio_task():
            message = "The store for fleets needs asyncio: py-key-value-aio does not run in trio"
            raise ConfigurationError(message)
        return f"{self._namespace}-{key.kind}"

    async def _load(self, key: StoreKey, collection: str) -> SecretStr | None:
        value = await self._sealed.get(key.name, collection=collection)
        if value is None:
            return None
        document = value.get("document")
        # The encryption says that we wrote it, and this, where: nobody can put one person's in place of another's.
        if value.get("of") != [collection, key.name] or not isinstance(document, str):
            raise NotSealedError
        return SecretStr(document)

    async def _save(self, key: StoreKey, collection: str, document: SecretStr) -> None:
        if len(document.get_secret_value()) > _LARGEST:
            raise _TooLargeError
        value = {"document": document.get_secret_value(), "of": [collection, key.name]}
        lifetime = self._lifetimes[key.kind]
        await self._sealed.put(key.name, value, collection=collection, ttl=lifetime)
        if not self._was_tried:
            # A client without `decode_responses` loses all that is put into RedisStore, and says nothing.
            if await self._sealed.get(key.name, collection=collection) is None:
                raise _ForgottenError
            self._was_tried = True

    async def _within(self, work: Coroutine[object, object, T]) -> tuple[str | None, T | None]:
        """Give the problem, or the result. No error leaves this that has been where a document was in the clear."""
        try:
            async with asyncio.timeout(_SECONDS):
                return None, await work
        except Exception as failed:  # noqa: BLE001 - a library's, of whatever class
            return _reason(failed), None


def _raise(problem: str | None, doing: str, key: StoreKey) -> None:
    if problem is not None:
        message = f"Cannot {doing} the {key.kind} {key.name[:8]}: {problem}"
        raise StoreError(message)


class _TooLargeError(Exception):
    """The document is larger than what is kept."""


class _ForgottenError(Exception):
    """What was put was not there."""


def _reason(failed: Exception) -> str:
    """Say why, and what to do, without the library's words: they may quote what was sent."""
    match failed:
        case DecryptionError() | EncryptionVersionError():
            return (
                "it was written with another key, or changed. Give the other key as well, after the first, "
                "or use another namespace"
            )
        case NotSealedError() | DeserializationError():
            return (
                "it was not encrypted, or not for this name: somebody else wrote it. "
                "Delete it, or use another namespace"
            )
        case _TooLargeError():
            return f"the document is larger than {_LARGEST:,} characters"
        case _ForgottenError():
            return (
                "the server did not keep it. A client of Redis needs decode_responses=True, "
                "and a null store keeps nothing"
            )
        case TimeoutError():
            return f"no answer within {_SECONDS:.0f} s; {_RETRY}"
        case _:
            return f"{type(failed).__name__}; {_RETRY}"
