"""A center with a clock that tests move, and a function for each call of a login."""

from __future__ import annotations

import dataclasses
import html
import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias
from urllib.parse import quote, urlencode

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, Key

from ssooidc_core import Credentials, HttpRequest, HttpResponse
from ssooidc_core._sigv4 import sign
from ssooidc_emulator import (
    Application,
    Directory,
    EmulatorTransport,
    IdentityCenter,
    TrustedTokenIssuer,
    seeded_entropy,
)
from ssooidc_transports.testing import VirtualClock

SERVICE = "https://oidc.us-east-1.amazonaws.com"
PORTAL = "https://portal.sso.us-east-1.amazonaws.com"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
PAGES = "http://127.0.0.1:8080"


class Register(Protocol):
    """Registers a client: `register(center, clientName="other")`."""

    def __call__(self, asked: IdentityCenter, /, **members: object) -> dict[str, str]:
        """Return the members that identify the client."""
        ...


class Refusal(NamedTuple):
    """The error in a response."""

    status: int
    name: str
    """Of the model."""
    text: str
    """The OAuth code of SSO OIDC, the message of the portal; empty where it is no error."""


ErrorOf: TypeAlias = Callable[[HttpResponse], Refusal]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def center() -> IdentityCenter:
    return IdentityCenter(entropy=seeded_entropy("emulator"))


@pytest.fixture
def ask(clock: VirtualClock) -> Callable[..., HttpResponse]:
    """Send a request to a center and return the response: `ask(center, "/token", {...})`."""

    def send(
        asked: IdentityCenter,
        path: str,
        members: object = b"",
        *,
        method: str = "POST",
        headers: tuple[tuple[str, str], ...] = (),
        base: str = SERVICE,
    ) -> HttpResponse:
        body = members if isinstance(members, bytes) else json.dumps(members).encode()
        outcome = asked.handle(HttpRequest(method, base + path, headers, body), clock.now())
        assert isinstance(outcome, HttpResponse)
        return outcome

    return send


@pytest.fixture
def error_of() -> ErrorOf:
    """Return the error in a response, after checking that a portal error has exactly its two members."""

    def read(answer: HttpResponse) -> Refusal:
        members: dict[str, str] = json.loads(answer.body)
        if "__type" not in members:
            name = answer.headers.get("x-amzn-ErrorType", "").partition(":")[0]
            return Refusal(answer.status, name, members.get("error", ""))
        assert list(members) == ["message", "__type"]
        namespace, _, name = members["__type"].partition("#")
        assert namespace == "com.amazonaws.switchboard.portal"
        return Refusal(answer.status, name, members["message"])

    return read


@pytest.fixture
def register(ask: Callable[..., HttpResponse]) -> Register:
    """Register a client, by default with a scope, and return the members that identify it."""

    def call(asked: IdentityCenter, /, **members: object) -> dict[str, str]:
        usual = {"clientName": "tool", "clientType": "public", "scopes": ["sso:account:access"]}
        answer = ask(asked, "/client/register", usual | members)
        assert answer.status == 200, answer.body
        client = json.loads(answer.body)
        return {name: client[name] for name in ("clientId", "clientSecret")}

    return call


@pytest.fixture
def start(ask: Callable[..., HttpResponse]) -> Callable[..., dict[str, Any]]:
    """Start a device login and return the response's members."""

    def call(asked: IdentityCenter, client: dict[str, str], **more: object) -> dict[str, Any]:
        answer = ask(
            asked, "/device_authorization", {**client, "startUrl": asked.start_url}, **more
        )
        assert answer.status == 200, answer.body
        members: dict[str, Any] = json.loads(answer.body)
        return members

    return call


@pytest.fixture
def poll(ask: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Poll for the token once."""

    def call(asked: IdentityCenter, client: dict[str, str], login: dict[str, Any]) -> HttpResponse:
        code = {"grantType": DEVICE_CODE, "deviceCode": login["deviceCode"]}
        return ask(asked, "/token", client | code)

    return call


@pytest.fixture
def refresh(ask: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Refresh once."""

    def call(asked: IdentityCenter, client: dict[str, str], token: str) -> HttpResponse:
        return ask(asked, "/token", {**client, "grantType": "refresh_token", "refreshToken": token})

    return call


@pytest.fixture
def sign_in(
    start: Callable[..., dict[str, Any]], poll: Callable[..., HttpResponse]
) -> Callable[..., dict[str, Any]]:
    """Complete a login and return the members of its token."""

    def call(asked: IdentityCenter, client: dict[str, str]) -> dict[str, Any]:
        login = start(asked, client)
        asked.approve(login["userCode"])
        answer = poll(asked, client, login)
        assert answer.status == 200, answer.body
        members: dict[str, Any] = json.loads(answer.body)
        return members

    return call


@pytest.fixture
def transport(center: IdentityCenter, clock: VirtualClock) -> EmulatorTransport:
    return EmulatorTransport(center, clock=clock)


@pytest.fixture
def portal(ask: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Send a request to the portal with an access token: `portal(center, token, "/assignment/accounts")`."""

    def call(
        asked: IdentityCenter,
        access_token: str,
        path: str,
        *,
        method: str = "GET",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> HttpResponse:
        bearer = ("x-amz-sso_bearer_token", access_token)
        return ask(asked, path, b"", method=method, headers=(bearer, *headers), base=PORTAL)

    return call


@pytest.fixture
def token(
    center: IdentityCenter,
    register: Register,
    sign_in: Callable[..., dict[str, Any]],
) -> str:
    """An access token of the example's user."""
    access_token: str = sign_in(center, register(center))["accessToken"]
    return access_token


ARN = "arn:aws:sso::123456789012:application/ssoins-1111111111111111/apl-2222222222222222"
OTHER_ARN = "arn:aws:sso::123456789012:application/ssoins-1111111111111111/apl-3333333333333333"
IAM_GRANTS = frozenset(
    {
        "authorization_code",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    }
)


@pytest.fixture(scope="session")
def issuer_key() -> ECKey:
    """The key of the trusted token issuer."""
    return ECKey.generate_key("P-256", {"kid": "one", "use": "sig"}, private=True)


@pytest.fixture
def iam_center(issuer_key: ECKey) -> IdentityCenter:
    """A center with two applications, one of which is assigned to jane, and a trusted token issuer."""
    directory = Directory.example()
    directory.add_user("jane", user_id="u-jane", email="jane@corp.example")
    directory.add_user("joe", user_id="u-joe", email="joe@corp.example")
    application = Application(
        arn=ARN,
        grant_types=IAM_GRANTS,
        scopes=("app:read",),
        redirect_uris=("https://app.example/redirect",),
        users=frozenset({"jane"}),
        audiences=frozenset({"aud-of-app"}),
    )
    directory.add_application(application)
    directory.add_application(dataclasses.replace(application, arn=OTHER_ARN, users=None))
    keys = {"keys": [issuer_key.as_dict(private=False)]}
    directory.add_trusted_token_issuer(
        TrustedTokenIssuer(issuer_url="https://issuer.example", key_set=json.dumps(keys))
    )
    return IdentityCenter(directory=directory, entropy=seeded_entropy("emulator"))


@pytest.fixture
def assertion(issuer_key: ECKey, clock: VirtualClock) -> Callable[..., str]:
    """Make a JWT of the trusted token issuer for jane, with some claims or header parameters changed.

    A claim or parameter that is `None` is left out.
    """

    def make(*, key: Key = issuer_key, header: dict[str, Any] | None = None, **other: Any) -> str:  # noqa: ANN401 - any JSON
        now = int(clock.now().wall.timestamp())
        usual = {
            "iss": "https://issuer.example",
            "aud": "aud-of-app",
            "email": "jane@corp.example",
            "iat": now,
            "exp": now + 300,
        }
        claims = {name: each for name, each in (usual | other).items() if each is not None}
        usual_header = {"alg": "ES256", "kid": "one"}
        protected = {
            name: each for name, each in (usual_header | (header or {})).items() if each is not None
        }
        registry = jws.JWSRegistry(
            algorithms=[str(protected["alg"]), "ES256"], strict_check_header=False
        )
        return jws.serialize_compact(protected, json.dumps(claims), key, registry=registry)

    return make


@pytest.fixture
def ask_iam(clock: VirtualClock) -> Callable[..., HttpResponse]:
    """Send a CreateTokenWithIAM request that is signed with the example's key: `ask_iam(center, {...})`."""

    def send(
        asked: IdentityCenter,
        members: object,
        *,
        region: str = "us-east-1",
        base: str = SERVICE,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> HttpResponse:
        body = members if isinstance(members, bytes) else json.dumps(members).encode()
        key = asked.directory.access_key("AKIAIOSFODNN7EXAMPLE")
        assert key is not None
        now = clock.now()
        request = sign(
            HttpRequest("POST", f"{base}/token?aws_iam=t", headers, body),
            credentials=Credentials.of(key.access_key_id, key.secret_access_key),
            region=region,
            service="sso-oauth",
            now=now.wall,
        )
        outcome = asked.handle(request, now)
        assert isinstance(outcome, HttpResponse)
        return outcome

    return send


@pytest.fixture
def authorize_path(register: Register) -> Callable[..., str]:
    """Register a client for browser logins, and return path and query of the page that it opens."""

    def call(asked: IdentityCenter, *, state: str = "s", **members: object) -> str:
        usual: dict[str, object] = {
            "grantTypes": ["authorization_code", "refresh_token"],
            "redirectUris": ["http://127.0.0.1/oauth/callback"],
        }
        query = {
            "response_type": "code",
            "client_id": register(asked, **(usual | members))["clientId"],
            "redirect_uri": "http://127.0.0.1:8400/oauth/callback",
            "state": state,
            "code_challenge_method": "S256",
            # RFC 7636 appendix B
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        }
        return f"/authorize?{urlencode(query, quote_via=quote, safe='')}"

    return call


class Browser:
    """Keeps the cookie, reads the form, and sends it to `action`, like a browser."""

    def __init__(
        self, ask: Callable[..., HttpResponse], center: IdentityCenter, action: str = "/device"
    ) -> None:
        self.ask = ask
        self.center = center
        self.action = action
        self.cookie: str | None = None
        self.form: dict[str, str] = {}

    def _cookies(self) -> tuple[tuple[str, str], ...]:
        return () if self.cookie is None else (("Cookie", self.cookie),)

    def get(self, path: str, *headers: tuple[str, str], method: str = "GET") -> HttpResponse:
        answer = self.ask(
            self.center, path, method=method, base=PAGES, headers=(*headers, *self._cookies())
        )
        if "set-cookie" in answer.headers:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
        hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', answer.body.decode())
        self.form = {name: html.unescape(value) for name, value in hidden}
        return answer

    def open(self, user_code: str) -> HttpResponse:
        """Open the device page with a code."""
        return self.get(f"/device?user_code={user_code}")

    def post(
        self, decision: str | None, *headers: tuple[str, str], **changes: str | None
    ) -> HttpResponse:
        form = {**self.form, "decision": decision, **changes}
        body = urlencode({name: value for name, value in form.items() if value is not None})
        return self.send(body.encode(), *(headers or (("Origin", PAGES),)))

    def send(self, body: bytes, *headers: tuple[str, str], path: str | None = None) -> HttpResponse:
        return self.ask(
            self.center,
            self.action if path is None else path,
            body,
            base=PAGES,
            headers=(*headers, *self._cookies()),
        )

    def another(self, center: IdentityCenter) -> Browser:
        """Return another browser, without a cookie."""
        return Browser(self.ask, center, self.action)

    @staticmethod
    def title(answer: HttpResponse) -> str:
        match = re.search(r"<h1>(.*)</h1>", answer.body.decode())
        assert match is not None
        return match[1]


@pytest.fixture
def browser(ask: Callable[..., HttpResponse], center: IdentityCenter) -> Browser:
    return Browser(ask, center)


@pytest.fixture
def client(center: IdentityCenter, register: Register) -> dict[str, str]:
    return register(center)


@pytest.fixture
def login(
    center: IdentityCenter, client: dict[str, str], start: Callable[..., dict[str, Any]]
) -> dict[str, Any]:
    return start(center, client)


@pytest.fixture
def status_of(
    center: IdentityCenter,
    client: dict[str, str],
    login: dict[str, Any],
    poll: Callable[..., HttpResponse],
) -> Callable[[], str]:
    """Return the result of a poll."""

    def ask_once() -> str:
        answer = poll(center, client, login)
        return "approved" if answer.status == 200 else answer.body.decode().split('"')[3]

    return ask_once
