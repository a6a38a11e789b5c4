"""Who there is and what they may do: users, accounts, roles given to users, applications, and who may sign requests.

    directory = Directory()
    directory.add_user("jane")
    directory.add_account("111122223333", name="Production")
    directory.assign("jane", account_id="111122223333", role_name="ReadOnly")

It is what an administrator sets up. Sessions, registrations and codes are not here: they come of requests.
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
        user_id: the identity store's own id, unique too.
        email: a trusted token issuer's tokens are matched by it.
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
    """A customer managed OAuth 2.0 application, which CreateTokenWithIAM is asked for by its ARN.

    Attributes:
        arn: its ARN, the `clientId` of CreateTokenWithIAM.
        grant_types: what it may use.
        scopes: what its tokens may hold besides the default scopes, which all applications have.
        redirect_uris: where `/authorize` may send codes.
        users: names of the users assigned to it; `None` where none need be assigned.
        audiences: the `aud` values that an assertion of a trusted issuer may have.
    """

    arn: str
    grant_types: frozenset[str]
    scopes: tuple[str, ...] = ()
    redirect_uris: tuple[str, ...] = ()
    users: frozenset[str] | None
    audiences: frozenset[str] = frozenset()

    @property
    def allowed_scopes(self) -> tuple[str, ...]:
        """The scopes that its tokens may hold: `openid`, `aws`, `sts:identity_context` and its own."""
        return tuple(dict.fromkeys((*_DEFAULT_SCOPES, *self.scopes)))


@dataclass(frozen=True, kw_only=True, slots=True)
class TrustedTokenIssuer:
    """Whose JWTs are taken for users of the directory.

    Attributes:
        issuer_url: equal to the claim `iss`.
        key_set: its public keys as a JSON Web Key Set (RFC 7517), the text of the document.
        claim: the claim that names the user, `email` for example.
        attribute: the user's attribute that it must equal: `email`, `name` or `user_id`.
    """

    issuer_url: str
    key_set: str
    claim: str = "email"
    attribute: str = "email"


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessKey:
    """An IAM access key whose signatures are accepted; with a session token it must come along."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


class Directory:
    """What an administrator set up. Safe to use from many threads.

    A change holds good from the next request on; one that is being answered is not disturbed.
    """

    def __init__(self) -> None:
        """Start with nobody."""
        # Its own: an `IdentityCenter` asks while it holds its lock, and this never calls back.
        self._lock: Final = threading.RLock()
        self._users: Final[dict[str, User]] = {}
        self._accounts: Final[dict[str, Account]] = {}
        self._assignments: Final[set[tuple[str, str, str]]] = set()
        self._applications: Final[dict[str, Application]] = {}
        self._issuers: Final[dict[str, TrustedTokenIssuer]] = {}
        self._access_keys: Final[dict[str, AccessKey]] = {}

    @classmethod
    def example(cls) -> Directory:
        """Give what an `IdentityCenter` has where nothing else is given.

        That is one user with two roles in one account, and the access key of AWS's documentation.
        """
        directory = cls()
        _ = directory.add_user("user")
        _ = directory.add_account("123456789012", name="Example account")
        directory.assign("user", account_id="123456789012", role_name="AdministratorAccess")
        directory.assign("user", account_id="123456789012", role_name="ReadOnly")
        # The example key of AWS's own documentation.
        directory.add_access_key(
            AccessKey(
                access_key_id="AKIAIOSFODNN7EXAMPLE",
                secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",  # noqa: S106 - known to everybody
            )
        )
        return directory

    @property
    def users(self) -> tuple[User, ...]:
        """All users, in the order they were added."""
        with self._lock:
            return tuple(self._users.values())

    @property
    def accounts(self) -> tuple[Account, ...]:
        """All accounts, in the order they were added."""
        with self._lock:
            return tuple(self._accounts.values())

    def add_user(self, name: str, *, user_id: str | None = None, email: str | None = None) -> User:
        """Add a person; by default with an id and an address made of the name.

        Raises:
            ValueError: the name is empty or taken.
        """
        with self._lock:
            if not name or name in self._users:
                message = f"A user needs a name that no other has, not {name!r}"
                raise ValueError(message)
            user = User(name=name, user_id=user_id or name, email=email or f"{name}@example.com")
            self._users[name] = user
            return user

    def add_account(
        self, account_id: str, *, name: str | None = None, email: str | None = None
    ) -> Account:
        """Add an AWS account; by default with a name and an address made of its id.

        Raises:
            ValueError: the id has not 12 digits, or is taken.
        """
        with self._lock:
            if _ACCOUNT_ID.match(account_id) is None or account_id in self._accounts:
                message = f"An account id has 12 digits and is unique, not {account_id!r}"
                raise ValueError(message)
            account = Account(
                account_id=account_id,
                name=name or f"Account {account_id}",
                email=email or f"account-{account_id}@example.com",
            )
            self._accounts[account_id] = account
            return account

    def assign(self, user: str, *, account_id: str, role_name: str) -> None:
        """Let a user have a role (a permission set) in an account.

        Raises:
            ValueError: there is no such user or account, or the role's name is not one.
        """
        with self._lock:
            if user not in self._users:
                message = f"No user {user!r}: add_user comes first"
                raise ValueError(message)
            if account_id not in self._accounts:
                message = f"No account {account_id!r}: add_account comes first"
                raise ValueError(message)
            if _ROLE_NAME.match(role_name) is None:
                message = (
                    f"A role's name has 1 to 32 letters, digits and +=,.@-_, unlike {role_name!r}"
                )
                raise ValueError(message)
            self._assignments.add((user, account_id, role_name))

    def unassign(self, user: str, *, account_id: str, role_name: str) -> None:
        """Take a role away; asking for its credentials is answered with 403 from now on.

        Raises:
            ValueError: the user does not have it.
        """
        with self._lock:
            if (user, account_id, role_name) not in self._assignments:
                message = f"User {user!r} has no role {role_name!r} in account {account_id!r}"
                raise ValueError(message)
            self._assignments.remove((user, account_id, role_name))

    def has_role(self, user: str, *, account_id: str, role_name: str) -> bool:
        """Whether the user has this role."""
        with self._lock:
            return (user, account_id, role_name) in self._assignments

    def accounts_of(self, user: str) -> tuple[Account, ...]:
        """Give the accounts in which a user has a role, in the order they were added."""
        with self._lock:
            ids = {account_id for name, account_id, _ in self._assignments if name == user}
            return tuple(
                account for account in self._accounts.values() if account.account_id in ids
            )

    def roles_of(self, user: str, *, account_id: str) -> tuple[str, ...]:
        """Give the names of the roles that a user has in an account, sorted."""
        with self._lock:
            return tuple(
                sorted(
                    role
                    for name, account, role in self._assignments
                    if (name, account) == (user, account_id)
                )
            )

    def user(self, name: str) -> User | None:
        """Find a user by name."""
        with self._lock:
            return self._users.get(name)

    def someone(self, name: str | None) -> User:
        """Give the user of this name, or the first one where no name is given.

        Raises:
            ValueError: there is no such user, or no user at all.
        """
        with self._lock:
            user = next(iter(self._users.values()), None) if name is None else self._users.get(name)
            if user is None:
                message = "There is no user yet: directory.add_user comes first"
                if name is not None:
                    message = f"No user {name!r}: directory.add_user comes first"
                raise ValueError(message)
            return user

    def user_with(self, attribute: str, value: str) -> User | None:
        """Find the one user whose `email`, `name` or `user_id` is this; none where two have it."""
        with self._lock:
            found = [user for user in self._users.values() if getattr(user, attribute) == value]
            return found[0] if len(found) == 1 else None

    def add_application(self, application: Application) -> None:
        """Add an application, or put it in place of the one with its ARN."""
        with self._lock:
            self._applications[application.arn] = application

    def application(self, arn: str) -> Application | None:
        """Find an application."""
        with self._lock:
            return self._applications.get(arn)

    def add_trusted_token_issuer(self, issuer: TrustedTokenIssuer) -> None:
        """Add an issuer, or put it in place of the one with its URL."""
        with self._lock:
            self._issuers[issuer.issuer_url] = issuer

    def trusted_token_issuer(self, issuer_url: str) -> TrustedTokenIssuer | None:
        """Find an issuer by the claim `iss`."""
        with self._lock:
            return self._issuers.get(issuer_url)

    def add_access_key(self, key: AccessKey) -> None:
        """Accept signatures made with this key."""
        with self._lock:
            self._access_keys[key.access_key_id] = key

    def access_key(self, access_key_id: str) -> AccessKey | None:
        """Find an access key."""
        with self._lock:
            return self._access_keys.get(access_key_id)
