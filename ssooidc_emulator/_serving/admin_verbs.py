"""The verbs of the admin endpoint: the members that each takes, what it does, and what it gives back.

Times go out as RFC 3339 text in UTC, durations are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from pydantic import BaseModel, Field, JsonValue

from ssooidc_core._program import Instant
from ssooidc_emulator._identity_center import IdentityCenter
from ssooidc_emulator._in_process import Clock
from ssooidc_emulator.faults._by_name import fault_named
from ssooidc_emulator.faults._script import OperationName

__all__ = ["VERBS", "Controlled", "Verb"]


@dataclass(frozen=True, slots=True)
class Controlled:
    """What a verb acts on; `clock` is `None` where time cannot be moved."""

    center: IdentityCenter
    clock: Clock | None
    now: Instant


class Verb(BaseModel, frozen=True, extra="forbid", strict=True, hide_input_in_errors=True):
    """One thing to do."""

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Do it, and give the members of the answer.

        Raises:
            ValueError: it cannot be done; the text says why and quotes no secret.
        """
        raise NotImplementedError


class ListLogins(Verb, frozen=True):
    """`logins/list`: the device logins that wait for a decision."""

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Give `logins`, with the user code that `logins/approve` wants."""
        return {"logins": [asdict(login) for login in on.center.pending_logins(on.now)]}


class ApproveLogin(Verb, frozen=True):
    """`logins/approve`: decide as the person would at the page."""

    user_code: str = Field(repr=False)
    user: str | None = None

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Approve for this user, by default the first one."""
        on.center.approve(self.user_code, user=self.user)
        return {}


class DenyLogin(Verb, frozen=True):
    """`logins/deny`: refuse as the person would at the page."""

    user_code: str = Field(repr=False)

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Deny."""
        on.center.deny(self.user_code)
        return {}


class Authorize(Verb, frozen=True):
    """`logins/authorize`: decide on a browser login's URL as the person would who opens it."""

    url: str = Field(repr=False)
    user: str | None = None
    deny: bool = False

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Give `redirect_url`, which the browser would be sent to; it has the code in it."""
        redirect_url = on.center.authorize(self.url, on.now, user=self.user, deny=self.deny)
        return {"redirect_url": redirect_url}


class ListSessions(Verb, frozen=True):
    """`sessions/list`: the sessions that are not over."""

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Give `sessions`, without their tokens."""
        return {"sessions": [asdict(session) for session in on.center.sessions(on.now)]}


class EndSession(Verb, frozen=True):
    """`sessions/end`: as an administrator or a sign-out elsewhere does."""

    session_id: str

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """End it."""
        on.center.end_session(self.session_id)
        return {}


class ListRegistrations(Verb, frozen=True):
    """`registrations/list`: the registered clients."""

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Give `registrations`, without their secrets."""
        return {"registrations": [asdict(client) for client in on.center.registrations(on.now)]}


class AddUser(Verb, frozen=True):
    """`users/add`."""

    name: str
    user_id: str | None = None
    email: str | None = None

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Give the user as it is now."""
        return asdict(
            on.center.directory.add_user(self.name, user_id=self.user_id, email=self.email)
        )


class AddAccount(Verb, frozen=True):
    """`accounts/add`."""

    account_id: str
    name: str | None = None
    email: str | None = None

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Give the account as it is now."""
        return asdict(
            on.center.directory.add_account(self.account_id, name=self.name, email=self.email)
        )


class Assign(Verb, frozen=True):
    """`roles/assign`."""

    user: str
    account_id: str
    role_name: str

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Let a user have a role in an account."""
        on.center.directory.assign(self.user, account_id=self.account_id, role_name=self.role_name)
        return {}


class Unassign(Assign, frozen=True):
    """`roles/unassign`."""

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Take a role away."""
        on.center.directory.unassign(
            self.user, account_id=self.account_id, role_name=self.role_name
        )
        return {}


class ScriptFault(Verb, frozen=True):
    """`faults/script`: let the next calls of an operation go wrong."""

    kind: str
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    operation: OperationName | None = None
    times: int | None = 1
    probability: float | None = None

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Script it."""
        on.center.script(
            self.operation,
            fault_named(self.kind, self.parameters),
            times=self.times,
            probability=self.probability,
        )
        return {}


class ClearFaults(Verb, frozen=True):
    """`faults/clear`."""

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Let everything go right from now on."""
        on.center.clear_script()
        return {}


class AdvanceClock(Verb, frozen=True):
    """`clock/advance`: let time pass at once; by 0 seconds it only tells the time."""

    seconds: float = Field(ge=0, allow_inf_nan=False)

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Give `now`, the time that it is then."""
        if on.clock is None:
            message = "The clock of this server cannot be moved"
            raise ValueError(message)
        on.clock.advance(self.seconds)
        return {"now": on.clock.now().wall}


class ListRequests(Verb, frozen=True):
    """`requests/list`: the last thousand requests, without anything secret."""

    after: int = 0

    def carry_out(self, on: Controlled) -> Mapping[str, object]:
        """Give `requests`, those with a larger number than `after`, the oldest first."""
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
