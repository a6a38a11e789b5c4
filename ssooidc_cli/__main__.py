"""`python -m ssooidc_cli` is `ssooidc`."""

from ssooidc_cli import main

main()
