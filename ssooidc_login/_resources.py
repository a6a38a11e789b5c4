"""What a driver acts on: a transport, a store, a person, and a browser's way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr

from ssooidc_core import AsyncTransport, Transport
from ssooidc_login.stores.store import AsyncStore, Store

__all__ = ["AsyncWorld", "Interaction", "Listener", "World"]


class Interaction(Protocol):
    """The person in front of it; see `ssooidc_login._browser.terminal` for the usual one."""

    def show(self, text: str, /) -> None:
        """Tell something; it holds no secret and no control character but line ends."""
        ...

    def open_url(self, url: str, /) -> bool:
        """Open a URL, which was checked, in a browser; say whether that seems to have worked.

        It may be called in a worker thread.
        """
        ...


class Listener(Protocol):
    """What waits at `redirect_uri` for the browser. Its methods may be called from one thread at a time."""

    @property
    def redirect_uri(self) -> str:
        """Where it listens: `http://127.0.0.1:PORT/oauth/callback`."""
        ...

    def expect(self, accepts: Callable[[str], bool | str | None], /) -> None:
        """Begin to take the answer that `accepts` takes; see `Expect`."""
        ...

    def poll(self, seconds: float, /) -> SecretStr | str | None:
        """Give the answer, or a text to show the person, waiting for so long at most; with 0 at once."""
        ...

    def finish(self, *, succeeded: bool, text: str) -> None:
        """Tell the browser, which waits, how it ended; a browser that left is none of anybody's business."""
        ...

    def close(self) -> None:
        """Stop listening; once is enough."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """What `drive` acts on.

    Attributes:
        transport: carries the requests, and has the clock.
        store: keeps the documents.
        interaction: the person; `None` where there is nobody to be told.
        listen: opens a listener on the first of these ports that is free; raises `ListenerError` where none is.
    """

    transport: Transport
    store: Store
    interaction: Interaction | None = None
    listen: Callable[[tuple[int, ...]], Listener] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AsyncWorld:
    """What `adrive` acts on; see `World`."""

    transport: AsyncTransport
    store: AsyncStore
    interaction: Interaction | None = None
    listen: Callable[[tuple[int, ...]], Listener] | None = None
