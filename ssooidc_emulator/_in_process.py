"""Transports that call an `IdentityCenter` in the same process, without a socket."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Final

from ssooidc_core._config import ClientConfig
from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._program import Instant
from ssooidc_core.errors import ConnectionLost, Timeout
from ssooidc_emulator._clocks import Clock, machine_time
from ssooidc_emulator._identity_center import IdentityCenter
from ssooidc_emulator.faults._wire import Delayed, WireFault

if TYPE_CHECKING:
    from tenacity import Retrying

__all__ = ["AsyncEmulatorTransport", "EmulatorTransport"]


class _InProcess:
    """Everything of the two transports except `send` and `sleep`."""

    def __init__(
        self,
        center: IdentityCenter,
        *,
        config: ClientConfig | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Send requests to this center.

        Args:
            center: the emulated service.
            config: the configuration; by default one with the center's region, and so with the real service's URLs.
            clock: the clock to read, and to advance instead of waiting; by default the machine's, with real waits.
        """
        self._center: Final = center
        self._config: Final = ClientConfig(region=center.region) if config is None else config
        self._clock: Final = clock
        self._retry_policy: Retrying | None = None

    @property
    def config(self) -> ClientConfig:
        """The configuration."""
        return self._config

    @property
    def retry_policy(self) -> Retrying:
        """A retry policy of the AWS standard mode, created at first use."""
        if self._retry_policy is None:
            from ssooidc_core.policies import standard_retry  # noqa: PLC0415 - imports tenacity

            self._retry_policy = standard_retry(max_attempts=self._config.max_attempts)
        return self._retry_policy

    def now(self) -> Instant:
        """Return the current time."""
        return machine_time() if self._clock is None else self._clock.now()

    def _delay(self, outcome: HttpResponse | WireFault) -> float:
        """Return the seconds to wait for an outcome, at most as long as the configured timeouts."""
        if not isinstance(outcome, Delayed):
            return 0.0
        return min(outcome.seconds, self._config.read_timeout, self._config.total_timeout)

    def _received(self, outcome: HttpResponse | WireFault, waited: float) -> HttpResponse:
        """Return the answer in an outcome after the wait.

        Raises:
            Timeout: the delay is longer than the configured timeouts.
            ConnectionLost: the connection failed.
        """
        if isinstance(outcome, Delayed):
            if waited < outcome.seconds:
                message = f"The emulator did not answer within {waited:g} s"
                raise Timeout(message)
            outcome = outcome.then
        if isinstance(outcome, HttpResponse):
            return outcome
        message = f"A scripted fault of the emulator broke the connection: {type(outcome).__name__}"
        raise ConnectionLost(message)


class EmulatorTransport(_InProcess):
    """A blocking transport that calls a center in the same process."""

    def send(self, request: HttpRequest, /) -> HttpResponse:
        """Return the center's answer.

        Raises:
            TransportError: a scripted fault breaks the connection, or delays the answer beyond the timeouts.
        """
        outcome = self._center.handle(request, self.now())
        if delay := self._delay(outcome):
            self.sleep(delay)
        return self._received(outcome, delay)

    def sleep(self, seconds: float, /) -> None:
        """Wait this many seconds, or advance the clock by them."""
        if self._clock is None:
            time.sleep(seconds)
        else:
            self._clock.advance(seconds)


class AsyncEmulatorTransport(_InProcess):
    """A transport for asyncio and trio that calls a center in the same process."""

    async def asend(self, request: HttpRequest, /) -> HttpResponse:
        """Return the center's answer.

        Raises:
            TransportError: a scripted fault breaks the connection, or delays the answer beyond the timeouts.
        """
        # Like a real transport, let other tasks run and allow a cancellation.
        await self.asleep(0)
        outcome = self._center.handle(request, self.now())
        if delay := self._delay(outcome):
            await self.asleep(delay)
        return self._received(outcome, delay)

    async def asleep(self, seconds: float, /) -> None:
        """Wait this many seconds, or advance the clock by them; other tasks run in either case."""
        if self._clock is not None:
            self._clock.advance(seconds)
            seconds = 0
        trio = sys.modules.get("trio")
        if trio is not None and trio.lowlevel.in_trio_task():
            await trio.sleep(seconds)
        else:
            await asyncio.sleep(seconds)
