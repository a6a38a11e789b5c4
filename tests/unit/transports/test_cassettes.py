"""A recorded login replays without its secrets, and any other request is refused."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
import trio

from ssooidc_core import (
    ClientConfig,
    ConfigurationError,
    CreateTokenResponse,
    HttpRequest,
    RefreshTokenGrant,
    RegisterClientRequest,
    Steps,
    arun,
    create_token,
    flow,
    portal,
    register_client,
    run,
)
from ssooidc_core.flows.device import PendingDeviceLogin, poll_for_token, start_device_login
from ssooidc_emulator import AsyncEmulatorTransport, EmulatorTransport, IdentityCenter
from ssooidc_emulator.faults import slow_down
from ssooidc_transports.cassettes import (
    AsyncRecordingTransport,
    RecordingTransport,
    ReplayMismatch,
    ReplayTransport,
)
from ssooidc_transports.faulty import FaultyTransport, connection_lost
from ssooidc_transports.testing import ScriptedTransport, VirtualClock, reply

REGISTRATION: Final = RegisterClientRequest(
    client_name="tool", client_type="public", scopes=("sso:account:access",)
)
CONFIG: Final = ClientConfig(region="us-east-1")
Record = Callable[..., ScriptedTransport]

CANARY: Final = "Zk9qX" + "v7wPd"
BEGAN: Final = datetime(2020, 2, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Run:
    """The results of a program that signs in, refreshes, and uses the portal."""

    login: PendingDeviceLogin
    token: CreateTokenResponse
    refreshed: CreateTokenResponse
    role: portal.RoleCredentials

    def secrets(self) -> list[str]:
        return [
            self.login.client.client_id,
            self.login.client.client_secret.get_secret_value(),
            self.login.device_code.get_secret_value(),
            self.login.user_code,
            *(
                secret.get_secret_value()
                for token in (self.token, self.refreshed)
                for secret in (token.access_token, token.refresh_token)
                if secret is not None
            ),
            self.role.access_key_id,
            self.role.secret_access_key.get_secret_value(),
            self.role.session_token.get_secret_value(),
        ]


@flow
def whole_run(center: IdentityCenter | None, start_url: str) -> Steps[Run]:
    login = yield from start_device_login(REGISTRATION, start_url=start_url, region="us-east-1")
    if center is not None:
        center.approve(login.user_code)
    token = yield from poll_for_token(login)
    refreshed = yield from create_token(RefreshTokenGrant.of(login.client, token))
    access = refreshed.access_token
    accounts = yield from portal.list_accounts(
        portal.ListAccountsRequest.of(access, max_results=10)
    )
    (account,) = accounts.account_list
    assert account.account_id is not None
    credentials = yield from portal.get_role_credentials(
        portal.GetRoleCredentialsRequest.of(
            access, account_id=account.account_id, role_name="ReadOnly"
        )
    )
    yield from portal.logout(portal.LogoutRequest.of(access))
    return Run(login, token, refreshed, credentials.role_credentials)


@pytest.fixture
def center() -> IdentityCenter:
    center = IdentityCenter(refresh_mode="rotating")
    center.script("CreateToken", slow_down())
    return center


@pytest.fixture
def recorded(center: IdentityCenter, path: Path) -> Run:
    """Record the real run: its first registration fails on the network, and its first poll is too early."""
    emulator = EmulatorTransport(center, clock=VirtualClock(BEGAN))
    transport = RecordingTransport(FaultyTransport(emulator, [connection_lost()]), path)
    return run(whole_run(center, center.start_url), transport)


def replay_blocking(start_url: str, transport: ReplayTransport) -> Run:
    return run(whole_run(None, start_url), transport)


def replay_in_asyncio(start_url: str, transport: ReplayTransport) -> Run:
    return asyncio.run(arun(whole_run(None, start_url), transport))


def replay_in_trio(start_url: str, transport: ReplayTransport) -> Run:
    return trio.run(arun, whole_run(None, start_url), transport)


@pytest.mark.parametrize("replay", [replay_blocking, replay_in_asyncio, replay_in_trio])
def test_a_login_a_refresh_and_the_portal_replay(
    recorded: Run,
    center: IdentityCenter,
    path: Path,
    replay: Callable[[str, ReplayTransport], Run],
) -> None:
    transport = ReplayTransport(path)
    assert transport.now().wall == BEGAN
    again = replay(center.start_url, transport)
    transport.assert_exhausted()
    assert again.login.client.client_secret_expires_at == (
        recorded.login.client.client_secret_expires_at
    )
    assert again.login.user_code == "userCode-1"
    assert again.login.verification_uri == recorded.login.verification_uri
    assert again.login.verification_uri_complete == (
        f"{recorded.login.verification_uri}?user_code=userCode-1"
    )
    assert again.token.access_token.get_secret_value() == "accessToken-1"
    assert again.refreshed.access_token.get_secret_value() == "accessToken-2"
    assert again.refreshed.expires_in == recorded.refreshed.expires_in
    assert again.role.expiration == recorded.role.expiration
    assert transport.now().wall > BEGAN


def test_no_secret_is_in_the_file(recorded: Run, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for secret in recorded.secrets():
        assert len(secret) > 8
        assert secret not in text
    assert "sso:account:access" in text
    assert "123456789012" in text


def test_the_file_is_json_of_a_version_for_its_owner_only(recorded: Run, path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    assert (document["format"], document["version"]) == ("ssooidc-cassette", 1)
    assert document["began"] == "2020-02-02T00:00:00Z"
    assert document["config"]["region"] == "us-east-1"
    assert document["exchanges"][0] == {
        "request": {
            "method": "POST",
            "url": "https://oidc.us-east-1.amazonaws.com/client/register",
            "members": {
                "clientName": "tool",
                "clientType": "public",
                "scopes": ["sso:account:access"],
            },
        },
        "outcome": {"error": "ConnectionLost", "mayHaveBeenSent": True},
    }
    role = document["exchanges"][-2]
    assert role["request"] == {
        "method": "GET",
        "url": "https://portal.sso.us-east-1.amazonaws.com/federation/credentials"
        "?role_name=ReadOnly&account_id=123456789012",
        "bearer": "accessToken-2",
    }
    members = role["outcome"]["members"]["roleCredentials"]
    assert members["accessKeyId"] == "accessKeyId-1"
    assert members["secretAccessKey"] == "secretAccessKey-1"
    assert isinstance(members["expiration"], int)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_recording_in_an_event_loop_is_the_same(path: Path) -> None:
    center = IdentityCenter()
    transport = AsyncRecordingTransport(AsyncEmulatorTransport(center, clock=VirtualClock()), path)
    _ = asyncio.run(arun(whole_run(center, center.start_url), transport))
    again = ReplayTransport(path)
    _ = run(whole_run(None, center.start_url), again)
    again.assert_exhausted()


def test_each_exchange_is_on_disk_at_once(center: IdentityCenter, path: Path) -> None:
    transport = RecordingTransport(EmulatorTransport(center, clock=VirtualClock()), path)
    assert not path.exists()
    _ = run(register_client(REGISTRATION), transport)
    assert len(json.loads(path.read_text(encoding="utf-8"))["exchanges"]) == 1
    _ = run(register_client(REGISTRATION), transport)
    assert len(json.loads(path.read_text(encoding="utf-8"))["exchanges"]) == 2


def test_all_else_is_the_inner_transports(path: Path) -> None:
    inner = ScriptedTransport([])
    for transport in (RecordingTransport(inner, path), AsyncRecordingTransport(inner, path)):
        assert transport.config is inner.config
        assert transport.retry_policy is inner.retry_policy
        assert transport.now() == inner.now()
    RecordingTransport(inner, path).sleep(2)
    asyncio.run(AsyncRecordingTransport(inner, path).asleep(3))
    assert inner.sleeps == [2, 3]


class TestReplayIsStrict:
    def request(self, **members: object) -> HttpRequest:
        body = {"clientId": "id", "clientSecret": "s1", "grantType": "refresh_token"} | members
        return HttpRequest("POST", f"{CONFIG.oidc_endpoint}/token", (), json.dumps(body).encode())

    @pytest.fixture
    def transport(self, record: Record, path: Path) -> ReplayTransport:
        record(reply(200, {"accessToken": CANARY}), request=self.request())
        return ReplayTransport(path)

    def test_other_secrets_in_the_same_places_are_the_same(
        self, transport: ReplayTransport
    ) -> None:
        request = self.request(clientId=f"{CANARY}-a", clientSecret=f"{CANARY}-b")
        answer = transport.send(request)
        assert json.loads(answer.body) == {"accessToken": "accessToken-1"}

    @pytest.mark.parametrize(
        ("other", "text"),
        [
            ({"grantType": "other"}, "member grantType recorded 'refresh_token', sent 'other'"),
            ({"scope": ["a"]}, "member scope recorded nothing, sent ['a']"),
            ({"clientSecret": None}, "member clientSecret recorded 'clientSecret-1', sent nothing"),
            (
                {"clientSecret": "id"},
                "member clientId recorded 'clientId-1', sent 'clientSecret-1'",
            ),
            ({"x": CANARY}, "member member-2 recorded nothing, sent 'member-1'"),
        ],
        ids=["kept", "more", "less", "the same secret twice", "unknown"],
    )
    def test_another_member_is_named(
        self, transport: ReplayTransport, other: dict[str, object], text: str
    ) -> None:
        with pytest.raises(ReplayMismatch) as raised:
            transport.send(self.request(**other))
        assert str(raised.value).startswith("Request 1 is not the recorded one: ")
        assert text in str(raised.value)
        assert CANARY not in str(raised.value)

    @pytest.mark.parametrize(
        ("request_", "text"),
        [
            (
                HttpRequest("GET", f"{CONFIG.oidc_endpoint}/token"),
                "Request 1 is not the recorded one: method recorded 'POST', sent 'GET'",
            ),
            (
                HttpRequest("POST", f"{CONFIG.oidc_endpoint}/token?code={CANARY}"),
                (
                    "Request 1 is not the recorded one: "
                    "URL recorded 'https://oidc.us-east-1.amazonaws.com/token', "
                    "sent 'https://oidc.us-east-1.amazonaws.com/token?code=code-1'"
                ),
            ),
            (
                HttpRequest(
                    "POST", f"{CONFIG.oidc_endpoint}/token", {"x-amz-sso_bearer_token": CANARY}
                ),
                (
                    "Request 1 is not the recorded one: "
                    "bearer token recorded nothing, sent 'accessToken-1'"
                ),
            ),
            (
                HttpRequest("POST", f"{CONFIG.oidc_endpoint}/token", (), CANARY.encode()),
                "Request 1 is not the recorded one: body recorded nothing, sent 'body-1'",
            ),
        ],
        ids=["method", "url", "bearer", "body"],
    )
    def test_another_request_is_named(
        self, record: Record, path: Path, request_: HttpRequest, text: str
    ) -> None:
        record(reply(200))
        with pytest.raises(ReplayMismatch) as raised:
            ReplayTransport(path).send(request_)
        assert str(raised.value) == text

    def test_a_token_from_elsewhere_is_another_one(self, path: Path) -> None:
        """The token that was in a response has the first number, in the replay too."""
        inner = ScriptedTransport([reply(200, {"accessToken": CANARY}), reply(200, {})])
        requests = [
            self.request(),
            HttpRequest("POST", "https://x/", {"x-amz-sso_bearer_token": "other"}),
        ]
        recording = RecordingTransport(inner, path)
        _ = [recording.send(request) for request in requests]
        assert '"bearer": "accessToken-2"' in path.read_text(encoding="utf-8")
        replay = ReplayTransport(path)
        _ = [replay.send(request) for request in requests]
        replay.assert_exhausted()

    def test_a_mismatch_uses_nothing_up(self, transport: ReplayTransport) -> None:
        with pytest.raises(ReplayMismatch):
            transport.send(HttpRequest("GET", "https://x/"))
        with pytest.raises(
            AssertionError,
            match=r"^1 of 1 recorded exchanges were not replayed: "
            r"POST https://oidc\.us-east-1\.amazonaws\.com/token is next$",
        ):
            transport.assert_exhausted()

    def test_no_more_than_was_recorded(self, transport: ReplayTransport) -> None:
        transport.send(self.request())
        transport.assert_exhausted()
        with pytest.raises(ReplayMismatch) as raised:
            transport.send(self.request())
        assert str(raised.value) == (
            "Request 2 (POST https://oidc.us-east-1.amazonaws.com/token) was not recorded: "
            "the cassette ends before"
        )

    def test_no_flow_can_take_a_mismatch_for_an_error(self, record: Record, path: Path) -> None:
        record(reply(200))

        @flow
        def careless() -> Steps[None]:
            try:
                yield from register_client(REGISTRATION)
            except Exception as error:  # noqa: BLE001 - the test checks this
                pytest.fail(f"caught {error!r}")

        with pytest.raises(ReplayMismatch):
            run(careless(), ReplayTransport(path))

    def test_a_closed_one_refuses(self, transport: ReplayTransport) -> None:
        transport.close()
        with pytest.raises(ConfigurationError, match=r"^This ReplayTransport was closed"):
            transport.send(self.request())
