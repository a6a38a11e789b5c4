"""Recording of exchanges with the real service, without their secrets, and replaying in tests.

::

    transport = RecordingTransport(HttpxTransport(config), "tests/login.json")    # once, by hand
    transport = ReplayTransport("tests/login.json")                               # in the test
    ...
    transport.assert_exhausted()

A cassette contains placeholders instead of all values that are not known to be harmless: tokens, codes, secrets, keys,
ids, mail addresses, texts, and everything that this version does not know. It keeps account numbers, the names of
accounts, roles, clients and scopes, and the instance ids in start URLs. The responses of a replay contain the
placeholders, so a client that sends them back sends what was recorded.
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
