"""Spoiled responses over a real connection: their bytes, and the errors of this project's client."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import pytest

from ssooidc_core import ClientConfig, RegisterClientRequest, register_client, run
from ssooidc_core.errors import (
    InvalidClientException,
    ResponseParseError,
    ResponseTooLarge,
    UnknownServiceError,
)
from ssooidc_emulator import EmulatorServer, faults
from ssooidc_transports.httpx import HttpxTransport

OPERATION: Final = register_client(RegisterClientRequest(client_name="t", client_type="public"))


@pytest.fixture
def server() -> Iterator[EmulatorServer]:
    with EmulatorServer() as started:
        yield started


@pytest.fixture
def transport(server: EmulatorServer) -> Iterator[HttpxTransport]:
    config = ClientConfig(region="us-east-1", endpoint_url=server.url, max_attempts=1)
    with HttpxTransport(config) as made:
        yield made


def test_a_huge_body(server: EmulatorServer, transport: HttpxTransport) -> None:
    server.center.script("RegisterClient", faults.huge_body())
    with pytest.raises(ResponseTooLarge):
        run(OPERATION, transport)
    assert run(OPERATION, transport).client_id


def test_a_body_as_large_as_is_allowed(server: EmulatorServer, transport: HttpxTransport) -> None:
    server.center.script("RegisterClient", faults.huge_body(transport.config.max_response_bytes))
    assert run(OPERATION, transport).client_id


@pytest.mark.parametrize("content_type", ["text/plain", "text/html; charset=utf-8"])
def test_a_wrong_content_type(
    content_type: str, server: EmulatorServer, transport: HttpxTransport
) -> None:
    server.center.script("RegisterClient", faults.wrong_content_type(content_type))
    with pytest.raises(ResponseParseError):
        run(OPERATION, transport)


def test_a_missing_error_header(server: EmulatorServer, transport: HttpxTransport) -> None:
    server.center.script(None, faults.missing_error_header("InvalidClientException"))
    with pytest.raises(InvalidClientException):
        run(OPERATION, transport)


def test_an_error_that_the_service_has_not(
    server: EmulatorServer, transport: HttpxTransport
) -> None:
    server.center.script(None, faults.error("ForbiddenException"))
    with pytest.raises(UnknownServiceError, match="No access"):
        run(OPERATION, transport)


def test_no_content_type_and_another_date_on_the_wire(server: EmulatorServer) -> None:
    server.center.script("RegisterClient", faults.wrong_content_type(None))
    server.center.script("RegisterClient", faults.clock_skew(-86400, header_only=True))
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        answers = []
        for _ in range(2):
            connection.request(
                "POST", "/client/register", b'{"clientName":"t","clientType":"public"}'
            )
            answer = connection.getresponse()
            answers.append((answer.status, answer.headers))
            answer.read()
    finally:
        connection.close()
    (first, headers), (second, late) = answers
    assert (first, headers.get_all("Content-Type")) == (200, None)
    assert second == 200
    (date,) = late.get_all("Date") or []
    assert parsedate_to_datetime(date) < server.now().wall - timedelta(hours=23)
