"""Where tokens, registrations and role credentials are kept.

- `ssooidc_login.stores.aws_cache`: the files that the AWS CLI and the AWS SDKs share; the default.
- `ssooidc_login.stores.memory`: nowhere but this process.
- `ssooidc_login.stores.os_keyring`: the operating system's keychain.
- `ssooidc_login.stores.key_value`: a server that a fleet shares, encrypted; `ssooidc_login.stores.redis_lease` has the
  locks for it.

One contract, `ssooidc_login.stores.store`, holds for all of them; `ssooidc_login.stores.contract` has it as tests, for
stores of one's own too.
"""
