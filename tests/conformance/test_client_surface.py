"""The surface: our operations, members and errors are exactly those of the two services' models.

Three sources are compared: botocore's models, the tables of the Smithy models in `cases/`, and the fields of our
classes.
"""

from __future__ import annotations

import inspect
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Final,
    NamedTuple,
    TypeAlias,
    cast,
    get_args,
    get_origin,
)

import pytest
from botocore import xform_name
from botocore.exceptions import UnknownServiceError as NoSuchData
from pydantic import BaseModel, SecretStr

import ssooidc_core as core
from ssooidc_core import ServiceError, UnknownServiceError, errors, portal
from ssooidc_core._operations.errors import OIDC_ERRORS
from ssooidc_core.flows import portal as portal_flows
from ssooidc_core.portal._errors import PORTAL_ERRORS

if TYPE_CHECKING:
    from botocore.loaders import Loader
    from botocore.model import ListShape, ServiceModel, Shape, StructureShape

    from tests.conformance.conftest import Asked, BotocoreWire, Tally

GROUP: Final = "surface"
SERVICES: Final = ("sso-oidc", "sso")
FACES: Final = {"sso-oidc": core, "sso": portal}
ERRORS: Final = {"sso-oidc": OIDC_ERRORS, "sso": PORTAL_ERRORS}


class Member(NamedTuple):
    """A member of a structure; for a list, `kind` is the kind of its items."""

    kind: str
    required: bool
    sensitive: bool


Structures: TypeAlias = dict[str, dict[str, Member]]


class Service(NamedTuple):
    """The parts of a service's model that are compared."""

    structures: Structures
    errors: dict[str, int]
    operation_errors: dict[str, set[str]]
    http: dict[str, tuple[str, str]]
    unsigned: set[str]


NUMBERS: Final = {"integer": "number", "long": "number"}


def of_botocore(model: ServiceModel) -> Service:
    """Read botocore's model."""

    def kind(shape: Shape) -> str:
        if shape.type_name == "list":
            return f"list of {kind(cast('ListShape', shape).member)}"
        name = NUMBERS.get(shape.type_name, shape.type_name)
        return shape.name if name == "structure" else name

    shapes = [model.shape_for(name) for name in model.shape_names]
    operations = {name: model.operation_model(name) for name in model.operation_names}
    return Service(
        {
            shape.name: {
                name: Member(
                    kind(member),
                    name in shape.required_members,
                    bool(member.metadata.get("sensitive")),
                )
                for name, member in cast("StructureShape", shape).members.items()
            }
            for shape in shapes
            if shape.type_name == "structure"
        },
        {shape.name: shape.metadata["error"]["httpStatusCode"] for shape in model.error_shapes},
        {name: {each.name for each in op.error_shapes} for name, op in operations.items()},
        {name: (op.http["method"], op.http["requestUri"]) for name, op in operations.items()},
        {name for name, op in operations.items() if op.auth_type == "none"},
    )


def of_table(table: dict[str, Any]) -> Service:
    """Read the model from a table of `cases/`."""

    def member(text: str) -> Member:
        kind, *marks = text.split(", ")
        return Member(kind, "required" in marks, "sensitive" in marks)

    operations: dict[str, dict[str, Any]] = table["operations"]
    return Service(
        {
            name: {each: member(text) for each, text in members.items()}
            for name, members in table["structures"].items()
        },
        {name: facts[0] for name, facts in table["errors"].items()},
        {name: set(errors) for name, errors in table["raises"].items()},
        {name: split_http(each["http"]) for name, each in operations.items()},
        {name for name, each in operations.items() if not each["signed"]},
    )


def split_http(text: str) -> tuple[str, str]:
    method, _, target = text.partition(" ")
    return method, target


# A grant has a model of its own; a structure of the service combines all grants.
OURS: Final[dict[str, dict[str, tuple[type[BaseModel], ...]]]] = {
    "sso-oidc": {
        "RegisterClientRequest": (core.RegisterClientRequest,),
        "RegisterClientResponse": (core.RegisterClientResponse,),
        "StartDeviceAuthorizationRequest": (core.StartDeviceAuthorizationRequest,),
        "StartDeviceAuthorizationResponse": (core.StartDeviceAuthorizationResponse,),
        "CreateTokenRequest": get_args(core.CreateTokenRequest),
        "CreateTokenResponse": (core.CreateTokenResponse,),
        "CreateTokenWithIAMRequest": get_args(core.CreateTokenWithIAMRequest),
        "CreateTokenWithIAMResponse": (core.CreateTokenWithIAMResponse,),
        "AwsAdditionalDetails": (core.AwsAdditionalDetails,),
    },
    "sso": {
        name: (getattr(portal, name),)
        for name in portal.__all__
        if name.endswith(("Request", "Response", "Info", "RoleCredentials"))
        and name != "GetRoleCredentials"
    },
}
# RFC 6749 sections 4.1.3 and 10.3: anyone who has the code, or the device code, can get the token.
SECRET_TOO: Final = {"deviceCode", "code", "identityContext"}


def kind_of(annotation: object) -> str:
    """Describe the annotation of a field in the terms of a service's model."""
    arguments = [each for each in get_args(annotation) if each is not type(None)]
    if get_origin(annotation) is Annotated or len(arguments) != len(get_args(annotation)):
        return kind_of(arguments[0])
    if get_origin(annotation) is tuple:
        return f"list of {kind_of(arguments[0])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation.__name__
    if annotation is int:
        return "number"
    # The rest are strings: plain, secret, or one of a few values.
    assert annotation in {str, SecretStr} or all(
        isinstance(each, str) or kind_of(each) == "string" for each in arguments
    )
    return "string"


def is_secret(annotation: object) -> bool:
    return annotation is SecretStr or any(is_secret(each) for each in get_args(annotation))


def members_of(model: type[BaseModel]) -> dict[str, Member]:
    return {
        field.alias or name: Member(
            kind_of(field.annotation), field.is_required(), is_secret(field.annotation)
        )
        for name, field in model.model_fields.items()
    }


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def modelled(service: str, wires: dict[str, BotocoreWire]) -> Service:
    return of_botocore(wires[service].model)


def test_botocore_and_the_smithy_model_say_the_same(
    service: str, modelled: Service, case_tables: dict[str, Any], tally: Tally
) -> None:
    smithy = of_table(case_tables[f"model-{service}"])
    assert modelled == smithy
    tally.ran(sum(map(len, smithy.structures.values())))


def test_every_structure_is_ours_and_the_reverse(service: str, modelled: Service) -> None:
    face = FACES[service]
    ours = {
        name
        for name in face.__all__
        if inspect.isclass(getattr(face, name))
        and issubclass(getattr(face, name), core._model.Model)
    }
    assert modelled.structures.keys() - modelled.errors.keys() == OURS[service].keys()
    of_models = {model.__name__ for models in OURS[service].values() for model in models}
    assert of_models <= ours


def test_every_member_is_ours_and_the_reverse(
    service: str, modelled: Service, tally: Tally
) -> None:
    for structure, models in OURS[service].items():
        theirs = modelled.structures[structure]
        ours = [members_of(model) for model in models]
        assert {name for members in ours for name in members} == theirs.keys()
        for members in ours:
            # A member that a grant lacks cannot be required.
            assert {name for name, member in theirs.items() if member.required} - {"grantType"} <= {
                name for name, member in members.items() if member.required
            }
            for name, member in members.items():
                where = f"{structure}.{name}"
                expected = theirs[name]
                assert member.kind == expected.kind, where
                assert member.sensitive == (expected.sensitive or name in SECRET_TOO), where
                tally.ran()
                if member.sensitive != expected.sensitive:
                    tally.differs("more-is-secret-than-the-model-says")
                if member.required == expected.required or name == "grantType":
                    continue
                if structure.endswith("Request"):
                    assert len(models) > 1, where
                    tally.differs("a-grant-needs-its-members")
                else:
                    tally.differs("an-answer-has-its-members")


def test_what_we_require_of_answers_beyond_the_model() -> None:
    """The complete list: every other member may be missing."""
    assert {
        structure: {name for name, member in members_of(models[0]).items() if member.required}
        for structures in OURS.values()
        for structure, models in structures.items()
        if not structure.endswith("Request")
    } == {
        "RegisterClientResponse": {"clientId", "clientSecret"},
        "StartDeviceAuthorizationResponse": {"deviceCode", "userCode", "verificationUri"},
        "CreateTokenResponse": {"accessToken"},
        "CreateTokenWithIAMResponse": {"accessToken"},
        "AwsAdditionalDetails": set(),
        "GetRoleCredentialsResponse": {"roleCredentials"},
        "RoleCredentials": {"accessKeyId", "secretAccessKey", "sessionToken"},
        "ListAccountsResponse": set(),
        "AccountInfo": {"accountId"},
        "ListAccountRolesResponse": set(),
        "RoleInfo": {"roleName"},
    }


def test_every_error_is_ours_and_the_reverse(service: str, modelled: Service, tally: Tally) -> None:
    face = errors if service == "sso-oidc" else portal._errors
    ours = {
        name: error
        for name, error in vars(face).items()
        if inspect.isclass(error)
        and issubclass(error, ServiceError)
        and error not in {ServiceError, UnknownServiceError}
    }
    assert ours == ERRORS[service]
    assert ours.keys() == modelled.errors.keys()
    for name, error in ours.items():
        for member in modelled.structures[name]:
            assert member in inspect.signature(error).parameters, f"{name}.{member}"
            tally.ran()
    assert all(getattr(FACES[service], name) is error for name, error in ours.items())


def test_the_oauth_code_of_every_error_is_the_one_that_the_model_tells(
    case_tables: dict[str, Any], tally: Tally
) -> None:
    told = case_tables["model-sso-oidc"]["errors"]
    for name, error in OIDC_ERRORS.items():
        _, oauth_code = told[name]
        assert oauth_code == error.oauth_error, name
        tally.ran()


def test_every_operation_is_ours_and_the_reverse(
    service: str, modelled: Service, asked: dict[str, Asked], tally: Tally
) -> None:
    face = FACES[service]
    ours = {name: each.operation for name, each in asked.items() if each.service == service}
    assert ours.keys() == modelled.http.keys()
    for name, operation in ours.items():
        assert type(operation) is getattr(face, name)
        assert callable(getattr(face, xform_name(name)))
        assert {error.__name__ for error in operation.error_types} == modelled.operation_errors[
            name
        ]
        assert operation.signed == (name not in modelled.unsigned)
        tally.ran()


def test_sso_oidc_has_no_paginator_and_sso_has_two(
    botocore_loader: Loader, wires: dict[str, BotocoreWire], tally: Tally
) -> None:
    pages = {
        service: botocore_loader.load_service_model(service, "paginators-1")["pagination"]
        for service in SERVICES
    }
    assert pages["sso-oidc"] == {}
    assert {
        name: (page["input_token"], page["result_key"]) for name, page in pages["sso"].items()
    } == {
        "ListAccounts": ("nextToken", "accountList"),
        "ListAccountRoles": ("nextToken", "roleList"),
    }
    for service, wire in wires.items():
        for name in wire.model.operation_names:
            assert wire.client.can_paginate(xform_name(name)) == (name in pages[service])
            tally.ran()
    # The functions that yield every page.
    assert set(portal_flows.__all__) == {"list_all_accounts", "list_all_account_roles"}


def test_neither_has_a_waiter(
    botocore_loader: Loader, wires: dict[str, BotocoreWire], tally: Tally
) -> None:
    for service, wire in wires.items():
        assert wire.client.waiter_names == []
        with pytest.raises(NoSuchData):
            botocore_loader.load_service_model(service, "waiters-2")
        tally.ran()
