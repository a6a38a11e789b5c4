"""The operations of SSO OIDC that need no AWS signature, and the state behind them."""
