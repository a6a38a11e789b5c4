"""`ssooidc_login._driver`: every resource that it holds for a program is released, whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

import pytest
import trio
import trio.lowlevel

from ssooidc_core import ConfigurationError, Sleep
from ssooidc_login._driver import adrive, drive
from ssooidc_login._events import (
    AwaitCallback,
    Exclusively,
    Expect,
    Finish,
    IsHeld,
    Listening,
    LoginSteps,
    OpenUrl,
    Show,
)
from ssooidc_login._resources import AsyncResources, Resources
from ssooidc_login.stores.store import StoreKey

if TYPE_CHECKING:
    from tests.unit.login.conftest import Carry, Stage

T = TypeVar("T")

KEY: Final = StoreKey("token", "0" * 40)


def listening(inside: Callable[[], LoginSteps[T]]) -> LoginSteps[T | None]:
    """Run a program that acquires every resource."""

    def held(redirect_uri: str) -> LoginSteps[T | None]:
        assert redirect_uri == "http://127.0.0.1:8400/oauth/callback"
        return (yield from Exclusively(KEY, inside, 0.0))

    return (yield from Listening((0,), held))


def is_free(stage: Stage) -> bool:
    lock = stage.store.try_lock(KEY)
    if lock is not None:
        lock.release()
    return lock is not None


def test_a_program_runs_with_the_key_held(carry: Carry, stage: Stage) -> None:
    def inside() -> LoginSteps[tuple[bool, bool]]:
        return (yield from IsHeld()), is_free(stage)

    def program() -> LoginSteps[object]:
        found = yield from Exclusively(KEY, inside, 0.0)
        return found, (yield from IsHeld())

    assert carry(program(), stage) == ((True, False), False)
    assert is_free(stage)


def test_an_error_inside_lets_go_and_reaches_the_program(carry: Carry, stage: Stage) -> None:
    def inside() -> LoginSteps[str]:
        yield from Sleep(1)
        message = "inside"
        raise ValueError(message)

    def program() -> LoginSteps[str]:
        try:
            _ = yield from listening(inside)
        except ValueError as caught:
            return str(caught)
        return ""

    assert carry(program(), stage) == "inside"
    assert is_free(stage)
    assert stage.browser.closed


def test_a_keyboard_interrupt_lets_go_of_everything(stage: Stage) -> None:
    def inside() -> LoginSteps[str]:
        yield from Show("stop me")
        return "done"

    def interrupt(text: str) -> None:
        raise KeyboardInterrupt(text)

    stage.person.show = interrupt  # type: ignore[method-assign]

    def program() -> LoginSteps[object]:
        return (yield from listening(inside))

    with pytest.raises(KeyboardInterrupt):
        _ = drive(program(), stage.world())
    assert is_free(stage)
    assert stage.browser.closed


def forever(stage: Stage) -> LoginSteps[object]:
    def inside() -> LoginSteps[str]:
        while True:
            yield from Sleep(1)

    return (yield from listening(inside))


def test_a_cancellation_in_asyncio_lets_go_of_everything(stage: Stage) -> None:
    async def main() -> None:
        task = asyncio.create_task(adrive(forever(stage), stage.async_world()))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not is_free(stage)
        _ = task.cancel()
        with pytest.raises(asyncio.CancelledError):
            _ = await task

    asyncio.run(main())
    assert is_free(stage)
    assert stage.browser.closed


def test_a_cancellation_in_trio_lets_go_of_everything(stage: Stage) -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:

            async def run() -> None:
                _ = await adrive(forever(stage), stage.async_world())

            nursery.start_soon(run)
            while is_free(stage):
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()

    trio.run(main)
    assert is_free(stage)
    assert stage.browser.closed


def test_waiting_for_a_key_grows_rarer_and_ends(carry: Carry, stage: Stage) -> None:
    assert stage.store.try_lock(KEY) is not None
    before = stage.clock.now().monotonic

    def inside() -> LoginSteps[str]:
        yield from Show("never")
        return "done"

    def program() -> LoginSteps[object]:
        return (yield from Exclusively(KEY, inside, 3.0))

    assert carry(program(), stage) is None
    assert stage.clock.now().monotonic - before == pytest.approx(3.0)
    assert stage.person.shown == []


def test_nothing_to_listen_with_is_said(stage: Stage) -> None:
    def inside() -> LoginSteps[str]:
        yield from Show("unheard")
        return "done"

    full = stage.async_world()
    blocking = Resources(transport=stage.world().transport, store=stage.store)
    asynchronous = AsyncResources(transport=full.transport, store=full.store)
    text = "This driver has no listener for a browser: give it one, or use the device code"
    with pytest.raises(ConfigurationError) as caught:
        _ = drive(listening(inside), blocking)
    assert str(caught.value) == text
    with pytest.raises(ConfigurationError) as caught:
        _ = asyncio.run(adrive(listening(inside), asynchronous))
    assert str(caught.value) == text


def test_without_a_person_nothing_is_shown_or_opened(stage: Stage) -> None:
    def program() -> LoginSteps[bool]:
        yield from Show("unheard")
        return (yield from OpenUrl("https://x"))

    world = Resources(transport=stage.world().transport, store=stage.store)
    assert drive(program(), world) is False


@pytest.mark.parametrize(
    "event", [Expect(lambda _: None), AwaitCallback(1.0), Finish(succeeded=True, text="x")]
)
def test_a_browser_is_waited_for_inside_listening_only(
    carry: Carry, stage: Stage, event: Expect | AwaitCallback | Finish
) -> None:
    def program() -> LoginSteps[object]:
        return (yield event)

    with pytest.raises(TypeError) as caught:
        _ = carry(program(), stage)
    assert str(caught.value) == "A program waited for a browser outside of `Listening`"


def test_what_is_no_event_is_refused(carry: Carry, stage: Stage) -> None:
    def program() -> LoginSteps[object]:
        return (yield "nonsense")  # type: ignore[misc]

    with pytest.raises(TypeError) as caught:
        _ = carry(program(), stage)
    assert str(caught.value) == "A program yielded str, which is not an event of ssooidc_login"
