"""Programs: what to do, said as values; a driver does it.

An `Operation` is one request and the way to understand its answer. A *flow* is a generator function that puts
operations, `Sleep` and `Now` together with `yield from`; `@flow` makes its result a value that can be run again.
Both are `Program[T]`: anything whose `__iter__` gives a generator of events that returns a `T`. Programs perform no
I/O: `ssooidc_core._driver.run` and `arun` do, through a transport.

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
    TypeAlias,
    TypeVar,
    cast,
)

from ssooidc_core._config import ClientConfig
from ssooidc_core._endpoints import check_region
from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core._sigv4 import Credentials, sign
from ssooidc_core.errors import ConfigurationError, ServiceError, TransportError

__all__ = [
    "THROTTLING_CODES",
    "TRANSIENT_CODES",
    "Event",
    "Flow",
    "Instant",
    "Now",
    "Operation",
    "Program",
    "Sleep",
    "Steps",
    "flow",
    "is_repeatable",
    "is_throttling",
]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
E_co = TypeVar("E_co", bound=Exception, covariant=True)
P = ParamSpec("P")

SERVER_ERROR: Final = 500
_TOO_MANY_REQUESTS: Final = 429
_SIGNING_NAME: Final = "sso-oauth"

THROTTLING_CODES: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
"""Error codes that mean "too fast" for every AWS service. `SlowDownException` is not one: polling owns it."""


TRANSIENT_CODES: Final = frozenset(
    {"PriorRequestNotComplete", "RequestTimeout", "RequestTimeoutException"}
)
"""Error codes, whatever their status, of requests that did not come through as a whole."""


def is_throttling(error: Exception) -> bool:
    """Say whether the service refused a request because there were too many, without looking at it."""
    return isinstance(error, ServiceError) and (
        error.status == _TOO_MANY_REQUESTS or error.code in THROTTLING_CODES
    )


def is_repeatable(error: Exception) -> bool:
    """Say whether an error may go away by itself: the wire failed, the service did, or it had no time."""
    if isinstance(error, TransportError):
        return True
    return isinstance(error, ServiceError) and (
        error.status >= SERVER_ERROR or error.code in TRANSIENT_CODES or is_throttling(error)
    )


class Instant(NamedTuple):
    """A moment on two clocks.

    `wall` is an aware UTC time, for stamps; it may jump. `monotonic` is in seconds from an arbitrary origin, for
    durations and deadlines; it never goes back.
    """

    wall: datetime
    monotonic: float


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait for this many seconds: `yield from Sleep(5)`."""

    seconds: float

    def __iter__(self) -> Generator[Event, object, None]:
        """Be a one-step program."""
        yield self


@dataclass(frozen=True, slots=True)
class Now:
    """Ask the transport what time it is: `instant = yield from Now()`."""

    def __iter__(self) -> Generator[Event, object, Instant]:
        """Be a one-step program."""
        return cast("Instant", (yield self))


@dataclass(frozen=True, slots=True)
class Operation(Generic[T_co, E_co]):
    """One request and how to understand its answer; `T_co` is the result, `E_co` the union of its modelled errors.

    It is also a one-step program: `run(operation, transport)` outside a flow, `yield from operation` inside one.
    Without any driver: send `http_request(config, now)` yourself and give the answer to `parse`.
    """

    # Not an abstract base class: its `isinstance` costs more than all else that `run` does for an operation.

    @property
    def error_types(self) -> tuple[type[E_co], ...]:
        """The exceptions that the service's model gives this operation."""
        raise NotImplementedError

    signed: ClassVar[bool] = False
    """Whether the request needs a Signature Version 4."""

    def unsigned_request(self, config: ClientConfig) -> HttpRequest:
        """Give the request with the operation's own headers only.

        Raises:
            ConfigurationError: the config names no usable endpoint, or a member cannot be sent.
        """
        raise NotImplementedError

    def parse(self, response: HttpResponse) -> T_co:
        """Understand an answer.

        Raises:
            ServiceError: the service said no: one of `error_types`, another modelled error, or UnknownServiceError.
            ResponseParseError: the answer is not one that the model allows.
        """
        raise NotImplementedError

    def may_repeat(self, error: Exception) -> bool:
        """Say whether sending this request again after this error is harmless; asked before any retry policy."""
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
        """Give the request to send: absolute, complete, and signed where the operation wants it.

        Args:
            config: where it goes.
            now: when it is sent; a signature is dated with it.
            credentials: what it is signed with; by default the config's, where those are a value.
            attempt: 1 for the first, for the header `amz-sdk-request`.
            max_attempts: attempts at most, for the same header, where known.
            invocation_id: the same for each attempt of one call, for the header `amz-sdk-invocation-id`; by default
                a random one.

        Raises:
            ConfigurationError: no usable endpoint, no region or no credentials to sign with.
        """
        request = self.unsigned_request(config)
        if self.signed:
            request = self._sign(request, config, now, credentials)
        # Behind the signature: a proxy may change these, and the signature says nothing of them.
        tries = (
            f"attempt={attempt}"
            if max_attempts is None
            else f"attempt={attempt}; max={max_attempts}"
        )
        return request.with_headers(
            config.user_agent_field,
            ("amz-sdk-invocation-id", invocation_id or random.randbytes(16).hex()),  # noqa: S311 - a label, no secret
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
                f"{type(self).__name__} is signed and needs AWS credentials: give ClientConfig(credentials=...), "
                "or http_request(credentials=...) where the config holds a provider"
            )
            raise ConfigurationError(message)
        if not config.region:
            message = "Invalid Configuration: Missing Region"
            raise ConfigurationError(message)
        # With a custom endpoint nothing else looks at it, and it goes into a header.
        check_region(config.region)
        return sign(
            request,
            credentials=credentials,
            region=config.region,
            service=_SIGNING_NAME,
            now=now.wall,
        )

    def __iter__(self) -> Generator[Event, object, T_co]:
        """Be a one-step program."""
        return cast("T_co", (yield self))


Event: TypeAlias = "Operation[object, Exception] | Sleep | Now"
"""What a flow may ask of its driver."""

Steps: TypeAlias = Generator[Event, object, T]
"""What a flow's generator is: it yields events and returns a `T`."""


class Program(Protocol[T_co]):
    """Anything that can be run to a `T_co`: an operation, a flow, `Sleep`, `Now`, or a fresh generator."""

    def __iter__(self) -> Generator[Event, object, T_co]:
        """Start it."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Flow(Generic[T_co]):
    """A flow with its arguments: a value that can be run again, compared and pickled."""

    _make: Callable[..., Flow[T_co]]
    _args: tuple[object, ...]
    _kwargs: tuple[tuple[str, object], ...]

    def __iter__(self) -> Generator[Event, object, T_co]:
        """Start a fresh run."""
        # One layer only: what is below it may be wrapped itself, in a decorator that means something.
        function = inspect.unwrap(self._make, stop=lambda reached: reached is not self._make)
        steps = cast("Callable[..., Generator[Event, object, T_co]]", function)
        return steps(*self._args, **dict(self._kwargs))

    def __repr__(self) -> str:
        """Name the flow and the types of its arguments: their values may be secret."""
        shown = [type(value).__name__ for value in self._args]
        shown += [f"{name}={type(value).__name__}" for name, value in self._kwargs]
        return f"<flow {self._make.__qualname__}({', '.join(shown)})>"


def flow(function: Callable[P, Steps[T]]) -> Callable[P, Flow[T]]:
    """Make a generator function's calls into re-runnable values; wrong arguments fail at the call."""

    @functools.wraps(function)
    def make(*args: P.args, **kwargs: P.kwargs) -> Flow[T]:
        # Calling a generator function binds its arguments and runs nothing.
        function(*args, **kwargs).close()
        # By `make`, not by `function`: `make` is what the module's name leads to, which is how pickle finds it.
        return Flow(make, args, tuple(sorted(kwargs.items())))

    return make
