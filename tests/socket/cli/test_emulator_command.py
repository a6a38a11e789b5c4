"""`ssooidc emulator`: its output for people and for programs, and how it ends."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from ssooidc_cli._commands import ssooidc
from ssooidc_cli._emulator import serving as emulator

COMMAND: Final = [sys.executable, "-Im", "ssooidc_cli", "emulator"]
SHOW: Final = "import json, os; print(json.dumps(dict(os.environ)))"
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a person with real logins."""
    (tmp_path / "tmp").mkdir()
    own = tmp_path / "home" / ".aws"
    own.mkdir(parents=True)
    (own / "config").write_text("[default]\nregion = eu-west-1\n", encoding="utf-8")
    return {
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "tmp"),
        "PATH": os.environ["PATH"],
        "PYTHONUNBUFFERED": "1",
        "AWS_ACCESS_KEY_ID": "AKIA-CANARY",
        "AWS_DEFAULT_PROFILE": "CANARY",
    }


@pytest.fixture
def start(environ: dict[str, str]) -> Generator[Start]:
    """Start the command with arguments; stop it after the test in any case."""
    started: list[subprocess.Popen[str]] = []

    def call(*arguments: str, command: list[str] | None = None) -> subprocess.Popen[str]:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [*(command or COMMAND), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environ,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield call
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def no_home_stays(environ: dict[str, str], tmp_path: Path) -> Generator[None]:
    """Check after the test that the command left nothing behind, and that the person's home is unchanged."""
    yield
    assert list(Path(environ["TMPDIR"]).iterdir()) == []
    files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert [path.read_text(encoding="utf-8") for path in files] == [
        "[default]\nregion = eu-west-1\n"
    ]


pytestmark = pytest.mark.usefixtures("no_home_stays")


def post(url: str, path: str, body: str, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", path, body, named)
    answer = connection.getresponse()
    told = answer.status, answer.read().decode()
    connection.close()
    return told


# --exec


def test_a_command_gets_the_environment(start: Start) -> None:
    process = start("--exec", sys.executable, "-Ic", SHOW)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    found = json.loads(output)
    url = found["SSOOIDC_EMULATOR_URL"]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
    assert {name: value for name, value in found.items() if name.startswith("AWS_")} == {
        "AWS_CONFIG_FILE": f"{found['HOME']}/.aws/config",
        "AWS_SHARED_CREDENTIALS_FILE": f"{found['HOME']}/.aws/credentials",
        "AWS_PROFILE": "emulator",
        "AWS_ENDPOINT_URL_SSO_OIDC": url,
        "AWS_ENDPOINT_URL_SSO": url,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    assert len(found["SSOOIDC_EMULATOR_ADMIN_TOKEN"]) == 43
    assert "CANARY" not in output


def test_a_command_can_use_the_admin_endpoint(start: Start) -> None:
    code = (
        "import os, urllib.request as r; e = os.environ; "
        "a = r.urlopen(r.Request(e['SSOOIDC_EMULATOR_URL'] + '/_ssooidc/logins/list', b'{}', "
        "{'Authorization': 'Bearer ' + e['SSOOIDC_EMULATOR_ADMIN_TOKEN'], "
        "'Content-Type': 'application/json'})); print(a.read().decode())"
    )
    output, errors = start("--exec", sys.executable, "-Ic", code).communicate(timeout=60)
    assert (output, errors) == ('{"logins":[]}\n', "")


@pytest.mark.parametrize(
    ("command", "status", "told"),
    [
        (["sh", "-c", "exit 7"], 7, ""),
        (["sh", "-c", "kill -KILL $$"], 128 + signal.SIGKILL, ""),
        (["no-such-command"], 127, "ssooidc: no-such-command: No such file or directory\n"),
        (["/"], 126, "ssooidc: /: Permission denied\n"),
        (["sh", "-c", 'echo "$0" "$@" >&2', "--tls", "-h"], 0, "--tls -h\n"),
    ],
)
def test_the_exit_status_is_the_commands(
    command: list[str], status: int, told: str, start: Start
) -> None:
    process = start("--exec", *command)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (status, "", told)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_for_the_command_to_decide_on(number: signal.Signals, start: Start) -> None:
    script = (
        f"trap 'echo trapped; exit 3' {number.name[3:]}; echo ready; while :; do sleep 0.05; done"
    )
    process = start("--exec", "sh", "-c", script)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (3, "trapped\n", "")


def test_what_is_ignored_is_ignored_by_the_command_too(start: Start) -> None:
    # As under `nohup`.
    nohup = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *COMMAND, "--exec", "sh", "-c"]
    process = start('kill -HUP $$; echo "still here"', command=nohup)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (0, "still here\n", "")


def test_without_an_input_a_signal_gets_to_the_command(start: Start) -> None:
    closed = ["sh", "-c", 'exec "$@" <&-', "sh", *COMMAND, "--exec", "sh", "-c"]
    process = start("trap 'exit 3' INT; echo ready; while :; do sleep 0.05; done", command=closed)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 3


def test_a_command_that_a_signal_ends(start: Start) -> None:
    process = start("--exec", "sh", "-c", "echo $$; exec sleep 600")
    assert process.stdout
    child = int(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


# Output for people


def test_it_says_how_to_use_it_and_shows_each_request(start: Start) -> None:
    process = start()
    assert process.stdout
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if line.startswith("Requests"):
            break
    text = "\n".join(lines)
    url = lines[0].removeprefix("An emulated IAM Identity Center serves ")
    assert f"  dashboard  {url}/\n" in text
    assert "  start URL  https://d-1234567890.awsapps.com/start\n  region     us-east-1\n" in text
    assert f"  admin      {url}/_ssooidc/\n             its token is shown on a terminal" in text
    assert f"\nexport AWS_ENDPOINT_URL_SSO_OIDC={url}\n" in text
    assert "\nunset AWS_ACCESS_KEY_ID " in text
    assert "Set all of these variables or none." in text
    assert "SSOOIDC_EMULATOR_ADMIN_TOKEN" not in text
    assert "CANARY" not in text
    post(url, "/token?CANARY=CANARY", '{"deviceCode":"CANARY"}', x_amz_sso_bearer_token="CANARY")
    post(url, "/CANARY", "")
    post(url, "/logout", "", x_amz_sso_bearer_token="CANARY")
    seen = [process.stdout.readline() for _ in range(3)]
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (130, "", "\nStopped.\n")
    assert [line[8:] for line in seen] == [
        " POST /token                 400 InvalidRequestException\n",
        " POST /*                     404 UnknownOperationException\n",
        " POST /logout                401 UnauthorizedException\n",
    ]


def test_a_request_right_after_the_introduction_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    server = emulator.make_server(None, port=0, tls=False)
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        if len(said) == 1:
            post(server.url, "/logout", "")
            raise KeyboardInterrupt

    monkeypatch.setattr(emulator, "_print", say)
    monkeypatch.setattr(emulator, "_stop_by_signals", lambda: None)
    with pytest.raises(KeyboardInterrupt):
        emulator.show_and_serve(server)
    assert [text[8:] for text in said[1:]] == [
        " POST /logout                401 UnauthorizedException"
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_end_it_in_good_order(number: signal.Signals, start: Start) -> None:
    process = start()
    assert process.stdout
    assert any(line.startswith("Requests") for line in process.stdout)
    process.send_signal(number)
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 128 + number


def test_the_admin_token_is_shown_on_a_terminal(environ: dict[str, str]) -> None:
    master, terminal = pty.openpty()
    with subprocess.Popen(  # noqa: S603 - our own command
        COMMAND, stdin=terminal, stdout=terminal, stderr=terminal, env=environ
    ) as process:
        os.close(terminal)
        text = ""
        try:
            while ", until Ctrl-C" not in text:
                assert select.select([master], [], [], 60)[0]
                text += os.read(master, 65536).decode()
            token = re.findall(r"\n +token ([\w-]{43})\r\n", text)[0]
            url = re.findall(r"serves (\S+)", text)[0]
            bearer = {"Authorization": f"Bearer {token}", "Content_Type": "application/json"}
            assert post(url, "/_ssooidc/logins/list", "{}", **bearer) == (200, '{"logins":[]}')
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
        finally:
            process.kill()
            os.close(master)


# --export


def test_a_shell_evaluates_it(start: Start) -> None:
    own = " ".join(COMMAND)
    script = (
        f'eval "$({own} --export --tls 2>/dev/null &)"; '
        f"{sys.executable} -Ic '{SHOW}'; kill $SSOOIDC_EMULATOR_PID; "
        "while kill -0 $SSOOIDC_EMULATOR_PID 2>/dev/null; do sleep 0.05; done"
    )
    process = start(command=["sh", "-c", script])
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    found = json.loads(output)
    assert found["AWS_ENDPOINT_URL_SSO"].startswith("https://127.0.0.1:")
    assert found["AWS_CA_BUNDLE"] == f"{found['HOME']}/.aws/emulator-ca.pem"
    assert len(found["SSOOIDC_EMULATOR_ADMIN_TOKEN"]) == 43
    assert "CANARY" not in output


def test_every_line_is_for_the_shell(start: Start, environ: dict[str, str]) -> None:
    process = start("--export")
    assert process.stdout
    # It closes its output, and continues to serve.
    lines = process.stdout.read().splitlines()
    assert lines[0].startswith("unset AWS_ACCESS_KEY_ID ")
    assert all(re.fullmatch(r"export \w+=[\w:/.,-]+", line) for line in lines[1:])
    values = dict(line.removeprefix("export ").split("=", 1) for line in lines[1:])
    assert int(values["SSOOIDC_EMULATOR_PID"]) == process.pid
    assert values["HOME"].startswith(environ["TMPDIR"])
    assert post(values["SSOOIDC_EMULATOR_URL"], "/token", "{}")[0] == 400
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 128 + signal.SIGTERM


# Scene files, valid and invalid


def test_a_scene(start: Start, tmp_path: Path) -> None:
    scene = tmp_path / "scene.toml"
    scene.write_text(
        '[instance]\nregion = "eu-central-1"\nstart_url = "https://example.com/start"\n'
        '[[users]]\nname = "jane"\n[[accounts]]\naccount_id = "111122223333"\n'
        '[[assignments]]\nuser = "jane"\naccount_id = "111122223333"\nrole_name = "Auditor"\n',
        encoding="utf-8",
    )
    process = start("--scene", str(scene), "--exec", "sh", "-c", 'cat "$AWS_CONFIG_FILE"')
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "sso_region = eu-central-1\n" in output
    assert "sso_account_id = 111122223333\nsso_role_name = Auditor\n" in output
    assert errors == (
        "ssooidc: the start URL is not on a host of AWS, such as https://d-1234567890.awsapps.com/start: "
        "the AWS CLI will send a request to its host on the internet\n"
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"x = ", "The scene is not TOML: "),
        (b"\xff", "this is not UTF-8\n"),
        (b"[[users]]\nnam = 'x'\n", "users"),
        (b"[instance]\nregion = 'a.b'\n", "[instance]: "),
    ],
)
def test_a_scene_that_is_not_right(content: bytes, told: str, tmp_path: Path) -> None:
    scene = tmp_path / "scene.toml"
    scene.write_bytes(content)
    result = CliRunner().invoke(ssooidc, ["emulator", "--scene", str(scene)])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {scene}: ")
    assert told in result.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["x"],
            "--exec must be followed by the command to run; without --exec, no command is allowed",
        ),
        (
            ["--exec"],
            "--exec must be followed by the command to run; without --exec, no command is allowed",
        ),
        (["--exec", "--export", "x"], "--exec and --export cannot be used together"),
        (["--port", "65536"], "65536 is not in the range"),
        (["--scene", "/no/such/file"], "'/no/such/file' does not exist"),
    ],
)
def test_a_wrong_use(arguments: list[str], told: str) -> None:
    result = CliRunner().invoke(ssooidc, ["emulator", *arguments])
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr


def test_a_port_that_is_taken(start: Start) -> None:
    first = start("--export")
    assert first.stdout
    url = re.findall(r"SSOOIDC_EMULATOR_URL=(\S+)", first.stdout.read())[0]
    port = str(urlsplit(url).port)
    result = CliRunner().invoke(ssooidc, ["emulator", "--port", port])
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: port {port}: Address already in use; without --port, a free port is used\n",
    )
    first.send_signal(signal.SIGTERM)
    first.wait(60)


@pytest.mark.parametrize("missing", ["uvicorn", "jinja2", "trustme"])
def test_without_the_extra_it_says_what_to_install(missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None; sys.argv = ['ssooidc', 'emulator', "
        "'--tls', '--exec', 'true']; from ssooidc_cli import main; main()"
    )
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-Ic", code], capture_output=True, text=True, check=False
    )
    if missing == "jinja2":
        # Only its pages need the extra, and `true` opens none.
        assert (done.returncode, done.stderr) == (0, "")
    else:
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.endswith(
            f"Error: this command needs '{missing}', which is not installed: "
            "pip install 'ssooidc-core[cli,emulator,httpx]'\n"
        )
