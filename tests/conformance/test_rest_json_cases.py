"""restJson1's own cases, as far as they bear on the two services: their shapes, declared as ours, through our codec.

No operation of ours is a PUT, so the method is compared where the case's is GET or POST; no transport is in it, so
`Content-Length` is not. Server cases go through the models that read requests, or through the emulator.
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, cast
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
# What those say that bind floats, labels, maps and optional headers, of which the two services have none.
NOT_APPLICABLE: Final = {
    **dict.fromkeys(
        (
            f"RestJsonSupportsNaNFloat{each}"
            for each in ("HeaderInputs", "Inputs", "Labels", "QueryValues")
        ),
        "no operation has a float",
    ),
    "RestJsonConstantQueryString": "no operation has a label in its path",
    "RestJsonQueryPrecedence": "no operation has a map of query parameters",
    "RestJsonNullAndEmptyHeaders": "no operation has a header that may be empty or absent",
    "RestJsonEndpointTrait": "no operation has a prefix of the host",
    "RestJsonEndpointTraitWithHostLabel": "no operation has a prefix of the host",
}
BASE: Final = "https://example.com"
TOKEN: Final = SecretStr("token")
ASKED: Final = logout(LogoutRequest(access_token=TOKEN))


class Case(NamedTuple):
    """One of the cases, and the shape that it is about."""

    kind: str
    id: str
    operation: str
    case: dict[str, Any]

    @property
    def params(self) -> dict[str, Any]:
        return cast("dict[str, Any]", snake(self.case.get("params", {})))

    @property
    def body(self) -> bytes:
        return str(self.case.get("body", "")).encode()

    @property
    def answer(self) -> HttpResponse:
        return HttpResponse(self.case["code"], self.case.get("headers", {}), self.body)

    @property
    def is_servers(self) -> bool:
        return self.case.get("appliesTo") == "server"


def snake(members: Any) -> Any:  # noqa: ANN401 - any JSON
    """Give the members their Python names, at any depth."""
    if isinstance(members, dict):
        return {
            re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", name): snake(value)
            for name, value in members.items()
        }
    return [snake(each) for each in members] if isinstance(members, list) else members


def plain(value: Any) -> Any:  # noqa: ANN401 - any member
    """Give a dump in JSON's types."""
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
    """A client leaves its input's own defaults to the service."""

    defaults: Defaults | None = None
    client_optional_defaults: Empty | None = None
    top_level_default: str | None = None
    other_top_level_default: int | None = None


class ServedDefaults(WithDefaults, frozen=True):
    """A service fills them in."""

    top_level_default: str = "hi"
    other_top_level_default: int = 0


class Config(Response, frozen=True):
    timeout: int | None = None


class Body(Request, frozen=True):
    test_config: Config | None = None


class Baz(Response, frozen=True):
    baz: str | None = None


# The operations whose input goes into the body; where that is one structure, the structure.
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
# Names in the query, constant values included; `None` says that the member goes nowhere else.
QUERIES: Final[dict[str, dict[str, str | None]]] = {
    "ConstantAndVariableQueryString": {"baz": "baz", "maybe_set": "maybeSet"},
    "OmitsNullSerializesEmptyString": {"null_value": "Null", "empty_string": "Empty"},
    "AllQueryStringTypes": {
        "query_string": "String",
        "query_integer": "Integer",
        "query_boolean": "Boolean",
        # It repeats them.
        "query_params_map_of_string_list": None,
    },
}
CONSTANTS: Final = {"ConstantAndVariableQueryString": {"foo": "bar"}}


class FooError(ServiceError): ...


class InvalidGreeting(ServiceError): ...


class ComplexError(ServiceError):
    """Its members are a header and a structure, of which the services' errors have none."""


ERRORS: Final = {error.__name__: error for error in (FooError, InvalidGreeting, ComplexError)}


@pytest.fixture(scope="module")
def cases(vectors: Path) -> list[Case]:
    text = (vectors / "protocol/restjson1-applicable.json").read_text(encoding="utf-8")
    found = [
        Case(each["kind"], each["id"], each["operation"], each["case"])
        for each in json.loads(text)["selected"]
    ]
    assert len(found) == 73
    return found


def applicable(cases: list[Case], kind: str, *, servers: bool) -> list[Case]:
    return [
        case
        for case in cases
        if case.kind == kind and case.is_servers == servers and case.id not in NOT_APPLICABLE
    ]


def encoded(case: Case) -> HttpRequest:
    """Encode the case's parameters the way our operations do theirs."""
    # The base as a config has it, path included.
    host = case.case.get("host", "example.com")
    base = ClientConfig(endpoint_url=f"https://{host}").oidc_endpoint
    path = urlsplit(case.case["uri"]).path.removeprefix(urlsplit(base).path)
    params = dict(case.params)
    headers = [(field, params.pop(name)) for name, field in HEADERS.items() if name in params]
    if case.operation in INPUTS:
        model = INPUTS[case.operation].model_validate(params)
        return json_post(base + path, model).with_headers(
            *((name, header_value(name, SecretStr(value))) for name, value in headers)
        )
    query: dict[str, str | int | None] = dict(CONSTANTS.get(case.operation, {}))
    names = QUERIES.get(case.operation, {})
    for name, value in params.items():
        if (field := names[name]) is not None:
            # No operation has a boolean.
            query[field] = json.dumps(value) if isinstance(value, bool) else value
    return bearer_request(case.case["method"], base + path, TOKEN, query)


def test_what_a_client_sends(cases: list[Case], tally: Tally) -> None:
    for case_id, reason in NOT_APPLICABLE.items():
        tally.skips(case_id, reason)
    for case in applicable(cases, "httpRequestTests", servers=False):
        request, expected = encoded(case), case.case
        split = urlsplit(request.url)
        assert (split.netloc, split.path) == ("example.com", expected["uri"]), case.id
        assert request.method == expected["method"] or (
            (request.method, expected["method"]) == ("POST", "PUT")
        )
        # Not a mapping: a name may come twice, and is compared as it is written.
        query = Counter(split.query.split("&") if split.query else [])
        assert query == Counter(expected.get("queryParams", [])), case.id
        if case.body:
            assert json.loads(request.body) == json.loads(case.body), case.id
        else:
            assert request.body == b"", case.id
        for name, value in expected.get("headers", {}).items():
            assert request.headers[name] == value, case.id
        for name in expected.get("forbidHeaders", []):
            assert name not in request.headers, case.id
        for name in expected.get("forbidQueryParams", []):
            assert not [each for each in query if each.partition("=")[0] == name], case.id
        tally.ran()


def test_what_a_client_reads(cases: list[Case], tally: Tally) -> None:
    """But for members in headers (X-Foo, X-Greeting), of which no answer of ours has any."""
    for case in applicable(cases, "httpResponseTests", servers=False):
        model = OUTPUTS.get(case.operation)
        if case.answer.status >= 400:
            continue
        if model is None:
            parse_empty(case.answer, ASKED, ERRORS)
        else:
            read: BaseModel = parse(case.answer, model, ASKED, ERRORS)
            members = {name: case.params[name] for name in case.params.keys() - HEADERS.keys()}
            assert plain(read.model_dump(exclude_none=True)) == members, case.id
        tally.ran()


def test_which_error_a_client_reads(cases: list[Case], tally: Tally) -> None:
    expected = {"FooError": 11, "InvalidGreeting": 1, "ComplexError": 2}
    seen: Counter[str] = Counter()
    for case in applicable(cases, "httpResponseTests", servers=False):
        if case.answer.status < 400:
            continue
        with pytest.raises(ServiceError) as caught:
            parse_empty(case.answer, ASKED, ERRORS)
        assert type(caught.value) is ERRORS[case.operation], case.id
        assert (caught.value.code, caught.value.status) == (case.operation, case.answer.status)
        assert caught.value.message == case.case.get("params", {}).get("Message")
        seen[case.operation] += 1
        tally.ran()
    assert seen == expected


def test_what_a_server_writes_and_reads(cases: list[Case], tally: Tally) -> None:
    """By the models that the emulator answers with, and reads requests with."""
    (no_nulls, defaults) = applicable(cases, "httpResponseTests", servers=True)
    assert json.loads(to_json(Defaults())) == json.loads(defaults.body)
    assert to_json(ScalarsOutput.model_validate(no_nulls.params)) == no_nulls.body
    tally.ran(2)
    (filled,) = [
        case
        for case in applicable(cases, "httpRequestTests", servers=True)
        if case.operation == "OperationWithDefaults"
    ]
    read = ServedDefaults.model_validate_json(filled.body)
    assert plain(read.model_dump(exclude_none=True)) == filled.params
    tally.ran()


def test_what_the_emulator_takes(cases: list[Case], tally: Tally) -> None:
    """Any usable `Accept`, and parameters in the Content-Type: its answer is the same as without them."""
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

    headers = [
        case.case["headers"]
        for case in applicable(cases, "httpRequestTests", servers=True)
        if case.operation != "OperationWithDefaults"
    ]
    assert sorted(json.dumps(each) for each in headers) == [
        '{"Accept": "*/*"}',
        '{"Accept": "application/*"}',
        *['{"Accept": "application/json"}'] * 3,
        '{"Content-Type": "application/json; charset=utf-8"}',
    ]
    for each in headers:
        for request, status in ((register, 200), (accounts, 401), (gone, 401)):
            plainly, answer = answered(request), answered(request.with_headers(*each.items()))
            assert answer.status == status
            assert answer == plainly
        tally.ran()


def test_at_most_15_cases_do_not_apply(cases: list[Case]) -> None:
    assert NOT_APPLICABLE.keys() <= {case.id for case in cases}
    assert len(NOT_APPLICABLE) == 9
    assert len([case for case in cases if case.id in NOT_APPLICABLE]) == 9
