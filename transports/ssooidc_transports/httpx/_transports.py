"""The blocking and the asynchronous transport; `ssooidc_transports.httpx` describes both."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, cast

from ssooidc_core.errors import ConfigurationError, Timeout, TransportError
from ssooidc_transports._deadline import DEADLINE
from ssooidc_transports.httpx._exchange import Answer, Exchange, phase_timeouts
from ssooidc_transports.httpx._library import library_of, own_library
from ssooidc_transports.httpx._routes import Kind, Routes, made_from_environment
from ssooidc_transports.transport import AsyncBaseTransport, BaseTransport

if TYPE_CHECKING:
    import httpx
    import httpx2
    from tenacity import Retrying

    from ssooidc_core._config import ClientConfig
    from ssooidc_core._http import HttpRequest, HttpResponse
    from ssooidc_transports._async_scopes import Semaphore

__all__ = ["AsyncHttpxTransport", "HttpxTransport"]

_THREADS_CONNECTIONS: Final = 64
# httpx's asynchronous pool looks at every connection for every request: 0.5 ms a call with few, 34 ms with 100.
_TASKS_CONNECTIONS: Final = 16
# Longer than the interval of device polling, shorter than the 60 s after which load balancers close.
_KEEPALIVE_SECONDS: Final = 20.0
# Pieces of a body too large that are thrown away while waiting for the cancellation to arrive: httpcore reads 64 kB
# at once, and cannot be cancelled before it has handed all of that over, in chunks of a byte at worst.
_MOST_EXCESS: Final = 65536


class HttpxTransport(BaseTransport):
    """Carries requests through `httpx.Client` or `httpx2.Client`; safe to use from many threads."""

    def __init__(
        self,
        config: ClientConfig,
        *,
        client: httpx.Client | httpx2.Client | None = None,
        retry_policy: Retrying | None = None,
    ) -> None:
        """Make a transport; connections are made when they are needed.

        Args:
            config: where requests go, and the limits they have.
            client: what carries them; stays open when the transport closes. By default clients of our own.
            retry_policy: see `BaseTransport`.

        Raises:
            ImportError: no client was given, and neither library is installed.
            ConfigurationError: the client is none of a blocking kind.
        """
        super().__init__(config, retry_policy=retry_policy)
        library = own_library() if client is None else library_of(client, asynchronous=False)
        self._library = library
        self._given = cast("httpx.Client | None", client)
        self._timeouts = phase_timeouts(config)
        self._routes: Routes[httpx.Client] = Routes(library, self._given, self._make_client)

    def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send a request as it is and return the whole answer, whatever its status; follow no redirect.

        Raises:
            TransportError: anything went wrong on the way.
            ConfigurationError: the transport, or the client it was given, was closed; or a proxy or CA bundle that
                the environment names cannot be used.
        """
        self.check_open()
        _check_given_open(self._given)
        exchange = Exchange(request, self._config, own=self._given is None)
        self._routes.begin()
        entered = DEADLINE.set(exchange.deadline)
        try:
            answer = self._attempt(exchange, request)
        finally:
            DEADLINE.reset(entered)
            _close_all(self._routes.finish())
        # Outside of any `except` block: nothing hangs on its `__context__`.
        if isinstance(answer, TransportError):
            raise answer
        return answer

    def _attempt(self, exchange: Exchange, request: HttpRequest) -> Answer:
        try:
            client = exchange.prepare(self._library, self._routes.to(request.url), self._timeouts)
            # Into attributes: local variables would show in tracebacks that print locals.
            exchange.response = client.send(
                exchange.outgoing, stream=True, auth=None, follow_redirects=False
            )
            try:
                if exchange.response.is_stream_consumed:
                    exchange.chunk = exchange.response.content
                    _ = exchange.keep()
                    return exchange.answer(raw=False)
                pieces = exchange.response.iter_raw()
                for exchange.chunk in pieces:
                    if not exchange.keep() or exchange.late:
                        return exchange.cut_short()
            finally:
                exchange.response.close()
            return exchange.answer()
        except ConfigurationError:
            raise
        except Exception as caught:  # noqa: BLE001 - whatever it is, it becomes a TransportError
            return exchange.failure(caught)

    def close(self) -> None:
        """Refuse any further request and close the transport's own clients; closing twice is harmless.

        Exchanges that other threads have under way come to their end; the last of them closes the clients.
        """
        super().close()
        _close_all(self._routes.end())

    def _make_client(self, kind: Kind) -> httpx.Client:
        verify = kind.verify()
        return made_from_environment(
            lambda: self._library.client_type(
                verify=verify,
                trust_env=not kind.local,
                cookies=self._library.no_cookies,
                limits=self._library.limits_type(
                    max_connections=_THREADS_CONNECTIONS,
                    max_keepalive_connections=_THREADS_CONNECTIONS,
                    keepalive_expiry=_KEEPALIVE_SECONDS,
                ),
            )
        )


class AsyncHttpxTransport(AsyncBaseTransport):
    """Carries requests through `httpx.AsyncClient` or `httpx2.AsyncClient`, in asyncio or trio.

    Safe to use from many tasks of one event loop, whose connections it has: each event loop needs its own. Without a
    client it has 16 exchanges under way at most; others wait for their turn, `pool_timeout` at most.
    """

    def __init__(
        self,
        config: ClientConfig,
        *,
        client: httpx.AsyncClient | httpx2.AsyncClient | None = None,
        retry_policy: Retrying | None = None,
    ) -> None:
        """Make a transport; connections are made when they are needed.

        Args:
            config: where requests go, and the limits they have.
            client: what carries them; stays open when the transport closes. By default clients of our own.
            retry_policy: see `AsyncBaseTransport`.

        Raises:
            ImportError: no client was given, and neither library is installed.
            ConfigurationError: the client is none of an asynchronous kind.
        """
        super().__init__(config, retry_policy=retry_policy)
        library = own_library() if client is None else library_of(client, asynchronous=True)
        self._library = library
        self._given = cast("httpx.AsyncClient | None", client)
        self._timeouts = phase_timeouts(config)
        self._routes: Routes[httpx.AsyncClient] = Routes(library, self._given, self._make_client)
        self._loop: object | None = None
        self._gate: Semaphore | None = None

    async def asend(self, request: HttpRequest, /) -> HttpResponse:
        """Send a request as it is and return the whole answer, whatever its status; follow no redirect.

        Raises:
            TransportError: anything went wrong on the way.
            ConfigurationError: the transport, or the client it was given, was closed; it was used in another event
                loop before; or a proxy or CA bundle that the environment names cannot be used.
        """
        self.check_open()
        _check_given_open(self._given)
        self._check_loop()
        exchange = Exchange(request, self._config, own=self._given is None)
        self._routes.begin()
        entered = DEADLINE.set(exchange.deadline)
        try:
            answer = await self._attempt(exchange, request)
        finally:
            DEADLINE.reset(entered)
            await _aclose_all(self._routes.finish())
        if isinstance(answer, TransportError):
            raise answer
        return answer

    async def _attempt(self, exchange: Exchange, request: HttpRequest) -> Answer:
        from ssooidc_transports._async_scopes import within  # noqa: PLC0415 - imports asyncio

        try:
            client = exchange.prepare(self._library, self._routes.to(request.url), self._timeouts)
            answer = await within(
                self._config.total_timeout, lambda cut: self._in_turn(exchange, client, cut)
            )
        except ConfigurationError:
            raise
        except Exception as caught:  # noqa: BLE001 - whatever it is, it becomes a TransportError
            return exchange.failure(caught)
        return exchange.cut_short() if answer is None else answer

    async def _in_turn(
        self, exchange: Exchange, client: httpx.AsyncClient, cut: Callable[[], None]
    ) -> Answer:
        """Exchange, once there is a place for it: the library's own queue costs more the longer it is."""
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
        """Refuse any further request and close the transport's own clients; closing twice is harmless.

        Exchanges that other tasks have under way come to their end; the last of them closes the clients.

        Raises:
            ConfigurationError: it was used in another event loop, which alone can close its connections.
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
        verify = kind.verify()
        return made_from_environment(
            lambda: self._library.async_client_type(
                verify=verify,
                trust_env=not kind.local,
                cookies=self._library.no_cookies,
                limits=self._library.limits_type(
                    # The gate bounds them. httpcore 1.0 can lose places of its own where a task is cancelled
                    # between getting one and connecting.
                    max_connections=None,
                    max_keepalive_connections=_TASKS_CONNECTIONS,
                    keepalive_expiry=_KEEPALIVE_SECONDS,
                ),
            )
        )


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
        if exchange.response.is_stream_consumed:
            exchange.chunk = exchange.response.content
            _ = exchange.keep()
            return exchange.answer(raw=False)
        excess = 0
        pieces = exchange.response.aiter_raw()
        async for exchange.chunk in pieces:
            if not exchange.too_large and not exchange.keep():
                # Not left with `break`: asynchronous generators that are left in the middle are closed by the garbage
                # collector. The cancellation comes out of the innermost of them, and ends them all.
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


def _check_given_open(client: httpx.Client | httpx.AsyncClient | None) -> None:
    if client is not None and client.is_closed:
        message = "The client that the transport was given is closed"
        raise ConfigurationError(message)
