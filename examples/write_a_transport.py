"""A transport of your own: the standard library's `http.client`, a new connection for each request.

`BaseTransport` has everything else: the clock, the sleep, the retry policy, `close` and `with`.
"""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from ssooidc_core import HttpRequest, HttpResponse, TransportError
from ssooidc_transports.transport import BaseTransport


class HttpClientTransport(BaseTransport):
    """Carries requests with `http.client`."""

    def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send a request and return the whole answer."""
        self.check_open()
        url, limit = urlsplit(request.url), self.config.max_response_bytes
        connect = HTTPSConnection if url.scheme == "https" else HTTPConnection
        connection = connect(url.hostname or "", url.port, timeout=self.config.read_timeout)
        target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
        connected = False
        try:
            connection.connect()
            connected = True
            connection.request(request.method, target, request.body, dict(request.headers))
            with connection.getresponse() as answer:
                response = HttpResponse(answer.status, answer.getheaders(), answer.read(limit + 1))
            failure = "The answer is too large" if len(response.body) > limit else None
        except (OSError, HTTPException, ValueError) as caught:
            failure = type(caught).__name__  # the exception's text may quote the request
        finally:
            connection.close()
        if failure is not None:
            # Outside of the `except` block, so that the error has no context whose traceback could show secrets.
            raise TransportError(failure, may_have_been_sent=connected)
        return response
