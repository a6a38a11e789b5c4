"""The text for a dependency that is not installed."""

from __future__ import annotations

__all__ = ["missing_text"]


def missing_text(missing: ImportError) -> str:
    """Return a text that says what to install.

    Raises:
        ImportError: the missing module is one of this distribution, so the installation is broken.
    """
    if missing.name is None or missing.name.startswith("ssooidc_"):
        raise missing
    return (
        f"this command needs {missing.name!r}, which is not installed: "
        "pip install 'ssooidc-core[cli,emulator,httpx]'"
    )
