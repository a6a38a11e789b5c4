"""A canary in every secret, searched for in everything that an application might print, log or store."""

from __future__ import annotations

import io
import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr
from rich.console import Console
from rich.traceback import Traceback

from ssooidc_core import (
    AuthorizationCodeGrant,
    ClientConfig,
    CreateTokenResponse,
    CreateTokenWithIAMResponse,
    Credentials,
    DeviceCodeGrant,
    HttpRequest,
    HttpResponse,
    IamAuthorizationCodeGrant,
    IamRefreshTokenGrant,
    Instant,
    JwtBearerGrant,
    Operation,
    RefreshTokenGrant,
    RegisterClientRequest,
    RegisterClientResponse,
    StartDeviceAuthorizationRequest,
    StartDeviceAuthorizationResponse,
    TokenExchangeGrant,
    create_token,
    create_token_with_iam,
    portal,
    register_client,
    run,
    start_device_authorization,
)
from ssooidc_core.policies import standard_retry

# Split in two: tracebacks quote the lines of this file.
CANARY = "Zk9qX" + "v7wPd"
# The forms of real values: a token is `aoa<opaque>:MG<signature>`, a client secret or assertion a JWS.
SECRETS = tuple(
    form.replace("@", CANARY)
    for form in ("eyJ@.e@.s@", "aoa@:MG@==", "aor@:MG@", "dev@", "code@", "~@-._", "a#@#b", "@/+=")
)
CLIENT, ACCESS, REFRESH, DEVICE, CODE, VERIFIER, ASSERTION, SUBJECT = map(SecretStr, SECRETS)
URI = "http://127.0.0.1/oauth/callback"
AWS = Credentials("AKIDEXAMPLE", SecretStr(f"k{CANARY}"), SecretStr(f"t{CANARY}"))
CONFIG = ClientConfig(region="us-east-1", credentials=AWS)
WHEN = Instant(datetime(2026, 1, 1, tzinfo=UTC), 0.0)
JSON = {"Content-Type": "application/json"}

OPERATIONS: tuple[Operation[object, Exception], ...] = (
    create_token(DeviceCodeGrant(client_id="i", client_secret=CLIENT, device_code=DEVICE)),
    create_token(
        AuthorizationCodeGrant(
            client_id="i",
            client_secret=CLIENT,
            code=CODE,
            redirect_uri=URI,
            code_verifier=VERIFIER,
        )
    ),
    create_token(RefreshTokenGrant(client_id="i", client_secret=CLIENT, refresh_token=REFRESH)),
    create_token_with_iam(
        IamAuthorizationCodeGrant(
            client_id="a", code=CODE, redirect_uri=URI, code_verifier=VERIFIER
        )
    ),
    create_token_with_iam(IamRefreshTokenGrant(client_id="a", refresh_token=REFRESH)),
    create_token_with_iam(JwtBearerGrant(client_id="a", assertion=ASSERTION)),
    create_token_with_iam(TokenExchangeGrant(client_id="a", subject_token=SUBJECT)),
    start_device_authorization(
        StartDeviceAuthorizationRequest(client_id="i", client_secret=CLIENT, start_url="u")
    ),
    portal.get_role_credentials(
        portal.GetRoleCredentialsRequest(role_name="r", account_id="1", access_token=ACCESS)
    ),
    portal.list_accounts(portal.ListAccountsRequest(access_token=ACCESS)),
    portal.list_account_roles(portal.ListAccountRolesRequest(access_token=ACCESS, account_id="1")),
    portal.logout(portal.LogoutRequest(access_token=ACCESS)),
)
NO_SECRETS = register_client(RegisterClientRequest(client_name="n", client_type="public"))


def ids(operation: Operation[object, Exception]) -> str:
    return f"{type(operation).__name__}-{type(request_of(operation)).__name__}"


def request_of(operation: Operation[object, Exception]) -> object:
    return getattr(operation, "request")  # noqa: B009 - operations differ in their types


class Wire:
    """Always sends the same response, in memory."""

    def __init__(self, answer: HttpResponse) -> None:
        self.config = CONFIG
        self.retry_policy = standard_retry()
        self.answer = answer

    def send(self, request: HttpRequest) -> HttpResponse:
        return self.answer

    def sleep(self, seconds: float) -> None:
        assert seconds < 20

    def now(self) -> Instant:
        return WHEN


def failure(program: Callable[[], object]) -> Exception | None:
    """Return the exception of a call with its frames; no local of this one is secret."""
    try:
        _ = program()
    except Exception as error:  # noqa: BLE001 - the test looks at any
        return error
    return None


def failed(program: Callable[[], object]) -> Exception:
    error = failure(program)
    assert error is not None
    return error


def said(value: object) -> Iterator[str]:
    yield from (repr(value), str(value), f"{value}", format(value, ""), f"{[value]}")
    yield json.dumps(value, default=str)
    stream = io.StringIO()
    Console(file=stream, width=1000, color_system=None).print(value)
    yield stream.getvalue()
    yield logged(value, None)


def said_of_failure(error: Exception, *, pretty: bool = True) -> Iterator[str]:
    seen: BaseException | None = error
    while seen is not None:
        yield from (repr(seen), str(seen), repr(seen.args), repr(vars(seen)))
        yield repr(getattr(seen, "hint", None))
        yield repr(getattr(seen, "__notes__", None))
        seen = seen.__cause__ or seen.__context__
    yield "".join(traceback.format_exception(error))
    yield "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    yield logged(error, error)
    if pretty:
        yield rich_traceback(error)


class PlainTraceback(Traceback):
    """Shows the same text, but does not parse whole files to colour the lines of code."""

    LEXERS = {".py": "text"}  # noqa: RUF012 - as in the base class


def rich_traceback(error: Exception) -> str:
    stream = io.StringIO()
    Console(file=stream, width=1000, color_system=None).print(
        PlainTraceback.from_exception(
            type(error),
            error,
            error.__traceback__,
            width=None,  # as wide as the console: a wrapped line would hide what is looked for
            extra_lines=0,
            show_locals=True,
            locals_max_length=10**6,
            locals_max_string=10**6,
            locals_hide_dunder=False,
            max_frames=0,
        )
    )
    return stream.getvalue()


def logged(value: object, error: BaseException | None) -> str:
    stream = io.StringIO()
    logger = logging.Logger("application", logging.DEBUG)  # noqa: LOG001 - no other handler is to see it
    logger.addHandler(logging.StreamHandler(stream))
    logger.debug("%s and %r", value, value, exc_info=error)
    return stream.getvalue()


def assert_silent(texts: Iterator[str]) -> None:
    leaks = [text for text in texts if CANARY in text]
    assert leaks == []


def answers_with(secret: str) -> dict[str, HttpResponse]:
    """Return failing responses with a secret in one place or another."""
    page = f"<html><title>Error</title><p>no {secret} here".encode()
    named = {**JSON, "x-amzn-errortype": "InvalidRequestRegionException"}

    def error(headers: dict[str, str] | None = None, **members: object) -> HttpResponse:
        return HttpResponse(400, {**JSON, **(headers or {})}, json.dumps(members).encode())

    return {
        "error_description": error(error="invalid_grant", error_description=f"bad {secret}!"),
        "message": error(message=secret, code="C"),
        "reason": error(reason=secret, code="C"),
        "code": error(code=secret),
        "code, decorated": error(code=f"ns#{secret}:http://x"),
        "__type": error(__type=secret),
        "error": error(error=secret),
        "endpoint and region": HttpResponse(
            400, named, json.dumps({"endpoint": secret, "region": secret}).encode()
        ),
        "error type header": error({"x-amzn-errortype": secret}),
        "error type header, decorated": error({"x-amzn-errortype": f"ns#{secret}:http://x"}),
        "request id": error({"x-amzn-requestid": secret}),
        "request id of the portal": error({"requestid": f"id {secret}"}),
        "content type of an error": error({"content-type": secret}),
        "content type of a success": HttpResponse(200, {"content-type": f"a/{secret}"}, b"{}"),
        "content type, long": HttpResponse(200, {"content-type": "x" * 50 + secret}, b"{}"),
        "HTML of a success": HttpResponse(200, {"content-type": "text/html"}, page),
        "HTML called JSON": HttpResponse(200, JSON, page),
        "HTML of an error": HttpResponse(502, {"content-type": "text/html"}, page),
        "long HTML": HttpResponse(502, {}, b"<p>" * 840 + page),
        "truncated JSON": HttpResponse(200, JSON, f'{{"accessToken":"{secret}","x'.encode()),
        "truncated error": HttpResponse(400, JSON, f'{{"error":"{secret}'.encode()),
        "trailing bytes": HttpResponse(200, JSON, f'{{"accessToken":"{secret}"}}x'.encode()),
        "UTF-16": HttpResponse(200, JSON, json.dumps({"accessToken": secret}).encode("utf-16")),
        "not UTF-8": HttpResponse(200, JSON, f'{{"accessToken":"{secret}\xff'.encode("latin-1")),
        "a string": HttpResponse(200, JSON, json.dumps(secret).encode()),
        "an array": HttpResponse(200, JSON, json.dumps([secret]).encode()),
        "form encoded": HttpResponse(200, {}, f"access_token={secret}&x=1".encode()),
        "redirect": HttpResponse(302, {"Location": f"https://e/?code={secret}"}, page),
        "odd status": HttpResponse(199, {"x": "y"}, page),
    }


ANSWERS = tuple(answers_with("x"))


@pytest.mark.parametrize("place", ANSWERS)
@pytest.mark.parametrize("operation", OPERATIONS, ids=ids)
def test_no_failure_shows_a_secret_of_the_request_that_the_answer_echoes(
    operation: Operation[object, Exception], place: str
) -> None:
    answers = [answers_with(secret)[place] for secret in SECRETS if secret in sent(operation)]
    for number, answer in enumerate(answers):
        # Through the driver, whose frames and notes are searched too.
        error = failed(lambda: run(operation, Wire(answer)))  # noqa: B023 - called at once
        # Slow, with the same frames for all: once for each place and service.
        pretty = number == 0 and ids(operation) in {
            "CreateToken-RefreshTokenGrant",
            "Logout-LogoutRequest",
        }
        assert_silent(said_of_failure(error, pretty=pretty))
        assert CANARY.encode() not in pickle.dumps(error)
        assert error.__context__ is None
        assert error.__cause__ is None


def sent(operation: Operation[object, Exception]) -> tuple[str, ...]:
    members = vars(request_of(operation)).values()
    secrets = [value for value in members if isinstance(value, SecretStr)]
    assert secrets
    return tuple(secret.get_secret_value() for secret in secrets)


def test_every_operation_is_here(every_request: frozenset[tuple[type, type]]) -> None:
    kinds = [(type(each), type(request_of(each))) for each in (*OPERATIONS, NO_SECRETS)]
    assert set(kinds) == every_request
    assert len(kinds) == len(every_request)


def test_every_secret_is_sent_by_some_operation() -> None:
    assert {secret for operation in OPERATIONS for secret in sent(operation)} == set(SECRETS)


MISFITS = (
    '{"accessToken":["@"],"refreshToken":"@","idToken":"@","expiresIn":"@"}',
    '{"accessToken":"@","expiresIn":-1,"tokenType":{"@":"@"}}',
    '{"access_token":"@"}',
    '{"accessToken":null,"awsAdditionalDetails":{"identityContext":["@"]},"scope":["@",1]}',
    '{"clientId":"i","clientSecret":{"@":"@"},"clientSecretExpiresAt":"@"}',
    '{"deviceCode":"@","userCode":["@"],"verificationUri":"@","interval":"@"}',
    '{"roleCredentials":{"secretAccessKey":"@","sessionToken":["@"],"expiration":"@"}}',
    '{"accountList":["@"],"roleList":["@"],"nextToken":["@"]}',
    '["@"]',
    '"@"',
    '{"accessToken":"@"',
    '{"accessToken":"@","@":1e',
    "<accessToken>@0123456789</accessToken>",
    "accessToken: '@'",
)


@pytest.mark.parametrize("operation", [*OPERATIONS, NO_SECRETS], ids=ids)
def test_no_failure_shows_a_secret_of_an_answer_that_does_not_fit(
    operation: Operation[object, Exception],
) -> None:
    failures = 0
    for form in MISFITS:
        answer = HttpResponse(200, JSON, form.replace("@", CANARY).encode())
        error = failure(lambda: run(operation, Wire(answer)))  # noqa: B023 - called at once
        if error is not None:
            assert_silent(said_of_failure(error, pretty=failures == 0))
            assert CANARY.encode() not in pickle.dumps(error)
            failures += 1
    # A request for one operation is a response without known members for another.
    assert failures >= 6


@pytest.mark.parametrize("operation", OPERATIONS, ids=ids)
def test_no_operation_request_or_http_request_shows_a_secret(
    operation: Operation[object, Exception],
) -> None:
    request = operation.http_request(CONFIG, WHEN)
    whole = request.body.decode() + repr(request.headers.fields)
    assert CANARY in whole
    model: object = getattr(operation, "request")  # noqa: B009 - operations differ in their types
    for value in (
        operation,
        model,
        vars(model),
        request,
        request.headers,
        [request],
        iter(operation),
    ):
        assert_silent(said(value))


@pytest.mark.parametrize(
    "value",
    [
        AWS,
        CONFIG,
        vars(CONFIG),
        RegisterClientResponse(client_id="i", client_secret=CLIENT),
        StartDeviceAuthorizationResponse(
            device_code=DEVICE,
            user_code=f"u{CANARY}",
            verification_uri="v",
            verification_uri_complete=f"v?{CANARY}",
        ),
        CreateTokenResponse(access_token=ACCESS, refresh_token=REFRESH, id_token=ASSERTION),
        CreateTokenWithIAMResponse.model_validate(
            {"access_token": ACCESS, "aws_additional_details": {"identity_context": CODE}}
        ),
        portal.RoleCredentials(
            access_key_id="A", secret_access_key=CLIENT, session_token=ACCESS, expiration=1
        ),
        HttpResponse(302, {"Location": CANARY, "Set-Cookie": CANARY}, CANARY.encode()),
        HttpRequest("GET", f"https://e/?code={CANARY}", {"Authorization": CANARY}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_value_shows_a_secret(value: object) -> None:
    assert_silent(said(value))


@pytest.mark.parametrize(
    "model",
    [
        RegisterClientResponse(client_id="i", client_secret=CLIENT),
        CreateTokenResponse(access_token=ACCESS, refresh_token=REFRESH, id_token=ASSERTION),
        *(getattr(operation, "request") for operation in OPERATIONS),  # noqa: B009 - operations differ in their types
    ],
    ids=lambda model: type(model).__name__,
)
def test_no_default_dump_shows_a_secret(model: CreateTokenResponse) -> None:
    for dumped in (
        model.model_dump_json(),
        model.model_dump_json(by_alias=True, round_trip=True),
        json.dumps(model.model_dump(mode="json")),
        json.dumps(model.model_dump(), default=str),
        json.dumps(model, default=str),
        repr(model.model_dump()),
    ):
        assert CANARY not in dumped
        assert "**********" in dumped
