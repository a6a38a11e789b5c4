"""Base classes for transports: everything a transport needs except `send`.

To write a transport, derive from `BaseTransport` and define `send`, or derive from `AsyncBaseTransport` and define
`asend`. Raise every failure as a `TransportError` that says whether the service may have received the request, and put
no secret into its text.
"""

from __future__ import annotations

import sys
import threading
import time
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from ssooidc_core._config import ClientConfig
from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._program import Instant
from ssooidc_core.errors import ConfigurationError

if TYPE_CHECKING:
    from types import TracebackType

    from tenacity import Retrying

__all__ = ["AsyncBaseTransport", "BaseTransport", "ConfiguredTransport", "in_trio_task"]


def in_trio_task() -> bool:
    """Return whether the caller runs in trio rather than asyncio; neither is imported."""
    trio = sys.modules.get("trio")
    return trio is not None and bool(trio.lowlevel.in_trio_task())


class ConfiguredTransport:
    """The part that blocking and asynchronous transports share: configuration, retry policy, clock, and closing."""

    def __init__(self, config: ClientConfig, *, retry_policy: Retrying | None = None) -> None:
        """Make an open transport.

        Args:
            config: endpoints, timeouts and limits.
            retry_policy: used when `run` is called without a policy. The default is the AWS standard mode with the
                config's `max_attempts`, created on first use.
        """
        self._config = config
        self._retry_policy = retry_policy
        self._lock = threading.Lock()
        self._closed = False

    @property
    def config(self) -> ClientConfig:
        """The endpoints, timeouts and limits of this transport."""
        return self._config

    @property
    def retry_policy(self) -> Retrying:
        """The policy for `run` calls without one; always the same object, since it holds the retry quota."""
        if self._retry_policy is None:
            # This imports tenacity, which takes as long as a whole call, so it waits until a call has failed.
            from ssooidc_core.policies import standard_retry  # noqa: PLC0415

            with self._lock:
                if self._retry_policy is None:
                    self._retry_policy = standard_retry(max_attempts=self._config.max_attempts)
        return self._retry_policy

    @property
    def closed(self) -> bool:
        """Whether the transport was closed."""
        return self._closed

    def check_open(self) -> None:
        """Raise an error if the transport was closed; call this first in `send`.

        Raises:
            ConfigurationError: the transport was closed.
        """
        if self._closed:
            message = f"This {type(self).__name__} was closed: make a new one"
            raise ConfigurationError(message)

    def now(self) -> Instant:
        """Return the current time of this machine."""
        return Instant(datetime.now(UTC), time.monotonic())


class BaseTransport(ConfiguredTransport, ABC):
    """Base class of a blocking transport; define `send`. As a context manager, it closes itself at the end."""

    @abstractmethod
    def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send a request unchanged and return the complete response, whatever its status; follow no redirects.

        Raises:
            TransportError: no complete response was received.
            ConfigurationError: the transport was closed.
        """

    def sleep(self, seconds: float, /) -> None:
        """Wait for this many seconds."""
        time.sleep(seconds)

    def close(self) -> None:
        """Refuse further requests and release what the transport holds. Closing it again does nothing."""
        self._closed = True

    def __enter__(self) -> Self:
        """Return the transport itself."""
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the transport."""
        self.close()


class AsyncBaseTransport(ConfiguredTransport, ABC):
    """Base class of a transport for asyncio and trio; define `asend`.

    As an asynchronous context manager, it closes itself at the end.
    """

    @abstractmethod
    async def asend(self, request: HttpRequest, /) -> HttpResponse:
        """Send a request unchanged and return the complete response, whatever its status; follow no redirects.

        Raises:
            TransportError: no complete response was received.
            ConfigurationError: the transport was closed.
        """

    async def asleep(self, seconds: float, /) -> None:
        """Wait for this many seconds, in asyncio or trio, whichever runs the caller."""
        if in_trio_task():
            import trio  # noqa: PLC0415 - already loaded, since it runs this task

            await trio.sleep(seconds)
        else:
            import asyncio  # noqa: PLC0415 - imported only where it is used

            await asyncio.sleep(seconds)

    async def aclose(self) -> None:
        """Refuse further requests and release what the transport holds. Closing it again does nothing."""
        self._closed = True

    async def __aenter__(self) -> Self:
        """Return the transport itself."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the transport."""
        await self.aclose()
