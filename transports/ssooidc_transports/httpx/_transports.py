"""The blocking and the asynchronous transport; `ssooidc_transports.httpx` describes both."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

from ssooidc_core.errors import ConfigurationError, Timeout, TransportError
from ssooidc_transports._deadline import DEADLINE
from ssooidc_transports._routes import Kind, Routes
from ssooidc_transports.httpx._exchange import Answer, Exchange, phase_timeouts
from ssooidc_transports.httpx._library import library_for
from ssooidc_transports.transport import AsyncBaseTransport, BaseTransport, ConfiguredTransport

if TYPE_CHECKING:
    import httpx
    import httpx2
    from tenacity import Retrying

    from ssooidc_core._config import ClientConfig
    from ssooidc_core._http import HttpRequest, HttpResponse
    from ssooidc_transports._async_scopes import Semaphore

__all__ = ["AsyncHttpxTransport", "HttpxTransport"]

ClientT = TypeVar("ClientT", "httpx.Client", "httpx.AsyncClient")

_THREADS_CONNECTIONS: Final = 64
# httpx's asynchronous pool examines every connection for each request: 0.5 ms a call with few, 34 ms with 100.
_TASKS_CONNECTIONS: Final = 16
# Longer than the interval of device polling, shorter than the 60 s after which load balancers close connections.
_KEEPALIVE_SECONDS: Final = 20.0
# How many chunks of a too large body are discarded until a cancellation arrives. httpcore reads 64 kB at once and
# yields all of it, in chunks of one byte at worst, before it can be cancelled.
_MOST_EXCESS: Final = 65536


class _Shared(ConfiguredTransport, Generic[ClientT]):
    """The part that the blocking and the asynchronous transport share."""

    def __init__(
        self,
        config: ClientConfig,
        client: ClientT | None,
        retry_policy: Retrying | None,
        *,
        asynchronous: bool,
    ) -> None:
        super().__init__(config, retry_policy=retry_policy)
        self._library = library_for(client, asynchronous=asynchronous)
        self._given: ClientT | None = client
        self._timeouts = phase_timeouts(config)
        self._routes: Routes[ClientT, httpx.URL] = Routes(
            client, make=self._make_client, parse=self._library.url_type
        )

    def _make_client(self, kind: Kind) -> ClientT:
        raise NotImplementedError

    def _check_usable(self) -> None:
        self.check_open()
        if self._given is not None and self._given.is_closed:
            message = "The client that the transport was given is closed"
            raise ConfigurationError(message)

    def _begin(self, request: HttpRequest) -> Exchange:
        self._check_usable()
        exchange = Exchange(request, self._config, own=self._given is None)
        self._routes.begin()
        return exchange


class HttpxTransport(_Shared["httpx.Client"], BaseTransport):
    """Sends requests through `httpx.Client` or `httpx2.Client`; thread-safe."""

    def __init__(
        self,
        config: ClientConfig,
        *,
        client: httpx.Client | httpx2.Client | None = None,
        retry_policy: Retrying | None = None,
    ) -> None:
        """Create a transport; connections are opened as needed.

        Args:
            config: endpoints, timeouts and limits.
            client: the client to send with; the transport does not close it. By default, the transport creates its own.
            retry_policy: see `BaseTransport`.

        Raises:
            ImportError: no client was given, and neither library is installed.
            ConfigurationError: the client is not a blocking client of either library.
        """
        given = cast("httpx.Client | None", client)
        super().__init__(config, given, retry_policy, asynchronous=False)

    def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send a request unchanged and return the complete response, whatever its status; follow no redirects.

        Raises:
            TransportError: no complete response was received.
            ConfigurationError: the transport or the given client was closed, or the environment names a proxy or a CA
                bundle that cannot be used.
        """
        exchange = self._begin(request)
        entered = DEADLINE.set(exchange.deadline)
        try:
            answer = self._attempt(exchange, request)
        finally:
            DEADLINE.reset(entered)
            _close_all(self._routes.finish())
        # Raised outside of any `except` block, so that its `__context__` stays empty.
        if isinstance(answer, TransportError):
            raise answer
        return answer

    def _attempt(self, exchange: Exchange, request: HttpRequest) -> Answer:
        try:
            client = exchange.prepare(self._library, self._routes.to(request.url), self._timeouts)
            # Kept in attributes, because tracebacks may show local variables.
            exchange.response = client.send(
                exchange.outgoing, stream=True, auth=None, follow_redirects=False
            )
            try:
                if not exchange.keep_body_already_read():
                    pieces = exchange.response.iter_raw()
                    for exchange.chunk in pieces:
                        if not exchange.keep() or exchange.late:
                            return exchange.cut_short()
            finally:
                exchange.response.close()
            return exchange.answer()
        except ConfigurationError:
            raise
        except Exception as caught:  # noqa: BLE001 - every exception becomes a TransportError
            return exchange.failure(caught)

    def close(self) -> None:
        """Refuse further requests and close the transport's own clients. Closing it again does nothing.

        Exchanges that other threads have started are completed; the last one closes the clients.
        """
        super().close()
        _close_all(self._routes.end())

    def _make_client(self, kind: Kind) -> httpx.Client:
        library = self._library
        limits = library.limits_type(
            max_connections=_THREADS_CONNECTIONS,
            max_keepalive_connections=_THREADS_CONNECTIONS,
            keepalive_expiry=_KEEPALIVE_SECONDS,
        )
        return library.new_client(library.client_type, kind, limits)


class AsyncHttpxTransport(_Shared["httpx.AsyncClient"], AsyncBaseTransport):
    """Sends requests through `httpx.AsyncClient` or `httpx2.AsyncClient`, in asyncio or trio.

    Its connections belong to one event loop: any number of its tasks may share a transport, but each event loop needs
    its own. Without a given client, at most 16 exchanges run at the same time; others wait for up to `pool_timeout`.
    """

    def __init__(
        self,
        config: ClientConfig,
        *,
        client: httpx.AsyncClient | httpx2.AsyncClient | None = None,
        retry_policy: Retrying | None = None,
    ) -> None:
        """Create a transport; connections are opened as needed.

        Args:
            config: endpoints, timeouts and limits.
            client: the client to send with; the transport does not close it. By default, the transport creates its own.
            retry_policy: see `AsyncBaseTransport`.

        Raises:
            ImportError: no client was given, and neither library is installed.
            ConfigurationError: the client is not an asynchronous client of either library.
        """
        given = cast("httpx.AsyncClient | None", client)
        super().__init__(config, given, retry_policy, asynchronous=True)
        self._loop: object | None = None
        self._gate: Semaphore | None = None

    async def asend(self, request: HttpRequest, /) -> HttpResponse:
        """Send a request unchanged and return the complete response, whatever its status; follow no redirects.

        Raises:
            TransportError: no complete response was received.
            ConfigurationError: the transport or the given client was closed, the transport was used in another event
                loop before, or the environment names a proxy or a CA bundle that cannot be used.
        """
        exchange = self._begin(request)
        entered = DEADLINE.set(exchange.deadline)
        try:
            answer = await self._attempt(exchange, request)
        finally:
            DEADLINE.reset(entered)
            await _aclose_all(self._routes.finish())
        if isinstance(answer, TransportError):
            raise answer
        return answer

    def _check_usable(self) -> None:
        super()._check_usable()
        self._check_loop()

    async def _attempt(self, exchange: Exchange, request: HttpRequest) -> Answer:
        from ssooidc_transports._async_scopes import within  # noqa: PLC0415 - imports asyncio

        try:
            client = exchange.prepare(self._library, self._routes.to(request.url), self._timeouts)
            answer = await within(
                self._config.total_timeout, lambda cut: self._in_turn(exchange, client, cut)
            )
        except ConfigurationError:
            raise
        except Exception as caught:  # noqa: BLE001 - every exception becomes a TransportError
            return exchange.failure(caught)
        return exchange.cut_short() if answer is None else answer

    async def _in_turn(
        self, exchange: Exchange, client: httpx.AsyncClient, cut: Callable[[], None]
    ) -> Answer:
        """Wait for a free place, then exchange; waiting in the library costs more the longer its queue is."""
        gate = self._gate
        if gate is None:
            return await _exchange(exchange, client, cut)
        if not await _has_entered(gate, self._timeouts["pool"]):
            return Timeout("PoolTimeout", may_have_been_sent=False)
        exchange.watch_connection()
        try:
            return await _exchange(exchange, client, cut)
        except BaseException:
            await exchange.hang_up()
            raise
        finally:
            _ = gate.release()

    async def aclose(self) -> None:
        """Refuse further requests and close the transport's own clients. Closing it again does nothing.

        Exchanges that other tasks have started are completed; the last one closes the clients.

        Raises:
            ConfigurationError: the transport was used in another event loop, which must close its connections.
        """
        await super().aclose()
        own = self._routes.end()
        if own:
            self._check_loop()
        await _aclose_all(own)

    def _check_loop(self) -> None:
        from ssooidc_transports._async_scopes import current_loop, semaphore  # noqa: PLC0415

        loop = current_loop()
        if self._loop is not loop:
            with self._lock:
                if self._loop is None:
                    self._gate = semaphore(_TASKS_CONNECTIONS) if self._given is None else None
                    self._loop = loop
        if self._loop is not loop:
            message = (
                f"This {type(self).__name__} was used in another event loop, which its connections belong to: "
                "make one for each event loop (each asyncio.run or trio.run)"
            )
            raise ConfigurationError(message)

    def _make_client(self, kind: Kind) -> httpx.AsyncClient:
        library = self._library
        # The gate limits the connections. httpcore 1.0 can lose places of its own limit if a task is cancelled between
        # getting a place and connecting.
        limits = library.limits_type(
            max_connections=None,
            max_keepalive_connections=_TASKS_CONNECTIONS,
            keepalive_expiry=_KEEPALIVE_SECONDS,
        )
        return library.new_client(library.async_client_type, kind, limits)


async def _has_entered(gate: Semaphore, seconds: float) -> bool:
    from ssooidc_transports._async_scopes import within  # noqa: PLC0415 - imports asyncio

    async def enter(_cut: Callable[[], None]) -> bool:
        _ = await gate.acquire()
        return True

    return await within(seconds, enter) is True


async def _exchange(
    exchange: Exchange, client: httpx.AsyncClient, cut: Callable[[], None]
) -> Answer:
    exchange.response = await client.send(
        exchange.outgoing, stream=True, auth=None, follow_redirects=False
    )
    try:
        excess = 0
        if not exchange.keep_body_already_read():
            pieces = exchange.response.aiter_raw()
            async for exchange.chunk in pieces:
                if not exchange.too_large and not exchange.keep():
                    # No `break`: an asynchronous generator that is left early is closed by the garbage collector. The
                    # cancellation is raised in the innermost generator and ends all of them.
                    cut()
                elif exchange.too_large:
                    excess += 1
                    if excess > _MOST_EXCESS:
                        break
    finally:
        await exchange.response.aclose()
    return exchange.answer()


def _close_all(clients: list[httpx.Client]) -> None:
    for client in clients:
        client.close()


async def _aclose_all(clients: list[httpx.AsyncClient]) -> None:
    for client in clients:
        await client.aclose()
