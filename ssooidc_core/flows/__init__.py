"""Ready-made flows: programs of several steps, run like a single operation.

- `ssooidc_core.flows.device`: sign in with a device code.
- `ssooidc_core.flows.authorization_code`: sign in through a browser, with PKCE.
- `ssooidc_core.flows.refresh`: get a new access token.
- `ssooidc_core.flows.portal`: get all pages of the portal's lists.

Import each module by its own name: `from ssooidc_core.flows.device import poll_for_token`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Not at run time: each needs other models, and few programs need them all.
    from ssooidc_core.flows import authorization_code, device, portal, refresh  # noqa: TC004 - `__all__` needs none

__all__ = ["authorization_code", "device", "portal", "refresh"]


def __dir__() -> list[str]:
    return __all__
