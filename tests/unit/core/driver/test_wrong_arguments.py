"""Mistakes with `run` and `arun`: each error says what is wrong and what to write."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from ssooidc_core import (
    AsyncTransport,
    ClientConfig,
    ConfigurationError,
    Program,
    RefreshTokenGrant,
    RegisterClientRequest,
    SecretStr,
    Sleep,
    Steps,
    Transport,
    arun,
    register_client,
    run,
)
from ssooidc_core._operations.create_token_with_iam import JwtBearerGrant
from ssooidc_core.flows.device import start_device_login
from ssooidc_emulator import AsyncEmulatorTransport, EmulatorTransport, IdentityCenter
from ssooidc_transports.testing import ScriptedTransport

REQUEST = RegisterClientRequest(client_name="n", client_type="public")
GRANT = RefreshTokenGrant(
    client_id="i", client_secret=SecretStr("canary"), refresh_token=SecretStr("canary")
)
FLOW = start_device_login(
    REQUEST, start_url="https://d-1234567890.awsapps.com/start", region="us-east-1"
)


async def _coroutine() -> None: ...


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (
            REQUEST,
            "RegisterClientRequest is a request: run its operation, register_client(request)",
        ),
        (GRANT, "RefreshTokenGrant is a request: run its operation, create_token(request)"),
        (
            JwtBearerGrant.of("arn", assertion="canary"),
            "JwtBearerGrant is a request: run its operation, create_token_with_iam(request)",
        ),
        (register_client, "register_client is a function: call it, and run what it returns"),
        (RegisterClientRequest, "RegisterClientRequest is a class: run a value"),
        (_coroutine(), "A coroutine cannot be run: await it, or run a flow or an operation"),
        (
            ScriptedTransport([]),
            "ScriptedTransport is a transport: it is the second argument, after the operation or flow",
        ),
        *(
            (
                wrong,
                (
                    f"{type(wrong).__name__} cannot be run: run an operation or a flow, "
                    "register_client(request) for example"
                ),
            )
            for wrong in (None, "canary", [REQUEST], 5)
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_run(program: object, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _ = run(cast("Program[object]", program), ScriptedTransport([]))
    assert str(caught.value) == said


@pytest.mark.parametrize("program", [register_client(REQUEST), FLOW], ids=["operation", "flow"])
@pytest.mark.parametrize(
    ("transport", "said"),
    [
        (
            EmulatorTransport,
            "EmulatorTransport is a class: make a transport of it, EmulatorTransport(ClientConfig(...))",
        ),
        (
            AsyncEmulatorTransport(IdentityCenter()),
            "AsyncEmulatorTransport has no send(): use arun with it",
        ),
        (
            ClientConfig(region="us-east-1"),
            "ClientConfig is not a transport: make one with it, HttpxTransport(config)",
        ),
        (None, "NoneType is not a transport, which has send(): make one, HttpxTransport(config)"),
    ],
    ids=["class", "asynchronous", "config", "none"],
)
def test_what_cannot_send(program: Program[object], transport: object, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _ = run(program, cast("Transport", transport))
    assert str(caught.value) == said


@pytest.mark.parametrize("program", [register_client(REQUEST), FLOW], ids=["operation", "flow"])
@pytest.mark.parametrize(
    ("transport", "said"),
    [
        (EmulatorTransport(IdentityCenter()), "EmulatorTransport has no asend(): use run with it"),
        (None, "NoneType is not a transport, which has asend(): make one, HttpxTransport(config)"),
    ],
    ids=["blocking", "none"],
)
def test_what_cannot_send_in_an_event_loop(
    program: Program[object], transport: object, said: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _ = asyncio.run(arun(program, cast("AsyncTransport", transport)))
    assert str(caught.value) == said


def test_a_generator_can_be_run() -> None:
    def pause() -> Steps[int]:
        yield from Sleep(1)
        return 5

    assert run(Sleep(1), ScriptedTransport([])) is None
    assert run(pause(), ScriptedTransport([])) == 5
