"""The usual transport, on httpx or httpx2: blocking, and asynchronous for asyncio and trio.

::

    with HttpxTransport(ClientConfig(region="us-east-1")) as transport:
        token = run(create_token(grant), transport)

**Own clients.** Without a given client, a transport creates its own: with httpx if it is installed, else with httpx2.
They use the proxies of `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, but no proxy for this machine
(127.0.0.1 and the like). They trust the authorities of `AWS_CA_BUNDLE`, else `SSL_CERT_FILE`, else `SSL_CERT_DIR`,
else certifi if it is installed, else the system. They keep no cookies and speak HTTP/1.1. TLS to the proxy itself
(`https://proxy`) trusts what the library trusts by default.

**A given client** keeps its connections, proxies, TLS settings and HTTP version, and is not closed. Its default header
fields, query, cookies, authentication, base URL, timeouts and redirects are not used. Its event hooks run, and can read
and change requests and responses, secrets included; if a hook reads the response, its size is not limited while it is
read. Cookies of a response are stored in the client.

**Limits.** Each phase has its own timeout from the config. Redirects are never followed. The head of a response may
have 100 kB. The size of the body is limited while it is read and again while it is decompressed.

**Total time.** `AsyncHttpxTransport` cancels whatever is in progress. `HttpxTransport` can only check the time between
parts of the body, and with a client of its own at each read over TLS, which covers the endpoints of all regions. It can
exceed the total time because of a slow name server, because the head of a response over plain http or from a proxy
arrives slowly (as long as each byte arrives within `read_timeout`), or because several addresses of a host do not
respond (`connect_timeout` for each).

**Logs.** Secrets are removed from the records that httpx, httpcore and hpack log about these requests: the query of
URLs, header fields, and the server's texts.
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
