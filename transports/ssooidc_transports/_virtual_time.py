"""Virtual time: a clock that only its user moves, and the base of transports whose waits move it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from ssooidc_core._config import ClientConfig
from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._program import Instant
from ssooidc_transports.transport import AsyncBaseTransport, BaseTransport

if TYPE_CHECKING:
    from tenacity import Retrying

__all__ = ["VirtualClock", "VirtualTimeTransport"]

_START: Final = datetime(2026, 1, 1, tzinfo=UTC)


class VirtualClock:
    """A clock that stands still until it is moved; thread-safe."""

    def __init__(self, start: datetime = _START) -> None:
        """Start at this wall time, with the monotonic clock at 0.

        Raises:
            ValueError: `start` has no time zone.
        """
        self._lock = threading.Lock()
        self._wall = _in_utc(start)
        self._monotonic = 0.0

    def now(self) -> Instant:
        """Return the current time of the clock."""
        with self._lock:
            return Instant(self._wall, self._monotonic)

    def advance(self, seconds: float) -> None:
        """Move both the wall clock and the monotonic clock forward.

        Raises:
            ValueError: `seconds` is negative.
        """
        if not seconds >= 0:
            message = f"The seconds must be 0 or more: {seconds!r}"
            raise ValueError(message)
        with self._lock:
            self._wall += timedelta(seconds=seconds)
            self._monotonic += seconds

    def set_wall(self, wall: datetime) -> None:
        """Set the wall clock forward or back, as a user or NTP would; the monotonic clock does not change.

        Raises:
            ValueError: `wall` has no time zone.
        """
        in_utc = _in_utc(wall)
        with self._lock:
            self._wall = in_utc


class VirtualTimeTransport(BaseTransport, AsyncBaseTransport):
    """Everything but `send` of a transport that takes its time from a clock, for `run` and `arun` alike."""

    def __init__(
        self, config: ClientConfig, clock: VirtualClock, *, retry_policy: Retrying | None = None
    ) -> None:
        super().__init__(config, retry_policy=retry_policy)
        self.clock: VirtualClock = clock

    async def asend(self, request: HttpRequest, /) -> HttpResponse:
        """Allow other tasks to run and a cancellation to be delivered, then do the same as `send`."""
        await super().asleep(0)
        return self.send(request)

    def sleep(self, seconds: float, /) -> None:
        """Advance the clock."""
        self.clock.advance(seconds)

    async def asleep(self, seconds: float, /) -> None:
        """Allow other tasks to run and a cancellation to be delivered, then do the same as `sleep`."""
        await super().asleep(0)
        self.sleep(seconds)

    def now(self) -> Instant:
        """Return the current time of the clock."""
        return self.clock.now()


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        message = f"The time needs a time zone: {moment!r}"
        raise ValueError(message)
    return moment.astimezone(UTC)
