"""The transports that a session makes for itself: httpx, with bounds that fit the time a refresh may take.

Who refreshes holds a lock that others wait for, so that all of it, retries included, is over within 20 seconds: no
attempt begins after 5, and none takes longer than 15.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ssooidc_core import ClientConfig

if TYPE_CHECKING:
    from tenacity import RetryCallState, Retrying

    from ssooidc_transports.httpx import AsyncHttpxTransport, HttpxTransport

__all__ = ["make_async_transport", "make_transport"]

_LAST_BEGIN: Final = 5.0
_LONGEST_ATTEMPT: Final = 15.0


def make_transport(config: ClientConfig) -> HttpxTransport:
    """Make the blocking one.

    Raises:
        ImportError: httpx is not installed; the text names the extra.
    """
    from ssooidc_transports.httpx import HttpxTransport  # noqa: PLC0415 - imports httpx

    return HttpxTransport(_bounded(config), retry_policy=_policy(config))


def make_async_transport(config: ClientConfig) -> AsyncHttpxTransport:
    """Make the one for asyncio and trio.

    Raises:
        ImportError: httpx is not installed; the text names the extra.
    """
    from ssooidc_transports.httpx import AsyncHttpxTransport  # noqa: PLC0415 - imports httpx

    return AsyncHttpxTransport(_bounded(config), retry_policy=_policy(config))


def _bounded(config: ClientConfig) -> ClientConfig:
    return replace(config, total_timeout=min(config.total_timeout, _LONGEST_ATTEMPT))


def _policy(config: ClientConfig) -> Retrying:
    from tenacity import stop_before_delay  # noqa: PLC0415 - costs as much as a call

    from ssooidc_core.policies import standard_retry  # noqa: PLC0415 - likewise

    standard = standard_retry(max_attempts=config.max_attempts)
    in_time = stop_before_delay(_LAST_BEGIN)

    def stop(state: RetryCallState) -> bool:
        # In this order: what stops for the time is not charged to the retry quota.
        return in_time(state) or standard.stop(state)

    return standard.copy(stop=stop)
