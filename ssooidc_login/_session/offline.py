"""`OfflineTransport`: the transport of programs that send nothing, so that they need no HTTP library."""

from __future__ import annotations

from typing import NoReturn

from ssooidc_core import ConfigurationError, HttpRequest
from ssooidc_transports.transport import AsyncBaseTransport, BaseTransport

__all__ = ["OfflineTransport"]


class OfflineTransport(BaseTransport, AsyncBaseTransport):
    """A transport that has this machine's clock and refuses every request."""

    def send(self, request: HttpRequest, /) -> NoReturn:
        """Refuse the request.

        Raises:
            ConfigurationError: always.
        """
        del request
        message = "This transport sends nothing"
        raise ConfigurationError(message)

    async def asend(self, request: HttpRequest, /) -> NoReturn:
        """Refuse the request, as `send` does."""
        self.send(request)
