"""The transport of a session: the one that it was given, or httpx with limits that fit the time a refresh may take.

A refresh holds a lock that others wait for, so it must end within 20 seconds, retries included: no attempt starts after
5 seconds, and none takes longer than 15.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from ssooidc_core import AsyncTransport, ClientConfig, ConfigurationError, Transport
from ssooidc_login._session.offline import OfflineTransport

if TYPE_CHECKING:
    from tenacity import RetryCallState, Retrying

    from ssooidc_transports.httpx import AsyncHttpxTransport, HttpxTransport

__all__ = ["SessionTransport", "make_async_transport", "make_transport"]

GivenT = TypeVar("GivenT", bound=Transport | AsyncTransport)
OwnT = TypeVar("OwnT")

_LAST_BEGIN: Final = 5.0
_LONGEST_ATTEMPT: Final = 15.0


class SessionTransport(Generic[GivenT, OwnT]):
    """The transport that a session was given, or its own, which is made when it is first needed.

    It may be used from many threads.
    """

    def __init__(
        self, session: str, given: GivenT | None, make: Callable[[ClientConfig], OwnT]
    ) -> None:
        """Remember how to get a transport; none is made yet.

        Args:
            session: the session's class, for error messages.
            given: the caller's transport, which is never closed here.
            make: makes the session's own transport.
        """
        self.given: Final = given
        self._session: Final = session
        self._make: Final = make
        self._own: OwnT | None = None
        self._lock: Final = threading.Lock()
        self._closed = False

    def get(self, config: ClientConfig) -> GivenT | OwnT:
        """Return the given transport, else the session's own; a new one gets this config.

        Raises:
            ConfigurationError: the session was closed.
            ImportError: httpx is not installed; the text names the extra.
        """
        if self.given is not None:
            return self.given
        with self._lock:
            self._check_open()
            if self._own is None:
                self._own = self._make(config)
            return self._own

    def offline(self, config: ClientConfig) -> GivenT | OfflineTransport:
        """Return the given transport, else one that has the time and sends nothing.

        Raises:
            ConfigurationError: the session was closed.
        """
        if self.given is not None:
            return self.given
        self._check_open()
        return OfflineTransport(config)

    def _check_open(self) -> None:
        if self._closed:
            message = f"This {self._session} was closed: make a new one"
            raise ConfigurationError(message)

    def take_own(self, *, for_good: bool) -> OwnT | None:
        """Remove the session's own transport and return it, so that the caller can close it.

        Args:
            for_good: the session was closed, and `get` must not make another one.
        """
        with self._lock:
            own, self._own = self._own, None
            self._closed = self._closed or for_good
        return own


def make_transport(config: ClientConfig) -> HttpxTransport:
    """Make a blocking transport.

    Raises:
        ImportError: httpx is not installed; the text names the extra.
    """
    from ssooidc_transports.httpx import HttpxTransport  # noqa: PLC0415 - imports httpx

    return HttpxTransport(_bounded(config), retry_policy=_policy(config))


def make_async_transport(config: ClientConfig) -> AsyncHttpxTransport:
    """Make a transport for asyncio and trio.

    Raises:
        ImportError: httpx is not installed; the text names the extra.
    """
    from ssooidc_transports.httpx import AsyncHttpxTransport  # noqa: PLC0415 - imports httpx

    return AsyncHttpxTransport(_bounded(config), retry_policy=_policy(config))


def _bounded(config: ClientConfig) -> ClientConfig:
    return replace(config, total_timeout=min(config.total_timeout, _LONGEST_ATTEMPT))


def _policy(config: ClientConfig) -> Retrying:
    from tenacity import stop_before_delay  # noqa: PLC0415 - costs as much as a call

    from ssooidc_core.policies import standard_retry  # noqa: PLC0415 - likewise

    standard = standard_retry(max_attempts=config.max_attempts)
    in_time = stop_before_delay(_LAST_BEGIN)

    def stop(state: RetryCallState) -> bool:
        # The time limit comes first: an attempt that it prevents is not charged to the retry quota.
        return in_time(state) or standard.stop(state)

    return standard.copy(stop=stop)
