"""The command `ssooidc`.

Its dependencies are extras: without them, it says what to install. The other packages do not need them.
"""

from __future__ import annotations

import sys

from ssooidc_cli._extras import missing_text

__all__ = ["main"]


def main() -> None:
    """Run the command line; the exit status is 0, 1 for a failure, 2 for wrong use or a missing dependency."""
    try:
        from ssooidc_cli._commands import ssooidc  # noqa: PLC0415 - imports click
    except ImportError as missing:
        _ = sys.stderr.write(f"ssooidc: {missing_text(missing)}\n")
        sys.exit(2)
    ssooidc()
