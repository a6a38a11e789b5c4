"""`refresh_advice`: the windows of the AWS CLI and boto3."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ssooidc_core.flows.refresh import RefreshAdvice, refresh_advice

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NO, ADVISED, REQUIRED = RefreshAdvice.NO, RefreshAdvice.ADVISED, RefreshAdvice.REQUIRED


@pytest.mark.parametrize(
    ("left", "tried", "advice"),
    [
        (900, None, NO),
        (899.999, None, ADVISED),
        (600, None, ADVISED),
        (599.999, None, REQUIRED),
        (1, None, REQUIRED),
        (0, None, REQUIRED),
        (-1, None, REQUIRED),
        # A refresh failed a moment ago: wait while the token is valid.
        (800, 0, NO),
        (800, 59.999, NO),
        (800, 60, ADVISED),
        (300, 59.999, NO),
        (300, 60, REQUIRED),
        (0, 1, REQUIRED),
        # The clock was ahead when the token was stored: no session is as long as that.
        (91 * 86400, None, NO),
        (91 * 86400 + 1, None, REQUIRED),
        (91 * 86400 + 1, 59.999, NO),
        (91 * 86400 + 1, 60, REQUIRED),
        (7000 * 365 * 86400, None, REQUIRED),
        # The clock has been set back since.
        (300, -1, REQUIRED),
    ],
)
def test_when_to_refresh(left: float, tried: float | None, advice: RefreshAdvice) -> None:
    tried_at = None if tried is None else NOON - timedelta(seconds=tried)
    expires_at = NOON + timedelta(seconds=left)
    assert refresh_advice(expires_at=expires_at, now=NOON, tried_at=tried_at) is advice
