"""The four operations of SSO OIDC, one per module: request, response, errors, builder and parser."""
