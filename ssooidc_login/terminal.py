"""`Terminal`: the default way to talk to the person who signs in, text on stderr and a browser on this machine."""

from __future__ import annotations

from ssooidc_login._browser.terminal import Terminal

__all__ = ["Terminal"]
