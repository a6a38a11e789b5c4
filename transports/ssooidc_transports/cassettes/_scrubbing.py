"""Takes secrets out of requests and answers, so that they can lie in a repository and still be replayed.

Each value goes, but for those of members that are known to be harmless: what this version does not know may be secret.
In its place comes a placeholder, `accessToken-1`, the same one for the same value wherever it comes again, so that a
client that is given a placeholder sends it where it would have sent the secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, cast
from urllib.parse import parse_qsl, quote, urlsplit

from pydantic import JsonValue
from pydantic_core import from_json

from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_transports.cassettes._known_safe import (
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
# Shorter ones, of a test, would be found everywhere.
_SHORTEST_FOUND: Final = 8


class Scrubber:
    """Replaces values by placeholders, and knows those that it replaced. Not locked."""

    def __init__(self, *, keep: Iterable[str] = (), replaying: bool = False) -> None:
        """Know no value yet.

        Args:
            keep: further members whose texts and numbers are kept, by their names on the wire.
            replaying: whether a placeholder stands for itself. A recording takes one for any other value.

        Raises:
            ValueError: one of those members is a secret, or a URL that may hold one.
        """
        self._keep: Final = frozenset(keep)
        self._replaying: Final = replaying
        self._places: Final[dict[str, str]] = {}
        self._secrets: Final[set[str]] = set()
        self._counts: Final[dict[str, int]] = {}
        if refused := sorted(self._keep & (NEVER_KEPT | URLS)):
            message = f"These are or hold secrets, and are never kept: {', '.join(refused)}"
            raise ValueError(message)

    def learn(self, request: HttpRequest) -> None:
        """Take note of the secrets in a request's header fields, which are not recorded themselves."""
        for name, kind in SECRET_HEADERS.items():
            value = request.headers.first(name)
            if value:
                _ = self._placeholder(kind, value)

    def bearer(self, request: HttpRequest) -> str | None:
        """Give the placeholder of the access token that the portal is shown."""
        value = request.headers.first(_BEARER)
        return None if value is None else self._placeholder("accessToken", value)

    def url(self, url: str) -> str:
        """Keep the shape of a URL and what is harmless in it."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return self._placeholder("path", url)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            return self._placeholder("path", url)
        fragment = ""
        if parts.fragment:
            # AWS's page for people has its path and query behind a `#`.
            path, mark, query = parts.fragment.partition("?")
            fragment = "#" + self._path(path) + (mark and "?" + self._query(query))
        query = "?" + self._query(parts.query) if parts.query else ""
        host = parts.netloc if HOST.match(parts.netloc) else self._placeholder("host", parts.netloc)
        return f"{parts.scheme}://{host}{self._path(parts.path)}{query}{fragment}"

    def body(self, body: bytes) -> tuple[dict[str, JsonValue] | None, str | None]:
        """Give the scrubbed members, or a placeholder where a body is no JSON object; neither where it is empty."""
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
        """Scrub the members of a body."""
        done = {name: self._member(name, value) for name, value in members.items()}
        return {self._name(name): value for name, value in done.items()}

    def headers(self, response: HttpResponse) -> tuple[tuple[str, str], ...]:
        """Keep the header fields that matter for an answer's meaning, where their values are ordinary."""
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
        """Take note of the secrets first, however deep: one may be quoted in a member that is kept."""
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
        """Give the placeholder of a value, a new one of this kind where the value is new."""
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
        """Replace known secrets inside of a text that is kept."""
        for value in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(value, self._places[value])
        return text


def _is_code(value: str) -> bool:
    """Say whether a value is an error's known name, with or without the services' own namespaces."""
    match = _NAMESPACE.match(value)
    return (
        match is not None
        and match[1] in CODES
        and _NAMESPACE_END.match(value, match.end()) is not None
    )
