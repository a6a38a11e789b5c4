"""HTTP requests and responses: absolute, final, frozen values.

A transport sends an `HttpRequest` byte for byte and returns an `HttpResponse`. It adds only what HTTP itself needs
(`Host`, `Content-Length`, `Connection`). Both are safe to log: their `repr` shows no body, no query string, no value
of a header that carries secrets, and no value that a server chose.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias, cast

__all__ = ["Headers", "HeadersInput", "HttpRequest", "HttpResponse"]

# `location` may carry an authorization code (RFC 6749 section 4.1.2).
_SECRET_HEADERS: Final = frozenset(
    {
        "authorization",
        "cookie",
        "location",
        "proxy-authorization",
        "referer",
        "set-cookie",
        "x-amz-security-token",
        "x-amz-sso_bearer_token",
    }
)
_MASK: Final = "**********"

_Fields: TypeAlias = tuple[tuple[str, str], ...]


def _first(fields: _Fields, name: str) -> str | None:
    wanted, length = name.lower(), len(name)
    for field, value in fields:
        # The length first: it is the cheaper comparison, and few names share it.
        if len(field) == length and field.lower() == wanted:
            return value
    return None


class Headers(Mapping[str, str]):
    """HTTP header fields: an immutable mapping whose names are compared without case (RFC 9110 section 5.1).

    Where a name occurs more than once, the mapping has its first value.
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: HeadersInput = (), /) -> None:
        """Take a mapping or pairs of name and value."""
        self._fields: _Fields
        # Most are tuples already, and `isinstance` of an abstract class is slow.
        if isinstance(fields, tuple):
            self._fields = fields
        elif isinstance(fields, Headers):
            self._fields = fields.fields
        elif isinstance(fields, Mapping):
            self._fields = tuple(cast("Mapping[str, str]", fields).items())
        else:
            self._fields = tuple(fields)

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """The fields as they were given, in order, including repeated names."""
        return self._fields

    def __getitem__(self, name: str, /) -> str:
        """Return the value of the first field with this name."""
        found = self.first(name)
        if found is None:
            raise KeyError(name)
        return found

    def first(self, name: str) -> str | None:
        """Return the value of the first field with this name, or `None`."""
        return _first(self._fields, name)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, each once and as it was written."""
        seen: set[str] = set()
        for field, _ in self._fields:
            if (lower := field.lower()) not in seen:
                seen.add(lower)
                yield field

    def __len__(self) -> int:
        """Return the number of different names."""
        return len({field.lower() for field, _ in self._fields})

    def _comparable(self) -> frozenset[tuple[str, str]]:
        return frozenset((name.lower(), self[name]) for name in self)

    def __eq__(self, other: object) -> bool:
        """Compare names without case, values exactly."""
        return isinstance(other, Headers) and self._comparable() == other._comparable()

    def __hash__(self) -> int:
        """Hash what `==` compares."""
        return hash(self._comparable())

    def __repr__(self) -> str:
        """Show the fields, with the values of secret ones masked."""
        shown = {
            name: _MASK if name.lower() in _SECRET_HEADERS else value
            for name, value in self.items()
        }
        return f"Headers({shown!r})"


HeadersInput: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]]


def _without_query(url: str) -> str:
    # A query may hold codes and user codes, and is not needed to recognise a request.
    path, mark, _ = url.partition("?")
    return f"{path.partition('#')[0]}?{_MASK}" if mark else path.partition("#")[0]


class _Message:
    """A value with header fields and a body."""

    # Not a frozen dataclass: its `__init__` is slower, and each call makes three of these objects.
    __slots__ = ("_body", "_headers")

    # A tuple is wrapped when it is first looked at: most never are. Anything else could change in the meantime.
    _headers: Headers | _Fields
    _body: bytes

    @property
    def headers(self) -> Headers:
        """The header fields."""
        if isinstance(self._headers, tuple):
            self._headers = Headers(self._headers)
        return self._headers

    @property
    def body(self) -> bytes:
        """The body."""
        return self._body

    def __eq__(self, other: object) -> bool:
        """Compare everything, the names of header fields without case."""
        return isinstance(other, _Message) and self._comparable() == other._comparable()

    def __hash__(self) -> int:
        """Hash what `==` compares."""
        return hash(self._comparable())

    def _comparable(self) -> tuple[object, ...]:
        return self.headers, self._body


class HttpRequest(_Message):
    """One request, ready to be sent as it is: a value.

    `url` is absolute; `body` is empty if the request has none. A signed request is valid for its exact method, URL,
    signed headers and body, and for about 15 minutes.
    """

    __slots__ = ("_method", "_url")
    __match_args__ = ("method", "url", "headers", "body")

    def __init__(
        self, method: str, url: str, headers: HeadersInput = (), body: bytes = b""
    ) -> None:
        """Take headers as a mapping or as pairs."""
        self._method = method
        self._url = url
        self._headers = headers if isinstance(headers, tuple) else Headers(headers)
        self._body = body

    @property
    def method(self) -> str:
        """The method, in capitals."""
        return self._method

    @property
    def url(self) -> str:
        """The absolute URL."""
        return self._url

    def with_headers(self, *extra: tuple[str, str]) -> HttpRequest:
        """Return this request with more header fields after its own."""
        own = self._headers if isinstance(self._headers, tuple) else self._headers.fields
        return HttpRequest(self._method, self._url, own + extra, self._body)

    def _comparable(self) -> tuple[object, ...]:
        return self._method, self._url, *super()._comparable()

    def __repr__(self) -> str:
        """Show everything except what may be secret."""
        return (
            f"HttpRequest({self._method!r}, {_without_query(self._url)!r}, {self.headers!r}, "
            f"body=<{len(self._body)} bytes>)"
        )


class HttpResponse(_Message):
    """One answer, its body read whole and with content codings (gzip and the like) undone: a value."""

    __slots__ = ("_status",)
    __match_args__ = ("status", "headers", "body")

    def __init__(self, status: int, headers: HeadersInput = (), body: bytes = b"") -> None:
        """Take headers as a mapping or as pairs."""
        self._status = status
        self._headers = headers if isinstance(headers, tuple) else Headers(headers)
        self._body = body

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._status

    def _comparable(self) -> tuple[object, ...]:
        return self._status, *super()._comparable()

    def __repr__(self) -> str:
        """Show the status, the names of the headers and the size; a server may repeat secrets in a header's value."""
        return f"HttpResponse({self._status!r}, {list(self.headers)!r}, body=<{len(self._body)} bytes>)"
