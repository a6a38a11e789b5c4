"""Whatever a stored document holds, a session raises only errors of this library, and a login heals it."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from ssooidc_core import SecretStr, SsoOidcError
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_emulator import EmulatorTransport, IdentityCenter, seeded_entropy
from ssooidc_login import SsoSession, WayIn
from ssooidc_login._flows.documents import registration_key, role_credentials_key, token_key
from ssooidc_login.stores.memory import MemoryStore
from ssooidc_transports.testing import VirtualClock

SETTINGS: Final = SsoSettings(
    start_url="https://d-1234567890.awsapps.com/start",
    region="us-east-1",
    session_name="my-sso",
    scopes=("sso:account:access",),
)
ACCOUNT, ROLE = "123456789012", "ReadOnly"
MASK: Final = "**********"
KEYS: Final = {
    "token": token_key(SETTINGS),
    "registration": registration_key(SETTINGS),
    "role": role_credentials_key(SETTINGS, account_id=ACCOUNT, role_name=ROLE),
}

values: Final[st.SearchStrategy[object]] = st.one_of(
    st.just(MASK),
    st.sampled_from(
        [
            "",
            "a\r\nb: c",
            "\u2028",
            "\udc80",
            "x" * 70_000,
            "0001-01-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "9999-12-31T23:59:59Z",
            "9999-12-31T23:59:59-23:59",
        ]
    ),
    st.none() | st.booleans() | st.integers() | st.floats() | st.just([]) | st.just({}),
    st.text(),
)


class Anybody:
    """Approves in no time, and reads nothing."""

    def __init__(self, center: IdentityCenter) -> None:
        self.center = center

    def show(self, text: str, /) -> None:
        if text.startswith("The page must show this code: "):
            self.center.approve(text.rpartition(" ")[2])

    def open_url(self, url: str, /) -> bool:
        return bool(url)


def changed(document: str, key: str, value: object) -> str:
    members = json.loads(document)
    inside = members.get("Credentials", members)
    inside[key] = value
    return json.dumps(members)


@given(
    kind=st.sampled_from(sorted(KEYS)),
    changes=st.lists(st.tuples(st.integers(0, 9), values), min_size=1, max_size=3),
    seconds=st.sampled_from([0.0, 3000.0, 4000.0, 91 * 86400.0]),
)
def test_only_errors_of_ours_and_a_login_heals(
    kind: str, changes: list[tuple[int, object]], seconds: float
) -> None:
    center = IdentityCenter(entropy=seeded_entropy("documents"))
    clock = VirtualClock(datetime(2026, 1, 1, 12, tzinfo=UTC))
    store, anybody = MemoryStore(), Anybody(center)
    with SsoSession(
        SETTINGS, store=store, transport=EmulatorTransport(center, clock=clock)
    ) as session:
        _ = session.login(way=WayIn.DEVICE_CODE, interaction=anybody)
        _ = session.credentials(ACCOUNT, ROLE)
        found = store.load(KEYS[kind])
        assert found is not None
        document = found.get_secret_value()
        top = json.loads(document)
        members = list(top.get("Credentials", top))
        for number, value in changes:
            document = changed(document, members[number % len(members)], value)
        clock.advance(seconds)
        for use in (
            session.status,
            session.token,
            lambda: session.token(force_refresh=True),
            session.accounts,
            lambda: session.credentials(ACCOUNT, ROLE),
            session.logout,
        ):
            store.save(KEYS[kind], SecretStr(document))
            with suppress(SsoOidcError):
                _ = use()
        store.save(KEYS[kind], SecretStr(document))
        token = session.login(way=WayIn.DEVICE_CODE, interaction=anybody)
        assert session.token() == token
        role = session.credentials(ACCOUNT, ROLE)
        assert role.credentials.secret_access_key.get_secret_value() != MASK
