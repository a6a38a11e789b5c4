"""Removal of secrets from requests and responses, so that a recording can be published and still be replayed.

Only the values listed in `ssooidc_transports.cassettes._kept_values` are kept, since an unknown value may be a secret.
Every other value is replaced by a placeholder such as `accessToken-1`, and equal values by the same placeholder. A
client that receives a placeholder therefore sends it wherever it would have sent the secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, cast
from urllib.parse import parse_qsl, quote, urlsplit

from pydantic import JsonValue
from pydantic_core import from_json

from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_transports.cassettes._kept_values import (
    CODES,
    CONTAINERS,
    ERROR_NAMES,
    HEADER_FORMS,
    HOST,
    KEPT_NUMBERS,
    KEPT_QUERY,
    KEPT_TEXTS,
    KINDS,
    KNOWN,
    NEVER_KEPT,
    PATH_WORDS,
    QUERY_NAMES,
    SECRET_HEADERS,
    URLS,
)

__all__ = ["Scrubber"]

_BEARER: Final = "x-amz-sso_bearer_token"
_NAMESPACE: Final = re.compile(r"\A(?:com\.amazonaws\.switchboard\.portal#)?([A-Za-z_]+)")
_NAMESPACE_END: Final = re.compile(
    r"(?:\Z|:http://internal\.amazon\.com/coral/com\.amazonaws\.sso\.oidc/\Z)"
)
_PLACEHOLDER: Final = re.compile(r"([A-Za-z_]+)-([1-9][0-9]{0,5})\Z")
_LONGEST_KEPT: Final = 256
_LARGEST_KEPT: Final = 2**53
# Shorter values, as tests use them, would be found in unrelated texts.
_SHORTEST_FOUND: Final = 8


class Scrubber:
    """Replaces values by placeholders and remembers which value has which placeholder. Not thread-safe."""

    def __init__(self, *, keep: Iterable[str] = (), replaying: bool = False) -> None:
        """Create a scrubber without any values.

        Args:
            keep: wire names of additional members whose texts and numbers are kept.
            replaying: whether a placeholder is replaced by itself. A recording replaces it like any other value.

        Raises:
            ValueError: one of these members is a secret, or a URL that may contain one.
        """
        self._keep: Final = frozenset(keep)
        self._replaying: Final = replaying
        self._places: Final[dict[str, str]] = {}
        self._secrets: Final[set[str]] = set()
        self._counts: Final[dict[str, int]] = {}
        if refused := sorted(self._keep & (NEVER_KEPT | URLS)):
            message = (
                f"These members are or contain secrets and are never kept: {', '.join(refused)}"
            )
            raise ValueError(message)

    def learn(self, request: HttpRequest) -> None:
        """Remember the secrets in the header fields of a request; the fields themselves are not recorded."""
        for name, kind in SECRET_HEADERS.items():
            value = request.headers.first(name)
            if value:
                _ = self._placeholder(kind, value)

    def bearer(self, request: HttpRequest) -> str | None:
        """Return the placeholder of the access token in a request to the portal."""
        value = request.headers.first(_BEARER)
        return None if value is None else self._placeholder("accessToken", value)

    def url(self, url: str) -> str:
        """Return the URL with its structure and its kept values."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return self._placeholder("path", url)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            return self._placeholder("path", url)
        fragment = ""
        if parts.fragment:
            # The URL of AWS's device page has a path and a query after its `#`.
            path, mark, query = parts.fragment.partition("?")
            fragment = "#" + self._path(path) + (mark and "?" + self._query(query))
        query = "?" + self._query(parts.query) if parts.query else ""
        host = parts.netloc if HOST.match(parts.netloc) else self._placeholder("host", parts.netloc)
        return f"{parts.scheme}://{host}{self._path(parts.path)}{query}{fragment}"

    def body(self, body: bytes) -> tuple[dict[str, JsonValue] | None, str | None]:
        """Return the scrubbed members, or a placeholder if the body is not a JSON object; neither if it is empty."""
        if not body:
            return None, None
        try:
            value: object = from_json(body, allow_inf_nan=False)
        except ValueError:
            value = None
        if isinstance(value, dict):
            members = cast("dict[str, JsonValue]", value)
            self._learn(members)
            return self.members(members), None
        return None, self._placeholder("body", body.decode("utf-8", "replace"))

    def members(self, members: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """Return the scrubbed members of a body."""
        done = {name: self._member(name, value) for name, value in members.items()}
        return {self._name(name): value for name, value in done.items()}

    def headers(self, response: HttpResponse) -> tuple[tuple[str, str], ...]:
        """Return the header fields that influence how a response is read; unusual values are replaced."""
        kept: list[tuple[str, str]] = []
        for name, value in response.headers.fields:
            lower = name.lower()
            if lower == "x-amzn-errortype":
                kept.append(
                    (lower, value if _is_code(value) else self._placeholder("header", value))
                )
            elif (form := HEADER_FORMS.get(lower)) is not None:
                is_ordinary = form.match(value) is not None
                kept.append((lower, value if is_ordinary else self._placeholder("header", value)))
        return tuple(kept)

    def _learn(self, value: JsonValue) -> None:
        """Remember all secrets first, at any depth, because a kept member may quote one."""
        if isinstance(value, dict):
            for name, inner in value.items():
                if name in NEVER_KEPT:
                    _ = self._value(name, inner)
        if isinstance(value, dict | list):
            for inner in value.values() if isinstance(value, dict) else value:
                self._learn(inner)

    def _member(self, name: str, value: JsonValue) -> JsonValue:
        if name in CONTAINERS and isinstance(value, (dict, list)):
            inner = [value] if isinstance(value, dict) else value
            scrubbed: list[JsonValue] = [
                self.members(each) if isinstance(each, dict) else self._denied(name, each)
                for each in inner
            ]
            return scrubbed[0] if isinstance(value, dict) else scrubbed
        if isinstance(value, list) and name in KEPT_TEXTS | URLS | self._keep:
            return [self._value(name, each) for each in value]
        return self._value(name, value)

    def _value(self, name: str, value: JsonValue) -> JsonValue:
        if isinstance(value, str):
            return self._text(name, value)
        if name in KEPT_NUMBERS | self._keep and isinstance(value, (int, float)):
            return value if abs(value) < _LARGEST_KEPT else self._denied(name, value)
        return self._denied(name, value)

    def _text(self, name: str, value: str) -> str:
        if name in ERROR_NAMES and _is_code(value):
            return value
        if name in URLS and value:
            return self.url(value)
        if name in KEPT_TEXTS | self._keep and len(value) <= _LONGEST_KEPT:
            return self._found(value)
        return self._placeholder(name, value)

    def _denied(self, name: str, value: JsonValue) -> JsonValue:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, dict):
            return {self._name(each): self._denied(name, inner) for each, inner in value.items()}
        if isinstance(value, list):
            return [self._denied(name, each) for each in value]
        return self._placeholder(name, str(value))

    def _name(self, name: str) -> str:
        return name if name in KNOWN | self._keep else self._placeholder("member", name)

    def _path(self, path: str) -> str:
        return "/".join(
            part if not part or part in PATH_WORDS else self._placeholder("path", part)
            for part in path.split("/")
        )

    def _query(self, query: str) -> str:
        fields: list[str] = []
        for name, value in parse_qsl(query, keep_blank_values=True):
            member = QUERY_NAMES.get(name)
            is_kept = KEPT_QUERY.fullmatch(f"{name}={value}") is not None
            scrubbed = value if is_kept else self._text(member or "member", value)
            shown = name if member is not None else self._placeholder("member", name)
            fields.append(f"{shown}={quote(scrubbed, safe='-._~')}")
        return "&".join(fields)

    def _placeholder(self, kind: str, value: str) -> str:
        """Return the placeholder of a value; a new value gets a new placeholder of this kind."""
        if kind in NEVER_KEPT and len(value) >= _SHORTEST_FOUND:
            self._secrets.add(value)
        if not value or value in self._places:
            return self._places.get(value, value)
        match = _PLACEHOLDER.match(value) if self._replaying else None
        if match is not None and match[1] in KINDS:
            self._counts[match[1]] = max(self._counts.get(match[1], 0), int(match[2]))
            self._places[value] = value
            return value
        kind = kind if kind in KINDS else "member"
        self._counts[kind] = self._counts.get(kind, 0) + 1
        self._places[value] = f"{kind}-{self._counts[kind]}"
        return self._places[value]

    def _found(self, text: str) -> str:
        """Replace known secrets inside a kept text."""
        for value in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(value, self._places[value])
        return text


def _is_code(value: str) -> bool:
    """Return whether a value is a known error name, with or without the services' namespaces."""
    match = _NAMESPACE.match(value)
    return (
        match is not None
        and match[1] in CODES
        and _NAMESPACE_END.match(value, match.end()) is not None
    )
