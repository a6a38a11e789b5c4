"""The rules that every driver follows, for `run` and for `arun` on asyncio and trio."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Awaitable, Callable, Generator
from typing import TYPE_CHECKING, Final

import pytest
import trio
from tenacity import Retrying, stop_after_attempt

from ssooidc_core import (
    AuthorizationPendingException,
    ClientConfig,
    ConfigurationError,
    ConnectFailed,
    ConnectionLost,
    CreateTokenResponse,
    Credentials,
    DeviceCodeGrant,
    Event,
    HttpResponse,
    InternalServerException,
    InvalidGrantException,
    InvalidRedirectUriException,
    JwtBearerGrant,
    Now,
    Operation,
    RefreshTokenGrant,
    RegisterClientRequest,
    RegisterClientResponse,
    ResponseParseError,
    SecretStr,
    Sleep,
    Steps,
    Timeout,
    TokenExchangeGrant,
    TransportError,
    UnknownServiceError,
    aattempt,
    arun,
    attempt,
    create_token,
    create_token_with_iam,
    flow,
    register_client,
    run,
)
from ssooidc_core._operations.create_token import AuthorizationCodeGrant
from ssooidc_transports.testing import OutOfReplies, ScriptedTransport, error_reply, reply

if TYPE_CHECKING:
    from tests.unit.core.conftest import Drive

CLIENT: Final = RegisterClientResponse(client_id="id", client_secret=SecretStr("canary"))
REGISTER: Final = register_client(RegisterClientRequest(client_name="n", client_type="public"))
REGISTERED: Final = reply(200, {"clientId": "id", "clientSecret": "canary"})
TOKEN: Final = reply(200, {"accessToken": "canary"})
DEVICE: Final = DeviceCodeGrant(
    client_id="id", client_secret=SecretStr("canary"), device_code=SecretStr("canary")
)
REFRESH: Final = RefreshTokenGrant.of(CLIENT, "canary")


@flow
def register_twice() -> Steps[str]:
    """Register, and register again whatever happened."""
    try:
        first = (yield from REGISTER).client_id
    except TransportError as error:
        first = type(error).__name__
    yield from Sleep(1)
    return f"{first}, {(yield from REGISTER).client_id}"


def test_a_transport_that_runs_dry_does_not_look_like_a_finished_flow(drive: Drive) -> None:
    with pytest.raises(OutOfReplies):
        drive(register_twice(), ScriptedTransport([REGISTERED]))


def test_a_stop_iteration_of_a_transport_reaches_the_flow_as_a_runtime_error(drive: Drive) -> None:
    seen: list[BaseException | None] = []

    def watching() -> Steps[None]:
        try:
            yield from REGISTER
        except RuntimeError as error:
            seen.append(error.__cause__)

    class Dry(ScriptedTransport):
        def sleep(self, seconds: float, /) -> None:
            raise StopIteration

        async def asleep(self, seconds: float, /) -> None:
            raise StopIteration  # Python itself turns it into a RuntimeError in a coroutine

    def sleeping() -> Steps[str]:
        try:
            yield from Sleep(1)
        except RuntimeError as error:
            return str(error)
        return "slept"

    ended = drive(sleeping(), Dry([]))
    assert ended in {"The transport raised StopIteration", "coroutine raised StopIteration"}
    drive(watching(), ScriptedTransport([StopIteration()]))
    assert [type(cause) for cause in seen] == [StopIteration]


def test_what_fails_is_thrown_into_the_flow_which_may_go_on(drive: Drive) -> None:
    lost = [ConnectionLost("gone")] * 3
    transport = ScriptedTransport([*lost, REGISTERED])
    assert drive(register_twice(), transport) == "ConnectionLost, id"


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_an_interruption_is_not_thrown_in_and_closes_the_flow(
    drive: Drive, interruption: type[BaseException]
) -> None:
    log: list[str] = []

    def watching() -> Steps[None]:
        try:
            yield from REGISTER
        except BaseException as error:
            log.append(type(error).__name__)
            raise
        finally:
            log.append("finally")

    with pytest.raises((interruption, BaseExceptionGroup)):
        drive(watching(), ScriptedTransport([interruption()]))
    assert log == ["GeneratorExit", "finally"]


def test_a_cancelled_asyncio_task_closes_its_flow() -> None:
    log: list[str] = []

    def watching() -> Steps[None]:
        try:
            yield from Sleep(3600)
        except BaseException as error:
            log.append(type(error).__name__)
            raise

    class Slow(ScriptedTransport):
        async def asleep(self, seconds: float, /) -> None:
            log.append("asleep")
            asleep.set()
            await asyncio.Event().wait()

    asleep = asyncio.Event()

    async def main() -> None:
        task = asyncio.create_task(arun(watching(), Slow([])))
        await asleep.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert log == ["asleep", "GeneratorExit"]


def test_a_cancelled_trio_scope_closes_its_flow() -> None:
    log: list[str] = []

    def watching() -> Steps[None]:
        try:
            yield from Sleep(3600)
        finally:
            log.append("finally")

    class Slow(ScriptedTransport):
        async def asleep(self, seconds: float, /) -> None:
            scope.cancel()
            await trio.sleep_forever()

    async def main() -> None:
        with scope:
            await arun(watching(), Slow([]))
        log.append("left")

    scope = trio.CancelScope()
    trio.run(main)
    assert log == ["finally", "left"]


def test_an_error_has_no_context_and_says_what_was_under_way(drive: Drive) -> None:
    transport = ScriptedTransport([error_reply(InvalidGrantException, "no")])
    with pytest.raises(InvalidGrantException) as refused:
        drive(create_token(REFRESH), transport)
    error = refused.value
    assert (error.__cause__, error.__context__) == (None, None)
    (note,) = error.__notes__
    assert note.startswith("while CreateToken(request=RefreshTokenGrant(client_id='id', ")
    assert note.endswith("), attempt 1")
    printed = "".join(
        traceback.TracebackException.from_exception(error, capture_locals=True).format()
    )
    assert "canary" not in printed


def test_an_error_that_is_raised_again_is_noted_once(drive: Drive) -> None:
    lost = ConnectionLost("gone")
    for _ in range(2):
        with pytest.raises(ConnectionLost):
            drive(create_token(REFRESH), ScriptedTransport([lost]))
    assert len(lost.__notes__) == 1


def test_a_spent_generator_is_an_error_and_not_none(drive: Drive) -> None:
    def steps() -> Steps[str]:
        yield from Now()
        return "done"

    generator = steps()
    assert drive(generator, ScriptedTransport([])) == "done"
    with pytest.raises(RuntimeError, match=r"\AThis generator was run before, or is under way\."):
        drive(generator, ScriptedTransport([]))
    started = steps()
    next(started)
    with pytest.raises(RuntimeError, match=r"decorate its function with @flow"):
        drive(started, ScriptedTransport([]))


def test_a_flow_may_have_no_steps_at_all(drive: Drive) -> None:
    @flow
    def nothing() -> Steps[str]:
        yield from ()
        return "nothing"

    assert drive(nothing(), ScriptedTransport([])) == "nothing"


def test_whatever_has_a_fitting_iter_is_a_program(drive: Drive) -> None:
    class Twice:
        def __iter__(self) -> Generator[Event, object, float]:
            yield from Sleep(2)
            return (yield from Now()).monotonic

    assert drive(Twice(), ScriptedTransport([])) == 2


def test_a_flow_that_yields_while_it_is_closed_is_told_so(drive: Drive) -> None:
    def clinging() -> Steps[None]:
        try:
            yield from REGISTER
        finally:
            yield from Sleep(1)

    transport = ScriptedTransport([KeyboardInterrupt()])
    with pytest.raises((RuntimeError, BaseExceptionGroup)):
        drive(clinging(), transport)
    assert transport.sleeps == []


def test_a_yield_of_something_else_is_explained(drive: Drive) -> None:
    def wrong() -> Generator[Event, object, None]:
        yield 3  # type: ignore[misc]

    with pytest.raises(TypeError) as refused:
        drive(wrong(), ScriptedTransport([]))
    assert str(refused.value) == (
        "A flow yielded int, which is no Operation, Sleep or Now: "
        "put programs together with `yield from`"
    )


def failures() -> dict[str, Exception]:
    def service(code: str, status: int) -> Exception:
        return UnknownServiceError(code=code, status=status)

    return {
        "not sent": ConnectFailed("x"),
        "maybe sent": Timeout("x"),
        "500": service("InternalServerException", 500),
        "503": service("503", 503),
        "429": service("TooManyRequestsException", 429),
        "throttled": service("ThrottlingException", 400),
        "pending": AuthorizationPendingException.of(),
        "no": InvalidGrantException.of(),
        "unreadable": ResponseParseError("x", status=200),
        "ours": ValueError("x"),
    }


ONE_TIME: Final = {"not sent", "429", "throttled"}
ANY_TIME: Final = {"not sent", "maybe sent", "500", "503", "429", "throttled"}
CODE: Final = AuthorizationCodeGrant.of(CLIENT, code="c", redirect_uri="u", code_verifier="v")
MAY_REPEAT: Final[list[tuple[Operation[object, Exception], set[str]]]] = [
    (REGISTER, ANY_TIME),
    (create_token(DEVICE), set()),
    (create_token(CODE), ONE_TIME),
    (create_token(REFRESH), ONE_TIME),
    (create_token_with_iam(JwtBearerGrant.of("arn", assertion="a")), ONE_TIME),
    (create_token_with_iam(TokenExchangeGrant.of("arn", subject_token="s")), ANY_TIME),
]


@pytest.mark.parametrize(
    ("operation", "repeatable"),
    MAY_REPEAT,
    ids=["register", "device", "code", "refresh", "jwt", "exchange"],
)
def test_what_may_be_repeated(
    operation: Operation[object, Exception], repeatable: set[str]
) -> None:
    assert {name for name, error in failures().items() if operation.may_repeat(error)} == repeatable


def test_a_device_code_is_never_repeated_whatever_the_policy(drive: Drive) -> None:
    def asked(_: object) -> bool:
        raise AssertionError

    policy = Retrying(retry=asked, stop=asked)
    transport = ScriptedTransport([Timeout("x")])
    with pytest.raises(Timeout):
        drive(create_token(DEVICE), transport, policy=policy)
    assert len(transport.requests) == 1


def test_each_attempt_says_which_it_is_and_which_call_it_belongs_to(drive: Drive) -> None:
    transport = ScriptedTransport([reply(500), reply(500), REGISTERED, REGISTERED])
    assert drive(REGISTER, transport).client_id == "id"
    drive(REGISTER, transport)
    tries = [request.headers["amz-sdk-request"] for request in transport.requests]
    assert tries == ["attempt=1; max=3", "attempt=2; max=3", "attempt=3; max=3", "attempt=1; max=3"]
    ids = [request.headers["amz-sdk-invocation-id"] for request in transport.requests]
    assert ids[0] == ids[1] == ids[2] != ids[3]


def test_the_config_says_how_many_attempts_there_are_whatever_policy_the_transport_has(
    drive: Drive,
) -> None:
    config = ClientConfig(region="us-east-1", max_attempts=7)
    policy = Retrying(stop=stop_after_attempt(2))
    transport = ScriptedTransport([reply(500), REGISTERED], config=config, retry_policy=policy)
    drive(REGISTER, transport)
    tries = [request.headers["amz-sdk-request"] for request in transport.requests]
    assert tries == ["attempt=1; max=7", "attempt=2; max=7"]


def test_before_tenacity_is_loaded_the_transport_is_not_asked_for_its_policy(
    drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unasked(ScriptedTransport):
        @property
        def retry_policy(self) -> Retrying:
            raise AssertionError

    monkeypatch.delitem(sys.modules, "tenacity")
    config = ClientConfig(region="us-east-1", max_attempts=7)
    transport = Unasked([REGISTERED], config=config)
    drive(REGISTER, transport)
    assert transport.requests[0].headers["amz-sdk-request"] == "attempt=1; max=7"


def test_the_last_error_is_raised_when_the_policy_gives_up(drive: Drive) -> None:
    transport = ScriptedTransport([reply(500), reply(502), error_reply(InternalServerException)])
    with pytest.raises(InternalServerException) as failed:
        drive(REGISTER, transport)
    assert failed.value.__notes__[0].endswith(", attempt 3")
    assert len(transport.sleeps) == 2


JWT: Final = create_token_with_iam(JwtBearerGrant.of("arn", assertion="a"))
KEYS: Final = Credentials.of("AKID", "canary", "canary-session")


def signed(provider: object) -> ScriptedTransport:
    config = ClientConfig(region="us-east-1", credentials=provider)  # type: ignore[arg-type]
    return ScriptedTransport([ConnectFailed("x"), TOKEN], config=config)


def test_credentials_of_a_provider_are_asked_for_before_each_attempt(drive: Drive) -> None:
    keys = [Credentials.of(f"AKID{number}", "canary") for number in range(2)]
    given = iter(keys)
    transport = signed(lambda: next(given))
    drive(JWT, transport)
    used = [request.headers["Authorization"] for request in transport.requests]
    assert ["AKID0/" in used[0], "AKID1/" in used[1]] == [True, True]


def test_credentials_are_asked_for_only_where_a_request_is_signed(drive: Drive) -> None:
    def never() -> Credentials:
        raise AssertionError

    config = ClientConfig(region="us-east-1", credentials=never)
    drive(REGISTER, ScriptedTransport([REGISTERED], config=config))


def test_an_asynchronous_provider_is_awaited_by_arun() -> None:
    async def keys() -> Credentials:
        return KEYS

    transport = signed(keys)
    asyncio.run(arun(JWT, transport))
    assert transport.requests[0].headers["X-Amz-Security-Token"] == "canary-session"


class Later:
    """An awaitable that is not a coroutine."""

    def __await__(self) -> Generator[None, None, Credentials]:
        yield
        return KEYS


async def coroutine() -> Credentials:
    return KEYS


@pytest.mark.parametrize("provider", [coroutine, Later], ids=["coroutine", "awaitable"])
def test_an_asynchronous_provider_is_refused_by_run(
    provider: Callable[[], Awaitable[Credentials]],
) -> None:
    transport = signed(provider)
    with pytest.raises(ConfigurationError) as refused:
        run(JWT, transport)
    assert str(refused.value) == (
        "The credentials provider is asynchronous: use arun, or a provider that returns Credentials"
    )
    assert transport.requests == []


def test_a_provider_of_something_else_is_refused(drive: Drive) -> None:
    with pytest.raises(ConfigurationError) as refused:
        drive(JWT, signed(lambda: ("AKID", "canary")))
    assert str(refused.value) == (
        "The credentials provider returned tuple; it must return ssooidc_core.Credentials"
    )


def test_credentials_as_a_value_sign(drive: Drive) -> None:
    transport = signed(KEYS)
    drive(JWT, transport)
    assert transport.requests[1].headers["X-Amz-Security-Token"] == "canary-session"


def test_without_credentials_nothing_is_sent(drive: Drive) -> None:
    transport = signed(None)
    with pytest.raises(ConfigurationError, match="CreateTokenWithIAM is signed and needs AWS"):
        drive(JWT, transport)
    assert transport.requests == []


def attempts() -> list[Callable[[ScriptedTransport], object]]:
    operation = create_token(REFRESH)

    async def in_trio(transport: ScriptedTransport) -> object:
        return await aattempt(operation, transport)

    return [
        lambda transport: attempt(operation, transport),
        lambda transport: asyncio.run(aattempt(operation, transport)),
        lambda transport: trio.run(in_trio, transport),
    ]


@pytest.mark.parametrize("try_it", attempts(), ids=["attempt", "asyncio", "trio"])
def test_attempt_gives_modelled_errors_back_and_raises_others(
    try_it: Callable[[ScriptedTransport], object],
) -> None:
    assert isinstance(try_it(ScriptedTransport([TOKEN])), CreateTokenResponse)
    refused = try_it(ScriptedTransport([error_reply(InvalidGrantException, "no")]))
    assert isinstance(refused, InvalidGrantException)
    assert refused.__traceback__ is None
    unmodelled = reply(400, {}, headers={"x-amzn-ErrorType": "InvalidRedirectUriException"})
    others: list[tuple[HttpResponse | Exception, type[Exception]]] = [
        (unmodelled, InvalidRedirectUriException),
        (reply(403), UnknownServiceError),
        (reply(200), ResponseParseError),
        (ConnectionLost("x"), ConnectionLost),
    ]
    for answer, kind in others:
        with pytest.raises(kind):
            try_it(ScriptedTransport([answer]))


def test_one_transport_serves_many_tasks_at_once() -> None:
    transport = ScriptedTransport(lambda _: REGISTERED)

    async def main() -> list[RegisterClientResponse]:
        return await asyncio.gather(*(arun(REGISTER, transport) for _ in range(100)))

    assert len(asyncio.run(main())) == 100
    assert len({request.headers["amz-sdk-invocation-id"] for request in transport.requests}) == 100
