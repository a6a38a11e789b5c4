"""The drivers: `run` and `arun` carry out programs, `attempt` and `aattempt` return modelled errors as values.

A transport sends, sleeps and returns the time. Every failure that is an `Exception` is thrown into the flow at its
`yield`, so that flows can handle errors with `try`. A `KeyboardInterrupt` or a cancellation is not thrown in: it only
closes the flow. One program must not be run from two threads at once; a transport may.
"""

from __future__ import annotations

import inspect
from collections.abc import Generator
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar, cast

from ssooidc_core._attempts import Attempts, Clocked
from ssooidc_core._config import ClientConfig
from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._program import Instant, Now, Operation, Program, Sleep
from ssooidc_core._sigv4 import Credentials
from ssooidc_core.errors import ConfigurationError

if TYPE_CHECKING:
    from tenacity import Retrying

__all__ = ["AsyncTransport", "Stepper", "Transport", "aattempt", "arun", "attempt", "run"]

T = TypeVar("T")
E = TypeVar("E", bound=Exception)
EventT = TypeVar("EventT")


class Transport(Clocked, Protocol):
    """Carries requests, blocking until each is answered."""

    def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send a request as it is and return the whole answer, whatever its status; follow no redirect.

        Raises:
            TransportError: the exchange failed for any reason.
        """
        ...

    def sleep(self, seconds: float, /) -> None:
        """Wait this many seconds."""
        ...


class AsyncTransport(Clocked, Protocol):
    """Carries requests in an event loop."""

    async def asend(self, request: HttpRequest, /) -> HttpResponse:
        """Send a request as it is and return the whole answer, whatever its status; follow no redirect.

        Raises:
            TransportError: the exchange failed for any reason.
        """
        ...

    async def asleep(self, seconds: float, /) -> None:
        """Wait this many seconds."""
        ...


class Stepper(Generic[EventT, T]):
    """An iterator over the events of a program, for a driver.

    Before the next event, the driver sets `reply`, if the event has one, or calls `fail`. After the last event,
    `result` is what the program returned.
    """

    __slots__ = ("_error", "_steps", "reply", "result")

    reply: object
    result: T

    def __init__(self, steps: Generator[EventT, object, T]) -> None:
        """Prepare to run a generator.

        Raises:
            RuntimeError: the generator was run before.
        """
        if inspect.isgenerator(steps) and inspect.getgeneratorstate(steps) != inspect.GEN_CREATED:
            message = (
                "This generator was run before, or is under way. Make a new one, "
                "or decorate its function with @flow, whose values can be run again"
            )
            raise RuntimeError(message)
        self._steps = steps
        self._error: Exception | None = None
        self.reply = None

    def __iter__(self) -> Self:
        """Return the stepper itself."""
        return self

    def __next__(self) -> EventT:
        """Send the reply, or throw the error, and return the next event."""
        reply, error = self.reply, self._error
        self.reply = self._error = None
        # The transport is not called here: a StopIteration that it raised would look like the end of the program.
        try:
            return self._steps.send(reply) if error is None else self._steps.throw(error)
        except StopIteration as end:
            self.result = cast("T", end.value)
            raise
        finally:
            del error  # its traceback will refer to this frame

    def fail(self, error: Exception) -> None:
        """Make the next step throw this error into the program."""
        self._error = _throwable(error)

    def close(self) -> None:
        """Close the program, finished or not."""
        self._error = None
        self._steps.close()


def run(program: Program[T], transport: Transport, *, policy: Retrying | None = None) -> T:
    """Carry out a program and return its result.

    Args:
        program: an operation, a flow, or a fresh generator of one.
        transport: carries the requests.
        policy: decides whether failed requests are repeated, in place of the transport's own `retry_policy`.

    Raises:
        SsoOidcError: see `ssooidc_core.errors`; also whatever a flow raises.
        RuntimeError: the generator was run before.
    """
    # A bare operation needs no generator at all.
    if isinstance(program, Operation):
        return _perform(cast("Operation[T, Exception]", program), transport, policy)
    steps = Stepper(program.__iter__())
    try:
        for event in steps:
            try:
                if isinstance(event, Operation):
                    steps.reply = _perform(event, transport, policy)
                elif isinstance(event, Sleep):
                    transport.sleep(event.seconds)
                else:
                    steps.reply = _now(event, transport)
            except Exception as caught:  # noqa: BLE001 - the flow handles it
                steps.fail(caught)
        return steps.result
    finally:
        steps.close()


async def arun(
    program: Program[T], transport: AsyncTransport, *, policy: Retrying | None = None
) -> T:
    """Carry out a program in asyncio or trio and return its result; see `run`."""
    if isinstance(program, Operation):
        return await _aperform(cast("Operation[T, Exception]", program), transport, policy)
    steps = Stepper(program.__iter__())
    try:
        for event in steps:
            try:
                if isinstance(event, Operation):
                    steps.reply = await _aperform(event, transport, policy)
                elif isinstance(event, Sleep):
                    await transport.asleep(event.seconds)
                else:
                    steps.reply = _now(event, transport)
            except Exception as caught:  # noqa: BLE001 - the flow handles it
                steps.fail(caught)
        return steps.result
    finally:
        steps.close()


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


def _throwable(error: Exception) -> Exception:
    # Thrown into a generator, a StopIteration would look like its end (PEP 479).
    if not isinstance(error, StopIteration):
        return error
    replaced = RuntimeError("The transport raised StopIteration")
    replaced.__cause__ = error
    return replaced


def _now(event: object, transport: Clocked) -> Instant:
    if isinstance(event, Now):
        return transport.now()
    message = (
        f"A flow yielded {type(event).__name__}, which is no Operation, Sleep or Now: "
        "put programs together with `yield from`"
    )
    raise TypeError(message)


def _perform(operation: Operation[T, E], transport: Transport, policy: Retrying | None) -> T:
    attempts = Attempts(operation, transport, policy)
    try:
        while True:
            request = attempts.request(_credentials(transport.config) if operation.signed else None)
            try:
                result = operation.parse(transport.send(request))
            except Exception as caught:  # noqa: BLE001 - the policy decides
                error = _wrong_kind(transport, "send", caught) or caught
            else:
                attempts.succeeded()
                return result
            # Outside the `except` block, so that nothing raised from here on has the error as its `__context__`.
            try:
                wait = attempts.wait_after(error)
                if wait is None:
                    raise error
            finally:
                del error
            transport.sleep(wait)
    except StopIteration as caught:
        dry = _throwable(caught)
    # Python does the same in a coroutine; here, `map` and the like would treat it as the end of their input.
    raise dry


async def _aperform(
    operation: Operation[T, E], transport: AsyncTransport, policy: Retrying | None
) -> T:
    attempts = Attempts(operation, transport, policy)
    while True:
        credentials = await _acredentials(transport.config) if operation.signed else None
        request = attempts.request(credentials)
        try:
            result = operation.parse(await transport.asend(request))
        except Exception as caught:  # noqa: BLE001 - the policy decides
            error = _wrong_kind(transport, "asend", caught) or caught
        else:
            attempts.succeeded()
            return result
        try:
            wait = attempts.wait_after(error)
            if wait is None:
                raise error
        finally:
            del error
        await transport.asleep(wait)


def _wrong_kind(transport: object, method: str, error: Exception) -> ConfigurationError | None:
    """Return the error of a blocking transport given to `arun`, or of an asynchronous one given to `run`."""
    if not isinstance(error, AttributeError) or hasattr(transport, method):
        return None
    driver = "arun" if method == "send" else "run"
    return ConfigurationError(f"{type(transport).__name__} has no {method}(): use {driver} with it")


def _credentials(config: ClientConfig) -> Credentials | None:
    given = config.credentials
    # A value, or none at all, is used as it is.
    if given is None or isinstance(given, Credentials):
        return given
    provided = given()
    if not inspect.isawaitable(provided):
        return _checked(provided)
    if inspect.iscoroutine(provided):
        provided.close()
    message = (
        "The credentials provider is asynchronous: use arun, or a provider that returns Credentials"
    )
    raise ConfigurationError(message)


async def _acredentials(config: ClientConfig) -> Credentials | None:
    given = config.credentials
    if given is None or isinstance(given, Credentials):
        return given
    provided = given()
    return _checked(await provided if inspect.isawaitable(provided) else provided)


def _checked(provided: object) -> Credentials:
    if isinstance(provided, Credentials):
        return provided
    message = (
        f"The credentials provider returned {type(provided).__name__}; "
        "it must return ssooidc_core.Credentials"
    )
    raise ConfigurationError(message)
