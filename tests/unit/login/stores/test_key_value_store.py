"""`KeyValueStore` keeps the contract, stores nothing in clear text, and rejects values that it did not write."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, SupportsFloat

import pytest
import trio
from cryptography.fernet import Fernet
from key_value.aio.errors import DeserializationError
from key_value.aio.protocols import AsyncKeyValue
from key_value.aio.stores.memory import MemoryStore as Backend
from key_value.aio.wrappers.base import BaseWrapper
from pydantic import SecretStr

from ssooidc_core import ConfigurationError
from ssooidc_login.errors import StoreError
from ssooidc_login.stores import key_value
from ssooidc_login.stores.key_value import KeyValueStore, Passphrase
from ssooidc_login.stores.store import DocumentKind, StoreKey

KEY: Final = StoreKey("token", "a" * 40)
FERNET: Final = SecretStr(Fernet.generate_key().decode())
OTHER: Final = SecretStr(Fernet.generate_key().decode())
CANARY: Final = "canary-of-a-document-8d1f"


class Watched(BaseWrapper):
    """A backend that records the values it receives, and calls a hook before each access."""

    def __init__(self, key_value: AsyncKeyValue | None = None) -> None:
        self.key_value = Backend() if key_value is None else key_value
        self.puts: list[tuple[str | None, str, dict[str, Any], SupportsFloat | None]] = []
        self.before: Callable[[], Awaitable[object]] | None = None

    async def _pause(self) -> None:
        if self.before is not None:
            await self.before()

    async def get(self, key: str, *, collection: str | None = None) -> dict[str, Any] | None:
        await self._pause()
        return await self.key_value.get(key, collection=collection)

    async def put(
        self,
        key: str,
        value: Mapping[str, Any],
        *,
        collection: str | None = None,
        ttl: SupportsFloat | None = None,
    ) -> None:
        await self._pause()
        self.puts.append((collection, key, dict(value), ttl))
        await self.key_value.put(key, value, collection=collection, ttl=ttl)

    async def delete(self, key: str, *, collection: str | None = None) -> bool:
        await self._pause()
        return await self.key_value.delete(key, collection=collection)


class Forgetful(Watched):
    async def get(self, key: str, *, collection: str | None = None) -> None:
        return None


async def broken() -> None:
    message = f"quotes {CANARY}"
    raise OSError(message)


async def hangs() -> None:
    await asyncio.Event().wait()


@pytest.fixture
def backend() -> Watched:
    return Watched()


@pytest.fixture
def locks(tmp_path: Path) -> Path:
    return tmp_path / "locks"


@pytest.fixture
def store(backend: Watched, locks: Path) -> KeyValueStore:
    return KeyValueStore(backend, encryption=FERNET, lock_folder=locks)


def text(document: SecretStr | None) -> str | None:
    return None if document is None else document.get_secret_value()


def test_what_the_backend_gets_is_encrypted(store: KeyValueStore, backend: Watched) -> None:
    asyncio.run(store.asave(KEY, SecretStr(CANARY)))
    ((collection, key, value, ttl),) = backend.puts
    assert (collection, key, ttl) == ("ssooidc-token", "a" * 40, 90 * 86400.0)
    assert sorted(value) == ["__encrypted_data__", "__encryption_version__"]
    assert CANARY not in json.dumps(value)


@pytest.mark.parametrize(
    ("kind", "seconds"),
    [("token", 90 * 86400.0), ("registration", 60.0), ("role-credentials", 43200.0)],
)
def test_each_kind_has_its_lifetime(
    kind: DocumentKind, seconds: float, backend: Watched, locks: Path
) -> None:
    store = KeyValueStore(
        backend, encryption=FERNET, lock_folder=locks, lifetimes={"registration": 60.0}
    )
    asyncio.run(store.asave(StoreKey(kind, "a" * 40), SecretStr("a")))
    assert [put[3] for put in backend.puts] == [seconds]


def test_a_key_is_changed_by_giving_the_new_one_before_the_old(
    backend: Watched, store: KeyValueStore, locks: Path
) -> None:
    async def main() -> None:
        await store.asave(KEY, SecretStr("old"))
        both = KeyValueStore(backend, encryption=[OTHER, FERNET], lock_folder=locks)
        only_new = KeyValueStore(backend, encryption=OTHER, lock_folder=locks)
        assert text(await both.aload(KEY)) == "old"
        with pytest.raises(StoreError) as caught:
            await only_new.aload(KEY)
        assert str(caught.value) == (
            "Cannot read the token aaaaaaaa: it was encrypted with another key, or changed. "
            "Give the other key as well, after the first, or use another namespace"
        )
        await both.asave(KEY, SecretStr("new"))
        assert text(await only_new.aload(KEY)) == "new"

    asyncio.run(main())


def test_a_passphrase_and_its_salt_make_the_key(backend: Watched, locks: Path) -> None:
    words = SecretStr("correct horse battery staple")

    def made(salt: str) -> KeyValueStore:
        return KeyValueStore(backend, encryption=Passphrase(words, salt), lock_folder=locks)

    async def main() -> None:
        await made("ours").asave(KEY, SecretStr("a"))
        assert text(await made("ours").aload(KEY)) == "a"
        with pytest.raises(StoreError, match="another key"):
            await made("theirs").aload(KEY)

    asyncio.run(main())


def test_a_value_in_the_clear_is_not_read(store: KeyValueStore, backend: Watched) -> None:
    """The library's encryption alone would read it as a document."""

    async def main() -> None:
        value = {"document": "planted", "of": ["ssooidc-token", KEY.name]}
        await backend.put(KEY.name, value, collection="ssooidc-token")
        with pytest.raises(StoreError) as caught:
            await store.aload(KEY)
        assert str(caught.value) == (
            "Cannot read the token aaaaaaaa: it is not encrypted, or was saved under another name: "
            "another program wrote it. Delete it, or use another namespace"
        )
        await store.adelete(KEY)
        assert await store.aload(KEY) is None

    asyncio.run(main())


@pytest.mark.parametrize(
    ("collection", "name"),
    [("ssooidc-token", "b" * 40), ("ssooidc-registration", "a" * 40), ("jane-token", "a" * 40)],
)
def test_a_value_that_was_moved_is_not_read(
    collection: str, name: str, backend: Watched, locks: Path
) -> None:
    """Someone who can write to the server must not be able to give one person another's token."""

    async def main() -> None:
        store = KeyValueStore(backend, encryption=FERNET, lock_folder=locks)
        await store.asave(KEY, SecretStr("a"))
        moved = backend.puts[0][2]
        await backend.put(name, moved, collection=collection)
        namespace, _, kind = collection.partition("-")
        reader = KeyValueStore(backend, encryption=FERNET, namespace=namespace, lock_folder=locks)
        with pytest.raises(StoreError, match="saved under another name"):
            await reader.aload(StoreKey(kind, name))  # type: ignore[arg-type]

    asyncio.run(main())


@pytest.mark.parametrize(
    "value",
    [
        {"__encrypted_data__": 5, "__encryption_version__": 1},
        {"__encrypted_data__": "AAAA"},
        {"__encrypted_data__": "AAAA", "__encryption_version__": 99},
        {"__encrypted_data__": "not base64", "__encryption_version__": 1},
    ],
)
def test_a_value_that_was_changed_is_not_read(
    value: dict[str, Any], store: KeyValueStore, backend: Watched
) -> None:
    async def main() -> None:
        await backend.put(KEY.name, value, collection="ssooidc-token")
        with pytest.raises(StoreError, match="with another key, or changed"):
            await store.aload(KEY)

    asyncio.run(main())


def test_a_backend_that_keeps_nothing_is_told_of(locks: Path) -> None:
    store = KeyValueStore(Forgetful(), encryption=FERNET, lock_folder=locks)
    with pytest.raises(StoreError) as caught:
        asyncio.run(store.asave(KEY, SecretStr("a")))
    assert str(caught.value) == (
        "Cannot write the token aaaaaaaa: the server did not keep it. A Redis client needs decode_responses=True, "
        "and a null store keeps nothing"
    )


def test_what_fails_is_told_without_the_librarys_words(
    store: KeyValueStore, backend: Watched
) -> None:
    backend.before = broken
    for doing, call in {
        "read": store.aload(KEY),
        "write": store.asave(KEY, SecretStr(CANARY)),
        "delete": store.adelete(KEY),
    }.items():
        with pytest.raises(StoreError) as caught:
            asyncio.run(call)
        assert str(caught.value) == (
            f"Cannot {doing} the token aaaaaaaa: OSError; check that the server runs, can be reached and has room, "
            "then try again"
        )
        told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        assert CANARY not in "".join(told.format())


def test_a_value_that_the_library_cannot_read_is_anothers(
    store: KeyValueStore, backend: Watched
) -> None:
    async def unreadable() -> None:
        raise DeserializationError

    backend.before = unreadable
    with pytest.raises(StoreError, match=r"another program wrote it\. Delete it"):
        asyncio.run(store.aload(KEY))


def test_a_server_that_does_not_answer_is_waited_for_so_long_only(
    store: KeyValueStore, backend: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_value, "_SECONDS", 0.0)
    backend.before = hangs
    for call in (store.aload(KEY), store.asave(KEY, SecretStr("a")), store.adelete(KEY)):
        with pytest.raises(StoreError, match="no answer within 0 s; check that the server runs"):
            asyncio.run(call)


def test_a_cancellation_waits_for_what_is_being_saved(
    store: KeyValueStore, backend: Watched
) -> None:
    """The refresh token in it may be the only valid one."""

    async def main() -> None:
        await store.asave(KEY, SecretStr("old"))
        reached, go_on = asyncio.Event(), asyncio.Event()

        async def wait() -> None:
            reached.set()
            await go_on.wait()

        backend.before = wait
        saving = asyncio.create_task(store.asave(KEY, SecretStr("new")))
        await reached.wait()
        saving.cancel()
        await asyncio.sleep(0)
        saving.cancel()
        await asyncio.sleep(0)
        assert not saving.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await saving
        backend.before = None
        assert text(await store.aload(KEY)) == "new"

    asyncio.run(main())


def test_the_end_of_the_event_loop_waits_for_nobody(store: KeyValueStore, backend: Watched) -> None:
    async def main() -> None:
        backend.before = hangs
        task = asyncio.create_task(store.asave(KEY, SecretStr("a")))
        tasks.append(task)
        await asyncio.sleep(0)

    tasks: list[asyncio.Task[None]] = []
    asyncio.run(main())
    assert tasks[0].cancelled()


def test_too_large_a_document_is_refused(store: KeyValueStore, backend: Watched) -> None:
    with pytest.raises(StoreError) as caught:
        asyncio.run(store.asave(KEY, SecretStr("x" * (1024 * 1024 + 1))))
    assert str(caught.value) == (
        "Cannot write the token aaaaaaaa: the document is larger than 1,048,576 characters"
    )
    assert backend.puts == []


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"namespace": ""}, "A namespace is up to 64 letters, digits, '-' and '_'"),
        ({"namespace": "a:b"}, "A namespace is up to 64 letters, digits, '-' and '_'"),
        ({"namespace": "a" * 65}, "A namespace is up to 64 letters, digits, '-' and '_'"),
        ({"lifetimes": {"token": 0.5}}, "A lifetime is a finite number of seconds, 1 or more"),
        (
            {"lifetimes": {"token": float("inf")}},
            "A lifetime is a finite number of seconds, 1 or more",
        ),
        (
            {"encryption": SecretStr(CANARY)},
            "An encryption key is 32 bytes in URL-safe base64, as Fernet.generate_key() makes it",
        ),
        (
            {"encryption": SecretStr("\u20ac" + CANARY)},
            "An encryption key is 32 bytes in URL-safe base64, as Fernet.generate_key() makes it",
        ),
        (
            {"encryption": []},
            "An encryption key is 32 bytes in URL-safe base64, as Fernet.generate_key() makes it",
        ),
        (
            {"encryption": [FERNET, SecretStr(CANARY)]},
            "An encryption key is 32 bytes in URL-safe base64, as Fernet.generate_key() makes it",
        ),
        (
            {"encryption": Passphrase(SecretStr("x" * 15), "salt")},
            "A passphrase needs 16 characters or more, and a salt",
        ),
        (
            {"encryption": Passphrase(SecretStr("x" * 16), " ")},
            "A passphrase needs 16 characters or more, and a salt",
        ),
    ],
)
def test_arguments_are_checked(arguments: dict[str, Any], text: str, locks: Path) -> None:
    given = {"encryption": FERNET, "lock_folder": locks, **arguments}
    with pytest.raises(ConfigurationError) as caught:
        KeyValueStore(Backend(), **given)
    assert str(caught.value) == text
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert CANARY not in "".join(told.format())


def test_it_says_that_it_does_not_run_in_trio(store: KeyValueStore) -> None:
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: store.aload(KEY),
        lambda: store.asave(KEY, SecretStr("a")),
        lambda: store.adelete(KEY),
        lambda: store.atry_lock(KEY),
    ]
    for call in calls:
        with pytest.raises(ConfigurationError) as caught:
            trio.run(call)
        assert str(caught.value) == (
            "The store for fleets needs asyncio: py-key-value-aio does not run in trio"
        )


def test_no_text_shows_the_key_or_the_backend(store: KeyValueStore) -> None:
    assert repr(store) == "KeyValueStore(namespace='ssooidc', lease=None)"
    assert repr(Passphrase(SecretStr(CANARY), "salt")) == (
        "Passphrase(text=SecretStr('**********'), salt='salt')"
    )


@pytest.mark.parametrize("missing", ["key_value.aio.errors", "cryptography.fernet"])
def test_without_the_libraries_the_extra_is_named(missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "try: import ssooidc_login.stores.key_value\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run(  # noqa: S603 - this Python
        [sys.executable, "-Ic", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == (
        'The store for fleets needs py-key-value-aio: pip install "ssooidc-core[store]"\n'
    )
