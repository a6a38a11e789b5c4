"""Programs: descriptions of what to do, as values, which a driver carries out.

An `Operation` is one request and the parser of its answer. A *flow* is a generator function that combines operations,
`Sleep` and `Now` with `yield from`; `@flow` makes its result a value that can be run again. Both are `Program[T]`:
anything whose `__iter__` returns a generator of events that returns a `T`. Programs perform no I/O: `ssooidc_core.run`
and `arun` do, through a transport.

A flow holds no lock or resource across a `yield from`, sends nothing while it is being closed, and is a plain
generator, never an async one.
"""

from __future__ import annotations

import functools
import inspect
import random
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime
from typing import (
    ClassVar,
    Final,
    Generic,
    NamedTuple,
    ParamSpec,
    Protocol,
    Self,
    TypeAlias,
    TypeVar,
    cast,
)

from ssooidc_core._config import ClientConfig
from ssooidc_core._endpoints import check_region
from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._sigv4 import Credentials, sign
from ssooidc_core._transient_errors import is_repeatable
from ssooidc_core.errors import ConfigurationError

__all__ = [
    "Event",
    "Flow",
    "Instant",
    "Now",
    "OneStep",
    "Operation",
    "Program",
    "Sleep",
    "Steps",
    "flow",
]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
E_co = TypeVar("E_co", bound=Exception, covariant=True)
P = ParamSpec("P")

_SIGNING_NAME: Final = "sso-oauth"


class Instant(NamedTuple):
    """A moment on two clocks.

    `wall` is an aware UTC time, for timestamps; it may jump. `monotonic` is in seconds from an arbitrary origin, for
    durations and deadlines; it never goes back.
    """

    wall: datetime
    monotonic: float


class OneStep(Generic[T_co]):
    """An event that is also a program of one step, whose result is the driver's reply, a `T_co`."""

    __slots__ = ()

    def __iter__(self) -> Generator[Self, object, T_co]:
        """Yield this event and return the driver's reply."""
        return cast("T_co", (yield self))


@dataclass(frozen=True, slots=True)
class Sleep(OneStep[None]):
    """Wait for this many seconds: `yield from Sleep(5)`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Now(OneStep[Instant]):
    """Ask the transport for the time: `instant = yield from Now()`."""


@dataclass(frozen=True, slots=True)
class Operation(OneStep[T_co], Generic[T_co, E_co]):
    """One request and the parser of its answer; `T_co` is the result, `E_co` the union of its modelled errors.

    It is also a one-step program: `run(operation, transport)` outside a flow, `yield from operation` inside one.
    Without any driver, send `http_request(config, now)` yourself and pass the answer to `parse`.
    """

    # Not an abstract base class: its `isinstance` costs more than everything else that `run` does for an operation.

    @property
    def error_types(self) -> tuple[type[E_co], ...]:
        """The exceptions that the service's model lists for this operation."""
        raise NotImplementedError

    signed: ClassVar[bool] = False
    """Whether the request needs an AWS Signature Version 4."""

    def unsigned_request(self, config: ClientConfig) -> HttpRequest:
        """Return the request with only the operation's own headers.

        Raises:
            ConfigurationError: the config has no usable endpoint, or a member cannot be sent.
        """
        raise NotImplementedError

    def parse(self, response: HttpResponse) -> T_co:
        """Return the result that an answer contains.

        Raises:
            ServiceError: the service answered with an error: one of `error_types`, another modelled error, or
                UnknownServiceError.
            ResponseParseError: the answer does not fit the service's model.
        """
        raise NotImplementedError

    def may_repeat(self, error: Exception) -> bool:
        """Return whether it is harmless to send this request again after this error; asked before any retry policy."""
        return is_repeatable(error)

    def http_request(  # noqa: PLR0913 - the driver's facts, each by name
        self,
        config: ClientConfig,
        now: Instant,
        *,
        credentials: Credentials | None = None,
        attempt: int = 1,
        max_attempts: int | None = None,
        invocation_id: str | None = None,
    ) -> HttpRequest:
        """Return the request to send: absolute, complete, and signed if the operation is signed.

        Args:
            config: where it goes.
            now: when it is sent; the date of a signature.
            credentials: sign it; by default those of the config, if they are a value.
            attempt: the number of this attempt, from 1, for the header `amz-sdk-request`.
            max_attempts: the most attempts, if known, for the same header.
            invocation_id: the header `amz-sdk-invocation-id`, the same for each attempt of one call; by default
                random.

        Raises:
            ConfigurationError: no usable endpoint, no region or no credentials to sign with.
        """
        request = self.unsigned_request(config)
        if self.signed:
            request = self._sign(request, config, now, credentials)
        # Added after signing: a proxy may change these, so the signature does not cover them.
        tries = (
            f"attempt={attempt}"
            if max_attempts is None
            else f"attempt={attempt}; max={max_attempts}"
        )
        # A label, not a secret; twice as fast as `random.randbytes`.
        invocation_id = invocation_id or random.getrandbits(128).to_bytes(16, "big").hex()
        return request.with_headers(
            config.user_agent_field,
            ("amz-sdk-invocation-id", invocation_id),
            ("amz-sdk-request", tries),
        )

    def _sign(
        self,
        request: HttpRequest,
        config: ClientConfig,
        now: Instant,
        credentials: Credentials | None,
    ) -> HttpRequest:
        if credentials is None and isinstance(config.credentials, Credentials):
            credentials = config.credentials
        if credentials is None:
            message = (
                f"{type(self).__name__} is signed and needs AWS credentials: set ClientConfig(credentials=...), "
                "or http_request(credentials=...) if the config has a provider"
            )
            raise ConfigurationError(message)
        if not config.region:
            message = "Invalid Configuration: Missing Region"
            raise ConfigurationError(message)
        # With a custom endpoint nothing else checks it, and it becomes part of a header.
        check_region(config.region)
        return sign(
            request,
            credentials=credentials,
            region=config.region,
            service=_SIGNING_NAME,
            now=now.wall,
        )


Event: TypeAlias = "Operation[object, Exception] | Sleep | Now"
"""What a flow may yield to its driver."""

Steps: TypeAlias = Generator[Event, object, T]
"""The type of a flow's generator, which yields events and returns a `T`."""


class Program(Protocol[T_co]):
    """Anything that can be run and returns a `T_co`: an operation, a flow, `Sleep`, `Now`, or a fresh generator."""

    def __iter__(self) -> Generator[Event, object, T_co]:
        """Start a run."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Flow(Generic[T_co]):
    """A flow with its arguments: a value that can be run again, compared and pickled."""

    _make: Callable[..., Flow[T_co]]
    _args: tuple[object, ...]
    _kwargs: tuple[tuple[str, object], ...]

    def __iter__(self) -> Generator[Event, object, T_co]:
        """Start a fresh run."""
        # One layer only: the function below may have a decorator of its own, which must stay in effect.
        function = inspect.unwrap(self._make, stop=lambda reached: reached is not self._make)
        steps = cast("Callable[..., Generator[Event, object, T_co]]", function)
        return steps(*self._args, **dict(self._kwargs))

    def __repr__(self) -> str:
        """Show the flow and the types of its arguments, whose values may be secret."""
        shown = [type(value).__name__ for value in self._args]
        shown += [f"{name}={type(value).__name__}" for name, value in self._kwargs]
        return f"<flow {self._make.__qualname__}({', '.join(shown)})>"


def flow(function: Callable[P, Steps[T]]) -> Callable[P, Flow[T]]:
    """Make calls of a generator function return values that can be run again; wrong arguments fail at the call."""

    @functools.wraps(function)
    def make(*args: P.args, **kwargs: P.kwargs) -> Flow[T]:
        # Calling a generator function binds its arguments and runs nothing.
        function(*args, **kwargs).close()
        # With `make`, not `function`: `make` has the function's name in its module, by which pickle finds it.
        return Flow(make, args, tuple(sorted(kwargs.items())))

    return make
