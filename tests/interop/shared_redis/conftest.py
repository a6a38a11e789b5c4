"""A separate Redis for each test, on 127.0.0.1, that writes nothing to disk."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from redis import Redis

HERE: Final = Path(__file__).resolve().parent
CLIENTS: Final = HERE.parents[2] / ".nox" / "clients"
SECONDS: Final = 60
TRIES: Final = 5


def start(program: str, folder: Path) -> tuple[subprocess.Popen[str], int] | None:
    """Start Redis on a port that was free a moment ago; return `None` if the port is in use by now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    options = {"port": port, "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": folder}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    process = subprocess.Popen([program, *words], stdout=subprocess.PIPE, text=True, cwd=folder)
    assert process.stdout is not None
    for line in process.stdout:
        if "Ready to accept connections" in line:
            return process, port
    process.wait(SECONDS)
    process.stdout.close()
    return None


@pytest.fixture
def redis_port(tmp_path: Path) -> Generator[int]:
    """Return the port of an empty Redis."""
    installed = CLIENTS / "redis-server"
    program = shutil.which("redis-server") or (str(installed) if installed.exists() else None)
    if program is None:
        pytest.skip("Redis is not installed: `python3 noxfile.py -s interop` installs it")
    folder = tmp_path / "redis"
    folder.mkdir()
    started = next(filter(None, (start(program, folder) for _ in range(TRIES))), None)
    assert started is not None, f"{program} does not start"
    process, port = started
    try:
        yield port
    finally:
        process.kill()
        process.communicate(timeout=SECONDS)


@pytest.fixture
def raw_redis(redis_port: int) -> Generator[Redis]:
    """Return a client for looking at the stored keys."""
    with Redis(port=redis_port, decode_responses=True) as client:
        yield client


@pytest.fixture
def encryption_key() -> SecretStr:
    return SecretStr(Fernet.generate_key().decode())


class Host:
    """A process that acts as a separate host: `host.py`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def tell(self, **what: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{json.dumps(what)}\n")
        self.process.stdin.flush()

    def hear(self) -> Any:  # noqa: ANN401 - it is JSON
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the host ended"
        return json.loads(line)


@pytest.fixture
def start_host(
    redis_port: int, encryption_key: SecretStr, tmp_path: Path
) -> Generator[Callable[..., Host]]:
    """Return a function that starts a host; all hosts are killed at the end of the test."""
    with ExitStack() as stack:

        def begin(home: str, **settings: object) -> Host:
            folder = tmp_path / home
            folder.mkdir(exist_ok=True)
            process = subprocess.Popen(
                [sys.executable, "-I", "-W", "error", str(HERE / "host.py")],
                env={"HOME": str(folder)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=folder,
            )
            stack.callback(process.communicate, timeout=SECONDS)
            stack.callback(process.kill)
            host = Host(process)
            key = encryption_key.get_secret_value()
            host.tell(port=redis_port, key=key, **settings)
            assert host.hear() == "ready"
            return host

        yield begin
