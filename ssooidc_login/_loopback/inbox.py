"""`Inbox`: the callback that a login waits for, shared by the thread that listens and the thread that signs in."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from pydantic import SecretStr

from ssooidc_login.errors import ListenerError

__all__ = ["Inbox", "Verdict"]

_MOST_NOTICES: Final = 5


class Verdict(Enum):
    """What was decided about a callback URL."""

    ACCEPTED = auto()
    """It is the answer to the login, and it was kept."""
    REJECTED = auto()
    """A request that is not the answer to the login, which continues to wait."""
    TOO_LATE = auto()
    """The login already has its answer."""


class Inbox:
    """One callback, and notices for the person. Every method may be called from any thread."""

    def __init__(self) -> None:
        """Make an inbox that rejects every callback until `expect` is called."""
        self._changed: Final = threading.Condition()
        self._accepts: Callable[[str], bool | str | None] | None = None
        self._answer: SecretStr | None = None
        self._notices: deque[str] = deque()
        self._noticed: set[str] = set()
        self._failed = False

    def expect(self, accepts: Callable[[str], bool | str | None]) -> None:
        """Start to accept one callback, and forget an earlier one."""
        with self._changed:
            self._accepts, self._answer = accepts, None
            self._noticed.clear()
            self._notices.clear()

    def offer(self, callback_url: str) -> Verdict:
        """Decide about a callback URL; an accepted one is kept before this returns."""
        with self._changed:
            if self._answer is not None:
                return Verdict.TOO_LATE
            try:
                accepted = None if self._accepts is None else self._accepts(callback_url)
            except Exception:  # noqa: BLE001 - no request from outside may end the wait
                accepted = None
            if accepted is True:
                self._answer = SecretStr(callback_url)
                self._changed.notify_all()
                return Verdict.ACCEPTED
            # Any web page can cause a notice, again and again: show each text once, and only a few of them.
            is_new = accepted not in self._noticed and len(self._noticed) < _MOST_NOTICES
            if isinstance(accepted, str) and is_new:
                self._noticed.add(accepted)
                self.notify(accepted)
            return Verdict.REJECTED

    def notify(self, text: str) -> None:
        """Add a text that is to be shown to the person."""
        with self._changed:
            if len(self._notices) < _MOST_NOTICES:
                self._notices.append(text)
                self._changed.notify_all()

    def wait(self, seconds: float) -> SecretStr | str | None:
        """Wait up to `seconds` and return the callback, a text for the person, or `None`.

        Raises:
            ListenerError: the listening thread has ended.
        """
        with self._changed:
            _ = self._changed.wait_for(self._has_something, seconds)
            if self._answer is not None:
                return self._answer
            if self._notices:
                return self._notices.popleft()
            if self._failed:
                message = "The listener for the browser's answer has stopped"
                raise ListenerError(message)
            return None

    def fail(self) -> None:
        """Make `wait` raise an error: the listening thread has ended."""
        with self._changed:
            self._failed = True
            self._changed.notify_all()

    def _has_something(self) -> bool:
        return self._answer is not None or bool(self._notices) or self._failed
