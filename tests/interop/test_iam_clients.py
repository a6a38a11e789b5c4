"""CreateTokenWithIAM through every client: each signs in its own way, and the emulator checks the signature."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from ssooidc_emulator import (
    AccessKey,
    Application,
    Directory,
    EmulatorServer,
    IdentityCenter,
    TrustedTokenIssuer,
)

Call: TypeAlias = Callable[[Mapping[str, object]], dict[str, Any]]
Asked: TypeAlias = Callable[[], list[str]]

ARN = "arn:aws:sso::123456789012:application/ssoins-1234567890abcdef/apl-1234567890abcdef"
ISSUER = "https://issuer.example.com"
AUDIENCE = "audience-of-a-test"
CALLBACK = "https://app.example.com/callback"
SCOPES = ("openid", "aws", "sts:identity_context")
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
REFRESH_TOKEN = "urn:ietf:params:oauth:token-type:refresh_token"
KEY = ECKey.generate_key("P-256", parameters={"kid": "key-of-a-test"})
LONG_LIVED = AccessKey(access_key_id="AKIAEXAMPLE", secret_access_key="secret-key-of-a-test/+=")
TEMPORARY = AccessKey(
    access_key_id="ASIAEXAMPLE",
    secret_access_key="temporary-secret-key-of-a-test",
    session_token="session-token-of-a-test/+==",
)
CREATED = "CreateTokenWithIAM 200"


def directory() -> Directory:
    made = Directory.example()
    for key in (LONG_LIVED, TEMPORARY):
        made.add_access_key(key)
    made.add_application(
        Application(
            arn=ARN,
            grant_types=frozenset(
                {"authorization_code", "refresh_token", JWT_BEARER, TOKEN_EXCHANGE}
            ),
            scopes=SCOPES,
            redirect_uris=(CALLBACK,),
            users=None,
            audiences=frozenset({AUDIENCE}),
        )
    )
    public = KeySet([KEY]).as_dict(private=False)
    made.add_trusted_token_issuer(TrustedTokenIssuer(issuer_url=ISSUER, key_set=json.dumps(public)))
    return made


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"directory": directory()}


def assertion(**claims: object) -> str:
    now = int(time.time())
    usual = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "somebody",
        "email": "user@example.com",
        "iat": now,
        "exp": now + 300,
        "jti": f"id-{time.monotonic_ns()}",
    }
    return jwt.encode({"alg": "ES256", "kid": "key-of-a-test"}, {**usual, **claims}, KEY)


def sign_with(environment: dict[str, str], key: AccessKey) -> None:
    del environment["AWS_PROFILE"]
    environment["AWS_REGION"] = environment["AWS_DEFAULT_REGION"] = "us-east-1"
    environment["AWS_ACCESS_KEY_ID"] = key.access_key_id
    environment["AWS_SECRET_ACCESS_KEY"] = key.secret_access_key
    if key.session_token is not None:
        environment["AWS_SESSION_TOKEN"] = key.session_token


@pytest.fixture(params=["AWS CLI", "boto3", "JavaScript"])
def call(request: pytest.FixtureRequest, environment: dict[str, str], home: Path) -> Call:
    """Return a function that calls CreateTokenWithIAM with one client and returns the response or `error`."""
    sign_with(environment, LONG_LIVED)
    file = home / "input.json"

    def by_aws(aws: Callable[..., subprocess.CompletedProcess[str]]) -> dict[str, Any]:
        command = ("sso-oidc", "create-token-with-iam", "--cli-input-json", f"file://{file}")
        done = aws(*command)
        if done.returncode == 0:
            assert done.stderr == ""
            answer: dict[str, Any] = json.loads(done.stdout)
            return answer
        found = re.search(r"An error occurred \((\w+)\)", done.stderr)
        assert found is not None, done.stderr
        return {"error": found[1]}

    clients: dict[str, tuple[str, Callable[[Any], dict[str, Any]]]] = {
        "AWS CLI": ("aws", by_aws),
        "boto3": ("boto3_call", lambda run: run("create_token_with_iam", file)),
        "JavaScript": ("javascript", lambda run: run("call.mjs", "CreateTokenWithIAM", file)),
    }
    fixture, run_with = clients[request.param]
    client = request.getfixturevalue(fixture)

    def run(given: Mapping[str, object]) -> dict[str, Any]:
        file.write_text(json.dumps({"clientId": ARN, **given}))
        return run_with(client)

    return run


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    read: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return read


def check(answer: dict[str, Any], issued: str = REFRESH_TOKEN) -> None:
    assert answer["tokenType"] == "Bearer"
    assert answer["expiresIn"] == 3600
    assert answer["scope"] == list(SCOPES)
    assert answer["issuedTokenType"] == issued
    assert ("refreshToken" in answer) == (issued == REFRESH_TOKEN)
    assert answer["accessToken"]
    identity_context = answer["awsAdditionalDetails"]["identityContext"]
    assert claims_of(answer["idToken"])["sts:identity_context"] == identity_context


def test_jwt_bearer_and_refresh(call: Call, asked: Asked) -> None:
    first = call({"grantType": JWT_BEARER, "assertion": assertion()})
    check(first)
    second = call({"grantType": "refresh_token", "refreshToken": first["refreshToken"]})
    # Unlike the service model's example, this has neither an id token nor an identity context.
    assert sorted(second) == sorted(set(first) - {"awsAdditionalDetails", "idToken"})
    assert second["accessToken"] != first["accessToken"]
    assert second["scope"] == list(SCOPES)
    assert asked() == [CREATED] * 2


def test_temporary_credentials(call: Call, environment: dict[str, str], asked: Asked) -> None:
    environment["AWS_ACCESS_KEY_ID"] = TEMPORARY.access_key_id
    environment["AWS_SECRET_ACCESS_KEY"] = TEMPORARY.secret_access_key
    environment["AWS_SESSION_TOKEN"] = str(TEMPORARY.session_token)
    check(call({"grantType": JWT_BEARER, "assertion": assertion()}))
    assert asked() == [CREATED]


@pytest.mark.parametrize("verifier", ["v" * 43, None], ids=["PKCE", "no PKCE"])
def test_an_authorization_code(
    call: Call, server: EmulatorServer, asked: Asked, verifier: str | None
) -> None:
    challenge = {}
    if verifier is not None:
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge["code_challenge_method"] = "S256"
        challenge["code_challenge"] = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    query = {
        "response_type": "code",
        "client_id": ARN,
        "redirect_uri": CALLBACK,
        "state": "state",
        **challenge,
    }
    url = server.center.authorize(f"{server.url}/authorize?{urlencode(query)}", server.now())
    grant: dict[str, object] = {
        "grantType": "authorization_code",
        "code": parse_qs(urlsplit(url).query)["code"][0],
        "redirectUri": CALLBACK,
    }
    if verifier is not None:
        grant["codeVerifier"] = verifier
    check(call(grant))
    assert call(grant) == {"error": "InvalidGrantException"}
    assert asked() == [CREATED, "CreateTokenWithIAM InvalidGrantException"]


@pytest.mark.parametrize("wanted", [ACCESS_TOKEN, REFRESH_TOKEN])
def test_a_token_exchange(
    call: Call, login: Callable[..., None], home: Path, asked: Asked, wanted: str
) -> None:
    login("--sso-session", "emulator")
    (token_file,) = (home / ".aws/sso/cache").glob("7e09d0bb*.json")
    subject = json.loads(token_file.read_text())["accessToken"]
    answer = call(
        {
            "grantType": TOKEN_EXCHANGE,
            "subjectToken": subject,
            "subjectTokenType": ACCESS_TOKEN,
            "requestedTokenType": wanted,
        }
    )
    check(answer, wanted)
    assert asked() == [CREATED]


def test_an_assertion_is_good_for_one_token(call: Call, asked: Asked) -> None:
    once = {"grantType": JWT_BEARER, "assertion": assertion()}
    check(call(once))
    assert call(once) == {"error": "InvalidGrantException"}
    assert asked() == [CREATED, "CreateTokenWithIAM InvalidGrantException"]


def test_a_user_whom_nobody_knows(call: Call, asked: Asked) -> None:
    made = assertion(email="nobody@example.com")
    answer = call({"grantType": JWT_BEARER, "assertion": made})
    assert answer == {"error": "InvalidGrantException"}
    assert asked() == ["CreateTokenWithIAM InvalidGrantException"]


def test_an_application_that_is_none(call: Call, asked: Asked) -> None:
    given = {"clientId": f"{ARN}0", "grantType": JWT_BEARER, "assertion": assertion()}
    assert call(given) == {"error": "InvalidClientException"}
    assert asked() == ["CreateTokenWithIAM InvalidClientException"]


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("AWS_SECRET_ACCESS_KEY", "another", "InvalidSignatureException"),
        ("AWS_ACCESS_KEY_ID", "AKIANOBODY", "UnrecognizedClientException"),
        ("AWS_REGION", "eu-west-1", "InvalidRequestRegionException"),
    ],
)
def test_a_signature_of_somebody_else_or_for_elsewhere(
    call: Call,
    environment: dict[str, str],
    center: IdentityCenter,
    asked: Asked,
    name: str,
    value: str,
    error: str,
) -> None:
    environment[name] = value
    if name == "AWS_REGION":
        environment["AWS_DEFAULT_REGION"] = value
    answer = call({"grantType": JWT_BEARER, "assertion": assertion()})
    assert answer == {"error": error}
    assert set(asked()) == {f"CreateTokenWithIAM {error}"}
