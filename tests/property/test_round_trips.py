"""Every value that is encoded is read back as the same value, and `null` is read as absent."""

from __future__ import annotations

import json
import pickle
from typing import Annotated, Any, Final, TypeVar, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Discriminator, SecretStr, TypeAdapter, ValidationError

import ssooidc_core as core
from ssooidc_core import ConfigurationError, portal
from ssooidc_core._model import to_json
from ssooidc_core.flows.authorization_code import PendingCodeLogin
from ssooidc_core.flows.device import PendingDeviceLogin

MASK: Final = "**********"
# Any text that UTF-8 can encode; for secrets, except the mask.
TEXT: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SECRET: Final = TEXT.filter(lambda text: text != MASK).map(SecretStr)
SCOPE: Final = st.none() | st.lists(TEXT, max_size=3).map(tuple)
MAYBE_TEXT: Final = st.none() | TEXT
MAYBE_SECRET: Final = st.none() | SECRET
SECONDS: Final = st.integers(0, 2**31 - 1)
EPOCH: Final = st.integers(0, 253_402_300_799)

M = TypeVar("M", bound=BaseModel)

BUILT: Final[set[type[BaseModel]]] = set()


def built(model: type[M], /, **members: st.SearchStrategy[Any]) -> st.SearchStrategy[M]:
    """Build a model like `st.builds`, but without guessing members with an alias; no member is omitted."""
    given_by_hand = {name for name, field in model.model_fields.items() if field.init is not False}
    assert members.keys() == given_by_hand, model
    BUILT.add(model)
    return st.fixed_dictionaries(members).map(lambda drawn: model(**drawn))


CREATE_TOKEN: Final[st.SearchStrategy[BaseModel]] = st.one_of(
    built(
        core.DeviceCodeGrant,
        client_id=TEXT,
        client_secret=SECRET,
        device_code=SECRET,
        scope=SCOPE,
    ),
    built(
        core.AuthorizationCodeGrant,
        client_id=TEXT,
        client_secret=SECRET,
        code=SECRET,
        redirect_uri=TEXT,
        code_verifier=SECRET,
        scope=SCOPE,
    ),
    built(
        core.RefreshTokenGrant,
        client_id=TEXT,
        client_secret=SECRET,
        refresh_token=SECRET,
        scope=SCOPE,
    ),
)
ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"
REFRESH_TOKEN: Final = "urn:ietf:params:oauth:token-type:refresh_token"
CREATE_TOKEN_WITH_IAM: Final[st.SearchStrategy[BaseModel]] = st.one_of(
    built(
        core.IamAuthorizationCodeGrant,
        client_id=TEXT,
        code=SECRET,
        redirect_uri=TEXT,
        code_verifier=MAYBE_SECRET,
        scope=SCOPE,
    ),
    built(core.IamRefreshTokenGrant, client_id=TEXT, refresh_token=SECRET, scope=SCOPE),
    built(core.JwtBearerGrant, client_id=TEXT, assertion=SECRET, scope=SCOPE),
    built(
        core.TokenExchangeGrant,
        client_id=TEXT,
        subject_token=SECRET,
        subject_token_type=st.just(ACCESS_TOKEN),
        requested_token_type=st.sampled_from([None, ACCESS_TOKEN, REFRESH_TOKEN]),
        scope=SCOPE,
    ),
)
REQUESTS: Final[st.SearchStrategy[BaseModel]] = st.one_of(
    built(
        core.RegisterClientRequest,
        client_name=TEXT,
        client_type=TEXT,
        scopes=SCOPE,
        redirect_uris=SCOPE,
        grant_types=SCOPE,
        issuer_url=MAYBE_TEXT,
        entitled_application_arn=MAYBE_TEXT,
    ),
    built(
        core.StartDeviceAuthorizationRequest, client_id=TEXT, client_secret=SECRET, start_url=TEXT
    ),
    built(portal.GetRoleCredentialsRequest, role_name=TEXT, account_id=TEXT, access_token=SECRET),
    built(
        portal.ListAccountsRequest,
        access_token=SECRET,
        next_token=MAYBE_TEXT,
        max_results=st.none() | st.integers(1, 100),
    ),
    built(
        portal.ListAccountRolesRequest,
        access_token=SECRET,
        account_id=TEXT,
        next_token=MAYBE_TEXT,
        max_results=st.none() | st.integers(1, 100),
    ),
    built(portal.LogoutRequest, access_token=SECRET),
)
REGISTRATION: Final = built(
    core.RegisterClientResponse,
    client_id=TEXT,
    client_secret=SECRET,
    client_id_issued_at=EPOCH,
    client_secret_expires_at=EPOCH,
    authorization_endpoint=MAYBE_TEXT,
    token_endpoint=MAYBE_TEXT,
)
RESPONSES: Final[st.SearchStrategy[BaseModel]] = st.one_of(
    REGISTRATION,
    built(
        core.StartDeviceAuthorizationResponse,
        device_code=SECRET,
        user_code=TEXT,
        verification_uri=TEXT,
        verification_uri_complete=MAYBE_TEXT,
        expires_in=st.integers(1, 2**31 - 1),
        interval=st.integers(1, 2**31 - 1),
    ),
    built(
        core.CreateTokenResponse,
        access_token=SECRET,
        token_type=MAYBE_TEXT,
        expires_in=SECONDS,
        refresh_token=MAYBE_SECRET,
        id_token=MAYBE_SECRET,
    ),
    built(
        core.CreateTokenWithIAMResponse,
        access_token=SECRET,
        token_type=MAYBE_TEXT,
        expires_in=SECONDS,
        refresh_token=MAYBE_SECRET,
        id_token=MAYBE_SECRET,
        issued_token_type=MAYBE_TEXT,
        scope=SCOPE,
        aws_additional_details=st.none()
        | built(core.AwsAdditionalDetails, identity_context=MAYBE_SECRET),
    ),
    built(
        portal.GetRoleCredentialsResponse,
        role_credentials=built(
            portal.RoleCredentials,
            access_key_id=TEXT,
            secret_access_key=SECRET,
            session_token=SECRET,
            expiration=st.integers(0, 253_402_300_799_999),
        ),
    ),
    built(
        portal.ListAccountsResponse,
        next_token=MAYBE_TEXT,
        account_list=st.lists(
            built(
                portal.AccountInfo,
                account_id=TEXT,
                account_name=MAYBE_TEXT,
                email_address=MAYBE_TEXT,
            ),
            max_size=3,
        ).map(tuple),
    ),
    built(
        portal.ListAccountRolesResponse,
        next_token=MAYBE_TEXT,
        role_list=st.lists(
            built(portal.RoleInfo, role_name=TEXT, account_id=MAYBE_TEXT), max_size=3
        ).map(tuple),
    ),
)
INSTANTS: Final = st.floats(0, 253_402_300_799, allow_nan=False)
PENDING: Final = built(
    PendingDeviceLogin,
    region=TEXT,
    client=REGISTRATION,
    device_code=SECRET,
    user_code=TEXT,
    verification_uri=TEXT,
    verification_uri_complete=MAYBE_TEXT,
    interval=st.integers(1, 2**31 - 1),
    failed_polls=SECONDS,
    polls=SECONDS,
    expires_at=INSTANTS,
    next_poll_at=INSTANTS,
)
PENDING_CODE: Final = built(
    PendingCodeLogin,
    region=TEXT,
    client=REGISTRATION,
    scopes=st.lists(TEXT, max_size=3).map(tuple),
    redirect_uri=TEXT,
    state=SECRET,
    code_verifier=SECRET,
    issuer=MAYBE_TEXT,
    expires_at=INSTANTS,
)
# Both kinds of pending login.
LOGINS: Final[st.SearchStrategy[PendingDeviceLogin | PendingCodeLogin]] = PENDING | PENDING_CODE

# The union that the emulator reads grants with, which `grant_type` discriminates.
GRANTS: Final = TypeAdapter[core.CreateTokenRequest](
    Annotated[core.CreateTokenRequest, Discriminator("grant_type")]
)
IAM_GRANTS: Final = TypeAdapter[core.CreateTokenWithIAMRequest](
    Annotated[core.CreateTokenWithIAMRequest, Discriminator("grant_type")]
)


@given(CREATE_TOKEN)
def test_grants_are_told_apart_by_their_type(grant: BaseModel) -> None:
    """`grant_type` is sent with a grant, and discriminates the union in the emulator."""
    read = GRANTS.validate_json(to_json(grant))
    assert read == grant
    assert type(read) is type(grant)
    assert hash(read) == hash(grant)


@given(CREATE_TOKEN_WITH_IAM)
def test_iam_grants_are_told_apart_by_their_type(grant: BaseModel) -> None:
    """The same for CreateTokenWithIAM."""
    read = IAM_GRANTS.validate_json(to_json(grant))
    assert read == grant
    assert type(read) is type(grant)
    assert hash(read) == hash(grant)


@given(REQUESTS | RESPONSES | CREATE_TOKEN | CREATE_TOKEN_WITH_IAM | PENDING)
def test_what_is_encoded_is_read_back(model: BaseModel) -> None:
    """`to_json` uses camelCase, omits absent members and unmasks secrets; sequences are tuples, so models hash."""
    encoded = to_json(model)
    read = type(model).model_validate_json(encoded)
    assert read == model
    assert hash(read) == hash(model)
    assert to_json(read) == encoded
    assert pickle.loads(pickle.dumps(model)) == model
    members = cast("dict[str, object]", json.loads(encoded))
    assert None not in members.values()
    assert not any("_" in name for name in members)


def with_nulls(model: BaseModel) -> dict[str, Any]:
    """Return the members as in JSON, absent ones as `null`."""
    members: dict[str, Any] = json.loads(to_json(model))
    for field in type(model).model_fields.values():
        _ = members.setdefault(str(field.alias or field.validation_alias), None)
    return members


@given(REQUESTS | RESPONSES | CREATE_TOKEN | CREATE_TOKEN_WITH_IAM | PENDING)
def test_null_reads_as_absent(model: BaseModel) -> None:
    """`null` is read as absent."""
    assert type(model).model_validate_json(json.dumps(with_nulls(model))) == model


@given(RESPONSES, st.data())
def test_a_default_is_what_null_and_absence_give(model: BaseModel, data: st.DataObject) -> None:
    """The same for members that have a default: `null` and an absent member both give the default."""
    members: dict[str, Any] = json.loads(to_json(model))
    optional = {
        str(field.alias or field.validation_alias)
        for field in type(model).model_fields.values()
        if not field.is_required()
    }
    chosen = data.draw(st.sets(st.sampled_from(sorted(optional or {"unknownMember"}))))
    absent = {name: value for name, value in members.items() if name not in chosen}
    read = type(model).model_validate_json(json.dumps(absent))
    assert type(model).model_validate_json(json.dumps(absent | dict.fromkeys(chosen))) == read


@given(RESPONSES | PENDING, st.dictionaries(TEXT.map("x".__add__), TEXT, max_size=3))
def test_responses_ignore_what_they_do_not_know(model: BaseModel, more: dict[str, str]) -> None:
    """Responses and stored documents ignore unknown members."""
    members: dict[str, Any] = json.loads(to_json(model))
    assert type(model).model_validate_json(json.dumps({**more, **members})) == model


@given(REQUESTS | CREATE_TOKEN | CREATE_TOKEN_WITH_IAM, TEXT.map("x".__add__))
def test_requests_refuse_what_they_do_not_know(model: BaseModel, name: str) -> None:
    """Requests refuse unknown arguments, so that a misspelt optional argument is not ignored."""
    members: dict[str, Any] = json.loads(to_json(model))
    with pytest.raises(ValidationError):
        _ = type(model).model_validate_json(json.dumps({**members, name: "x"}))


def test_every_model_is_built(every_model: frozenset[type[BaseModel]]) -> None:
    assert every_model == BUILT


@given(LOGINS)
def test_a_pending_login_survives_a_process(pending: PendingDeviceLogin | PendingCodeLogin) -> None:
    """A `PendingDeviceLogin` can be stored and restored in another process."""
    document = pending.to_json_with_secrets()
    assert type(pending).from_json(document) == pending
    assert type(pending).from_json(document.encode()) == pending


@given(LOGINS)
def test_a_masked_login_cannot_be_resumed(pending: PendingDeviceLogin | PendingCodeLogin) -> None:
    """`model_dump_json()` masks secrets, so its output cannot be resumed."""
    with pytest.raises(ConfigurationError) as caught:
        _ = type(pending).from_json(pending.model_dump_json(by_alias=True))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@given(st.text() | st.binary() | PENDING.map(lambda one: one.to_json_with_secrets()[1:]))
def test_any_other_document_is_refused(document: str | bytes) -> None:
    """`from_json` raises ConfigurationError for any other document."""
    with pytest.raises(ConfigurationError) as caught:
        _ = PendingDeviceLogin.from_json(document)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
