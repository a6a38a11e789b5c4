"""What the drivers log at DEBUG on the logger `ssooidc_core`: attempts, waits and final errors, without secrets."""

from __future__ import annotations

import asyncio
import logging
import sys

import pytest
from pydantic import SecretStr

from ssooidc_core import (
    ClientConfig,
    ConnectFailed,
    HttpResponse,
    InvalidGrantException,
    RefreshTokenGrant,
    RegisterClientRequest,
    arun,
    create_token,
    register_client,
    run,
)
from ssooidc_core._debug_log import debug_log
from ssooidc_core.policies import standard_retry
from ssooidc_core.portal import ListAccountsRequest, list_accounts
from ssooidc_transports.testing import ScriptedTransport, reply

CANARY = "aoa-canary-of-the-log"
OPERATION = register_client(RegisterClientRequest(client_name="n", client_type="public"))
GOOD = reply(200, {"clientId": "i", "clientSecret": CANARY})
URL = "https://oidc.us-east-1.amazonaws.com"


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, logger="ssooidc_core")
    return caplog


def test_an_attempt_and_its_answer(lines: pytest.LogCaptureFixture) -> None:
    _ = run(OPERATION, ScriptedTransport([GOOD]))
    assert lines.messages == [
        f"RegisterClient, attempt 1: POST {URL}/client/register",
        "RegisterClient, attempt 1: answered",
    ]
    assert {(each.name, each.levelname) for each in lines.records} == {("ssooidc_core", "DEBUG")}


def test_a_failure_and_the_wait_for_the_next_attempt(lines: pytest.LogCaptureFixture) -> None:
    script: list[HttpResponse | BaseException] = [ConnectFailed(CANARY), GOOD]
    policy = standard_retry(jitter=lambda: 0.5)
    _ = asyncio.run(arun(OPERATION, ScriptedTransport(script), policy=policy))
    assert lines.messages[1:3] == [
        "RegisterClient, attempt 1: ConnectFailed (not sent); next attempt in 0.025 s",
        f"RegisterClient, attempt 2: POST {URL}/client/register",
    ]
    assert CANARY not in lines.text


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            reply(400, {"error": "invalid_grant", "error_description": CANARY}),
            "InvalidGrantException (status 400)",
        ),
        (ConnectFailed(CANARY, may_have_been_sent=True), "ConnectFailed (may have been sent)"),
        (ValueError(CANARY), "ValueError"),
    ],
    ids=["service", "network", "other"],
)
def test_a_final_error(
    lines: pytest.LogCaptureFixture, answer: HttpResponse | Exception, said: str
) -> None:
    grant = RefreshTokenGrant(
        client_id="i", client_secret=SecretStr(CANARY), refresh_token=SecretStr(CANARY)
    )
    with pytest.raises((InvalidGrantException, ConnectFailed, ValueError)):
        _ = run(create_token(grant), ScriptedTransport([answer]))
    assert lines.messages[-1] == f"CreateToken, attempt 1: {said}; giving up"
    assert CANARY not in lines.text


def test_no_query_of_a_url_is_logged(lines: pytest.LogCaptureFixture) -> None:
    transport = ScriptedTransport([reply(200, {"accountList": []})])
    request = ListAccountsRequest(access_token=SecretStr(CANARY), next_token=CANARY)
    _ = run(list_accounts(request), transport)
    assert lines.messages[0] == (
        "ListAccounts, attempt 1: GET https://portal.sso.us-east-1.amazonaws.com/assignment/accounts?**********"
    )
    assert CANARY not in lines.text


def test_a_handler_that_fails_loses_no_answer(lines: pytest.LogCaptureFixture) -> None:
    def fail(record: logging.LogRecord) -> bool:
        if record.getMessage().endswith("answered"):
            raise OSError
        return True

    logger = logging.getLogger("ssooidc_core")
    logger.addFilter(fail)
    try:
        assert run(OPERATION, ScriptedTransport([GOOD])).client_id == "i"
    finally:
        logger.removeFilter(fail)
    assert len(lines.messages) == 1


def test_nothing_is_formatted_where_debug_is_off(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="ssooidc_core")
    assert debug_log() is None
    _ = run(OPERATION, ScriptedTransport([GOOD], config=ClientConfig(region="us-east-1")))
    assert caplog.messages == []


def test_nothing_is_logged_where_nothing_imported_logging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ssooidc_core._debug_log._known", [])
    with monkeypatch.context() as patch:
        patch.delitem(sys.modules, "logging")
        assert debug_log() is None
    logger = logging.getLogger("ssooidc_core")
    monkeypatch.setattr(logger, "isEnabledFor", lambda _level: True)
    assert debug_log() is logger
