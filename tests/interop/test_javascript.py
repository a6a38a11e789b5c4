"""The AWS SDK for JavaScript v3 against the emulator: the client, the token provider, the credential provider."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from ssooidc_emulator import EmulatorServer
from ssooidc_emulator.faults import error, slow_down
from ssooidc_emulator.faults._script import OperationName

JavaScript: TypeAlias = Callable[..., Any]
Asked: TypeAlias = Callable[[], list[str]]
WhenPolled: TypeAlias = Callable[..., list[str]]

START_URL = "https://d-1234567890.awsapps.com/start"
STATUS = {"InvalidClientException": 401, "InternalServerException": 500}
OPERATIONS = json.loads((Path(__file__).parent / "operations.json").read_text())


def test_a_device_login_and_a_refresh(
    javascript: JavaScript, server: EmulatorServer, when_polled: WhenPolled, asked: Asked
) -> None:
    codes = when_polled(server.center.approve)
    answer = javascript("device_login.mjs", START_URL)
    (code,) = codes
    assert answer == {
        "device": {
            "userCode": code,
            "verificationUri": f"{server.url}/device",
            "verificationUriComplete": f"{server.url}/device?user_code={code}",
            "expiresIn": 600,
            "interval": 1,
        },
        "pending": {
            "name": "AuthorizationPendingException",
            "error": "authorization_pending",
            "fault": "client",
        },
        # Members that are null on the wire are absent in the SDK.
        "members": ["$metadata", "accessToken", "expiresIn", "refreshToken", "tokenType"],
        "tokenType": "Bearer",
        "expiresIn": 3600,
        "isNew": True,
    }
    assert asked() == [
        "RegisterClient 200",
        "StartDeviceAuthorization 200",
        "CreateToken AuthorizationPendingException",
        "CreateToken 200",
        "CreateToken 200",
    ]


@pytest.mark.parametrize("operation", list(OPERATIONS))
def test_every_error_is_an_instance_of_its_class(
    javascript: JavaScript, server: EmulatorServer, operation: OperationName, asked: Asked
) -> None:
    facts = OPERATIONS[operation]
    for name in facts["errors"]:
        server.center.script(operation, error(name, "told by a test"))
    called = json.dumps([[operation, facts["input"], list(facts["errors"])]])
    assert javascript("errors.mjs", called) == [
        [operation, name, True, oauth, "told by a test", STATUS.get(name, 400)]
        for name, oauth in facts["errors"].items()
    ]
    assert asked() == [f"{operation} {name}" for name in facts["errors"]]


def test_slow_down_is_told_and_not_repeated(
    javascript: JavaScript, server: EmulatorServer, asked: Asked
) -> None:
    server.center.script("RegisterClient", slow_down())
    facts = OPERATIONS["RegisterClient"]
    called = json.dumps([["RegisterClient", facts["input"], ["SlowDownException"]]])
    ((operation, name, is_instance, oauth, _, status),) = javascript("errors.mjs", called)
    assert (operation, name, is_instance) == ("RegisterClient", "SlowDownException", True)
    assert (oauth, status) == ("slow_down", 400)
    assert asked() == ["RegisterClient SlowDownException"]
