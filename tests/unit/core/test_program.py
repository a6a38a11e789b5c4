"""`ssooidc_core._program`: operations, events and flows as values."""

from __future__ import annotations

import copy
import functools
import pickle
import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from ssooidc_core import (
    ClientConfig,
    ConnectFailed,
    CreateToken,
    Flow,
    HttpResponse,
    Instant,
    InternalServerException,
    Now,
    Operation,
    RefreshTokenGrant,
    RegisterClientRequest,
    ResponseParseError,
    Sleep,
    SlowDownException,
    Steps,
    Timeout,
    UnknownServiceError,
    create_token,
    flow,
    register_client,
)
from ssooidc_core._transient_errors import THROTTLING_CODES, is_throttling

NOW = Instant(datetime(2026, 1, 1, tzinfo=UTC), 5.0)
CONFIG = ClientConfig(region="us-east-1", user_agent_suffix="my-tool/1.0")
OPERATION = register_client(RegisterClientRequest(client_name="n", client_type="public"))
GRANT = RefreshTokenGrant(
    client_id="i", client_secret=SecretStr("canary"), refresh_token=SecretStr("canary")
)


@flow
def doubled(seconds: float, *, note: str = "") -> Steps[str]:
    """Sleep, and return the time."""
    yield from Sleep(seconds)
    instant = yield from Now()
    return f"{note}{instant.monotonic}"


@flow
def token_of(grant: RefreshTokenGrant) -> Steps[str]:
    token = yield from create_token(grant)
    return token.token_type or ""


def test_an_operation_is_a_one_step_program() -> None:
    steps = iter(OPERATION)
    assert next(steps) is OPERATION
    with pytest.raises(StopIteration) as end:
        _ = steps.send("whatever the driver says")
    assert end.value.value == "whatever the driver says"


def test_sleep_and_now_are_one_step_programs() -> None:
    sleep = iter(Sleep(5))
    assert next(sleep) == Sleep(5)
    with pytest.raises(StopIteration) as end:
        _ = sleep.send(None)
    assert end.value.value is None
    now = iter(Now())
    assert next(now) == Now()
    with pytest.raises(StopIteration) as end:
        _ = now.send(NOW)
    assert end.value.value is NOW


def test_events_are_values() -> None:
    assert Sleep(5) == Sleep(5.0) != Sleep(6)
    assert len({Sleep(5), Sleep(5.0), Now(), Now()}) == 2
    assert pickle.loads(pickle.dumps((Sleep(5), Now(), NOW))) == (Sleep(5), Now(), NOW)
    assert repr(Sleep(5)) == "Sleep(seconds=5)"
    with pytest.raises(AttributeError):
        setattr(Sleep(5), "seconds", 6)  # noqa: B010 - checkers refuse the plain form


def test_an_instant_is_a_moment_on_two_clocks() -> None:
    assert (NOW.wall, NOW.monotonic) == (datetime(2026, 1, 1, tzinfo=UTC), 5.0)
    assert Instant(wall=NOW.wall, monotonic=5.0) == NOW
    with pytest.raises(AttributeError):
        setattr(NOW, "monotonic", 6.0)  # noqa: B010 - checkers refuse the plain form


def test_an_operation_pickles_and_copies() -> None:
    for duplicate in (pickle.loads(pickle.dumps(OPERATION)), copy.copy(OPERATION)):
        assert duplicate == OPERATION
        assert duplicate is not OPERATION
    assert copy.deepcopy(create_token(GRANT)) == CreateToken(GRANT)


def test_an_operation_is_frozen() -> None:
    with pytest.raises(AttributeError):
        setattr(OPERATION, "request", None)  # noqa: B010 - checkers refuse the plain form
    with pytest.raises((AttributeError, TypeError)):
        setattr(OPERATION, "extra", None)  # noqa: B010 - checkers refuse the plain form
    assert OPERATION.request.client_name == "n"


def test_the_headers_of_a_request() -> None:
    """The core adds the user agent and the `amz-sdk-*` headers after the operation's own."""
    request = OPERATION.http_request(CONFIG, NOW, attempt=2, max_attempts=3, invocation_id="i")
    assert request.headers.fields == (
        ("Content-Type", "application/json"),
        CONFIG.user_agent_field,
        ("amz-sdk-invocation-id", "i"),
        ("amz-sdk-request", "attempt=2; max=3"),
    )
    unsigned = OPERATION.unsigned_request(CONFIG)
    assert (request.method, request.url, request.body) == ("POST", unsigned.url, unsigned.body)


def test_the_attempts_at_most_are_named_only_where_they_are_known() -> None:
    request = OPERATION.http_request(CONFIG, NOW)
    assert request.headers["amz-sdk-request"] == "attempt=1"


def test_the_invocation_id_is_random_and_plain_text() -> None:
    ids = {OPERATION.http_request(CONFIG, NOW).headers["amz-sdk-invocation-id"] for _ in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch(r"[0-9a-f-]{32,36}", each) for each in ids)


@pytest.mark.parametrize(
    ("error", "repeatable"),
    [
        (ConnectFailed("t"), True),
        (Timeout("t"), True),
        (InternalServerException.of(status=500), True),
        (UnknownServiceError(code="502", status=502), True),
        (UnknownServiceError(code="599", status=599), True),
        (UnknownServiceError(code="x", status=429), True),
        (UnknownServiceError(code="ThrottlingException", status=400), True),
        (UnknownServiceError(code="x", status=499), False),
        (SlowDownException.of(), False),
        (ResponseParseError("t", status=500), False),
        (ValueError(), False),
    ],
    ids=repr,
)
def test_by_default_what_may_pass_may_be_repeated(error: Exception, *, repeatable: bool) -> None:
    assert OPERATION.may_repeat(error) is repeatable


def test_the_throttling_codes() -> None:
    """SDK reference, *Retry behavior*; it lists `SlowDown`, while `SlowDownException` is for the polling loop."""
    assert sorted(THROTTLING_CODES) == [
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
    ]
    assert all(
        is_throttling(UnknownServiceError(code=code, status=400)) for code in THROTTLING_CODES
    )
    assert is_throttling(UnknownServiceError(code="429", status=429)) is True
    assert is_throttling(SlowDownException.of()) is False
    assert is_throttling(Timeout("t")) is False


def finish(program: Flow[str]) -> str:
    steps = iter(program)
    assert next(steps) == Sleep(2)
    assert steps.send(None) == Now()
    with pytest.raises(StopIteration) as end:
        _ = steps.send(NOW)
    assert isinstance(end.value.value, str)
    return end.value.value


def test_a_flow_can_be_run_again() -> None:
    program = doubled(2, note="at ")
    assert finish(program) == "at 5.0"
    assert finish(program) == "at 5.0"


def test_a_flow_is_a_value() -> None:
    program = doubled(2, note="at ")
    assert program == doubled(2, note="at ")
    assert hash(program) == hash(doubled(2, note="at "))
    assert program != doubled(2)
    assert program != doubled(3, note="at ")
    with pytest.raises(AttributeError):
        setattr(program, "_args", ())  # noqa: B010 - checkers refuse the plain form


def test_the_repr_of_a_flow_names_it_and_the_types_of_its_arguments() -> None:
    assert repr(doubled(2, note="canary")) == "<flow doubled(int, note=str)>"
    assert repr(token_of(GRANT)) == "<flow token_of(RefreshTokenGrant)>"
    assert str(token_of(GRANT)) == f"{token_of(GRANT)}" == "<flow token_of(RefreshTokenGrant)>"


@pytest.mark.parametrize(
    "call",
    [
        lambda: doubled(),  # type: ignore[call-arg]  # noqa: PLW0108 - the call is what fails
        lambda: doubled(1, "2"),  # type: ignore[call-arg]
        lambda: doubled(1, nota=""),  # type: ignore[call-arg]
    ],
    ids=["missing", "too many", "misspelt"],
)
def test_wrong_arguments_fail_at_the_call(call: Callable[[], object]) -> None:
    with pytest.raises(TypeError, match=r"doubled\(\)"):
        _ = call()


def test_nothing_of_a_flow_runs_before_it_is_run() -> None:
    ran: list[str] = []

    @flow
    def noisy() -> Steps[None]:
        ran.append("begun")
        yield from Sleep(0)

    program = noisy()
    steps = iter(program)
    assert ran == []
    assert next(steps) == Sleep(0)
    assert ran == ["begun"]


def test_a_flow_keeps_the_name_and_the_docstring_of_its_function() -> None:
    assert doubled.__name__ == "doubled"
    assert doubled.__doc__ == "Sleep, and return the time."


def test_a_decorator_below_flow_is_not_skipped() -> None:
    def twice(function: Callable[[int], Steps[int]]) -> Callable[[int], Steps[int]]:
        @functools.wraps(function)
        def wrapped(number: int) -> Steps[int]:
            return 2 * (yield from function(number))

        return wrapped

    @flow
    @twice
    def same(number: int) -> Steps[int]:
        yield from Sleep(0)
        return number

    steps = iter(same(21))
    assert next(steps) == Sleep(0)
    with pytest.raises(StopIteration) as end:
        _ = steps.send(None)
    assert end.value.value == 42


def test_a_flow_of_the_package_pickles_by_name() -> None:
    from ssooidc_core.flows.device import start_device_login  # noqa: PLC0415 - only here

    registration = RegisterClientRequest(client_name="n", client_type="public")
    program = start_device_login(registration, start_url="u", region="us-east-1")
    assert pickle.loads(pickle.dumps(program)) == program


def test_an_operation_of_ones_own_must_have_its_parts() -> None:
    """Type checkers report it too; at run time, a missing part must not be read as the result `None`."""

    class Unfinished(Operation[str, ConnectFailed]): ...

    operation = Unfinished()
    with pytest.raises(NotImplementedError):
        _ = operation.error_types
    with pytest.raises(NotImplementedError):
        _ = operation.http_request(CONFIG, NOW)
    with pytest.raises(NotImplementedError):
        _ = operation.parse(HttpResponse(200))
