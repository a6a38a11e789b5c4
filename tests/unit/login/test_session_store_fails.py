"""A store that is read-only, or that fails for one document: the program continues, and the failure is reported."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Final

import pytest

from ssooidc_core import ClientConfig
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_login import StoreError, WayIn
from ssooidc_login._flows.documents import registration_key, role_credentials_key, token_key
from ssooidc_login._login_plan import LoginPlan
from ssooidc_login._session.facts import SessionFacts
from ssooidc_login._session.programs import SessionPrograms
from ssooidc_login.stores.store import StoreKey

if TYPE_CHECKING:
    from tests.unit.login.conftest import Carry, Stage

PLAN: Final = LoginPlan(
    way=WayIn.BROWSER, start_url="https://d-1234567890.awsapps.com/start", client_name="tool"
)
ACCOUNT: Final = "123456789012"


@pytest.fixture
def programs(settings: SsoSettings) -> SessionPrograms:
    return SessionPrograms(SessionFacts(settings=settings, config=ClientConfig(region="us-east-1")))


def role_key(settings: SsoSettings, role: str) -> StoreKey:
    return role_credentials_key(settings, account_id=ACCOUNT, role_name=role)


def fail(stage: Stage, name: str, keys: frozenset[StoreKey]) -> None:
    """Make a method of the store fail for these keys."""
    real, areal = getattr(stage.store, name), getattr(stage.store, f"a{name}")

    def checked(key: StoreKey, /, *rest: object) -> object:
        if key in keys:
            message = f"Cannot {name} {key.kind}"
            raise StoreError(message)
        return real(key, *rest)

    async def achecked(key: StoreKey, /, *rest: object) -> object:
        if key in keys:
            message = f"Cannot {name} {key.kind}"
            raise StoreError(message)
        return await areal(key, *rest)

    assert inspect.iscoroutinefunction(areal)
    setattr(stage.store, name, checked)
    setattr(stage.store, f"a{name}", achecked)


def test_credentials_that_cannot_be_kept_are_given_all_the_same(
    carry: Carry,
    stage: Stage,
    programs: SessionPrograms,
    *,
    settings: SsoSettings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """For example in a container whose home is mounted read-only."""
    _ = carry(programs.login(PLAN, new_portal_session=False), stage)
    fail(stage, "save", frozenset({role_key(settings, "ReadOnly")}))
    role = carry(programs.credentials(ACCOUNT, "ReadOnly"), stage)
    assert role.role_name == "ReadOnly"
    assert caplog.messages == [
        "The role's credentials cannot be saved: Cannot save role-credentials"
    ]


@pytest.mark.parametrize("kind", ["token", "registration", "role-credentials"])
def test_what_cannot_be_deleted_keeps_nothing_else(
    carry: Carry, stage: Stage, programs: SessionPrograms, settings: SsoSettings, kind: str
) -> None:
    _ = carry(programs.login(PLAN, new_portal_session=False), stage)
    roles = ["AdministratorAccess", "ReadOnly"]
    for role in roles:
        _ = carry(programs.credentials(ACCOUNT, role), stage)
    keys = {
        "token": token_key(settings),
        "registration": registration_key(settings),
        "role-credentials": role_key(settings, roles[0]),
    }
    fail(stage, "delete", frozenset({keys[kind]}))
    with pytest.raises(StoreError) as caught:
        _ = carry(programs.logout(), stage)
    assert str(caught.value) == f"Cannot delete {kind}"
    everything = [*keys.values(), role_key(settings, roles[1])]
    assert [key for key in everything if stage.store.load(key) is not None] == [keys[kind]]
    # The portal is called once.
    assert stage.asked().count("Logout") == 1


def test_where_nothing_can_be_locked_the_rest_is_forgotten(
    carry: Carry, stage: Stage, programs: SessionPrograms, settings: SsoSettings
) -> None:
    _ = carry(programs.login(PLAN, new_portal_session=False), stage)
    fail(stage, "try_lock", frozenset({token_key(settings)}))
    with pytest.raises(StoreError) as caught:
        _ = carry(programs.logout(), stage)
    assert str(caught.value) == "Cannot try_lock token"
    assert stage.store.load(registration_key(settings)) is None
