"""What a cassette contains of responses, errors, URLs and headers, and the errors for a broken cassette."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from pydantic import SecretStr

from ssooidc_core import (
    ClientConfig,
    ConfigurationError,
    ConnectionLost,
    Credentials,
    HttpRequest,
    IamAuthorizationCodeGrant,
    JwtBearerGrant,
    RefreshTokenGrant,
    RegisterClientRequest,
    ResponseParseError,
    Timeout,
    TransportError,
    UnknownServiceError,
    create_token,
    create_token_with_iam,
    register_client,
    run,
)
from ssooidc_transports.cassettes import (
    RecordingTransport,
    ReplayTransport,
)
from ssooidc_transports.testing import ScriptedTransport, reply

REGISTRATION: Final = RegisterClientRequest(
    client_name="tool", client_type="public", scopes=("sso:account:access",)
)
CONFIG: Final = ClientConfig(region="us-east-1")
Record = Callable[..., ScriptedTransport]

CANARY: Final = "Zk9qX" + "v7wPd"
BEGAN: Final = datetime(2020, 2, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("error", "kind", "may_have_been_sent"),
    [
        (Timeout(CANARY, may_have_been_sent=False), Timeout, False),
        (ConnectionLost(CANARY), ConnectionLost, True),
        (TransportError(CANARY, may_have_been_sent=False), TransportError, False),
    ],
    ids=["timeout", "lost", "other"],
)
def test_errors_replay_without_their_texts(
    record: Record,
    path: Path,
    error: TransportError,
    kind: type[TransportError],
    *,
    may_have_been_sent: bool,
) -> None:
    inner = record(error)
    assert CANARY not in path.read_text(encoding="utf-8")
    with pytest.raises(TransportError) as raised:
        ReplayTransport(path).send(inner.requests[0])
    assert type(raised.value) is kind
    assert raised.value.may_have_been_sent is may_have_been_sent
    assert str(raised.value) == f"The recording has a {kind.__name__} here"


def test_an_inner_transports_other_errors_are_not_recorded(record: Record, path: Path) -> None:
    with pytest.raises(ConfigurationError):
        record(ConfigurationError("closed"))
    assert not path.exists()


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (reply(200, {"accessToken": None}), ResponseParseError),
        (reply(502, {"message": CANARY}), UnknownServiceError),
        (reply(400, [CANARY]), UnknownServiceError),
    ],
    ids=["broken", "unknown", "list"],
)
def test_bad_answers_stay_bad(path: Path, outcome: object, kind: type[Exception]) -> None:
    def ask(transport: RecordingTransport | ReplayTransport) -> None:
        refresh = RefreshTokenGrant(
            client_id="i", client_secret=SecretStr("s"), refresh_token=SecretStr("r")
        )
        with pytest.raises(kind):
            run(create_token(refresh), transport)

    ask(RecordingTransport(ScriptedTransport([outcome]), path))  # type: ignore[list-item]
    assert CANARY not in path.read_text(encoding="utf-8")
    ask(ReplayTransport(path))


def test_a_signed_request_replays_with_any_credentials(path: Path) -> None:
    credentials = Credentials.of("AKIAIOSFODNN7EXAMPLE", CANARY, f"{CANARY}-token")
    config = ClientConfig(region="us-east-1", credentials=credentials)
    answer = {
        "accessToken": f"{CANARY}-a",
        "awsAdditionalDetails": {"identityContext": f"{CANARY}-i", "new": CANARY},
        "scope": ["openid", f"quoted {CANARY}-token"],
    }
    assertion = JwtBearerGrant(client_id="arn:aws:sso::1:a", assertion=SecretStr(f"{CANARY}-j"))
    inner = ScriptedTransport([reply(200, answer)], config=config)
    run(create_token_with_iam(assertion), RecordingTransport(inner, path))
    text = path.read_text(encoding="utf-8")
    assert CANARY not in text
    assert "AKIA" not in text
    other = ClientConfig(region="us-east-1", credentials=Credentials.of("AKIDOTHER", "other"))
    transport = ReplayTransport(path, config=other)
    token = run(create_token_with_iam(assertion), transport)
    assert token.aws_additional_details is not None
    context = token.aws_additional_details.identity_context
    assert context is not None
    assert context.get_secret_value() == "identityContext-1"
    assert token.scope == ("openid", "quoted sessionToken-1")


@pytest.mark.parametrize(
    "answer",
    [
        {"reason": f"quoted {CANARY}", "roleCredentials": {"secretAccessKey": CANARY}},
        {"reason": f"quoted {CANARY}", "new": [[{"sessionToken": CANARY}]]},
        {"roleList": [{"roleName": CANARY}, {"accessToken": CANARY}]},
    ],
    ids=["container", "unknown", "list"],
)
def test_a_secret_is_found_in_what_is_kept_wherever_it_is(
    record: Record, path: Path, answer: dict[str, object]
) -> None:
    _ = record(reply(400, answer))
    assert CANARY not in path.read_text(encoding="utf-8")


def test_a_code_and_a_random_verifier_replay(path: Path) -> None:
    def exchange(transport: RecordingTransport | ReplayTransport, mark: str) -> None:
        grant = IamAuthorizationCodeGrant(
            client_id="arn",
            code=SecretStr(f"c{mark}"),
            redirect_uri="http://127.0.0.1:4711/oauth/callback",
            code_verifier=SecretStr(f"v{mark}"),
        )
        run(create_token_with_iam(grant), transport)

    config = ClientConfig(region="us-east-1", credentials=Credentials.of("AKIDEXAMPLE", "k"))
    inner = ScriptedTransport([reply(200, {"accessToken": CANARY})], config=config)
    exchange(RecordingTransport(inner, path), CANARY)
    text = path.read_text(encoding="utf-8")
    assert CANARY not in text
    assert '"redirectUri":"http://127.0.0.1:4711/oauth/callback"' in text.replace(": ", ":")
    exchange(ReplayTransport(path, config=config), "other")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://d-1234567890.awsapps.com/start", "https://d-1234567890.awsapps.com/start"),
        ("https://my-company.awsapps.com/start", "https://host-1/start"),
        (
            f"https://view.awsapps.com/start/#/device?user_code={CANARY}",
            "https://view.awsapps.com/start/#/device?user_code=userCode-1",
        ),
        (
            f"http://127.0.0.1:4711/oauth/callback?code={CANARY}&state={CANARY}1&error=a",
            "http://127.0.0.1:4711/oauth/callback?code=code-1&state=state-1&member-2=member-1",
        ),
        (f"https://user:{CANARY}@host/", "https://host-1/"),
        (f"https://[{CANARY}", "path-1"),
        (f"urn:{CANARY}", "path-1"),
        (
            f"https://device.sso.us-east-1.amazonaws.com/{CANARY}",
            "https://device.sso.us-east-1.amazonaws.com/path-1",
        ),
    ],
)
def test_urls_in_answers_keep_their_shape(record: Record, path: Path, url: str, shown: str) -> None:
    record(reply(200, {"verificationUriComplete": url}))
    exchange = json.loads(path.read_text(encoding="utf-8"))["exchanges"][0]
    assert exchange["outcome"]["members"] == {"verificationUriComplete": shown}


def test_a_custom_endpoint_replays_under_another_name(path: Path) -> None:
    config = ClientConfig(
        region="us-east-1", endpoint_url=f"https://{CANARY.lower()}.corp/{CANARY}"
    )
    inner = ScriptedTransport([reply(200, {"clientId": "i", "clientSecret": "s"})], config=config)
    _ = run(register_client(REGISTRATION), RecordingTransport(inner, path))
    text = path.read_text(encoding="utf-8")
    assert CANARY.lower() not in text.lower()
    replay = ReplayTransport(path)
    assert replay.config.endpoint_url == "https://host-1/path-1"
    _ = run(register_client(REGISTRATION), replay)
    _ = run(register_client(REGISTRATION), ReplayTransport(path, config=config))


def test_members_are_kept_on_demand_but_no_secrets(path: Path) -> None:
    inner = ScriptedTransport([reply(400, {"error": "invalid_grant", "error_description": "why"})])
    transport = RecordingTransport(inner, path, keep=["error_description"])
    transport.send(HttpRequest("POST", f"{CONFIG.oidc_endpoint}/token"))
    answer = ReplayTransport(path).send(inner.requests[0])
    assert json.loads(answer.body) == {"error": "invalid_grant", "error_description": "why"}
    with pytest.raises(
        ValueError,
        match=r"^These members are or contain secrets and are never kept: accessToken, startUrl$",
    ):
        RecordingTransport(inner, path, keep=["startUrl", "accessToken", "message"])


def test_header_fields_that_mean_something_are_kept(record: Record, path: Path) -> None:
    request_id = "4f2bbd2c-3b1c-4f06-9a3e-2f1f4e2c9a10"
    headers = {
        "Date": "Thu, 01 Jan 2026 00:00:00 GMT",
        "X-Amz-Retry-After": "1500",
        "x-amzn-RequestId": request_id,
        "x-amzn-ErrorType": "SlowDownException:http://internal.amazon.com/coral/com.amazonaws.sso.oidc/",
        "Set-Cookie": CANARY,
        "Location": f"https://x/?code={CANARY}",
    }
    record(reply(400, {}, headers=headers), reply(400, {}, headers={"Date": CANARY}))
    document = json.loads(path.read_text(encoding="utf-8"))
    first, second = (each["outcome"]["headers"] for each in document["exchanges"])
    assert first[:4] == [
        ["date", headers["Date"]],
        ["x-amz-retry-after", "1500"],
        ["x-amzn-requestid", request_id],
        ["x-amzn-errortype", headers["x-amzn-ErrorType"]],
    ]
    assert second[0] == ["date", "header-1"]
    assert CANARY not in path.read_text(encoding="utf-8")


class TestBrokenFiles:
    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("", "document json_invalid"),
            ("[]", "document model_type"),
            ('{"format": "other", "version": 1}', "format literal_error"),
            ('{"version": 1}', "format missing"),
            (
                '{"format": "ssooidc-cassette", "version": 2, "new": 1}',
                "it has version 2, and this library reads version 1",
            ),
            (
                '{"format": "ssooidc-cassette", "version": 1, "exchanges": [{}]}',
                (
                    "began missing, config missing, exchanges.0.request missing, "
                    "exchanges.0.outcome missing"
                ),
            ),
            (
                (
                    '{"format": "ssooidc-cassette", "version": 1, "keep": ["accessToken"], '
                    '"began": "2026-01-01T00:00:00Z", "config": {}}'
                ),
                "keep value_error",
            ),
            ('{"format": "ssooidc-cassette", "version": 1, "x": "' + CANARY + '"}', "x extra_forb"),
        ],
        ids=["empty", "list", "format", "no format", "version", "parts", "more", "secrets"],
    )
    def test_says_what_is_wrong(self, path: Path, text: str, problem: str) -> None:
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigurationError) as raised:
            ReplayTransport(path)
        assert str(raised.value).startswith(f"{path} is not a cassette that can be replayed (")
        assert problem in str(raised.value)
        assert str(raised.value).endswith("): record it again")
        assert CANARY not in str(raised.value)
        assert raised.value.__context__ is None

    def test_says_that_there_is_none(self, path: Path) -> None:
        with pytest.raises(ConfigurationError) as raised:
            ReplayTransport(path)
        assert str(raised.value) == (
            f"{path} is not a cassette that can be replayed (No such file or directory): "
            "record it again"
        )

    def test_an_unwritable_folder_is_an_os_error_and_leaves_nothing(self, tmp_path: Path) -> None:
        inner = ScriptedTransport([reply(200), reply(200)])
        request = HttpRequest("POST", f"{CONFIG.oidc_endpoint}/token")
        with pytest.raises(FileNotFoundError):
            RecordingTransport(inner, tmp_path / "missing" / "cassette.json").send(request)
        (tmp_path / "folder").mkdir()
        with pytest.raises(IsADirectoryError):
            RecordingTransport(inner, tmp_path / "folder").send(request)
        assert [each.name for each in tmp_path.iterdir()] == ["folder"]
