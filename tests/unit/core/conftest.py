"""The four drivers: `run`, `arun` on asyncio and on trio, and a minimal one that uses the generator directly."""

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
    """Runs a program."""

    def __call__(
        self,
        program: Program[T],
        transport: ScriptedTransport,
        /,
        *,
        policy: Retrying | None = None,
    ) -> T:
        """Return the program's result."""
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
    """A driver as a user could write it; it repeats no request, and therefore uses no policy."""
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
    """The drivers of the package, one at a time."""
    return DRIVERS[request.param]


@pytest.fixture(params=[*DRIVERS, "by hand"])
def any_drive(request: pytest.FixtureRequest) -> Drive:
    """The drivers of the package and the minimal one, one at a time."""
    return DRIVERS.get(request.param, by_hand)
