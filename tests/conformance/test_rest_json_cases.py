"""The restJson1 protocol's cases that apply to the two services: shapes declared like ours, through our codec.

No operation uses PUT, so the method is compared only for GET and POST cases. `Content-Length` is not compared, since
transports set it. Server cases use the models that read requests, or the emulator.
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, Final, cast
from urllib.parse import urlsplit

import pytest
from pydantic import BaseModel, BeforeValidator, Field, PlainSerializer, SecretStr, ValidationInfo

from ssooidc_core import ClientConfig, HttpRequest, HttpResponse, ServiceError
from ssooidc_core._model import Request, Response, to_json
from ssooidc_core._rest_json import header_value, json_post, parse, parse_empty
from ssooidc_core.portal import LogoutRequest, logout
from ssooidc_core.portal._requests import bearer_request
from ssooidc_emulator import IdentityCenter, seeded_entropy
from ssooidc_transports.testing import VirtualClock

if TYPE_CHECKING:
    from tests.conformance.conftest import Tally

GROUP: Final = "restJson1"
BASE: Final = "https://example.com"
TOKEN: Final = SecretStr("token")
ASKED: Final = logout(LogoutRequest(access_token=TOKEN))


def snake(members: Any) -> Any:  # noqa: ANN401 - any JSON
    """Replace the names of members by their Python names, at any depth."""
    if isinstance(members, dict):
        return {
            re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", name): snake(value)
            for name, value in members.items()
        }
    return [snake(each) for each in members] if isinstance(members, list) else members


def plain(value: Any) -> Any:  # noqa: ANN401 - any member
    """Return a dump with JSON types."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    return value.decode() if isinstance(value, bytes) else value


def decoded(value: object, info: ValidationInfo) -> object:
    on_the_wire = info.mode == "json" and isinstance(value, str)
    return base64.b64decode(str(value)) if on_the_wire else value


Blob = Annotated[
    bytes,
    BeforeValidator(decoded),
    PlainSerializer(lambda blob: base64.b64encode(blob).decode(), when_used="json"),
]


class Scalars(Request, frozen=True):
    string_value: str | None = None
    true_boolean_value: bool | None = None
    false_boolean_value: bool | None = None
    byte_value: int | None = None
    short_value: int | None = None
    integer_value: int | None = None
    long_value: int | None = None
    float_value: float | None = None
    double_value: float | None = Field(None, alias="DoubleDribble")


class ScalarsOutput(Response, Scalars, frozen=True, extra="ignore"): ...


class Pair(Response, frozen=True):
    a: str | None = Field(None, alias="value")
    b: str | None = Field(None, alias="other")


class Lists(Request, frozen=True):
    string_list: tuple[str, ...] | None = None
    string_set: tuple[str, ...] | None = None
    integer_list: tuple[int, ...] | None = None
    boolean_list: tuple[bool, ...] | None = None
    timestamp_list: tuple[int, ...] | None = None
    enum_list: tuple[str, ...] | None = None
    int_enum_list: tuple[int, ...] | None = None
    nested_string_list: tuple[tuple[str, ...], ...] | None = None
    structure_list: tuple[Pair, ...] | None = Field(None, alias="myStructureList")


class ListsOutput(Response, Lists, frozen=True, extra="ignore"): ...


class Defaults(Response, frozen=True):
    default_string: str = "hi"
    default_boolean: bool = True
    default_list: tuple[str, ...] = ()
    default_document_map: dict[str, str] = Field(default_factory=dict)
    default_document_string: str = "hi"
    default_document_boolean: bool = True
    default_document_list: tuple[str, ...] = ()
    default_null_document: str | None = None
    default_timestamp: int = 0
    default_blob: Blob = b"abc"
    default_byte: int = 1
    default_short: int = 1
    default_integer: int = 10
    default_long: int = 100
    default_float: float = 1.0
    default_double: float = 1.0
    default_map: dict[str, str] = Field(default_factory=dict)
    default_enum: str = "FOO"
    default_int_enum: int = 1
    empty_string: str = ""
    false_boolean: bool = False
    empty_blob: Blob = b""
    zero_byte: int = 0
    zero_short: int = 0
    zero_integer: int = 0
    zero_long: int = 0
    zero_float: float = 0.0
    zero_double: float = 0.0


class Empty(Request, frozen=True): ...


class WithDefaults(Request, frozen=True):
    """A client omits the defaults of its input, which the service applies."""

    defaults: Defaults | None = None
    client_optional_defaults: Empty | None = None
    top_level_default: str | None = None
    other_top_level_default: int | None = None


class ServedDefaults(WithDefaults, frozen=True):
    """A service applies the defaults."""

    top_level_default: str = "hi"
    other_top_level_default: int = 0


class Config(Response, frozen=True):
    timeout: int | None = None


class Body(Request, frozen=True):
    test_config: Config | None = None


class Baz(Response, frozen=True):
    baz: str | None = None


# The operations whose input is the body; if that is a single structure, the structure.
INPUTS: Final[dict[str, type[Request]]] = {
    "SimpleScalarProperties": Scalars,
    "JsonLists": Lists,
    "OperationWithDefaults": WithDefaults,
    "TestBodyStructure": Body,
    "TestPayloadStructure": Empty,
}
OUTPUTS: Final[dict[str, type[Response]]] = {
    "SimpleScalarProperties": ScalarsOutput,
    "JsonLists": ListsOutput,
    "OperationWithDefaults": Defaults,
    "IgnoreQueryParamsInResponse": Baz,
}
HEADERS: Final = {"foo": "X-Foo"}
# Names in the query, constant values included; `None` means that the member is not sent elsewhere.
QUERIES: Final[dict[str, dict[str, str | None]]] = {
    "ConstantAndVariableQueryString": {"baz": "baz", "maybe_set": "maybeSet"},
    "OmitsNullSerializesEmptyString": {"null_value": "Null", "empty_string": "Empty"},
    "AllQueryStringTypes": {
        "query_string": "String",
        "query_integer": "Integer",
        "query_boolean": "Boolean",
        # The case repeats them.
        "query_params_map_of_string_list": None,
    },
}
CONSTANTS: Final = {"ConstantAndVariableQueryString": {"foo": "bar"}}


class FooError(ServiceError): ...


class InvalidGreeting(ServiceError): ...


class ComplexError(ServiceError):
    """The members are a header and a structure; the services' errors have neither."""


ERRORS: Final = {error.__name__: error for error in (FooError, InvalidGreeting, ComplexError)}


@pytest.fixture(scope="module")
def table(case_tables: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = case_tables["rest-json"]
    return found


def members_of(case: dict[str, Any], of: str) -> dict[str, Any]:
    return cast("dict[str, Any]", snake(json.loads(case.get(of, "{}"))))


def answer_of(case: dict[str, Any]) -> HttpResponse:
    body = case.get("body", "").encode()
    return HttpResponse(case.get("status", 200), case.get("headers", {}), body)


def encoded(case: dict[str, Any]) -> HttpRequest:
    """Encode the case's members as our operations encode theirs."""
    # The base URL as in a config, with its path.
    host, operation = case.get("host", "example.com"), case["operation"]
    base = ClientConfig(endpoint_url=f"https://{host}").oidc_endpoint
    path = urlsplit(case["path"]).path.removeprefix(urlsplit(base).path)
    given = members_of(case, "given")
    headers = [(field, given.pop(name)) for name, field in HEADERS.items() if name in given]
    if operation in INPUTS:
        model = INPUTS[operation].model_validate(given)
        return json_post(base + path, model).with_headers(
            *((name, header_value(name, SecretStr(value))) for name, value in headers)
        )
    query: dict[str, str | int | None] = dict(CONSTANTS.get(operation, {}))
    names = QUERIES.get(operation, {})
    for name, value in given.items():
        if (field := names[name]) is not None:
            # No operation has a boolean member.
            query[field] = json.dumps(value) if isinstance(value, bool) else value
    return bearer_request(case["method"], base + path, TOKEN, query)


def test_what_a_client_sends(table: dict[str, Any], tally: Tally) -> None:
    assert len(table["not_applicable"]) == 9
    for case_id, reason in table["not_applicable"].items():
        tally.skips(case_id, reason)
    assert len(table["requests"]) == 27
    for case in table["requests"]:
        request, name = encoded(case), case["name"]
        split = urlsplit(request.url)
        assert (split.netloc, split.path) == ("example.com", case["path"]), name
        assert request.method == case["method"] or (
            (request.method, case["method"]) == ("POST", "PUT")
        )
        # A list, since a name may occur twice; values are compared as encoded.
        query = Counter(split.query.split("&") if split.query else [])
        assert query == Counter(case.get("query", [])), name
        if "body" in case:
            assert json.loads(request.body) == json.loads(case["body"]), name
        else:
            assert request.body == b"", name
        for field, value in case.get("headers", {}).items():
            assert request.headers[field] == value, name
        for field in case.get("no_headers", []):
            assert field not in request.headers, name
        for field in case.get("no_query", []):
            assert not [each for each in query if each.partition("=")[0] == field], name
        tally.ran()


def test_what_a_client_reads(table: dict[str, Any], tally: Tally) -> None:
    """Except members in headers (X-Foo, X-Greeting): our responses have none."""
    assert len(table["answers"]) == 13
    for case in table["answers"]:
        model = OUTPUTS.get(case["operation"])
        if model is None:
            parse_empty(answer_of(case), ASKED, ERRORS)
        else:
            read: BaseModel = parse(answer_of(case), model, ASKED, ERRORS)
            told = members_of(case, "members")
            members = {name: told[name] for name in told.keys() - HEADERS.keys()}
            assert plain(read.model_dump(exclude_none=True)) == members, case["name"]
        tally.ran()


def test_which_error_a_client_reads(table: dict[str, Any], tally: Tally) -> None:
    seen: Counter[str] = Counter()
    for case in table["errors"]:
        with pytest.raises(ServiceError) as caught:
            parse_empty(answer_of(case), ASKED, ERRORS)
        assert type(caught.value) is ERRORS[case["error"]], case["name"]
        assert (caught.value.code, caught.value.status) == (case["error"], case["status"])
        assert caught.value.message == case.get("message")
        seen[case["error"]] += 1
        tally.ran()
    assert seen == {"FooError": 11, "InvalidGreeting": 1, "ComplexError": 2}


def test_what_a_server_writes_and_reads(table: dict[str, Any], tally: Tally) -> None:
    """With the models that the emulator uses for its responses and for reading requests."""
    (no_nulls, defaults) = table["served_answers"]
    assert json.loads(to_json(Defaults())) == json.loads(defaults["body"])
    written = to_json(ScalarsOutput.model_validate(members_of(no_nulls, "given")))
    assert written.decode() == no_nulls["body"]
    tally.ran(2)
    (filled,) = table["served_requests"]
    read = ServedDefaults.model_validate_json(filled["body"])
    assert plain(read.model_dump(exclude_none=True)) == members_of(filled, "members")
    tally.ran()


def test_what_the_emulator_takes(table: dict[str, Any], tally: Tally) -> None:
    """Any acceptable `Accept`, and parameters in the Content-Type: the response is the same as without them."""
    register = HttpRequest(
        "POST", f"{BASE}/client/register", (), b'{"clientName":"n","clientType":"public"}'
    )
    accounts = bearer_request("GET", f"{BASE}/assignment/accounts", TOKEN, {})
    gone = bearer_request("POST", f"{BASE}/logout", TOKEN, {})

    def answered(request: HttpRequest) -> HttpResponse:
        answer = IdentityCenter(entropy=seeded_entropy("cases")).handle(
            request, VirtualClock().now()
        )
        assert isinstance(answer, HttpResponse)
        return answer

    assert len(table["served_headers"]) == 6
    for case in table["served_headers"]:
        fields = case["headers"].items()
        for request, status in ((register, 200), (accounts, 401), (gone, 401)):
            plainly, answer = answered(request), answered(request.with_headers(*fields))
            assert answer.status == status, case["name"]
            assert answer == plainly, case["name"]
        tally.ran()
