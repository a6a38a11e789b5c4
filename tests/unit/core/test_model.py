"""`ssooidc_core._model`: the base of all models, and the encoding of secrets and integers."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from pydantic import SecretStr, ValidationError
from pydantic_core import to_json as pydantic_to_json
from pydantic_core import to_jsonable_python

from ssooidc_core import (
    AuthorizationCodeGrant,
    AwsAdditionalDetails,
    ConfigurationError,
    CreateTokenResponse,
    CreateTokenWithIAMResponse,
    RefreshTokenGrant,
    RegisterClientRequest,
    RegisterClientResponse,
    StartDeviceAuthorizationResponse,
)
from ssooidc_core._model import WITH_SECRETS, Stored, as_secret, empty_if_absent, to_json
from ssooidc_core.portal import ListAccountsResponse

MASK = "**********"


def grant(secret: str = "s3cret") -> RefreshTokenGrant:
    return RefreshTokenGrant(
        client_id="id", client_secret=SecretStr(secret), refresh_token=SecretStr("aor")
    )


def device_answer(**members: object) -> StartDeviceAuthorizationResponse:
    body = {"deviceCode": "d", "userCode": "u", "verificationUri": "v", **members}
    return StartDeviceAuthorizationResponse.model_validate_json(json.dumps(body))


def problem_of(error: ValidationError) -> tuple[tuple[str | int, ...], str, str]:
    (problem,) = error.errors()
    return problem["loc"], problem["type"], problem["msg"]


@pytest.mark.parametrize("value", [None, 0, -1, -(10**30), 0.0, 0.5, -0.5, False])
def test_an_interval_that_is_null_or_below_one_reads_as_five(value: float | None) -> None:
    """RFC 8628 section 3.2: "If no value is provided, clients MUST use 5 as the default"."""
    assert device_answer(interval=value).interval == 5


@pytest.mark.parametrize("value", [None, 0, -1, 0.5])
def test_a_device_code_lifetime_that_is_null_or_below_one_reads_as_600(value: float | None) -> None:
    """The real service sends 600 (protocol.md section 7); 0, the model's default, would end every login at once."""
    assert device_answer(expiresIn=value).expires_in == 600


def test_an_absent_interval_and_lifetime_read_as_five_and_600() -> None:
    answer = device_answer()
    assert (answer.interval, answer.expires_in) == (5, 600)


@pytest.mark.parametrize(("value", "read"), [(1, 1), (1.0, 1), (7, 7), (2**31 - 1, 2**31 - 1)])
def test_an_interval_of_one_or_more_is_kept(value: float, read: int) -> None:
    assert device_answer(interval=value, expiresIn=value).interval == read
    assert device_answer(interval=value, expiresIn=value).expires_in == read


@pytest.mark.parametrize("name", ["interval", "expiresIn"])
@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (2**31, "less_than_equal"),
        (10**30, "less_than_equal"),
        (1.5, "int_from_float"),
        (float("nan"), "finite_number"),
        (float("inf"), "finite_number"),
        ("soon", "int_parsing"),
        ([5], "int_type"),
        ({}, "int_type"),
    ],
)
def test_a_wait_that_is_no_bounded_integer_is_refused(
    name: str, value: object, problem: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        _ = device_answer(**{name: value})
    assert problem_of(caught.value)[:2] == ((name,), problem)


@pytest.mark.parametrize(
    ("members", "read"),
    [
        ("{}", 0),
        ('{"expiresIn":null}', 0),
        ('{"expiresIn":0}', 0),
        ('{"expiresIn":28800}', 28800),
        ('{"expiresIn":2147483647}', 2147483647),
    ],
)
def test_an_absent_integer_reads_as_the_models_default_zero(members: str, read: int) -> None:
    """Service model: `expiresIn` has the default 0; restJson1: a null member is an absent one."""
    body = json.dumps({"accessToken": "a", **json.loads(members)})
    assert CreateTokenResponse.model_validate_json(body).expires_in == read


@pytest.mark.parametrize(
    "value", ["-1", "2147483648", "1e400", "NaN", "1.5", '"soon"', "[1]", "{}"]
)
def test_an_integer_out_of_bounds_is_one_problem_with_a_name_of_our_own(value: str) -> None:
    with pytest.raises(ValidationError) as caught:
        _ = CreateTokenResponse.model_validate_json('{"accessToken":"a","expiresIn":' + value + "}")
    assert problem_of(caught.value) == (
        ("expiresIn",),
        "bounded_integer",
        "Input should be an integer from 0 to 2147483647",
    )


def test_epoch_seconds_end_with_the_last_second_that_datetime_knows() -> None:
    body = '{"clientId":"i","clientSecret":"s","clientSecretExpiresAt":%d}'
    latest = RegisterClientResponse.model_validate_json(body % 253_402_300_799)
    assert str(latest.expires_at) == "9999-12-31 23:59:59+00:00"
    with pytest.raises(ValidationError, match="an integer from 0 to 253402300799"):
        _ = RegisterClientResponse.model_validate_json(body % 253_402_300_800)


def test_unknown_members_of_an_answer_are_ignored() -> None:
    """restJson1: "clients MUST ignore unknown members"; the real service sends three of them."""
    body = (
        '{"accessToken":"a","aws_sso_app_session_id":null,"originSessionId":"o","x":{"y":[1]},'
        '"access_token_":7}'
    )
    answer = CreateTokenResponse.model_validate_json(body)
    assert answer == CreateTokenResponse(access_token=SecretStr("a"))
    assert to_json(answer) == b'{"accessToken":"a","expiresIn":0}'


def test_unknown_arguments_of_a_request_are_refused() -> None:
    """A misspelt optional argument must not be ignored."""
    members = {"client_name": "n", "client_type": "public", "scope": ("a",)}
    with pytest.raises(ValidationError) as caught:
        _ = RegisterClientRequest.model_validate(members)
    assert problem_of(caught.value)[:2] == (("scope",), "extra_forbidden")


def test_null_members_of_an_answer_read_as_absent() -> None:
    body = (
        '{"accessToken":"a","tokenType":null,"refreshToken":null,"idToken":null,"expiresIn":null}'
    )
    assert CreateTokenResponse.model_validate_json(body) == CreateTokenResponse(
        access_token=SecretStr("a")
    )


def test_a_null_list_reads_as_empty() -> None:
    assert ListAccountsResponse.model_validate_json('{"accountList":null}').account_list == ()
    assert empty_if_absent(None) == ()
    assert empty_if_absent([1]) == [1]


def test_absent_members_are_left_out_and_empty_lists_are_sent() -> None:
    """RestJsonDoesntSerializeNullStructureValues, RestJsonListsEmpty."""
    request = RegisterClientRequest(
        client_name="n", client_type="public", scopes=(), issuer_url=None
    )
    assert to_json(request) == b'{"clientName":"n","clientType":"public","scopes":[]}'


def test_text_is_sent_as_utf_8() -> None:
    request = RegisterClientRequest(client_name='Ü"\\\n🙂', client_type="public")
    expected = '{"clientName":"Ü\\"\\\\\\n🙂","clientType":"public"}'.encode()
    assert to_json(request) == expected


@pytest.mark.parametrize(
    "model",
    [
        grant(),
        RegisterClientRequest(client_name="n", client_type="public", scopes=("a", "b")),
        RegisterClientResponse(client_id="i", client_secret=SecretStr("s")),
        CreateTokenResponse(access_token=SecretStr("a"), refresh_token=SecretStr("r")),
        CreateTokenWithIAMResponse(
            access_token=SecretStr("a"),
            scope=("openid",),
            aws_additional_details=AwsAdditionalDetails(identity_context=SecretStr("i")),
        ),
        device_answer(interval=7, expiresIn=9, verificationUriComplete="w"),
    ],
    ids=lambda model: type(model).__name__,
)
def test_models_round_trip_hash_compare_pickle_and_copy(
    model: RegisterClientRequest | CreateTokenResponse,
) -> None:
    same = type(model).model_validate_json(to_json(model))
    assert same == model
    assert hash(same) == hash(model)
    assert pickle.loads(pickle.dumps(model)) == model
    assert copy.copy(model) == model
    assert copy.deepcopy(model) == model
    assert len({model, same}) == 1


def test_models_differ_where_a_secret_differs() -> None:
    assert grant("one") != grant("two")
    assert hash(grant("one")) != hash(grant("two"))


def test_models_are_frozen() -> None:
    request = grant()
    with pytest.raises(ValidationError) as caught:
        setattr(request, "client_id", "other")  # noqa: B010 - checkers refuse the plain form
    assert problem_of(caught.value)[1] == "frozen_instance"
    assert request == grant()


def test_a_list_becomes_a_tuple_and_a_string_is_no_list() -> None:
    members: dict[str, object] = {"client_name": "n", "client_type": "public"}
    made = RegisterClientRequest.model_validate({**members, "scopes": ["a", "b"]})
    assert made.scopes == ("a", "b")
    with pytest.raises(ValidationError) as caught:
        _ = RegisterClientRequest.model_validate({**members, "scopes": "sso:account:access"})
    assert problem_of(caught.value)[1] == "tuple_type"


@pytest.mark.parametrize("members", [{}, {"grant_type": "refresh_token"}])
def test_the_grant_type_is_fixed_at_run_time_as_well(members: dict[str, str]) -> None:
    """Type checkers reject the argument; a document with the right value is read, for the emulator."""
    text = {"client_id": "id", "client_secret": "s3cret", "refresh_token": "aor"}
    made = RefreshTokenGrant.model_validate({**text, **members})
    assert made == grant()
    assert made.grant_type == "refresh_token"
    with pytest.raises(ValidationError) as caught:
        _ = RefreshTokenGrant.model_validate({**text, "grant_type": "authorization_code"})
    assert problem_of(caught.value)[:2] == (("grant_type",), "literal_error")


@pytest.mark.parametrize("value", [MASK, SecretStr(MASK)], ids=["str", "SecretStr"])
def test_the_mask_is_refused_as_a_secret(value: str | SecretStr) -> None:
    """The output of `model_dump_json()` must not be read back as a secret."""
    with pytest.raises(ValidationError) as caught:
        _ = CreateTokenResponse.model_validate({"access_token": value})
    assert problem_of(caught.value) == (
        ("access_token",),
        "secret",
        "Input should be a SecretStr, and not **********, which hides one in a dump",
    )


def test_the_mask_is_refused_in_a_document() -> None:
    dumped = grant().model_dump_json(by_alias=True)
    with pytest.raises(ValidationError) as caught:
        _ = RefreshTokenGrant.model_validate_json(dumped)
    assert [(problem["loc"], problem["type"]) for problem in caught.value.errors()] == [
        (("client_secret",), "masked_secret"),
        (("refresh_token",), "masked_secret"),
    ]


@pytest.mark.parametrize("value", ["*" * 9, "*" * 11, "********** ", ""])
def test_only_the_mask_itself_is_refused(value: str) -> None:
    assert grant(value).client_secret.get_secret_value() == value


@pytest.mark.parametrize("value", [5, None, ["s"], {}])
def test_a_secret_is_a_string(value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        _ = CreateTokenResponse.model_validate({"access_token": value})
    assert problem_of(caught.value)[1] == "secret"


def test_secrets_are_masked_in_every_default_dump() -> None:
    request = grant()
    for dumped in (
        repr(request),
        str(request),
        f"{request}",
        str(request.model_dump()),
        str(request.model_dump(mode="json")),
        request.model_dump_json(),
        json.dumps(request.model_dump(), default=str),
        pydantic_to_json(request).decode(),
        str(to_jsonable_python(request)),
        request.model_dump_json(context="with secrets"),
        request.model_dump_json(context=object()),
        request.model_dump_json(context={"with_secrets": True}),
    ):
        assert "s3cret" not in dumped
        assert "aor" not in dumped
        assert dumped.count(MASK) == 2


def test_secrets_are_revealed_to_the_encoder_and_to_who_says_so() -> None:
    expected = b'{"grantType":"refresh_token","clientId":"id","clientSecret":"s3cret","refreshToken":"aor"}'
    assert to_json(grant()) == expected
    dumped = grant().model_dump_json(by_alias=True, exclude_none=True, context=WITH_SECRETS)
    assert dumped.encode() == expected


@pytest.mark.parametrize("surrogate", ["\ud800", "x\udc80x"])
def test_a_lone_surrogate_gives_a_documented_error_that_quotes_nothing(surrogate: str) -> None:
    """UTF-8 cannot encode one (RFC 3629 section 3)."""
    secret = f"canary{surrogate}"
    for model in (
        grant(secret),
        grant().model_copy(update={"client_id": secret}),
        AuthorizationCodeGrant(
            client_id="i",
            client_secret=SecretStr("s"),
            code=SecretStr("c"),
            redirect_uri="r",
            code_verifier=SecretStr("v"),
            scope=(secret,),
        ),
    ):
        with pytest.raises(ConfigurationError) as caught:
            _ = to_json(model)
        assert str(caught.value) == f"{type(model).__name__} contains text that UTF-8 cannot encode"
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None


def test_as_secret_wraps_a_string_and_keeps_a_secret() -> None:
    secret = SecretStr("s")
    assert as_secret("s") == secret
    assert as_secret(secret) is secret


def test_a_stored_document_ignores_what_it_does_not_know() -> None:
    """An older version can read a newer version's document."""

    class Note(Stored, frozen=True):
        note_text: str

    assert Note.model_validate_json('{"noteText":"n","newer":1}') == Note(note_text="n")
    assert to_json(Note(note_text="n")) == b'{"noteText":"n"}'
