"""The four operations of SSO OIDC, a module each: request, response, errors, builder and parser."""
