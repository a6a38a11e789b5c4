"""CreateTokenWithIAM in the emulator: what it refuses, with which response, and that no response contains a secret."""

from __future__ import annotations

import gc
import json
import logging
import traceback
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ssooidc_core import (
    ClientConfig,
    Credentials,
    HttpRequest,
    HttpResponse,
    InvalidRequestRegionException,
    ServiceError,
    SsoOidcError,
    UnknownServiceError,
    run,
)
from ssooidc_core._operations.create_token_with_iam import (
    CreateTokenWithIAM,
    JwtBearerGrant,
    TokenExchangeGrant,
    create_token_with_iam,
)
from ssooidc_emulator import AccessKey, Directory, EmulatorTransport, IdentityCenter, faults
from ssooidc_emulator._iam.tokens import JWT_BEARER, TOKEN_EXCHANGE
from ssooidc_emulator._oidc.inputs import CreateTokenWithIAMInput, read
from ssooidc_emulator._oidc.refusals import refusal_named
from ssooidc_transports.testing import VirtualClock

ARN: Final = "arn:aws:sso::123456789012:application/ssoins-1111111111111111/apl-2222222222222222"
EXAMPLE: Final = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
OPERATION: Final = create_token_with_iam(JwtBearerGrant.of(ARN, assertion="CANARY"))
ERRORS: Final = OPERATION.error_types

AskIam = Callable[..., HttpResponse]
Fail = Callable[..., ServiceError]


@pytest.fixture
def fail(iam_center: IdentityCenter, clock: VirtualClock) -> Fail:
    """Run the operation and return its error."""

    def call(
        credentials: Credentials | None = None,
        operation: CreateTokenWithIAM = OPERATION,
        region: str = "us-east-1",
    ) -> ServiceError:
        used = Credentials.of(*EXAMPLE) if credentials is None else credentials
        config = ClientConfig(region=region, credentials=used, max_attempts=1)
        with pytest.raises(ServiceError) as caught:
            run(operation, EmulatorTransport(iam_center, config=config, clock=clock))
        return caught.value

    return call


def body_of(answer: HttpResponse) -> tuple[int, Any]:
    return answer.status, json.loads(answer.body)


# Signatures


@pytest.mark.parametrize(
    ("credentials", "code"),
    [
        (("AKIAUNKNOWN", "secret"), "UnrecognizedClientException"),
        ((EXAMPLE[0], "wrong"), "InvalidSignatureException"),
        ((*EXAMPLE, "token"), "UnrecognizedClientException"),
        (("ASIATEMPORARY", "secret"), "UnrecognizedClientException"),
        (("ASIATEMPORARY", "secret", "other"), "UnrecognizedClientException"),
        (("ASIATEMPORARY", "wrong", "token"), "InvalidSignatureException"),
        # Accepted up to the check of the assertion.
        (("ASIATEMPORARY", "secret", "token"), "InvalidGrantException"),
        (EXAMPLE, "InvalidGrantException"),
    ],
)
def test_credentials(
    iam_center: IdentityCenter, fail: Fail, credentials: tuple[str, ...], code: str
) -> None:
    key = AccessKey(
        access_key_id="ASIATEMPORARY", secret_access_key="secret", session_token="token"
    )
    iam_center.directory.add_access_key(key)
    error = fail(Credentials.of(*credentials))
    assert error.code == code
    assert isinstance(error, UnknownServiceError) == (code != "InvalidGrantException")
    assert error.status == (400 if code == "InvalidGrantException" else 403)


def test_without_a_signature(iam_center: IdentityCenter, ask: Callable[..., HttpResponse]) -> None:
    answer = ask(iam_center, "/token?aws_iam=t", {"clientId": ARN, "grantType": "x"})
    assert answer.status == 403
    assert answer.body == b'{"message":"Missing Authentication Token"}'
    assert answer.headers.fields[-1] == (
        "x-amzn-ErrorType",
        "MissingAuthenticationTokenException:http://internal.amazon.com/coral/com.amazonaws.sso.oidc/",
    )
    # An unsigned request is CreateToken, which does not have this client.
    plain = ask(iam_center, "/token", {"clientId": ARN, "clientSecret": "s", "grantType": "x"})
    assert body_of(plain)[1]["error"] == "invalid_client"


def test_the_query_says_which_operation_it_is(
    iam_center: IdentityCenter, ask: Callable[..., HttpResponse]
) -> None:
    for query in ("a=b&aws_iam=t", "aws_iam=t&aws_iam=t"):
        assert ask(iam_center, f"/token?{query}").status == 403
    for query in ("", "aws_iam", "aws_iam=f", "aws_iam=true", "AWS_IAM=t"):
        assert ask(iam_center, f"/token?{query}").status == 400
    assert [entry.operation for entry in iam_center.log.entries()] == (
        ["CreateTokenWithIAM"] * 2 + ["CreateToken"] * 5
    )


def test_a_page_of_another_site_is_refused(iam_center: IdentityCenter, ask_iam: AskIam) -> None:
    answer = ask_iam(iam_center, {}, headers=(("Origin", "https://evil.example"),))
    assert answer.status == 403
    assert "ForbiddenException" in answer.headers["x-amzn-errortype"]


def test_a_clock_that_is_off(iam_center: IdentityCenter, fail: Fail, clock: VirtualClock) -> None:
    iam_center.script("CreateTokenWithIAM", faults.clock_skew(901))
    assert str(fail()).startswith("InvalidSignatureException: Signature expired: 20260101T000000Z")
    iam_center.script("CreateTokenWithIAM", faults.clock_skew(-901))
    assert str(fail()).startswith("InvalidSignatureException: Signature not yet current: ")
    assert clock.now().wall.year == 2026


# Regions


def test_another_region_than_the_instances(fail: Fail) -> None:
    error = fail(region="eu-west-1")
    assert isinstance(error, InvalidRequestRegionException)
    assert (error.status, error.error) == (400, "invalid_request")
    assert (error.region, error.endpoint) == ("us-east-1", "https://oidc.us-east-1.amazonaws.com")


def test_the_region_of_an_arn(iam_center: IdentityCenter, ask_iam: AskIam) -> None:
    arn = ARN.replace("sso::", "sso:eu-west-1:")
    answer = ask_iam(iam_center, {"clientId": arn, "grantType": JWT_BEARER})
    assert answer.body == (
        b'{"endpoint":"https://oidc.eu-west-1.amazonaws.com","error":"invalid_request",'
        b'"error_description":"Request belongs to another region","region":"eu-west-1"}'
    )
    there = ask_iam(iam_center, {"clientId": arn, "grantType": JWT_BEARER}, region="eu-west-1")
    assert body_of(there)[1]["error"] == "invalid_client"


@pytest.mark.parametrize("base", ["http://127.0.0.1:8000", "http://localhost:1", "http://[::1]:2"])
def test_a_local_emulator_stands_for_all_regions(
    iam_center: IdentityCenter, ask_iam: AskIam, base: str
) -> None:
    answer = ask_iam(iam_center, {"clientId": ARN, "grantType": "x"}, region="eu-west-1", base=base)
    assert body_of(answer)[1]["endpoint"] == base


# Parameters


@pytest.mark.parametrize(
    ("members", "error", "description"),
    [
        (b"", "invalid_request", "Request body is not a JSON object"),
        (b"[]", "invalid_request", "Request body is not a JSON object"),
        (b"[" * 100_000, "invalid_request", "Request body is not a JSON object"),
        ({}, "invalid_request", "Missing or invalid: clientId, grantType"),
        ({"clientId": ARN}, "invalid_request", "Missing or invalid: grantType"),
        ({"clientId": "id"}, "invalid_client", "Invalid client provided"),
        ({"clientId": ARN + "x"}, "invalid_client", "Invalid client provided"),
        ({"grantType": "x"}, "unsupported_grant_type", "Unsupported grant type provided"),
        (
            {"grantType": "urn:ietf:params:oauth:grant-type:device_code"},
            "unsupported_grant_type",
            "Unsupported grant type provided",
        ),
        ({"scope": ["else"]}, "invalid_scope", "Invalid scope provided"),
        ({"scope": "aws"}, "invalid_request", "Missing or invalid: scope"),
        ({}, "invalid_request", "Missing or invalid: assertion"),
        ({"assertion": None}, "invalid_request", "Missing or invalid: assertion"),
        ({"assertion": 1}, "invalid_request", "Missing or invalid: assertion"),
        ({"assertion": ""}, "invalid_grant", "Invalid grant provided"),
        ({"grantType": "authorization_code"}, "invalid_request", "Missing or invalid: code"),
        (
            {"grantType": "authorization_code", "code": "x"},
            "invalid_grant",
            "Invalid grant provided",
        ),
        (
            {"grantType": "refresh_token"},
            "invalid_request",
            "Missing or invalid: refreshToken",
        ),
        (
            {"grantType": "refresh_token", "refreshToken": "x"},
            "invalid_grant",
            "Invalid refresh token provided",
        ),
        (
            {"grantType": TOKEN_EXCHANGE},
            "invalid_request",
            "Missing or invalid: subjectToken",
        ),
        (
            {"grantType": TOKEN_EXCHANGE, "subjectToken": "x"},
            "invalid_request",
            "Missing or invalid: subjectTokenType",
        ),
        (
            {
                "grantType": TOKEN_EXCHANGE,
                "subjectToken": "x",
                "subjectTokenType": "urn:ietf:params:oauth:token-type:access_token",
                "requestedTokenType": "urn:ietf:params:oauth:token-type:id_token",
            },
            "invalid_request",
            "Missing or invalid: requestedTokenType",
        ),
    ],
)
def test_the_exact_refusals(
    iam_center: IdentityCenter,
    ask_iam: AskIam,
    members: Any,  # noqa: ANN401 - any JSON
    error: str,
    description: str,
) -> None:
    whole = description.endswith("grantType")
    if isinstance(members, dict) and not whole:
        members = {"clientId": ARN, "grantType": JWT_BEARER} | members
    answer = ask_iam(iam_center, members)
    assert body_of(answer) == (
        401 if error == "invalid_client" else 400,
        {"error": error, "error_description": description},
    )


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_of_the_model_by_a_fault(
    iam_center: IdentityCenter, fail: Fail, kind: type[ServiceError]
) -> None:
    iam_center.script("CreateTokenWithIAM", faults.error(kind.__name__))
    # For this operation alone.
    iam_center.script("CreateToken", faults.slow_down())
    error = fail()
    assert type(error) is kind
    assert error.status == refusal_named(kind.__name__).status


def test_a_reason_of_a_kms_key(iam_center: IdentityCenter, fail: Fail) -> None:
    fault = faults.error("AccessDeniedException", reason="KMS_AccessDeniedException")
    iam_center.script("CreateTokenWithIAM", fault)
    assert fail().reason == "KMS_AccessDeniedException"


def test_the_example_has_a_key_that_works() -> None:
    key = Directory.example().access_key(EXAMPLE[0])
    assert key == AccessKey(access_key_id=EXAMPLE[0], secret_access_key=EXAMPLE[1])
    assert Directory().access_key(EXAMPLE[0]) is None


# Anything at all

texts = st.text(st.characters(max_codepoint=0xFF), max_size=40)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)
names = st.sampled_from(
    ["clientId", "grantType", "code", "refreshToken", "assertion", "subjectToken", "scope"]
)
known = st.sampled_from([ARN, JWT_BEARER, TOKEN_EXCHANGE, "authorization_code", "refresh_token"])
bodies = st.binary(max_size=80) | st.dictionaries(names, values | known).map(
    lambda members: json.dumps(members).encode()
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=bodies,
    headers=st.none()
    | st.lists(
        st.tuples(st.sampled_from(["Authorization", "X-Amz-Date", "Host", "x-amz-a"]), texts)
    ),
)
def test_anything_gets_an_answer(
    iam_center: IdentityCenter,
    ask: Callable[..., HttpResponse],
    ask_iam: AskIam,
    body: bytes,
    headers: list[tuple[str, str]] | None,
) -> None:
    """Signed or with any headers. The check: nothing is granted, and the reason is in a JSON body."""
    if headers is None:
        answer = ask_iam(iam_center, body)
        assert answer.status in {400, 401}
        assert json.loads(answer.body)["error"]
    else:
        answer = ask(iam_center, "/token?aws_iam=t", body, headers=tuple(headers))
        assert answer.status == 403
        assert json.loads(answer.body)["message"]


# Secrets


def test_nothing_tells(
    iam_center: IdentityCenter,
    ask_iam: AskIam,
    assertion: Callable[..., str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    secret = "CANARY"
    text = assertion()
    with caplog.at_level(logging.DEBUG):
        granted = ask_iam(iam_center, {"clientId": ARN, "grantType": JWT_BEARER, "assertion": text})
        members = json.loads(granted.body)
        for grant in ("authorization_code", "refresh_token", JWT_BEARER, TOKEN_EXCHANGE):
            secret_members = ("code", "codeVerifier", "refreshToken", "assertion", "subjectToken")
            refused = ask_iam(
                iam_center,
                {"clientId": ARN, "grantType": grant} | dict.fromkeys(secret_members, secret),
            )
            assert secret.encode() not in refused.body
    told = {
        secret,
        text,
        members["accessToken"],
        members["refreshToken"],
        members["idToken"],
        members["awsAdditionalDetails"]["identityContext"],
        EXAMPLE[1],
    }
    ours = [each for each in gc.get_objects() if type(each).__module__.startswith("ssooidc_")]
    kinds = {type(each).__name__ for each in ours}
    assert {"IamTokens", "Assertions", "IdTokens", "AccessKey", "Session"} <= kinds
    shown = [repr(each) for each in ours if not isinstance(each, type)]
    shown += [repr(entry) for entry in iam_center.log.entries()]
    shown += [record.getMessage() for record in caplog.records]
    for each in shown:
        assert not any(canary in each for canary in told), each[:80]


def test_no_input_tells() -> None:
    secrets = (
        "code",
        "codeVerifier",
        "refreshToken",
        "assertion",
        "subjectToken",
    )
    body = {"clientId": ARN, "grantType": "g"} | dict.fromkeys(secrets, "CANARY")
    asked = read(CreateTokenWithIAMInput, json.dumps(body).encode())
    assert isinstance(asked, CreateTokenWithIAMInput)
    assert "CANARY" not in repr(asked) + str(asked)
    wrong = read(CreateTokenWithIAMInput, json.dumps(body | {"code": ["CANARY"]}).encode())
    assert "CANARY" not in repr(wrong)


@pytest.mark.parametrize(
    "operation",
    [OPERATION, create_token_with_iam(TokenExchangeGrant.of(ARN, subject_token="CANARY"))],
)
@pytest.mark.parametrize("key", [EXAMPLE, (EXAMPLE[0], "CANARY", "CANARY")])
def test_no_error_tells(fail: Fail, operation: CreateTokenWithIAM, key: tuple[str, ...]) -> None:
    error: SsoOidcError = fail(Credentials.of(*key), operation)
    text = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
    assert "CANARY" not in text
    assert EXAMPLE[1] not in text


def test_a_request_is_not_shown() -> None:
    request = HttpRequest("POST", "https://h/token?aws_iam=t", {"Authorization": "CANARY"})
    assert "CANARY" not in repr(request)
