"""A blocking transport passed to `arun`, or an asynchronous one to `run`: the error says what to use instead."""

from __future__ import annotations

import asyncio

import pytest

from ssooidc_core import (
    AsyncTransport,
    ConfigurationError,
    HttpResponse,
    RegisterClientRequest,
    Transport,
    arun,
    register_client,
    run,
)
from ssooidc_emulator import AsyncEmulatorTransport, EmulatorTransport, IdentityCenter
from ssooidc_transports.testing import ScriptedTransport, reply

OPERATION = register_client(RegisterClientRequest(client_name="n", client_type="public"))


def test_run_names_arun() -> None:
    transport: Transport = AsyncEmulatorTransport(IdentityCenter())  # type: ignore[assignment]
    with pytest.raises(ConfigurationError) as caught:
        _ = run(OPERATION, transport)
    assert str(caught.value) == "AsyncEmulatorTransport has no send(): use arun with it"


def test_arun_names_run() -> None:
    transport: AsyncTransport = EmulatorTransport(IdentityCenter())  # type: ignore[assignment]
    with pytest.raises(ConfigurationError) as caught:
        _ = asyncio.run(arun(OPERATION, transport))
    assert str(caught.value) == "EmulatorTransport has no asend(): use run with it"


def test_another_missing_attribute_stays_what_it_is() -> None:
    def broken(_request: object) -> HttpResponse:
        message = "inside"
        raise AttributeError(message)

    with pytest.raises(AttributeError) as caught:
        _ = run(OPERATION, ScriptedTransport(broken))
    assert str(caught.value) == "inside"
    good = ScriptedTransport([reply(200, {"clientId": "i", "clientSecret": "s"})])
    assert run(OPERATION, good).client_id == "i"
