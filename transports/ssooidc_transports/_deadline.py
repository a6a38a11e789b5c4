"""The deadline of the exchange that the current code is part of.

It is for code that an HTTP library calls, to which no argument can be passed: `DeadlineSocket` in
`ssooidc_transports._tls` limits the total time of a blocking call with it, and the filters of
`ssooidc_transports.httpx._redacted_logs` use it to tell our requests from those of other code.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

__all__ = ["DEADLINE"]

DEADLINE: Final[ContextVar[float | None]] = ContextVar("ssooidc_transports_deadline", default=None)
"""The time of `time.monotonic()` at which the current exchange must end; `None` outside an exchange."""
