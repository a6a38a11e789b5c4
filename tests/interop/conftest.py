"""Real clients, an emulator that they reach over a socket, and a home of their own for each test."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
import httpx
import pytest
from botocore.config import Config

from ssooidc_emulator import EmulatorServer, IdentityCenter, LoggedRequest
from ssooidc_emulator._serving.client_environment import ClientEnvironment, scratch_home

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

HERE = Path(__file__).parent
CLIENTS = HERE.parents[1] / ".nox" / "clients"
HOW = "`python3 noxfile.py -s interop` installs it"
SECONDS = 60
MEASURED = "measured"
CHROMIUM_ARGUMENTS = (
    "--headless",
    "--no-sandbox",  # which it needs where root runs it
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1000,900",
)


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Give a function that has the terminal summary print a figure."""
    # A property travels with the report, from a worker of xdist to who sums up.
    return lambda figure: record_property(MEASURED, figure)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was measured."""
    reports = [report for group in terminalreporter.stats.values() for report in group]
    properties = {
        (report.nodeid, name, str(value))
        for report in reports
        for name, value in getattr(report, "user_properties", ())
    }
    figures = sorted(figure for _, name, figure in properties if name == MEASURED)
    if figures:
        terminalreporter.section("measured")
    for figure in figures:
        terminalreporter.line(figure)


@pytest.fixture
def settings() -> dict[str, Any]:
    """Give what the instance is made with; tests parametrise it."""
    return {}


@pytest.fixture
def center(settings: dict[str, Any]) -> IdentityCenter:
    # The older address, in which these tests read the code that a client shows.
    return IdentityCenter(**{"device_page": "user_code"} | settings)


@pytest.fixture
def tls() -> bool:
    """Say whether the server speaks HTTPS; tests parametrise it."""
    return False


@pytest.fixture
def server(center: IdentityCenter, tls: bool) -> Generator[EmulatorServer]:  # noqa: FBT001 - fixture
    with EmulatorServer(center, tls=tls) as server:
        yield server


@pytest.fixture
def made_home(server: EmulatorServer) -> Generator[ClientEnvironment]:
    with scratch_home(server) as environment:
        yield environment


@pytest.fixture
def home(made_home: ClientEnvironment) -> Path:
    """Give the home directory of the clients, with a configuration in it."""
    return Path(made_home.variables["HOME"])


@pytest.fixture
def environment(made_home: ClientEnvironment) -> dict[str, str]:
    """Give all the environment that clients get; tests may change it."""
    # A browser that does nothing: none of this machine may open.
    return {**made_home.variables, "PATH": os.environ["PATH"], "BROWSER": "true %s"}


@pytest.fixture
def services_section(
    environment: dict[str, str], home: Path, server: EmulatorServer
) -> Callable[[str], None]:
    """Give a function that lets a profile name the endpoints, in place of environment variables."""

    def write(profile: str) -> None:
        del environment["AWS_ENDPOINT_URL_SSO_OIDC"], environment["AWS_ENDPOINT_URL_SSO"]
        config = home / ".aws" / "config"
        header = f"[profile {profile}]\n"
        text = config.read_text().replace(header, f"{header}services = local\n")
        lines = (f"{name} =\n  endpoint_url = {server.url}\n" for name in ("sso", "sso_oidc"))
        config.write_text(f"{text}\n[services local]\n{''.join(lines)}")

    return write


@pytest.fixture
def asked(center: IdentityCenter) -> Callable[[], list[str]]:
    """Give a function that tells what the emulator was asked since it was called last, and what it answered."""
    told = 0

    def since_last() -> list[str]:
        nonlocal told
        entries = center.log.entries()
        new, told = entries[told:], len(entries)
        return [f"{entry.operation or entry.path} {entry.error or entry.status}" for entry in new]

    return since_last


@pytest.fixture
def when_polled(
    center: IdentityCenter, server: EmulatorServer
) -> Generator[Callable[..., list[str]]]:
    """Give a function that lets something happen once a device login was polled so many times.

    It gives a list in which the user code of that login will be.
    """
    subscriptions: list[Callable[[], None]] = []

    def at_poll(happens: Callable[[str], None], *, polls: int = 1) -> list[str]:
        left, codes = polls, list[str]()

        def see(request: LoggedRequest) -> None:
            nonlocal left
            if request.error != "AuthorizationPendingException":
                return
            left -= 1
            if left == 0:
                (login,) = center.pending_logins(server.now())
                codes.append(login.user_code)
                happens(login.user_code)

        subscriptions.append(center.subscribe(see))
        return codes

    yield at_poll
    for unsubscribe in subscriptions:
        unsubscribe()


@pytest.fixture
def run_client(
    environment: dict[str, str],
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Give a function that runs a program in the clients' environment to its end."""

    def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
        # `run` kills what takes too long.
        return subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
            cwd=environment["HOME"],
        )

    return run


@pytest.fixture
def aws_command() -> Path:
    """Give the AWS CLI v2."""
    # install_clients.py says which version, and keeps one.
    installed = next(CLIENTS.glob("aws-cli-*/aws"), None)
    if installed is None:
        pytest.skip(f"the AWS CLI v2 is not installed: {HOW}")
    return installed


@pytest.fixture
def aws(
    aws_command: Path, run_client: Callable[..., subprocess.CompletedProcess[str]]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Give a function that runs the AWS CLI to its end."""
    return lambda *arguments: run_client(aws_command, *arguments)


@pytest.fixture
def start_aws(
    aws_command: Path, environment: dict[str, str]
) -> Generator[Callable[..., subprocess.Popen[str]]]:
    """Give a function that starts the AWS CLI; it is killed with the end of the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [aws_command, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def opened_url(environment: dict[str, str]) -> Generator[Callable[[], str]]:
    """Give a function that waits for the URL that a client opens its browser with."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(SECONDS)
        port = str(listener.getsockname()[1])
        command = (sys.executable, "-I", str(HERE / "hand_over_url.py"), port)
        environment["BROWSER"] = f"{shlex.join(command)} %s &"

        def wait() -> str:
            connection, _ = listener.accept()
            with connection, connection.makefile() as stream:
                return stream.read()

        yield wait


@pytest.fixture
def scripted_browser() -> Generator[httpx.Client]:
    """Give a browser without a screen: it keeps cookies, and follows redirects where it is asked to."""
    with httpx.Client(trust_env=False, timeout=SECONDS) as client:
        yield client


@pytest.fixture
def chromium(home: Path) -> Generator[Chrome]:
    """Give a headless Chromium with nothing in it, which contacts nobody but whom it is sent to."""
    from selenium import webdriver  # noqa: PLC0415 - only the tests in a browser need it

    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if None in programs:
        pytest.skip(f"Chromium or its driver is not installed: {HOW}")
    options = webdriver.ChromeOptions()
    options.binary_location = str(programs[0])
    for argument in (*CHROMIUM_ARGUMENTS, f"--user-data-dir={home / 'chromium'}"):
        options.add_argument(argument)
    own = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "en_US.UTF-8"}
    service = webdriver.ChromeService(executable_path=str(programs[1]), env=own)
    with webdriver.Chrome(options=options, service=service) as browser:
        browser.set_page_load_timeout(SECONDS)
        yield browser


@pytest.fixture
def evil_page() -> Generator[Callable[[str], str]]:
    """Give a function that serves a page from an origin of its own, and gives its URL."""
    pages: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(pages[-1])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as evil:
        thread = threading.Thread(target=evil.serve_forever)
        thread.start()

        def serve(body: str) -> str:
            pages.append(f"<!doctype html><title>evil</title>{body}".encode())
            return f"http://127.0.0.1:{evil.server_port}/"

        yield serve
        evil.shutdown()
        thread.join()


@pytest.fixture
def login(
    aws: Callable[..., subprocess.CompletedProcess[str]],
    center: IdentityCenter,
    when_polled: Callable[..., list[str]],
    asked: Callable[[], list[str]],
) -> Callable[..., None]:
    """Give a function that signs in with the AWS CLI, for the clients that only use what it leaves behind."""

    def sign_in(*arguments: str) -> None:
        codes = when_polled(center.approve)
        done = aws("sso", "login", "--use-device-code", "--no-browser", *arguments)
        assert (done.returncode, done.stderr, len(codes)) == (0, "", 1)
        asked()

    return sign_in


def answer_of(done: subprocess.CompletedProcess[str]) -> Any:  # noqa: ANN401 - it is JSON
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.fixture
def javascript(
    run_client: Callable[..., subprocess.CompletedProcess[str]],
    environment: dict[str, str],
) -> Callable[..., Any]:
    """Give a function that runs one of the scripts in `javascript/` and gives what it prints as JSON."""
    node = shutil.which("node")
    if node is None or not (HERE / "javascript" / "node_modules" / ".installed").is_file():
        pytest.skip(f"the AWS SDK for JavaScript is not installed: {HOW}")
    environment["NODE_OPTIONS"] = "--throw-deprecation"
    environment["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true"
    return lambda script, *arguments: answer_of(
        run_client(node, HERE / "javascript" / script, *arguments)
    )


@pytest.fixture
def boto3_client(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Generator[Callable[[str], Any]]:
    """Give a function that makes a boto3 client in this process, which tries once."""
    for name in os.environ:
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    session = boto3.Session("AKIDEXAMPLE", "secret-of-a-test", region_name="us-east-1")
    once = Config(retries={"total_max_attempts": 1})
    with contextlib.ExitStack() as stack:

        def make(service: str) -> Any:  # noqa: ANN401 - its methods and exceptions are made at run time
            # The stubs know services by literal names only.
            client = cast("Any", session).client(service, config=once)
            stack.callback(client.close)
            return client

        yield make


@pytest.fixture
def boto3_profile(
    run_client: Callable[..., subprocess.CompletedProcess[str]],
) -> Callable[..., Any]:
    """Give a function that runs `boto3_profile.py` in a process of its own and gives what it prints as JSON.

    botocore asks for the home directory once, when it is imported.
    """
    script = HERE / "boto3_profile.py"
    return lambda *arguments: answer_of(run_client(sys.executable, "-I", script, *arguments))


@pytest.fixture
def boto3_call(
    run_client: Callable[..., subprocess.CompletedProcess[str]],
) -> Callable[..., Any]:
    """Give a function that runs `boto3_call.py` and gives what it prints as JSON."""
    script = HERE / "boto3_call.py"
    return lambda *arguments: answer_of(run_client(sys.executable, "-I", script, *arguments))
