"""The drivers, under the names that the fixtures of `tests/unit/flows` have: a file can move from here to there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import pytest
import trio

from ssooidc_core import Operation, Program, Sleep, arun, run
from ssooidc_transports.testing import ScriptedTransport

if TYPE_CHECKING:
    from tenacity import Retrying

    from tests.unit.flows.conftest import Drive

T = TypeVar("T")


def in_asyncio(
    program: Program[T], transport: ScriptedTransport, /, *, policy: Retrying | None = None
) -> T:
    return asyncio.run(arun(program, transport, policy=policy))


def in_trio(
    program: Program[T], transport: ScriptedTransport, /, *, policy: Retrying | None = None
) -> T:
    async def main() -> T:
        return await arun(program, transport, policy=policy)

    return trio.run(main)


def by_hand(
    program: Program[T], transport: ScriptedTransport, /, *, policy: Retrying | None = None
) -> T:
    """A driver over the generator protocol alone; it repeats nothing."""
    assert policy is None
    steps = program.__iter__()
    try:
        event = next(steps)
        while True:
            try:
                told: object = None
                if isinstance(event, Operation):
                    request = event.http_request(transport.config, transport.now())
                    told = event.parse(transport.send(request))
                elif isinstance(event, Sleep):
                    transport.sleep(event.seconds)
                else:
                    told = transport.now()
            except Exception as error:  # noqa: BLE001 - it is the flow's
                failure = error
            else:
                event = steps.send(told)
                continue
            event = steps.throw(failure)
    except StopIteration as end:
        result: T = end.value
        return result


DRIVERS: dict[str, Drive] = {"run": run, "asyncio": in_asyncio, "trio": in_trio}


@pytest.fixture(params=DRIVERS)
def drive(request: pytest.FixtureRequest) -> Drive:
    """Our drivers, one after the other."""
    return DRIVERS[request.param]


@pytest.fixture(params=[*DRIVERS, "by hand"])
def any_drive(request: pytest.FixtureRequest) -> Drive:
    """Our drivers and the one by hand."""
    return DRIVERS.get(request.param, by_hand)
