"""What the HTTP libraries may log of our requests.

httpx logs each URL with its query at INFO; httpcore logs, at DEBUG, the header fields of answers (`Set-Cookie`,
`Location`), the bytes of answers that it cannot parse, and a SOCKS proxy's password; hpack logs every header field of
HTTP/2, the bearer token's too. Their loggers get a filter that takes this out of the records of *our* exchanges, before
any handler sees them, and leaves those of others alone.
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
# Of these events, host, port and TLS settings are worth having in a log, and hold no secret.
_HARMLESS_EVENTS: Final = ("connect_tcp.", "connect_unix_socket.", "start_tls.")


class _OursOnly(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return DEADLINE.get() is None or self.redact(record)

    def redact(self, record: logging.LogRecord) -> bool:
        """Take secrets out of a record, or drop it by returning false."""
        del record
        return False


class _RedactClient(_OursOnly):
    """`HTTP Request: POST https://host/path?query "HTTP/1.1 200 reason"`: no query, no text of the server's."""

    def redact(self, record: logging.LogRecord) -> bool:
        match record.args:
            case (method, url, version, int(status), _):
                record.msg = 'HTTP Request: %s %s "%s %d"'
                record.args = (method, str(url).partition("?")[0], version, status)
                return True
            case _:
                return False


class _RedactCore(_OursOnly):
    """`event.stage key=value ...`: the event's name only."""

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
    """Install the filters; doing it again changes nothing."""
    for name, log_filter in _FILTERS:
        logging.getLogger(name).addFilter(log_filter)
