"""The inputs of the operations, as they arrive.

The request models of `ssooidc_core` refuse unknown members, to protect callers from misspellings. A server ignores them
(RFC 8628 section 3.1) and reads `null` as absent (restJson1).
"""

from __future__ import annotations

from typing import Annotated, TypeAlias, TypeVar

from pydantic import BaseModel, Field, ValidationError
from pydantic.alias_generators import to_camel

from ssooidc_emulator._oidc.refusals import Refusal, invalid_request

__all__ = [
    "CreateTokenInput",
    "CreateTokenWithIAMInput",
    "RegisterClientInput",
    "StartDeviceAuthorizationInput",
    "read",
]

# Without `fail_fast`, reporting a quarter of a megabyte of wrong items takes most of a second.
_Texts: TypeAlias = Annotated[tuple[str, ...], Field(fail_fast=True)]


class Input(
    BaseModel, frozen=True, alias_generator=to_camel, extra="ignore", hide_input_in_errors=True
):
    """The configuration of all inputs."""


class RegisterClientInput(Input, frozen=True):
    """The input of RegisterClient."""

    client_name: str
    client_type: str
    scopes: _Texts | None = None
    redirect_uris: _Texts | None = None
    grant_types: _Texts | None = None
    issuer_url: str | None = None
    entitled_application_arn: str | None = None


class StartDeviceAuthorizationInput(Input, frozen=True):
    """The input of StartDeviceAuthorization."""

    client_id: str
    client_secret: str = Field(repr=False)
    start_url: str


class CreateTokenInput(Input, frozen=True):
    """The input of CreateToken for every grant; the operation checks which members the grant requires."""

    client_id: str
    client_secret: str = Field(repr=False)
    grant_type: str
    device_code: str | None = Field(default=None, repr=False)
    code: str | None = Field(default=None, repr=False)
    refresh_token: str | None = Field(default=None, repr=False)
    scope: _Texts | None = None
    redirect_uri: str | None = None
    code_verifier: str | None = Field(default=None, repr=False)


class CreateTokenWithIAMInput(Input, frozen=True):
    """The input of CreateTokenWithIAM for every grant; the operation checks which members the grant requires."""

    client_id: str
    grant_type: str
    code: str | None = Field(default=None, repr=False)
    redirect_uri: str | None = None
    code_verifier: str | None = Field(default=None, repr=False)
    refresh_token: str | None = Field(default=None, repr=False)
    assertion: str | None = Field(default=None, repr=False)
    subject_token: str | None = Field(default=None, repr=False)
    subject_token_type: str | None = None
    requested_token_type: str | None = None
    scope: _Texts | None = None


I = TypeVar("I", bound=Input)  # noqa: E741 - I for input


def read(model: type[I], body: bytes) -> I | Refusal:
    """Return the input in a body, or a refusal if it is not a JSON object or a member is missing or of a wrong type."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        # The refusal names members of the model only: other names came from the wire.
        where = [problem["loc"] for problem in error.errors(include_input=False)]
    wire_names = {field.alias for field in model.model_fields.values()}
    members = sorted({str(loc[0]) for loc in where if loc} & {str(name) for name in wire_names})
    if not members:
        return invalid_request("Request body is not a JSON object")
    return invalid_request(f"Missing or invalid: {', '.join(members)}")
