"""Transports: what carries the requests of `ssooidc_core` over a wire.

`ssooidc_transports.httpx` is the ordinary one, blocking and asynchronous. `ssooidc_transports.transport` holds the
base classes of a transport of your own, `ssooidc_transports.testing` a scripted one with a virtual clock,
`ssooidc_transports.faulty` one whose wire fails, `ssooidc_transports.cassettes` those that record and replay;
`ssooidc_transports.environment` makes a config of the AWS tools' variables and files.

Importing any of these imports no HTTP library, no `ssl` and no tenacity: each comes with its first use.
"""
