"""The emulator, browser logins and refreshes by several clients, including thieves, in each refresh mode.

Time is virtual. The machine tracks by RFC 6749, RFC 7636 and RFC 9700 who holds which codes and tokens, and compares
every response with that.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
)

from ssooidc_core import HttpRequest, HttpResponse
from ssooidc_emulator import Directory, IdentityCenter, RefreshMode, seeded_entropy
from ssooidc_transports.testing import VirtualClock

SERVICE: Final = "https://oidc.us-east-1.amazonaws.com"
REGISTERED: Final = "http://127.0.0.1/oauth/callback"
USERS: Final = ("jane", "joe")
VERIFIERS: Final = tuple(letter * 43 for letter in "ab")
PORTS: Final = (1024, 8400)
GRACE: Final = 60.0
INVALID_GRANT: Final = "Invalid grant provided"
INVALID_REFRESH: Final = "Invalid refresh token provided"


@dataclass(eq=False)
class Client:
    """A registered client: its credentials, and whether it has a scope."""

    proof: dict[str, str]
    scoped: bool


@dataclass(eq=False)
class Session:
    """The session that a code became."""

    client: Client
    ends_at: float
    over: bool = False


@dataclass(eq=False)
class Code:
    """A code and its holder."""

    text: str
    client: Client
    redirect_uri: str
    verifier: str
    user: str
    ends_at: float
    session: Session | None = None


@dataclass(eq=False)
class Refresh:
    """A refresh token and its holder."""

    text: str
    session: Session
    replaced_at: float | None = None


@dataclass(eq=False)
class Access:
    """An access token and its holder."""

    text: str
    session: Session
    ends_at: float
    user: str = field(default="")


def callback_at(port: int) -> str:
    return REGISTERED.replace("127.0.0.1", f"127.0.0.1:{port}")


class BrowserLogins(RuleBasedStateMachine):
    """One center, and all actions of its clients and their thieves."""

    clients: Bundle[Client] = Bundle("clients")
    codes: Bundle[Code] = Bundle("codes")
    refreshes: Bundle[Refresh] = Bundle("refreshes")

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualClock()
        self.center = IdentityCenter()
        self.access: list[Access] = []
        self.sessions: list[Session] = []
        self.seen: set[str] = set()

    @initialize(
        mode=st.sampled_from(["stable", "rotating", "rotating-strict"]),
        code_life=st.integers(1, 900),
        access_life=st.integers(1, 5000),
        session_life=st.integers(1, 40_000) | st.integers(1, 300),
    )
    def make_center(
        self, *, mode: RefreshMode, code_life: int, access_life: int, session_life: int
    ) -> None:
        directory = Directory()
        for name in USERS:
            directory.add_user(name)
        self.center = IdentityCenter(
            directory=directory,
            refresh_mode=mode,
            authorization_code_lifetime=code_life,
            access_token_lifetime=access_life,
            session_lifetime=session_life,
            entropy=seeded_entropy(7),
        )
        self.mode, self.code_life = mode, code_life
        self.access_life, self.session_life = access_life, session_life

    @property
    def now(self) -> float:
        return self.clock.now().wall.timestamp()

    def ask(self, path: str, members: dict[str, object]) -> HttpResponse:
        request = HttpRequest("POST", SERVICE + path, (), json.dumps(members).encode())
        answer = self.center.handle(request, self.clock.now())
        assert isinstance(answer, HttpResponse)
        return answer

    def fresh(self, text: str) -> str:
        assert text not in self.seen, "nothing is ever given out twice"
        self.seen.add(text)
        return text

    # Actions

    @rule(seconds=st.floats(0, 70) | st.floats(0, 5000) | st.integers(0, 900))
    def let_time_pass(self, *, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(code=codes)
    def let_a_code_come_to_its_end(self, *, code: Code) -> None:
        self.clock.advance(max(0.0, code.ends_at - self.now))

    @rule(token=refreshes)
    def let_the_grace_of_a_token_come_to_its_end(self, *, token: Refresh) -> None:
        if token.replaced_at is not None:
            self.clock.advance(max(0.0, token.replaced_at + GRACE - self.now))

    @rule(target=clients, scoped=st.booleans())
    def register(self, *, scoped: bool) -> Client:
        return self.new_client(scoped=scoped)

    def new_client(self, *, scoped: bool) -> Client:
        answer = self.ask(
            "/client/register",
            {
                "clientName": "tool",
                "clientType": "public",
                "grantTypes": ["authorization_code", "refresh_token"],
                "redirectUris": [REGISTERED],
                "scopes": ["sso:account:access"] if scoped else [],
            },
        )
        members = json.loads(answer.body)
        proof = {name: self.fresh(members[name]) for name in ("clientId", "clientSecret")}
        return Client(proof, scoped)

    @rule(
        target=codes,
        client=clients,
        user=st.sampled_from(USERS),
        verifier=st.sampled_from(VERIFIERS),
        port=st.sampled_from(PORTS),
    )
    def agree(self, *, client: Client, user: str, verifier: str, port: int) -> Code:
        return self.new_code(client, user, verifier, port)

    def new_code(self, client: Client, user: str, verifier: str, port: int) -> Code:
        digest = hashlib.sha256(verifier.encode()).digest()
        redirect_uri = callback_at(port)
        query = {
            "response_type": "code",
            "client_id": client.proof["clientId"],
            "redirect_uri": redirect_uri,
            "state": "s",
            "code_challenge_method": "S256",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        }
        url = f"{SERVICE}/authorize?{urlencode(query, quote_via=quote, safe='')}"
        callback = self.center.authorize(url, self.clock.now(), user=user)
        where, _, said = callback.partition("?")
        assert where == redirect_uri
        fields = parse_qs(said)
        assert fields.pop("state") == ["s"]
        (text,) = fields.pop("code")
        assert not fields
        ends_at = self.now + self.code_life
        return Code(self.fresh(text), client, redirect_uri, verifier, user, ends_at)

    @rule(client=clients)
    def disagree(self, *, client: Client) -> None:
        url = f"{SERVICE}/authorize?client_id={client.proof['clientId']}"
        query = {"redirect_uri": REGISTERED, "response_type": "code", "state": "s"}
        callback = self.center.authorize(f"{url}&{urlencode(query)}", self.clock.now(), deny=True)
        # The request had no challenge, so no person was asked.
        assert parse_qs(urlsplit(callback).query)["error"] == ["invalid_request"]

    @rule(target=refreshes)
    def log_in(self) -> Refresh | MultipleResults[Refresh]:
        client = self.new_client(scoped=True)
        code = self.new_code(client, USERS[0], VERIFIERS[0], PORTS[0])
        return self.attempt(code, client, code.verifier, code.redirect_uri)

    @rule(target=refreshes, code=codes)
    def exchange(self, *, code: Code) -> Refresh | MultipleResults[Refresh]:
        """Correctly, though perhaps too late, or again."""
        return self.attempt(code, code.client, code.verifier, code.redirect_uri)

    @rule(code=codes, wrong=st.sampled_from(["client", "verifier", "port"]), thief=clients)
    def exchange_with_one_thing_wrong(self, *, code: Code, wrong: str, thief: Client) -> None:
        client, verifier, redirect_uri = code.client, code.verifier, code.redirect_uri
        if wrong == "client":
            client = thief
        elif wrong == "verifier":
            verifier = next(each for each in VERIFIERS if each != verifier)
        else:
            redirect_uri = next(uri for uri in map(callback_at, PORTS) if uri != redirect_uri)
        if client is not code.client or wrong != "client":
            self.attempt(code, client, verifier, redirect_uri)

    def attempt(
        self, code: Code, client: Client, verifier: str, redirect_uri: str
    ) -> Refresh | MultipleResults[Refresh]:
        answer = self.ask(
            "/token",
            {
                **client.proof,
                "grantType": "authorization_code",
                "code": code.text,
                "redirectUri": redirect_uri,
                "codeVerifier": verifier,
            },
        )
        is_own = client is code.client
        fits = is_own and (verifier, redirect_uri) == (code.verifier, code.redirect_uri)
        if code.session is None and fits and self.now < code.ends_at:
            code.session = Session(client, self.now + self.session_life)
            self.sessions.append(code.session)
            return self.check_token(answer, code.session, None, code.user)
        self.check_refused(answer, INVALID_GRANT)
        if is_own and code.session is not None:
            code.session.over = True
        return multiple()

    @rule(target=refreshes, token=refreshes)
    def refresh(self, *, token: Refresh) -> Refresh | MultipleResults[Refresh]:
        """With the newest token, or with an older one."""
        answer = self.ask_to_refresh(token, token.session.client)
        session = token.session
        refused = self.is_over(session)
        if not refused and token.replaced_at is not None:
            if self.mode == "rotating-strict":
                refused = session.over = True
            elif self.mode == "rotating":
                refused = self.now >= token.replaced_at + GRACE
        if refused:
            self.check_refused(answer, INVALID_REFRESH)
            return multiple()
        if self.mode != "stable" and token.replaced_at is None:
            token.replaced_at = self.now
        return self.check_token(answer, session, token, None)

    @rule(token=refreshes, thief=clients)
    def steal(self, *, token: Refresh, thief: Client) -> None:
        """Another client's refresh token is refused, and the attempt has no effect."""
        if thief is not token.session.client:
            self.check_refused(self.ask_to_refresh(token, thief), INVALID_REFRESH)

    def ask_to_refresh(self, token: Refresh, client: Client) -> HttpResponse:
        grant = {"grantType": "refresh_token", "refreshToken": token.text}
        return self.ask("/token", {**client.proof, **grant})

    # Invariants

    def is_over(self, session: Session) -> bool:
        return session.over or self.now >= session.ends_at

    def check_refused(self, answer: HttpResponse, description: str) -> None:
        assert answer.status == 400
        assert json.loads(answer.body) == {
            "error": "invalid_grant",
            "error_description": description,
        }

    def check_token(
        self, answer: HttpResponse, session: Session, used: Refresh | None, user: str | None
    ) -> Refresh | MultipleResults[Refresh]:
        assert answer.status == 200, answer.body
        members = json.loads(answer.body)
        life = self.access_life if session.client.scoped else self.session_life
        ends_at = min(self.now + life, session.ends_at)
        assert members["expiresIn"] == max(1, int(ends_at - self.now))
        access = Access(self.fresh(members["accessToken"]), session, ends_at)
        access.user = user or next(each.user for each in self.access if each.session is session)
        self.access.append(access)
        text = members["refreshToken"]
        assert (text is not None) == session.client.scoped
        if text is None:
            return multiple()
        if self.mode == "stable" and used is not None:
            assert text == used.text
            return multiple()
        return Refresh(self.fresh(text), session)

    @invariant()
    def tokens_live_as_long_as_they_should(self) -> None:
        found = self.center._operations.sessions
        for access in self.access:
            session = found.find(access.text, self.now)
            alive = self.now < access.ends_at and not self.is_over(access.session)
            assert (session is not None) == alive
            assert session is None or session.user == access.user

    @invariant()
    def the_sessions_that_go_on_are_listed(self) -> None:
        going_on = [session for session in self.sessions if not self.is_over(session)]
        assert len(self.center.sessions(self.clock.now())) == len(going_on)


TestBrowserLogins = BrowserLogins.TestCase
