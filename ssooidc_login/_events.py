"""The events of this package's programs, in addition to the core's operations, `Sleep` and `Now`.

Each event is a one-step program: `document = yield from Load(key)`. The flows are written once with these events;
`drive` carries them out in blocking code, `adrive` in asyncio and trio.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from pydantic import SecretStr

from ssooidc_core._program import Now, OneStep, Operation, Sleep
from ssooidc_login.stores.store import StoreKey

__all__ = [
    "AwaitCallback",
    "Delete",
    "Exclusively",
    "Expect",
    "Finish",
    "IsHeld",
    "Listening",
    "Load",
    "LoginEvent",
    "LoginSteps",
    "OpenUrl",
    "Save",
    "Show",
    "Undisturbed",
]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Load(OneStep[SecretStr | None]):
    """Read a document from the store: its text, or `None`."""

    key: StoreKey


@dataclass(frozen=True, slots=True)
class Save(OneStep[None]):
    """Write a document to the store."""

    key: StoreKey
    document: SecretStr


@dataclass(frozen=True, slots=True)
class Delete(OneStep[None]):
    """Delete a document from the store."""

    key: StoreKey


@dataclass(frozen=True, slots=True)
class Exclusively(OneStep[T_co | None]):
    """Run a program while holding the lock of a key, and return its result, or `None` if the lock was not free in time.

    Attributes:
        key: the key to lock.
        program: starts the program once the lock is held.
        wait: seconds to wait for the lock; 0 tries once.
    """

    key: StoreKey
    program: Callable[[], LoginSteps[T_co]] = field(repr=False)
    wait: float


@dataclass(frozen=True, slots=True)
class IsHeld(OneStep[bool]):
    """Return whether the innermost enclosing `Exclusively` still holds its lock: a lease may have run out."""


@dataclass(frozen=True, slots=True)
class Undisturbed(OneStep[T_co]):
    """Run a program to its end even if the task is cancelled in asyncio or trio, and return its result.

    A cancellation waits for the program, so it must be short.

    Attributes:
        program: starts the program.
    """

    program: Callable[[], LoginSteps[T_co]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Show(OneStep[None]):
    """Show a text to the person; it has no secrets and no control characters."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OpenUrl(OneStep[bool]):
    """Open a URL, already checked, in the person's browser; return whether that seems to have worked."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Listening(OneStep[T_co]):
    """Listen for a browser on 127.0.0.1 while a program runs, and return its result.

    Attributes:
        ports: the ports to try, in order; 0 is any free one.
        program: starts the program with the redirect URI, `http://127.0.0.1:PORT/oauth/callback`.
    """

    ports: tuple[int, ...]
    program: Callable[[str], LoginSteps[T_co]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Expect(OneStep[None]):
    """Start, inside `Listening`, to accept the browser's callback. It comes before the browser is opened.

    Attributes:
        accepts: decides about a callback URL. `True` accepts it. A text is shown to the person, and `None` means that
            the URL belongs to something else; in both cases the browser gets an error page and the wait goes on.
    """

    accepts: Callable[[str], bool | str | None] = field(repr=False)


@dataclass(frozen=True, slots=True)
class AwaitCallback(OneStep[SecretStr | None]):
    """Wait, after `Expect`, until the browser sends the callback or the person pastes it.

    Return the callback's path and query, or `None` after `seconds`.
    """

    seconds: float


@dataclass(frozen=True, slots=True)
class Finish(OneStep[None]):
    """Send the browser that waits inside `Listening` the result of the login. The browser may already be gone.

    Attributes:
        succeeded: whether there is a token.
        text: the text of the page, without secrets.
    """

    succeeded: bool
    text: str = field(repr=False)


LoginEvent: TypeAlias = (
    Operation[object, Exception]
    | Sleep
    | Now
    | Load
    | Save
    | Delete
    | Exclusively[object]
    | IsHeld
    | Undisturbed[object]
    | Show
    | OpenUrl
    | Listening[object]
    | Expect
    | AwaitCallback
    | Finish
)
"""What a program of this package may yield to its driver."""

LoginSteps: TypeAlias = Generator[LoginEvent, object, T]
"""The generator of such a program."""
