"""`EmulatorServer` over real sockets: the bytes on the wire, faults, and many clients."""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import re
import socket
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from ssooidc_core import ClientConfig, RegisterClientRequest, run
from ssooidc_core.flows.device import poll_for_token, start_device_login
from ssooidc_core.flows.refresh import refresh_token
from ssooidc_emulator import EmulatorServer, IdentityCenter, LoggedRequest, faults
from ssooidc_transports.httpx import HttpxTransport

REGISTER: Final = {"clientName": "tool", "clientType": "public", "scopes": ["sso:account:access"]}
DEVICE_CODE: Final = "urn:ietf:params:oauth:grant-type:device_code"

pytestmark = pytest.mark.usefixtures("no_server_stays")


@pytest.fixture
def server() -> Generator[EmulatorServer]:
    with EmulatorServer() as started:
        yield started


Call = Callable[..., tuple[int, Any]]


@pytest.fixture
def connection(server: EmulatorServer) -> Generator[http.client.HTTPConnection]:
    made = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    yield made
    made.close()


@pytest.fixture
def call(connection: http.client.HTTPConnection) -> Call:
    def send(path: str, members: object) -> tuple[int, Any]:
        connection.request("POST", path, json.dumps(members))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    return send


def test_a_whole_login_on_one_connection(
    server: EmulatorServer, connection: http.client.HTTPConnection, call: Call
) -> None:
    _, client = call("/client/register", REGISTER)
    local = connection.sock.getsockname()
    who = {name: client[name] for name in ("clientId", "clientSecret")}
    _, login = call("/device_authorization", {**who, "startUrl": server.center.start_url})
    assert login["verificationUri"] == f"{server.url}/device"
    grant = {**who, "grantType": DEVICE_CODE, "deviceCode": login["deviceCode"]}
    status, pending = call("/token", grant)
    assert (status, pending["error"]) == (400, "authorization_pending")

    connection.request("GET", f"/device?user_code={login['userCode']}")
    page = connection.getresponse()
    text = page.read().decode()
    cookie = str(page.getheader("Set-Cookie")).partition(";")[0]
    token = re.findall(r'name="token" value="([0-9a-f]{64})"', text)[0]
    form = f"user_code={login['userCode']}&token={token}&decision=approve"
    headers = {
        "Origin": server.url,
        "Cookie": cookie,
        "Content-Type": "application/x-www-form-urlencoded",
    }
    connection.request("POST", "/device", form, headers)
    answer = connection.getresponse()
    assert (answer.status, b"<h1>Approved</h1>" in answer.read()) == (200, True)

    status, first = call("/token", grant)
    assert (status, first["expiresIn"]) == (200, 3600)
    status, second = call(
        "/token", {**who, "grantType": "refresh_token", "refreshToken": first["refreshToken"]}
    )
    assert (status, second["refreshToken"]) == (200, first["refreshToken"])
    assert connection.sock.getsockname() == local


def test_the_flows_of_the_core(server: EmulatorServer) -> None:
    def approve(entry: LoggedRequest) -> None:
        if entry.operation == "StartDeviceAuthorization":
            threading.Thread(target=decide).start()

    def decide() -> None:
        with server.center._lock:
            (login,) = server.center._operations.logins._by_user_code
        server.center.approve(login)

    server.center.subscribe(approve)
    registration = RegisterClientRequest(
        client_name="tool", client_type="public", scopes=("sso:account:access",)
    )
    config = ClientConfig(region="us-east-1", endpoint_url=server.url)
    with HttpxTransport(config) as transport:
        start = start_device_login(
            registration, start_url=server.center.start_url, region="us-east-1"
        )
        pending = run(start, transport)
        token = run(poll_for_token(pending), transport)
        again = run(refresh_token(pending.client, token), transport)
    assert again.access_token != token.access_token


def exchange(server: EmulatorServer, data: bytes) -> bytes:
    """Send bytes, and read until the server closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(data)
        received = b""
        while piece := client.recv(65536):
            received += piece
    return received


def test_header_names_keep_their_case_and_order_on_the_wire(server: EmulatorServer) -> None:
    body = json.dumps(REGISTER).encode()
    head = f"POST /client/register HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(head.encode() + body)
        received = b""
        while not received.endswith(b'"tokenEndpoint":null}'):
            received += client.recv(65536)
        lines = received.partition(b"\r\n\r\n")[0].decode().split("\r\n")
        assert lines[0] == "HTTP/1.1 200 OK"
        names = [line.partition(":")[0] for line in lines[1:]]
        assert names == ["Date", "Content-Type", "Content-Length", "Connection", "x-amzn-RequestId"]
        client.sendall(head.encode() + b"[" + body[1:])
        received = b""
        while not received.endswith(b'object"}'):
            received += client.recv(65536)
    lines = received.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    assert lines[0] == "HTTP/1.1 400 Bad Request"
    assert [line.partition(":")[0] for line in lines[5:]] == [
        "x-amzn-RequestId",
        "x-amzn-ErrorType",
    ]


@pytest.mark.parametrize(
    "head",
    [
        "GET /device HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: {host}\r\n\r\n",
    ],
    ids=["close", "HTTP/1.0"],
)
def test_who_wants_the_connection_closed_is_told_so(head: str, server: EmulatorServer) -> None:
    received = exchange(server, head.format(host=f"localhost:{server.port}").encode())
    fields = received.partition(b"\r\n\r\n")[0].lower()
    assert fields.count(b"\r\nconnection:") == 1
    assert b"\r\nconnection: close" in fields


def test_pipelined_requests_are_answered_in_order(server: EmulatorServer) -> None:
    host = f"Host: 127.0.0.1:{server.port}\r\n"
    requests = [f"GET {path} HTTP/1.1\r\n{host}\r\n" for path in ("/", "/nothing", "/style.css")]
    requests.append(f"GET / HTTP/1.1\r\n{host}Connection: close\r\n\r\n")
    received = exchange(server, "".join(requests).encode())
    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"200", b"404", b"200", b"200"]


def test_head_has_no_body(connection: http.client.HTTPConnection, server: EmulatorServer) -> None:
    for path, status in (("/device", 200), ("/style.css", 200), ("/token", 404), ("/", 200)):
        connection.request("HEAD", path)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (status, b"")
        assert int(str(answer.getheader("Content-Length"))) > 0
    # Requests for the dashboard are not logged.
    assert len(server.center.log) == 2


def test_a_chunked_body(connection: http.client.HTTPConnection) -> None:
    body = json.dumps(REGISTER).encode()
    pieces = iter([body[:1], body[1:10], body[10:]])
    connection.request("POST", "/client/register", pieces, encode_chunked=True)
    answer = connection.getresponse()
    assert (answer.status, len(answer.read()) > 1000) == (200, True)


def test_two_servers_at_once() -> None:
    one = IdentityCenter(region="eu-west-1")
    with EmulatorServer(one) as first, EmulatorServer() as second:
        assert first.port != second.port
        assert first.center is one
        assert second.center is not one
        for server, status in ((first, b"421"), (second, b"200")):
            head = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{second.port}\r\nConnection: close\r\n\r\n"
            assert exchange(server, head.encode()).startswith(b"HTTP/1.1 " + status)


def test_a_client_that_goes_while_an_answer_is_held_back(
    server: EmulatorServer, call: Call, wait_until: Callable[..., None]
) -> None:
    for number, then in enumerate((None, faults.connection_reset(), faults.body_cut())):
        server.center.script("RegisterClient", faults.delay(0.2, then))
        gone = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        gone.request("POST", "/client/register", json.dumps(REGISTER))
        wait_until(lambda: len(server.center.log) > number)  # noqa: B023
        gone.close()
    time.sleep(0.4)
    assert call("/client/register", REGISTER)[0] == 200


@pytest.mark.parametrize("processed", [True, False])
@pytest.mark.parametrize("late", [True, False])
def test_a_reset(
    processed: bool,  # noqa: FBT001
    late: bool,  # noqa: FBT001
    server: EmulatorServer,
    connection: http.client.HTTPConnection,
    call: Call,
) -> None:
    assert call("/client/register", REGISTER)[0] == 200
    fault = faults.connection_reset(processed=processed)
    server.center.script("RegisterClient", faults.delay(0.05, fault) if late else fault)
    with pytest.raises(ConnectionResetError) as caught:
        call("/client/register", REGISTER)
    assert not isinstance(caught.value, http.client.RemoteDisconnected)
    connection.close()
    assert call("/client/register", REGISTER)[0] == 200
    assert len(server.center._operations.registrations) == 2 + processed


@pytest.mark.parametrize(("keep", "arrives"), [(0, 0), (10, 10), (10**9, -1)])
def test_a_cut(
    keep: int,
    arrives: int,
    server: EmulatorServer,
    connection: http.client.HTTPConnection,
    call: Call,
) -> None:
    server.center.script("RegisterClient", faults.body_cut(keep))
    connection.request("POST", "/client/register", json.dumps(REGISTER))
    answer = connection.getresponse()
    assert answer.status == 200
    length = int(str(answer.getheader("Content-Length")))
    with pytest.raises(http.client.IncompleteRead) as caught:
        answer.read()
    assert len(caught.value.partial) == (arrives if arrives >= 0 else length - 1)
    connection.close()
    assert call("/client/register", REGISTER)[0] == 200


def test_other_faults(
    server: EmulatorServer, connection: http.client.HTTPConnection, call: Call
) -> None:
    server.center.script("RegisterClient", faults.delay(0.01))
    assert call("/client/register", REGISTER)[0] == 200
    server.center.script("RegisterClient", faults.throttling(retry_after_ms=5))
    assert call("/client/register", REGISTER) == (429, {"message": "Rate exceeded"})
    for status in (200, 418, 502, 599):
        server.center.script("RegisterClient", faults.html_page(status))
        connection.request("POST", "/client/register", json.dumps(REGISTER))
        answer = connection.getresponse()
        assert (answer.status, answer.read()[:6]) == (status, b"<html>")


def test_fifty_clients_at_once(server: EmulatorServer) -> None:
    center = server.center

    def one(number: int) -> str:
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)

        def call(path: str, members: object) -> Any:  # noqa: ANN401
            client.request("POST", path, json.dumps(members))
            answer = client.getresponse()
            assert answer.status == 200
            return json.loads(answer.read())

        registered = call("/client/register", REGISTER | {"clientName": f"tool-{number}"})
        who = {name: registered[name] for name in ("clientId", "clientSecret")}
        token = ""
        for _ in range(5):
            login = call("/device_authorization", {**who, "startUrl": center.start_url})
            center.approve(login["userCode"])
            grant = {**who, "grantType": DEVICE_CODE, "deviceCode": login["deviceCode"]}
            token = call("/token", grant)["accessToken"]
        client.close()
        return token

    with ThreadPoolExecutor(50) as pool:
        assert len(set(pool.map(one, range(50)))) == 50
    # 50 registrations, and 5 times a start and a token for each.
    assert len(center.log) == 550


def test_it_logs_nothing_and_prints_nothing(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.INFO), EmulatorServer() as server:
        for data in (b"\x16\x03\x01\r\n\r\n", b"GET / HTTP/1.1\r\nHost: evil.com\r\n\r\n"):
            exchange(server, data)
        server.center.script("RegisterClient", faults.body_cut())
        server.center.script("RegisterClient", faults.connection_reset())
        for _ in range(3):
            client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
            with contextlib.suppress(ConnectionResetError, http.client.IncompleteRead):
                client.request("POST", "/client/register", json.dumps(REGISTER))
                client.getresponse().read()
            client.close()
    assert caplog.records == []
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")
