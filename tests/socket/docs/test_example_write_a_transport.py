"""The README's transport of about 25 lines works for a whole call, and its failures are those of a transport."""

from __future__ import annotations

import importlib.util
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from ssooidc_core import (
    ClientConfig,
    ConfigurationError,
    HttpRequest,
    RegisterClientRequest,
    TransportError,
    register_client,
    run,
)
from ssooidc_transports.transport import BaseTransport

Handler = Callable[[socket.socket, bytes], bool]
Serve = Callable[[Handler], str]
Make = Callable[[ClientConfig], BaseTransport]

EXAMPLE = Path(__file__).parents[3] / "examples" / "write_a_transport.py"
REGISTERED = json.dumps(
    {"clientId": "id", "clientSecret": "secret", "clientIdIssuedAt": 1, "clientSecretExpiresAt": 2}
).encode()


@pytest.fixture
def transport_type() -> Make:
    spec = importlib.util.spec_from_file_location("write_a_transport", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return cast("Make", module.HttpClientTransport)


def test_it_is_short() -> None:
    _, _, body = EXAMPLE.read_text().partition("\nclass ")
    assert len([line for line in body.splitlines() if line.strip()]) <= 28


def test_it_carries_a_call(serve: Serve, transport_type: Make) -> None:
    def handle(connection: socket.socket, request: bytes) -> bool:
        assert request.startswith(b"POST /client/register HTTP/1.1\r\n")
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(REGISTERED), REGISTERED)
        )
        return True

    config = ClientConfig(region="us-east-1", endpoint_url=serve(handle))
    with transport_type(config) as transport:
        request = RegisterClientRequest(client_name="tool", client_type="public")
        client = run(register_client(request), transport)
    assert client.client_id == "id"
    with pytest.raises(ConfigurationError, match=r"^This HttpClientTransport was closed"):
        transport.send(HttpRequest("GET", "http://127.0.0.1:1/"))


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"", "RemoteDisconnected"),
        (b"canary\r\n\r\n", "BadStatusLine"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 11, "The answer is too large"),
    ],
)
def test_what_went_wrong_after_sending(
    serve: Serve, transport_type: Make, answer: bytes, text: str
) -> None:
    def handle(connection: socket.socket, request: bytes) -> bool:
        connection.sendall(answer)
        return False

    request = HttpRequest("POST", f"{serve(handle)}/token", (), b"{}")
    config = ClientConfig(region="us-east-1", max_response_bytes=10)
    with transport_type(config) as transport, pytest.raises(TransportError) as raised:
        transport.send(request)
    assert str(raised.value) == text
    assert raised.value.may_have_been_sent
    assert raised.value.__context__ is None


def test_nothing_was_sent_where_nobody_listens(transport_type: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with (
        transport_type(ClientConfig(region="us-east-1")) as transport,
        pytest.raises(TransportError) as raised,
    ):
        transport.send(HttpRequest("POST", f"http://127.0.0.1:{port}/token", (), b"{}"))
    assert str(raised.value) == "ConnectionRefusedError"
    assert not raised.value.may_have_been_sent
