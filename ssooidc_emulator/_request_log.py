"""What was asked and answered, without anything secret in it: no query, body, header, token or code."""

from __future__ import annotations

import logging
import re
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

__all__ = ["LoggedRequest", "RequestLog", "Subscriber", "loggable_method", "loggable_path"]

_logger: Final = logging.getLogger("ssooidc_emulator._request_log")
_METHOD: Final = re.compile(r"[A-Z]{1,10}\Z")
# Words, not codes: user codes are upper case, tokens are long or mixed.
_WORD: Final = re.compile(r"[a-z][a-z_.-]{0,31}\Z")
_SEGMENTS_SHOWN: Final = 6


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request.

    Attributes:
        number: counts from 1.
        time: when it came, in UTC.
        method: its HTTP method.
        path: its path; segments that could be anything but a plain word are shown as `*`.
        operation: the operation's name, `DevicePage`, or `None` where the path is none of ours.
        status: the status of the answer; `None` where none was sent.
        error: the error's name, `SlowDownException` for example.
        fault: what a script did to the wire, the name of the `WireFault`.
    """

    number: int
    time: datetime
    method: str
    path: str
    operation: str | None
    status: int | None
    error: str | None = None
    fault: str | None = None


Subscriber: TypeAlias = Callable[[LoggedRequest], object]


def loggable_path(path: str) -> str:
    """Give a path without what might be secret in it."""
    segments = path.split("/")
    shown = [
        segment if not segment or _WORD.match(segment) else "*"
        for segment in segments[:_SEGMENTS_SHOWN]
    ]
    return "/".join(shown)


def loggable_method(method: str) -> str:
    """Give a method where it looks like one."""
    return method if _METHOD.match(method) else "*"


class RequestLog:
    """The last requests, and whom to tell of the next. Safe to use from many threads."""

    def __init__(self, size: int) -> None:
        """Keep this many."""
        self._entries: Final = deque[LoggedRequest](maxlen=size)
        self._subscribers: tuple[Subscriber, ...] = ()
        self._lock: Final = threading.Lock()

    def entries(self) -> tuple[LoggedRequest, ...]:
        """Give what is kept, the oldest first."""
        with self._lock:
            return tuple(self._entries)

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` with each request from now on, in the thread that answers it; returns how to stop that.

        It is called after the answer was made and before it is sent, and may call the center. What it raises is
        logged by the name of its class only, and goes no further.
        """
        with self._lock:
            self._subscribers = (*self._subscribers, subscriber)

        def unsubscribe() -> None:
            with self._lock:
                kept = [other for other in self._subscribers if other is not subscriber]
                self._subscribers = tuple(kept)

        return unsubscribe

    def add(self, entry: LoggedRequest) -> None:
        """Keep one and tell the subscribers."""
        with self._lock:
            self._entries.append(entry)
            subscribers = self._subscribers
        for subscriber in subscribers:
            try:
                _ = subscriber(entry)
            except Exception as error:  # noqa: BLE001 - a broken listener must not break the service
                _logger.warning("A subscriber of the request log raised %s", type(error).__name__)

    def __len__(self) -> int:
        """Count what is kept."""
        return len(self._entries)
