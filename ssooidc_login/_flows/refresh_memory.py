"""`RefreshMemory`: what a session remembers of its refreshes between calls."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import SecretStr

from ssooidc_core import SsoOidcError
from ssooidc_core._cache_files import TokenFile
from ssooidc_login._log import logger

__all__ = ["FailedRefresh", "RefreshMemory"]


@dataclass(frozen=True, slots=True)
class FailedRefresh:
    """The refresh that failed last: the refresh token that was sent, and the error."""

    refresh_token: SecretStr | None = field(repr=False)
    error: SsoOidcError


@dataclass(slots=True)
class RefreshMemory:
    """What a session remembers between calls.

    Attributes:
        tried_at: when a refresh last failed, or returned a token that expires soon.
        unsaved: a token that was used up, and the one that was got for it and cannot be saved yet.
        failed: the refresh that failed last.
        refused: the access token that the portal refused although it was just refreshed, or that cannot be refreshed.
        reason: why the token was not refreshed when that was last due; `None` if it was, or never was due.
    """

    tried_at: datetime | None = None
    unsaved: tuple[TokenFile, TokenFile] | None = field(default=None, repr=False)
    failed: FailedRefresh | None = field(default=None, repr=False)
    refused: SecretStr | None = None
    reason: str | None = None

    def not_refreshed(self, reason: str) -> None:
        """Remember and log why the token was not refreshed."""
        self.reason = reason
        logger.debug("Not refreshed: %s", reason)

    def log_last_reason(self) -> None:
        """Log that a refresh would be due but was tried a moment ago."""
        if self.reason is None:
            logger.debug("Not refreshed: the last refresh was less than a minute ago")
        else:
            logger.debug("Not refreshed: tried less than a minute ago, when %s", self.reason)

    def refreshed(self, tried_at: datetime | None) -> None:
        """Forget what prevented the refresh; `tried_at` delays the next one."""
        self.tried_at = tried_at
        self.failed = None
        self.reason = None
        logger.debug("Refreshed the token")

    def signed_in(self) -> None:
        """Forget all about the token of the last login."""
        self.tried_at = self.unsaved = self.failed = self.reason = None

    def remember_failure(self, token: TokenFile, error: SsoOidcError) -> None:
        """Remember a failure, for those that come while the refresh token is not to be sent again."""
        kept = copy.copy(error)
        self.failed = FailedRefresh(token.refresh_token, kept.with_traceback(None))
