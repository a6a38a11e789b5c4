"""The transports that record and replay; `ssooidc_transports.cassettes` describes them."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import JsonValue

from ssooidc_core._config import ClientConfig
from ssooidc_core._driver import AsyncTransport, Transport
from ssooidc_core._http import HttpRequest, HttpResponse
from ssooidc_core.errors import TransportError
from ssooidc_transports._virtual_time import VirtualClock, VirtualTimeTransport
from ssooidc_transports._wrapping import InnerT, WrappingTransport
from ssooidc_transports.cassettes._file import (
    Cassette,
    Exchange,
    Failure,
    RecordedConfig,
    RecordedRequest,
    RecordedResponse,
    read_cassette,
    write_cassette,
)
from ssooidc_transports.cassettes._scrubbing import Scrubber

if TYPE_CHECKING:
    from tenacity import Retrying

__all__ = [
    "AsyncRecordingTransport",
    "RecordingTransport",
    "ReplayMismatch",
    "ReplayTransport",
]

_DIFFERENCES_SHOWN: Final = 5


class ReplayMismatch(BaseException):
    """A request differs from the recorded one: the test, or the code under test, has changed.

    It is not an `Exception`, so that flows do not handle it as an error of the service and policies do not retry it.
    Like the cassette, its text contains placeholders instead of secrets.
    """


class _Recording(WrappingTransport[InnerT]):
    """The part that the blocking and the asynchronous transport share."""

    def __init__(
        self, inner: InnerT, path: str | os.PathLike[str], *, keep: Iterable[str] = ()
    ) -> None:
        super().__init__(inner)
        self._path: Final = Path(path)
        self._lock: Final = threading.Lock()
        kept = tuple(keep)
        self._scrubber: Final = Scrubber(keep=kept)
        config = RecordedConfig.model_validate(inner.config, from_attributes=True)
        urls = config.model_dump(include={"endpoint_url", "portal_endpoint_url"}, exclude_none=True)
        self._cassette = Cassette(
            began=inner.now().wall,
            config=config.model_copy(
                update={name: self._scrubber.url(url) for name, url in urls.items()}
            ),
            keep=kept,
        )

    def _record(self, request: HttpRequest, outcome: HttpResponse | TransportError) -> None:
        with self._lock:
            exchange = Exchange(
                request=_scrubbed_request(self._scrubber, request),
                outcome=(
                    _scrubbed_response(self._scrubber, outcome)
                    if isinstance(outcome, HttpResponse)
                    else Failure.of(outcome)
                ),
            )
            exchanges = (*self._cassette.exchanges, exchange)
            self._cassette = self._cassette.model_copy(update={"exchanges": exchanges})
            write_cassette(self._path, self._cassette)


class RecordingTransport(_Recording[Transport]):
    """Sends through another transport and records each exchange. It does not close the other transport.

    The file is written after each exchange, with mode 0600. The first exchange replaces an existing file.
    """

    def __init__(
        self, inner: Transport, path: str | os.PathLike[str], *, keep: Iterable[str] = ()
    ) -> None:
        """Record the exchanges of a blocking transport.

        Args:
            inner: the transport that sends.
            path: the file, in an existing folder.
            keep: wire names of additional members whose values may be written, for example `("error_description",)`.

        Raises:
            ValueError: one of these members is a secret, or a URL that may contain one.
        """
        super().__init__(inner, path, keep=keep)

    def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send the request and record the outcome.

        Raises:
            TransportError: an error of the inner transport; it is recorded.
            OSError: the file cannot be written.
        """
        try:
            response = self._inner.send(request)
        except TransportError as error:
            self._record(request, error)
            raise
        self._record(request, response)
        return response

    def sleep(self, seconds: float, /) -> None:
        """Wait like the inner transport."""
        self._inner.sleep(seconds)


class AsyncRecordingTransport(_Recording[AsyncTransport]):
    """The asynchronous counterpart of `RecordingTransport`."""

    def __init__(
        self, inner: AsyncTransport, path: str | os.PathLike[str], *, keep: Iterable[str] = ()
    ) -> None:
        """Record the exchanges of an asynchronous transport; see `RecordingTransport`."""
        super().__init__(inner, path, keep=keep)

    async def asend(self, request: HttpRequest, /) -> HttpResponse:
        """Send the request and record the outcome.

        Raises:
            TransportError: an error of the inner transport; it is recorded.
            OSError: the file cannot be written.
        """
        try:
            response = await self._inner.asend(request)
        except TransportError as error:
            self._record(request, error)
            raise
        self._record(request, response)
        return response

    async def asleep(self, seconds: float, /) -> None:
        """Wait like the inner transport."""
        await self._inner.asleep(seconds)


class ReplayTransport(VirtualTimeTransport):
    """A transport that answers from a cassette, for `run` and `arun` alike.

    The requests must be the recorded ones, in the same order. Method, URL, members of the body and the portal's bearer
    token are compared after their values were replaced by placeholders, so secrets may differ as long as equal secrets
    are in the same places. Other header fields are not compared. Waits advance the clock, which starts at the time of
    the recording.

    Attributes:
        clock: the clock.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        config: ClientConfig | None = None,
        clock: VirtualClock | None = None,
        retry_policy: Retrying | None = None,
    ) -> None:
        """Read the cassette.

        Args:
            path: the file.
            config: the default is the recorded configuration, which has no credentials for signing.
            clock: the default is a clock that starts at the time of the recording.
            retry_policy: see `BaseTransport`.

        Raises:
            ConfigurationError: the file does not exist, or is not a cassette that this version can read.
        """
        cassette = read_cassette(Path(path))
        super().__init__(
            config or cassette.config.config(),
            clock or VirtualClock(cassette.began),
            retry_policy=retry_policy,
        )
        self._exchanges: Final = cassette.exchanges
        self._used = 0
        self._scrubber: Final = Scrubber(keep=cassette.keep, replaying=True)
        for url in (self.config.endpoint_url, self.config.portal_endpoint_url):
            if url is not None:
                _ = self._scrubber.url(url)

    def send(self, request: HttpRequest, /) -> HttpResponse:
        """Return the recorded response.

        Raises:
            ReplayMismatch: the request is not the recorded one, or no exchange is left.
            TransportError: the recorded outcome is this error.
        """
        self.check_open()
        with self._lock:
            outcome = self._outcome(request)
        if isinstance(outcome, Failure):
            raise outcome.exception()
        return outcome

    def assert_exhausted(self) -> None:
        """Check that every exchange was replayed.

        Raises:
            AssertionError: an exchange is left.
        """
        left = self._exchanges[self._used :]
        if left:
            request = left[0].request
            message = (
                f"{len(left)} of {len(self._exchanges)} recorded exchanges were not replayed: "
                f"{request.method} {request.url} is next"
            )
            raise AssertionError(message)

    def _outcome(self, request: HttpRequest) -> HttpResponse | Failure:
        asked = _scrubbed_request(self._scrubber, request)
        number = self._used + 1
        if number > len(self._exchanges):
            message = f"Request {number} ({asked.method} {asked.url}) was not recorded: the cassette ends before"
            raise ReplayMismatch(message)
        exchange = self._exchanges[self._used]
        if different := _differences(exchange.request, asked):
            message = f"Request {number} is not the recorded one: {'; '.join(different[:_DIFFERENCES_SHOWN])}"
            raise ReplayMismatch(message)
        self._used = number
        if isinstance(exchange.outcome, Failure):
            return exchange.outcome
        return self._response(exchange.outcome)

    def _response(self, recorded: RecordedResponse) -> HttpResponse:
        body = (recorded.opaque or "").encode()
        if recorded.members is not None:
            body = json.dumps(recorded.members, separators=(",", ":")).encode()
        response = HttpResponse(recorded.status, recorded.headers, body)
        # The recording counted the secrets of this response, so the replay must count their placeholders.
        _ = _scrubbed_response(self._scrubber, response)
        return response


def _scrubbed_request(scrubber: Scrubber, request: HttpRequest) -> RecordedRequest:
    scrubber.learn(request)
    members, opaque = scrubber.body(request.body)
    return RecordedRequest(
        method=request.method,
        url=scrubber.url(request.url),
        bearer=scrubber.bearer(request),
        members=members,
        opaque=opaque,
    )


def _scrubbed_response(scrubber: Scrubber, response: HttpResponse) -> RecordedResponse:
    members, opaque = scrubber.body(response.body)
    return RecordedResponse(
        status=response.status, headers=scrubber.headers(response), members=members, opaque=opaque
    )


def _differences(recorded: RecordedRequest, sent: RecordedRequest) -> list[str]:
    """Describe each difference between two scrubbed requests."""
    pairs: dict[str, tuple[JsonValue, JsonValue]] = {
        "method": (recorded.method, sent.method),
        "URL": (recorded.url, sent.url),
        "bearer token": (recorded.bearer, sent.bearer),
        "body": (recorded.opaque, sent.opaque),
    }
    before, after = recorded.members or {}, sent.members or {}
    for name in (*before, *(name for name in after if name not in before)):
        pairs[f"member {name}"] = (before.get(name), after.get(name))
    return [
        f"{what} recorded {_shown(then)}, sent {_shown(now)}"
        for what, (then, now) in pairs.items()
        if then != now
    ]


def _shown(value: JsonValue) -> str:
    return "nothing" if value is None else repr(value)
