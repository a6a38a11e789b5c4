"""`ssooidc demo`: its output, and how it ends."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from ssooidc_cli._commands import ssooidc
from ssooidc_core import HttpRequest, HttpResponse
from ssooidc_emulator import IdentityCenter
from ssooidc_transports.httpx import HttpxTransport
from ssooidc_transports.testing import VirtualClock
from ssooidc_transports.transport import BaseTransport

SHOWN: Final = re.compile(
    r"""An emulated IAM Identity Center listens on http://127\.0\.0\.1:\d+

1\. Register this client and start a device login
  POST /client/register         200  +[\d.]+ ms
  POST /device_authorization    200  +[\d.]+ ms

2\. Show the code to the person
  Code  [B-Z]{4}-[B-Z]{4}
  Page  http://127\.0\.0\.1:\d+/device\?user_code=[B-Z]{4}-[B-Z]{4}

3\. Poll for the token
  wait 1 s
  POST /token                   400  +[\d.]+ ms  AuthorizationPendingException
  wait 1 s
  POST /token                   400  +[\d.]+ ms  SlowDownException
  meanwhile the login is approved in a browser
  wait 6 s
  POST /token                   200  +[\d.]+ ms
  access token   \*{10} \(\d+ characters\), valid for 3600 s
  refresh token  \*{10} \(\d+ characters\)

4\. Refresh it
  POST /token                   200  +[\d.]+ ms
  access token   \*{10} \(\d+ characters\), valid for 3600 s
  refresh token  \*{10} \(\d+ characters\)

Signed in and refreshed\. Nothing was written to disk\.
"""
)


NEEDS: Final = "this command needs {!r}, which is not installed: pip install 'ssooidc-core[cli,emulator,httpx]'"


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[HttpResponse]:
    """Return every response of the emulator; the waits take no time."""
    seen: list[HttpResponse] = []
    send = HttpxTransport.send

    def remember(self: HttpxTransport, request: HttpRequest, /) -> HttpResponse:
        seen.append(send(self, request))
        return seen[-1]

    monkeypatch.setattr(HttpxTransport, "send", remember)
    clock = VirtualClock()
    monkeypatch.setattr(BaseTransport, "now", lambda _self: clock.now())
    monkeypatch.setattr(BaseTransport, "sleep", lambda _self, seconds: clock.advance(seconds))
    return seen


def test_it_shows_every_step_and_no_secret(answers: list[HttpResponse]) -> None:
    result = CliRunner().invoke(ssooidc, ["demo"])
    assert (result.exit_code, result.stderr) == (0, "")
    assert SHOWN.fullmatch(result.output)
    bodies = b"".join(answer.body for answer in answers).decode()
    secrets = re.findall(
        r'"(?:clientSecret|deviceCode|accessToken|refreshToken)":"([^"]+)"', bodies
    )
    assert len(secrets) == 6
    assert not [secret for secret in secrets if secret in result.output]


def test_with_wait_it_is_the_person_who_decides(
    answers: list[HttpResponse], monkeypatch: pytest.MonkeyPatch
) -> None:
    center = IdentityCenter()
    monkeypatch.setattr("ssooidc_cli._demo.IdentityCenter", lambda **_: center)

    sleep = BaseTransport.sleep

    def deny_after_the_third(self: BaseTransport, seconds: float, /) -> None:
        sleep(self, seconds)
        if len(answers) == 5:
            code = re.search(rb'"userCode":"([^"]+)"', answers[1].body)
            assert code
            center.deny(code[1].decode())

    monkeypatch.setattr(BaseTransport, "sleep", deny_after_the_third)
    result = CliRunner().invoke(ssooidc, ["demo", "--wait"])
    assert result.exit_code == 1
    assert "  Open the page, compare the code and approve it. Ctrl-C stops.\n" in result.output
    assert "the login is approved" not in result.output
    assert [answer.status for answer in answers] == [200, 200, 400, 400, 400, 400]
    assert result.stderr == (
        "ssooidc: AccessDeniedException: Authorization request was denied (status 400, request id "
        f"{answers[-1].headers['x-amzn-requestid']})\n"
        "  The sign-in was refused. Start again, or ask an administrator for access.\n"
    )


def test_ctrl_c_ends_it_cleanly(tmp_path: Path) -> None:
    command = [sys.executable, "-Im", "ssooidc_cli", "demo", "--wait"]
    with subprocess.Popen(  # noqa: S603 - our own command
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"},
    ) as demo:
        try:
            assert demo.stdout
            assert any("wait 1 s" in line for line in demo.stdout)
            demo.send_signal(signal.SIGINT)
            _, errors = demo.communicate(timeout=30)
        finally:
            demo.kill()
    assert (demo.returncode, errors) == (130, "\nStopped.\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        (
            "click",
            f"ssooidc: {NEEDS.format('click')}\n",
        ),
        (
            "uvicorn",
            f"Error: {NEEDS.format('uvicorn')}\n",
        ),
    ],
)
def test_without_the_extra_it_says_what_to_install(missing: str, told: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None; sys.argv = ['ssooidc', 'demo']; "
        "from ssooidc_cli import main; main()"
    )
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-Ic", code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    # click's usage lines come first, and differ between its versions.
    assert done.stderr.endswith(told)
