"""A vanity start URL led a login to another region: the next process asks that region, not the configured one."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pytest

from ssooidc_core import ClientConfig, ConfigurationError, HttpRequest, HttpResponse, SecretStr
from ssooidc_core._cache_files import TokenFile
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_login import AsyncSsoSession, SsoSession, WayIn
from ssooidc_login._flows.documents import token_key
from ssooidc_login._session import async_session, session
from ssooidc_login.stores.memory import MemoryStore
from ssooidc_transports.testing import ScriptedTransport, reply

if TYPE_CHECKING:
    from tests.unit.login.conftest import Person

SETTINGS: Final = SsoSettings(
    start_url="https://sso.example.com", region="us-east-1", session_name="my-sso"
)
HERE, THERE = "us-east-1", "eu-west-1"
NOW: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
TOKEN: Final = TokenFile(
    start_url=SETTINGS.start_url,
    region=THERE,
    access_token=SecretStr("old"),
    expires_at=NOW,
    client_id="i",
    client_secret=SecretStr("s"),
    refresh_token=SecretStr("r"),
)


class World:
    """A store, the redirect of the start URL, and the transports that sessions make for themselves."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.leads_to = f"//x.portal.{THERE}.app.aws/"
        self.made: list[str | None] = []
        self.hosts: list[str] = []

    def put(self, token: TokenFile) -> None:
        self.store.save(token_key(SETTINGS), SecretStr(token.to_text_with_secrets()))

    def stored(self) -> TokenFile:
        found = self.store.load(token_key(SETTINGS))
        assert found is not None
        return TokenFile.from_text(found.get_secret_value())

    def make(self, config: ClientConfig) -> ScriptedTransport:
        self.made.append(config.region)
        return ScriptedTransport(self.answer, config=config)

    def answer(self, request: HttpRequest) -> HttpResponse:
        _, _, host, *path = request.url.partition("?")[0].split("/")
        self.hosts.append(host)
        if host == "sso.example.com":
            return HttpResponse(302, {"Location": self.leads_to}, b"")
        members: dict[str, dict[str, object]] = {
            "client/register": {
                "clientId": "i",
                "clientSecret": "s",
                "clientSecretExpiresAt": 1_900_000_000,
            },
            "device_authorization": {
                "deviceCode": "d",
                "userCode": "ABCD-EFGH",
                "verificationUri": "https://device.sso.eu-west-1.amazonaws.com/",
                "expiresIn": 600,
                "interval": 1,
            },
            "token": {"accessToken": "new", "refreshToken": "r2", "expiresIn": 3600},
            "assignment/accounts": {"accountList": []},
            "assignment/roles": {"roleList": []},
            "federation/credentials": {
                "roleCredentials": {
                    "accessKeyId": "A",
                    "secretAccessKey": "s",
                    "sessionToken": "t",
                    "expiration": 1_767_270_000_000,
                }
            },
            "logout": {},
        }
        return reply(200, members["/".join(path)])


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(session, "make_transport", world.make)
    monkeypatch.setattr(async_session, "make_async_transport", world.make)
    return world


def blocking(world: World, do: str, *arguments: object, **options: object) -> tuple[object, str]:
    with SsoSession(SETTINGS, store=world.store) as each:
        return getattr(each, do)(*arguments, **options), each.settings.region


def asynchronous(
    world: World, do: str, *arguments: object, **options: object
) -> tuple[object, str]:
    async def main() -> tuple[object, str]:
        async with AsyncSsoSession(SETTINGS, store=world.store) as each:
            return await getattr(each, do)(*arguments, **options), each.settings.region

    return asyncio.run(main())


PROCESSES: Final = pytest.mark.parametrize("process", [blocking, asynchronous])
USES: Final = pytest.mark.parametrize(
    ("do", "arguments"),
    [
        ("token", ()),
        ("accounts", ()),
        ("roles", ("123456789012",)),
        ("credentials", ("123456789012", "ReadOnly")),
        ("logout", ()),
    ],
)


@PROCESSES
@USES
def test_every_use_asks_the_region_of_the_login(
    world: World,
    process: Callable[..., tuple[object, str]],
    new_person: Callable[[], Person],
    do: str,
    arguments: tuple[object, ...],
) -> None:
    _ = process(world, "login", way=WayIn.DEVICE_CODE, interaction=new_person())
    token = world.stored()
    assert token.region == THERE
    # So that the next process refreshes it; it has another clock, which begins at this time.
    world.put(dataclasses.replace(token, expires_at=NOW - timedelta(days=3650)))
    world.hosts.clear()
    world.made.clear()
    _, region = process(world, do, *arguments)
    assert region == THERE
    assert world.made == [THERE]
    assert {host for host in world.hosts if THERE not in host} == set()
    assert world.hosts


@PROCESSES
def test_a_login_where_needed_asks_that_region_too(
    world: World, process: Callable[..., tuple[object, str]], new_person: Callable[[], Person]
) -> None:
    world.put(dataclasses.replace(TOKEN, expires_at=NOW - timedelta(days=3650)))
    person = new_person()
    _, region = process(world, "login", only_if_needed=True, interaction=person)
    assert (region, person.shown) == (THERE, [])
    assert world.hosts == [f"oidc.{THERE}.amazonaws.com"]


@PROCESSES
def test_a_login_goes_where_the_start_url_leads_now(
    world: World, process: Callable[..., tuple[object, str]], new_person: Callable[[], Person]
) -> None:
    """The host of its target names no region: the configured one counts, not that of the old token."""
    world.put(TOKEN)
    world.leads_to = "https://d-1.awsapps.com/start"
    person = new_person()
    _, region = process(world, "login", way=WayIn.DEVICE_CODE, interaction=person)
    assert region == HERE
    assert world.stored().region == HERE
    assert [text for text in person.shown if "region" in text] == []


@PROCESSES
@pytest.mark.parametrize(
    "changes",
    [
        {"region": None},
        {"region": "s3"},
        {"region": "eu-west-1.evil.example"},
        {"start_url": "https://other.example.com"},
        {"start_url": None},
    ],
)
def test_a_region_that_the_start_url_cannot_have_led_to_is_not_asked(
    world: World, process: Callable[..., tuple[object, str]], changes: dict[str, object]
) -> None:
    """A region is a part of the host that gets the client secret: oidc.s3.amazonaws.com could be anyone's bucket."""
    stale = dataclasses.replace(TOKEN, expires_at=NOW - timedelta(days=3650))
    world.put(dataclasses.replace(stale, **changes))  # type: ignore[arg-type]
    _, region = process(world, "token")
    assert region == HERE
    assert world.hosts == [f"oidc.{HERE}.amazonaws.com"]


@PROCESSES
def test_a_broken_token_leads_nowhere(
    world: World, process: Callable[..., tuple[object, str]]
) -> None:
    world.store.save(token_key(SETTINGS), SecretStr("{"))
    assert process(world, "logout") == (True, HERE)


def test_a_given_transport_has_to_ask_that_region(world: World) -> None:
    world.put(TOKEN)
    transport = ScriptedTransport([], config=ClientConfig(region=HERE))
    with (
        SsoSession(SETTINGS, store=world.store, transport=transport) as each,
        pytest.raises(ConfigurationError) as caught,
    ):
        _ = each.token()
    assert str(caught.value) == (
        "The transport sends to region us-east-1, but this session is in eu-west-1: "
        "make the transport with that region"
    )


@pytest.mark.parametrize(
    ("names", "where"),
    [
        ({"profile": "dev"}, " in [profile dev]"),
        ({"profile": "default"}, " in [default]"),
        ({"profile": "dev", "session_name": "my-sso"}, " in [sso-session my-sso]"),
        ({}, ""),
    ],
)
def test_the_notice_says_what_cures_it(
    world: World, new_person: Callable[[], Person], names: dict[str, str], where: str
) -> None:
    settings = SsoSettings(
        start_url=SETTINGS.start_url,
        region=HERE,
        session_name=names.get("session_name"),
        profile=names.get("profile"),
    )
    person = new_person()
    with SsoSession(settings, store=world.store) as each:
        _ = each.login(way=WayIn.DEVICE_CODE, interaction=person)
    assert [text for text in person.shown if "region" in text] == [
        (
            f"The start URL leads to region eu-west-1: set sso_region = eu-west-1{where}. "
            "Until then, the AWS CLI and the AWS SDKs ask us-east-1."
        )
    ]
