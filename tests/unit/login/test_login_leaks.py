"""A canary in every secret of a session, searched for in everything that an application might print, log or store.

The session is run repeatedly with a different failure each time: in a response, in the store, or in the terminal.
"""

from __future__ import annotations

import asyncio
import dataclasses
import io
import json
import logging
import pickle
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr, TypeAdapter
from rich.console import Console
from rich.traceback import Traceback

from ssooidc_core import ClientConfig, HttpRequest, HttpResponse, SsoOidcError, TransportError
from ssooidc_core._cache_files import RegistrationFile, RoleCredentialsFile, TokenFile
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_login import (
    AccessToken,
    AsyncSsoSession,
    RoleSession,
    SsoSession,
    StoreError,
    WayIn,
)
from ssooidc_login._driver import adrive, drive
from ssooidc_login._events import LoginSteps, OpenUrl, Save, Show
from ssooidc_login._flows.documents import registration_key, role_credentials_key, token_key
from ssooidc_login._login_plan import LoginPlan
from ssooidc_login._resources import AsyncResources, Listener, Resources
from ssooidc_login._session.facts import SessionFacts
from ssooidc_login._session.programs import SessionPrograms
from ssooidc_login.stores.aws_cache import AwsCacheStore
from ssooidc_login.stores.memory import MemoryStore
from ssooidc_transports.testing import ScriptedTransport, reply

if TYPE_CHECKING:
    from ssooidc_login.stores.store import Store

# Split in two: tracebacks quote the lines of this file.
CANARY: Final = "Zk9qX" + "v7wPd"
CONFIG: Final = ClientConfig(region="us-east-1")
START_URL: Final = "https://d-1234567890.awsapps.com/start"
ACCOUNT, ROLE = "123456789012", "ReadOnly"
CLIENT_SECRET, DEVICE_CODE, ACCESS, REFRESH, CODE, SECRET_KEY, SESSION_TOKEN = (
    form.replace("@", CANARY)
    for form in ("eyJ@.e@.s@", "dev@", "aoa@:MG@==", "aor@:MG@", "code@", "k@/+=", "t@==")
)
ANSWERS: Final = {
    "/client/register": {"clientId": "i", "clientSecret": CLIENT_SECRET},
    "/device_authorization": {
        "deviceCode": DEVICE_CODE,
        "userCode": "ABCD-EFGH",
        "verificationUri": "https://device.sso.us-east-1.amazonaws.com/",
        "expiresIn": 600,
        "interval": 1,
    },
    "/token": {"accessToken": ACCESS, "refreshToken": REFRESH, "expiresIn": 3600},
    "/assignment/accounts": {"accountList": [{"accountId": ACCOUNT}]},
    "/federation/credentials": {
        "roleCredentials": {
            "accessKeyId": "AKIDEXAMPLE",
            "secretAccessKey": SECRET_KEY,
            "sessionToken": SESSION_TOKEN,
            "expiration": 1_900_000_000_000,
        }
    },
    "/logout": {},
}


class Interrupted(Exception):
    """A failure outside of this library: a terminal that is gone, an error of another library."""


@dataclass
class Life:
    """A session in which the n-th event fails."""

    fails_at: int = 0
    fails: Callable[[], None] = lambda: None
    answers_at: int = 0
    answer: HttpResponse | None = None
    store: Store = field(default_factory=MemoryStore)
    happened: int = 0
    asked: int = 0
    verifiers: list[str] = field(default_factory=list, repr=False)
    sent: list[str] = field(default_factory=list, repr=False)
    accepts: Callable[[str], bool | str | None] | None = None
    url: str = field(default="", repr=False)
    redirect_uri: str = "http://127.0.0.1:8400/oauth/callback"

    def happens(self) -> None:
        self.happened += 1
        if self.happened == self.fails_at:
            self.fails()

    def send(self, request: HttpRequest) -> HttpResponse:
        self.happens()
        self.asked += 1
        self.sent.append(request.body.decode() + request.url + repr(request.headers.fields))
        if b"codeVerifier" in request.body:
            self.verifiers.append(json.loads(request.body)["codeVerifier"])
        if self.asked == self.answers_at and self.answer is not None:
            return self.answer
        path = urlsplit(request.url).path
        members = {"clientSecretExpiresAt": 1_900_000_000} if path == "/client/register" else {}
        return reply(200, {**ANSWERS[path], **members})  # type: ignore[dict-item]

    def show(self, text: str, /) -> None:
        self.happens()
        assert CANARY not in text

    def open_url(self, url: str, /) -> bool:
        self.happens()
        assert CANARY not in url
        self.url = url
        return True

    def expect(self, accepts: Callable[[str], bool | str | None], /) -> None:
        self.accepts = accepts

    def poll(self, seconds: float, /) -> SecretStr | str | None:
        assert self.accepts is not None
        assert seconds >= 0
        self.happens()
        (state,) = parse_qs(urlsplit(self.url).query)["state"]
        callback = SecretStr(f"/oauth/callback?code={CODE}&state={state}")
        assert self.accepts(callback.get_secret_value()) is True
        return callback

    def finish(self, *, succeeded: bool, text: str) -> None:
        self.happens()
        assert isinstance(succeeded, bool)
        assert CANARY not in text

    def close(self) -> None:
        """There is nothing to close."""

    def listen(self, _ports: tuple[int, ...]) -> Listener:
        return self

    def watched_store(self) -> Store:
        """Wrap a store so that its calls are counted."""
        for name in ("load", "save", "delete", "try_lock"):
            for each in (name, f"a{name}"):
                setattr(self.store, each, self._watched(getattr(self.store, each)))
        return self.store

    def _watched(self, real: Callable[..., object]) -> Callable[..., object]:
        def called(*given: object) -> object:
            self.happens()
            return real(*given)

        return called

    def world(self) -> Resources:
        return Resources(
            transport=ScriptedTransport(self.send, config=CONFIG),
            store=self.watched_store(),
            interaction=self,
            listen=self.listen,
        )

    def async_world(self) -> AsyncResources:
        store = self.watched_store()
        assert isinstance(store, MemoryStore)
        return AsyncResources(
            transport=ScriptedTransport(self.send, config=CONFIG),
            store=store,
            interaction=self,
            listen=self.listen,
        )


def whole_life(way: WayIn) -> LoginSteps[bool]:
    """Sign in, refresh, list, get credentials, sign out: every secret is used."""
    settings = SsoSettings(start_url=START_URL, region="us-east-1", session_name="my-sso")
    programs = SessionPrograms(SessionFacts(settings=settings, config=CONFIG))
    plan = LoginPlan(way=way, start_url=START_URL, client_name="tool", reason="Because.")
    _ = yield from programs.login(plan, new_portal_session=True)
    _ = yield from programs.token(force_refresh=True)
    _ = yield from programs.accounts()
    _ = yield from programs.credentials(ACCOUNT, ROLE)
    return (yield from programs.logout())


def failure(life: Life, way: WayIn, *, asynchronous: bool) -> Exception | None:
    try:
        if asynchronous:
            _ = asyncio.run(adrive(whole_life(way), life.async_world()))
        else:
            _ = drive(whole_life(way), life.world())
    except Exception as error:  # noqa: BLE001 - any error is checked
        return error
    return None


def said_of_failure(error: Exception, *, pretty: bool) -> Iterator[str]:
    seen: BaseException | None = error
    while seen is not None:
        yield from (repr(seen), str(seen), repr(seen.args), repr(vars(seen)))
        yield repr(getattr(seen, "hint", None))
        yield repr(getattr(seen, "__notes__", None))
        seen = seen.__cause__ or seen.__context__
    yield "".join(traceback.format_exception(error))
    yield "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    if pretty:
        stream = io.StringIO()
        Console(file=stream, width=1000, color_system=None).print(
            Traceback.from_exception(
                type(error),
                error,
                error.__traceback__,
                width=None,  # as wide as the console: a wrapped line would hide what is looked for
                extra_lines=0,
                show_locals=True,
                locals_max_length=10**6,
                locals_max_string=10**6,
                locals_hide_dunder=False,
                max_frames=0,
            )
        )
        yield stream.getvalue()


def leaks(texts: Iterator[str], secrets: tuple[str, ...]) -> list[str]:
    return [text for text in texts if any(secret in text for secret in secrets)]


def breaks() -> None:
    message = "broken"
    raise Interrupted(message)


def store_fails() -> None:
    message = "Cannot do it"
    raise StoreError(message)


def wire_fails() -> None:
    message = "ReadTimeout"
    raise TransportError(message)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All log records, and all warnings."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield stream
    root.removeHandler(handler)
    root.setLevel(level)
    assert [str(each.message) for each in caught if CANARY in str(each.message)] == []


@pytest.mark.parametrize("asynchronous", [False, True], ids=["drive", "adrive"])
@pytest.mark.parametrize("fails", [breaks, store_fails, wire_fails])
@pytest.mark.parametrize("way", WayIn)
def test_no_failure_at_any_step_shows_a_secret(
    way: WayIn, fails: Callable[[], None], *, asynchronous: bool, log: io.StringIO
) -> None:
    whole = Life()
    assert failure(whole, way, asynchronous=asynchronous) is None
    assert whole.happened >= 30
    failures = 0
    for at in range(1, whole.happened + 1):
        life = Life(fails_at=at, fails=fails)
        error = failure(life, way, asynchronous=asynchronous)
        if error is None:
            continue
        # Slow, with the same frames.
        pretty = failures % 8 == 0 and fails is breaks and not asynchronous
        failures += 1
        secrets = (CANARY, *life.verifiers)
        assert leaks(said_of_failure(error, pretty=pretty), secrets) == []
        if isinstance(error, SsoOidcError):
            assert leaks(iter([repr(pickle.dumps(error))]), secrets) == []
    assert failures > 10
    assert CANARY not in log.getvalue()


def echoes(secret: str) -> dict[str, HttpResponse]:
    headers = {"content-type": "application/json"}

    def bad(**members: object) -> HttpResponse:
        return HttpResponse(400, headers, json.dumps(members).encode())

    return {
        "refused": bad(error="invalid_grant", error_description=f"bad {secret}!"),
        "unknown client": bad(error="invalid_client", error_description=f"who is {secret}?"),
        "message": bad(message=secret, code="C"),
        "page": HttpResponse(403, {"content-type": "text/html"}, f"<p>{secret}".encode()),
        "cut": HttpResponse(200, headers, f'{{"accessToken":"{secret}","x'.encode()),
        "misfit": HttpResponse(
            200,
            headers,
            json.dumps(
                {name: [secret] for name in ("accessToken", "clientSecret", "roleCredentials")}
            ).encode(),
        ),
    }


SENT: Final = (CLIENT_SECRET, DEVICE_CODE, ACCESS, REFRESH, CODE)


@pytest.mark.parametrize("form", echoes("x"))
@pytest.mark.parametrize("way", WayIn)
def test_no_answer_that_echoes_a_secret_shows_it(way: WayIn, form: str, log: io.StringIO) -> None:
    whole = Life()
    assert failure(whole, way, asynchronous=False) is None
    failures = 0
    for at, sent in enumerate(whole.sent, start=1):
        for secret in SENT:
            # A value that was not sent is not known to be a secret, so the error's own text is used.
            if secret not in sent and form not in {"cut", "misfit"}:
                continue
            error = failure(
                Life(answers_at=at, answer=echoes(secret)[form]), way, asynchronous=False
            )
            if error is not None:
                failures += 1
                assert leaks(said_of_failure(error, pretty=False), (CANARY,)) == []
    assert failures > 3
    assert CANARY not in log.getvalue()


def values() -> list[object]:
    settings = SsoSettings(start_url=START_URL, region="us-east-1", session_name="my-sso")
    text = json.dumps(
        {
            "accessToken": ACCESS,
            "expiresAt": "2030-01-01T00:00:00Z",
            "refreshToken": REFRESH,
            "clientId": "i",
            "clientSecret": CLIENT_SECRET,
            "idToken": CANARY,
        }
    )
    token = TokenFile.from_text(text)
    registration = RegistrationFile.from_text(
        json.dumps(
            {
                "clientId": "i",
                "clientSecret": CLIENT_SECRET,
                "expiresAt": "2030-01-01T00:00:00Z",
                "x": CANARY,
            }
        )
    )
    credentials = RoleCredentialsFile.from_text(
        json.dumps(
            {
                "Credentials": {
                    "AccessKeyId": "A",
                    "SecretAccessKey": SECRET_KEY,
                    "SessionToken": SESSION_TOKEN,
                    "Expiration": "2030-01-01T00:00:00Z",
                }
            }
        )
    )
    store = MemoryStore()
    store.save(token_key(settings), SecretStr(text))
    life = Life(store=store)
    role = drive(roles_of(settings), life.world())
    with SsoSession(settings, store=store, transport=life.world().transport) as session:
        token_of_session = session.token()
    return [
        token,
        registration,
        credentials,
        token_of_session,
        role,
        session,
        AsyncSsoSession(settings, store=store),
        store,
        life.world(),
        life.async_world(),
        Save(token_key(settings), SecretStr(text)),
        OpenUrl(f"https://x/?state={CANARY}"),
        Show(CANARY),
        SecretStr(text),
    ]


def roles_of(settings: SsoSettings) -> LoginSteps[RoleSession]:
    programs = SessionPrograms(SessionFacts(settings=settings, config=CONFIG))
    return (yield from programs.credentials(ACCOUNT, ROLE))


@pytest.mark.parametrize("value", values(), ids=lambda value: type(value).__name__)
def test_no_value_shows_a_secret(value: object) -> None:
    texts = [repr(value), str(value), f"{value}", f"{[value]}", json.dumps(value, default=str)]
    stream = io.StringIO()
    Console(file=stream, width=1000, color_system=None).print(value)
    texts.append(stream.getvalue())
    if isinstance(
        value, TokenFile | RegistrationFile | RoleCredentialsFile | AccessToken | RoleSession
    ):
        texts += [
            repr(dataclasses.asdict(value)),
            json.dumps(dataclasses.asdict(value), default=str),
        ]
        texts += [repr(dataclasses.astuple(value)), repr(dataclasses.replace(value))]
    assert leaks(iter(texts), (CANARY,)) == []


def test_no_default_dump_shows_a_secret() -> None:
    token, role = (each for each in values() if isinstance(each, AccessToken | RoleSession))
    assert isinstance(token, AccessToken)
    assert isinstance(role, RoleSession)
    dumped = TypeAdapter(AccessToken).dump_json(token) + TypeAdapter(RoleSession).dump_json(role)
    assert CANARY not in dumped.decode()
    assert dumped.count(b"**********") == 3


def test_on_disk_secrets_are_in_three_files_of_the_user_alone(tmp_path: Path) -> None:
    settings = SsoSettings(start_url=START_URL, region="us-east-1", session_name="my-sso")
    programs = SessionPrograms(SessionFacts(settings=settings, config=CONFIG))
    store = AwsCacheStore(tmp_path)
    plan = LoginPlan(way=WayIn.BROWSER, start_url=START_URL, client_name="tool")
    life = Life(store=store)
    expected = {
        store.path(key)
        for key in (
            token_key(settings),
            registration_key(settings),
            role_credentials_key(settings, account_id=ACCOUNT, role_name=ROLE),
        )
    }

    def signed_in() -> LoginSteps[None]:
        _ = yield from programs.login(plan, new_portal_session=False)
        _ = yield from programs.credentials(ACCOUNT, ROLE)

    drive(signed_in(), life.world())
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path for path in files if CANARY in path.read_text(encoding="utf-8")} == expected
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    folders = [path for path in tmp_path.rglob("*") if path.is_dir()]
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}
    assert [path for path in files if CANARY in str(path)] == []
