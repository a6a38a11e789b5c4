"""Which errors may be temporary, so that sending the request again may succeed."""

from __future__ import annotations

from typing import Final

from ssooidc_core.errors import ServiceError, TransportError

__all__ = ["THROTTLING_CODES", "TRANSIENT_CODES", "is_repeatable", "is_throttling"]

_SERVER_ERROR: Final = 500
_TOO_MANY_REQUESTS: Final = 429

THROTTLING_CODES: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
"""Error codes that mean "too fast" in every AWS service. `SlowDownException` is not one: it belongs to polling."""


TRANSIENT_CODES: Final = frozenset(
    {"PriorRequestNotComplete", "RequestTimeout", "RequestTimeoutException"}
)
"""Error codes, whatever their status, of requests that did not reach the service completely."""


def is_throttling(error: Exception) -> bool:
    """Return whether the service refused a request because there were too many, without processing it."""
    return isinstance(error, ServiceError) and (
        error.status == _TOO_MANY_REQUESTS or error.code in THROTTLING_CODES
    )


def is_repeatable(error: Exception) -> bool:
    """Return whether an error may be temporary: the wire or the service failed, or the service throttled."""
    if isinstance(error, TransportError):
        return True
    return isinstance(error, ServiceError) and (
        error.status >= _SERVER_ERROR or error.code in TRANSIENT_CODES or is_throttling(error)
    )
