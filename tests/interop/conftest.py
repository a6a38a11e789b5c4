"""Real clients, an emulator that they reach over a socket, and a separate home directory for each test."""

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
    "--no-sandbox",  # required when running as root
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
    """Return a function that adds a measurement to the terminal summary."""
    # A report carries properties from an xdist worker to the process that prints the summary.
    return lambda figure: record_property(MEASURED, figure)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the measurements."""
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
    """Return the settings of the instance; tests parametrize it."""
    return {}


@pytest.fixture
def center(settings: dict[str, Any]) -> IdentityCenter:
    return IdentityCenter(**settings)


@pytest.fixture
def tls() -> bool:
    """Return whether the server uses HTTPS; tests parametrize it."""
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
    """Return the home directory of the clients, which contains a configuration."""
    return Path(made_home.variables["HOME"])


@pytest.fixture
def environment(made_home: ClientEnvironment) -> dict[str, str]:
    """Return the complete environment of the clients; tests may change it."""
    # A browser that does nothing, so that no real browser of this machine opens.
    return {**made_home.variables, "PATH": os.environ["PATH"], "BROWSER": "true %s"}


@pytest.fixture
def services_section(
    environment: dict[str, str], home: Path, server: EmulatorServer
) -> Callable[[str], None]:
    """Return a function that configures the endpoints in a profile instead of in environment variables."""

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
    """Return a function that lists the requests and responses of the emulator since its last call."""
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
    """Return a function that runs a callback after a device login was polled a given number of times.

    The function returns a list, to which the user code of that login is added.
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
    """Return a function that runs a program in the clients' environment until it ends."""

    def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
        # `run` kills a program that takes too long.
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
    """Return the command of the AWS CLI v2."""
    # install_clients.py determines the version, and keeps only one.
    installed = next(CLIENTS.glob("aws-cli-*/aws"), None)
    if installed is None:
        pytest.skip(f"the AWS CLI v2 is not installed: {HOW}")
    return installed


@pytest.fixture
def aws(
    aws_command: Path, run_client: Callable[..., subprocess.CompletedProcess[str]]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs the AWS CLI until it ends."""
    return lambda *arguments: run_client(aws_command, *arguments)


@pytest.fixture
def start_aws(
    aws_command: Path, environment: dict[str, str]
) -> Generator[Callable[..., subprocess.Popen[str]]]:
    """Return a function that starts the AWS CLI; it is killed at the end of the test."""
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
    """Return a function that waits for the URL that a client opens in its browser."""
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
    """Return a scripted browser that keeps cookies, and follows redirects if asked to."""
    with httpx.Client(trust_env=False, timeout=SECONDS) as client:
        yield client


@pytest.fixture
def chromium(home: Path) -> Generator[Chrome]:
    """Return a headless Chromium with an empty profile, which makes no requests of its own."""
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
    """Return a function that serves a page from another origin, and returns its URL."""
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
    """Return a function that signs in with the AWS CLI, for clients that only use the stored login."""

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
    """Return a function that runs one of the scripts in `javascript/` and returns its parsed JSON output."""
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
    """Return a function that makes a boto3 client in this process that does not retry."""
    for name in os.environ:
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    session = boto3.Session("AKIDEXAMPLE", "secret-of-a-test", region_name="us-east-1")
    once = Config(retries={"total_max_attempts": 1})
    with contextlib.ExitStack() as stack:

        def make(service: str) -> Any:  # noqa: ANN401 - its methods and exceptions are made at run time
            # The stubs accept service names only as literals.
            client = cast("Any", session).client(service, config=once)
            stack.callback(client.close)
            return client

        yield make


@pytest.fixture
def boto3_profile(
    run_client: Callable[..., subprocess.CompletedProcess[str]],
) -> Callable[..., Any]:
    """Return a function that runs `boto3_profile.py` in a separate process and returns its parsed JSON output.

    botocore looks up the home directory only once, when it is imported.
    """
    script = HERE / "boto3_profile.py"
    return lambda *arguments: answer_of(run_client(sys.executable, "-I", script, *arguments))


@pytest.fixture
def boto3_call(
    run_client: Callable[..., subprocess.CompletedProcess[str]],
) -> Callable[..., Any]:
    """Return a function that runs `boto3_call.py` and returns its parsed JSON output."""
    script = HERE / "boto3_call.py"
    return lambda *arguments: answer_of(run_client(sys.executable, "-I", script, *arguments))
