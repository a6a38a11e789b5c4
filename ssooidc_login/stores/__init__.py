"""Stores for tokens, registrations and role credentials.

- `ssooidc_login.stores.aws_cache`: the files that the AWS CLI and the AWS SDKs share; the default.
- `ssooidc_login.stores.memory`: the memory of this process.
- `ssooidc_login.stores.os_keyring`: the operating system's keychain.
- `ssooidc_login.stores.key_value`: a server that many hosts share, encrypted; `ssooidc_login.stores.redis_lease` has
  locks for it.

All stores have the interface in `ssooidc_login.stores.store`. `ssooidc_login.stores.contract` has tests of it, which
you can also run against your own store.
"""
