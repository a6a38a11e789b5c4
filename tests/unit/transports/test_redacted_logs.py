"""The log filters alone, for cases that otherwise need HTTP/2 or a SOCKS proxy."""

from __future__ import annotations

import logging
from collections.abc import Generator

import pytest

from ssooidc_transports._deadline import DEADLINE
from ssooidc_transports.httpx._redacted_logs import redact_library_logs


@pytest.fixture
def under_way() -> Generator[None]:
    token = DEADLINE.set(0.0)
    yield
    DEADLINE.reset(token)


@pytest.fixture(autouse=True)
def logs(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    redact_library_logs()
    redact_library_logs()
    caplog.set_level(logging.DEBUG)
    return caplog


@pytest.mark.usefixtures("under_way")
@pytest.mark.parametrize(
    ("logger", "message", "left"),
    [
        ("hpack.hpack", "Encoding b'x-amz-sso_bearer_token', b'canary'", []),
        ("hpack.table", "canary", []),
        (
            "httpcore.socks",
            "setup_socks5_connection.started auth=(b'user', b'canary')",
            ["setup_socks5_connection.started"],
        ),
        (
            "httpcore2.http2",
            "receive_response_headers.complete return_value=canary",
            ["receive_response_headers.complete"],
        ),
        (
            "httpcore.connection",
            "connect_tcp.failed exception=ConnectError(refused)",
            ["connect_tcp.failed exception=ConnectError(refused)"],
        ),
        ("httpx", "something new about canary", []),
        ("other", "canary", ["canary"]),
    ],
)
def test_what_is_left_of_records_of_ours(
    logs: pytest.LogCaptureFixture, logger: str, message: str, left: list[str]
) -> None:
    logging.getLogger(logger).debug(message)
    assert logs.messages == left


@pytest.mark.parametrize("logger", ["hpack.hpack", "httpcore.socks", "httpx2"])
def test_records_of_others_are_left(logs: pytest.LogCaptureFixture, logger: str) -> None:
    logging.getLogger(logger).debug("event %s", "detail")
    assert logs.messages == ["event detail"]


@pytest.mark.usefixtures("under_way")
@pytest.mark.parametrize("logger", ["httpx", "httpx2"])
def test_the_clients_line(logs: pytest.LogCaptureFixture, logger: str) -> None:
    logging.getLogger(logger).info(
        'HTTP Request: %s %s "%s %d %s"', "GET", "https://h/p?canary", "HTTP/1.1", 200, "canary"
    )
    assert logs.messages == ['HTTP Request: GET https://h/p "HTTP/1.1 200"']


def test_the_filters_are_there_once() -> None:
    assert len(logging.getLogger("httpx").filters) == 1
