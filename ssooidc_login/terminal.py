"""The usual `Interaction`: text on a terminal, and a browser of this machine."""

from __future__ import annotations

from ssooidc_login._browser.terminal import Terminal

__all__ = ["Terminal"]
