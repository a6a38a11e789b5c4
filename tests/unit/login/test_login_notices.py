"""What a listener has to tell the person while a login waits is shown, and the wait goes on."""

from __future__ import annotations

from typing import Any

from ssooidc_login.events import AwaitCallback, Listening, LoginSteps


def test_notices_are_shown_in_order(carry: Any, stage: Any) -> None:
    def wait(_redirect_uri: str) -> LoginSteps[str | None]:
        answer = yield from AwaitCallback(
            lambda url: True if url == "/answer" else f"not {url}", seconds=60
        )
        return None if answer is None else answer.get_secret_value()

    stage.browser.callbacks += ["/one", "/two", "/answer", "/three"]
    assert carry(Listening((0,), wait).__iter__(), stage) == "/answer"
    assert stage.person.shown == ["not /one", "not /two"]
    assert stage.browser.closed


def test_notices_do_not_make_the_wait_longer(carry: Any, stage: Any) -> None:
    def wait(_redirect_uri: str) -> LoginSteps[object]:
        return (yield from AwaitCallback(lambda url: f"not {url}", seconds=0.2))

    stage.browser.callbacks += ["/one"]
    stage.browser.poll = poll = stage.browser.poll
    began = stage.clock.now().monotonic

    def poll_in_virtual_time(seconds: float) -> object:
        stage.clock.advance(seconds)
        return poll(seconds)

    stage.browser.poll = poll_in_virtual_time
    assert carry(Listening((0,), wait).__iter__(), stage) is None
    assert stage.person.shown == ["not /one"]
    assert round(stage.clock.now().monotonic - began, 6) == 0.2
