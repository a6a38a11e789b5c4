"""A store for fleets: any server that py-key-value-aio supports (Redis, Valkey, DynamoDB, Postgres, ...), encrypted.

Documents are encrypted and authenticated before they are passed to the library's store, and unencrypted values are not
read. The store works in asyncio only: py-key-value-aio does not run in trio.

Without a `lease`, one task at a time refreshes on each host, but two hosts may refresh at once. If the service rotates
refresh tokens, one of them then has to sign in again. With a lease, one task of all hosts refreshes.
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

    from ssooidc_login.stores._encryption import NotSealedError, Passphrase, seal
except ImportError as _missing:
    _text = 'The store for fleets needs py-key-value-aio: pip install "ssooidc-core[store]"'
    raise ImportError(_text, name=_missing.name) from _missing

__all__ = ["KeyValueStore", "Passphrase"]

T = TypeVar("T")

_DAY: Final = 24 * 3600.0
# A registration is valid for 90 days, and refreshing a token needs it. A role session lasts at most 12 hours.
_LIFETIMES: Final[dict[DocumentKind, float]] = {
    "token": 90 * _DAY,
    "registration": 90 * _DAY,
    "role-credentials": _DAY / 2,
}
_NAMESPACE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LARGEST: Final = 1024 * 1024
_SECONDS: Final = 5.0
_RETRY: Final = "check that the server runs, can be reached and has room, then try again"


class KeyValueStore:
    """Keeps encrypted documents in a py-key-value-aio store. Many tasks may use it."""

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
        """Create a store over a store of the library, which the caller closes.

        Args:
            backend: the library's store, without an encryption wrapper: that is added here.
            encryption: a Fernet key, as `Fernet.generate_key()` makes it; or several keys, of which the first encrypts
                and all decrypt, so that a key can be replaced; or a `Passphrase`, from which a key is derived in most
                of a second.
            namespace: separates the documents of different persons on one server: up to 64 letters, digits, `-` and
                `_`. All stores with the same namespace and key share their logins.
            lease: locks documents across hosts; without it, file locks work on this host only.
            lifetimes: seconds after which the server deletes a document of a kind, counted from when it was saved; by
                default 90 days for tokens and registrations, and 12 hours for role credentials.
            lock_folder: the directory of the lock files, if there is no lease; by default
                `~/.cache/ssooidc/locks`, or its counterpart on macOS and Windows.

        Raises:
            ConfigurationError: a key is malformed, a passphrase is too short, or the namespace or a lifetime is
                unusable.
            StoreError: the home directory cannot be determined.
            ImportError: filelock is missing; the text names the extra.
        """
        # First the attributes that `repr` needs: a traceback may show an object whose constructor failed.
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
        """Return the class, the namespace and the lease; the backend's text could show a password."""
        return f"{type(self).__name__}(namespace={self._namespace!r}, lease={self._lease!r})"

    async def aload(self, key: StoreKey, /) -> SecretStr | None:
        """Return a document, or `None` if there is none.

        Raises:
            StoreError: the server fails or does not answer within 5 s; or the value was not encrypted with one of the
                keys, or was saved under another name.
            ConfigurationError: the store is used in trio.
        """
        return await self._within("read", key, self._load(key, self._collection(key)))

    async def asave(self, key: StoreKey, document: SecretStr, /) -> None:
        """Save a document, replacing the old one. A cancellation waits for the end: the token may exist nowhere else.

        Raises:
            StoreError: the server fails, does not answer within 5 s, or does not keep the document; or the document is
                larger than 1 MiB.
            ConfigurationError: the store is used in trio.
        """
        saving = self._save(key, self._collection(key), document)
        await to_its_end(self._within("write", key, saving))

    async def adelete(self, key: StoreKey, /) -> None:
        """Delete a document if there is one.

        Raises:
            StoreError: the server fails or does not answer within 5 s.
            ConfigurationError: the store is used in trio.
        """
        deleting = self._sealed.delete(key.name, collection=self._collection(key))
        _ = await to_its_end(self._within("delete", key, deleting))

    async def atry_lock(self, key: StoreKey, /) -> AsyncLock | None:
        """Lock a key, or return `None` at once if it is already locked.

        Raises:
            StoreError: the lease's service does not answer, or the lock file cannot be made or locked.
            ConfigurationError: the store is used in trio.
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
        # The encryption proves that we wrote the value, and "of" that it is for this key: others cannot swap values.
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
            # RedisStore silently loses every value if its client lacks `decode_responses`.
            if await self._sealed.get(key.name, collection=collection) is None:
                raise _ForgottenError
            self._was_tried = True

    async def _within(self, doing: str, key: StoreKey, work: Coroutine[object, object, T]) -> T:
        """Return the result of `work`, or raise a `StoreError` that says what is wrong.

        It is raised outside of the `except` block: the traceback of the first error may contain a document.
        """
        try:
            async with asyncio.timeout(_SECONDS):
                return await work
        except Exception as failed:  # noqa: BLE001 - the library may raise any class
            problem = _reason(failed)
        message = f"Cannot {doing} the {key.kind} {key.name[:8]}: {problem}"
        raise StoreError(message)


class _TooLargeError(Exception):
    """The document is larger than the limit."""


class _ForgottenError(Exception):
    """A value that was just saved cannot be read back."""


def _reason(failed: Exception) -> str:
    """Return what is wrong and what to do, without the library's text, which may quote a document."""
    match failed:
        case DecryptionError() | EncryptionVersionError():
            return (
                "it was encrypted with another key, or changed. Give the other key as well, after the first, "
                "or use another namespace"
            )
        case NotSealedError() | DeserializationError():
            return (
                "it is not encrypted, or was saved under another name: another program wrote it. "
                "Delete it, or use another namespace"
            )
        case _TooLargeError():
            return f"the document is larger than {_LARGEST:,} characters"
        case _ForgottenError():
            return (
                "the server did not keep it. A Redis client needs decode_responses=True, "
                "and a null store keeps nothing"
            )
        case TimeoutError():
            return f"no answer within {_SECONDS:.0f} s; {_RETRY}"
        case _:
            return f"{type(failed).__name__}; {_RETRY}"
