"""The base classes of transports: all that a transport is, but the sending.

A transport of your own derives from `BaseTransport` and writes `send`, or from `AsyncBaseTransport` and writes
`asend`. Two duties come with it: whatever goes wrong is raised as a `TransportError` that says whether the service may
have seen the request, and no text of it may hold a secret.
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
    """Say whether the caller runs in trio rather than asyncio; imports neither."""
    trio = sys.modules.get("trio")
    return trio is not None and bool(trio.lowlevel.in_trio_task())


class ConfiguredTransport:
    """What blocking and asynchronous transports have in common: a config, a retry policy, a clock, an end."""

    def __init__(self, config: ClientConfig, *, retry_policy: Retrying | None = None) -> None:
        """Make an open transport.

        Args:
            config: where requests go, and the limits they have.
            retry_policy: used where `run` is given none; by default the AWS standard mode with the config's
                `max_attempts`, made when it is first asked for.
        """
        self._config = config
        self._retry_policy = retry_policy
        self._lock = threading.Lock()
        self._closed = False

    @property
    def config(self) -> ClientConfig:
        """Where requests go, and the limits they have."""
        return self._config

    @property
    def retry_policy(self) -> Retrying:
        """The policy used where `run` is given none: one object for the transport's life, since it holds the quota."""
        if self._retry_policy is None:
            # Imports tenacity, which costs as much as a whole call: not before a call has failed.
            from ssooidc_core.policies import standard_retry  # noqa: PLC0415

            with self._lock:
                if self._retry_policy is None:
                    self._retry_policy = standard_retry(max_attempts=self._config.max_attempts)
        return self._retry_policy

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def check_open(self) -> None:
        """Refuse to go on with a closed transport; the first thing that a `send` does.

        Raises:
            ConfigurationError: it was closed.
        """
        if self._closed:
            message = f"This {type(self).__name__} was closed: make a new one"
            raise ConfigurationError(message)

    def now(self) -> Instant:
        """Tell the time of this machine."""
        return Instant(datetime.now(UTC), time.monotonic())


class BaseTransport(ConfiguredTransport, ABC):
    """A blocking transport without its `send`; a context manager that closes it."""

    @abstractmethod
    def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send a request as it is and return the whole answer, whatever its status; follow no redirect.

        Raises:
            TransportError: anything at all went wrong on the way.
            ConfigurationError: the transport was closed.
        """

    def sleep(self, seconds: float, /) -> None:
        """Wait this many seconds."""
        time.sleep(seconds)

    def close(self) -> None:
        """Refuse any further request, and let go of what the transport holds; closing twice is harmless."""
        self._closed = True

    def __enter__(self) -> Self:
        """Give the transport itself."""
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


class AsyncBaseTransport(ConfiguredTransport, ABC):
    """A transport for asyncio and trio without its `asend`; an asynchronous context manager that closes it."""

    @abstractmethod
    async def asend(self, request: HttpRequest, /) -> HttpResponse:
        """Send a request as it is and return the whole answer, whatever its status; follow no redirect.

        Raises:
            TransportError: anything at all went wrong on the way.
            ConfigurationError: the transport was closed.
        """

    async def asleep(self, seconds: float, /) -> None:
        """Wait this many seconds, in whichever of asyncio and trio the caller runs."""
        if in_trio_task():
            import trio  # noqa: PLC0415 - loaded already, as it runs this

            await trio.sleep(seconds)
        else:
            import asyncio  # noqa: PLC0415 - likewise

            await asyncio.sleep(seconds)

    async def aclose(self) -> None:
        """Refuse any further request, and let go of what the transport holds; closing twice is harmless."""
        self._closed = True

    async def __aenter__(self) -> Self:
        """Give the transport itself."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        await self.aclose()
