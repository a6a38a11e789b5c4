"""A comparison of the services' models, paginators and waiters with our code: a line for each difference."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from types import ModuleType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Final,
    Literal,
    TypeAlias,
    get_args,
    get_origin,
    get_type_hints,
)
from urllib.parse import parse_qsl, urlsplit

import pytest
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

import ssooidc_core._operations
import ssooidc_core.portal
from ssooidc_core import ClientConfig, Operation, ServiceError
from ssooidc_core._operations.errors import OIDC_ERRORS
from ssooidc_core.flows import portal as portal_flows
from ssooidc_core.portal._errors import PORTAL_ERRORS
from ssooidc_emulator._oidc.refusals import KMS_REASONS

if TYPE_CHECKING:
    from tests.conformance.drift.conftest import Check

Json: TypeAlias = Mapping[str, Any]
AnyOperation: TypeAlias = type[Operation[object, Exception]]
HERE: Final = "tests/conformance/drift/models/conftest.py"


@dataclass(frozen=True)
class Own:
    """A service as implemented by our code."""

    package: ModuleType
    errors: Mapping[str, type[ServiceError]]
    errors_file: str
    metadata: Mapping[str, str]
    paging: Mapping[str, tuple[str, ...]]


# How the flows of `ssooidc_core.flows.portal` paginate.
PAGING: Final = {
    "ListAccounts": ("nextToken", "nextToken", "maxResults", "accountList"),
    "ListAccountRoles": ("nextToken", "nextToken", "maxResults", "roleList"),
}
# For each field of the metadata, where our code has it.
METADATA: Final = {
    "apiVersion": HERE,
    "endpointPrefix": "ssooidc_core/_endpoints.py",
    "protocol": "ssooidc_core/_rest_json.py",
    "serviceId": HERE,
    "signatureVersion": "ssooidc_core/_sigv4.py",
    "signingName": "ssooidc_core/_program.py",
}
OWN: Final = {
    "sso-oidc": Own(
        package=ssooidc_core._operations,
        errors=OIDC_ERRORS,
        errors_file="ssooidc_core/errors.py",
        metadata={
            "apiVersion": "2019-06-10",
            "endpointPrefix": "oidc",
            "protocol": "rest-json",
            "serviceId": "SSO OIDC",
            "signatureVersion": "v4",
            "signingName": "sso-oauth",
        },
        paging={},
    ),
    "sso": Own(
        package=ssooidc_core.portal,
        errors=PORTAL_ERRORS,
        errors_file="ssooidc_core/portal/_errors.py",
        metadata={
            "apiVersion": "2019-06-10",
            "endpointPrefix": "portal.sso",
            "protocol": "rest-json",
            "serviceId": "SSO",
            "signatureVersion": "v4",
            "signingName": "awsssoportal",
        },
        paging=PAGING,
    ),
}
KINDS: Final[Mapping[object, str]] = {str: "string", SecretStr: "string", int: "integer"}


def find_drift(data: Json) -> list[str]:
    """Return a line for each difference: the service, what changed, and the file to change."""
    lines: list[str] = []
    for service, own in OWN.items():
        files = data[service]
        found = [
            *metadata_drift(own, files["service-2"]),
            *operations_drift(own, files["service-2"]),
            *errors_drift(own, files["service-2"]),
            *flows_drift(own, files["paginators-1"], files["waiters-2"]),
        ]
        lines += [f"{service}: {line}" for line in found]
    return lines


def metadata_drift(own: Own, model: Json) -> Iterator[str]:
    for name, file in METADATA.items():
        theirs = model["metadata"].get(name)
        if theirs != own.metadata[name]:
            yield f"{name} is {theirs!r} now, it was {own.metadata[name]!r}: {file}"


def file_of(thing: object) -> str:
    module = inspect.getmodule(thing)
    assert module is not None
    return f"{module.__name__.replace('.', '/')}.py"


def operations_of(own: Own) -> dict[str, AnyOperation]:
    """Return the operation classes in the service's package."""
    path = own.package.__path__
    modules = [
        importlib.import_module(f"{own.package.__name__}.{module.name}")
        for module in pkgutil.iter_modules(path)
    ]
    return {
        name: found
        for module in modules
        for name, found in vars(module).items()
        if inspect.isclass(found)
        and issubclass(found, Operation)
        and found.__module__ == module.__name__
    }


def operations_drift(own: Own, model: Json) -> Iterator[str]:
    ours = operations_of(own)
    package = own.package.__name__.replace(".", "/")
    for name in sorted(model["operations"].keys() - ours):
        yield f"new operation {name}: a module in {package}/"
    for name in sorted(ours.keys() - model["operations"]):
        yield f"operation {name} is gone: {file_of(ours[name])}"
    for name in sorted(ours.keys() & model["operations"]):
        yield from operation_drift(ours[name], model["operations"][name], model["shapes"])


def operation_drift(ours: AnyOperation, theirs: Json, shapes: Json) -> Iterator[str]:
    name, file = theirs["name"], file_of(ours)
    asked = get_type_hints(ours)["request"]
    requests = get_args(asked) or (asked,)
    result, errors = get_args(ours.__orig_bases__[0])  # type: ignore[attr-defined]
    yield from (f"{line}: {file}" for line in http_drift(ours, requests, theirs, shapes))
    signed = theirs.get("authtype") != "none"
    if signed != ours.signed:
        yield f"{name} is {'' if signed else 'not '}signed now: {file}"
    if theirs.get("deprecated"):
        yield f"{name} is deprecated now: {file}"
    their_errors = {each["shape"] for each in theirs.get("errors", ())}
    our_errors = {each.__name__ for each in get_args(errors) or (errors,)}
    for error in sorted(their_errors - our_errors):
        yield f"{name} may fail with {error} now: {file}"
    for error in sorted(our_errors - their_errors):
        yield f"{name} no longer fails with {error}: {file}"
    shape = theirs["input"]["shape"]
    yield from members_drift(f"{name}: request", requests, shape, shapes, file)
    for request, member in product(requests, shapes[shape].get("required", ())):
        known = {alias_of(key, field): field for key, field in request.model_fields.items()}
        if member in known and known[member].default is None:
            yield f"{name}: request: member {member} is required now: {file}"
        elif member not in known and any(member in aliases_of(each) for each in requests):
            yield f"{name}: request: member {member} is required now, also in {request.__name__}: {file}"
    if "output" in theirs:
        responses = () if result is type(None) else (result,)
        shape = theirs["output"]["shape"]
        yield from members_drift(f"{name}: response", responses, shape, shapes, file)


def alias_of(key: str, field: FieldInfo) -> str:
    return str(field.alias or key)


def aliases_of(model: type[BaseModel]) -> set[str]:
    return {alias_of(key, field) for key, field in model.model_fields.items()}


def http_drift(
    operation: Callable[..., Operation[object, Exception]],
    requests: Iterable[type[BaseModel]],
    theirs: Json,
    shapes: Json,
) -> Iterator[str]:
    """Encode each request with all of its members, and compare where each member is."""
    members = shapes[theirs["input"]["shape"]]["members"]
    target = urlsplit(theirs["http"]["requestUri"])
    for request in requests:
        samples = {
            key: sample for key in request.model_fields if (sample := sample_of(request, key))
        }
        sent = operation(request(**samples)).unsigned_request(ClientConfig(region="us-east-1"))
        url = urlsplit(sent.url)
        placed = [members.get(alias_of(key, request.model_fields[key]), {}) for key in samples]
        query = sorted(
            [each["locationName"] for each in placed if each.get("location") == "querystring"]
            + [name for name, _ in parse_qsl(target.query)]
        )
        headers = [each["locationName"] for each in placed if each.get("location") == "header"]
        now = (theirs["http"]["method"], target.path, query, sorted(headers))
        carried = [name for name in sent.headers if name.lower() != "content-type"]
        was = (sent.method, url.path, sorted(name for name, _ in parse_qsl(url.query)), carried)
        if now != was:
            yield f"{theirs['name']} is sent as {shown(*now)} now, {request.__name__} as {shown(*was)}"


def shown(method: str, path: str, query: list[str], headers: list[str]) -> str:
    """Describe a request: its method, path, and the names in its query and headers."""
    return f"{method} {path}?{'&'.join(query)} [{', '.join(headers)}]"


def sample_of(request: type[BaseModel], key: str) -> object:
    kind, _ = kind_of(request.model_fields[key].annotation)
    is_literal = "Literal" in str(request.model_fields[key].annotation)
    return None if is_literal else {"string": "x", "integer": 1, "list": ("x",)}[kind]


def kind_of(annotation: object) -> tuple[str, Any]:
    """Return the model's name for one of our types, and the inner type."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return "string", str
    if origin is tuple:
        return "list", inner[0]
    if inner:  # a union
        return kind_of(next(each for each in inner if each is not type(None)))
    return KINDS.get(annotation, "structure"), annotation


def members_drift(
    where: str, models: Iterable[type[BaseModel]], shape: str, shapes: Json, file: str
) -> Iterator[str]:
    """Compare members with the fields of our models; several models can together represent one shape."""
    fields = {
        alias_of(key, field): field for model in models for key, field in model.model_fields.items()
    }
    members = shapes[shape]["members"]
    for name in sorted(fields.keys() - members):
        yield f"{where}: member {name} is gone: {file}"
    for name, reference in members.items():
        if name in fields:
            kind, inner = kind_of(fields[name].annotation)
            for line in member_drift(kind, inner, reference, shapes):
                yield f"{where}: member {name} {line}: {file}"
            yield from inner_drift(f"{where}: {name}", (kind, inner), reference, shapes)
        else:
            yield f"{where}: new member {name} ({type_of(shapes[reference['shape']])}): {file}"


def type_of(shape: Json) -> str:
    return "integer" if shape["type"] == "long" else str(shape["type"])


def member_drift(kind: str, inner: object, reference: Json, shapes: Json) -> Iterator[str]:
    target = shapes[reference["shape"]]
    if kind != type_of(target):
        yield f"is of type {type_of(target)} now, it was {kind}"
    if target.get("sensitive") and inner is not SecretStr:
        yield "is sensitive now, make it a Secret"
    if target.get("deprecated") or reference.get("deprecated"):
        yield "is deprecated now"
    for value in target.get("enum", ()):
        yield f"has a list of values now, with {value!r}"


def inner_drift(where: str, ours: tuple[str, Any], reference: Json, shapes: Json) -> Iterator[str]:
    """Compare a structure, or a list of structures, recursively."""
    target, (kind, inner) = shapes[reference["shape"]], ours
    if kind != type_of(target):
        return
    if kind == "list":
        yield from inner_drift(where, kind_of(inner), target["member"], shapes)
    elif kind == "structure":
        yield from members_drift(where, [inner], reference["shape"], shapes, file_of(inner))


def errors_drift(own: Own, model: Json) -> Iterator[str]:
    shapes = {name: shape for name, shape in model["shapes"].items() if shape.get("exception")}
    for name in sorted(shapes.keys() - own.errors):
        yield f"new error {name}: {own.errors_file}"
    for name in sorted(own.errors.keys() - shapes):
        yield f"error {name} is gone: {own.errors_file}"
    for name in sorted(own.errors.keys() & shapes):
        error, shape = own.errors[name], shapes[name]
        taken = inspect.signature(error).parameters
        for member, reference in shape["members"].items():
            if member not in taken:
                yield f"{name}: new member {member}: {own.errors_file}"
            listed = set(model["shapes"][reference["shape"]].get("enum", ()))
            known = {
                value for value, of in KMS_REASONS.items() if of == name and member == "reason"
            }
            for value in sorted(listed - known):
                yield f"{name}: new value {value!r} of {member}: ssooidc_emulator/_oidc/refusals.py"
            for value in sorted(known - listed):
                yield f"{name}: value {value!r} of {member} is gone: ssooidc_emulator/_oidc/refusals.py"
        status, ours = shape["error"]["httpStatusCode"], error.modelled_status
        if status != ours:
            yield f"{name} has status {status} now, it was {ours}: {own.errors_file}"
        if "retryable" in shape:
            yield f"{name} is retryable now: ssooidc_core/policies.py"


def flows_drift(own: Own, paginators: Json, waiters: Json) -> Iterator[str]:
    file = file_of(portal_flows)
    theirs = paginators.get("pagination", {})
    for name in sorted(theirs.keys() - own.paging):
        yield f"new paginator {name}: {file}"
    for name in sorted(own.paging.keys() - theirs):
        yield f"paginator {name} is gone: {file}"
    for name in sorted(own.paging.keys() & theirs):
        keys = ("input_token", "output_token", "limit_key", "result_key")
        now = tuple(theirs[name].get(key) for key in keys)
        if now != own.paging[name]:
            yield f"paginator {name} is {now} now, it was {own.paging[name]}: {file}"
    for name in waiters.get("waiters", {}):
        yield f"new waiter {name}: a flow in ssooidc_core/flows/"


@pytest.fixture(scope="session")
def model_drift() -> Check:
    """Return the check."""
    return find_drift


@pytest.fixture(scope="session")
def new_model_drift(beyond_today: Callable[[Check], Check]) -> Check:
    """Return the check for edited data, which leaves out today's differences."""
    return beyond_today(find_drift)
