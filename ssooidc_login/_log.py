"""The logger of this package, `ssooidc_login`; `docs/login.md` describes what it says."""

from __future__ import annotations

import logging
from typing import Final

__all__ = ["logger"]

logger: Final = logging.getLogger("ssooidc_login")
"""Warnings, and at DEBUG the reasons of what was done or not done; no secrets."""
