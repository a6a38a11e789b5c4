"""Which exchange the running code is part of, for code that the HTTP library calls and that gets no argument of ours.

Two such places ask: the sockets of `ssooidc_transports._tls`, which keep a blocking call's total time, and the filter
of `ssooidc_transports.httpx._redacted_logs`, which must know our requests from those of others.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

__all__ = ["DEADLINE"]

DEADLINE: Final[ContextVar[float | None]] = ContextVar("ssooidc_transports_deadline", default=None)
"""When the exchange under way must be over, in seconds of `time.monotonic()`; `None` outside of any."""
