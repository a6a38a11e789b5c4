"""Every entry point turns a `StopIteration` from a transport or policy into a `RuntimeError`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import pytest

from ssooidc_core import (
    ClientConfig,
    Credentials,
    Instant,
    JwtBearerGrant,
    Now,
    RegisterClientRequest,
    RegisterClientResponse,
    Steps,
    aattempt,
    attempt,
    create_token_with_iam,
    register_client,
    run,
)
from ssooidc_transports.testing import ScriptedTransport, reply

if TYPE_CHECKING:
    from tests.unit.core.conftest import Drive

REGISTER: Final = register_client(RegisterClientRequest(client_name="n", client_type="public"))
REGISTERED: Final = reply(200, {"clientId": "id", "clientSecret": "canary"})
TEXTS: Final = {"The transport raised StopIteration", "coroutine raised StopIteration"}


class NoSleep(ScriptedTransport):
    def sleep(self, seconds: float, /) -> None:
        raise StopIteration


class NoTime(ScriptedTransport):
    def now(self) -> Instant:
        raise StopIteration


def no_credentials() -> ScriptedTransport:
    empty: list[Credentials] = []
    keys = iter(empty)
    return ScriptedTransport(
        [], config=ClientConfig(region="us-east-1", credentials=lambda: next(keys))
    )


@pytest.mark.parametrize(
    "transport",
    [
        lambda: ScriptedTransport([StopIteration()]),
        lambda: NoSleep([reply(503)]),
        lambda: NoTime([]),
    ],
    ids=["send", "sleep", "now"],
)
def test_a_bare_operation_does_not_end_quietly(
    drive: Drive, transport: Callable[[], ScriptedTransport]
) -> None:
    with pytest.raises(RuntimeError) as dry:
        drive(REGISTER, transport())
    assert str(dry.value) in TEXTS
    assert isinstance(dry.value.__cause__, StopIteration)


def test_a_provider_of_credentials_that_runs_dry_does_not_end_quietly(drive: Drive) -> None:
    operation = create_token_with_iam(JwtBearerGrant.of("arn", assertion="a"))
    with pytest.raises(RuntimeError) as dry:
        drive(operation, no_credentials())
    assert str(dry.value) in TEXTS


def test_attempt_does_not_end_quietly() -> None:
    with pytest.raises(RuntimeError, match=r"\AThe transport raised StopIteration\Z"):
        attempt(REGISTER, ScriptedTransport([StopIteration()]))
    with pytest.raises(RuntimeError, match=r"\Acoroutine raised StopIteration\n"):
        asyncio.run(aattempt(REGISTER, ScriptedTransport([StopIteration()])))


def test_map_does_not_lose_operations() -> None:
    """`map` treats a `StopIteration` of its function as the end of its input: both registrations would be lost."""
    transport = ScriptedTransport([REGISTERED, StopIteration()])

    def registered(number: int) -> RegisterClientResponse:
        return run(REGISTER, transport)

    with pytest.raises(RuntimeError):
        list(map(registered, range(2)))


def test_a_clock_that_runs_dry_is_thrown_into_the_flow(drive: Drive) -> None:
    def asking() -> Steps[str]:
        try:
            yield from Now()
        except RuntimeError as error:
            return f"{error}, by {type(error.__cause__).__name__}"
        return "told"

    assert drive(asking(), NoTime([])) == "The transport raised StopIteration, by StopIteration"
