"""A transport that was used before a fork: parent and child use separate connections, and get their own responses."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

# In a separate process: forking a process with threads, such as pytest's, is unsafe.
SCRIPT = """
import os, sys
from ssooidc_core import ClientConfig, HttpRequest
from ssooidc_transports.httpx import HttpxTransport

def ask(transport):
    return transport.send(HttpRequest("GET", url, (), b"")).body.decode()

url = sys.argv[1]
with HttpxTransport(ClientConfig(region="us-east-1")) as transport:
    before = ask(transport)
    child = os.fork()
    told = ask(transport), ask(transport)
    if child == 0:
        transport.close()
        os._exit(0 if told[0] == told[1] != before else 1)
    _, status = os.waitpid(child, 0)
    print(status, told == (before, before), ask(transport) == before)
"""


class Connections(BaseHTTPRequestHandler):
    """Returns the client's port, which identifies the connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = str(self.client_address[1]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        _ = self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Log nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Connections)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
def test_parent_and_child_share_no_connection(url: str) -> None:
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-I", "-c", SCRIPT, url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("0 True True\n", "")
