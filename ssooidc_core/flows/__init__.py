"""Ready-made flows: programs of several steps, run like a single operation.

- `ssooidc_core.flows.device`: sign in with a device code.
- `ssooidc_core.flows.authorization_code`: sign in through a browser, with PKCE.
- `ssooidc_core.flows.refresh`: get a new access token.
- `ssooidc_core.flows.portal`: get all pages of the portal's lists.

Each module is imported when it is first used.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Not at run time: each needs other models, and few programs need them all.
    from ssooidc_core.flows import authorization_code, device, portal, refresh

__all__ = ["authorization_code", "device", "portal", "refresh"]


def __dir__() -> list[str]:
    return __all__


if not TYPE_CHECKING:  # pragma: no branch - a checker that sees this function accepts every name

    def __getattr__(name: str) -> object:
        """Import a flow's module when it is first used as an attribute."""
        if name not in __all__:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        if name == "authorization_code":
            import ssooidc_core.flows.authorization_code  # noqa: PLC0415
        elif name == "device":
            import ssooidc_core.flows.device  # noqa: PLC0415
        elif name == "portal":
            import ssooidc_core.flows.portal  # noqa: PLC0415
        else:
            import ssooidc_core.flows.refresh  # noqa: F401, PLC0415
        return sys.modules[f"{__name__}.{name}"]
