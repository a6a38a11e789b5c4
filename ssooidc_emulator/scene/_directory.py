"""The `Directory` of a scene."""

from __future__ import annotations

import contextlib
from collections.abc import Generator

from pydantic_core import from_json, to_json

from ssooidc_emulator._directory import AccessKey, Application, Directory, TrustedTokenIssuer
from ssooidc_emulator.scene._tables import (
    ApplicationTable,
    AssignmentTable,
    IssuerTable,
    SceneError,
    SceneTables,
    number_of,
)

__all__ = ["directory_of"]


def directory_of(tables: SceneTables) -> Directory:
    """Return a new directory; a scene without users, accounts and assignments has those of `Directory.example()`.

    Raises:
        SceneError: a name is already taken, or refers to a missing user or account.
    """
    # A scene that only changes settings or scripts faults must be usable too.
    has_own = tables.users or tables.accounts or tables.assignments
    directory = Directory() if has_own else Directory.example()
    for index, user in enumerate(tables.users):
        with _problems_of("users", index):
            _ = directory.add_user(user.name, user_id=user.user_id, email=user.email)
    for index, account in enumerate(tables.accounts):
        with _problems_of("accounts", index):
            _ = directory.add_account(account.account_id, name=account.name, email=account.email)
    for index, assignment in enumerate(tables.assignments):
        with _problems_of("assignments", index):
            _assign(directory, assignment)
    for index, application in enumerate(tables.applications):
        with _problems_of("applications", index):
            directory.add_application(_application(directory, application))
    for index, issuer in enumerate(tables.trusted_token_issuers):
        with _problems_of("trusted_token_issuers", index):
            directory.add_trusted_token_issuer(_issuer(issuer))
    # A scene may replace the key of the example, but must not have two keys with one id.
    key_ids: set[str] = set()
    for index, key in enumerate(tables.access_keys):
        with _problems_of("access_keys", index):
            if key.access_key_id in key_ids:
                message = "key 'access_key_id': another one has this id"
                raise ValueError(message)
            key_ids.add(key.access_key_id)
            directory.add_access_key(
                AccessKey(
                    access_key_id=key.access_key_id,
                    secret_access_key=key.secret_access_key,
                    session_token=key.session_token,
                )
            )
    return directory


@contextlib.contextmanager
def _problems_of(table: str, index: int) -> Generator[None, None, None]:
    """Turn a `ValueError` into a `SceneError` that names the table."""
    try:
        yield
    except ValueError as error:
        problem = str(error)
    else:
        return
    message = f"{number_of(table, index)}: {problem}"
    raise SceneError(message)


def _assign(directory: Directory, assignment: AssignmentTable) -> None:
    if directory.user(assignment.user) is None:
        message = f"key 'user': no [[users]] has the name {assignment.user!r}"
        raise ValueError(message)
    if assignment.account_id not in {account.account_id for account in directory.accounts}:
        message = f"key 'account_id': no [[accounts]] has the id {assignment.account_id!r}"
        raise ValueError(message)
    directory.assign(
        assignment.user, account_id=assignment.account_id, role_name=assignment.role_name
    )


def _application(directory: Directory, table: ApplicationTable) -> Application:
    if directory.application(table.arn) is not None:
        message = "key 'arn': another one has this ARN"
        raise ValueError(message)
    for name in table.users or ():
        if directory.user(name) is None:
            message = f"key 'users': no [[users]] has the name {name!r}"
            raise ValueError(message)
    return Application(
        arn=table.arn,
        grant_types=frozenset(table.grant_types),
        scopes=tuple(table.scopes),
        redirect_uris=tuple(table.redirect_uris),
        users=None if table.users is None else frozenset(table.users),
        audiences=frozenset(table.audiences),
    )


def _issuer(table: IssuerTable) -> TrustedTokenIssuer:
    text = table.key_set
    key_set: object = text
    if isinstance(text, str):
        try:
            key_set = from_json(text)
        except ValueError:
            key_set = None
    match key_set:
        # RFC 7517 section 5
        case {"keys": list()}:
            pass
        case _:
            message = "key 'key_set': this must be a JSON Web Key Set, an object with a list 'keys'"
            raise ValueError(message)
    return TrustedTokenIssuer(
        issuer_url=table.issuer_url,
        key_set=text if isinstance(text, str) else to_json(text).decode(),
        claim=table.claim,
        attribute=table.attribute,
    )
