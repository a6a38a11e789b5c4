"""Filters that remove secrets from the HTTP libraries' log records about our requests.

httpx logs each URL with its query at INFO. httpcore logs at DEBUG the header fields of responses (`Set-Cookie`,
`Location`), the bytes of responses that it cannot parse, and the password of a SOCKS proxy. hpack logs every header
field of HTTP/2, including the bearer token. The filters on these loggers run before any handler. They change only the
records of *our* exchanges.
"""

from __future__ import annotations

import logging
from typing import Final

from ssooidc_transports._deadline import DEADLINE

__all__ = ["redact_library_logs"]

_CORES: Final = ("httpcore", "httpcore2")
_CORE_PARTS: Final = ("connection", "http11", "http2", "proxy", "socks")
_CLIENTS: Final = ("httpx", "httpx2")
_HPACK: Final = ("hpack.hpack", "hpack.table", "hpack.huffman")
# The details of these events (host, port, TLS settings) are useful and contain no secrets.
_HARMLESS_EVENTS: Final = ("connect_tcp.", "connect_unix_socket.", "start_tls.")


class _OursOnly(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return DEADLINE.get() is None or self.redact(record)

    def redact(self, record: logging.LogRecord) -> bool:
        """Remove secrets from a record, or return false to drop it."""
        del record
        return False


class _RedactClient(_OursOnly):
    """Removes the query and the reason from `HTTP Request: POST https://host/path?query "HTTP/1.1 200 reason"`."""

    def redact(self, record: logging.LogRecord) -> bool:
        match record.args:
            case (method, url, version, int(status), _):
                record.msg = 'HTTP Request: %s %s "%s %d"'
                record.args = (method, str(url).partition("?")[0], version, status)
                return True
            case _:
                return False


class _RedactCore(_OursOnly):
    """Removes all but the name of the event from `event.stage key=value ...`."""

    def redact(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if not message.startswith(_HARMLESS_EVENTS):
            message = message.partition(" ")[0]
        record.msg, record.args = message, ()
        return True


_FILTERS: Final[tuple[tuple[str, logging.Filter], ...]] = (
    *((name, _RedactClient()) for name in _CLIENTS),
    *((f"{name}.{part}", _RedactCore()) for name in _CORES for part in _CORE_PARTS),
    *((name, _OursOnly()) for name in _HPACK),
)


def redact_library_logs() -> None:
    """Install the filters. Calling it again changes nothing."""
    for name, log_filter in _FILTERS:
        logging.getLogger(name).addFilter(log_filter)
