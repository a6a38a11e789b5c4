"""`ssooidc_core._cache_files`: files of AWS tools are read, and files are written as the AWS CLI would."""

from __future__ import annotations

import dataclasses
import json
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

import ssooidc_core
from ssooidc_core._cache_document import format_timestamp, parse_timestamp
from ssooidc_core._cache_files import RegistrationFile, RoleCredentialsFile, TokenFile
from ssooidc_core.errors import CacheFileInvalid

FROM_THE_CLI = (
    '{"startUrl": "https://d-1.awsapps.com/start", "region": "us-east-1", "accessToken": "aoa\\u00e9", '
    '"expiresAt": "2026-01-31T12:00:00Z", "clientId": "id", "clientSecret": "secret", '
    '"registrationExpiresAt": "2026-04-30T12:00:00Z", "refreshToken": "aor"}'
)
REGISTERED = (
    '{"clientId": "id", "clientSecret": "secret", "expiresAt": "2026-04-30T12:00:00Z", '
    '"scopes": ["sso:account:access"], "grantTypes": ["authorization_code", "refresh_token"]}'
)
CREDENTIALS = (
    '{"ProviderType": "sso", "Credentials": {"AccessKeyId": "foo", "SecretAccessKey": "bar", '
    '"SessionToken": "baz", "Expiration": "2008-09-23T12:43:20Z", "AccountId": "1234567890"}}'
)
PACKAGE = Path(ssooidc_core.__file__).parent
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_a_token_file_of_the_cli_is_read_and_comes_back_byte_for_byte() -> None:
    token = TokenFile.from_text(FROM_THE_CLI)
    assert token == TokenFile(
        access_token=SecretStr("aoaé"),
        expires_at=NOON,
        start_url="https://d-1.awsapps.com/start",
        region="us-east-1",
        client_id="id",
        client_secret=SecretStr("secret"),
        registration_expires_at=datetime(2026, 4, 30, 12, tzinfo=UTC),
        refresh_token=SecretStr("aor"),
    )
    assert token.to_text_with_secrets() == FROM_THE_CLI
    anew = dataclasses.replace(
        token,
        _read=TokenFile.from_text('{"accessToken":"a","expiresAt":"2026-01-01T00:00:00Z"}')._read,
    )
    assert json.loads(anew.to_text_with_secrets()) == json.loads(FROM_THE_CLI)


def test_only_a_secret_can_be_masked() -> None:
    token = TokenFile.from_text(FROM_THE_CLI.replace("us-east-1", "**********"))
    assert token.region == "**********"


def test_a_new_token_file_has_the_order_of_the_cli() -> None:
    token = TokenFile.from_text(FROM_THE_CLI)
    names = [field.name for field in dataclasses.fields(token) if field.name != "_read"]
    new = TokenFile(**{name: getattr(token, name) for name in names})
    assert new.to_text_with_secrets() == FROM_THE_CLI


def test_files_of_registrations_and_credentials_come_back_byte_for_byte() -> None:
    registration = RegistrationFile.from_text(REGISTERED)
    assert registration == RegistrationFile(
        client_id="id",
        client_secret=SecretStr("secret"),
        expires_at=datetime(2026, 4, 30, 12, tzinfo=UTC),
        scopes=("sso:account:access",),
        grant_types=("authorization_code", "refresh_token"),
    )
    assert registration.to_text_with_secrets() == REGISTERED
    credentials = RoleCredentialsFile.from_text(CREDENTIALS)
    assert credentials.expiration == datetime(2008, 9, 23, 12, 43, 20, tzinfo=UTC)
    assert credentials.to_text_with_secrets() == CREDENTIALS


def test_the_cases_of_five_sdks_are_read(case_tables: dict[str, Any]) -> None:
    cases = case_tables["cache-files"]["read"]
    assert len(cases) == 12
    for case in cases:
        text = case["text"]
        if "refused" in case:
            with pytest.raises(CacheFileInvalid):
                _ = TokenFile.from_text(text)
            continue
        token = TokenFile.from_text(text)
        assert token.expires_at.timestamp() == case["ends"]
        ends = token.registration_expires_at
        if "registration_ends" in case:
            assert ends is not None
            assert ends.timestamp() == case["registration_ends"]
        expected = json.loads(text)
        if "unknownField" in expected:
            written = json.loads(token.to_text_with_secrets())
            expected["startUrl"] = expected.pop("startURL")
            assert written == expected


def test_the_bytes_that_rust_writes_are_read(case_tables: dict[str, Any]) -> None:
    table = case_tables["cache-files"]["written"]
    text = table["text"]
    token = TokenFile.from_text(text)
    ends = token.registration_expires_at
    assert ends is not None
    assert (token.expires_at.timestamp(), ends.timestamp()) == (
        table["ends"],
        table["registration_ends"],
    )
    assert token.refresh_token == SecretStr(table["refresh_token"])
    assert json.loads(token.to_text_with_secrets()) == json.loads(text)
    assert list(json.loads(token.to_text_with_secrets())) == list(json.loads(text))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2021-12-25T21:30:00Z", datetime(2021, 12, 25, 21, 30, tzinfo=UTC)),
        ("2002-10-18T03:52:38UTC", datetime(2002, 10, 18, 3, 52, 38, tzinfo=UTC)),
        ("2026-11-24T03:14:05+00:00", datetime(2026, 11, 24, 3, 14, 5, tzinfo=UTC)),
        ("2026-11-24T03:13:05.501Z", datetime(2026, 11, 24, 3, 13, 5, 501000, tzinfo=UTC)),
        ("2026-11-24T03:13:05.123456789Z", datetime(2026, 11, 24, 3, 13, 5, 123456, tzinfo=UTC)),
        ("2020-01-01T00:00:00-08:00", datetime(2020, 1, 1, 8, tzinfo=UTC)),
        ("2020-01-01T00:00:00-0800", datetime(2020, 1, 1, 8, tzinfo=UTC)),
        (" 2020-01-01 00:00:00 utc ", datetime(2020, 1, 1, tzinfo=UTC)),
        ("notatimestamp", None),
        ("1234567", None),
        ("2020-01-01T00:00:00", None),
        ("2020-13-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("٢020-01-01T00:00:00Z", None),
    ],
)
def test_times_are_read_in_every_form_that_was_seen(text: str, moment: datetime | None) -> None:
    assert parse_timestamp(text) == moment


def test_times_are_written_in_the_one_form_of_the_cli() -> None:
    moment = datetime.fromisoformat("2026-01-31T12:00:00.999+02:00")
    assert format_timestamp(moment) == "2026-01-31T10:00:00Z"
    assert format_timestamp(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01T00:00:00Z"


def test_unknown_keys_and_their_order_survive_a_change() -> None:
    text = '{"x": [1.5, null], "accessToken": "old", "expiresAt": "2026-01-31T12:00:00.000Z", "refreshToken": "gone"}'
    token = TokenFile.from_text(text)
    changed = dataclasses.replace(
        token, access_token=SecretStr("new"), refresh_token=None, client_id="id"
    )
    assert changed.to_text_with_secrets() == (
        '{"x": [1.5, null], "accessToken": "new", "expiresAt": "2026-01-31T12:00:00Z", "clientId": "id"}'
    )


def test_the_key_that_is_spelt_right_counts() -> None:
    text = (
        '{"AccessToken": "wrong", "accessToken": "right", "ACCESSTOKEN": "wrong",'
        ' "expiresat": "2026-01-31T12:00:00Z"}'
    )
    token = TokenFile.from_text(text)
    assert token.access_token == SecretStr("right")
    assert token.to_text_with_secrets() == (
        '{"accessToken": "right", "expiresAt": "2026-01-31T12:00:00Z"}'
    )


@pytest.mark.parametrize(
    ("read", "text", "problem"),
    [
        (TokenFile.from_text, "", "The token file does not hold a JSON object"),
        (TokenFile.from_text, "[1]", "The token file does not hold a JSON object"),
        (TokenFile.from_text, "[" * 100_000, "The token file does not hold a JSON object"),
        (
            TokenFile.from_text,
            '{"canary": ' + "[" * 200 + "]" * 200 + "}",
            "The token file does not hold a JSON object",
        ),
        (
            TokenFile.from_text,
            '{"accessToken": "canary\\ud800", "expiresAt": "2026-01-31T12:00:00Z"}',
            "The token file does not hold a JSON object",
        ),
        (
            TokenFile.from_text,
            '{"accessToken": "canary\ud800", "expiresAt": "2026-01-31T12:00:00Z"}',
            "The token file does not hold a JSON object",
        ),
        (TokenFile.from_text, b'{"canary": "\xff"}', "The token file does not hold a JSON object"),
        (
            TokenFile.from_text,
            " " * (1024 * 1024 + 1),
            "The token file is larger than 1,048,576 bytes, so no AWS tool wrote it",
        ),
        (TokenFile.from_text, '{"accessToken": ""}', "The token file has no accessToken"),
        (
            TokenFile.from_text,
            '{"accessToken": {"a": "canary"}}',
            "The token file's accessToken is not a string",
        ),
        (
            TokenFile.from_text,
            FROM_THE_CLI.replace("secret", "**********"),
            "The token file's clientSecret is **********, which replaces a secret in a dump",
        ),
        (
            RegistrationFile.from_text,
            REGISTERED.replace("secret", "**********"),
            "The registration file's clientSecret is **********, which replaces a secret in a dump",
        ),
        (
            RoleCredentialsFile.from_text,
            CREDENTIALS.replace("baz", "**********"),
            "The role credentials file's SessionToken is **********, which replaces a secret in a dump",
        ),
        (
            TokenFile.from_text,
            '{"accessToken": "canary", "expiresAt": "canary"}',
            "The token file's expiresAt is not a time such as 2026-01-31T12:00:00Z",
        ),
        (
            TokenFile.from_text,
            '{"accessToken": "canary", "expiresAt": "2026-01-31T12:00:00Z", "registrationExpiresAt": "canary"}',
            "The token file's registrationExpiresAt is not a time such as 2026-01-31T12:00:00Z",
        ),
        (
            RegistrationFile.from_text,
            '{"clientId": "id", "clientSecret": "canary", "expiresAt": "2026-01-31T12:00:00Z", "scopes": ["a", 1]}',
            "The registration file's scopes is not a list of strings",
        ),
        (
            RegistrationFile.from_text,
            '{"clientId": "id", "clientSecret": "canary", "expiresAt": "2026-01-31T12:00:00Z", "grantTypes": "a"}',
            "The registration file's grantTypes is not a list of strings",
        ),
        (
            RoleCredentialsFile.from_text,
            '{"Credentials": "canary"}',
            "The role credentials file's Credentials is not an object",
        ),
        (
            RoleCredentialsFile.from_text,
            '{"Credentials": {"AccessKeyId": "a", "SecretAccessKey": "canary"}}',
            "The role credentials file has no SessionToken",
        ),
    ],
)
def test_what_is_wrong_is_named_and_not_quoted(
    read: Callable[[str | bytes], object], text: str | bytes, problem: str
) -> None:
    with pytest.raises(CacheFileInvalid) as caught:
        _ = read(text)
    assert str(caught.value) == problem
    assert caught.value.hint == "Log in again, which replaces the file."
    assert caught.value.__context__ is None
    # The frames of the test contain the text; those of the package must not.
    ours = traceback.StackSummary.extract(
        (
            each
            for each in traceback.walk_tb(caught.tb)
            if Path(each[0].f_code.co_filename).is_relative_to(PACKAGE)
        ),
        capture_locals=True,
    )
    assert len(ours) == 1
    assert "canary" not in "".join(ours.format())


@pytest.mark.parametrize(
    "document",
    [
        TokenFile.from_text(FROM_THE_CLI.replace("secret", "canary").replace("aor", "canary")),
        TokenFile.from_text(
            '{"accessToken": "canary", "expiresAt": "2026-01-31T12:00:00Z", "idToken": "canary"}'
        ),
        RegistrationFile.from_text(REGISTERED.replace('"secret"', '"canary"')),
        RoleCredentialsFile.from_text(
            CREDENTIALS.replace("bar", "canary").replace("baz", "canary")
        ),
    ],
)
def test_no_document_shows_a_secret(
    document: TokenFile | RegistrationFile | RoleCredentialsFile,
) -> None:
    assert "canary" not in repr(document) + str(document) + repr(dataclasses.asdict(document))
    assert "canary" in document.to_text_with_secrets()


def test_a_registration_serves_its_own_flow_while_it_is_good_for_long_enough() -> None:
    window = timedelta(minutes=15)
    for_codes = RegistrationFile.from_text(REGISTERED)
    for_devices = dataclasses.replace(for_codes, grant_types=None)
    ends = for_codes.expires_at
    device_code = "urn:ietf:params:oauth:grant-type:device_code"
    for now, good in [(ends - window, True), (ends - window + timedelta(seconds=1), False)]:
        assert for_codes.is_usable(now, grant_type="authorization_code", window=window) is good
        assert for_devices.is_usable(now, grant_type=device_code, window=window) is good
        assert not for_codes.is_usable(now, grant_type=device_code, window=window)
        assert not for_devices.is_usable(now, grant_type="authorization_code", window=window)


@pytest.mark.parametrize(
    ("scopes", "told"),
    [
        ('["a", 1, "b"]', ("a", "b")),
        ("[]", ()),
        ('"a"', None),
        ("null", None),
    ],
)
def test_the_scopes_that_other_tools_write_are_told(
    scopes: str, told: tuple[str, ...] | None
) -> None:
    text = f'{{"accessToken": "a", "expiresAt": "2026-01-31T12:00:00Z", "scopes": {scopes}}}'
    assert TokenFile.from_text(text).scopes == told
    assert TokenFile.from_text(FROM_THE_CLI).scopes is None
