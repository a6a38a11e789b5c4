"""Tokens written by other SDKs, and expired tokens, where the AWS SDKs differ from each other and from this library."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pytest

from ssooidc_core import HttpResponse, InternalServerException, SecretStr
from ssooidc_core.sso_settings import SsoSettings
from ssooidc_login import SsoSession
from ssooidc_login._flows.documents import token_key
from ssooidc_login.stores.memory import MemoryStore
from ssooidc_transports.testing import ScriptedTransport, VirtualClock, error_reply, reply

if TYPE_CHECKING:
    from tests.conformance.conftest import Tally

GROUP: Final = "sessions"
NOW: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
SETTINGS: Final = SsoSettings(
    start_url="https://d-1234567890.awsapps.com/start", region="us-east-1", session_name="my-sso"
)


class Stored:
    """A session with a token in its store."""

    def __init__(self, expires_at: str, replies: Iterable[HttpResponse] = ()) -> None:
        self.clock: Final = VirtualClock(NOW)
        self.transport: Final = ScriptedTransport(replies, clock=self.clock)
        self.store: Final = MemoryStore()
        document = {
            "accessToken": "first",
            "expiresAt": expires_at,
            "clientId": "id",
            "clientSecret": "secret",
            "registrationExpiresAt": "2026-03-01T00:00:00Z",
            "refreshToken": "refresh",
        }
        self.store.save(token_key(SETTINGS), SecretStr(json.dumps(document)))
        self.session: Final = SsoSession(SETTINGS, store=self.store, transport=self.transport)

    def stored(self) -> dict[str, object]:
        found = self.store.load(token_key(SETTINGS))
        assert found is not None
        document: dict[str, object] = json.loads(found.get_secret_value())
        return document


def test_an_ended_token_is_refreshed_again_at_once(tally: Tally) -> None:
    """The AWS SDKs for JavaScript and Rust send nothing for 30 s: one raises, the other returns the expired token."""
    stored = Stored(
        "2026-01-01T11:59:59Z",
        [
            error_reply(InternalServerException),
            error_reply(InternalServerException),
            reply(200, {"accessToken": "second", "expiresIn": 3600}),
        ],
    )
    for sent in (1, 2):
        with pytest.raises(InternalServerException):
            stored.session.token()
        assert len(stored.transport.requests) == sent
        assert stored.stored()["accessToken"] == "first"
        stored.clock.advance(1)
    token = stored.session.token()
    assert token.access_token == SecretStr("second")
    assert token.expires_at == NOW + timedelta(seconds=3602)
    stored.transport.assert_exhausted()
    tally.differs("an-ended-token-is-refreshed-at-once")
    tally.ran(3)


def test_a_token_that_is_good_waits_for_its_next_refresh(tally: Tally) -> None:
    """While the token is valid, a failed refresh is not repeated within a minute."""
    stored = Stored("2026-01-01T12:05:00Z", [error_reply(InternalServerException)] * 2)
    for second in range(60):
        assert stored.session.token().access_token == SecretStr("first")
        assert len(stored.transport.requests) == 1, second
        stored.clock.advance(1)
    assert stored.session.token().access_token == SecretStr("first")
    stored.transport.assert_exhausted()
    tally.ran(2)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-01-01T13:00:00.501Z", datetime(2026, 1, 1, 13, 0, 0, 501_000, tzinfo=UTC)),
        ("2026-01-01T13:00:00.9999999Z", datetime(2026, 1, 1, 13, 0, 0, 999_999, tzinfo=UTC)),
        ("2026-01-01T14:00:00.25+01:00", datetime(2026, 1, 1, 13, 0, 0, 250_000, tzinfo=UTC)),
    ],
)
def test_a_token_ends_at_the_fraction_of_a_second(
    written: str, read: datetime, tally: Tally
) -> None:
    """The AWS SDK for JavaScript writes fractions; the one for C drops them (aws-c-common, `source/date_time.c`)."""
    stored = Stored(written)
    assert stored.session.token().expires_at == read
    assert stored.stored()["expiresAt"] == written
    assert stored.transport.requests == []
    tally.differs("fractions-of-a-second-are-read")
    tally.ran()


def test_a_whole_second_has_no_fraction(tally: Tally) -> None:
    token = Stored("2026-01-01T13:00:00Z").session.token()
    assert token.expires_at == datetime(2026, 1, 1, 13, tzinfo=UTC)
    tally.ran()
