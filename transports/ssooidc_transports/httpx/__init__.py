"""The ordinary transport, blocking and for asyncio and trio, over httpx or httpx2.

::

    with HttpxTransport(ClientConfig(region="us-east-1")) as transport:
        token = run(create_token(grant), transport)

Without a client it makes its own: httpx where it is installed, else httpx2. Those heed `HTTPS_PROXY`, `HTTP_PROXY`,
`ALL_PROXY` and `NO_PROXY` (but use no proxy for this machine, 127.0.0.1 and the like), `AWS_CA_BUNDLE` and what else
`ssooidc_transports._tls` names, keep no cookies, and speak HTTP/1.1. TLS to a proxy itself (`https://proxy`) trusts
what the library does by default.

A client that is given keeps its connections, proxies, TLS and HTTP version, and is not closed. Its default header
fields, query, cookies, authentication, base URL, timeouts and redirects have no part in our requests. Its event hooks
run, and can read and change requests and answers, secrets included; where a hook has read the answer, its size was not
bounded. Cookies that an answer sets go into its jar.

Limits, both: each phase has its own timeout from the config, a redirect is never followed, a head has 100 kB at most,
and the body is bounded while it is read, and again while it is inflated.

Total time: `AsyncHttpxTransport` cancels whatever is under way. `HttpxTransport` can only look at the clock when it
gets to: between pieces of the body always; at each read over TLS with a client of its own, which covers every region's
endpoint. Beyond the total time it can be held by a slow name server, by an answer's head that drips over plain http or
from a proxy (for as long as bytes come within `read_timeout` of each other), or by several addresses of one host that
do not answer (`connect_timeout` each).

Log records of httpx, httpcore and hpack about our requests are stripped of what may be secret; see
`ssooidc_transports.httpx._redacted_logs`.
"""

from __future__ import annotations

from ssooidc_transports.httpx._transports import (
    AsyncHttpxTransport,
    HttpxTransport,
)

__all__ = [
    "AsyncHttpxTransport",
    "HttpxTransport",
]
