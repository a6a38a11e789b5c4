"""The base of transports that send through another transport, with its configuration, retry policy and clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

from ssooidc_core._config import ClientConfig
from ssooidc_core._driver import AsyncTransport, Transport
from ssooidc_core._program import Instant

if TYPE_CHECKING:
    from tenacity import Retrying

__all__ = ["InnerT", "WrappingTransport"]

InnerT = TypeVar("InnerT", bound=Transport | AsyncTransport)


class WrappingTransport(Generic[InnerT]):
    """A transport that sends through another one, without its `send` and `sleep`. It does not close the other one."""

    def __init__(self, inner: InnerT) -> None:
        self._inner: Final = inner

    @property
    def config(self) -> ClientConfig:
        """The inner transport's configuration."""
        return self._inner.config

    @property
    def retry_policy(self) -> Retrying:
        """The inner transport's retry policy."""
        return self._inner.retry_policy

    def now(self) -> Instant:
        """Return the inner transport's current time."""
        return self._inner.now()
