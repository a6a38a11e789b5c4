"""The log of requests. It contains no secrets: no query, body, header, token or code."""

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
# Plain words only: user codes are upper case, tokens are long or of mixed case.
_WORD: Final = re.compile(r"[a-z][a-z_.-]{0,31}\Z")
_SEGMENTS_SHOWN: Final = 6


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request.

    Attributes:
        number: the request's number, counted from 1.
        time: the time of its arrival, in UTC.
        method: the HTTP method.
        path: the path; a segment that is not a plain word is shown as `*`.
        operation: the operation's name, or `DevicePage` or `AuthorizePage`; `None` for any other path.
        status: the status of the answer; `None` if none was sent.
        error: the error's name, for example `SlowDownException`.
        fault: the class name of the `WireFault` that a scripted fault caused.
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
    """Return a path with everything that might be secret replaced by `*`."""
    segments = path.split("/")
    shown = [
        segment if not segment or _WORD.match(segment) else "*"
        for segment in segments[:_SEGMENTS_SHOWN]
    ]
    return "/".join(shown)


def loggable_method(method: str) -> str:
    """Return a method, or `*` if it does not look like one."""
    return method if _METHOD.match(method) else "*"


class RequestLog:
    """The latest requests, and the subscribers to the next ones. Safe to use from many threads."""

    def __init__(self, size: int) -> None:
        """Keep at most `size` entries."""
        self._entries: Final = deque[LoggedRequest](maxlen=size)
        self._subscribers: tuple[Subscriber, ...] = ()
        self._lock: Final = threading.Lock()

    def entries(self) -> tuple[LoggedRequest, ...]:
        """Return the entries, oldest first."""
        with self._lock:
            return tuple(self._entries)

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` with each new entry; see `IdentityCenter.subscribe`."""
        with self._lock:
            self._subscribers = (*self._subscribers, subscriber)

        def unsubscribe() -> None:
            with self._lock:
                kept = [other for other in self._subscribers if other is not subscriber]
                self._subscribers = tuple(kept)

        return unsubscribe

    def add(self, entry: LoggedRequest) -> None:
        """Add an entry and call the subscribers."""
        with self._lock:
            self._entries.append(entry)
            subscribers = self._subscribers
        for subscriber in subscribers:
            try:
                _ = subscriber(entry)
            except Exception as error:  # noqa: BLE001 - a broken subscriber must not break the service
                _logger.warning("A subscriber of the request log raised %s", type(error).__name__)

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self._entries)
