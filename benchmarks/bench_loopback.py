"""One CreateToken over loopback: `run` through `HttpxTransport`, a bare `httpx.Client.post`, and boto3.

The server is minimal and runs in a separate process, so that its work is not part of any measurement.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import boto3
import httpx

from ssooidc_core import ClientConfig, DeviceCodeGrant, SecretStr, create_token, run
from ssooidc_transports.httpx import HttpxTransport

sys.path.insert(0, str(Path(__file__).parent))
from bench_create_token import ANSWER, CODE, HEADERS, SECRET
from side_by_side import measure, report

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"


def serve(listener: socket.socket) -> None:
    """Serve one connection after another until the parent process ends."""
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS)
    answer = f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + ANSWER

    def talk(connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as reader:
            while line := reader.readline():
                length = 0
                while (line := reader.readline()) not in {b"\r\n", b""}:
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                reader.read(length)
                connection.sendall(answer)

    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=talk, args=(connection,), daemon=True).start()


def compare(url: str) -> None:
    config = ClientConfig(region="us-east-1", endpoint_url=url)
    body = {
        "clientId": "client",
        "clientSecret": SECRET,
        "grantType": DEVICE_CODE,
        "deviceCode": CODE,
    }
    client = boto3.client("sso-oidc", region_name="us-east-1", endpoint_url=url)
    with HttpxTransport(config) as transport, httpx.Client(trust_env=False) as bare:

        def ours() -> object:
            grant = DeviceCodeGrant(
                client_id="client", client_secret=SecretStr(SECRET), device_code=SecretStr(CODE)
            )
            return run(create_token(grant), transport).access_token.get_secret_value()

        def by_hand() -> object:
            return json.loads(bare.post(f"{url}/token", json=body).content)["accessToken"]

        def theirs() -> object:
            return client.create_token(**body)["accessToken"]

        assert ours() == by_hand() == theirs()
        medians = measure(
            {
                "bare httpx.Client.post + json.loads": by_hand,
                "ssooidc_core: run(...) through HttpxTransport": ours,
                "boto3: client.create_token": theirs,
            },
            rounds=25,
            calls=80,
        )
    report("One CreateToken over loopback (median of 25 rounds)", medians, unit="a call")


def main() -> None:
    os.environ |= {"AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": "127.0.0.1"}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        child = subprocess.Popen(
            [sys.executable, __file__, "serve", str(listener.fileno())],
            pass_fds=[listener.fileno()],
        )
        try:
            compare(url)
        finally:
            child.kill()
            child.wait()


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(socket.socket(fileno=int(sys.argv[2])))
    else:
        main()
