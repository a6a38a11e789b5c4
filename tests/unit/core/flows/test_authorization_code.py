"""`ssooidc_core.flows.authorization_code`: a browser login with every driver, and which callbacks are valid."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

import pytest

from ssooidc_core import (
    CallbackMismatch,
    CallbackRefused,
    ClientConfig,
    CodeLoginExpired,
    ConfigurationError,
    ConnectionLost,
    ExpiredTokenException,
    HttpResponse,
    InvalidGrantException,
    LoginError,
    RegisterClientResponse,
    SecretStr,
    run,
)
from ssooidc_core._pkce import code_challenge
from ssooidc_core.flows.authorization_code import (
    PendingCodeLogin,
    code_registration,
    finish_code_login,
    start_code_login,
)
from ssooidc_transports.testing import ScriptedTransport, Sent, error_reply, reply

if TYPE_CHECKING:
    from tests.unit.core.conftest import Drive

START_URL: Final = "https://d-1.awsapps.com/start"
REDIRECT_URI: Final = "http://127.0.0.1:8400/oauth/callback"
CLIENT: Final = RegisterClientResponse(client_id="id", client_secret=SecretStr("canary"))
NEW_CLIENT: Final = reply(200, {"clientId": "id", "clientSecret": "canary"})
NEW_TOKEN: Final = reply(200, {"accessToken": "canary", "refreshToken": "canary2"})


def counting(count: int) -> bytes:
    return bytes(range(count))


def started(*, issuer: str | None = None) -> PendingCodeLogin:
    program = start_code_login(
        CLIENT, redirect_uri=REDIRECT_URI, region="us-east-1", issuer=issuer, entropy=counting
    )
    return run(program, ScriptedTransport([]))


STATE: Final = started().state.get_secret_value()
GOOD: Final = f"{REDIRECT_URI}?code=canary-code&state={STATE}"


def test_a_whole_login_in_every_driver(any_drive: Drive) -> None:
    transport = ScriptedTransport([NEW_CLIENT, NEW_TOKEN])
    registration = code_registration("my-tool", start_url=START_URL)
    pending = any_drive(
        start_code_login(
            registration, redirect_uri=REDIRECT_URI, region="us-east-1", entropy=counting
        ),
        transport,
    )
    token = any_drive(finish_code_login(pending, GOOD), transport)
    assert token.refresh_token == SecretStr("canary2")
    sent = [event for event in transport.events if isinstance(event, Sent)]
    assert [urlsplit(each.url).path for each in sent] == ["/client/register", "/token"]
    assert json.loads(sent[0].body) == {
        "clientName": "my-tool",
        "clientType": "public",
        "grantTypes": ["authorization_code", "refresh_token"],
        "issuerUrl": START_URL,
        "redirectUris": ["http://127.0.0.1/oauth/callback"],
        "scopes": ["sso:account:access"],
    }
    assert json.loads(sent[1].body) == {
        "clientId": "id",
        "clientSecret": "canary",
        "code": "canary-code",
        "codeVerifier": pending.code_verifier.get_secret_value(),
        "grantType": "authorization_code",
        "redirectUri": REDIRECT_URI,
    }


def test_the_browser_is_sent_to_the_endpoint_of_the_config() -> None:
    pending = started()
    url = pending.authorize_url(ClientConfig(endpoint_url="http://127.0.0.1:1/base/"))
    assert url.startswith("http://127.0.0.1:1/base/authorize?response_type=code&client_id=id&")
    assert dict(parse_qsl(urlsplit(url).query)) == {
        "response_type": "code",
        "client_id": "id",
        "redirect_uri": REDIRECT_URI,
        "state": STATE,
        "code_challenge_method": "S256",
        "scopes": "sso:account:access",
        "code_challenge": code_challenge(pending.code_verifier),
    }


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "http://127.0.0.1.evil.example/oauth/callback",
        "http://localhost:1/oauth/callback",
        "https://127.0.0.1:1/oauth/callback",
        "http://127.0.0.1:1/other",
        "http://127.0.0.1:1/oauth/callback?x=1",
        "http://127.0.0.1:1/oauth/callback\n",
    ],
)
def test_a_redirect_uri_that_the_service_refuses_is_not_registered(redirect_uri: str) -> None:
    transport = ScriptedTransport([])
    program = start_code_login(CLIENT, redirect_uri=redirect_uri, region="us-east-1")
    with pytest.raises(ConfigurationError) as caught:
        _ = run(program, transport)
    assert str(caught.value) == "The redirect URI must be http://127.0.0.1:PORT/oauth/callback"


@pytest.mark.parametrize(
    ("callback", "text", "error"),
    [
        (
            f"http://127.0.0.1/other?code=c&state={STATE}",
            "The callback's path is not /oauth/callback",
            None,
        ),
        (
            "/oauth/callback?code=c&state=x",
            "The callback's state is not this login's",
            None,
        ),
        ("/oauth/callback?code=c&state=%C3%A9", "The callback's state is not this login's", None),
        (
            "/oauth/callback?error=access_denied",
            "The callback's state is not this login's",
            "access_denied",
        ),
        (
            f"/oauth/callback?state={STATE}",
            "The callback has no authorization code",
            None,
        ),
        (
            f"/oauth/callback?state={STATE}&code=c&iss=https://evil.example",
            "The callback is from another issuer than this login's",
            None,
        ),
    ],
)
def test_what_is_not_the_answer_to_this_login_sends_nothing(
    callback: str, text: str, error: str | None
) -> None:
    transport = ScriptedTransport([])
    with pytest.raises(CallbackMismatch) as caught:
        _ = run(finish_code_login(started(issuer="https://issuer"), callback), transport)
    assert str(caught.value) == text
    assert caught.value.error == error
    assert transport.events == []


@pytest.mark.parametrize("issuer", [None, "https://issuer"])
def test_an_issuer_is_looked_at_where_both_sides_name_one(issuer: str | None) -> None:
    """RFC 9207 section 2.4; AWS sends none."""
    pending = started(issuer=issuer)
    assert pending.code_of(GOOD) == SecretStr("canary-code")
    assert pending.code_of(f"{GOOD}&iss=https://issuer") == SecretStr("canary-code")


def test_an_error_with_the_right_state_ends_the_login(drive: Drive) -> None:
    callback = f"{REDIRECT_URI}?error=access_denied&error_description=No%0Away&state={STATE}"
    transport = ScriptedTransport([])
    with pytest.raises(CallbackRefused) as caught:
        _ = drive(finish_code_login(started(), callback), transport)
    assert str(caught.value) == "The sign-in was refused: access_denied: No way"
    assert (caught.value.error, caught.value.error_description) == ("access_denied", "No\nway")
    assert transport.events == []
    bare = CallbackRefused("server_error")
    assert str(bare) == "The sign-in was refused: server_error"


def test_a_pasted_address_may_have_blanks_around_it() -> None:
    token = run(finish_code_login(started(), f"  {GOOD}\n"), ScriptedTransport([NEW_TOKEN]))
    assert token.access_token == SecretStr("canary")


def test_a_login_that_took_too_long_sends_nothing(drive: Drive) -> None:
    pending = started()
    transport = ScriptedTransport([])
    late = pending.model_copy(update={"expires_at": transport.now().wall.timestamp()})
    with pytest.raises(CodeLoginExpired) as caught:
        _ = drive(finish_code_login(late, GOOD), transport)
    assert str(caught.value) == "The browser login took too long"
    assert transport.events == []


def test_a_code_that_has_expired_ends_it_the_same_way(drive: Drive) -> None:
    transport = ScriptedTransport([error_reply(ExpiredTokenException)])
    with pytest.raises(LoginError) as caught:
        _ = drive(finish_code_login(started(), GOOD), transport)
    assert type(caught.value) is CodeLoginExpired
    assert isinstance(caught.value.__cause__, ExpiredTokenException)


@pytest.mark.parametrize("failure", [error_reply(InvalidGrantException), ConnectionLost("gone")])
def test_a_code_that_may_be_spent_is_not_sent_again(
    drive: Drive, failure: HttpResponse | BaseException
) -> None:
    transport = ScriptedTransport([failure])
    with pytest.raises((InvalidGrantException, ConnectionLost)):
        _ = drive(finish_code_login(started(), GOOD), transport)
    transport.assert_exhausted()


def test_a_login_survives_a_process() -> None:
    pending = started(issuer="https://issuer")
    stored = pending.to_json_with_secrets()
    assert PendingCodeLogin.from_json(stored) == pending
    for broken, problem in (
        ('{"region": 1, "scopes": "canary"}', "region string_type, client missing, scopes "),
        (pending.model_dump_json(), "client.client_secret masked_secret, state masked_secret, "),
        ("canary", "document json_invalid); start the login again"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            _ = PendingCodeLogin.from_json(broken)
        assert str(caught.value).startswith(f"This is not a stored PendingCodeLogin ({problem}")
        assert "canary" not in str(caught.value)
        assert caught.value.__context__ is None


def test_a_login_shows_no_secret() -> None:
    pending = started()
    secrets = [STATE, pending.code_verifier.get_secret_value(), "canary"]
    shown = repr(pending) + str(pending) + pending.model_dump_json() + repr(pending.model_dump())
    assert [secret for secret in secrets if secret in shown] == []
    assert "canary" not in repr(finish_code_login(pending, GOOD))
