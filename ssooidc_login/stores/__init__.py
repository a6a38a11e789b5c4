"""Where tokens, registrations and role credentials are kept.

- `ssooidc_login.stores.aws_cache`: the files that the AWS CLI and the AWS SDKs share; the default.
- `ssooidc_login.stores.memory`: nowhere but this process.

One contract, `ssooidc_login.stores.store`, holds for all of them; `ssooidc_login.stores.contract` has it as tests, for
stores of one's own too.
"""
