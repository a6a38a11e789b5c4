"""The resources that a driver uses: a transport, a store, the person who signs in, and a listener for the browser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from pydantic import SecretStr

from ssooidc_core import AsyncTransport, Transport
from ssooidc_login.stores.store import AsyncStore, Store

__all__ = ["AsyncResources", "Interaction", "Listener", "ReadsPastes", "Resources"]


class Interaction(Protocol):
    """What a login uses to talk to the person who signs in: a terminal, or a window of your program.

    `ssooidc_login.terminal.Terminal` is the default. A class that also has a true attribute `reads_pastes` lets the
    login read standard input while it waits, so that the person can paste the address that their browser ended at.
    """

    def show(self, text: str, /) -> None:
        """Show a text, which has no secrets and no control characters except line ends."""
        ...

    def open_url(self, url: str, /) -> bool:
        """Open a URL in a browser and return whether that seems to have worked.

        The URL is on a host of AWS or of the configured endpoint. This may be called in a worker thread.
        """
        ...


@runtime_checkable
class ReadsPastes(Interaction, Protocol):
    """An `Interaction` whose person may be able to paste text into standard input."""

    @property
    def reads_pastes(self) -> bool:
        """Whether the login may read standard input while it waits for the browser."""
        ...


class Listener(Protocol):
    """A listener for the browser at `redirect_uri`. Its methods may be called from one thread at a time."""

    @property
    def redirect_uri(self) -> str:
        """The address that it serves: `http://127.0.0.1:PORT/oauth/callback`."""
        ...

    def expect(self, accepts: Callable[[str], bool | str | None], /) -> None:
        """Start to wait for the one callback that `accepts` recognizes; see `Expect`."""
        ...

    def poll(self, seconds: float, /) -> SecretStr | str | None:
        """Wait up to `seconds` and return the callback, a text to show to the person, or `None`.

        With 0 seconds it does not wait.
        """
        ...

    def finish(self, *, succeeded: bool, text: str) -> None:
        """Send the waiting browser a page that says how the login ended; the browser may already be gone."""
        ...

    def close(self) -> None:
        """Stop listening. Closing twice is harmless."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Resources:
    """The resources of `drive`.

    Attributes:
        transport: sends the requests, and has the clock.
        store: keeps the documents.
        interaction: the person who signs in; `None` where nothing can be shown.
        listen: opens a listener on the first free port of these; raises `ListenerError` if none is free.
    """

    transport: Transport
    store: Store
    interaction: Interaction | None = None
    listen: Callable[[tuple[int, ...]], Listener] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AsyncResources:
    """The resources of `adrive`; the attributes are those of `Resources`."""

    transport: AsyncTransport
    store: AsyncStore
    interaction: Interaction | None = None
    listen: Callable[[tuple[int, ...]], Listener] | None = None
