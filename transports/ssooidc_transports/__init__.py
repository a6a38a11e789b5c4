"""Transports: they send the requests of `ssooidc_core` over the network.

- `ssooidc_transports.httpx`: the usual transport, blocking and asynchronous.
- `ssooidc_transports.transport`: base classes for writing your own.
- `ssooidc_transports.testing`: a transport that answers from a script, with a virtual clock.
- `ssooidc_transports.faulty`: a transport with network failures chosen by a test.
- `ssooidc_transports.cassettes`: transports that record and replay.
- `ssooidc_transports.environment`: reads the AWS tools' variables and files into a `ClientConfig`.

Importing these modules does not import an HTTP library, `ssl` or tenacity; each of those is imported on first use.
"""
