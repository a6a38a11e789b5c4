"""`python -m ssooidc_login.cli` is `ssooidc`."""

from ssooidc_login.cli import main

main()
