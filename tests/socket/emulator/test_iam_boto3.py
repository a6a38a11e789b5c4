"""boto3's CreateTokenWithIAM against the emulator: an independent signer and transport."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import ExitStack
from typing import Any, Final

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from ssooidc_core._operations.create_token_with_iam import CreateTokenWithIAMError
from ssooidc_emulator import AccessKey, Application, Directory, EmulatorServer, IdentityCenter
from ssooidc_emulator.faults import error

ARN: Final = "arn:aws:sso::123456789012:application/ssoins-1111111111111111/apl-2222222222222222"
CALLBACK: Final = "https://app.example/redirect"
REFUSED: Final = {"clientId": ARN, "grantType": "refresh_token", "refreshToken": "CANARY"}
EXAMPLE: Final = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
MODELLED: Final = sorted(each.__name__ for each in CreateTokenWithIAMError.__args__)

Connect = Callable[..., Any]


@pytest.fixture
def server() -> Generator[EmulatorServer]:
    directory = Directory.example()
    directory.add_access_key(
        AccessKey(
            access_key_id="ASIATEMPORARY",
            secret_access_key="secret/+==",
            session_token="token/+==",
        )
    )
    directory.add_application(
        Application(
            arn=ARN,
            grant_types=frozenset({"authorization_code", "refresh_token"}),
            scopes=(),
            redirect_uris=(CALLBACK,),
            users=None,
            audiences=frozenset(),
        )
    )
    with EmulatorServer(IdentityCenter(directory=directory)) as started:
        yield started


@pytest.fixture
def connect(server: EmulatorServer, monkeypatch: pytest.MonkeyPatch) -> Generator[Connect]:
    """Return a function that makes clients with credentials, which use no settings of this machine."""
    for name in os.environ:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with ExitStack() as stack:

        def make(
            access_key_id: str,
            secret_access_key: str,
            session_token: str | None = None,
            region: str = "us-east-1",
            **more: Any,  # noqa: ANN401 - botocore's own
        ) -> Any:  # noqa: ANN401 - boto3 types nothing
            session = boto3.Session(access_key_id, secret_access_key, session_token, region)
            client = session.client(
                "sso-oidc",
                endpoint_url=server.url,
                config=Config(retries={"total_max_attempts": 1}, proxies={}, **more),
            )
            stack.callback(client.close)
            return client

        yield make


def refused(client: Any) -> ClientError:  # noqa: ANN401 - boto3 types nothing
    with pytest.raises(ClientError) as caught:
        client.create_token_with_iam(**REFUSED)
    return caught.value


def code_of(failure: ClientError) -> tuple[str, int]:
    response = failure.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_code_and_a_refresh(connect: Connect, server: EmulatorServer) -> None:
    client = connect(*EXAMPLE)
    url = f"{server.url}/authorize?response_type=code&client_id={ARN}&redirect_uri={CALLBACK}"
    code = server.center.authorize(url, server.now()).partition("code=")[2]
    token = client.create_token_with_iam(
        clientId=ARN, grantType="authorization_code", code=code, redirectUri=CALLBACK
    )
    assert set(token) == {
        "ResponseMetadata",
        "accessToken",
        "awsAdditionalDetails",
        "expiresIn",
        "idToken",
        "issuedTokenType",
        "refreshToken",
        "scope",
        "tokenType",
    }
    assert list(token["awsAdditionalDetails"]) == ["identityContext"]
    assert token["scope"] == ["openid", "aws", "sts:identity_context"]
    again = client.create_token_with_iam(
        clientId=ARN, grantType="refresh_token", refreshToken=token["refreshToken"]
    )
    assert set(token) - set(again) == {"awsAdditionalDetails", "idToken"}
    assert [entry.operation for entry in server.center.log.entries()] == ["CreateTokenWithIAM"] * 2


@pytest.mark.parametrize("key", [EXAMPLE, ("ASIATEMPORARY", "secret/+==", "token/+==")])
def test_a_key_that_is_known(connect: Connect, key: tuple[str, ...]) -> None:
    """The request is refused only because of its refresh token."""
    client = connect(*key)
    with pytest.raises(client.exceptions.InvalidGrantException) as caught:
        client.create_token_with_iam(**REFUSED)
    assert caught.value.response["error_description"] == "Invalid refresh token provided"


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ((EXAMPLE[0], "wrong"), "InvalidSignatureException"),
        (("AKIAUNKNOWN", "secret"), "UnrecognizedClientException"),
        (("ASIATEMPORARY", "secret/+=="), "UnrecognizedClientException"),
        (("ASIATEMPORARY", "secret/+==", "other"), "UnrecognizedClientException"),
        (("ASIATEMPORARY", "wrong", "token/+=="), "InvalidSignatureException"),
        ((*EXAMPLE, "token/+=="), "UnrecognizedClientException"),
    ],
)
def test_a_key_that_is_not(connect: Connect, key: tuple[str, ...], code: str) -> None:
    assert code_of(refused(connect(*key))) == (code, 403)


def test_without_a_signature(connect: Connect) -> None:
    failure = refused(connect(*EXAMPLE, signature_version=UNSIGNED))
    assert code_of(failure) == ("MissingAuthenticationTokenException", 403)
    assert failure.response["Error"]["Message"] == "Missing Authentication Token"


def test_another_region(connect: Connect, server: EmulatorServer) -> None:
    client = connect(*EXAMPLE, region="eu-west-1")
    with pytest.raises(client.exceptions.InvalidRequestRegionException) as caught:
        client.create_token_with_iam(**REFUSED)
    assert code_of(caught.value) == ("InvalidRequestRegionException", 400)
    assert caught.value.response["region"] == "us-east-1"
    # No request is sent from here to AWS.
    assert caught.value.response["endpoint"] == server.url


def test_a_clock_that_is_off(connect: Connect, server: EmulatorServer) -> None:
    assert server.clock is not None
    server.clock.advance(1000)
    failure = refused(connect(*EXAMPLE))
    assert code_of(failure) == ("InvalidSignatureException", 403)
    assert failure.response["Error"]["Message"].startswith("Signature expired: ")


@pytest.mark.parametrize("name", MODELLED)
def test_every_modelled_error_is_caught_by_its_name(
    connect: Connect, server: EmulatorServer, name: str
) -> None:
    server.center.script("CreateTokenWithIAM", error(name))
    client = connect(*EXAMPLE)
    with pytest.raises(getattr(client.exceptions, name)) as caught:
        client.create_token_with_iam(**REFUSED)
    assert type(caught.value).__name__ == name


def test_these_are_the_errors_that_botocore_knows(connect: Connect) -> None:
    model = connect(*EXAMPLE).meta.service_model.operation_model("CreateTokenWithIAM")
    assert sorted(shape.name for shape in model.error_shapes) == MODELLED
