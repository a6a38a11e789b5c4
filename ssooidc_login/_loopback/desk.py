"""Where the thread that listens and the thread that signs in meet: what is waited for, and what came."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from pydantic import SecretStr

from ssooidc_login.errors import ListenerError

__all__ = ["Desk", "Judgement"]

_MOST_NOTICES: Final = 5


class Judgement(Enum):
    """What became of a callback."""

    TAKEN = auto()
    """It is the answer, and it is kept."""
    STRANGER = auto()
    """It is not the answer; the login still waits."""
    TOO_LATE = auto()
    """There is an answer already."""


class Desk:
    """What the two threads share; every method may be called from any thread."""

    def __init__(self) -> None:
        """Wait for nothing yet."""
        self._changed: Final = threading.Condition()
        self._accepts: Callable[[str], bool | str | None] | None = None
        self._answer: SecretStr | None = None
        self._notices: deque[str] = deque()
        self._noticed: set[str] = set()
        self._failed = False

    def expect(self, accepts: Callable[[str], bool | str | None]) -> None:
        """Begin to take one answer; what there was is forgotten."""
        with self._changed:
            self._accepts, self._answer = accepts, None
            self._noticed.clear()
            self._notices.clear()

    def judge(self, callback_url: str) -> Judgement:
        """Ask whether this is the answer; if it is, it is kept before this returns."""
        with self._changed:
            if self._answer is not None:
                return Judgement.TOO_LATE
            try:
                verdict = None if self._accepts is None else self._accepts(callback_url)
            except Exception:  # noqa: BLE001 - nothing that comes from outside may end the wait
                verdict = None
            if verdict is True:
                self._answer = SecretStr(callback_url)
                self._changed.notify_all()
                return Judgement.TAKEN
            # Any page can cause it, again and again: each text once, and only a few of them.
            is_new = verdict not in self._noticed and len(self._noticed) < _MOST_NOTICES
            if isinstance(verdict, str) and is_new:
                self._noticed.add(verdict)
                self.say(verdict)
            return Judgement.STRANGER

    def say(self, text: str) -> None:
        """Have a text shown to the person."""
        with self._changed:
            if len(self._notices) < _MOST_NOTICES:
                self._notices.append(text)
                self._changed.notify_all()

    def wait(self, seconds: float) -> SecretStr | str | None:
        """Give the answer, or a text for the person, waiting for so long at most.

        Raises:
            ListenerError: the thread that listens has died.
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
        """Have `wait` raise: nobody listens any more."""
        with self._changed:
            self._failed = True
            self._changed.notify_all()

    def _has_something(self) -> bool:
        return self._answer is not None or bool(self._notices) or self._failed
