"""The verbs of the admin endpoint: their members, their effects and their answers.

Times in answers are RFC 3339 texts in UTC, durations are in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from pydantic import BaseModel, Field, JsonValue

from ssooidc_core._program import Instant
from ssooidc_emulator._clocks import Clock
from ssooidc_emulator._identity_center import IdentityCenter
from ssooidc_emulator.faults._by_name import fault_named
from ssooidc_emulator.faults._script import OperationName

__all__ = ["VERBS", "Controlled", "Verb"]


@dataclass(frozen=True, slots=True)
class Controlled:
    """The objects that verbs act on; `clock` is `None` if time cannot be advanced."""

    center: IdentityCenter
    clock: Clock | None
    now: Instant


class Verb(BaseModel, frozen=True, extra="forbid", strict=True, hide_input_in_errors=True):
    """A verb with its members."""

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Carry out the verb and return the members of the answer.

        Raises:
            ValueError: this is not possible; the message says why and contains no secret.
        """
        raise NotImplementedError


class ListLogins(Verb, frozen=True):
    """`logins/list`: list the device logins that wait for a decision."""

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Return `logins`, with the user codes for `logins/approve`."""
        return {"logins": [asdict(login) for login in on.center.pending_logins(on.now)]}


class ApproveLogin(Verb, frozen=True):
    """`logins/approve`: approve a device login, as a person does on the page."""

    user_code: str = Field(repr=False)
    user: str | None = None

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Approve the login for this user, by default the first one."""
        on.center.approve(self.user_code, user=self.user)
        return {}


class DenyLogin(Verb, frozen=True):
    """`logins/deny`: deny a device login, as a person does on the page."""

    user_code: str = Field(repr=False)

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Deny the login."""
        on.center.deny(self.user_code)
        return {}


class Authorize(Verb, frozen=True):
    """`logins/authorize`: decide on a browser login, as a person does on the page."""

    url: str = Field(repr=False)
    user: str | None = None
    deny: bool = False

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Return `redirect_url`, to which the browser would be redirected; it contains the code."""
        redirect_url = on.center.authorize(self.url, on.now, user=self.user, deny=self.deny)
        return {"redirect_url": redirect_url}


class ListSessions(Verb, frozen=True):
    """`sessions/list`: list the sessions that are not over."""

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Return `sessions`, without their tokens."""
        return {"sessions": [asdict(session) for session in on.center.sessions(on.now)]}


class EndSession(Verb, frozen=True):
    """`sessions/end`: end a session, as an administrator does."""

    session_id: str

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """End the session."""
        on.center.end_session(self.session_id)
        return {}


class ListRegistrations(Verb, frozen=True):
    """`registrations/list`: list the registered clients."""

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Return `registrations`, without their secrets."""
        return {"registrations": [asdict(client) for client in on.center.registrations(on.now)]}


class AddUser(Verb, frozen=True):
    """`users/add`: add a user."""

    name: str
    user_id: str | None = None
    email: str | None = None

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Return the new user."""
        return asdict(
            on.center.directory.add_user(self.name, user_id=self.user_id, email=self.email)
        )


class AddAccount(Verb, frozen=True):
    """`accounts/add`: add an account."""

    account_id: str
    name: str | None = None
    email: str | None = None

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Return the new account."""
        return asdict(
            on.center.directory.add_account(self.account_id, name=self.name, email=self.email)
        )


class Assign(Verb, frozen=True):
    """`roles/assign`: assign a role in an account to a user."""

    user: str
    account_id: str
    role_name: str

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Assign the role."""
        on.center.directory.assign(self.user, account_id=self.account_id, role_name=self.role_name)
        return {}


class Unassign(Assign, frozen=True):
    """`roles/unassign`: remove the assignment of a role."""

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Remove the assignment."""
        on.center.directory.unassign(
            self.user, account_id=self.account_id, role_name=self.role_name
        )
        return {}


class ScriptFault(Verb, frozen=True):
    """`faults/script`: replace the next calls of an operation by a fault."""

    kind: str
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    operation: OperationName | None = None
    times: int | None = 1
    probability: float | None = None

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Script the fault."""
        on.center.script(
            self.operation,
            fault_named(self.kind, self.parameters),
            times=self.times,
            probability=self.probability,
        )
        return {}


class ClearFaults(Verb, frozen=True):
    """`faults/clear`: remove all scripted faults."""

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Remove the faults."""
        on.center.clear_script()
        return {}


class AdvanceClock(Verb, frozen=True):
    """`clock/advance`: move the clock forward; 0 seconds only return the time."""

    seconds: float = Field(ge=0, allow_inf_nan=False)

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Return `now`, the new time."""
        if on.clock is None:
            message = "The clock of this server cannot be advanced"
            raise ValueError(message)
        on.clock.advance(self.seconds)
        return {"now": on.clock.now().wall}


class ListRequests(Verb, frozen=True):
    """`requests/list`: list the latest requests, at most a thousand, without secrets."""

    after: int = 0

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Return `requests` whose number is larger than `after`, oldest first."""
        entries = on.center.log.entries()
        return {"requests": [asdict(entry) for entry in entries if entry.number > self.after]}


VERBS: Final[Mapping[str, type[Verb]]] = {
    "logins/list": ListLogins,
    "logins/approve": ApproveLogin,
    "logins/deny": DenyLogin,
    "logins/authorize": Authorize,
    "sessions/list": ListSessions,
    "sessions/end": EndSession,
    "registrations/list": ListRegistrations,
    "users/add": AddUser,
    "accounts/add": AddAccount,
    "roles/assign": Assign,
    "roles/unassign": Unassign,
    "faults/script": ScriptFault,
    "faults/clear": ClearFaults,
    "clock/advance": AdvanceClock,
    "requests/list": ListRequests,
}
"""The verbs by their paths below `/_ssooidc/`."""
