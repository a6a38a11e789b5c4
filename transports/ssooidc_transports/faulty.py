"""A transport around another one, on whose wire things go wrong as a test says.

::

    transport = FaultyTransport(inner, [None, connection_lost(), delayed(5)])
    transport = FaultyTransport(inner, by_chance(connect_failed(), probability=0.2, entropy=random.Random(1).randbytes))

What the service answers comes from the inner transport, and so does the time: where that has a virtual clock, as
`ScriptedTransport` and the emulator's transports have, waits take none. What a *service* does wrong (throttling, broken
answers) is the inner transport's part.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from ssooidc_core._config import ClientConfig
from ssooidc_core._driver import AsyncTransport, Transport
from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._program import Instant
from ssooidc_core.errors import (
    ConnectFailed,
    ConnectionLost,
    ResponseTooLarge,
    Timeout,
    TransportError,
)

if TYPE_CHECKING:
    from tenacity import Retrying

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
    """What becomes of one request; the functions of this module make the usual ones.

    Attributes:
        error: what is raised in the end; `None` where the answer comes after all.
        is_delivered: whether the service gets the request and does what it asks.
        may_have_been_sent: what the error says of that.
        seconds: that pass before the end; `None` for as long as the config's patience lasts.
    """

    error: type[TransportError] | None
    is_delivered: bool
    may_have_been_sent: bool = True
    seconds: float | None = 0.0

    def __post_init__(self) -> None:
        """Refuse what no wire does.

        Raises:
            ValueError: the seconds are negative, an answer comes to what was not delivered, or the error denies a
                delivery.
        """
        if self.seconds is not None and not self.seconds >= 0:
            message = f"Time does not go back: {self.seconds!r} s"
            raise ValueError(message)
        if self.error is None and not self.is_delivered:
            message = "There is no answer to a request that was not delivered"
            raise ValueError(message)
        if self.is_delivered and not self.may_have_been_sent:
            message = "An error must not say that nothing was sent where the request was delivered"
            raise ValueError(message)


WireFailures: TypeAlias = (
    "Iterable[WireFailure | None] | Callable[[HttpRequest], WireFailure | None]"
)
"""What goes wrong: for each request in its order, `None` where nothing does; or a function that is asked each time.

When an iterable is at its end, nothing goes wrong any more.
"""

Entropy: TypeAlias = Callable[[int], bytes]
"""Gives as many random bytes as it is asked for: `random.Random(1).randbytes` the same ones each time."""


def connect_failed(*, seconds: float = 0.0) -> WireFailure:
    """Raise `ConnectFailed`, after some seconds; nothing was sent."""
    return WireFailure(
        error=ConnectFailed, is_delivered=False, may_have_been_sent=False, seconds=seconds
    )


def timeout_before_sending(*, seconds: float | None = None) -> WireFailure:
    """Raise a `Timeout` of connecting: nothing was sent.

    Args:
        seconds: by default the config's `connect_timeout`.
    """
    return WireFailure(error=Timeout, is_delivered=False, may_have_been_sent=False, seconds=seconds)


def timeout_after_sending(*, processed: bool = True, seconds: float | None = None) -> WireFailure:
    """Raise a `Timeout` of waiting for the answer; the request may have been sent.

    Args:
        processed: whether the call had its effect (a code spent, a token rotated) and only its answer is missing.
        seconds: by default the smaller one of the config's `read_timeout` and `total_timeout`.
    """
    return WireFailure(error=Timeout, is_delivered=processed, seconds=seconds)


def connection_lost(*, processed: bool = True, seconds: float = 0.0) -> WireFailure:
    """Raise `ConnectionLost`; the request may have been sent.

    Args:
        processed: whether the call had its effect and only its answer was lost.
        seconds: that pass before.
    """
    return WireFailure(error=ConnectionLost, is_delivered=processed, seconds=seconds)


def response_too_large() -> WireFailure:
    """Raise `ResponseTooLarge`: the call had its effect."""
    return WireFailure(error=ResponseTooLarge, is_delivered=True)


def delayed(seconds: float) -> WireFailure:
    """Give the answer late, or a `Timeout` where that is later than the config allows; the call has its effect at once.

    Raises:
        ValueError: the delay is negative.
    """
    return WireFailure(error=None, is_delivered=True, seconds=seconds)


def by_chance(
    *failures: WireFailure, probability: float, entropy: Entropy
) -> Callable[[HttpRequest], WireFailure | None]:
    """Let each request fail with this probability, in one of these ways, each as likely as the others.

    Args:
        failures: the ways, one at least.
        probability: from 0 to 1.
        entropy: decides; eight bytes are drawn for each request, whether it fails or not.

    Raises:
        ValueError: there is no failure, or the probability is none.
    """
    if not failures or not 0 <= probability <= 1:
        message = "by_chance needs a failure, and a probability from 0 to 1"
        raise ValueError(message)

    def decide(_request: HttpRequest, /) -> WireFailure | None:
        drawn = int.from_bytes(entropy(_DRAWN_BYTES), "big") / (1 << 8 * _DRAWN_BYTES)
        if not drawn < probability:
            return None
        # What is drawn below the probability is spread evenly: its place in there chooses. Rounding may reach the end.
        return failures[min(int(drawn / probability * len(failures)), len(failures) - 1)]

    return decide


class _Faulty:
    """What the blocking and the asynchronous one have in common."""

    def __init__(self, inner: Transport | AsyncTransport, failures: WireFailures) -> None:
        self._around: Final = inner
        self._ask: Final = failures if callable(failures) else None
        self._script: Final[Iterator[WireFailure | None]] = iter(
            () if callable(failures) else failures
        )
        self._lock: Final = threading.Lock()
        self.happened: Final[list[WireFailure | None]] = []

    @property
    def config(self) -> ClientConfig:
        """The inner transport's."""
        return self._around.config

    @property
    def retry_policy(self) -> Retrying:
        """The inner transport's."""
        return self._around.retry_policy

    def now(self) -> Instant:
        """Tell the inner transport's time."""
        return self._around.now()

    def assert_exhausted(self) -> None:
        """Check that every failure of an iterable has happened; a function's always have.

        Raises:
            AssertionError: one has not. It is taken out of the iterable by this.
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

    def _patience(self, failure: WireFailure) -> float:
        """Seconds that a client waits at most where it is at."""
        config = self.config
        phase = config.read_timeout if failure.may_have_been_sent else config.connect_timeout
        return min(phase, config.total_timeout)

    def _wait(self, failure: WireFailure) -> float:
        patience = self._patience(failure)
        return patience if failure.seconds is None else min(failure.seconds, patience)

    def _received(self, failure: WireFailure, answer: HttpResponse | None) -> HttpResponse:
        """What the client gets after the wait: the answer, where there is one to come."""
        error = failure.error
        if failure.seconds is not None and failure.seconds > self._patience(failure):
            error = Timeout
        if error is None and answer is not None:
            return answer
        kind = error or TransportError
        message = f"{type(self).__name__} was told to raise {kind.__name__}"
        raise kind(message, may_have_been_sent=failure.may_have_been_sent)


class FaultyTransport(_Faulty):
    """Sends through another transport, and lets it fail. Closing the other one is its owner's business.

    Attributes:
        happened: what became of each request so far, `None` where nothing went wrong.
    """

    def __init__(self, inner: Transport, failures: WireFailures) -> None:
        """Go around a blocking transport."""
        super().__init__(inner, failures)
        self._inner: Final = inner

    def send(self, request: HttpRequest, /) -> HttpResponse:
        """Do to this request what the failures say.

        Raises:
            TransportError: it failed, here or in the inner transport.
        """
        failure = self._next(request)
        if failure is None:
            return self._inner.send(request)
        answer = self._inner.send(request) if failure.is_delivered else None
        if wait := self._wait(failure):
            self._inner.sleep(wait)
        return self._received(failure, answer)

    def sleep(self, seconds: float, /) -> None:
        """Wait as the inner transport does."""
        self._inner.sleep(seconds)


class AsyncFaultyTransport(_Faulty):
    """Sends through another transport in an event loop, and lets it fail; see `FaultyTransport`."""

    def __init__(self, inner: AsyncTransport, failures: WireFailures) -> None:
        """Go around an asynchronous transport."""
        super().__init__(inner, failures)
        self._inner: Final = inner

    async def asend(self, request: HttpRequest, /) -> HttpResponse:
        """Do to this request what the failures say.

        Raises:
            TransportError: it failed, here or in the inner transport.
        """
        failure = self._next(request)
        if failure is None:
            return await self._inner.asend(request)
        # Also where nothing is sent or waited for: others run, and a cancellation comes in, as on a real wire.
        await self._inner.asleep(0)
        answer = await self._inner.asend(request) if failure.is_delivered else None
        if wait := self._wait(failure):
            await self._inner.asleep(wait)
        return self._received(failure, answer)

    async def asleep(self, seconds: float, /) -> None:
        """Wait as the inner transport does."""
        await self._inner.asleep(seconds)
