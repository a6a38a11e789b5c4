"""Transports that record and replay; `ssooidc_transports.cassettes` describes them."""

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
from ssooidc_core._program import Instant
from ssooidc_core.errors import TransportError
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
from ssooidc_transports.testing import VirtualClock
from ssooidc_transports.transport import AsyncBaseTransport, BaseTransport

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
    """A request came that is not the recorded one: the test, or what it tests, is not what it was.

    No `Exception`, so that no flow that handles errors can take it for one of them, and no retry policy sees it. Its
    text is scrubbed as the cassette is.
    """


class _Recording:
    """What the blocking and the asynchronous one have in common."""

    def __init__(
        self,
        inner: Transport | AsyncTransport,
        path: str | os.PathLike[str],
        *,
        keep: Iterable[str] = (),
    ) -> None:
        self._around: Final = inner
        self._path: Final = Path(path)
        self._lock: Final = threading.Lock()
        kept = tuple(keep)
        self._scrubber: Final = Scrubber(keep=kept)
        config = inner.config
        self._cassette = Cassette(
            began=inner.now().wall,
            config=RecordedConfig(
                region=config.region,
                endpoint_url=self._url(config.endpoint_url),
                portal_endpoint_url=self._url(config.portal_endpoint_url),
                use_fips=config.use_fips,
                use_dualstack=config.use_dualstack,
                allow_insecure_http=config.allow_insecure_http,
                max_attempts=config.max_attempts,
            ),
            keep=kept,
        )

    @property
    def config(self) -> ClientConfig:
        """The inner transport's."""
        return self._around.config

    @property
    def retry_policy(self) -> Retrying:
        """The inner transport's."""
        return self._around.retry_policy

    def now(self) -> Instant:
        """Tell the inner transport's time."""
        return self._around.now()

    def _url(self, url: str | None) -> str | None:
        return None if url is None else self._scrubber.url(url)

    def _record(self, request: HttpRequest, outcome: HttpResponse | TransportError) -> None:
        with self._lock:
            asked = _request(self._scrubber, request)
            if isinstance(outcome, HttpResponse):
                members, opaque = self._scrubber.body(outcome.body)
                came: RecordedResponse | Failure = RecordedResponse(
                    status=outcome.status,
                    headers=self._scrubber.headers(outcome),
                    members=members,
                    opaque=opaque,
                )
            else:
                came = Failure.of(outcome)
            exchanges = (*self._cassette.exchanges, Exchange(request=asked, outcome=came))
            self._cassette = self._cassette.model_copy(update={"exchanges": exchanges})
            write_cassette(self._path, self._cassette)


class RecordingTransport(_Recording):
    """Sends through another transport and records each exchange. Closing the other one is its owner's business.

    The file is written anew after each exchange, with mode 0600; an older one is replaced by the first.
    """

    def __init__(
        self, inner: Transport, path: str | os.PathLike[str], *, keep: Iterable[str] = ()
    ) -> None:
        """Record what a blocking transport carries.

        Args:
            inner: what sends.
            path: the file, in a folder that exists.
            keep: further members whose values may be written, `("error_description",)` for example, by their names
                on the wire.

        Raises:
            ValueError: one of those members is a secret, or a URL that may hold one.
        """
        super().__init__(inner, path, keep=keep)
        self._inner: Final = inner

    def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send, and record what came of it.

        Raises:
            TransportError: as the inner transport; it is recorded.
            OSError: the file cannot be written.
        """
        try:
            answer = self._inner.send(request)
        except TransportError as error:
            self._record(request, error)
            raise
        self._record(request, answer)
        return answer

    def sleep(self, seconds: float, /) -> None:
        """Wait as the inner transport does."""
        self._inner.sleep(seconds)


class AsyncRecordingTransport(_Recording):
    """Sends through another transport in an event loop and records each exchange; see `RecordingTransport`."""

    def __init__(
        self, inner: AsyncTransport, path: str | os.PathLike[str], *, keep: Iterable[str] = ()
    ) -> None:
        """Record what an asynchronous transport carries; see `RecordingTransport`."""
        super().__init__(inner, path, keep=keep)
        self._inner: Final = inner

    async def asend(self, request: HttpRequest, /) -> HttpResponse:
        """Send, and record what came of it.

        Raises:
            TransportError: as the inner transport; it is recorded.
            OSError: the file cannot be written.
        """
        try:
            answer = await self._inner.asend(request)
        except TransportError as error:
            self._record(request, error)
            raise
        self._record(request, answer)
        return answer

    async def asleep(self, seconds: float, /) -> None:
        """Wait as the inner transport does."""
        await self._inner.asleep(seconds)


class ReplayTransport(BaseTransport, AsyncBaseTransport):
    """Answers from a cassette, for `run` and `arun` alike: the same requests in the same order, and nothing else.

    Method, URL, members of the body and the portal's bearer token must be the recorded ones after scrubbing; so
    secrets may differ, as long as the same ones come in the same places. Other header fields are not compared. Waits
    move the clock, which begins at the time of the recording.

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
            config: by default the recorded one, which holds no credentials to sign with.
            clock: by default one that shows the time of the recording.
            retry_policy: see `BaseTransport`.

        Raises:
            ConfigurationError: there is no such file, or it is no cassette of a version that this library reads.
        """
        cassette = read_cassette(Path(path))
        super().__init__(config or cassette.config.config(), retry_policy=retry_policy)
        self.clock: VirtualClock = clock or VirtualClock(cassette.began)
        self._exchanges: Final = cassette.exchanges
        self._used = 0
        self._scrubber: Final = Scrubber(keep=cassette.keep, replaying=True)
        for url in (self.config.endpoint_url, self.config.portal_endpoint_url):
            if url is not None:
                _ = self._scrubber.url(url)

    def send(self, request: HttpRequest, /) -> HttpResponse:
        """Give the recorded answer.

        Raises:
            ReplayMismatch: the request is not the recorded one, or none is left.
            TransportError: that is what was recorded.
        """
        self.check_open()
        with self._lock:
            outcome = self._outcome(request)
        if isinstance(outcome, Failure):
            raise outcome.exception()
        return outcome

    async def asend(self, request: HttpRequest, /) -> HttpResponse:
        """Let other tasks run, and a cancellation come in; then do as `send`."""
        await super().asleep(0)
        return self.send(request)

    def sleep(self, seconds: float, /) -> None:
        """Move the clock."""
        self.clock.advance(seconds)

    async def asleep(self, seconds: float, /) -> None:
        """Let other tasks run, and a cancellation come in; then do as `sleep`."""
        await super().asleep(0)
        self.sleep(seconds)

    def now(self) -> Instant:
        """Tell the clock's time."""
        return self.clock.now()

    def assert_exhausted(self) -> None:
        """Check that every exchange was replayed.

        Raises:
            AssertionError: one was not.
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
        asked = _request(self._scrubber, request)
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
        # The placeholders in it are taken, as their secrets were when this was recorded.
        _ = self._scrubber.body(body), self._scrubber.headers(response)
        return response


def _request(scrubber: Scrubber, request: HttpRequest) -> RecordedRequest:
    scrubber.learn(request)
    members, opaque = scrubber.body(request.body)
    return RecordedRequest(
        method=request.method,
        url=scrubber.url(request.url),
        bearer=scrubber.bearer(request),
        members=members,
        opaque=opaque,
    )


def _differences(recorded: RecordedRequest, sent: RecordedRequest) -> list[str]:
    """Say what is different, of scrubbed requests."""
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
