"""The design's list *Secrets: what was measured to leak*, row by row, and the output of users' own mistakes."""

from __future__ import annotations

import ast
import io
import json
import pickle
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr, ValidationError
from rich.console import Console
from rich.traceback import Traceback

import ssooidc_core
from ssooidc_core import (
    ClientConfig,
    ConfigurationError,
    CreateTokenResponse,
    Credentials,
    HttpRequest,
    HttpResponse,
    Instant,
    JwtBearerGrant,
    RefreshTokenGrant,
    RegisterClientResponse,
    ResponseParseError,
    SsoOidcError,
    StartDeviceAuthorizationRequest,
    TransportError,
    create_token,
    create_token_with_iam,
    portal,
)
from ssooidc_core import _model as model
from ssooidc_core._model import WITH_SECRETS, to_json
from ssooidc_core._rest_json import json_post
from ssooidc_core._sigv4 import sign

# Split in two: tracebacks quote the lines of this file.
CANARY = "Zk9qX" + "v7wPd"
SECRET = SecretStr(CANARY)
BROKEN = SecretStr(f"{CANARY}\ud800")
SPLIT = SecretStr(f"{CANARY}\r\nX-Evil: 1")
CLIENT = RegisterClientResponse(client_id="i", client_secret=SECRET)
GRANT = RefreshTokenGrant(client_id="i", client_secret=SECRET, refresh_token=SECRET)
AWS = Credentials("AKID", SECRET, SECRET)
WHEN = Instant(datetime(2026, 1, 1, tzinfo=UTC), 0.0)
JSON = {"Content-Type": "application/json"}
PACKAGE = Path(ssooidc_core.__file__).parent
IAM = create_token_with_iam(JwtBearerGrant(client_id="a", assertion=SECRET))


def failed(program: Callable[[], object]) -> Exception:
    try:
        _ = program()
    except Exception as error:  # noqa: BLE001 - the test looks at any
        return error
    pytest.fail("no error was raised")


def tracebacks(error: BaseException) -> Iterator[str]:
    yield from (str(error), repr(error))
    yield "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    stream = io.StringIO()
    Console(file=stream, width=1000, color_system=None).print(
        Traceback.from_exception(
            type(error),
            error,
            error.__traceback__,
            width=None,  # as wide as the console: a wrapped line would hide what is looked for
            show_locals=True,
            locals_max_length=10**6,
            locals_max_string=10**6,
        )
    )
    yield stream.getvalue()


def assert_silent(error: Exception) -> None:
    assert [text for text in tracebacks(error) if CANARY in text] == []
    assert error.__context__ is None
    assert error.__cause__ is None


MISFIT = HttpResponse(200, JSON, f'{{"accessToken":["{CANARY}"]}}'.encode())
TRUNCATED = HttpResponse(200, JSON, f'{{"accessToken":"{CANARY}"'.encode())


@pytest.mark.parametrize("answer", [MISFIT, TRUNCATED], ids=["misfit", "truncated"])
def test_row_1_no_pydantic_error_leaves_parse_and_none_is_chained(answer: HttpResponse) -> None:
    """`hide_input_in_errors` hides the input in `str()` of a ValidationError, not in `.errors()` or `.json()`."""
    leaky = failed(lambda: CreateTokenResponse.model_validate_json(answer.body))
    assert isinstance(leaky, ValidationError)
    assert CANARY not in str(leaky)
    assert CANARY in str(leaky.errors())
    error = failed(lambda: create_token(GRANT).parse(answer))
    assert type(error) is ResponseParseError
    assert_silent(error)
    assert "pydantic" not in str(error)
    assert CANARY.encode() not in pickle.dumps(error)


def test_row_2_no_context_holds_the_body() -> None:
    """`raise X from None` keeps `__context__`; raising after the `except` block does not."""
    raised = [
        failed(lambda: create_token(GRANT).parse(MISFIT)),
        failed(lambda: create_token(GRANT).parse(HttpResponse(400, {}, b"{"))),
        failed(lambda: to_json(CLIENT.model_copy(update={"client_secret": BROKEN}))),
    ]
    assert all(isinstance(error, SsoOidcError) for error in raised)
    assert [error.__context__ for error in raised] == [None, None, None]
    assert [error.__suppress_context__ for error in raised] == [False, False, False]


def test_row_3_only_the_cache_files_are_read_by_the_standard_json_reader() -> None:
    """`json.JSONDecodeError.doc` is the whole body; `json.loads` recurses without bound, and takes lone surrogates.

    Cache files are read without pydantic; `test_cache_files.py` tests that their reader refuses all three.
    """
    users = [
        path.name
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if (isinstance(node, ast.Import) and any(each.name == "json" for each in node.names))
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "json"
            and [each.name for each in node.names] != ["dumps"]
        )
    ]
    assert users == ["_cache_document.py"]


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(
    "body",
    [b"[" * 10**6, b'{"a":' * 10**5, f'{{"error":"{CANARY}\\ud800"}}'.encode()],
    ids=["arrays", "objects", "surrogate"],
)
def test_row_3_deep_and_broken_bodies_are_documented_errors(status: int, body: bytes) -> None:
    answer = HttpResponse(status, JSON, body)
    error = failed(lambda: create_token(GRANT).parse(answer))
    assert isinstance(error, SsoOidcError)
    assert f"{len(body)} bytes of broken JSON" in str(error)
    assert_silent(error)


def test_row_4_a_transport_error_holds_its_text_and_nothing_of_the_library() -> None:
    """Exceptions of HTTP libraries contain requests in frame locals, and quote the server's bytes."""
    error = TransportError("ReadTimeout")
    assert vars(error) == {"may_have_been_sent": True}
    assert error.args == ("ReadTimeout",)
    assert pickle.loads(pickle.dumps(error)).__cause__ is None


def test_row_5_the_mask_does_not_read_back_as_a_secret() -> None:
    """`model_dump_json()` of a SecretStr gives `"**********"`."""
    dumped = CLIENT.model_dump_json()
    assert '"**********"' in dumped
    with pytest.raises(ValidationError, match="masked_secret"):
        _ = RegisterClientResponse.model_validate_json(dumped)
    with pytest.raises(ValidationError, match=r"and not \*{10}, which hides one in a dump"):
        _ = RegisterClientResponse.model_validate(json.loads(dumped))


def test_row_5_a_lone_surrogate_in_a_secret_is_a_documented_error_everywhere() -> None:
    """UTF-8 cannot encode one; the serialiser's own error quotes the text."""
    grant = GRANT.model_copy(update={"refresh_token": BROKEN})
    config = ClientConfig(region="us-east-1")
    programs: tuple[Callable[[], object], ...] = (
        lambda: to_json(grant),
        lambda: create_token(grant).http_request(config, WHEN),
        lambda: portal.logout(portal.LogoutRequest(access_token=BROKEN)).unsigned_request(config),
        lambda: sign(
            HttpRequest("GET", "https://e/"),
            credentials=Credentials("AKID", SECRET, BROKEN),
            region="r",
            service="s",
            now=WHEN.wall,
        ),
    )
    for program in programs:
        error = failed(program)
        assert type(error) is ConfigurationError
        assert_silent(error)


def test_row_6_the_encoder_and_an_explicit_context_are_the_only_ways_out() -> None:
    revealing = {
        CANARY in text for text in (json_post("u", GRANT).body.decode(), to_json(GRANT).decode())
    }
    assert revealing == {True}
    assert CANARY in GRANT.model_dump_json(context=WITH_SECRETS)
    for context in (None, "with secrets", True, 1, {}, {"secrets": True}, object()):
        assert CANARY not in GRANT.model_dump_json(context=context)
        assert CANARY not in str(GRANT.model_dump(mode="json", context=context))


def test_row_6_what_pickles_hold_is_documented() -> None:
    assert CANARY.encode() in pickle.dumps(GRANT)
    assert "A pickle of a model contains its secrets in the clear." in (model.__doc__ or "")


CONFIGS = {
    "no credentials": ClientConfig(region="us-east-1"),
    "no region": ClientConfig(credentials=AWS, endpoint_url="https://e.example"),
    "region": ClientConfig(region="a\nb", credentials=AWS, endpoint_url="https://e.example"),
    "fips": ClientConfig(credentials=AWS, endpoint_url="https://e.example", use_fips=True),
    "access key": ClientConfig(region="r", credentials=Credentials("a b", SECRET, SECRET)),
    "session token": ClientConfig(region="r", credentials=Credentials("AKID", SECRET, SPLIT)),
    "provider": ClientConfig(region="r", credentials=lambda: AWS),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_request_that_cannot_be_signed_shows_no_secret(name: str) -> None:
    error = failed(lambda: IAM.http_request(CONFIGS[name], WHEN))
    assert type(error) is ConfigurationError
    assert_silent(error)


def test_a_naive_time_shows_no_secret() -> None:
    config = ClientConfig(region="r", credentials=AWS)
    naive = Instant(datetime(2026, 1, 1), 0.0)  # noqa: DTZ001 - the mistake in question
    error = failed(lambda: IAM.http_request(config, naive))
    assert type(error) is ConfigurationError
    assert_silent(error)


@pytest.mark.parametrize(
    ("token", "role"), [(SECRET, "\ud800"), (SPLIT, "r")], ids=["parameter", "token"]
)
def test_a_portal_request_that_cannot_be_made_shows_no_secret(token: SecretStr, role: str) -> None:
    config = ClientConfig(region="us-east-1")
    request = portal.GetRoleCredentialsRequest(role_name=role, account_id="1", access_token=token)
    operation = portal.get_role_credentials(request)
    del token, request
    error = failed(lambda: operation.http_request(config, WHEN))
    assert type(error) is ConfigurationError
    assert_silent(error)


@pytest.mark.parametrize(
    "build",
    [
        lambda: RefreshTokenGrant.model_validate({"client_secret": CANARY, "refresh_tokn": CANARY}),
        lambda: RefreshTokenGrant.model_validate({"client_id": SECRET, "client_secret": SECRET}),
        lambda: RefreshTokenGrant.model_validate({"client_id": CANARY, "client_secret": [CANARY]}),
        lambda: RefreshTokenGrant.model_validate((CANARY, CANARY)),
        lambda: RefreshTokenGrant.model_validate_json(f'{{"clientSecret":"{CANARY}","x":1}}'),
        lambda: RefreshTokenGrant.model_validate_json(f'{{"clientSecret":"{CANARY}"'),
        lambda: RefreshTokenGrant.of(CLIENT, SecretStr("**********")),
        lambda: StartDeviceAuthorizationRequest.model_validate(
            {"client_secret": SECRET, "start_url": CANARY.encode() + b"\xff"}
        ),
    ],
    ids=["misspelt", "swapped", "types", "pair", "document", "truncated", "mask", "bytes"],
)
def test_the_text_of_a_users_validation_error_shows_no_secret(
    build: Callable[[], BaseModel],
) -> None:
    """`.errors()` and `.json()` do contain the input, for the caller who made the mistake."""
    error = failed(build)
    assert isinstance(error, ValidationError)
    assert CANARY not in str(error)
    assert CANARY not in repr(error)


def test_a_session_token_that_the_service_quotes_is_masked() -> None:
    """SignatureDoesNotMatch responses quote the canonical request, and `parse` does not have the credentials."""
    request = IAM.http_request(ClientConfig(region="r", credentials=AWS), WHEN)
    token = request.headers["x-amz-security-token"]
    assert token == CANARY
    quoted = f"The Canonical String should have been 'POST\n/token\nx-amz-security-token:{token}\n\nhost'"
    body = json.dumps({"message": quoted, "code": "SignatureDoesNotMatch"}).encode()
    del request, token, quoted
    error = failed(lambda: IAM.parse(HttpResponse(403, JSON, body)))
    assert str(error) == (
        "SignatureDoesNotMatch: The Canonical String should have been 'POST /token "
        "x-amz-security-token:********** host' (status 403)"
    )
    assert CANARY.encode() not in pickle.dumps(error)


def test_nothing_in_the_core_logs() -> None:
    """Without logging there are no leaks in logs."""
    users = [
        path.name
        for path in PACKAGE.rglob("*.py")
        if "logging" in path.read_text("utf-8").replace("hook for logging", "")
    ]
    assert users == []
