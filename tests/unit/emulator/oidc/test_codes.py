"""Authorization codes at CreateToken, through the core's operations: valid once, and for their own client only."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from ssooidc_core import (
    CreateTokenResponse,
    HttpResponse,
    InvalidClientException,
    InvalidGrantException,
    RegisterClientResponse,
    UnauthorizedClientException,
    register_client,
    run,
)
from ssooidc_core._operations.create_token import (
    AuthorizationCodeGrant,
    RefreshTokenGrant,
    create_token,
)
from ssooidc_core._pkce import code_challenge
from ssooidc_core.flows.authorization_code import (
    PendingCodeLogin,
    code_registration,
    finish_code_login,
    start_code_login,
)
from ssooidc_emulator import Directory, EmulatorTransport, IdentityCenter, RefreshMode
from ssooidc_transports.testing import VirtualClock

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import Register

CALLBACK: Final = "http://127.0.0.1:8400/oauth/callback"
INVALID_GRANT: Final = b'{"error":"invalid_grant","error_description":"Invalid grant provided"}'


class Login:
    """A browser login up to the code, and the exchange with any member changed."""

    def __init__(
        self, center: IdentityCenter, clock: VirtualClock, *, scopes: tuple[str, ...] = ("s",)
    ) -> None:
        self.center = center
        self.clock = clock
        self.transport = EmulatorTransport(center, clock=clock)
        registration = code_registration("tool", start_url=center.start_url, scopes=scopes)
        self.pending: PendingCodeLogin = run(
            start_code_login(
                registration, redirect_uri=CALLBACK, region="us-east-1", scopes=scopes
            ),
            self.transport,
        )
        self.callback = self.decide()
        self.code = parse_qs(urlsplit(self.callback).query)["code"][0]

    def decide(self, user: str | None = None) -> str:
        url = self.pending.authorize_url(self.transport.config)
        return self.center.authorize(url, self.clock.now(), user=user)

    def exchange(
        self,
        *,
        client: RegisterClientResponse | None = None,
        code: str | None = None,
        redirect_uri: str = CALLBACK,
        verifier: str | None = None,
    ) -> CreateTokenResponse:
        grant = AuthorizationCodeGrant.of(
            client or self.pending.client,
            code=code or self.code,
            redirect_uri=redirect_uri,
            code_verifier=verifier or self.pending.code_verifier,
        )
        return run(create_token(grant), self.transport)

    def refresh(self, token: CreateTokenResponse) -> CreateTokenResponse:
        grant = RefreshTokenGrant.of(self.pending.client, token)
        return run(create_token(grant), self.transport)

    def is_alive(self, token: CreateTokenResponse) -> bool:
        sessions = self.center._operations.sessions
        now = self.clock.now().wall.timestamp()
        return sessions.find(token.access_token.get_secret_value(), now) is not None


@pytest.fixture
def login(center: IdentityCenter, clock: VirtualClock) -> Login:
    return Login(center, clock)


def test_a_whole_login(center: IdentityCenter, clock: VirtualClock) -> None:
    login = Login(center, clock)
    token = run(finish_code_login(login.pending, login.callback), login.transport)
    assert (token.token_type, token.expires_in) == ("Bearer", 3600)
    assert token.access_token.get_secret_value().startswith("aoa")
    assert token.refresh_token is not None
    assert token.refresh_token.get_secret_value().startswith("aor")
    (session,) = center.sessions(clock.now())
    assert (session.user, session.client_name, session.scopes) == ("user", "tool", ("s",))
    assert login.is_alive(token)


def test_the_bytes_of_the_answers(
    login: Login, center: IdentityCenter, ask: Callable[..., HttpResponse]
) -> None:
    client = login.pending.client
    grant = {
        "grantType": "authorization_code",
        "clientId": client.client_id,
        "clientSecret": client.client_secret.get_secret_value(),
        "redirectUri": CALLBACK,
        "codeVerifier": login.pending.code_verifier.get_secret_value(),
        "code": login.code,
    }
    answer = ask(center, "/token", grant)
    token = json.loads(answer.body)
    assert answer.body.decode() == (
        f'{{"accessToken":"{token["accessToken"]}","aws_sso_app_session_id":null,"expiresIn":3600,'
        f'"idToken":null,"issuedTokenType":null,"originSessionId":null,'
        f'"refreshToken":"{token["refreshToken"]}","tokenType":"Bearer"}}'
    )
    names = [name for name, _ in answer.headers.fields]
    assert names == ["Date", "Content-Type", "Content-Length", "Connection", "x-amzn-RequestId"]
    again = ask(center, "/token", grant)
    assert (again.status, again.body) == (400, INVALID_GRANT)
    assert again.headers["x-amzn-errortype"] == (
        "InvalidGrantException:http://internal.amazon.com/coral/com.amazonaws.sso.oidc/"
    )


def test_the_one_who_agreed_signs_in(clock: VirtualClock) -> None:
    directory = Directory.example()
    directory.add_user("jane")
    center = IdentityCenter(directory=directory)
    login = Login(center, clock)
    callback = login.decide("jane")
    run(finish_code_login(login.pending, callback), login.transport)
    assert [session.user for session in center.sessions(clock.now())] == ["jane"]


def test_a_code_is_good_until_its_last_moment(login: Login, clock: VirtualClock) -> None:
    clock.advance(599.5)
    assert login.is_alive(login.exchange())


def test_a_code_expires(login: Login, clock: VirtualClock) -> None:
    clock.advance(600)
    with pytest.raises(InvalidGrantException, match="Invalid grant provided"):
        login.exchange()


def test_how_long_a_code_lives_can_be_set(clock: VirtualClock) -> None:
    login = Login(IdentityCenter(authorization_code_lifetime=5), clock)
    clock.advance(5)
    with pytest.raises(InvalidGrantException):
        login.exchange()
    with pytest.raises(
        ValueError, match="authorization_code_lifetime must be a whole number of seconds from 1"
    ):
        IdentityCenter(authorization_code_lifetime=0)


def test_a_code_of_another_client_looks_like_none(
    login: Login, center: IdentityCenter, clock: VirtualClock
) -> None:
    thief = Login(center, clock)
    with pytest.raises(InvalidGrantException) as stolen:
        login.exchange(client=thief.pending.client)
    with pytest.raises(InvalidGrantException) as unknown:
        login.exchange(code="x" * 43)
    assert stolen.value.error_description == unknown.value.error_description
    token = login.exchange()
    # Nor does showing a spent one do any harm.
    with pytest.raises(InvalidGrantException):
        login.exchange(client=thief.pending.client)
    assert login.is_alive(token)


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "http://127.0.0.1/oauth/callback",
        "http://127.0.0.1:8401/oauth/callback",
        "http://localhost:8400/oauth/callback",
        CALLBACK + "/",
        CALLBACK + "?",
        CALLBACK.upper(),
        "https://evil.com/",
        "\ud800" + CALLBACK,
        "é",
    ],
    ids=ascii,
)
def test_another_redirect_uri(
    redirect_uri: str, login: Login, center: IdentityCenter, ask: Callable[..., HttpResponse]
) -> None:
    answer = ask(center, "/token", members_of(login) | {"redirectUri": redirect_uri})
    assert answer.body in {
        INVALID_GRANT,
        # Half a character is no text in JSON.
        b'{"error":"invalid_request","error_description":"Request body is not a JSON object"}',
    }
    assert login.is_alive(login.exchange())


def members_of(login: Login) -> dict[str, Any]:
    client = login.pending.client
    return {
        "grantType": "authorization_code",
        "clientId": client.client_id,
        "clientSecret": client.client_secret.get_secret_value(),
        "redirectUri": CALLBACK,
        "codeVerifier": login.pending.code_verifier.get_secret_value(),
        "code": login.code,
    }


@pytest.mark.parametrize(
    "verifier",
    [
        "a" * 43,
        "a" * 128,
        "a" * 42,
        "a" * 129,
        "",
        "é" * 43,
        "{challenge}",
        "{verifier}=",
        "{verifier}\n",
        " {verifier}",
        "{verifier:upper}",
    ],
    ids=ascii,
)
def test_another_verifier(
    verifier: str, login: Login, center: IdentityCenter, ask: Callable[..., HttpResponse]
) -> None:
    right = login.pending.code_verifier
    wrong = (
        verifier.replace("{challenge}", code_challenge(right))
        .replace("{verifier:upper}", right.get_secret_value().swapcase())
        .replace("{verifier}", right.get_secret_value())
    )
    answer = ask(center, "/token", members_of(login) | {"codeVerifier": wrong})
    assert (answer.status, answer.body) == (400, INVALID_GRANT)
    # A guess spends nothing.
    assert login.is_alive(login.exchange())


@pytest.mark.parametrize("name", ["codeVerifier", "redirectUri"])
@pytest.mark.parametrize("is_null", [True, False])
def test_without_verifier_or_redirect_uri(
    name: str,
    is_null: bool,  # noqa: FBT001
    login: Login,
    center: IdentityCenter,
    ask: Callable[..., HttpResponse],
) -> None:
    members = members_of(login)
    del members[name]
    answer = ask(center, "/token", members | ({name: None} if is_null else {}))
    assert (answer.status, answer.body) == (400, INVALID_GRANT)


def test_without_a_code(
    login: Login, center: IdentityCenter, ask: Callable[..., HttpResponse]
) -> None:
    answer = ask(center, "/token", members_of(login) | {"code": None})
    assert answer.body == (
        b'{"error":"invalid_request","error_description":"Missing or invalid: code"}'
    )


def test_a_code_of_one_login_with_the_verifier_of_another(
    login: Login, center: IdentityCenter, clock: VirtualClock
) -> None:
    """Code injection: the attacker's code in the victim's login (RFC 9700 section 4.5)."""
    transport = login.transport
    other: PendingCodeLogin = run(
        start_code_login(login.pending.client, redirect_uri=CALLBACK, region="us-east-1"),
        transport,
    )
    with pytest.raises(InvalidGrantException):
        login.exchange(verifier=other.code_verifier.get_secret_value())


@pytest.mark.parametrize("mode", ["stable", "rotating", "rotating-strict"])
@pytest.mark.parametrize("after", [0, 599, 600, 28799])
def test_a_code_that_is_used_twice_ends_its_session(
    mode: RefreshMode, after: float, clock: VirtualClock
) -> None:
    center = IdentityCenter(refresh_mode=mode, access_token_lifetime=28800, session_lifetime=28800)
    login, bystander = Login(center, clock), Login(center, clock)
    first, other = login.exchange(), bystander.exchange()
    second = login.refresh(first)
    assert login.is_alive(first)
    assert login.is_alive(second)
    clock.advance(after)
    # Whatever else the request contains: the sender has a spent code and the client's secret.
    with pytest.raises(InvalidGrantException, match="Invalid grant provided"):
        login.exchange(redirect_uri="http://127.0.0.1:1/oauth/callback", verifier="v" * 43)
    assert not login.is_alive(first)
    assert not login.is_alive(second)
    with pytest.raises(InvalidGrantException, match="Invalid refresh token provided"):
        login.refresh(second)
    assert bystander.is_alive(other)
    assert len(center.sessions(clock.now())) == 1


def test_who_has_no_client_secret_does_no_harm(
    login: Login, center: IdentityCenter, ask: Callable[..., HttpResponse]
) -> None:
    token = login.exchange()
    answer = ask(center, "/token", members_of(login) | {"clientSecret": "guess"})
    assert answer.status == 401
    assert login.is_alive(token)


def test_a_client_that_expired_meanwhile(clock: VirtualClock) -> None:
    login = Login(IdentityCenter(registration_lifetime=60), clock)
    clock.advance(60)
    with pytest.raises(InvalidClientException):
        login.exchange()


def test_a_client_for_devices_cannot_use_codes(
    login: Login, center: IdentityCenter, register: Register
) -> None:
    client = register(center)
    device_client = login.pending.client.model_copy(
        update={
            "client_id": client["clientId"],
            "client_secret": SecretStr(client["clientSecret"]),
        }
    )
    with pytest.raises(UnauthorizedClientException):
        login.exchange(client=device_client)
    registered = run(
        register_client(code_registration("t", start_url=center.start_url)), login.transport
    )
    with pytest.raises(InvalidGrantException):
        login.exchange(client=registered)


def test_nothing_is_kept_for_ever(
    center: IdentityCenter, clock: VirtualClock, ask: Callable[..., HttpResponse]
) -> None:
    login = Login(center, clock)
    codes = center._operations.codes
    for _ in range(149):
        login.decide()
    assert len(codes) == 150
    clock.advance(600 + 28800)
    for _ in range(2):
        ask(center, "/nothing")
    assert len(codes) == 0


def test_no_code_tells(login: Login, center: IdentityCenter) -> None:
    codes = center._operations.codes
    (kept,) = codes._codes.values()
    login.exchange()
    challenge = code_challenge(login.pending.code_verifier)
    for each in (codes, kept, center._authorize, center):
        for secret in (login.code, challenge, "aoa", "aor", login.pending.state.get_secret_value()):
            assert secret not in repr(each)
