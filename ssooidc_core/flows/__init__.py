"""Ready-made flows: programs of several steps, run like a single operation.

- `ssooidc_core.flows.device`: sign in with a device code.
- `ssooidc_core.flows.authorization_code`: sign in through a browser, with PKCE.
- `ssooidc_core.flows.refresh`: get a new access token.
- `ssooidc_core.flows.portal`: get all pages of the portal's lists.
"""

__all__ = ["authorization_code", "device", "portal", "refresh"]
