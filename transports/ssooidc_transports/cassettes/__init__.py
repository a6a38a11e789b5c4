"""Cassettes: a run against the real service, recorded without its secrets, and replayed in tests.

::

    transport = RecordingTransport(HttpxTransport(config), "tests/login.json")    # once, by hand
    transport = ReplayTransport("tests/login.json")                               # in the test
    ...
    transport.assert_exhausted()

A cassette holds placeholders in the place of all values that are not known to be harmless: tokens, codes, secrets,
keys, ids, mail addresses, texts, and whatever this version does not know. Account numbers, names of accounts, roles,
clients and scopes, and the ids of instances in start URLs stay. The answers of a replay hold the placeholders, and a
client that sends them back sends what was recorded.
"""

from __future__ import annotations

from ssooidc_transports.cassettes._transports import (
    AsyncRecordingTransport,
    RecordingTransport,
    ReplayMismatch,
    ReplayTransport,
)

__all__ = [
    "AsyncRecordingTransport",
    "RecordingTransport",
    "ReplayMismatch",
    "ReplayTransport",
]
