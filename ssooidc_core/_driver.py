"""The drivers: `run` and `arun` carry out programs, `attempt` and `aattempt` give modelled errors back as values.

A transport says how: it sends, sleeps and knows the time. Whatever fails as an `Exception` is thrown into the flow at
the `yield` it waits at, so that flows can handle errors with `try`; a `KeyboardInterrupt` or a cancellation never is,
it only closes the flow. One program must not be run from two threads at once; a transport may.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Awaitable, Generator
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from ssooidc_core._attempts import Attempts
from ssooidc_core._config import ClientConfig
from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._program import Event, Instant, Now, Operation, Program, Sleep
from ssooidc_core._sigv4 import Credentials
from ssooidc_core.errors import ConfigurationError

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


def _wrong_kind(transport: object, method: str, error: Exception) -> ConfigurationError | None:
    """Say where a transport of the other kind was given: a blocking one to `arun`, or an asynchronous one to `run`."""
    if not isinstance(error, AttributeError) or hasattr(transport, method):
        return None
    driver = "arun" if method == "send" else "run"
    return ConfigurationError(f"{type(transport).__name__} has no {method}(): use {driver} with it")


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


def _policy_of(transport: _Clocked, policy: Retrying | None) -> Retrying:
    return transport.retry_policy if policy is None else policy


def _max_attempts(transport: _Clocked, policy: Retrying | None) -> int | None:
    # While tenacity is not loaded there can be no policy but the one that the transport will make of its config.
    if "tenacity" not in sys.modules:
        return transport.config.max_attempts
    from ssooidc_core.policies import max_attempts_of  # noqa: PLC0415 - imports tenacity

    return max_attempts_of(_policy_of(transport, policy))


class _Failing:
    """One call of one operation, through either driver, from its first failure on."""

    __slots__ = ("_attempts", "_number", "_operation", "_policy", "_request", "_transport")

    def __init__(
        self,
        operation: Operation[object, Exception],
        transport: _Clocked,
        policy: Retrying | None,
        begun: Instant,
        request: HttpRequest,
    ) -> None:
        self._operation = operation
        self._transport = transport
        self._policy = policy
        self._request = request
        self._number = 1
        self._attempts = Attempts(operation, lambda: _policy_of(transport, policy), begun)

    def wait_after(self, error: Exception) -> float | None:
        """Seconds to wait before the next attempt, or `None` where the error is final."""
        wait = self._attempts.wait_after(error, self._transport.now())
        if wait is None:
            note = f"while {self._operation!r}, attempt {self._number}"
            # A transport may raise one and the same object again.
            if note not in getattr(error, "__notes__", ()):
                error.add_note(note)
        return wait

    def next_request(self, credentials: Credentials | None) -> HttpRequest:
        """The request of the next attempt, of the same invocation id as the first."""
        self._number += 1
        return self._operation.http_request(
            self._transport.config,
            self._transport.now(),
            credentials=credentials,
            attempt=self._number,
            max_attempts=_max_attempts(self._transport, self._policy),
            invocation_id=self._request.headers["amz-sdk-invocation-id"],
        )

    def succeeded(self) -> None:
        """Let the policy know."""
        self._attempts.succeeded(self._transport.now())


def _succeeded_at_once(
    operation: Operation[object, Exception],
    transport: _Clocked,
    policy: Retrying | None,
    begun: Instant,
) -> None:
    """Let the policy know, where it wants to."""
    used = _policy_of(transport, policy)
    if not getattr(used.retry, "indifferent_to_success", False):
        Attempts(operation, lambda: used, begun).succeeded(transport.now())


def _perform(operation: Operation[T, E], transport: Transport, policy: Retrying | None) -> T:
    try:
        return _carry_out(operation, transport, policy)
    except StopIteration as caught:
        dry = _throwable(caught)
    # In a coroutine Python does the same; here, `map` and the like would take it for the end of their input.
    raise dry


def _carry_out(operation: Operation[T, E], transport: Transport, policy: Retrying | None) -> T:
    begun = transport.now()
    request = operation.http_request(
        transport.config,
        begun,
        credentials=_credentials(transport.config) if operation.signed else None,
        max_attempts=_max_attempts(transport, policy),
    )
    failing: _Failing | None = None
    while True:
        try:
            result = operation.parse(transport.send(request))
        except Exception as caught:  # noqa: BLE001 - the policy decides
            error = _wrong_kind(transport, "send", caught) or caught
        else:
            if failing is not None:
                failing.succeeded()
            elif "tenacity" in sys.modules:
                _succeeded_at_once(operation, transport, policy, begun)
            return result
        # Outside the `except` block: what is raised or waited for from here has nothing hanging on its `__context__`.
        try:
            if failing is None:
                failing = _Failing(operation, transport, policy, begun, request)
            wait = failing.wait_after(error)
            if wait is None:
                failing = None  # it holds the error, whose traceback holds this frame
                raise error
        finally:
            del error
        transport.sleep(wait)
        request = failing.next_request(_credentials(transport.config) if operation.signed else None)


async def _aperform(
    operation: Operation[T, E], transport: AsyncTransport, policy: Retrying | None
) -> T:
    begun = transport.now()
    request = operation.http_request(
        transport.config,
        begun,
        credentials=await _acredentials(transport.config) if operation.signed else None,
        max_attempts=_max_attempts(transport, policy),
    )
    failing: _Failing | None = None
    while True:
        try:
            result = operation.parse(await transport.asend(request))
        except Exception as caught:  # noqa: BLE001 - the policy decides
            error = _wrong_kind(transport, "asend", caught) or caught
        else:
            if failing is not None:
                failing.succeeded()
            elif "tenacity" in sys.modules:
                _succeeded_at_once(operation, transport, policy, begun)
            return result
        try:
            if failing is None:
                failing = _Failing(operation, transport, policy, begun, request)
            wait = failing.wait_after(error)
            if wait is None:
                failing = None  # it holds the error, whose traceback holds this frame
                raise error
        finally:
            del error
        await transport.asleep(wait)
        request = failing.next_request(
            await _acredentials(transport.config) if operation.signed else None
        )


def _provided(config: ClientConfig) -> Credentials | Awaitable[Credentials] | None:
    given = config.credentials
    # A value, or none at all, is for `http_request` to use or to miss.
    return None if given is None or isinstance(given, Credentials) else given()


def _checked(provided: object) -> Credentials:
    if isinstance(provided, Credentials):
        return provided
    message = f"The credentials provider gave {type(provided).__name__}; it must give ssooidc_core.Credentials"
    raise ConfigurationError(message)


def _credentials(config: ClientConfig) -> Credentials | None:
    provided = _provided(config)
    if provided is None or not inspect.isawaitable(provided):
        return None if provided is None else _checked(provided)
    if inspect.iscoroutine(provided):
        provided.close()
    message = (
        "The credentials provider is asynchronous: use arun, or a provider that returns Credentials"
    )
    raise ConfigurationError(message)


async def _acredentials(config: ClientConfig) -> Credentials | None:
    provided = _provided(config)
    if inspect.isawaitable(provided):
        return _checked(await provided)
    return None if provided is None else _checked(provided)
