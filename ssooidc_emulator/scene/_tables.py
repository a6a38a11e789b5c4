"""The tables of a scene file: the keys of each, their allowed values, and the error messages."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias, get_args

from pydantic import BaseModel, Field, ValidationError

from ssooidc_emulator._settings import Settings
from ssooidc_emulator.faults._script import OperationName

__all__ = ["SceneError", "SceneTables", "number_of", "read_tables"]

# The field is outermost, so that pydantic keeps the description with the key.
_Text: TypeAlias = Annotated[str, Field(min_length=1, description="text")]
_OptionalText: TypeAlias = Annotated[str | None, Field(min_length=1, description="text")]
_Texts: TypeAlias = Annotated[list[str], Field(description="a list of texts")]
_OPERATIONS: Final = get_args(OperationName)
_LONGEST_NAME_SHOWN: Final = 40
_MOST_PROBLEMS_SHOWN: Final = 10


class SceneError(ValueError):
    """An error in a scene file; the message names the table and the key, and says what is allowed."""


class _Table(BaseModel, frozen=True, extra="forbid", strict=True, hide_input_in_errors=True):
    """The configuration of all tables."""


class UserTable(_Table, frozen=True):
    """A user of `[[users]]`."""

    name: _Text
    user_id: _OptionalText = None
    email: _OptionalText = None


class AccountTable(_Table, frozen=True):
    """An AWS account of `[[accounts]]`."""

    account_id: str = Field(pattern=r"^[0-9]{12}\z", description="12 digits in quotes")
    name: _OptionalText = None
    email: _OptionalText = None


class AssignmentTable(_Table, frozen=True):
    """A user's role in an account, of `[[assignments]]`."""

    user: _Text
    account_id: _Text
    role_name: _Text


class ApplicationTable(_Table, frozen=True):
    """An application of `[[applications]]`."""

    arn: _Text
    grant_types: _Texts
    scopes: _Texts = []
    redirect_uris: _Texts = []
    users: Annotated[list[str] | None, Field(description="a list of texts")] = None
    audiences: _Texts = []


class IssuerTable(_Table, frozen=True):
    """An issuer of `[[trusted_token_issuers]]`."""

    issuer_url: _Text
    key_set: str | dict[str, object] = Field(
        description="a JSON Web Key Set, as text or as a table with 'keys'"
    )
    claim: _Text = "email"
    attribute: Literal["email", "name", "user_id"] = Field(
        default="email", description="one of 'email', 'name' and 'user_id'"
    )


class AccessKeyTable(_Table, frozen=True):
    """An access key of `[[access_keys]]`."""

    access_key_id: _Text
    secret_access_key: _Text = Field(repr=False)
    session_token: _OptionalText = Field(default=None, repr=False)


class FaultTable(_Table, frozen=True):
    """A fault of `[[faults]]`; without an operation, it applies to all of them."""

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
    """The tables of a scene file."""

    instance: Settings = Settings()
    users: list[UserTable] = []
    accounts: list[AccountTable] = []
    assignments: list[AssignmentTable] = []
    applications: list[ApplicationTable] = []
    trusted_token_issuers: list[IssuerTable] = []
    access_keys: list[AccessKeyTable] = []
    faults: list[FaultTable] = []


_TABLES: Final[dict[str, type[BaseModel]]] = {
    "instance": Settings,
    "users": UserTable,
    "accounts": AccountTable,
    "assignments": AssignmentTable,
    "applications": ApplicationTable,
    "trusted_token_issuers": IssuerTable,
    "access_keys": AccessKeyTable,
    "faults": FaultTable,
}


def read_tables(document: dict[str, object]) -> SceneTables:
    """Return the tables of a parsed scene file.

    Raises:
        SceneError: a table or key is unknown or missing, or a value is wrong.
    """
    try:
        return SceneTables.model_validate(document)
    except ValidationError as error:
        # Without the values, which may be secrets.
        found = [(problem["type"], problem["loc"]) for problem in error.errors(include_input=False)]
    problems = list(dict.fromkeys(_problem(kind, place) for kind, place in found))
    more = len(problems) - _MOST_PROBLEMS_SHOWN
    shown = problems[:_MOST_PROBLEMS_SHOWN] + ([f"and {more} more"] if more > 0 else [])
    raise SceneError("; ".join(shown))


def number_of(table: str, index: int) -> str:
    """Return the name of one table of an array, for example `[[users]] number 2`."""
    return f"[[{table}]] number {index + 1}"


def _problem(kind: str, place: tuple[int | str, ...]) -> str:
    table = str(place[0]) if place else ""
    model = _TABLES.get(table)
    if model is None:
        return f"A scene cannot have a table {_shown(table)}: use one of {', '.join(_TABLES)}"
    is_array = table != "instance"
    if is_array and (len(place) == 1 or not isinstance(place[1], int)):
        return f"Write {table!r} as [[{table}]], once for each entry"
    where = number_of(table, int(place[1])) if is_array else f"[{table}]"
    rest = place[2:] if is_array else place[1:]
    if not rest:
        return f"{where} must be a table"
    key = str(rest[0])
    if kind == "extra_forbidden" and len(rest) == 1:
        return (
            f"{where} cannot have a key {_shown(key)}: use one of {', '.join(model.model_fields)}"
        )
    allowed = model.model_fields[key].description or "something else"
    if kind == "missing" and len(rest) == 1:
        return f"{where} needs the key {key!r}: {allowed}"
    return f"{where}, key {key!r}: this must be {allowed}"


def _shown(name: str) -> str:
    return repr(name[:_LONGEST_NAME_SHOWN])
