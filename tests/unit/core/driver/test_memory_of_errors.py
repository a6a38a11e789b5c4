"""Errors form no reference cycle with the frames that they passed, so everything is freed immediately.

The frames of drivers and flows contain requests with codes and secrets, and a login may poll a hundred times, each
pending response being an error.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

import pytest
import trio

from ssooidc_core import (
    AccessDeniedException,
    AuthorizationPendingException,
    ConfigurationError,
    CreateTokenResponse,
    ExpiredTokenException,
    InvalidClientMetadataException,
    InvalidGrantException,
    Program,
    RegisterClientRequest,
    RegisterClientResponse,
    SecretStr,
    SsoOidcError,
    Steps,
    arun,
    flow,
    register_client,
    run,
)
from ssooidc_core.flows.device import PendingDeviceLogin, poll_for_token, poll_once
from ssooidc_core.flows.refresh import refresh_token
from ssooidc_transports.testing import Replies, ScriptedTransport, VirtualClock, error_reply, reply

START: Final = 1_767_225_600.0
REGISTER: Final = register_client(RegisterClientRequest(client_name="n", client_type="public"))
CLIENT: Final = RegisterClientResponse(client_id="id", client_secret=SecretStr("canary"))
TOKEN: Final = CreateTokenResponse(
    access_token=SecretStr("canary"), refresh_token=SecretStr("canary2")
)
LOGIN: Final = PendingDeviceLogin(
    region="r",
    client=CLIENT,
    device_code=SecretStr("canary"),
    user_code="BCDF",
    verification_uri="u",
    interval=5,
    expires_at=START + 600,
    next_poll_at=START,
)
PENDING: Final = error_reply(AuthorizationPendingException)


@flow
def registering() -> Steps[RegisterClientResponse]:
    return (yield from REGISTER)


@flow
def one_after_the_other() -> Steps[RegisterClientResponse]:
    with contextlib.suppress(SsoOidcError):
        yield from REGISTER
    return (yield from REGISTER)


CASES: Final[dict[str, tuple[Program[object], Replies]]] = {
    "final at once": (REGISTER, [error_reply(InvalidClientMetadataException)]),
    "final after retries": (REGISTER, [reply(503)] * 3),
    "in a flow": (registering(), [reply(503)] * 3),
    "two in a flow": (one_after_the_other(), [reply(503)] * 6),
    "denied": (poll_for_token(LOGIN), [PENDING, error_reply(AccessDeniedException)]),
    "expired": (poll_for_token(LOGIN), lambda _: PENDING),
    "expired, it says": (poll_for_token(LOGIN), [error_reply(ExpiredTokenException)]),
    "once": (poll_once(LOGIN), [error_reply(AccessDeniedException)]),
    "refresh": (refresh_token(CLIENT, TOKEN), [error_reply(InvalidGrantException)]),
}


@pytest.fixture
def without_collections() -> Iterator[None]:
    """Disable the collector, so that only reference counts free objects, and exclude existing objects."""
    gc.freeze()
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


def scripted(replies: Replies) -> ScriptedTransport:
    return ScriptedTransport(replies, clock=VirtualClock(datetime.fromtimestamp(START, UTC)))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.usefixtures("without_collections")
def test_an_error_of_run_is_freed_when_it_is_dropped(case: str) -> None:
    program, replies = CASES[case]
    try:
        run(program, scripted(replies))
    except SsoOidcError as error:
        left = weakref.ref(error)
    assert left() is None


def by_asyncio(main: Callable[[], object]) -> None:
    async def inside() -> None:
        await main()  # type: ignore[misc]

    asyncio.run(inside())


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("loop", [by_asyncio, trio.run], ids=["asyncio", "trio"])
@pytest.mark.usefixtures("without_collections")
def test_an_error_of_arun_is_freed_when_it_is_dropped(
    case: str, loop: Callable[[Callable[[], object]], None]
) -> None:
    program, replies = CASES[case]
    left: list[weakref.ref[SsoOidcError]] = []

    async def main() -> None:
        try:
            await arun(program, scripted(replies))
        except SsoOidcError as error:
            left.append(weakref.ref(error))
        # Here and not outside, because the event loops have cycles of their own.
        assert left[0]() is None

    loop(main)


@pytest.mark.usefixtures("without_collections")
def test_polling_leaves_nothing_for_the_collector() -> None:
    def garbage(polls: int) -> int:
        replies = [*[PENDING] * polls, reply(200, {"accessToken": "canary"})]
        run(poll_for_token(LOGIN), scripted(replies))
        return gc.collect()

    assert garbage(40) == garbage(2)


def test_an_error_made_elsewhere_stays_as_it_was() -> None:
    given = ConfigurationError("mine")

    def raising() -> Steps[None]:
        yield from ()
        raise given

    with pytest.raises(ConfigurationError) as raised:
        run(raising(), ScriptedTransport([]))
    assert raised.value is given
    assert (given.__cause__, given.__context__) == (None, None)
