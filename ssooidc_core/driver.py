"""The drivers: `run` and `arun` carry out programs through a transport, `attempt` and `aattempt` give modelled
errors back as values.

A transport says how: it sends, sleeps and knows the time. Whatever fails as an `Exception` is thrown into the flow at
the `yield` it waits at, so that flows can handle errors with `try`; a `KeyboardInterrupt` or a cancellation never is,
it only closes the flow. One program must not be run from two threads at once; a transport may.
"""

from __future__ import annotations

import inspect
import sys
import uuid
from collections.abc import Awaitable, Generator
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from ssooidc_core.attempts import Attempts
from ssooidc_core.config import ClientConfig
from ssooidc_core.errors import ConfigurationError
from ssooidc_core.http import HttpRequest, HttpResponse
from ssooidc_core.program import Event, Instant, Now, Operation, Program, Sleep
from ssooidc_core.sigv4 import Credentials

if TYPE_CHECKING:
    from tenacity import Retrying

__all__ = ["AsyncTransport", "Transport", "aattempt", "arun", "attempt", "run"]

T = TypeVar("T")
E = TypeVar("E", bound=Exception)


class _Clocked(Protocol):
    """What the drivers ask of any transport, blocking or not."""

    @property
    def config(self) -> ClientConfig:
        """Where requests go."""
        ...

    @property
    def retry_policy(self) -> Retrying:
        """The policy used where `run` is given none; one object for the transport's life, made when first asked."""
        ...

    def now(self) -> Instant:
        """Tell the time."""
        ...


class Transport(_Clocked, Protocol):
    """Carries requests and blocks meanwhile."""

    def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send a request as it is and return the whole answer, whatever its status; follow no redirect.

        Raises:
            TransportError: if anything at all went wrong.
        """
        ...

    def sleep(self, seconds: float, /) -> None:
        """Wait."""
        ...


class AsyncTransport(_Clocked, Protocol):
    """Carries requests in an event loop."""

    async def asend(self, request: HttpRequest, /) -> HttpResponse:
        """Send a request as it is and return the whole answer, whatever its status; follow no redirect.

        Raises:
            TransportError: if anything at all went wrong.
        """
        ...

    async def asleep(self, seconds: float, /) -> None:
        """Wait."""
        ...


def run(program: Program[T], transport: Transport, *, policy: Retrying | None = None) -> T:
    """Carry out a program and return its result.

    Args:
        program: an operation, a flow, or a fresh generator of one.
        transport: what carries the requests.
        policy: decides on repeating failed requests, in place of the transport's own `retry_policy`.

    Raises:
        SsoOidcError: see `ssooidc_core.errors`; also whatever a flow raises.
        RuntimeError: the generator was run before.
    """
    # A bare operation needs no generator at all.
    if isinstance(program, Operation):
        return _perform(cast("Operation[T, Exception]", program), transport, policy)
    steps = _start(program)
    try:
        value: object = None
        error: Exception | None = None
        while True:
            try:
                event = steps.send(value) if error is None else steps.throw(error)
            except StopIteration as end:
                return cast("T", end.value)
            # Outside the `try`: a transport that runs dry must not look like a finished flow.
            value, error = None, None
            try:
                if isinstance(event, Operation):
                    value = _perform(event, transport, policy)
                elif isinstance(event, Sleep):
                    transport.sleep(event.seconds)
                else:
                    value = _now(event, transport)
            except Exception as caught:  # noqa: BLE001 - it is the flow's to handle
                error = _throwable(caught)
    finally:
        steps.close()
        error = None  # breaks the cycle of error, traceback and this frame


async def arun(
    program: Program[T], transport: AsyncTransport, *, policy: Retrying | None = None
) -> T:
    """Carry out a program in asyncio or trio and return its result; see `run`."""
    if isinstance(program, Operation):
        return await _aperform(cast("Operation[T, Exception]", program), transport, policy)
    steps = _start(program)
    try:
        value: object = None
        error: Exception | None = None
        while True:
            try:
                event = steps.send(value) if error is None else steps.throw(error)
            except StopIteration as end:
                return cast("T", end.value)
            value, error = None, None
            try:
                if isinstance(event, Operation):
                    value = await _aperform(event, transport, policy)
                elif isinstance(event, Sleep):
                    await transport.asleep(event.seconds)
                else:
                    value = _now(event, transport)
            except Exception as caught:  # noqa: BLE001 - it is the flow's to handle
                error = _throwable(caught)
    finally:
        steps.close()
        error = None


def attempt(
    operation: Operation[T, E], transport: Transport, *, policy: Retrying | None = None
) -> T | E:
    """Carry out an operation and return its result or its modelled error, so that `match` over both is exhaustive.

    Raises:
        SsoOidcError: anything that the operation's model does not name: another service error, a transport error,
            an answer that cannot be understood.
    """
    try:
        return _perform(operation, transport, policy)
    except operation.error_types as error:
        return error.with_traceback(None)


async def aattempt(
    operation: Operation[T, E], transport: AsyncTransport, *, policy: Retrying | None = None
) -> T | E:
    """Carry out an operation in asyncio or trio and return its result or its modelled error; see `attempt`."""
    try:
        return await _aperform(operation, transport, policy)
    except operation.error_types as error:
        return error.with_traceback(None)


def _start(program: Program[T]) -> Generator[Event, object, T]:
    steps = program.__iter__()
    if inspect.isgenerator(steps) and inspect.getgeneratorstate(steps) != inspect.GEN_CREATED:
        message = (
            "This generator was run before, or is under way. Make a new one, "
            "or decorate its function with @flow, whose values can be run again"
        )
        raise RuntimeError(message)
    return steps


def _throwable(error: Exception) -> Exception:
    # Thrown into a generator, a StopIteration would look like its end (PEP 479).
    if not isinstance(error, StopIteration):
        return error
    replaced = RuntimeError("The transport raised StopIteration")
    replaced.__cause__ = error
    return replaced


def _now(event: object, transport: _Clocked) -> Instant:
    if isinstance(event, Now):
        return transport.now()
    message = (
        f"A flow yielded {type(event).__name__}, which is no Operation, Sleep or Now: "
        "put programs together with `yield from`"
    )
    raise TypeError(message)


class _Call:
    """One call of one operation through either driver: which attempt it is at, and what its requests say of it."""

    __slots__ = ("_attempts", "_invocation_id", "_number", "_operation", "_policy", "_transport")

    def __init__(
        self,
        operation: Operation[object, Exception],
        transport: _Clocked,
        policy: Retrying | None,
    ) -> None:
        self._operation = operation
        self._transport = transport
        self._policy = policy
        self._invocation_id = str(uuid.uuid4())
        self._number = 0
        self._attempts: Attempts | None = None

    def _known_policy(self) -> Retrying:
        return self._transport.retry_policy if self._policy is None else self._policy

    def request(self, credentials: Credentials | None) -> HttpRequest:
        """The request of the next attempt."""
        self._number += 1
        config = self._transport.config
        return self._operation.http_request(
            config,
            self._transport.now(),
            credentials=credentials,
            attempt=self._number,
            max_attempts=self._max_attempts(config),
            invocation_id=self._invocation_id,
        )

    def _max_attempts(self, config: ClientConfig) -> int | None:
        # While tenacity is not loaded there can be no policy but the one that the transport will make of its config.
        if "tenacity" not in sys.modules:
            return config.max_attempts
        from ssooidc_core.policies import max_attempts_of  # noqa: PLC0415 - imports tenacity

        return max_attempts_of(self._known_policy())

    def wait_after(self, error: Exception) -> float | None:
        """Seconds to wait before the next attempt, or `None` where the error is final."""
        now = self._transport.now()
        if self._attempts is None:
            self._attempts = Attempts(self._operation, self._known_policy, now)
        wait = self._attempts.wait_after(error, now)
        if wait is None:
            error.add_note(f"while {self._operation!r}, attempt {self._number}")
        return wait

    def succeeded(self) -> None:
        """Let the policy know, where there can be one."""
        if "tenacity" in sys.modules:
            now = self._transport.now()
            attempts = self._attempts or Attempts(self._operation, self._known_policy, now)
            attempts.succeeded(now)


def _perform(operation: Operation[T, E], transport: Transport, policy: Retrying | None) -> T:
    call = _Call(operation, transport, policy)
    while True:
        request = call.request(_credentials(operation, transport.config))
        try:
            result = operation.parse(transport.send(request))
        except Exception as caught:  # noqa: BLE001 - the policy decides
            error = caught
        else:
            call.succeeded()
            return result
        # Outside the `except` block: what is raised or waited for from here has nothing hanging on its `__context__`.
        try:
            wait = call.wait_after(error)
            if wait is None:
                raise error
        finally:
            del error
        transport.sleep(wait)


async def _aperform(
    operation: Operation[T, E], transport: AsyncTransport, policy: Retrying | None
) -> T:
    call = _Call(operation, transport, policy)
    while True:
        request = call.request(await _acredentials(operation, transport.config))
        try:
            result = operation.parse(await transport.asend(request))
        except Exception as caught:  # noqa: BLE001 - the policy decides
            error = caught
        else:
            call.succeeded()
            return result
        try:
            wait = call.wait_after(error)
            if wait is None:
                raise error
        finally:
            del error
        await transport.asleep(wait)


def _provided(
    operation: Operation[object, Exception], config: ClientConfig
) -> Credentials | Awaitable[Credentials] | None:
    given = config.credentials
    if not operation.signed or given is None or isinstance(given, Credentials):
        return None  # http_request takes the config's own value
    return given()


def _credentials(
    operation: Operation[object, Exception], config: ClientConfig
) -> Credentials | None:
    provided = _provided(operation, config)
    if provided is None or isinstance(provided, Credentials):
        return provided
    if inspect.iscoroutine(provided):
        provided.close()
    message = (
        "The credentials provider is asynchronous: use arun, or a provider that returns Credentials"
    )
    raise ConfigurationError(message)


async def _acredentials(
    operation: Operation[object, Exception], config: ClientConfig
) -> Credentials | None:
    provided = _provided(operation, config)
    if provided is None or isinstance(provided, Credentials):
        return provided
    return await provided
