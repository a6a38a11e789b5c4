"""What the operations are asked, as it comes from the wire.

The core's request models refuse unknown members, for the caller's sake; a server ignores them (RFC 8628 section 3.1)
and reads `null` as absent (restJson1).
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

# Without `fail_fast`, a quarter of a megabyte of wrong items takes most of a second to complain about.
_Texts: TypeAlias = Annotated[tuple[str, ...], Field(fail_fast=True)]


class Input(
    BaseModel, frozen=True, alias_generator=to_camel, extra="ignore", hide_input_in_errors=True
):
    """What all inputs share."""


class RegisterClientInput(Input, frozen=True):
    """RegisterClient."""

    client_name: str
    client_type: str
    scopes: _Texts | None = None
    redirect_uris: _Texts | None = None
    grant_types: _Texts | None = None
    issuer_url: str | None = None
    entitled_application_arn: str | None = None


class StartDeviceAuthorizationInput(Input, frozen=True):
    """StartDeviceAuthorization."""

    client_id: str
    client_secret: str = Field(repr=False)
    start_url: str


class CreateTokenInput(Input, frozen=True):
    """CreateToken, for whichever grant; what a grant needs is checked with the grant."""

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
    """CreateTokenWithIAM, for whichever grant; what a grant needs is checked with the grant."""

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
    """Read a body, or refuse it as malformed: no JSON, no object, a member missing or of a wrong type."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        # Only names that the model itself has are repeated: anything else came from the wire.
        where = [problem["loc"] for problem in error.errors(include_input=False)]
    wire_names = {field.alias for field in model.model_fields.values()}
    members = sorted({str(loc[0]) for loc in where if loc} & {str(name) for name in wire_names})
    if not members:
        return invalid_request("Request body is not a JSON object")
    return invalid_request(f"Missing or invalid: {', '.join(members)}")
