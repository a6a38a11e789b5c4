"""What a program of this package may ask of its driver, beside the core's operations, `Sleep` and `Now`.

Each event is a one-step program: `document = yield from Load(key)`. The flows are written once with them, and
`drive` and `adrive` carry them out for blocking code, asyncio and trio.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar, cast

from pydantic import SecretStr

from ssooidc_core._program import Now, Operation, Sleep
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
class Load:
    """Read a document out of the store: its text, or `None`."""

    key: StoreKey

    def __iter__(self) -> Generator[LoginEvent, object, SecretStr | None]:
        """Be a one-step program."""
        return cast("SecretStr | None", (yield self))


@dataclass(frozen=True, slots=True)
class Save:
    """Put a document into the store."""

    key: StoreKey
    document: SecretStr

    def __iter__(self) -> Generator[LoginEvent, object, None]:
        """Be a one-step program."""
        yield self


@dataclass(frozen=True, slots=True)
class Delete:
    """Take a document out of the store."""

    key: StoreKey

    def __iter__(self) -> Generator[LoginEvent, object, None]:
        """Be a one-step program."""
        yield self


@dataclass(frozen=True, slots=True)
class Exclusively(Generic[T_co]):
    """Run a program while nobody else works on a key, and give its result; `None` where the wait was in vain.

    Attributes:
        key: what to work on.
        program: starts the program, once the key is ours.
        wait: seconds to wait for the key; 0 tries once.
    """

    key: StoreKey
    program: Callable[[], LoginSteps[T_co]] = field(repr=False)
    wait: float

    def __iter__(self) -> Generator[LoginEvent, object, T_co | None]:
        """Be a one-step program."""
        return cast("T_co | None", (yield self))


@dataclass(frozen=True, slots=True)
class IsHeld:
    """Say whether the innermost `Exclusively` around this still has its key: a lease may have run out."""

    def __iter__(self) -> Generator[LoginEvent, object, bool]:
        """Be a one-step program."""
        return cast("bool", (yield self))


@dataclass(frozen=True, slots=True)
class Undisturbed(Generic[T_co]):
    """Run a program that a cancellation of asyncio or trio waits for, and give its result: it must be a short one.

    Attributes:
        program: starts the program.
    """

    program: Callable[[], LoginSteps[T_co]] = field(repr=False)

    def __iter__(self) -> Generator[LoginEvent, object, T_co]:
        """Be a one-step program."""
        return cast("T_co", (yield self))


@dataclass(frozen=True, slots=True)
class Show:
    """Tell the person something, without control characters or secrets in it."""

    text: str = field(repr=False)

    def __iter__(self) -> Generator[LoginEvent, object, None]:
        """Be a one-step program."""
        yield self


@dataclass(frozen=True, slots=True)
class OpenUrl:
    """Open a URL, which was checked, in the person's browser; says whether that seems to have worked."""

    url: str = field(repr=False)

    def __iter__(self) -> Generator[LoginEvent, object, bool]:
        """Be a one-step program."""
        return cast("bool", (yield self))


@dataclass(frozen=True, slots=True)
class Listening(Generic[T_co]):
    """Listen at the loopback for a browser while a program runs, and give its result.

    Attributes:
        ports: those to try, in order; 0 is any free one.
        program: starts the program with the redirect URI, `http://127.0.0.1:PORT/oauth/callback`.
    """

    ports: tuple[int, ...]
    program: Callable[[str], LoginSteps[T_co]] = field(repr=False)

    def __iter__(self) -> Generator[LoginEvent, object, T_co]:
        """Be a one-step program."""
        return cast("T_co", (yield self))


@dataclass(frozen=True, slots=True)
class Expect:
    """Begin, inside `Listening`, to take the browser's answer; before the browser is opened, which may be fast.

    Attributes:
        accepts: says of a callback URL whether it is the answer: `True` takes it; a text is shown to the person;
            `None` is a stranger's. Of what it does not take, the browser is told so, and the wait goes on.
    """

    accepts: Callable[[str], bool | str | None] = field(repr=False)

    def __iter__(self) -> Generator[LoginEvent, object, None]:
        """Be a one-step program."""
        yield self


@dataclass(frozen=True, slots=True)
class AwaitCallback:
    """Wait, after `Expect`, for the browser's answer or for the person to paste it.

    Its path and query come back, or `None` after so many seconds.
    """

    seconds: float

    def __iter__(self) -> Generator[LoginEvent, object, SecretStr | None]:
        """Be a one-step program."""
        return cast("SecretStr | None", (yield self))


@dataclass(frozen=True, slots=True)
class Finish:
    """Tell the browser, which waits inside `Listening`, how the login ended. A browser that left changes nothing.

    Attributes:
        succeeded: whether there is a token.
        text: what the page says, without secrets.
    """

    succeeded: bool
    text: str = field(repr=False)

    def __iter__(self) -> Generator[LoginEvent, object, None]:
        """Be a one-step program."""
        yield self


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
"""What a program of this package may ask of its driver."""

LoginSteps: TypeAlias = Generator[LoginEvent, object, T]
"""What such a program's generator is."""
