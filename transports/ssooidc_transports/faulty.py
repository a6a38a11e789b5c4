"""Transports around another transport that make its network fail in ways that a test chooses.

::

    transport = FaultyTransport(inner, [None, connection_lost(), delayed(5)])
    transport = FaultyTransport(inner, by_chance(connect_failed(), probability=0.2, entropy=random.Random(1).randbytes))

Responses and the time come from the inner transport. If it has a virtual clock, as `ScriptedTransport` and the
emulator's transports have, waits take no real time. Failures of the *service* (throttling, broken responses) are set up
in the inner transport.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from ssooidc_core._driver import AsyncTransport, Transport
from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core.errors import (
    ConnectFailed,
    ConnectionLost,
    ResponseTooLarge,
    Timeout,
    TransportError,
)
from ssooidc_transports._wrapping import InnerT, WrappingTransport

__all__ = [
    "AsyncFaultyTransport",
    "Entropy",
    "FaultyTransport",
    "WireFailure",
    "WireFailures",
    "by_chance",
    "connect_failed",
    "connection_lost",
    "delayed",
    "response_too_large",
    "timeout_after_sending",
    "timeout_before_sending",
]

_DRAWN_BYTES: Final = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class WireFailure:
    """The failure of one request; the functions of this module create the usual ones.

    Attributes:
        error: the exception to raise; `None` to return the response.
        is_delivered: whether the service receives and processes the request.
        may_have_been_sent: the value of the same attribute of the exception.
        seconds: the time until the exception or the response; `None` for the config's timeout.
    """

    error: type[TransportError] | None
    is_delivered: bool
    may_have_been_sent: bool = True
    seconds: float | None = 0.0

    def __post_init__(self) -> None:
        """Check that the attributes describe a possible failure.

        Raises:
            ValueError: `seconds` is negative, or a request that was not delivered gets a response, or the exception
                says that a delivered request was not sent.
        """
        if self.seconds is not None and not self.seconds >= 0:
            message = f"The seconds must be 0 or more: {self.seconds!r}"
            raise ValueError(message)
        if self.error is None and not self.is_delivered:
            message = "A request that was not delivered has no answer: set is_delivered or an error"
            raise ValueError(message)
        if self.is_delivered and not self.may_have_been_sent:
            message = "A delivered request was sent: set may_have_been_sent"
            raise ValueError(message)


WireFailures: TypeAlias = (
    "Iterable[WireFailure | None] | Callable[[HttpRequest], WireFailure | None]"
)
"""Failures in the order of the requests, `None` for a request that succeeds; or a function called with each request.

Requests after the end of an iterable succeed.
"""

Entropy: TypeAlias = Callable[[int], bytes]
"""A function that returns this many random bytes. `random.Random(1).randbytes` returns the same ones in each run."""


def connect_failed(*, seconds: float = 0.0) -> WireFailure:
    """Return a failure that raises `ConnectFailed` after this many seconds; nothing was sent."""
    return WireFailure(
        error=ConnectFailed, is_delivered=False, may_have_been_sent=False, seconds=seconds
    )


def timeout_before_sending(*, seconds: float | None = None) -> WireFailure:
    """Return a failure that raises `Timeout` while connecting; nothing was sent.

    Args:
        seconds: the default is the config's `connect_timeout`.
    """
    return WireFailure(error=Timeout, is_delivered=False, may_have_been_sent=False, seconds=seconds)


def timeout_after_sending(*, processed: bool = True, seconds: float | None = None) -> WireFailure:
    """Return a failure that raises `Timeout` while waiting for the response; the request may have been sent.

    Args:
        processed: whether the service processed the request (used up a code, rotated a token); only its response is
            missing.
        seconds: the default is the smaller of the config's `read_timeout` and `total_timeout`.
    """
    return WireFailure(error=Timeout, is_delivered=processed, seconds=seconds)


def connection_lost(*, processed: bool = True, seconds: float = 0.0) -> WireFailure:
    """Return a failure that raises `ConnectionLost`; the request may have been sent.

    Args:
        processed: whether the service processed the request; only its response was lost.
        seconds: the time until the exception.
    """
    return WireFailure(error=ConnectionLost, is_delivered=processed, seconds=seconds)


def response_too_large() -> WireFailure:
    """Return a failure that raises `ResponseTooLarge`; the service processed the request."""
    return WireFailure(error=ResponseTooLarge, is_delivered=True)


def delayed(seconds: float) -> WireFailure:
    """Return a delay of the response. If it exceeds the config's timeout, `Timeout` is raised instead.

    The service processes the request immediately.

    Raises:
        ValueError: `seconds` is negative.
    """
    return WireFailure(error=None, is_delivered=True, seconds=seconds)


def by_chance(
    *failures: WireFailure, probability: float, entropy: Entropy
) -> Callable[[HttpRequest], WireFailure | None]:
    """Return a function that makes each request fail with this probability, all failures being equally likely.

    Args:
        failures: the possible failures; at least one.
        probability: from 0 to 1.
        entropy: the source of randomness. Eight bytes are read for each request, whether it fails or not.

    Raises:
        ValueError: there is no failure, or `probability` is not between 0 and 1.
    """
    if not failures or not 0 <= probability <= 1:
        message = "by_chance needs a failure, and a probability from 0 to 1"
        raise ValueError(message)

    def decide(_request: HttpRequest, /) -> WireFailure | None:
        drawn = int.from_bytes(entropy(_DRAWN_BYTES), "big") / (1 << 8 * _DRAWN_BYTES)
        if not drawn < probability:
            return None
        # `drawn` is uniform below `probability`, so its position there chooses a failure; rounding may reach the end.
        return failures[min(int(drawn / probability * len(failures)), len(failures) - 1)]

    return decide


class _Faulty(WrappingTransport[InnerT]):
    """The part that the blocking and the asynchronous transport share."""

    def __init__(self, inner: InnerT, failures: WireFailures) -> None:
        super().__init__(inner)
        self._ask: Final = failures if callable(failures) else None
        self._script: Final[Iterator[WireFailure | None]] = iter(
            () if callable(failures) else failures
        )
        self._lock: Final = threading.Lock()
        self.happened: Final[list[WireFailure | None]] = []

    def assert_exhausted(self) -> None:
        """Check that every failure of an iterable has happened. A function always passes.

        Raises:
            AssertionError: a failure has not happened. This call uses up the iterable.
        """
        with self._lock:
            left = [failure for failure in self._script if failure is not None]
        if left:
            message = f"{len(left)} did not happen, the first of them: {left[0]!r}"
            raise AssertionError(message)

    def _next(self, request: HttpRequest) -> WireFailure | None:
        with self._lock:
            failure = next(self._script, None) if self._ask is None else self._ask(request)
            self.happened.append(failure)
        return failure

    def _timeout(self, failure: WireFailure) -> float:
        """Return the seconds after which a client gives up in the phase of this failure."""
        config = self.config
        phase = config.read_timeout if failure.may_have_been_sent else config.connect_timeout
        return min(phase, config.total_timeout)

    def _wait(self, failure: WireFailure) -> float:
        timeout = self._timeout(failure)
        return timeout if failure.seconds is None else min(failure.seconds, timeout)

    def _received(self, failure: WireFailure, response: HttpResponse | None) -> HttpResponse:
        """Return the response, or raise the error, that the client gets after the wait."""
        error = failure.error
        if failure.seconds is not None and failure.seconds > self._timeout(failure):
            error = Timeout
        if error is None and response is not None:
            return response
        kind = error or TransportError
        message = f"{type(self).__name__} was told to raise {kind.__name__}"
        raise kind(message, may_have_been_sent=failure.may_have_been_sent)


class FaultyTransport(_Faulty[Transport]):
    """Sends through another transport and makes requests fail. It does not close the other transport.

    Attributes:
        happened: the failure of each request so far, `None` for a request that succeeded.
    """

    def __init__(self, inner: Transport, failures: WireFailures) -> None:
        """Wrap a blocking transport."""
        super().__init__(inner, failures)

    def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send the request and apply its failure.

        Raises:
            TransportError: the failure, or an error of the inner transport.
        """
        failure = self._next(request)
        if failure is None:
            return self._inner.send(request)
        response = self._inner.send(request) if failure.is_delivered else None
        if wait := self._wait(failure):
            self._inner.sleep(wait)
        return self._received(failure, response)

    def sleep(self, seconds: float, /) -> None:
        """Wait like the inner transport."""
        self._inner.sleep(seconds)


class AsyncFaultyTransport(_Faulty[AsyncTransport]):
    """The asynchronous counterpart of `FaultyTransport`.

    Attributes:
        happened: the failure of each request so far, `None` for a request that succeeded.
    """

    def __init__(self, inner: AsyncTransport, failures: WireFailures) -> None:
        """Wrap an asynchronous transport."""
        super().__init__(inner, failures)

    async def asend(self, request: HttpRequest, /) -> HttpResponse:
        """Send the request and apply its failure.

        Raises:
            TransportError: the failure, or an error of the inner transport.
        """
        failure = self._next(request)
        if failure is None:
            return await self._inner.asend(request)
        # Even if nothing is sent or waited for, other tasks run and a cancellation arrives, as on a real network.
        await self._inner.asleep(0)
        response = await self._inner.asend(request) if failure.is_delivered else None
        if wait := self._wait(failure):
            await self._inner.asleep(wait)
        return self._received(failure, response)

    async def asleep(self, seconds: float, /) -> None:
        """Wait like the inner transport."""
        await self._inner.asleep(seconds)
