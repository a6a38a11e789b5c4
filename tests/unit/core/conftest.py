"""The four drivers: `run`, `arun` on asyncio and on trio, and one written by hand over the generator protocol."""

from __future__ import annotations

import asyncio
from typing import Protocol, TypeVar

import pytest
import trio
from tenacity import Retrying

from ssooidc_core import Event, Operation, Program, Sleep, arun, run
from ssooidc_transports.testing import ScriptedTransport

T = TypeVar("T")


class Drive(Protocol):
    """Carries a program out."""

    def __call__(
        self,
        program: Program[T],
        transport: ScriptedTransport,
        /,
        *,
        policy: Retrying | None = None,
    ) -> T:
        """Give its result."""
        ...


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
    """What anybody can write without our drivers; it repeats no request, and so has no use for a policy."""
    assert policy is None

    def happened(event: Event) -> object:
        if isinstance(event, Operation):
            request = event.http_request(transport.config, transport.now(), max_attempts=3)
            return event.parse(transport.send(request))
        if isinstance(event, Sleep):
            transport.sleep(event.seconds)
            return None
        return transport.now()

    steps = program.__iter__()
    value: object = None
    error: Exception | None = None
    while True:
        try:
            event = steps.send(value) if error is None else steps.throw(error)
        except StopIteration as end:
            result: T = end.value
            return result
        value, error = None, None
        try:
            value = happened(event)
        except Exception as caught:  # noqa: BLE001 - as a driver does
            error = caught


DRIVERS: dict[str, Drive] = {"run": run, "asyncio": in_asyncio, "trio": in_trio}


@pytest.fixture(params=DRIVERS)
def drive(request: pytest.FixtureRequest) -> Drive:
    """Our drivers, one after the other."""
    return DRIVERS[request.param]


@pytest.fixture(params=[*DRIVERS, "by hand"])
def any_drive(request: pytest.FixtureRequest) -> Drive:
    """Our drivers and the one by hand."""
    return DRIVERS.get(request.param, by_hand)
