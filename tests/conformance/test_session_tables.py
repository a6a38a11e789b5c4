"""The AWS SDKs' tables about cached tokens: which are used, refreshed or refused, and what is written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pytest

from ssooidc_core import (
    AuthorizationPendingException,
    CacheFileInvalid,
    ClientConfig,
    DeviceLoginExpired,
    ExpiredTokenException,
    HttpResponse,
    InternalServerException,
    LoginError,
    SecretStr,
    SlowDownException,
    SsoOidcError,
)
from ssooidc_core._cache_files import TokenFile
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_login._driver import drive
from ssooidc_login._events import LoginSteps
from ssooidc_login._flows.credentials import role_credentials
from ssooidc_login._flows.documents import registration_key, role_credentials_key, token_key
from ssooidc_login._flows.login import sign_in
from ssooidc_login._flows.refresh_memory import RefreshMemory
from ssooidc_login._flows.token import current_token
from ssooidc_login._login_plan import LoginPlan, WayIn
from ssooidc_login._resources import Resources
from ssooidc_login.stores.memory import MemoryStore
from ssooidc_transports.testing import (
    ScriptedTransport,
    Sent,
    Slept,
    VirtualClock,
    error_reply,
    reply,
)

if TYPE_CHECKING:
    from tests.conformance.conftest import Tally

T = TypeVar("T")

GROUP: Final = "sessions"

SETTINGS: Final = SsoSettings(
    start_url="https://d-123.awsapps.com/start", region="us-west-2", session_name="admin"
)


class Stage:
    """A store, a clock, and the service's responses."""

    def __init__(self, now: str, replies: Sequence[HttpResponse | BaseException] = ()) -> None:
        self.clock = VirtualClock(datetime.fromisoformat(now))
        config = ClientConfig(region="us-west-2")
        self.transport = ScriptedTransport(list(replies), clock=self.clock, config=config)
        self.store = MemoryStore()
        self.shown: list[str] = []

    def show(self, text: str, /) -> None:
        self.shown.append(text)

    def open_url(self, url: str, /) -> bool:
        return bool(url)

    def token(self, memory: RefreshMemory | None = None) -> TokenFile:
        return self.carry(current_token(SETTINGS, memory or RefreshMemory()))

    def carry(self, steps: LoginSteps[T]) -> T:
        world = Resources(transport=self.transport, store=self.store, interaction=self)
        return drive(steps, world)

    def put(self, document: object) -> None:
        text = document if isinstance(document, str) else json.dumps(document)
        self.store.save(token_key(SETTINGS), SecretStr(text))

    def written(self) -> object:
        found = self.store.load(token_key(SETTINGS))
        assert found is not None
        return json.loads(found.get_secret_value())


def test_the_refresh_cases_of_botocore_and_kotlin(
    case_tables: dict[str, Any], tally: Tally
) -> None:
    shared = case_tables["token-refresh"]["shared"]
    refusals = {"unreadable": CacheFileInvalid, "log in again": LoginError}
    assert len(shared["cases"]) == 8
    for case in shared["cases"]:
        stage = Stage(shared["now"], [reply(200, case["answer"])] if "answer" in case else [])
        stage.put(case["cached"])
        tally.ran()
        if "refused" in case:
            with pytest.raises(refusals[case["refused"]]):
                _ = stage.token()
            continue
        token = stage.token()
        stage.transport.assert_exhausted()
        assert token.access_token.get_secret_value() == case["token"]
        assert token.expires_at == datetime.fromisoformat(case["ends"])
        written = dict(case.get("written", case["cached"]))
        if "refreshToken" in case["cached"] and "refreshToken" not in written:
            # RFC 6749 section 6: without a new one, the old one stays valid; the AWS SDK for Rust does the same.
            tally.differs("the-old-refresh-token-is-kept")
            written["refreshToken"] = case["cached"]["refreshToken"]
        assert stage.written() == written


def test_the_refresh_timings_of_the_rust_sdk(case_tables: dict[str, Any], tally: Tally) -> None:
    """Its windows are 5 minutes and 30 seconds; ours are botocore's, 15 minutes and 60 seconds."""
    table = case_tables["token-refresh"]["rust"]
    failed = error_reply(InternalServerException)
    good = reply(200, table["answer"])
    start = "2023-01-01T00:00:00+00:00"
    stage = Stage(start, [failed, failed, failed, good])
    stage.put(table["cached"] | {"clientId": "id", "clientSecret": "secret"})
    memory = RefreshMemory()
    asked = 0
    assert len(table["calls"]) == 6
    for time, expected, token in table["calls"]:
        hours, minutes, seconds = map(int, time.split(":"))
        at = datetime.fromisoformat(start) + timedelta(
            hours=hours, minutes=minutes, seconds=seconds
        )
        stage.clock.advance((at - stage.clock.now().wall).total_seconds())
        found = stage.token(memory).access_token.get_secret_value()
        now_asked = sum(isinstance(event, Sent) for event in stage.transport.events)
        attempted, asked = now_asked > asked, now_asked
        tally.ran()
        if attempted != expected:
            tally.differs("refresh-windows-are-botocores")
        assert attempted == (time in {"00:00:00", "00:03:00", "00:05:00", "00:06:00"})
        assert found == token


def go_file(files: dict[str, str], case: dict[str, Any]) -> str:
    """Write the file that a case names."""
    text = files[case["file"]]
    if "lacks" in case:
        members = json.loads(text)
        del members[case["lacks"]]
        text = json.dumps(members)
    return text


def test_the_token_provider_cases_of_the_go_sdk(case_tables: dict[str, Any], tally: Tally) -> None:
    table = case_tables["token-refresh"]["go"]
    assert len(table["cases"]) == 10
    for case in table["cases"]:
        replies: list[HttpResponse | BaseException] = []
        if "answer" in case:
            replies = [reply(200, case["answer"])]
        elif "fails" in case:
            replies = [error_reply(InternalServerException)] * 3
        elif "token" in case:
            # The file says 2044, which is asked about; while the service fails, the token is used.
            tally.differs("no-token-outlasts-a-session")
            replies = [error_reply(InternalServerException)]
        stage = Stage(table["now"], replies)
        if "file" in case:
            stage.put(go_file(table["files"], case))
        tally.ran()
        if "refused" in case:
            before = stage.store.load(token_key(SETTINGS))
            with pytest.raises(SsoOidcError):
                _ = stage.token()
            assert stage.store.load(token_key(SETTINGS)) == before
            continue
        token = stage.token()
        assert token.access_token.get_secret_value() == case["token"]
        if "ends" in case:
            assert token.expires_at == datetime.fromisoformat(case["ends"])
        if "written" in case:
            # The members of Go's file, and those that the AWS CLI writes.
            assert stage.written() == case["written"] | {
                "startUrl": SETTINGS.start_url,
                "region": SETTINGS.region,
            }


def test_the_device_flow_of_the_aws_cli(case_tables: dict[str, Any], tally: Tally) -> None:
    table = case_tables["device-login"]
    errors = {
        each.__name__: error_reply(each)
        for each in (AuthorizationPendingException, SlowDownException, ExpiredTokenException)
    }
    register, start = table["register"], table["start"]["answer"]
    legacy = SsoSettings(start_url="https://d-abc123.awsapps.com/start", region="us-west-2")
    name = register["request"]["clientName"]
    plan = LoginPlan(way=WayIn.DEVICE_CODE, start_url=legacy.start_url, client_name=name)
    assert len(table["polls"]) == 4
    for row in table["polls"]:
        interval = row.get("interval", start["interval"])
        started = start | {"interval": None if interval == "null" else interval}
        answers = [errors[each] for each in row["refusals"]]
        if "expires" not in row:
            answers.append(reply(200, table["token"]["answer"]))
        replies = [reply(200, register["answer"]), reply(200, started), *answers]
        stage = Stage(table["now"], replies)
        tally.ran()
        steps = sign_in(legacy, plan, stage.transport.config)
        if "expires" in row:
            with pytest.raises(DeviceLoginExpired):
                _ = stage.carry(steps)
            continue
        _ = stage.carry(steps)
        sent = next(each for each in stage.transport.events if isinstance(each, Sent))
        assert json.loads(sent.body) == register["request"]
        waits = [each.seconds for each in stage.transport.events if isinstance(each, Slept)]
        assert waits[-1] == row["last_wait"]
        registration = stage.store.load(registration_key(legacy))
        token = stage.store.load(token_key(legacy))
        assert registration is not None
        assert token is not None
        assert json.loads(registration.get_secret_value()) == table["registration"]["file"]
        written = json.loads(token.get_secret_value())
        # The clock of the table is fixed; ours has advanced by the waits.
        ends = datetime.fromisoformat(table["token"]["file"]["expiresAt"]) + timedelta(
            seconds=sum(waits)
        )
        assert datetime.fromisoformat(written["expiresAt"]) == ends
        assert written == table["token"]["file"] | {"expiresAt": written["expiresAt"]}


def test_the_role_credentials_of_the_aws_cli(case_tables: dict[str, Any], tally: Tally) -> None:
    table = case_tables["role-credentials"]
    settings = SsoSettings(start_url=table["start_url"], region="us-west-2")
    account_id, role_name = table["account_id"], table["role_name"]
    content = json.loads(table["content"])
    answer = {
        "roleCredentials": {
            "accessKeyId": content["Credentials"]["AccessKeyId"],
            "secretAccessKey": content["Credentials"]["SecretAccessKey"],
            "sessionToken": content["Credentials"]["SessionToken"],
            "expiration": table["expiration_ms"],
        }
    }
    stage = Stage(table["now"], [reply(200, answer)])
    token = {"accessToken": "token", "expiresAt": "2008-09-23T20:26:40Z"}
    stage.store.save(token_key(settings), SecretStr(json.dumps(token)))
    _ = stage.carry(
        role_credentials(settings, RefreshMemory(), account_id=account_id, role_name=role_name)
    )
    key = role_credentials_key(settings, account_id=account_id, role_name=role_name)
    assert key.name == table["key"]
    found = stage.store.load(key)
    assert found is not None
    assert json.loads(found.get_secret_value()) == content
    tally.ran()
