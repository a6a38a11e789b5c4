"""A token that the portal refuses: one refresh tells whether its session has ended or its document is wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pytest

from ssooidc_core import (
    ClientConfig,
    InvalidGrantException,
    RegistrationGone,
    SecretStr,
    SessionExpired,
)
from ssooidc_core._cache_files import TokenFile
from ssooidc_core._start_urls import ResolvedStartUrl
from ssooidc_core.portal import UnauthorizedException
from ssooidc_emulator.faults import error
from ssooidc_login import StoreError, WayIn
from ssooidc_login._flows.documents import role_credentials_key, token_key
from ssooidc_login._flows.token import RefreshMemory, current_token
from ssooidc_login._login_plan import LoginPlan
from ssooidc_login._session.facts import SessionFacts
from ssooidc_login._session.programs import SessionPrograms

if TYPE_CHECKING:
    from ssooidc_core.sso_settings import SsoSettings
    from ssooidc_login._events import LoginSteps
    from tests.unit.login.conftest import Carry, Stage

PLAN: Final = LoginPlan(
    way=WayIn.BROWSER, start_url="https://d-1234567890.awsapps.com/start", client_name="tool"
)
ACCOUNT, ROLE = "123456789012", "ReadOnly"
HOUR: Final = 3600
FAR: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)

ASKS: Final[dict[str, Callable[[SessionPrograms], LoginSteps[object]]]] = {
    "ListAccounts": lambda programs: programs.accounts(),
    "ListAccountRoles": lambda programs: programs.roles(ACCOUNT),
    "GetRoleCredentials": lambda programs: programs.credentials(ACCOUNT, ROLE),
}


def programs_of(settings: SsoSettings) -> SessionPrograms:
    """Return the programs of a process that remembers nothing."""
    return SessionPrograms(SessionFacts(settings=settings, config=ClientConfig(region="us-east-1")))


@pytest.fixture
def programs(carry: Carry, stage: Stage, settings: SsoSettings) -> SessionPrograms:
    """A session that is signed in."""
    made = programs_of(settings)
    _ = carry(made.login(PLAN, new_portal_session=False), stage)
    return made


def stored(stage: Stage, settings: SsoSettings) -> TokenFile:
    found = stage.store.load(token_key(settings))
    assert found is not None
    return TokenFile.from_text(found.get_secret_value())


def asked(stage: Stage) -> list[str | None]:
    """Name the operations that the center was asked for after the login."""
    operations = stage.asked()
    return operations[operations.index("CreateToken") + 1 :]


def put(stage: Stage, settings: SsoSettings, **changes: object) -> TokenFile:
    token = dataclasses.replace(stored(stage, settings), **changes)  # type: ignore[arg-type]
    stage.store.save(token_key(settings), SecretStr(token.to_text_with_secrets()))
    return token


@pytest.mark.usefixtures("programs")
def test_an_end_beyond_any_session_is_not_believed(
    carry: Carry, stage: Stage, settings: SsoSettings
) -> None:
    put(stage, settings, expires_at=FAR)
    memory = RefreshMemory()
    token = carry(current_token(settings, memory), stage)
    assert token.expires_at <= stage.clock.now().wall + timedelta(hours=1)
    assert carry(current_token(settings, memory), stage) == token
    assert asked(stage) == ["CreateToken"]


@pytest.mark.usefixtures("programs")
def test_an_end_beyond_any_session_is_used_where_a_refresh_fails(
    carry: Carry, stage: Stage, settings: SsoSettings
) -> None:
    old = put(stage, settings, expires_at=FAR)
    stage.center.script("CreateToken", error("InternalServerException"), times=None)
    memory = RefreshMemory()
    for _ in range(3):
        assert carry(current_token(settings, memory), stage) == old
    assert asked(stage) == ["CreateToken"]


@pytest.mark.parametrize("operation", ASKS)
def test_a_token_of_a_clock_that_was_ahead_is_refreshed(
    carry: Carry, stage: Stage, settings: SsoSettings, programs: SessionPrograms, operation: str
) -> None:
    """A day ahead: the document says that the token is good for a day and an hour."""
    put(stage, settings, expires_at=stage.clock.now().wall + timedelta(days=1, hours=1))
    stage.clock.advance(HOUR)
    assert carry(ASKS[operation](programs), stage)
    assert asked(stage) == [operation, "CreateToken", operation]
    assert stored(stage, settings).expires_at <= stage.clock.now().wall + timedelta(hours=1)


@pytest.mark.parametrize("operation", ASKS)
def test_a_session_that_was_ended_asks_the_person_in_every_process(
    carry: Carry, stage: Stage, settings: SsoSettings, programs: SessionPrograms, operation: str
) -> None:
    (session,) = stage.center.sessions(stage.clock.now())
    stage.center.end_session(session.session_id)
    with pytest.raises(SessionExpired) as caught:
        _ = carry(ASKS[operation](programs), stage)
    assert str(caught.value) == (
        "The access portal refuses the token. The session has ended: its refresh token is refused"
    )
    assert isinstance(caught.value.__cause__, InvalidGrantException)
    assert asked(stage) == [operation, "CreateToken"]
    for each in (programs, programs_of(settings)):
        found = carry(each.before_login(only_if_needed=True), stage)
        assert isinstance(found, ResolvedStartUrl)


def test_a_refreshed_token_that_is_refused_too_is_not_refreshed_again(
    carry: Carry, stage: Stage, programs: SessionPrograms
) -> None:
    stage.center.script("ListAccounts", error("UnauthorizedException"), times=None)
    for _ in range(3):
        with pytest.raises(SessionExpired) as caught:
            _ = carry(programs.accounts(), stage)
        assert str(caught.value) == (
            "The access portal refuses the session's token, which was just refreshed"
        )
        assert isinstance(caught.value.__cause__, UnauthorizedException)
    assert asked(stage).count("CreateToken") == 1
    assert isinstance(carry(programs.before_login(only_if_needed=True), stage), ResolvedStartUrl)
    _ = carry(programs.login(PLAN, new_portal_session=False), stage)
    stage.center.clear_script()
    assert carry(programs.accounts(), stage)


def test_a_token_that_another_caller_has_refreshed_is_taken(
    carry: Carry, stage: Stage, settings: SsoSettings, programs: SessionPrograms
) -> None:
    old = stored(stage, settings)
    _ = carry(programs_of(settings).token(force_refresh=True), stage)
    theirs = stored(stage, settings)
    put(stage, settings, access_token=old.access_token)
    stage.center.script("ListAccounts", error("UnauthorizedException"))
    loads, load = iter(range(100)), stage.store.load

    def theirs_next(key: object) -> SecretStr | None:
        if next(loads) == 1:
            put_back = SecretStr(theirs.to_text_with_secrets())
            stage.store.save(token_key(settings), put_back)
        return load(token_key(settings))

    async def atheirs_next(key: object) -> SecretStr | None:
        return theirs_next(key)

    stage.store.load = theirs_next  # type: ignore[method-assign]
    stage.store.aload = atheirs_next  # type: ignore[method-assign]
    assert carry(programs.accounts(), stage)
    assert asked(stage) == ["CreateToken", "ListAccounts", "ListAccounts"]


@pytest.mark.parametrize(
    ("missing", "meaning", "said"),
    [
        (
            {"refresh_token": None},
            SessionExpired,
            "The token of my-sso expires at 2026-01-01T13:00:00Z, and it cannot be refreshed",
        ),
        (
            {"registration_expires_at": datetime(2026, 1, 1, tzinfo=UTC)},
            RegistrationGone,
            (
                "The token of my-sso expires at 2026-01-01T13:00:00Z, "
                "and its registration expired at 2026-01-01T00:00:00Z"
            ),
        ),
    ],
)
@pytest.mark.parametrize("store", ["good", "read-only"])
def test_a_refused_token_that_cannot_be_refreshed(
    carry: Carry,
    stage: Stage,
    settings: SsoSettings,
    programs: SessionPrograms,
    *,
    missing: dict[str, object],
    meaning: type[Exception],
    said: str,
    store: str,
) -> None:
    put(stage, settings, **missing)
    stage.center.script("ListAccounts", error("UnauthorizedException"), times=None)
    if store == "read-only":
        stage.store.try_lock = cannot  # type: ignore[method-assign]
        stage.store.atry_lock = acannot  # type: ignore[method-assign]
    with pytest.raises(meaning) as caught:
        _ = carry(programs.accounts(), stage)
    assert str(caught.value) == f"The access portal refuses the token. {said}"
    assert isinstance(carry(programs.before_login(only_if_needed=True), stage), ResolvedStartUrl)
    ended = stored(stage, settings).expires_at <= stage.clock.now().wall
    assert ended is (store == "good")


def cannot(*_: object) -> None:
    message = "read-only"
    raise StoreError(message)


async def acannot(*_: object) -> None:
    cannot()


def test_credentials_that_no_portal_wrote_are_got_anew(
    carry: Carry, stage: Stage, settings: SsoSettings, programs: SessionPrograms
) -> None:
    key = role_credentials_key(settings, account_id=ACCOUNT, role_name=ROLE)
    _ = carry(programs.credentials(ACCOUNT, ROLE), stage)
    found = stage.store.load(key)
    assert found is not None
    text = found.get_secret_value().replace('"Expiration": "2026', '"Expiration": "9026')
    stage.store.save(key, SecretStr(text))
    role = carry(programs.credentials(ACCOUNT, ROLE), stage)
    assert role.expires_at.year == 2026
    assert stage.asked().count("GetRoleCredentials") == 2
