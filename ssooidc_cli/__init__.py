"""The command `ssooidc`.

Its own dependencies are extras: without them it says what to install, and nothing else of the package minds.
"""

from __future__ import annotations

import sys
from typing import Final

__all__ = ["main"]

_INSTALL: Final = "pip install 'ssooidc-core[cli,emulator,httpx]'"


def main() -> None:
    """Run the command line; the exit status is 0, 1 for a failure, 2 for a wrong use or what is not installed."""
    try:
        from ssooidc_cli._commands import ssooidc  # noqa: PLC0415 - imports click and rich
    except ImportError as missing:
        # Anything of our own that is missing is a broken installation, and no extra mends that.
        if missing.name is None or missing.name.startswith("ssooidc_"):
            raise
        sys.exit(_say_what_to_install(missing.name))
    ssooidc()


def _say_what_to_install(module: str) -> int:
    _ = sys.stderr.write(
        f"ssooidc: this command needs {module!r}, which is not installed: {_INSTALL}\n"
    )
    return 2
