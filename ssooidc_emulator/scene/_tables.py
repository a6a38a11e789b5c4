"""The tables of a scene file: which keys each has, what a key's value must be, and what to say where it is not so."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias, get_args

from pydantic import BaseModel, Field, ValidationError

from ssooidc_emulator._settings import RefreshMode
from ssooidc_emulator.faults._script import OperationName

__all__ = ["SceneError", "SceneTables", "number_of", "read_tables"]

# Outermost, so that pydantic keeps the description with the key.
_Text: TypeAlias = Annotated[str, Field(min_length=1, description="text")]
_OptionalText: TypeAlias = Annotated[str | None, Field(min_length=1, description="text")]
_Texts: TypeAlias = Annotated[list[str], Field(description="a list of texts")]
_Seconds: TypeAlias = Annotated[
    int | None,
    Field(ge=1, le=10 * 365 * 24 * 3600, description="a whole number of seconds from 1"),
]
_Flag: TypeAlias = Annotated[bool | None, Field(description="true or false")]
_OPERATIONS: Final = get_args(OperationName)
_LONGEST_NAME_SHOWN: Final = 40
_MOST_PROBLEMS_SHOWN: Final = 10


class SceneError(ValueError):
    """A scene file is not right; the text names the table and the key, and says what is allowed."""


class _Table(BaseModel, frozen=True, extra="forbid", strict=True, hide_input_in_errors=True):
    """What all tables share."""


class InstanceTable(_Table, frozen=True):
    """`[instance]`: the arguments of `IdentityCenter`."""

    region: _OptionalText = None
    start_url: _OptionalText = None
    base_url: _OptionalText = None
    interval: _Seconds = None
    device_code_lifetime: _Seconds = None
    authorization_code_lifetime: _Seconds = None
    registration_lifetime: _Seconds = None
    access_token_lifetime: _Seconds = None
    session_lifetime: _Seconds = None
    role_session_lifetime: _Seconds = None
    refresh_mode: RefreshMode | None = Field(
        default=None, description="one of 'stable', 'rotating' and 'rotating-strict'"
    )
    enforce_interval: _Flag = None
    refuse_white_space: _Flag = None
    auto_approve: _OptionalText = None


class UserTable(_Table, frozen=True):
    """`[[users]]`."""

    name: _Text
    user_id: _OptionalText = None
    email: _OptionalText = None


class AccountTable(_Table, frozen=True):
    """`[[accounts]]`."""

    account_id: str = Field(pattern=r"^[0-9]{12}\z", description="12 digits in quotes")
    name: _OptionalText = None
    email: _OptionalText = None


class AssignmentTable(_Table, frozen=True):
    """`[[assignments]]`: a user has a role in an account."""

    user: _Text
    account_id: _Text
    role_name: _Text


class ApplicationTable(_Table, frozen=True):
    """`[[applications]]`."""

    arn: _Text
    grant_types: _Texts
    scopes: _Texts = []
    redirect_uris: _Texts = []
    users: Annotated[list[str] | None, Field(description="a list of texts")] = None
    audiences: _Texts = []


class IssuerTable(_Table, frozen=True):
    """`[[trusted_token_issuers]]`."""

    issuer_url: _Text
    key_set: str | dict[str, object] = Field(
        description="a JSON Web Key Set, as text or as a table with 'keys'"
    )
    claim: _Text = "email"
    attribute: Literal["email", "name", "user_id"] = Field(
        default="email", description="one of 'email', 'name' and 'user_id'"
    )


class AccessKeyTable(_Table, frozen=True):
    """`[[access_keys]]`."""

    access_key_id: _Text
    secret_access_key: _Text = Field(repr=False)
    session_token: _OptionalText = Field(default=None, repr=False)


class FaultTable(_Table, frozen=True):
    """`[[faults]]`: without an operation, for all of them."""

    operation: OperationName | None = Field(
        default=None, description=f"one of {', '.join(_OPERATIONS)}"
    )
    kind: _Text
    parameters: dict[str, object] = Field(default={}, description="a table")
    times: Annotated[int, Field(ge=1)] | Literal["all"] | None = Field(
        default=None, description="a number of calls from 1, or 'all'"
    )
    probability: float | None = Field(
        default=None, gt=0, le=1, description="a number above 0 and at most 1"
    )


class SceneTables(_Table, frozen=True):
    """A whole scene file."""

    instance: InstanceTable = InstanceTable()
    users: list[UserTable] = []
    accounts: list[AccountTable] = []
    assignments: list[AssignmentTable] = []
    applications: list[ApplicationTable] = []
    trusted_token_issuers: list[IssuerTable] = []
    access_keys: list[AccessKeyTable] = []
    faults: list[FaultTable] = []


_TABLES: Final[dict[str, type[_Table]]] = {
    "instance": InstanceTable,
    "users": UserTable,
    "accounts": AccountTable,
    "assignments": AssignmentTable,
    "applications": ApplicationTable,
    "trusted_token_issuers": IssuerTable,
    "access_keys": AccessKeyTable,
    "faults": FaultTable,
}


def read_tables(document: dict[str, object]) -> SceneTables:
    """Read a parsed scene file.

    Raises:
        SceneError: it has a table or a key that no scene has, lacks one, or a value is wrong.
    """
    try:
        return SceneTables.model_validate(document)
    except ValidationError as error:
        # Values stay out: secrets may be among them.
        found = [(problem["type"], problem["loc"]) for problem in error.errors(include_input=False)]
    problems = list(dict.fromkeys(_problem(kind, place) for kind, place in found))
    more = len(problems) - _MOST_PROBLEMS_SHOWN
    shown = problems[:_MOST_PROBLEMS_SHOWN] + ([f"and {more} more"] if more > 0 else [])
    raise SceneError("; ".join(shown))


def number_of(table: str, index: int) -> str:
    """Name one table of an array: `[[users]] number 2`."""
    return f"[[{table}]] number {index + 1}"


def _problem(kind: str, place: tuple[int | str, ...]) -> str:
    table = str(place[0]) if place else ""
    model = _TABLES.get(table)
    if model is None:
        return f"A scene has no table {_shown(table)}: it may have {', '.join(_TABLES)}"
    is_array = table != "instance"
    if is_array and (len(place) == 1 or not isinstance(place[1], int)):
        return f"Write {table!r} as [[{table}]], once for each"
    where = number_of(table, int(place[1])) if is_array else f"[{table}]"
    rest = place[2:] if is_array else place[1:]
    if not rest:
        return f"{where} must be a table"
    key = str(rest[0])
    if kind == "extra_forbidden" and len(rest) == 1:
        return f"{where} has no key {_shown(key)}: it may have {', '.join(model.model_fields)}"
    allowed = model.model_fields[key].description or "something else"
    if kind == "missing" and len(rest) == 1:
        return f"{where} needs the key {key!r}: {allowed}"
    return f"{where}, key {key!r}: this must be {allowed}"


def _shown(name: str) -> str:
    return repr(name[:_LONGEST_NAME_SHOWN])
