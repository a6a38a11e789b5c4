"""The directory of an instance: users, accounts, roles, applications, token issuers and access keys.

    directory = Directory()
    directory.add_user("jane")
    directory.add_account("111122223333", name="Production")
    directory.assign("jane", account_id="111122223333", role_name="ReadOnly")

It holds what an administrator sets up. Sessions, registrations and codes come from requests and are kept elsewhere.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import Final

__all__ = [
    "AccessKey",
    "Account",
    "Application",
    "Directory",
    "TrustedTokenIssuer",
    "User",
]

_ACCOUNT_ID: Final = re.compile(r"[0-9]{12}\Z")
# The IAM Identity Center API reference, CreatePermissionSet, parameter Name
_ROLE_NAME: Final = re.compile(r"[\w+=,.@-]{1,32}\Z", re.ASCII)
# The service model, CreateTokenWithIAM, member `scope`
_DEFAULT_SCOPES: Final = ("openid", "aws", "sts:identity_context")


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    """A person of the identity store.

    Attributes:
        name: the user name, unique in the directory.
        user_id: the identity store's id of the user, also unique.
        email: the address by which, unless configured otherwise, the tokens of a trusted issuer name the user.
    """

    name: str
    user_id: str
    email: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """An AWS account of the organization; `account_id` has 12 digits."""

    account_id: str
    name: str
    email: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Application:
    """A customer managed OAuth 2.0 application, the client of CreateTokenWithIAM.

    Attributes:
        arn: its ARN, sent as the `clientId` of CreateTokenWithIAM.
        grant_types: the grant types that it may use.
        scopes: the scopes that its tokens may have besides the default ones of all applications.
        redirect_uris: the URIs to which `/authorize` may send codes.
        users: the names of the users assigned to it; `None` if it requires no assignment.
        audiences: the accepted values of the claim `aud` in assertions of trusted issuers.
    """

    arn: str
    grant_types: frozenset[str]
    scopes: tuple[str, ...] = ()
    redirect_uris: tuple[str, ...] = ()
    users: frozenset[str] | None
    audiences: frozenset[str] = frozenset()

    @property
    def allowed_scopes(self) -> tuple[str, ...]:
        """The scopes that its tokens may have: `openid`, `aws`, `sts:identity_context` and its own."""
        return tuple(dict.fromkeys((*_DEFAULT_SCOPES, *self.scopes)))


@dataclass(frozen=True, kw_only=True, slots=True)
class TrustedTokenIssuer:
    """An issuer whose JWTs are accepted for users of the directory.

    Attributes:
        issuer_url: the value of the claim `iss`.
        key_set: its public keys, the text of a JSON Web Key Set (RFC 7517).
        claim: the claim that names the user, for example `email`.
        attribute: the attribute of `User` that the claim must equal: `email`, `name` or `user_id`.
    """

    issuer_url: str
    key_set: str
    claim: str = "email"
    attribute: str = "email"


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessKey:
    """An IAM access key whose signatures are accepted; a request must also carry its session token, if it has one."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


class Directory:
    """Users, accounts, assignments, applications, issuers and access keys. Safe to use from many threads.

    A change takes effect with the next request.
    """

    def __init__(self) -> None:
        """Start empty."""
        # No deadlock: an `IdentityCenter` calls this while it holds its own lock, and this never calls the center.
        self._lock: Final = threading.RLock()
        self._users: Final[dict[str, User]] = {}
        self._accounts: Final[dict[str, Account]] = {}
        self._assignments: Final[set[tuple[str, str, str]]] = set()
        self._applications: Final[dict[str, Application]] = {}
        self._issuers: Final[dict[str, TrustedTokenIssuer]] = {}
        self._access_keys: Final[dict[str, AccessKey]] = {}

    @classmethod
    def example(cls) -> Directory:
        """Return the directory that an `IdentityCenter` has by default.

        It has one user with two roles in one account, and the example access key of AWS's documentation.
        """
        directory = cls()
        _ = directory.add_user("user")
        _ = directory.add_account("123456789012", name="Example account")
        directory.assign("user", account_id="123456789012", role_name="AdministratorAccess")
        directory.assign("user", account_id="123456789012", role_name="ReadOnly")
        directory.add_access_key(
            AccessKey(
                access_key_id="AKIAIOSFODNN7EXAMPLE",
                secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",  # noqa: S106 - public documentation
            )
        )
        return directory

    @property
    def users(self) -> tuple[User, ...]:
        """All users, in the order in which they were added."""
        with self._lock:
            return tuple(self._users.values())

    @property
    def accounts(self) -> tuple[Account, ...]:
        """All accounts, in the order in which they were added."""
        with self._lock:
            return tuple(self._accounts.values())

    def add_user(self, name: str, *, user_id: str | None = None, email: str | None = None) -> User:
        """Add a user and return it; the id and the address default to ones made from the name.

        Raises:
            ValueError: the name is empty or taken.
        """
        with self._lock:
            if not name or name in self._users:
                message = f"A user's name must be unique and not empty, unlike {name!r}"
                raise ValueError(message)
            user = User(name=name, user_id=user_id or name, email=email or f"{name}@example.com")
            self._users[name] = user
            return user

    def add_account(
        self, account_id: str, *, name: str | None = None, email: str | None = None
    ) -> Account:
        """Add an AWS account and return it; the name and the address default to ones made from the id.

        Raises:
            ValueError: the id does not have 12 digits, or is taken.
        """
        with self._lock:
            if _ACCOUNT_ID.match(account_id) is None or account_id in self._accounts:
                message = f"An account id must have 12 digits and be unique, unlike {account_id!r}"
                raise ValueError(message)
            account = Account(
                account_id=account_id,
                name=name or f"Account {account_id}",
                email=email or f"account-{account_id}@example.com",
            )
            self._accounts[account_id] = account
            return account

    def assign(self, user: str, *, account_id: str, role_name: str) -> None:
        """Assign a role (a permission set) in an account to a user.

        Raises:
            ValueError: there is no such user or account, or the role's name is invalid.
        """
        with self._lock:
            if user not in self._users:
                message = f"No user {user!r}: call directory.add_user first"
                raise ValueError(message)
            if account_id not in self._accounts:
                message = f"No account {account_id!r}: call directory.add_account first"
                raise ValueError(message)
            if _ROLE_NAME.match(role_name) is None:
                message = f"A role's name must have 1 to 32 letters, digits and +=,.@-_, unlike {role_name!r}"
                raise ValueError(message)
            self._assignments.add((user, account_id, role_name))

    def unassign(self, user: str, *, account_id: str, role_name: str) -> None:
        """Remove the assignment of a role; requests for its credentials are answered with 403 from now on.

        Raises:
            ValueError: the user does not have it.
        """
        with self._lock:
            if (user, account_id, role_name) not in self._assignments:
                message = f"User {user!r} has no role {role_name!r} in account {account_id!r}"
                raise ValueError(message)
            self._assignments.remove((user, account_id, role_name))

    def has_role(self, user: str, *, account_id: str, role_name: str) -> bool:
        """Return whether the user has this role."""
        with self._lock:
            return (user, account_id, role_name) in self._assignments

    def accounts_of(self, user: str) -> tuple[Account, ...]:
        """Return the accounts in which a user has a role, in the order in which they were added."""
        with self._lock:
            ids = {account_id for name, account_id, _ in self._assignments if name == user}
            return tuple(
                account for account in self._accounts.values() if account.account_id in ids
            )

    def roles_of(self, user: str, *, account_id: str) -> tuple[str, ...]:
        """Return the names of the roles that a user has in an account, sorted."""
        with self._lock:
            return tuple(
                sorted(
                    role
                    for name, account, role in self._assignments
                    if (name, account) == (user, account_id)
                )
            )

    def user(self, name: str) -> User | None:
        """Return the user of this name, or `None`."""
        with self._lock:
            return self._users.get(name)

    def someone(self, name: str | None) -> User:
        """Return the user of this name, or the first user if the name is `None`.

        Raises:
            ValueError: there is no such user.
        """
        with self._lock:
            user = next(iter(self._users.values()), None) if name is None else self._users.get(name)
            if user is None:
                wanted = "user" if name is None else f"user {name!r}"
                message = f"No {wanted}: call directory.add_user first"
                raise ValueError(message)
            return user

    def user_with(self, attribute: str, value: str) -> User | None:
        """Return the user whose `email`, `name` or `user_id` has this value, or `None` if there is not exactly one."""
        with self._lock:
            found = [user for user in self._users.values() if getattr(user, attribute) == value]
            return found[0] if len(found) == 1 else None

    def add_application(self, application: Application) -> None:
        """Add an application, or replace the one with the same ARN."""
        with self._lock:
            self._applications[application.arn] = application

    def application(self, arn: str) -> Application | None:
        """Return the application with this ARN, or `None`."""
        with self._lock:
            return self._applications.get(arn)

    def add_trusted_token_issuer(self, issuer: TrustedTokenIssuer) -> None:
        """Add an issuer, or replace the one with the same URL."""
        with self._lock:
            self._issuers[issuer.issuer_url] = issuer

    def trusted_token_issuer(self, issuer_url: str) -> TrustedTokenIssuer | None:
        """Return the issuer with this URL, the value of the claim `iss`, or `None`."""
        with self._lock:
            return self._issuers.get(issuer_url)

    def add_access_key(self, key: AccessKey) -> None:
        """Accept signatures that are made with this key."""
        with self._lock:
            self._access_keys[key.access_key_id] = key

    def access_key(self, access_key_id: str) -> AccessKey | None:
        """Return the access key with this id, or `None`."""
        with self._lock:
            return self._access_keys.get(access_key_id)
