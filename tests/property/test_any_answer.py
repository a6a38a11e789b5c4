"""Every operation turns every response into a model or a documented error."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias, TypeVar, cast

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from ssooidc_core import (
    AuthorizationCodeGrant,
    DeviceCodeGrant,
    HttpResponse,
    IamAuthorizationCodeGrant,
    IamRefreshTokenGrant,
    InvalidRequestRegionException,
    JwtBearerGrant,
    Operation,
    RefreshTokenGrant,
    RegisterClientRequest,
    RegisterClientResponse,
    ResponseParseError,
    ServiceError,
    StartDeviceAuthorizationRequest,
    TokenExchangeGrant,
    create_token,
    create_token_with_iam,
    portal,
    register_client,
    start_device_authorization,
)
from ssooidc_core._model import Response
from ssooidc_core._operations.errors import OIDC_ERRORS
from ssooidc_core.portal._errors import PORTAL_ERRORS

T = TypeVar("T")
AnyOperation: TypeAlias = Operation[object, Exception]

# Real codes, secrets and JWTs consist of these; no text of the library contains such a value by chance.
SECRETS: Final = (
    st.text("QZXJqzxj0189-_.", min_size=3, max_size=60)
    | st.text("QZXJqzxj0189-_.~+/=", min_size=3, max_size=60)
).map("zQ7".__add__)
# Tokens in a response are not known in advance: they are recognized by their length, like real ones.
TOKENS: Final = st.text("QZXJqzxj0189-_.~+/", min_size=20, max_size=60).map("tK5".__add__)
TEXTS: Final = st.text(max_size=30)


def operations(secrets: Sequence[str]) -> list[AnyOperation]:
    """Return every operation with every kind of request; each secret is used."""
    one, two, three = (SecretStr(secret) for secret in secrets)
    client = RegisterClientResponse(client_id="cid", client_secret=one)
    arn = "arn:aws:sso::123456789012:application/ssoins-1/apl-1"
    made = [
        register_client(RegisterClientRequest(client_name="tool", client_type="public")),
        start_device_authorization(
            StartDeviceAuthorizationRequest.of(client, start_url="https://d-1.awsapps.com/start")
        ),
        create_token(DeviceCodeGrant(client_id="cid", client_secret=one, device_code=two)),
        create_token(
            AuthorizationCodeGrant.of(
                client, code=two, redirect_uri="http://x", code_verifier=three
            )
        ),
        create_token(RefreshTokenGrant.of(client, two)),
        create_token_with_iam(
            IamAuthorizationCodeGrant.of(arn, code=one, redirect_uri="http://x", code_verifier=two)
        ),
        create_token_with_iam(IamRefreshTokenGrant.of(arn, refresh_token=one)),
        create_token_with_iam(JwtBearerGrant.of(arn, assertion=two)),
        create_token_with_iam(TokenExchangeGrant.of(arn, subject_token=three)),
        portal.get_role_credentials(
            portal.GetRoleCredentialsRequest.of(one, account_id="1" * 12, role_name="r")
        ),
        portal.list_accounts(portal.ListAccountsRequest.of(two)),
        portal.list_account_roles(portal.ListAccountRolesRequest.of(three, account_id="1" * 12)),
        portal.logout(portal.LogoutRequest.of(one)),
    ]
    return cast("list[AnyOperation]", made)


def test_every_operation_is_here(every_request: frozenset[tuple[type, type]]) -> None:
    made = operations(["zQ7-1", "zQ7-2", "zQ7-3"])
    assert {(type(each), type(request_of(each))) for each in made} == every_request
    assert len(made) == len(every_request)


def request_of(operation: AnyOperation) -> BaseModel:
    return cast("BaseModel", operation.request)  # type: ignore[attr-defined]


def secrets_of(operation: AnyOperation) -> list[str]:
    """Return the secrets that this operation sends."""
    return [
        value.get_secret_value()
        for value in request_of(operation).__dict__.values()
        if isinstance(value, SecretStr)
    ]


def shown_by(error: Exception) -> str:
    """Return every text of an error and of its copy that was pickled."""
    shown = []
    for one in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):
        notes: list[str] = getattr(one, "__notes__", [])
        hint = cast("object", getattr(one, "hint", None))
        shown.append(f"{one}\n{one!r}\n{one.args!r}\n{notes!r}\n{hint!r}\n{one.__dict__!r}")
    assert shown[0] == shown[1] == shown[2]
    return shown[0]


def outcome(operation: AnyOperation, response: HttpResponse) -> object:
    """Return a model (`None` for Logout) or an error; anything undocumented fails the test."""
    try:
        model = operation.parse(response)
    except (ServiceError, ResponseParseError) as caught:
        error = caught
    else:
        assert 200 <= response.status < 300
        assert isinstance(model, BaseModel) or isinstance(operation, portal.Logout)
        return model
    assert error.__cause__ is None
    assert error.__context__ is None
    assert error.status == response.status
    return error


def assert_hides(result: object, canaries: Sequence[str]) -> None:
    if isinstance(result, Exception):
        shown = shown_by(result)
        for canary in canaries:
            assert canary not in shown


JSON: Final[st.SearchStrategy[object]] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
ERROR_NAMES: Final = sorted({*OIDC_ERRORS, *PORTAL_ERRORS})
OAUTH_CODES: Final = sorted({kind.oauth_error or "unheard_of" for kind in OIDC_ERRORS.values()})
STATUSES: Final = st.sampled_from([200, 201, 204, 302, 400, 401, 403, 404, 429, 500, 502]) | (
    st.integers(-1, 1200)
)
# The members of all responses and of all errors: one has those of all others, and two more.
MEMBERS: Final = sorted(
    {
        str(field.alias)
        for model in Response.__subclasses__()
        if model.__module__.startswith("ssooidc_core.")
        for field in model.model_fields.values()
    }
    | (
        inspect.signature(InvalidRequestRegionException).parameters.keys()
        - {"status", "request_id", "retry_after"}
    )
    | {"Message", "__type"}
)


def good_answers(token: str) -> list[dict[str, object]]:
    """Generate responses in the service's form, with this token wherever one is expected."""
    return [
        {"accessToken": token, "expiresIn": 28800, "refreshToken": token, "tokenType": "Bearer"},
        {
            "clientId": "cid",
            "clientIdIssuedAt": 1_800_000_000,
            "clientSecret": token,
            "clientSecretExpiresAt": 1_807_000_000,
        },
        {
            "deviceCode": token,
            "expiresIn": 600,
            "interval": 1,
            "userCode": "BCDF-GHJK",
            "verificationUri": "https://device.sso.us-east-1.amazonaws.com/",
            "verificationUriComplete": f"https://device.sso.us-east-1.amazonaws.com/?user_code={token}",
        },
        {
            "accessToken": token,
            "idToken": token,
            "scope": ["a"],
            "awsAdditionalDetails": {"identityContext": token},
        },
        {
            "roleCredentials": {
                "accessKeyId": "ASIA",
                "secretAccessKey": token,
                "sessionToken": token,
                "expiration": 1_800_000_000_000,
            }
        },
    ]


def an_operation(draw: st.DrawFn) -> AnyOperation:
    secrets = draw(st.tuples(SECRETS, SECRETS, SECRETS))
    return draw(st.sampled_from(operations(secrets)))


@st.composite
def jsonish(draw: st.DrawFn) -> tuple[AnyOperation, HttpResponse]:
    members = draw(st.dictionaries(st.sampled_from(MEMBERS), JSON, max_size=8))
    body = json.dumps(draw(st.sampled_from([members, [members]]) | JSON)).encode()
    names = st.sampled_from(ERROR_NAMES) | TEXTS
    headers = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "Content-Type": st.sampled_from(["application/json", "text/html"]) | TEXTS,
                "x-amzn-ErrorType": names,
                "x-amzn-RequestId": TEXTS,
                "x-amz-retry-after": TEXTS | st.integers().map(str),
            },
        )
    )
    return an_operation(draw), HttpResponse(draw(STATUSES), headers, body)


@given(jsonish())
def test_json_gives_a_model_or_a_documented_error(
    case: tuple[AnyOperation, HttpResponse],
) -> None:
    """`parse` returns a model, or raises ServiceError or ResponseParseError."""
    operation, response = case
    assert_hides(outcome(operation, response), secrets_of(operation))


@given(
    st.tuples(SECRETS, SECRETS, SECRETS).map(operations).flatmap(st.sampled_from),
    STATUSES,
    st.lists(
        st.tuples(st.sampled_from(["content-type", "x-amzn-errortype", "requestid"]) | TEXTS, TEXTS)
    ),
    st.binary(max_size=200),
)
def test_raw_bytes_give_a_model_or_a_documented_error(
    operation: AnyOperation, status: int, headers: list[tuple[str, str]], body: bytes
) -> None:
    """The same rule for bodies that are not JSON, not UTF-8, or not text."""
    assert_hides(outcome(operation, HttpResponse(status, headers, body)), secrets_of(operation))


Mutation: TypeAlias = Callable[[bytes], bytes]


def mutations() -> st.SearchStrategy[Mutation]:
    """Cut, delete, insert or flip bytes, as in a broken transmission."""

    def cut(at: int) -> Mutation:
        return lambda body: body[: at % (len(body) + 1)]

    def drop(at: int) -> Mutation:
        return lambda body: body[: at % (len(body) + 1)] + body[at % (len(body) + 1) + 1 :]

    def insert(at: int, what: bytes) -> Mutation:
        return lambda body: body[: at % (len(body) + 1)] + what + body[at % (len(body) + 1) :]

    where = st.integers(0, 10_000)
    return st.one_of(
        where.map(cut), where.map(drop), st.builds(insert, where, st.binary(min_size=1, max_size=3))
    )


@st.composite
def mutated(draw: st.DrawFn) -> tuple[AnyOperation, HttpResponse, str]:
    token = draw(TOKENS)
    body = json.dumps(draw(st.sampled_from(good_answers(token)))).encode()
    for mutation in draw(st.lists(mutations(), min_size=1, max_size=5)):
        body = mutation(body)
    kind = draw(st.sampled_from(["application/json", "text/plain", "application/octet-stream"]))
    return an_operation(draw), HttpResponse(draw(STATUSES), {"Content-Type": kind}, body), token


@given(mutated())
def test_a_broken_answer_shows_no_token(case: tuple[AnyOperation, HttpResponse, str]) -> None:
    """`excerpt`: text that looks like JSON is not quoted, since an invalid response may contain a token."""
    operation, response, token = case
    result = outcome(operation, response)
    assert_hides(result, [token, *secrets_of(operation)])


@given(SECRETS, st.integers(0, 4), st.integers(1, 400), STATUSES, st.data())
def test_an_answer_cut_short_shows_nothing(
    value: str, which: int, cut: int, status: int, data: st.DataObject
) -> None:
    """The same for values as short as a user code: truncated JSON is recognized by its beginning."""
    body = json.dumps(good_answers(value)[which]).encode()
    operation = data.draw(st.sampled_from(operations(["zQ7-1", "zQ7-2", "zQ7-3"])))
    result = outcome(operation, HttpResponse(status, {}, body[: -1 - cut % len(body)]))
    assert_hides(result, [value])


@given(TOKENS, st.tuples(SECRETS, SECRETS, SECRETS))
def test_a_good_answer_shows_no_token(token: str, secrets: tuple[str, str, str]) -> None:
    """Models mask secrets in repr, str, model_dump() and model_dump_json()."""
    models = 0
    for operation in operations(secrets):
        for members in good_answers(token):
            body = json.dumps(members).encode()
            result = outcome(operation, HttpResponse(200, {}, body))
            if isinstance(result, BaseModel):
                models += 1
                assert token not in f"{result!r} {result}"
                # The URI that contains the code is not secret in the model, only excluded from its repr.
                plain = result.model_dump(exclude={"verification_uri_complete"})
                assert token not in str(plain)
            assert_hides(result, [token])
    assert models >= len(operations(secrets))


@st.composite
def echoes(draw: st.DrawFn) -> tuple[AnyOperation, HttpResponse]:
    """Generate responses that contain secrets of the request anywhere."""
    operation = an_operation(draw)
    sent = secrets_of(operation) or ["zQ7-none"]
    around = st.sampled_from(["", " ", "'", '"', ":", "#", ",", "=", "\0", "é", "x" * 490]) | TEXTS
    echo = st.builds(
        lambda before, secret, behind: f"{before}{secret}{behind}",
        around,
        st.sampled_from(sent),
        around,
    )
    anything = echo | st.sampled_from([*ERROR_NAMES, *OAUTH_CODES]) | TEXTS
    texts = [
        "error",
        "error_description",
        "reason",
        "message",
        "code",
        "__type",
        "endpoint",
        "region",
    ]
    members = draw(st.dictionaries(st.sampled_from(texts), anything, max_size=8))
    words = " ".join(draw(st.lists(anything, max_size=6)))
    long = "<p>" * draw(st.integers(0, 900))
    bodies = [
        json.dumps(members).encode(),
        json.dumps(members).encode()[:-2],
        json.dumps([members]).encode(),
        json.dumps({draw(anything): draw(anything)}).encode(),
        f"<html><title>{words}</title>{long}{words}</html>".encode("utf-8", "replace"),
        words.encode("utf-8", "replace"),
        words.encode("utf-16-le", "replace"),
        b" ".join([words.encode("utf-8", "replace")] * 40),
    ]
    names = ["content-type", "x-amzn-errortype", "x-amzn-requestid", "requestid", "location"]
    value = echo | st.sampled_from(sent) | anything
    headers = draw(st.fixed_dictionaries({}, optional=dict.fromkeys(names, value)))
    return operation, HttpResponse(draw(STATUSES), headers, draw(st.sampled_from(bodies)))


@given(echoes())
def test_an_echo_of_the_request_shows_no_secret(case: tuple[AnyOperation, HttpResponse]) -> None:
    """`rest_json`: secrets of the request are removed from a response's text before it is part of an error."""
    operation, response = case
    assert_hides(outcome(operation, response), secrets_of(operation))
