"""The AWS CLI and sessions of this library share their files: each signs in, refreshes and signs out for the other."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import httpx
import pytest

from ssooidc_emulator import IdentityCenter
from ssooidc_login import NotLoggedIn, RoleSession, SessionState, SsoSession, WayIn
from ssooidc_login.stores.aws_cache import AwsCacheStore
from ssooidc_login.stores.store import StoreKey

if TYPE_CHECKING:
    from tests.interop.sessions.conftest import AtCreateToken, Child, Person, Start

Aws: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
Asked: TypeAlias = Callable[[], list[str]]
SignIn: TypeAlias = Callable[[], None]

# sha1 of `emulator`, the name of the sso-session
TOKEN_FILE = ".aws/sso/cache/7e09d0bb5f4eb56d9b97c579dd7351780613c45b.json"
PAST = "2020-01-01T00:00:00Z"


@pytest.fixture
def settings() -> dict[str, Any]:
    """Approve logins in the browser automatically, and accept each refresh token once."""
    return {"auto_approve": "user", "refresh_mode": "rotating-strict"}


@pytest.fixture
def token_file(home: Path) -> Path:
    return home / TOKEN_FILE


@pytest.fixture(params=list(WayIn), ids=lambda way: way.value)
def way(request: pytest.FixtureRequest) -> WayIn:
    found: WayIn = request.param
    return found


@pytest.fixture
def cli_signs_in(
    way: WayIn,
    login: Callable[[], None],
    start_aws: Callable[..., subprocess.Popen[str]],
    opened_url: Callable[[], str],
    scripted_browser: httpx.Client,
) -> SignIn:
    def through_the_browser() -> None:
        process = start_aws("sso", "login")
        page = scripted_browser.get(opened_url(), follow_redirects=True)
        assert page.status_code == 200
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")

    return login if way is WayIn.DEVICE_CODE else through_the_browser


@pytest.fixture
def we_sign_in(way: WayIn, session: SsoSession, person: Person) -> SignIn:
    def sign_in() -> None:
        session.login(way=way, interaction=person)

    return sign_in


def read(path: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads(path.read_text())
    return found


def expire(path: Path) -> None:
    path.write_text(json.dumps({**read(path), "expiresAt": PAST}))


def blank(text: str) -> str:
    """Mask the values that a refresh changes."""
    return re.sub('"(accessToken|refreshToken|expiresAt)": "[^"]*"', r'"\1": "…"', text)


def exported(aws: Aws, profile: str = "emulator") -> tuple[str, str, str]:
    done = aws("configure", "export-credentials", "--profile", profile)
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    return answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"]


def keys_of(role: RoleSession) -> tuple[str, str, str]:
    found = role.credentials
    return (
        found.access_key_id,
        found.secret_access_key.get_secret_value(),
        found.session_token.get_secret_value(),
    )


def accounts_of(aws: Aws, token: str) -> list[str]:
    done = aws("sso", "list-accounts", "--access-token", token)
    assert (done.returncode, done.stderr) == (0, "")
    return [account["accountId"] for account in json.loads(done.stdout)["accountList"]]


def test_the_cli_signs_in_and_we_use_and_refresh_it(
    cli_signs_in: SignIn,
    session: SsoSession,
    aws: Aws,
    *,
    asked: Asked,
    token_file: Path,
) -> None:
    assert session.status().state is SessionState.SIGNED_OUT
    cli_signs_in()
    asked()
    written = token_file.read_text()
    assert session.status().state is SessionState.VALID
    token = session.token().access_token.get_secret_value()
    assert token == read(token_file)["accessToken"]
    assert asked() == []
    assert [account.account_id for account in session.accounts()] == ["123456789012"]
    expire(token_file)
    assert session.status().state is SessionState.REFRESHABLE
    refreshed = session.token().access_token.get_secret_value()
    assert refreshed == read(token_file)["accessToken"] != token
    assert asked() == ["ListAccounts 200", "CreateToken 200"]
    # In the format of the CLI, which continues to use the file.
    assert blank(token_file.read_text()) == blank(written)
    assert accounts_of(aws, refreshed) == ["123456789012"]
    assert exported(aws)[0].startswith("ASIA")
    assert asked() == ["ListAccounts 200", "GetRoleCredentials 200"]


def test_we_sign_in_and_the_cli_uses_and_refreshes_it(
    we_sign_in: SignIn,
    session: SsoSession,
    aws: Aws,
    *,
    asked: Asked,
    token_file: Path,
) -> None:
    we_sign_in()
    asked()
    written = token_file.read_text()
    token = read(token_file)["accessToken"]
    assert accounts_of(aws, token) == ["123456789012"]
    expire(token_file)
    assert exported(aws)[0].startswith("ASIA")
    assert asked() == ["ListAccounts 200", "CreateToken 200", "GetRoleCredentials 200"]
    assert blank(token_file.read_text()) == blank(written)
    refreshed = session.token().access_token.get_secret_value()
    assert refreshed == read(token_file)["accessToken"] != token
    assert asked() == []
    # One after the other, each with the refresh token that the other received.
    expire(token_file)
    again = session.token().access_token.get_secret_value()
    expire(token_file)
    # For another role: the credentials of the first one are cached, and need no token.
    exported(aws, "emulator-123456789012-ReadOnly")
    assert asked() == ["CreateToken 200", "CreateToken 200", "GetRoleCredentials 200"]
    assert read(token_file)["accessToken"] not in {token, refreshed, again}
    assert session.accounts()


def test_a_registration_of_the_cli_serves_our_login(
    cli_signs_in: SignIn, we_sign_in: SignIn, asked: Asked, way: WayIn
) -> None:
    cli_signs_in()
    asked()
    we_sign_in()
    # A browser login first checks that the service knows the registration.
    begin = (
        ["StartDeviceAuthorization 200"]
        if way is WayIn.DEVICE_CODE
        else ["CreateToken InvalidGrantException", "AuthorizePage 303"]
    )
    assert asked() == [*begin, "CreateToken 200"]


def test_our_registration_serves_a_login_of_the_cli(
    cli_signs_in: SignIn, we_sign_in: SignIn, asked: Asked, center: IdentityCenter
) -> None:
    we_sign_in()
    asked()
    seen: list[str | None] = []
    unsubscribe = center.subscribe(lambda request: seen.append(request.operation))
    cli_signs_in()
    unsubscribe()
    assert seen[-1] == "CreateToken"
    assert "RegisterClient" not in seen


class TestRoles:
    def test_credentials_that_the_cli_got_are_ours(
        self, login: Callable[[], None], session: SsoSession, aws: Aws, asked: Asked
    ) -> None:
        login()
        theirs = exported(aws)
        assert asked() == ["GetRoleCredentials 200"]
        assert keys_of(session.credentials()) == theirs
        assert asked() == []

    def test_credentials_that_we_got_are_the_clis(
        self, session: SsoSession, person: Person, aws: Aws, asked: Asked
    ) -> None:
        session.login(way=WayIn.BROWSER, interaction=person)
        ours = keys_of(session.credentials())
        asked()
        assert exported(aws) == ours
        assert asked() == []


class TestLogout:
    def test_we_sign_out_and_the_cli_knows(
        self,
        login: Callable[[], None],
        session: SsoSession,
        aws: Aws,
        *,
        asked: Asked,
        token_file: Path,
    ) -> None:
        login()
        exported(aws)
        token = read(token_file)["accessToken"]
        assert session.logout() is True
        assert asked() == ["GetRoleCredentials 200", "Logout 200"]
        done = aws("configure", "export-credentials")
        told = "\naws: [ERROR]: Error loading SSO Token: Token for emulator does not exist\n"
        assert (done.returncode, done.stdout, done.stderr) == (255, "", told)
        over = aws("sso", "list-accounts", "--access-token", token)
        assert over.returncode == 254
        assert asked() == ["ListAccounts UnauthorizedException"]

    def test_the_cli_signs_out_and_we_know(
        self,
        session: SsoSession,
        person: Person,
        store: AwsCacheStore,
        aws: Aws,
        home: Path,
        *,
        asked: Asked,
    ) -> None:
        session.login(way=WayIn.BROWSER, interaction=person)
        session.token(force_refresh=True)
        session.credentials()
        asked()
        locks = {
            path: (path.read_bytes(), path.stat().st_ino) for path in home.rglob("*.json.lock")
        }
        # The files of the token and of the registration are both empty, which is not valid JSON.
        assert [content for content, _ in locks.values()] == [b""] * 2
        done = aws("sso", "logout")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert asked() == ["Logout 200"]
        assert {
            path: (path.read_bytes(), path.stat().st_ino) for path in home.rglob("*.json.lock")
        } == locks
        with pytest.raises(NotLoggedIn) as caught:
            session.token()
        assert str(caught.value) == "Not logged in to emulator"
        with pytest.raises(NotLoggedIn):
            session.credentials()
        assert session.status().state is SessionState.SIGNED_OUT
        assert session.logout() is False
        assert asked() == []

    def test_the_cli_signs_out_while_we_hold_a_lock(
        self, session: SsoSession, person: Person, store: AwsCacheStore, aws: Aws, token_file: Path
    ) -> None:
        session.login(way=WayIn.BROWSER, interaction=person)
        lock = store.try_lock(StoreKey("token", token_file.stem))
        assert lock is not None
        done = aws("sso", "logout")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert lock.is_held()
        lock.release()
        assert not token_file.exists()

    def test_the_cli_leaves_the_registration_and_it_serves_our_next_login(
        self, session: SsoSession, person: Person, aws: Aws, asked: Asked
    ) -> None:
        session.login(way=WayIn.DEVICE_CODE, interaction=person)
        assert aws("sso", "logout").returncode == 0
        asked()
        session.login(way=WayIn.DEVICE_CODE, interaction=person)
        assert asked() == ["StartDeviceAuthorization 200", "CreateToken 200"]


class TestWhileWeRefresh:
    """The AWS CLI ignores this library's lock: it runs between the service's response and the saving of it."""

    @pytest.fixture
    def refreshing(
        self,
        session: SsoSession,
        person: Person,
        children: Start,
        expire: Callable[[float], None],
        at_create_token: AtCreateToken,
    ) -> Child:
        """Return a process that is stopped in the middle of its refresh."""
        session.login(way=WayIn.DEVICE_CODE, interaction=person)
        expire(-1)
        (child,), release = children("ours", 1)
        stopped = at_create_token(child.process.pid, signal.SIGSTOP)
        release()
        assert stopped.wait(60)
        return child

    def test_the_cli_signs_out(
        self, refreshing: Child, session: SsoSession, aws: Aws, token_file: Path
    ) -> None:
        assert aws("sso", "logout").returncode == 0
        refreshing.process.send_signal(signal.SIGCONT)
        assert refreshing.ends() == {
            "error": "NotLoggedIn",
            "text": "The session was signed out while its token was being refreshed",
        }
        assert not token_file.exists()
        assert session.status().state is SessionState.SIGNED_OUT

    def test_the_cli_signs_in_anew(
        self,
        refreshing: Child,
        session: SsoSession,
        login: Callable[[], None],
        token_file: Path,
        is_good: Callable[[str], bool],
    ) -> None:
        login()
        theirs = token_file.read_bytes()
        refreshing.process.send_signal(signal.SIGCONT)
        token = refreshing.ends()["token"]
        assert token == session.token().access_token.get_secret_value()
        assert token_file.read_bytes() == theirs
        assert is_good(token)
