"""The admin endpoint over HTTP: the effect of each verb on a client of the service."""

from __future__ import annotations

import http.client
import json
import logging
from collections.abc import Callable, Generator
from typing import Any, Final, TypeAlias

import pytest

from ssooidc_emulator import EmulatorServer, IdentityCenter, seeded_entropy
from ssooidc_transports.testing import VirtualClock

REGISTER: Final = {"clientName": "tool", "clientType": "public", "scopes": ["sso:account:access"]}
DEVICE_CODE: Final = "urn:ietf:params:oauth:grant-type:device_code"
Answer: TypeAlias = tuple[int, Any]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def server(clock: VirtualClock) -> Generator[EmulatorServer]:
    center = IdentityCenter(entropy=seeded_entropy("admin"))
    with EmulatorServer(center, clock=clock) as started:
        yield started


@pytest.fixture
def send(server: EmulatorServer) -> Generator[Callable[..., http.client.HTTPResponse]]:
    """Send a request unchanged, and return the complete response."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)

    def call(
        method: str, path: str, body: bytes = b"{}", **headers: str
    ) -> http.client.HTTPResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        answer.text = answer.read()  # type: ignore[attr-defined]
        return answer

    yield call
    connection.close()


@pytest.fixture
def admin(
    server: EmulatorServer, send: Callable[..., http.client.HTTPResponse]
) -> Callable[..., Answer]:
    """Carry out a verb with members."""

    def call(verb: str, **members: object) -> Answer:
        answer = send(
            "POST",
            f"/_ssooidc/{verb}",
            json.dumps(members).encode(),
            Authorization=f"Bearer {server.admin_token}",
            Content_Type="application/json",
        )
        return answer.status, json.loads(answer.text)  # type: ignore[attr-defined]

    return call


@pytest.fixture
def ask(send: Callable[..., http.client.HTTPResponse]) -> Callable[..., Answer]:
    """Call an operation of the service."""

    def call(path: str, **members: object) -> Answer:
        answer = send("POST", path, json.dumps(members).encode())
        return answer.status, json.loads(answer.text)  # type: ignore[attr-defined]

    return call


@pytest.fixture
def login(server: EmulatorServer, ask: Callable[..., Answer]) -> dict[str, str]:
    """Start a device login; return the members of its poll, and its user code."""
    _, client = ask("/client/register", **REGISTER)
    who = {name: client[name] for name in ("clientId", "clientSecret")}
    _, started = ask("/device_authorization", **who, startUrl=server.center.start_url)
    code = {"grantType": DEVICE_CODE, "deviceCode": started["deviceCode"]}
    return who | code | {"userCode": started["userCode"]}


def test_another_host_is_misdirected(
    server: EmulatorServer, send: Callable[..., http.client.HTTPResponse]
) -> None:
    headers = {"Authorization": f"Bearer {server.admin_token}", "Content_Type": "application/json"}
    assert send("POST", "/_ssooidc/logins/list", **headers, Host="evil.com").status == 421


def test_it_is_logged_nowhere(
    server: EmulatorServer,
    admin: Callable[..., Answer],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        assert admin("logins/list")[0] == 200
        assert admin("nothing")[0] == 404
    assert len(server.center.log) == 0
    # The server's event loop, in its thread, may log at this moment which selector it uses.
    assert [record for record in caplog.records if record.name != "asyncio"] == []


# The effects of the verbs


def test_approving(
    login: dict[str, str], admin: Callable[..., Answer], ask: Callable[..., Answer]
) -> None:
    assert admin("users/add", name="jane", email="jane@corp.com") == (
        200,
        {"name": "jane", "user_id": "jane", "email": "jane@corp.com"},
    )
    status, listed = admin("logins/list")
    assert (status, listed) == (
        200,
        {
            "logins": [
                {
                    "user_code": login["userCode"],
                    "client_name": "tool",
                    "scopes": ["sso:account:access"],
                    "started_at": "2026-01-01T00:00:00Z",
                    "expires_at": "2026-01-01T00:10:00Z",
                }
            ]
        },
    )
    assert admin("logins/approve", user_code=login["userCode"], user="jane") == (200, {})
    assert admin("logins/list") == (200, {"logins": []})
    assert ask("/token", **login)[0] == 200
    (session,) = admin("sessions/list")[1]["sessions"]
    assert (session["user"], session["client_name"]) == ("jane", "tool")
    assert session["began_at"] == "2026-01-01T00:00:00Z"


def test_denying(
    login: dict[str, str], admin: Callable[..., Answer], ask: Callable[..., Answer]
) -> None:
    assert admin("logins/deny", user_code=login["userCode"].lower()) == (200, {})
    assert ask("/token", **login)[1]["error"] == "access_denied"


def test_ending_a_session(
    login: dict[str, str], admin: Callable[..., Answer], ask: Callable[..., Answer]
) -> None:
    admin("logins/approve", user_code=login["userCode"])
    _, token = ask("/token", **login)
    (session,) = admin("sessions/list")[1]["sessions"]
    assert token["accessToken"] not in json.dumps(session)
    assert admin("sessions/end", session_id=session["session_id"]) == (200, {})
    assert admin("sessions/list") == (200, {"sessions": []})
    refresh = login | {"grantType": "refresh_token", "refreshToken": token["refreshToken"]}
    assert ask("/token", **refresh)[0] == 400
    assert admin("sessions/end", session_id=session["session_id"])[0] == 400


def test_a_browser_login(
    server: EmulatorServer, admin: Callable[..., Answer], ask: Callable[..., Answer]
) -> None:
    redirect = "http://127.0.0.1/oauth/callback"
    grants = ["authorization_code", "refresh_token"]
    client = {
        "redirectUris": [redirect],
        "grantTypes": grants,
        "issuerUrl": server.center.start_url,
    }
    _, registered = ask("/client/register", **REGISTER, **client)
    query = {
        "response_type": "code",
        "client_id": registered["clientId"],
        "redirect_uri": "http://127.0.0.1:1234/oauth/callback",
        "state": "s",
        "code_challenge": "x" * 43,
        "code_challenge_method": "S256",
        "scopes": "sso:account:access",
    }
    url = f"{server.url}/authorize?" + "&".join(f"{name}={value}" for name, value in query.items())
    status, answer = admin("logins/authorize", url=url)
    assert status == 200
    assert answer["redirect_url"].startswith("http://127.0.0.1:1234/oauth/callback?code=")
    denied = admin("logins/authorize", url=url, deny=True)[1]["redirect_url"]
    assert "error=access_denied" in denied


def test_registrations(login: dict[str, str], admin: Callable[..., Answer]) -> None:
    (client,) = admin("registrations/list")[1]["registrations"]
    assert client == {
        "client_id": login["clientId"],
        "client_name": "tool",
        "scopes": ["sso:account:access"],
        "grant_types": ["refresh_token", DEVICE_CODE],
        "issued_at": "2026-01-01T00:00:00Z",
        "expires_at": "2026-04-01T00:00:00Z",
    }


def test_roles(server: EmulatorServer, admin: Callable[..., Answer]) -> None:
    account = {"account_id": "111122223333"}
    assert admin("accounts/add", **account, name="Production") == (
        200,
        {**account, "name": "Production", "email": "account-111122223333@example.com"},
    )
    role = {**account, "user": "user", "role_name": "Auditor"}
    assert admin("roles/assign", **role) == (200, {})
    directory = server.center.directory
    assert directory.roles_of("user", account_id="111122223333") == ("Auditor",)
    assert admin("roles/unassign", **role) == (200, {})
    assert directory.roles_of("user", account_id="111122223333") == ()
    assert admin("roles/unassign", **role)[0] == 400


def test_faults(admin: Callable[..., Answer], ask: Callable[..., Answer]) -> None:
    fault = {"kind": "error", "parameters": {"code": "SlowDownException"}}
    assert admin("faults/script", **fault, operation="RegisterClient", times=2) == (200, {})
    assert [ask("/client/register", **REGISTER)[0] for _ in range(3)] == [400, 400, 200]
    assert admin("faults/script", kind="server_error", times=None, probability=1.0) == (200, {})
    assert ask("/client/register", **REGISTER)[0] == 500
    assert admin("faults/clear") == (200, {})
    assert ask("/client/register", **REGISTER)[0] == 200


def test_the_clock(
    login: dict[str, str],
    server: EmulatorServer,
    admin: Callable[..., Answer],
    ask: Callable[..., Answer],
) -> None:
    assert admin("clock/advance", seconds=0) == (200, {"now": "2026-01-01T00:00:00Z"})
    assert admin("clock/advance", seconds=600.5) == (200, {"now": "2026-01-01T00:10:00.500000Z"})
    assert ask("/token", **login)[1]["error"] == "expired_token"
    assert admin("logins/list") == (200, {"logins": []})
    assert server.now().wall.isoformat() == "2026-01-01T00:10:00.500000+00:00"


def test_the_log(login: dict[str, str], admin: Callable[..., Answer]) -> None:
    _, everything = admin("requests/list")
    assert [entry["number"] for entry in everything["requests"]] == [1, 2]
    _, later = admin("requests/list", after=1)
    assert later["requests"] == [
        {
            "number": 2,
            "time": "2026-01-01T00:00:00Z",
            "method": "POST",
            "path": "/device_authorization",
            "operation": "StartDeviceAuthorization",
            "status": 200,
            "error": None,
            "fault": None,
        }
    ]
    text = json.dumps(everything)
    assert not [value for value in login.values() if value in text]
