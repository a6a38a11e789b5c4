"""The parts of the store contract that `ssooidc_login.stores.contract` publishes."""
