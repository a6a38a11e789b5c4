"""Notices of a listener are shown to the person during a login, and the wait continues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ssooidc_login._events import AwaitCallback, Expect, Listening, LoginSteps

if TYPE_CHECKING:
    from pydantic import SecretStr

    from tests.unit.login.conftest import Carry, Stage


def judge(url: str) -> bool | str | None:
    return True if url == "/answer" else f"not {url}"


def wait_for(seconds: float) -> LoginSteps[str | None]:
    def wait(_redirect_uri: str) -> LoginSteps[str | None]:
        yield from Expect(judge)
        answer = yield from AwaitCallback(seconds)
        return None if answer is None else answer.get_secret_value()

    return (yield from Listening((0,), wait))


def test_notices_are_shown_in_order_and_the_wait_goes_on(carry: Carry, stage: Stage) -> None:
    stage.browser.callbacks += ["/one", "/two", "/answer", "/three"]
    assert carry(wait_for(60), stage) == "/answer"
    assert stage.person.shown == ["not /one", "not /two"]
    assert stage.browser.closed


def test_notices_do_not_make_the_wait_longer(carry: Carry, stage: Stage) -> None:
    poll = stage.browser.poll

    def poll_in_virtual_time(seconds: float, /) -> SecretStr | str | None:
        stage.clock.advance(seconds)
        stage.browser.callbacks.append("/stranger")
        return poll(seconds)

    stage.browser.poll = poll_in_virtual_time  # type: ignore[method-assign]
    began = stage.clock.now().monotonic
    assert carry(wait_for(2), stage) is None
    assert round(stage.clock.now().monotonic - began, 6) == 2
    assert set(stage.person.shown) == {"not /stranger"}
