"""Ctrl-C at every call inside of ours: no frame of the traceback has a local variable with a secret."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import TypeAlias

import pytest
from pydantic import SecretStr

from ssooidc_core import (
    CreateToken,
    CreateTokenResponse,
    HttpResponse,
    RefreshTokenGrant,
    arun,
    create_token,
    run,
)
from ssooidc_core._cache_files import TokenFile
from ssooidc_core.errors import ConfigurationError
from ssooidc_core.flows.device import PendingDeviceLogin
from ssooidc_core.portal import ListAccountsRequest, list_accounts
from ssooidc_transports.testing import ScriptedTransport, reply

Count: TypeAlias = Callable[[Callable[[], object], str], int]

# One that strikes in a generator which is being dropped.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

CANARY = "aoa-canary-of-the-frames"
DOCUMENT = json.dumps(
    {
        "startUrl": "https://d-1234567890.awsapps.com/start",
        "region": "us-east-1",
        "accessToken": CANARY,
        "expiresAt": "2026-01-31T12:00:00Z",
        "refreshToken": CANARY + "\u00e9",
        "unknown": [CANARY],
    }
)
GRANT = RefreshTokenGrant(
    client_id="i", client_secret=SecretStr(CANARY), refresh_token=SecretStr(CANARY)
)
TOKEN = reply(200, {"accessToken": CANARY, "refreshToken": CANARY})
ACCOUNTS = reply(200, {"accountList": [{"accountId": "111122223333", "unknown": CANARY}]})


def test_reading_a_document(count_interrupted: Count) -> None:
    assert count_interrupted(lambda: TokenFile.from_text(SecretStr(DOCUMENT)), "from_text") > 15


def test_reading_a_document_that_is_a_plain_text(count_interrupted: Count) -> None:
    assert count_interrupted(lambda: TokenFile.from_text(DOCUMENT), "_made_of") > 15


def test_writing_a_document(count_interrupted: Count) -> None:
    document = TokenFile.from_text(DOCUMENT)
    assert count_interrupted(document.to_secret, "to_text_with_secrets") > 15


def test_a_run(count_interrupted: Count) -> None:
    assert (
        count_interrupted(lambda: run(create_token(GRANT), ScriptedTransport([TOKEN])), "_perform")
        > 15
    )


def test_a_run_of_the_portal(count_interrupted: Count) -> None:
    asked = list_accounts(ListAccountsRequest(access_token=SecretStr(CANARY)))
    assert count_interrupted(lambda: run(asked, ScriptedTransport([ACCOUNTS])), "_perform") > 15


def test_a_run_in_asyncio(count_interrupted: Count) -> None:
    def work() -> None:
        with contextlib.suppress(StopIteration):
            _ = arun(create_token(GRANT), ScriptedTransport([TOKEN])).send(None)

    assert count_interrupted(work, "_aperform") > 15


def test_a_stored_login(count_interrupted: Count) -> None:
    assert count_interrupted(_stored, "model_validate_json") > 0


def _stored() -> None:
    with contextlib.suppress(ConfigurationError):
        _ = PendingDeviceLogin.from_json(DOCUMENT)


def test_an_interrupted_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(_self: CreateToken, response: HttpResponse) -> CreateTokenResponse:
        assert response.body
        raise KeyboardInterrupt

    monkeypatch.setattr(CreateToken, "parse", parse)
    with pytest.raises(KeyboardInterrupt) as caught:
        _ = run(create_token(GRANT), ScriptedTransport([TOKEN]))
    assert "parse" not in [entry.name for entry in caught.traceback]

    async def work() -> None:
        _ = await arun(create_token(GRANT), ScriptedTransport([TOKEN]))

    with pytest.raises(KeyboardInterrupt) as caught:
        asyncio.run(work())
    assert "parse" not in [entry.name for entry in caught.traceback]
