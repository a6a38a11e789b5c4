"""Requests: they match those that botocore's own client sends for the same parameters."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, cast

import pytest
from botocore.exceptions import ParamValidationError
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

import ssooidc_core as core
from ssooidc_core import ClientConfig, ConfigurationError, Credentials, HttpRequest, Instant, portal
from ssooidc_core._model import Request
from ssooidc_core._program import Operation

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest

    from tests.conformance.conftest import BotocoreWire, Tally

GROUP: Final = "requests"
CONFIG: Final = ClientConfig(
    region="us-east-1",
    endpoint_url="https://endpoint.example/base",
    portal_endpoint_url="https://endpoint.example/base",
    credentials=Credentials.of("AKIDEXAMPLE", "secret"),
)
NOW: Final = Instant(datetime(2026, 11, 24, tzinfo=UTC), 0.0)
MASK: Final = "**********"
# These differ by clock, program and attempt; the signature has a separate module.
OWN_VALUES: Final = frozenset(
    {"amz-sdk-invocation-id", "amz-sdk-request", "authorization", "user-agent", "x-amz-date"}
)

Parameters: TypeAlias = dict[str, Any]
Members: TypeAlias = dict[str, st.SearchStrategy[Any]]

ODD: Final = st.sampled_from(
    ["", " ", "\0", "\n", "a b+~/%&=?#", "*'()!", "%20", "ü", "日本", "😀", '"\\', "\u2028", "</script>", "-0", "null"]
)  # fmt: skip
TEXT: Final = st.text(st.characters(exclude_categories=["Cs"])) | ODD
SECRET: Final = TEXT.filter(lambda text: text != MASK)
TEXTS: Final = st.lists(TEXT, max_size=4)
VISIBLE: Final = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
BEARER: Final = st.text(VISIBLE, min_size=1).filter(lambda text: text != MASK)
CLIENT: Final[Members] = {"clientId": TEXT, "clientSecret": SECRET}
SCOPE: Final[Members] = {"scope": TEXTS}
PAGES: Final[Members] = {"nextToken": TEXT, "maxResults": st.integers(1, 100)}
ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"
REFRESH_TOKEN: Final = "urn:ietf:params:oauth:token-type:refresh_token"
DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
JWT_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
EXCHANGE_GRANT: Final = "urn:ietf:params:oauth:grant-type:token-exchange"


class Row(NamedTuple):
    """An operation, or one grant of it, with its members under their names on the wire."""

    name: str
    build: Callable[[Any], Operation[object, Exception]]
    model: type[Request]
    required: Members
    optional: Members

    @property
    def service(self) -> str:
        return "sso" if "portal" in self.model.__module__ else "sso-oidc"

    @property
    def operation(self) -> str:
        return self.name.partition(" ")[0]

    @property
    def grant(self) -> dict[str, str]:
        grant = self.name.partition(" ")[2]
        return {"grantType": grant} if grant else {}

    @property
    def any_members(self) -> st.SearchStrategy[Parameters]:
        return st.fixed_dictionaries(self.required, optional=self.optional)

    def request(self, parameters: Parameters) -> HttpRequest:
        """Return our complete request, signed if the operation is; our models add the grant type."""
        return self.build(self.model.model_validate(parameters)).http_request(CONFIG, NOW)

    def by_botocore(self, wire: BotocoreWire, parameters: Parameters) -> AWSPreparedRequest:
        """Return botocore's request, with members in the model's order: its query keeps the order of arguments."""
        shape = wire.model.operation_model(self.operation).input_shape
        assert shape is not None
        order = list(shape.members)
        given = sorted(
            {**parameters, **self.grant}.items(),
            key=lambda each: order.index(each[0]) if each[0] in order else len(order),
        )
        return wire.request(self.operation, dict(given))


ROWS: Final = [
    Row(
        "RegisterClient",
        core.register_client,
        core.RegisterClientRequest,
        {"clientName": TEXT, "clientType": TEXT},
        dict.fromkeys(("scopes", "redirectUris", "grantTypes"), TEXTS)
        | dict.fromkeys(("issuerUrl", "entitledApplicationArn"), TEXT),
    ),
    Row(
        "StartDeviceAuthorization",
        core.start_device_authorization,
        core.StartDeviceAuthorizationRequest,
        {**CLIENT, "startUrl": TEXT},
        {},
    ),
    Row(
        f"CreateToken {DEVICE_GRANT}",
        core.create_token,
        core.DeviceCodeGrant,
        {**CLIENT, "deviceCode": SECRET},
        SCOPE,
    ),
    Row(
        "CreateToken authorization_code",
        core.create_token,
        core.AuthorizationCodeGrant,
        {**CLIENT, "code": SECRET, "redirectUri": TEXT, "codeVerifier": SECRET},
        SCOPE,
    ),
    Row(
        "CreateToken refresh_token",
        core.create_token,
        core.RefreshTokenGrant,
        {**CLIENT, "refreshToken": SECRET},
        SCOPE,
    ),
    Row(
        "CreateTokenWithIAM authorization_code",
        core.create_token_with_iam,
        core.IamAuthorizationCodeGrant,
        {"clientId": TEXT, "code": SECRET, "redirectUri": TEXT},
        {"codeVerifier": SECRET, **SCOPE},
    ),
    Row(
        "CreateTokenWithIAM refresh_token",
        core.create_token_with_iam,
        core.IamRefreshTokenGrant,
        {"clientId": TEXT, "refreshToken": SECRET},
        SCOPE,
    ),
    Row(
        f"CreateTokenWithIAM {JWT_GRANT}",
        core.create_token_with_iam,
        core.JwtBearerGrant,
        {"clientId": TEXT, "assertion": SECRET},
        SCOPE,
    ),
    Row(
        f"CreateTokenWithIAM {EXCHANGE_GRANT}",
        core.create_token_with_iam,
        core.TokenExchangeGrant,
        {"clientId": TEXT, "subjectToken": SECRET, "subjectTokenType": st.just(ACCESS_TOKEN)},
        {"requestedTokenType": st.sampled_from([ACCESS_TOKEN, REFRESH_TOKEN]), **SCOPE},
    ),
    Row(
        "GetRoleCredentials",
        portal.get_role_credentials,
        portal.GetRoleCredentialsRequest,
        {"roleName": TEXT, "accountId": TEXT, "accessToken": BEARER},
        {},
    ),
    Row(
        "ListAccounts",
        portal.list_accounts,
        portal.ListAccountsRequest,
        {"accessToken": BEARER},
        PAGES,
    ),
    Row(
        "ListAccountRoles",
        portal.list_account_roles,
        portal.ListAccountRolesRequest,
        {"accessToken": BEARER, "accountId": TEXT},
        PAGES,
    ),
    Row("Logout", portal.logout, portal.LogoutRequest, {"accessToken": BEARER}, {}),
]
each_row: Final = pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])


def assert_same(mine: HttpRequest, theirs: AWSPreparedRequest) -> None:
    """Compare the complete requests: the URL as a string, the body as a JSON value."""
    assert (mine.method, mine.url) == (theirs.method, theirs.url)
    fields = {name.lower(): value for name, value in mine.headers.fields}
    assert len(fields) == len(mine.headers.fields)
    # The stubs only allow strings.
    headers = cast("Mapping[str, str | bytes]", theirs.headers)
    expected = {
        name.lower(): value.decode() if isinstance(value, bytes) else value
        for name, value in headers.items()
    }
    body = theirs.body or b""
    assert isinstance(body, bytes)
    # Here, the transport sets the length of the body.
    length = expected.pop("content-length", None)
    assert length == (None if mine.method == "GET" else str(len(body)))
    assert fields.keys() == expected.keys()
    for name in fields.keys() - OWN_VALUES:
        assert fields[name] == expected[name], name
    assert bool(mine.body) == bool(body)
    if body:
        assert json.loads(mine.body) == json.loads(body)


def test_every_operation_of_both_services_has_its_row(wires: dict[str, BotocoreWire]) -> None:
    for service, wire in wires.items():
        operations = {row.operation for row in ROWS if row.service == service}
        assert operations == set(wire.model.operation_names)


@each_row
def test_any_members(row: Row, wires: dict[str, BotocoreWire], tally: Tally) -> None:
    @given(row.any_members)
    def check(parameters: Parameters) -> None:
        theirs = row.by_botocore(wires[row.service], parameters)
        assert_same(row.request(parameters), theirs)
        tally.ran()

    check()


def sample(row: Row) -> Parameters:
    """Return one value for each member."""
    known: Parameters = {
        "maxResults": 7,
        "subjectTokenType": ACCESS_TOKEN,
        "requestedTokenType": REFRESH_TOKEN,
    }
    lists = {"scope", "scopes", "redirectUris", "grantTypes"}
    names = row.required | row.optional
    return {name: ["a"] if name in lists else known.get(name, "text") for name in names}


WRONG: Final[tuple[object, ...]] = (None, 0, 2.5, {}, [1], [None], ["a", 1], b"bytes")


@each_row
def test_what_botocore_refuses_we_refuse(
    row: Row, wires: dict[str, BotocoreWire], tally: Tally
) -> None:
    """A missing member, a wrong type, or a name that the model does not have."""
    whole = sample(row)
    for name in whole:
        missing = {each: value for each, value in whole.items() if each != name}
        for parameters in (
            missing,
            {**whole, "clientNmae": "x"},
            *({**whole, name: bad} for bad in WRONG),
        ):
            try:
                _ = row.by_botocore(wires[row.service], parameters)
            except ParamValidationError:
                tally.ran()
            else:
                continue
            value = parameters.get(name)
            if name in row.optional and parameters == {**whole, name: None}:
                assert_same(row.request(parameters), row.by_botocore(wires[row.service], missing))
                tally.differs("none-is-an-absent-argument")
            elif isinstance(value, bytes) and whole[name] == "text":
                text = {**whole, name: value.decode()}
                assert_same(row.request(parameters), row.by_botocore(wires[row.service], text))
                tally.differs("text-may-be-given-as-bytes")
            else:
                with pytest.raises(ValidationError):
                    row.request(parameters)


@each_row
def test_members_by_their_python_names(
    row: Row, wires: dict[str, BotocoreWire], tally: Tally
) -> None:
    whole = sample(row)
    wire_names = {field.alias or name: name for name, field in row.model.model_fields.items()}
    parameters = {wire_names[name]: value for name, value in whole.items()}
    assert_same(row.request(parameters), row.by_botocore(wires[row.service], whole))
    tally.ran()
    with pytest.raises(ParamValidationError):
        row.by_botocore(wires[row.service], parameters)
    tally.differs("arguments-are-snake-case")


@each_row
def test_texts_that_are_not_sent(row: Row, wires: dict[str, BotocoreWire], tally: Tally) -> None:
    """A lone surrogate, which UTF-8 cannot encode, and the mask that replaces a secret in a dump."""
    whole, wire = sample(row), wires[row.service]
    for name in [each for each, value in whole.items() if value == "text"]:
        broken = {**whole, name: "\ud800"}
        with pytest.raises(ConfigurationError):
            row.request(broken)
        tally.ran()
        if row.service == "sso-oidc":
            assert b'"\\ud800"' in (row.by_botocore(wire, broken).body or b"")
            tally.differs("a-lone-surrogate-is-not-sent")
        elif name != "accessToken":
            with pytest.raises(UnicodeEncodeError):
                row.by_botocore(wire, broken)
        masked = {**whole, name: MASK}
        theirs = row.by_botocore(wire, masked)
        tally.ran()
        if (row.required | row.optional)[name] in {SECRET, BEARER}:
            with pytest.raises(ValidationError):
                row.request(masked)
            tally.differs("the-mask-is-no-secret")
        else:
            assert_same(row.request(masked), theirs)


@pytest.mark.parametrize("bad", ["", " ", "a b", "a\r\nX-Other: b", "\u00fc", "\x7f"])
def test_a_bearer_token_that_no_header_can_hold(
    bad: str, wires: dict[str, BotocoreWire], tally: Tally
) -> None:
    for row in ROWS[-4:]:
        parameters = {**sample(row), "accessToken": bad}
        assert (
            row.by_botocore(wires["sso"], parameters).headers["x-amz-sso_bearer_token"] is not None
        )
        with pytest.raises(ConfigurationError):
            row.request(parameters)
        tally.ran()
        tally.differs("a-bearer-token-fits-its-header")


def test_a_page_has_1_to_100_entries(wires: dict[str, BotocoreWire], tally: Tally) -> None:
    for row in ROWS[-3:-1]:
        for most in (-1, 0, 101, 2**40):
            parameters = {**sample(row), "maxResults": most}
            with pytest.raises(ValidationError):
                row.request(parameters)
            tally.ran()
            if most > 0:
                assert f"max_result={most}" in row.by_botocore(wires["sso"], parameters).url
                tally.differs("a-page-is-bounded")
            else:
                with pytest.raises(ParamValidationError):
                    row.by_botocore(wires["sso"], parameters)


@pytest.mark.parametrize(
    ("operation", "adapter"),
    [
        ("CreateToken", TypeAdapter(core.CreateTokenRequest)),
        ("CreateTokenWithIAM", TypeAdapter(core.CreateTokenWithIAMRequest)),
    ],
)
def test_a_grant_with_any_of_the_members(
    operation: str, adapter: TypeAdapter[Any], wires: dict[str, BotocoreWire], tally: Tally
) -> None:
    """botocore sends any members with any grant type; we have a model for each grant that can succeed."""
    grants = {row.grant["grantType"]: row for row in ROWS if row.operation == operation}
    members: Members = {
        name: values
        for row in grants.values()
        for name, values in (row.required | row.optional).items()
    }
    client: Members = {
        name: members.pop(name) for name in ("clientId", "clientSecret") if name in members
    }
    fitting = st.one_of([st.tuples(st.just(name), row.any_members) for name, row in grants.items()])
    names = st.sampled_from([*grants, "password", f"{DEVICE_GRANT}s"])

    @given(fitting | st.tuples(names, st.fixed_dictionaries(client, optional=members)))
    def check(drawn: tuple[str, Parameters]) -> None:
        grant, parameters = drawn
        whole = {"grantType": grant, **parameters}
        theirs = wires["sso-oidc"].request(operation, whole)
        tally.ran()
        row = grants.get(grant)
        if row is None or not (
            row.required.keys() - {"subjectTokenType"}
            <= parameters.keys()
            <= row.required.keys() | row.optional.keys()
        ):
            with pytest.raises(ValidationError):
                adapter.validate_python(whole)
            tally.differs("a-grant-has-its-own-members")
            return
        if "subjectToken" in parameters:
            # The only type that the service supports is the default.
            whole["subjectTokenType"] = ACCESS_TOKEN
            theirs = wires["sso-oidc"].request(operation, whole)
        mine = row.build(adapter.validate_python({"grantType": grant, **parameters}))
        assert_same(mine.http_request(CONFIG, NOW), theirs)

    check()
