from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
import trio
from tenacity import Retrying

from ssooidc_core import ClientConfig, ConfigurationError, HttpRequest, HttpResponse
from ssooidc_core.policies import max_attempts_of, standard_retry
from ssooidc_transports.httpx import HttpxTransport
from ssooidc_transports.transport import AsyncBaseTransport, BaseTransport

CONFIG = ClientConfig(region="us-east-1", max_attempts=5)
REQUEST = HttpRequest("GET", "https://example.com/")


class Blocking(BaseTransport):
    def send(self, request: HttpRequest, /) -> HttpResponse:
        self.check_open()
        return HttpResponse(204)


class Asynchronous(AsyncBaseTransport):
    async def asend(self, request: HttpRequest, /) -> HttpResponse:
        self.check_open()
        return HttpResponse(204)


def test_config_is_what_was_given() -> None:
    assert Blocking(CONFIG).config is CONFIG


def test_the_policy_is_one_for_life_with_the_configs_attempts() -> None:
    transport = Blocking(CONFIG)
    found: list[Retrying] = []
    threads = [
        threading.Thread(target=lambda: found.append(transport.retry_policy)) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 20
    assert {id(policy) for policy in found} == {id(transport.retry_policy)}
    assert max_attempts_of(transport.retry_policy) == 5


def test_each_transport_has_a_policy_of_its_own() -> None:
    assert Blocking(CONFIG).retry_policy is not Blocking(CONFIG).retry_policy


def test_a_given_policy_is_used() -> None:
    policy = standard_retry()
    assert Blocking(CONFIG, retry_policy=policy).retry_policy is policy
    assert Asynchronous(CONFIG, retry_policy=policy).retry_policy is policy


def test_now_is_aware_utc_and_steady() -> None:
    before, monotonic = datetime.now(UTC), time.monotonic()
    instant = Blocking(CONFIG).now()
    assert before <= instant.wall <= datetime.now(UTC)
    assert instant.wall.utcoffset() == timedelta(0)
    assert monotonic <= instant.monotonic <= time.monotonic()


def test_sleep_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    Blocking(CONFIG).sleep(2.5)
    assert slept == [2.5]


def test_asleep_sleeps_in_asyncio(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    asyncio.run(Asynchronous(CONFIG).asleep(2.5))
    assert slept == [2.5]


def test_asleep_sleeps_in_trio(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(trio, "sleep", sleep)
    trio.run(Asynchronous(CONFIG).asleep, 2.5)
    assert slept == [2.5]


def test_with_closes() -> None:
    with Blocking(CONFIG) as transport:
        states = [transport.closed]
        assert transport.send(REQUEST) == HttpResponse(204)
    states.append(transport.closed)
    transport.close()
    assert states == [False, True]
    with pytest.raises(ConfigurationError, match=r"^This Blocking was closed: make a new one$"):
        transport.send(REQUEST)


def test_async_with_closes() -> None:
    async def use() -> None:
        async with Asynchronous(CONFIG) as transport:
            assert await transport.asend(REQUEST) == HttpResponse(204)
        await transport.aclose()
        with pytest.raises(ConfigurationError, match=r"^This Asynchronous was closed: make a new"):
            await transport.asend(REQUEST)

    asyncio.run(use())


def test_send_is_what_a_transport_must_have() -> None:
    with pytest.raises(TypeError, match="abstract method"):
        BaseTransport(CONFIG)  # type: ignore[abstract]
    with pytest.raises(TypeError, match="abstract method"):
        AsyncBaseTransport(CONFIG)  # type: ignore[abstract]


LATE = ("aiohttp", "anyio", "asyncio", "httpcore", "httpx", "httpx2", "ssl", "tenacity", "trio")


def loaded_after(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint(*(name for name in {LATE} if name in sys.modules))"
    done = subprocess.run(  # noqa: S603 - a fresh interpreter is the point
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60
    )
    return set(done.stdout.split())


def test_importing_loads_no_library() -> None:
    everything = (
        "import ssooidc_transports.httpx, ssooidc_transports.testing, ssooidc_transports.transport"
    )
    assert loaded_after(everything) == set()


def test_a_call_that_succeeds_loads_no_tenacity() -> None:
    assert (
        loaded_after(
            "from ssooidc_core import RegisterClientRequest, register_client, run\n"
            "from ssooidc_transports.testing import ScriptedTransport, reply\n"
            "members = dict(clientId='i', clientSecret='s', clientIdIssuedAt=1, clientSecretExpiresAt=2)\n"
            "request = RegisterClientRequest(client_name='tool', client_type='public')\n"
            "run(register_client(request), ScriptedTransport([reply(200, members)]))"
        )
        == set()
    )


def test_an_http_call_loads_no_tls_of_ours_and_no_tenacity() -> None:
    loaded = loaded_after(
        "import httpx\n"
        "from ssooidc_core import ClientConfig, HttpRequest, HttpResponse\n"
        "from ssooidc_transports.httpx import HttpxTransport\n"
        "client = httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(200)))\n"
        "transport = HttpxTransport(ClientConfig(region='us-east-1'), client=client)\n"
        "assert transport.send(HttpRequest('GET', 'https://example.com/')).status == 200\n"
        "assert 'ssooidc_transports._tls' not in sys.modules\n"
        "assert 'ssooidc_transports._async_scopes' not in sys.modules"
    )
    assert "tenacity" not in loaded
    assert "trio" not in loaded or "httpcore" in loaded


def test_a_transport_is_made_of_a_config() -> None:
    wrong: list[tuple[object, str]] = [
        ("us-east-1", "str"),
        (ClientConfig, "ClientConfig"),
        (None, "NoneType"),
    ]
    for config, shown in wrong:
        with pytest.raises(ConfigurationError) as caught:
            _ = HttpxTransport(config)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        assert str(caught.value) == (
            f"HttpxTransport needs a ClientConfig, not {shown}: "
            'HttpxTransport(ClientConfig(region="us-east-1")), for example'
        )
