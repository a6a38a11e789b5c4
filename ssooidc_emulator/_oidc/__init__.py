"""The operations of SSO OIDC that require no AWS signature, and their state."""
