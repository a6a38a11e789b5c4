"""Transports that ask an `IdentityCenter` in the same process: no socket, and no time where the clock is virtual."""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

from ssooidc_core._config import ClientConfig
from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._program import Instant
from ssooidc_core.errors import ConnectionLost, Timeout
from ssooidc_emulator._identity_center import IdentityCenter
from ssooidc_emulator.faults._wire import Delayed, WireFault

if TYPE_CHECKING:
    from tenacity import Retrying

__all__ = ["AsyncEmulatorTransport", "Clock", "EmulatorTransport"]


class Clock(Protocol):
    """A clock that a test controls, `ssooidc_transports.testing.VirtualClock` for example."""

    def now(self) -> Instant:
        """Tell the time."""
        ...

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        ...


class _InProcess:
    """What both transports have in common."""

    def __init__(
        self,
        center: IdentityCenter,
        *,
        config: ClientConfig | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Ask this center.

        Args:
            center: who answers.
            config: by default one with the center's region, and so with the real service's URLs.
            clock: by default the machine's.
        """
        self._center: Final = center
        self._config: Final = ClientConfig(region=center.region) if config is None else config
        self._clock: Final = clock
        self._retry_policy: Retrying | None = None

    @property
    def config(self) -> ClientConfig:
        """Where requests go."""
        return self._config

    @property
    def retry_policy(self) -> Retrying:
        """The AWS standard mode, made when first asked for."""
        if self._retry_policy is None:
            from ssooidc_core.policies import standard_retry  # noqa: PLC0415 - imports tenacity

            self._retry_policy = standard_retry(max_attempts=self._config.max_attempts)
        return self._retry_policy

    def now(self) -> Instant:
        """Tell the time."""
        if self._clock is not None:
            return self._clock.now()
        return Instant(datetime.now(UTC), time.monotonic())

    def _delay(self, outcome: HttpResponse | WireFault) -> float:
        """Seconds to wait for an outcome: as long as a client's patience lasts."""
        if not isinstance(outcome, Delayed):
            return 0.0
        return min(outcome.seconds, self._config.read_timeout, self._config.total_timeout)

    def _received(self, outcome: HttpResponse | WireFault, waited: float) -> HttpResponse:
        """What a client gets of an outcome after the wait.

        Raises:
            Timeout: it took longer than the config allows.
            ConnectionLost: the wire failed.
        """
        if isinstance(outcome, Delayed):
            if waited < outcome.seconds:
                message = f"The emulator did not answer within {waited:g} s"
                raise Timeout(message)
            outcome = outcome.then
        if isinstance(outcome, HttpResponse):
            return outcome
        message = f"The emulator's script lost the connection: {type(outcome).__name__}"
        raise ConnectionLost(message)


class EmulatorTransport(_InProcess):
    """Asks a center in the same process, and blocks meanwhile."""

    def send(self, request: HttpRequest, /) -> HttpResponse:
        """Give the center's answer.

        Raises:
            TransportError: the center's script says that the wire fails.
        """
        outcome = self._center.handle(request, self.now())
        if delay := self._delay(outcome):
            self.sleep(delay)
        return self._received(outcome, delay)

    def sleep(self, seconds: float, /) -> None:
        """Wait."""
        if self._clock is None:
            time.sleep(seconds)
        else:
            self._clock.advance(seconds)


class AsyncEmulatorTransport(_InProcess):
    """Asks a center in the same process, in asyncio or trio."""

    async def asend(self, request: HttpRequest, /) -> HttpResponse:
        """Give the center's answer.

        Raises:
            TransportError: the center's script says that the wire fails.
        """
        # Others run, and a cancellation comes in, as where there is a real wire.
        await self.asleep(0)
        outcome = self._center.handle(request, self.now())
        if delay := self._delay(outcome):
            await self.asleep(delay)
        return self._received(outcome, delay)

    async def asleep(self, seconds: float, /) -> None:
        """Wait; under a virtual clock others run meanwhile all the same."""
        if self._clock is not None:
            self._clock.advance(seconds)
            seconds = 0
        trio = sys.modules.get("trio")
        if trio is not None and trio.lowlevel.in_trio_task():
            await trio.sleep(seconds)
        else:
            await asyncio.sleep(seconds)
