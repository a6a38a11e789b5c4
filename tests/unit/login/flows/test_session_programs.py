"""The programs of a session besides signing in: status, lists, credentials, signing out. With every driver."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from ssooidc_core import ClientConfig, ConfigurationError, SecretStr, UnknownServiceError
from ssooidc_core._cache_files import TokenFile
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_emulator.faults import error, html_page
from ssooidc_login import NotLoggedIn, RoleNotAssigned, SessionState, WayIn
from ssooidc_login._flows.documents import registration_key, role_credentials_key, token_key
from ssooidc_login._flows.status import SessionStatus, session_status
from ssooidc_login._login_plan import LoginPlan
from ssooidc_login._session.facts import SessionFacts
from ssooidc_login._session.programs import AccessToken, SessionPrograms

if TYPE_CHECKING:
    from tests.unit.login.conftest import Carry, Stage

PLAN: Final = LoginPlan(
    way=WayIn.BROWSER, start_url="https://d-1234567890.awsapps.com/start", client_name="tool"
)
ACCOUNT: Final = "123456789012"
ROLE: Final = "ReadOnly"


@pytest.fixture
def programs(settings: SsoSettings) -> SessionPrograms:
    return SessionPrograms(SessionFacts(settings=settings, config=ClientConfig(region="us-east-1")))


def login(carry: Carry, stage: Stage, programs: SessionPrograms) -> AccessToken:
    return carry(programs.login(PLAN, new_portal_session=False), stage)


def test_accounts_and_roles_are_listed(
    carry: Carry, stage: Stage, programs: SessionPrograms
) -> None:
    _ = login(carry, stage, programs)
    accounts = carry(programs.accounts(), stage)
    assert [account.account_id for account in accounts] == [ACCOUNT]
    roles = carry(programs.roles(ACCOUNT), stage)
    assert [role.role_name for role in roles] == ["AdministratorAccess", "ReadOnly"]


def test_credentials_are_kept_in_the_form_of_the_aws_cli(
    carry: Carry, stage: Stage, programs: SessionPrograms, settings: SsoSettings
) -> None:
    _ = login(carry, stage, programs)
    role = carry(programs.credentials(ACCOUNT, ROLE), stage)
    key = role_credentials_key(settings, account_id=ACCOUNT, role_name=ROLE)
    found = stage.store.load(key)
    assert found is not None
    document = json.loads(found.get_secret_value())
    assert document == {
        "ProviderType": "sso",
        "Credentials": {
            "AccessKeyId": role.credentials.access_key_id,
            "SecretAccessKey": role.credentials.secret_access_key.get_secret_value(),
            "SessionToken": role.credentials.session_token.get_secret_value(),
            "Expiration": f"{role.expires_at:%Y-%m-%dT%H:%M:%SZ}",
            "AccountId": ACCOUNT,
        },
    }
    again = carry(programs.credentials(ACCOUNT, ROLE), stage)
    assert again.credentials == role.credentials
    assert stage.asked().count("GetRoleCredentials") == 1
    # New credentials are fetched when the old ones have a quarter of an hour left.
    left = (role.expires_at - stage.clock.now().wall).total_seconds()
    stage.clock.advance(left - 899)
    newer = carry(programs.credentials(ACCOUNT, ROLE), stage)
    assert newer.expires_at > role.expires_at
    assert stage.asked().count("GetRoleCredentials") == 2


def test_broken_credentials_are_got_anew(
    carry: Carry, stage: Stage, programs: SessionPrograms, settings: SsoSettings
) -> None:
    _ = login(carry, stage, programs)
    key = role_credentials_key(settings, account_id=ACCOUNT, role_name=ROLE)
    stage.store.save(key, SecretStr("{"))
    assert carry(programs.credentials(ACCOUNT, ROLE), stage).role_name == ROLE


def test_a_role_that_was_taken_away(carry: Carry, stage: Stage, programs: SessionPrograms) -> None:
    _ = login(carry, stage, programs)
    stage.center.directory.unassign("user", account_id=ACCOUNT, role_name=ROLE)
    with pytest.raises(RoleNotAssigned) as caught:
        _ = carry(programs.credentials(ACCOUNT, ROLE), stage)
    assert str(caught.value) == (
        "The role 'ReadOnly' in account '123456789012' is not assigned to the person who is signed in"
    )
    cause = caught.value.__cause__
    assert isinstance(cause, UnknownServiceError)
    assert (cause.code, cause.status) == ("ForbiddenException", 403)


def test_another_refusal_of_the_portal_stays_what_it_is(
    carry: Carry, stage: Stage, programs: SessionPrograms
) -> None:
    _ = login(carry, stage, programs)
    stage.center.script("GetRoleCredentials", html_page(503), times=None)
    with pytest.raises(UnknownServiceError) as caught:
        _ = carry(programs.credentials(ACCOUNT, ROLE), stage)
    assert caught.value.code == "503"


def test_the_profile_names_account_and_role(
    carry: Carry, stage: Stage, settings: SsoSettings
) -> None:
    full = dataclasses.replace(settings, profile="dev", account_id=ACCOUNT, role_name=ROLE)
    programs = SessionPrograms(SessionFacts(settings=full, config=ClientConfig()))
    config = ClientConfig(region="us-east-1")
    programs = SessionPrograms(SessionFacts(settings=full, config=config))
    _ = login(carry, stage, programs)
    assert carry(programs.credentials(None, None), stage).role_name == ROLE
    with pytest.raises(ConfigurationError) as caught:
        _ = carry(programs.credentials(ACCOUNT, None), stage)
    assert str(caught.value) == (
        "Give both an account_id and a role_name, or neither to use the profile's"
    )


def test_signing_out_forgets_this_session_only(
    carry: Carry, stage: Stage, programs: SessionPrograms, settings: SsoSettings
) -> None:
    _ = login(carry, stage, programs)
    _ = carry(programs.credentials(ACCOUNT, ROLE), stage)
    other = dataclasses.replace(settings, session_name="other")
    others = SessionPrograms(SessionFacts(settings=other, config=ClientConfig(region="us-east-1")))
    _ = login(carry, stage, others)
    assert carry(programs.logout(), stage) is True
    for key in (
        token_key(settings),
        registration_key(settings),
        role_credentials_key(settings, account_id=ACCOUNT, role_name=ROLE),
    ):
        assert stage.store.load(key) is None
    assert stage.asked().count("Logout") == 1
    assert len(stage.center.sessions(stage.clock.now())) == 1
    assert carry(others.token(), stage).access_token
    with pytest.raises(NotLoggedIn):
        _ = carry(programs.token(), stage)
    assert carry(programs.logout(), stage) is False


def test_signing_out_goes_on_where_the_portal_fails(
    carry: Carry, stage: Stage, programs: SessionPrograms, settings: SsoSettings
) -> None:
    _ = login(carry, stage, programs)
    stage.person.shown.clear()
    stage.center.script("Logout", error("InternalServerException"), times=None)
    assert carry(programs.logout(), stage) is True
    assert stage.store.load(token_key(settings)) is None
    (said,) = stage.person.shown
    assert said.startswith("The access portal did not end the session (")
    assert said.endswith("); it will expire by itself.")


def test_signing_out_does_not_wait_for_ever_for_who_refreshes(
    carry: Carry, stage: Stage, programs: SessionPrograms, settings: SsoSettings
) -> None:
    _ = login(carry, stage, programs)
    assert stage.store.try_lock(token_key(settings)) is not None
    before = stage.clock.now().monotonic
    assert carry(programs.logout(), stage) is True
    assert stage.clock.now().monotonic - before < 31
    assert stage.store.load(token_key(settings)) is None


def test_a_broken_token_can_be_signed_out_of(
    carry: Carry, stage: Stage, programs: SessionPrograms, settings: SsoSettings
) -> None:
    stage.store.save(token_key(settings), SecretStr("{"))
    assert carry(programs.logout(), stage) is True
    assert stage.store.load(token_key(settings)) is None


def test_a_new_portal_session_ends_the_old_one_first(
    carry: Carry, stage: Stage, programs: SessionPrograms
) -> None:
    _ = login(carry, stage, programs)
    (old,) = stage.center.sessions(stage.clock.now())
    stage.clock.advance(600)
    _ = carry(programs.login(PLAN, new_portal_session=True), stage)
    (new,) = stage.center.sessions(stage.clock.now())
    assert new.session_id != old.session_id
    _ = carry(programs.login(PLAN, new_portal_session=False), stage)
    assert len(stage.center.sessions(stage.clock.now())) == 2


def test_a_login_after_a_refresh_in_vain_is_refreshed_in_its_time(
    carry: Carry, stage: Stage, programs: SessionPrograms
) -> None:
    _ = login(carry, stage, programs)
    stage.clock.advance(3000)
    stage.center.script("CreateToken", error("InternalServerException"), times=1)
    old = carry(programs.token(), stage)
    assert carry(programs.token(), stage) == old
    assert carry(programs.token(force_refresh=True), stage) != old


def status(carry: Carry, stage: Stage, settings: SsoSettings) -> SessionStatus:
    asked = len(stage.asked())
    found = carry(session_status(settings), stage)
    assert len(stage.asked()) == asked
    return found


def test_the_status_is_told_offline(
    carry: Carry, stage: Stage, programs: SessionPrograms, settings: SsoSettings
) -> None:
    assert status(carry, stage, settings) == SessionStatus(state=SessionState.SIGNED_OUT)
    _ = login(carry, stage, programs)
    found = status(carry, stage, settings)
    assert found.state is SessionState.VALID
    assert found.token_left is not None
    assert found.registration_left is not None
    assert timedelta(minutes=59) < found.token_left <= timedelta(hours=1)
    assert timedelta(days=89) < found.registration_left <= timedelta(days=90)
    stage.clock.advance(3601)
    assert status(carry, stage, settings).state is SessionState.REFRESHABLE
    stage.clock.advance(91 * 24 * 3600)
    assert status(carry, stage, settings).state is SessionState.EXPIRED
    stage.store.save(token_key(settings), SecretStr("{"))
    assert status(carry, stage, settings) == SessionStatus(state=SessionState.BROKEN)


@pytest.mark.parametrize("told_by", ["token", "registration"])
def test_a_token_of_another_tool_is_known_by_its_scopes(
    carry: Carry, stage: Stage, programs: SessionPrograms, settings: SsoSettings, told_by: str
) -> None:
    _ = login(carry, stage, programs)
    key = token_key(settings) if told_by == "token" else registration_key(settings)
    found = stage.store.load(key)
    assert found is not None
    members = json.loads(found.get_secret_value()) | {"scopes": ["codewhisperer:completions"]}
    stage.store.save(key, SecretStr(json.dumps(members)))
    assert status(carry, stage, settings).state is SessionState.FOREIGN_SCOPES
    wanted = dataclasses.replace(settings, scopes=("codewhisperer:completions",))
    if told_by == "token":
        assert status(carry, stage, wanted).state is SessionState.VALID


def test_a_token_without_refresh_token_is_of_the_older_kind(
    carry: Carry, stage: Stage, programs: SessionPrograms, settings: SsoSettings
) -> None:
    _ = login(carry, stage, programs)
    found = stage.store.load(token_key(settings))
    assert found is not None
    cut = dataclasses.replace(TokenFile.from_text(found.get_secret_value()), refresh_token=None)
    stage.store.save(token_key(settings), SecretStr(cut.to_text_with_secrets()))
    assert status(carry, stage, settings).state is SessionState.LEGACY


def test_nothing_of_it_shows_a_secret(
    carry: Carry, staged: Callable[..., Stage], programs: SessionPrograms, settings: SsoSettings
) -> None:
    stage = staged()
    token = login(carry, stage, programs)
    role = carry(programs.credentials(ACCOUNT, ROLE), stage)
    shown = "".join(
        repr(each) + str(each)
        for each in (token, role, programs, stage.world(), session_status(settings))
    )
    secrets = [token.access_token, role.credentials.secret_access_key]
    assert [each for each in secrets if each.get_secret_value() in shown] == []
