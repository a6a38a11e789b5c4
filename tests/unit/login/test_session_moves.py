"""`SsoSession` and `AsyncSsoSession` if the start URL redirects, and their settings from the AWS configuration."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import pytest

from ssooidc_core import ClientConfig, ConfigurationError, HttpRequest, HttpResponse
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_login import AccessToken, AsyncSsoSession, SsoSession, WayIn
from ssooidc_login._flows.documents import registration_key, role_credentials_key
from ssooidc_login.stores.memory import MemoryStore
from ssooidc_transports.testing import ScriptedTransport, reply

if TYPE_CHECKING:
    from tests.unit.login.conftest import Person

SETTINGS: Final = SsoSettings(
    start_url="https://sso.example.com", region="us-east-1", session_name="my-sso"
)
LOCAL: Final = "http://127.0.0.1:9"
ACCOUNT: Final = "123456789012"
CREDENTIALS: Final = {
    "accessKeyId": "A",
    "secretAccessKey": "s",
    "sessionToken": "t",
    "expiration": 1_900_000_000_000,
}


class Life(Protocol):
    """Gets a role's credentials, signs in, signs out."""

    def __call__(
        self, transport: ScriptedTransport, store: MemoryStore, person: Person, /
    ) -> tuple[AccessToken, str]:
        """Return the token, and the final region of the session."""
        ...


def blocking(
    transport: ScriptedTransport, store: MemoryStore, person: Person, /
) -> tuple[AccessToken, str]:
    with SsoSession(SETTINGS, store=store, transport=transport) as session:
        _ = session.login(way=WayIn.DEVICE_CODE, interaction=person)
        _ = session.credentials(ACCOUNT, "ReadOnly")
        token = session.login(way=WayIn.DEVICE_CODE, interaction=person)
        _ = session.logout()
        return token, session.settings.region


def asynchronous(
    transport: ScriptedTransport, store: MemoryStore, person: Person, /
) -> tuple[AccessToken, str]:
    async def life() -> tuple[AccessToken, str]:
        async with AsyncSsoSession(SETTINGS, store=store, transport=transport) as session:
            _ = await session.login(way=WayIn.DEVICE_CODE, interaction=person)
            _ = await session.credentials(ACCOUNT, "ReadOnly")
            token = await session.login(way=WayIn.DEVICE_CODE, interaction=person)
            _ = await session.logout()
            return token, session.settings.region

    return asyncio.run(life())


def answers(leads_to: list[str]) -> Callable[[HttpRequest], HttpResponse]:
    """A vanity host that redirects to these URLs in order, and the service."""
    targets = iter(leads_to)

    def answer(request: HttpRequest) -> HttpResponse:
        url = request.url
        if url == SETTINGS.start_url:
            return HttpResponse(302, {"Location": next(targets)}, b"")
        path = url.removeprefix(LOCAL).partition("?")[0]
        members: dict[str, dict[str, object]] = {
            "/client/register": {
                "clientId": "i",
                "clientSecret": "s",
                "clientSecretExpiresAt": 1_900_000_000,
            },
            "/device_authorization": {
                "deviceCode": "d",
                "userCode": "ABCD-EFGH",
                "verificationUri": f"{LOCAL}/device",
                "expiresIn": 600,
                "interval": 1,
            },
            "/token": {"accessToken": "a", "refreshToken": "r", "expiresIn": 3600},
            "/federation/credentials": {"roleCredentials": CREDENTIALS},
            "/logout": {},
        }
        return reply(200, members[path])

    return answer


HERE, THERE = "https://x.portal.us-east-1.app.aws/", "https://x.portal.eu-west-1.app.aws/"


@pytest.mark.parametrize("life", [blocking, asynchronous])
def test_a_start_url_that_leads_to_another_region_is_followed_with_a_word(
    life: Life, new_person: Callable[[], Person]
) -> None:
    config = ClientConfig(
        region="us-east-1", endpoint_url=LOCAL, portal_endpoint_url=LOCAL, allow_insecure_http=True
    )
    store, person = MemoryStore(), new_person()
    transport = ScriptedTransport(answers([HERE, THERE]), config=config)
    token, region = life(transport, store, person)
    assert token.access_token.get_secret_value() == "a"
    assert region == "eu-west-1"
    assert [text for text in person.shown if "region" in text] == [
        (
            "The start URL leads to region eu-west-1: set sso_region = eu-west-1 in [sso-session my-sso]. "
            "Until then, the AWS CLI and the AWS SDKs ask us-east-1."
        )
    ]
    # Credentials from before the move are discarded too.
    key = role_credentials_key(SETTINGS, account_id=ACCOUNT, role_name="ReadOnly")
    assert store.load(key) is None


@pytest.mark.parametrize("life", [blocking, asynchronous])
def test_a_transport_that_was_given_is_not_led_elsewhere(
    life: Life, new_person: Callable[[], Person]
) -> None:
    store = MemoryStore()
    transport = ScriptedTransport(answers([THERE]), config=ClientConfig(region="us-east-1"))
    with pytest.raises(ConfigurationError) as caught:
        _ = life(transport, store, new_person())
    assert str(caught.value) == (
        "The transport sends to region us-east-1, but this session is in eu-west-1: "
        "make the transport with that region"
    )
    assert store.load(registration_key(SETTINGS)) is None


def test_a_transport_of_another_region_is_refused_at_once() -> None:
    transport = ScriptedTransport([], config=ClientConfig(region="eu-west-1"))
    with pytest.raises(ConfigurationError) as caught:
        _ = SsoSession(SETTINGS, store=MemoryStore(), transport=transport)
    assert str(caught.value).startswith("The transport sends to region eu-west-1")


def test_signing_out_forgets_the_roles_of_all_profiles_of_the_session(tmp_path: Path) -> None:
    config = tmp_path / "config"
    _ = config.write_text(
        "[profile one]\nsso_session = my-sso\nsso_account_id = 111111111111\nsso_role_name = A\n"
        "[profile two]\nsso_session = my-sso\nsso_account_id = 222222222222\nsso_role_name = B\n"
        "[profile broken]\nsso_session = missing\n"
        "[profile other]\nsso_session = other\nsso_account_id = 333333333333\nsso_role_name = C\n"
        "[sso-session my-sso]\nsso_start_url = https://d-1.awsapps.com/start\nsso_region = us-east-1\n"
        "[sso-session other]\nsso_start_url = https://d-1.awsapps.com/start\nsso_region = us-east-1\n",
        encoding="utf-8",
    )
    deleted: list[object] = []

    class Store(MemoryStore):
        def delete(self, key: object, /) -> None:
            deleted.append(key)

    transport = ScriptedTransport([], config=ClientConfig(region="us-east-1"))
    with SsoSession.from_profile(
        "one",
        store=Store(),
        transport=transport,
        environ={"AWS_CONFIG_FILE": str(config), "HOME": str(tmp_path)},
    ) as session:
        assert session.logout() is False
        settings = session.settings
    wanted = [
        role_credentials_key(settings, account_id=account, role_name=role)
        for account, role in (("111111111111", "A"), ("222222222222", "B"))
    ]
    assert [key for key in deleted if getattr(key, "kind", "") == "role-credentials"] == wanted
