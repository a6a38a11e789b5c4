"""`WayIn` and `LoginPlan`: how a person is going to sign in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["LoginPlan", "WayIn"]


class WayIn(Enum):
    """How a person signs in."""

    BROWSER = "browser"
    """A browser that can reach this machine, which returns the answer itself (authorization code with PKCE)."""
    DEVICE_CODE = "device code"
    """A browser on any machine, and a code to compare (device authorization grant, RFC 8628)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoginPlan:
    """How to sign in.

    Attributes:
        way: browser or device code.
        start_url: the start URL, after a vanity URL was resolved.
        client_name: the name of a new registration; people see it.
        reason: why this way was chosen, one sentence for the person; `None` shows nothing.
        open_browser: whether to open the page; otherwise its address is only shown.
        ports: the ports to listen on for the browser, tried in order; 0 is any free port.
    """

    way: WayIn
    start_url: str
    client_name: str
    reason: str | None = None
    open_browser: bool = True
    ports: tuple[int, ...] = (0,)
