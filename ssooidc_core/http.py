"""What is sent and what comes back: absolute, final, frozen values.

A transport carries an `HttpRequest` byte for byte and hands back an `HttpResponse`; nothing is added on the way but
what HTTP itself needs (`Host`, `Content-Length`, `Connection`). Both are safe to log: their `repr` shows neither
bodies, nor query strings, nor the values of headers that carry secrets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

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


class Headers(Mapping[str, str]):
    """HTTP header fields: an immutable mapping whose names are compared without case (RFC 9110 section 5.1).

    Where a name came more than once, the first value is the one seen.
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: HeadersInput = (), /) -> None:
        """Take a mapping or pairs of name and value."""
        pairs: Iterable[tuple[str, str]] = fields.items() if isinstance(fields, Mapping) else fields
        self._fields: Final = tuple(pairs)

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """The fields as they were given, in order, repeated names included."""
        return self._fields

    def __getitem__(self, name: str, /) -> str:
        """Give the value of the first field of this name."""
        wanted = name.lower()
        for field, value in self._fields:
            if field.lower() == wanted:
                return value
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        """Give each name once, as it was written."""
        seen: set[str] = set()
        for field, _ in self._fields:
            if (lower := field.lower()) not in seen:
                seen.add(lower)
                yield field

    def __len__(self) -> int:
        """Count the different names."""
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
        """Show the fields, values of secret ones masked."""
        shown = {
            name: _MASK if name.lower() in _SECRET_HEADERS else value
            for name, value in self.items()
        }
        return f"Headers({shown!r})"


HeadersInput: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]]


def _without_query(url: str) -> str:
    """A query may hold codes and user codes, and none is needed to recognise a request."""
    path, mark, _ = url.partition("?")
    return f"{path.partition('#')[0]}?{_MASK}" if mark else path.partition("#")[0]


@dataclass(frozen=True, slots=True, init=False, repr=False)
class HttpRequest:
    """One request, ready to be sent as it is.

    `url` is absolute; `body` is empty where nothing is sent. A signed request holds good for its exact method, URL,
    signed headers and body, and for about 15 minutes.
    """

    method: str
    url: str
    headers: Headers
    body: bytes

    def __init__(
        self, method: str, url: str, headers: HeadersInput = (), body: bytes = b""
    ) -> None:
        """Take headers as a mapping or as pairs."""
        set_field = object.__setattr__
        set_field(self, "method", method)
        set_field(self, "url", url)
        set_field(self, "headers", headers if isinstance(headers, Headers) else Headers(headers))
        set_field(self, "body", body)

    def with_headers(self, extra: Mapping[str, str]) -> HttpRequest:
        """Return this request with more header fields behind its own."""
        fields = (*self.headers.fields, *extra.items())
        return HttpRequest(self.method, self.url, Headers(fields), self.body)

    def __repr__(self) -> str:
        """Show everything but what may be secret."""
        return (
            f"HttpRequest({self.method!r}, {_without_query(self.url)!r}, {self.headers!r}, "
            f"body=<{len(self.body)} bytes>)"
        )


@dataclass(frozen=True, slots=True, init=False, repr=False)
class HttpResponse:
    """One answer, its body read whole and with content codings (gzip and the like) undone."""

    status: int
    headers: Headers
    body: bytes

    def __init__(self, status: int, headers: HeadersInput = (), body: bytes = b"") -> None:
        """Take headers as a mapping or as pairs."""
        set_field = object.__setattr__
        set_field(self, "status", status)
        set_field(self, "headers", headers if isinstance(headers, Headers) else Headers(headers))
        set_field(self, "body", body)

    def __repr__(self) -> str:
        """Show everything but what may be secret."""
        return f"HttpResponse({self.status!r}, {self.headers!r}, body=<{len(self.body)} bytes>)"
