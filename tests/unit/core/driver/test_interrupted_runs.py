"""Runs that are cancelled, interrupted, dropped or started twice, and providers that are of the wrong kind or fail."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Generator
from typing import TYPE_CHECKING, Final, cast

import pytest
import tenacity
import trio
from tenacity import RetryCallState, Retrying

from ssooidc_core import (
    ClientConfig,
    ConfigurationError,
    ConnectFailed,
    Credentials,
    DeviceCodeGrant,
    Event,
    HttpRequest,
    HttpResponse,
    JwtBearerGrant,
    Now,
    Operation,
    RegisterClientRequest,
    SecretStr,
    Sleep,
    Steps,
    TransportError,
    arun,
    create_token,
    create_token_with_iam,
    register_client,
    run,
)
from ssooidc_transports.testing import Replies, ScriptedTransport, reply

if TYPE_CHECKING:
    from tests.unit.core.conftest import Drive

REGISTER: Final = register_client(RegisterClientRequest(client_name="n", client_type="public"))
REGISTERED: Final = reply(200, {"clientId": "id", "clientSecret": "canary"})
TOKEN: Final = reply(200, {"accessToken": "canary"})
JWT: Final = create_token_with_iam(JwtBearerGrant.of("arn", assertion="a"))
KEYS: Final = Credentials.of("AKID", "canary")


def watching(event: Operation[object, Exception] | Sleep, log: list[str]) -> Steps[None]:
    try:
        yield from event
    except BaseException as error:
        log.append(type(error).__name__)
        raise
    finally:
        log.append("finally")


class Hanging(ScriptedTransport):
    """Fails each request and hangs in each sleep, or hangs in each request."""

    def __init__(self, *, in_send: bool) -> None:
        super().__init__(lambda _: reply(503))
        self.in_send = in_send
        self.hangs = 0
        self.hanging = asyncio.Event()

    async def hang(self) -> None:
        self.hangs += 1
        self.hanging.set()
        if trio.lowlevel.in_trio_run():
            await trio.sleep_forever()
        await asyncio.Event().wait()

    async def asend(self, request: HttpRequest, /) -> HttpResponse:
        if self.in_send:
            await self.hang()
        return self.send(request)

    async def asleep(self, seconds: float, /) -> None:
        await self.hang()


HANGING: Final = [(REGISTER, True), (REGISTER, False), (Sleep(9), False)]
PLACES: Final = ["request", "before the next attempt", "sleep"]


@pytest.mark.parametrize(("event", "in_send"), HANGING, ids=PLACES)
def test_a_cancelled_task_closes_its_flow_wherever_it_is(
    event: Operation[object, Exception] | Sleep, *, in_send: bool
) -> None:
    async def main() -> None:
        task = asyncio.create_task(arun(watching(event, log), transport))
        await asyncio.wait_for(transport.hanging.wait(), 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    log: list[str] = []
    transport = Hanging(in_send=in_send)
    asyncio.run(main())
    assert (log, transport.hangs) == (["GeneratorExit", "finally"], 1)


@pytest.mark.parametrize(("event", "in_send"), HANGING, ids=PLACES)
def test_a_cancelled_scope_closes_its_flow_wherever_it_is(
    event: Operation[object, Exception] | Sleep, *, in_send: bool
) -> None:
    async def main() -> bool:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(arun, watching(event, log), transport)
                await trio.testing.wait_all_tasks_blocked()
                scope.cancel()
        return scope.cancelled_caught

    log: list[str] = []
    transport = Hanging(in_send=in_send)
    assert trio.run(main)
    assert (log, transport.hangs) == (["GeneratorExit", "finally"], 1)


@pytest.mark.parametrize(("event", "in_send"), HANGING, ids=PLACES)
def test_a_coroutine_that_is_dropped_closes_its_flow(
    event: Operation[object, Exception] | Sleep, *, in_send: bool
) -> None:
    class Parked(Hanging):
        async def hang(self) -> None:
            self.hangs += 1
            await Forever()

    log: list[str] = []
    transport = Parked(in_send=in_send)
    coroutine = arun(watching(event, log), transport)
    assert coroutine.send(None) is None
    coroutine.close()
    assert (log, transport.hangs) == (["GeneratorExit", "finally"], 1)


class Forever:
    def __await__(self) -> Generator[None, None, None]:
        while True:
            yield


def test_an_interruption_while_waiting_for_the_next_attempt_closes_the_flow() -> None:
    class Interrupted(ScriptedTransport):
        def sleep(self, seconds: float, /) -> None:
            raise KeyboardInterrupt

    log: list[str] = []
    transport = Interrupted([reply(503)])
    with pytest.raises(KeyboardInterrupt) as interrupted:
        run(watching(REGISTER, log), transport)
    assert log == ["GeneratorExit", "finally"]
    assert interrupted.value.__context__ is None


def test_an_interruption_of_a_strategy_is_one(drive: Drive) -> None:
    def interrupted(_: RetryCallState) -> bool:
        raise GeneratorExit

    log: list[str] = []
    policy = Retrying(retry=interrupted)
    with pytest.raises(GeneratorExit):
        drive(watching(REGISTER, log), ScriptedTransport([reply(503)]), policy=policy)
    assert log == ["GeneratorExit", "finally"]


def test_a_generator_that_runs_cannot_be_run(drive: Drive) -> None:
    def selfish() -> Steps[str]:
        yield from Now()
        with pytest.raises(RuntimeError, match=r"\AThis generator was run before, or is under way"):
            run(steps, ScriptedTransport([]))
        yield from Sleep(1)
        return "went on"

    steps = selfish()
    assert drive(steps, ScriptedTransport([])) == "went on"


def test_a_refused_generator_is_left_as_it_is(drive: Drive) -> None:
    """It belongs to the code that started it."""
    log: list[str] = []
    steps = watching(Sleep(1), log)
    next(steps)
    with pytest.raises(RuntimeError, match="run before"):
        drive(steps, ScriptedTransport([]))
    assert log == []
    steps.close()


def test_a_flow_may_go_on_after_it_yielded_something_else(drive: Drive) -> None:
    def forgiving() -> Generator[Event, object, str]:
        try:
            yield cast("Event", "hello")
        except TypeError as error:
            context = repr(error.__context__)
        return f"{context} at {(yield from Now()).monotonic}"

    assert drive(forgiving(), ScriptedTransport([])) == "None at 0.0"


def test_an_error_that_a_flow_lets_through_has_no_context(drive: Drive) -> None:
    def first_then_second() -> Steps[None]:
        with contextlib.suppress(ConnectFailed):
            yield from REGISTER
        yield from REGISTER

    transport = ScriptedTransport([ConnectFailed("one"), TransportError("two")])
    policy = Retrying(stop=tenacity.stop_after_attempt(1))
    with pytest.raises(TransportError) as failed:
        drive(first_then_second(), transport, policy=policy)
    assert (str(failed.value), failed.value.__cause__) == ("two", None)
    assert failed.value.__context__ is None


def config(provider: object) -> ClientConfig:
    return ClientConfig(region="us-east-1", credentials=cast("Credentials", provider))


@pytest.mark.parametrize("name", ["asyncio", "trio"])
def test_an_asynchronous_provider_is_awaited_before_each_attempt(name: str) -> None:
    asked: list[int] = []

    async def provider() -> Credentials:
        if name == "asyncio":
            await asyncio.sleep(0)
        else:
            await trio.lowlevel.checkpoint()
        asked.append(len(transport.requests))
        return Credentials.of(f"AKID{len(asked)}", "canary")

    async def main() -> None:
        await arun(REGISTER, transport)
        await arun(JWT, transport)

    replies: Replies = [REGISTERED, ConnectFailed("x"), ConnectFailed("x"), TOKEN]
    transport = ScriptedTransport(replies, config=config(provider))
    if name == "asyncio":
        asyncio.run(main())
    else:
        trio.run(main)
    assert asked == [1, 2, 3]
    assert "Authorization" not in transport.requests[0].headers
    assert [
        f"AKID{number}/" in request.headers["Authorization"]
        for number, request in enumerate(transport.requests[1:], 1)
    ] == [True] * 3


@pytest.mark.parametrize("name", ["asyncio", "trio"])
def test_an_asynchronous_provider_of_something_else_is_refused(name: str) -> None:
    async def provider() -> object:
        return {"accessKeyId": "canary"}

    async def main() -> None:
        with pytest.raises(ConfigurationError) as refused:
            await arun(JWT, transport)
        assert str(refused.value).startswith(
            "The credentials provider returned dict; it must return"
        )

    transport = ScriptedTransport([], config=config(provider))
    _ = asyncio.run(main()) if name == "asyncio" else trio.run(main)
    assert transport.requests == []


@pytest.mark.parametrize("given", [None, type(None), "canary"], ids=repr)
def test_a_provider_that_gives_no_credentials_is_refused(drive: Drive, given: object) -> None:
    transport = ScriptedTransport([], config=config(lambda: given))
    with pytest.raises(ConfigurationError) as refused:
        drive(JWT, transport)
    assert "canary" not in str(refused.value)
    assert transport.requests == []


def test_an_asynchronous_provider_is_refused_by_run_inside_a_flow_too() -> None:
    """The flow may handle the error, and no coroutine is left that was never awaited."""

    async def provider() -> Credentials:
        return KEYS

    def careful() -> Steps[str]:
        try:
            yield from JWT
        except ConfigurationError as error:
            return str(error)
        return "sent"

    made: Callable[[], Awaitable[Credentials]] = provider
    said = run(careful(), ScriptedTransport([], config=config(made)))
    assert said.startswith("The credentials provider is asynchronous: use arun")


def test_a_failing_provider_reaches_the_flow_and_is_not_asked_again(drive: Drive) -> None:
    """Its failure is not a failure of the request, so no retry policy is asked."""
    asked: list[int] = []

    def provider() -> Credentials:
        asked.append(len(asked))
        if len(asked) == 1:
            return KEYS
        message = "the vault is closed"
        raise ConnectFailed(message)

    transport = ScriptedTransport([ConnectFailed("x")], config=config(provider))
    with pytest.raises(ConnectFailed, match="the vault is closed") as failed:
        drive(JWT, transport)
    assert (asked, failed.value.__context__) == ([0, 1], None)


def test_each_poll_is_a_call_of_its_own(drive: Drive) -> None:
    poll = create_token(
        DeviceCodeGrant(
            client_id="id", client_secret=SecretStr("canary"), device_code=SecretStr("canary")
        )
    )
    transport = ScriptedTransport([TOKEN, TOKEN])
    drive(poll, transport)
    drive(poll, transport)
    ids = {request.headers["amz-sdk-invocation-id"] for request in transport.requests}
    assert len(ids) == 2


def test_what_only_tenacitys_own_loop_uses_is_not_used(drive: Drive) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    policy = Retrying(
        sleep=never,
        before=never,
        retry_error_callback=never,
        reraise=False,
        wait=tenacity.wait_fixed(1),
        stop=tenacity.stop_after_attempt(2),
    )
    transport = ScriptedTransport([ConnectFailed("one"), ConnectFailed("two")])
    with pytest.raises(ConnectFailed, match="two"):
        drive(REGISTER, transport, policy=policy)
    assert transport.sleeps == [1]


def test_a_policy_that_is_switched_off_repeats_nothing(drive: Drive) -> None:
    """tenacity 9.2: `Retrying(enabled=False)` calls once."""
    policy = Retrying(stop=tenacity.stop_after_attempt(3))
    setattr(policy, "enabled", False)  # noqa: B010 - tenacity 8.3 has no such attribute
    transport = ScriptedTransport([ConnectFailed("one"), REGISTERED])
    with pytest.raises(ConnectFailed, match="one"):
        drive(REGISTER, transport, policy=policy)
    assert transport.requests[0].headers["amz-sdk-request"] == "attempt=1; max=1"
