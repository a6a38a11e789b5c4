"""The tables of the AWS SDKs about tokens in the cache: which are used, refreshed, refused, and what is written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import pytest

from ssooidc_core import (
    AuthorizationPendingException,
    CacheFileInvalid,
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
from ssooidc_login._flows.token import RefreshMemory, current_token
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

Json: TypeAlias = Mapping[str, object]

SETTINGS: Final = SsoSettings(
    start_url="https://d-123.awsapps.com/start", region="us-west-2", session_name="admin"
)


@pytest.fixture(scope="module")
def tables(vectors: Path) -> dict[str, dict[str, object]]:
    tables: dict[str, dict[str, object]] = json.loads(
        (vectors / "sso/cross-sdk-tables.json").read_text(encoding="utf-8")
    )
    return tables


@pytest.fixture(scope="module")
def refresh_cases(vectors: Path) -> list[dict[str, object]]:
    path = vectors / "sso/token-provider-cases.json"
    cases: list[dict[str, object]] = json.loads(path.read_text(encoding="utf-8"))[
        "sso_provider_refresh_cases"
    ]
    return cases


class Stage:
    """A store, a clock, and what the service answers."""

    def __init__(self, now: str, replies: Sequence[HttpResponse | BaseException] = ()) -> None:
        self.clock = VirtualClock(datetime.fromisoformat(now))
        self.transport = ScriptedTransport(list(replies), clock=self.clock)
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
    refresh_cases: list[dict[str, object]], tally: Tally
) -> None:
    assert len(refresh_cases) == 8
    for case in refresh_cases:
        answer = case.get("refreshResponse")
        replies = [] if answer is None else [reply(200, answer)]
        stage = Stage(str(case["currentTime"]), replies)
        stage.put(case["cachedToken"])
        tally.ran()
        expected = case.get("expectedException")
        if expected is not None:
            kind = CacheFileInvalid if expected == "SSOTokenLoadError" else LoginError
            with pytest.raises(kind):
                _ = stage.token()
            continue
        token = stage.token()
        stage.transport.assert_exhausted()
        wanted = case["expectedToken"]
        assert isinstance(wanted, dict)
        assert token.access_token.get_secret_value() == wanted["token"]
        assert token.expires_at == datetime.fromisoformat(str(wanted["expiration"]))
        if "expectedTokenWriteback" not in case:
            assert stage.written() == case["cachedToken"]
            continue
        writeback = dict(case["expectedTokenWriteback"])  # type: ignore[call-overload]
        if "refreshToken" not in writeback:
            # RFC 6749 section 6: without a new one the old one stays good; as the AWS SDK for Rust.
            tally.differs("the-old-refresh-token-is-kept")
            writeback["refreshToken"] = case["cachedToken"]["refreshToken"]  # type: ignore[index]
        assert stage.written() == writeback


def test_the_refresh_timings_of_the_rust_sdk(
    tables: dict[str, dict[str, object]], tally: Tally
) -> None:
    """Its windows are 5 minutes and 30 seconds, and ours botocore's, 15 minutes and 60 seconds."""
    table = tables["refresh_timings"]
    token = table["token"]
    steps = table["steps"]
    assert isinstance(token, dict)
    assert isinstance(steps, list)
    failed = error_reply(InternalServerException)
    good = reply(200, {"accessToken": "second_token", "expiresIn": 28800})
    start = "2023-01-01T00:00:00+00:00"
    stage = Stage(start, [failed, failed, failed, good])
    stage.put(token | {"clientId": "id", "clientSecret": "secret"})
    memory = RefreshMemory()
    asked = 0
    for step in steps:
        hours, minutes, seconds = map(int, step["t"].split(":"))
        at = datetime.fromisoformat(start) + timedelta(
            hours=hours, minutes=minutes, seconds=seconds
        )
        stage.clock.advance((at - stage.clock.now().wall).total_seconds())
        found = stage.token(memory).access_token.get_secret_value()
        now_asked = sum(isinstance(event, Sent) for event in stage.transport.events)
        attempted, asked = now_asked > asked, now_asked
        tally.ran()
        if attempted != step["attempt"]:
            tally.differs("refresh-windows-are-botocores")
        assert attempted == (step["t"] in {"00:00:00", "00:03:00", "00:05:00", "00:06:00"})
        assert found == step["token"]


def test_the_divergences_are_decided(tables: dict[str, dict[str, object]], tally: Tally) -> None:
    """What the SDKs disagree about; each is decided by a test of `tests/unit/login/flows/test_token.py` or above."""
    rows = tables["refresh_divergence"]
    assert [row["case"] for row in rows] == [  # type: ignore[index]
        "refresh answer has no refreshToken",
        "refresh fails, token still valid",
        "refresh fails, token expired",
        "window",
    ]
    tally.ran(len(rows))


VALID: Final[Json] = {
    "accessToken": "dGhpcyBpcyBub3QgYSByZWFsIHZhbHVl",
    "expiresAt": "2044-04-04T07:00:01Z",
    "refreshToken": "refresh token",
    "clientId": "client id",
    "clientSecret": "client secret",
    "unknownField": "some value",
}
EXPIRED: Final = {**VALID, "accessToken": "old", "expiresAt": "2021-12-21T12:21:00Z"}


def go_file(name: str) -> object:
    """Make the file that a case names; the files themselves are not in the table."""
    if name == "invalid_json.json":
        return "{"
    if name == "valid_token.json":
        return VALID
    if name == "expired_token.json":
        return EXPIRED
    missing = name.removeprefix("missing_").removesuffix(".json")
    base = VALID if missing in {"accessToken", "expiresAt"} else EXPIRED
    return {key: value for key, value in base.items() if key != missing}


def test_the_token_provider_cases_of_the_go_sdk(
    tables: dict[str, dict[str, object]], tally: Tally
) -> None:
    cases = tables["go_token_provider"]["cases"]
    assert isinstance(cases, list)
    assert len(cases) == 10
    for case in cases:
        replies: list[HttpResponse | BaseException] = []
        if "response" in case:
            replies = [reply(200, case["response"])]
        elif "response_error" in case:
            replies = [error_reply(InternalServerException)] * 3
        stage = Stage("2021-12-21T12:21:01+00:00", replies)
        if case["file"] is not None:
            stage.put(go_file(case["file"]))
        tally.ran()
        if "error" in case:
            before = stage.store.load(token_key(SETTINGS))
            with pytest.raises(SsoOidcError):
                _ = stage.token()
            assert stage.store.load(token_key(SETTINGS)) == before
            continue
        token = stage.token()
        assert token.access_token.get_secret_value() == case["token"]
        if "expires" in case:
            assert token.expires_at == datetime.fromisoformat(case["expires"])
        if "file_after" in case:
            written = stage.written()
            assert isinstance(written, dict)
            # Beside Go's members, those that the AWS CLI writes.
            assert written == case["file_after"] | {
                "startUrl": SETTINGS.start_url,
                "region": SETTINGS.region,
            }


def test_the_device_flow_of_the_aws_cli(tables: dict[str, dict[str, object]], tally: Tally) -> None:
    table = tables["device_flow"]
    errors = {
        each.__name__: error_reply(each)
        for each in (AuthorizationPendingException, SlowDownException, ExpiredTokenException)
    }
    rows = table["polling"]
    authorize, token_response = table["authorize_response"], table["token_response"]
    cache_after = table["cache_after"]
    assert isinstance(rows, list)
    assert isinstance(authorize, dict)
    assert isinstance(cache_after, dict)
    legacy = SsoSettings(start_url="https://d-abc123.awsapps.com/start", region="us-west-2")
    name = table["register_request"]["clientName"]  # type: ignore[index]
    plan = LoginPlan(way=WayIn.DEVICE_CODE, start_url=legacy.start_url, client_name=name)
    for row in rows:
        started = {**authorize, "interval": row["interval"]} if "interval" in row else authorize
        answers = [errors[each] for each in row["errors"]]
        if "raises" not in row:
            answers.append(reply(200, token_response))
        replies = [reply(200, table["register_response"]), reply(200, started), *answers]
        stage = Stage(str(table["now"]), replies)
        tally.ran()
        steps = sign_in(legacy, plan, stage.transport.config)
        if "raises" in row:
            with pytest.raises(DeviceLoginExpired):
                _ = stage.carry(steps)
            continue
        _ = stage.carry(steps)
        register = next(each for each in stage.transport.events if isinstance(each, Sent))
        assert json.loads(register.body) == table["register_request"]
        waits = [each.seconds for each in stage.transport.events if isinstance(each, Slept)]
        assert waits[-1] == row["last_sleep"]
        registration = stage.store.load(registration_key(legacy))
        token = stage.store.load(token_key(legacy))
        assert registration is not None
        assert token is not None
        assert json.loads(registration.get_secret_value()) == cache_after["registration"]
        written = json.loads(token.get_secret_value())
        # The clock of the table stands still; ours has moved by the waits.
        ends = datetime.fromisoformat(cache_after["token"]["expiresAt"]) + timedelta(
            seconds=sum(waits)
        )
        assert datetime.fromisoformat(written.pop("expiresAt")) == ends
        assert written == {
            key: value for key, value in cache_after["token"].items() if key != "expiresAt"
        }


def test_the_role_credentials_of_the_aws_cli(
    tables: dict[str, dict[str, object]], tally: Tally
) -> None:
    table = tables["role_credentials_cache"]
    settings = SsoSettings(start_url=str(table["start_url"]), region="us-west-2")
    account_id, role_name = str(table["account_id"]), str(table["role_name"])
    credentials = table["content"]["Credentials"]  # type: ignore[index]
    answer = {
        "roleCredentials": {
            "accessKeyId": credentials["AccessKeyId"],
            "secretAccessKey": credentials["SecretAccessKey"],
            "sessionToken": credentials["SessionToken"],
            "expiration": table["portal_expiration_ms"],
        }
    }
    stage = Stage(str(table["now"]), [reply(200, answer)])
    token = {"accessToken": "token", "expiresAt": "2008-09-23T20:26:40Z"}
    stage.store.save(token_key(settings), SecretStr(json.dumps(token)))
    _ = stage.carry(
        role_credentials(settings, RefreshMemory(), account_id=account_id, role_name=role_name)
    )
    key = role_credentials_key(settings, account_id=account_id, role_name=role_name)
    assert key.name == table["key"]
    found = stage.store.load(key)
    assert found is not None
    assert json.loads(found.get_secret_value()) == table["content"]
    tally.ran()
