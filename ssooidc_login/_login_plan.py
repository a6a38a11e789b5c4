"""From what a caller wants and what this machine is like to a `LoginPlan`."""

from __future__ import annotations

from typing import Final

from ssooidc_core import CacheFileInvalid, RegistrationGone, SessionExpired
from ssooidc_login._browser.choice import choose_way, read_facts
from ssooidc_login._flows.login import LoginPlan, WayIn
from ssooidc_login._resources import Interaction
from ssooidc_login.errors import NotLoggedIn

__all__ = ["NEEDS_LOGIN", "plan_login"]

NEEDS_LOGIN: Final = (CacheFileInvalid, NotLoggedIn, RegistrationGone, SessionExpired)
"""What a token that cannot be had is told with, and only a person can mend."""


def plan_login(  # noqa: PLR0913 - each choice by name
    start_url: str,
    *,
    way: WayIn | None,
    interaction: Interaction | None,
    open_browser: bool,
    ports: tuple[int, ...],
    client_name: str,
) -> LoginPlan:
    """Plan a login at a start URL that is resolved; see `SsoSession.login` for the choices."""
    choice = choose_way(read_facts(), wanted=way)
    return LoginPlan(
        way=choice.way,
        reason=choice.reason,
        start_url=start_url,
        client_name=client_name,
        # Whoever brings a way of their own to open a page knows whether it works here.
        open_browser=open_browser and (choice.open_browser or interaction is not None),
        ports=ports,
    )
