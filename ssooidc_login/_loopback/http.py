"""A parser for requests to the loopback listener; no I/O.

Any program and any web page on this machine can send requests here, so the parser is small and strict. It reads the
head of one request (RFC 9112), and refuses what a browser that follows a redirect would not send.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, TypeAlias

__all__ = ["LONGEST_HEAD", "Arrived", "HangUp", "MoreNeeded", "Refused", "Request", "read_request"]

LONGEST_HEAD: Final = 32768
"""The largest head of a request in bytes, including the blank line.

Cookies are not separated by port (RFC 6265 section 8.5): a browser also sends those of every other program at
127.0.0.1, each up to 4 KiB.
"""

_MOST_FIELDS: Final = 100
_DEFAULT_PORT: Final = 80  # browsers leave it out of `Host`, RFC 9110 section 4.2.1
_END_OF_HEAD: Final = b"\r\n\r\n"
_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"  # RFC 9110 section 5.6.2
_TOKEN_START: Final = re.compile(_TOKEN)
_NAME: Final = re.compile(_TOKEN + rb"+")
_REQUEST_LINE: Final = re.compile(rb"(" + _TOKEN + rb"+) ([\x21-\x7e]+) HTTP/([0-9])\.[0-9]")
_VALUE: Final = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")


@dataclass(frozen=True, slots=True)
class MoreNeeded:
    """The end of the head has not arrived."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """The bytes are not HTTP: the connection is closed without an answer."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The request is answered with this status and has no other effect.

    Attributes:
        status: the status; 200 for a HEAD of the right path.
        head_only: whether the request was a HEAD, so that the answer has no body.
    """

    status: HTTPStatus
    head_only: bool = False


@dataclass(frozen=True, slots=True)
class Arrived:
    """A GET of the right path, from any sender.

    Attributes:
        target: path and query as received, ASCII; it may contain an authorization code.
    """

    target: str = field(repr=False)


Request: TypeAlias = MoreNeeded | HangUp | Refused | Arrived
"""The result of parsing the bytes of a connection."""


def read_request(received: bytes, *, port: int, path: str) -> Request:
    """Parse the bytes of a connection.

    Args:
        received: all bytes so far; those after the head are ignored.
        port: the listener's port. `Host` must name it, because the name of another site may have been made to resolve
            to this machine (DNS rebinding).
        path: the only path that exists.
    """
    if received and _TOKEN_START.match(received) is None:
        return HangUp()  # a TLS handshake, for example
    end = received.find(_END_OF_HEAD, 0, LONGEST_HEAD)
    if end < 0:
        if len(received) >= LONGEST_HEAD:
            return Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        return MoreNeeded()
    first, *lines = received[:end].split(b"\r\n")
    request_line = _REQUEST_LINE.fullmatch(first)
    if request_line is None:
        return Refused(HTTPStatus.BAD_REQUEST)
    method, target, version = request_line.groups()
    fields = _fields(lines)
    if version != b"1":
        refusal: HTTPStatus | None = HTTPStatus.HTTP_VERSION_NOT_SUPPORTED
    elif fields is None:
        refusal = HTTPStatus.BAD_REQUEST
    else:
        refusal = _refusal(fields, port) or _wrong_resource(method, target, path)
    if refusal is not None:
        return Refused(refusal, head_only=method == b"HEAD")
    return Arrived(target.decode("ascii"))


def _refusal(fields: list[tuple[bytes, bytes]], port: int) -> HTTPStatus | None:
    hosts = [value.lower() for name, value in fields if name == b"host"]
    if len(hosts) != 1 or _has_body(fields):
        return HTTPStatus.BAD_REQUEST
    ours = {b"127.0.0.1:%d" % port, b"localhost:%d" % port}
    if port == _DEFAULT_PORT:
        ours |= {b"127.0.0.1", b"localhost"}
    return None if hosts[0] in ours else HTTPStatus.MISDIRECTED_REQUEST


def _wrong_resource(method: bytes, target: bytes, path: str) -> HTTPStatus | None:
    if target.split(b"?", 1)[0] != path.encode() or b"#" in target:
        return HTTPStatus.NOT_FOUND
    if method == b"HEAD":
        return HTTPStatus.OK
    return None if method == b"GET" else HTTPStatus.METHOD_NOT_ALLOWED


def _fields(lines: list[bytes]) -> list[tuple[bytes, bytes]] | None:
    """Return the header fields, with names in lower case, or `None` if a line is malformed or folded."""
    if len(lines) > _MOST_FIELDS:
        return None
    fields: list[tuple[bytes, bytes]] = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or _NAME.fullmatch(name) is None or _VALUE.fullmatch(value) is None:
            return None
        fields.append((name.lower(), value.strip(b" \t")))
    return fields


def _has_body(fields: list[tuple[bytes, bytes]]) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in fields
    )
