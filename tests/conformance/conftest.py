"""Conformance counts: compared cases, cases that do not apply, and deliberate differences.

Tests report to the fixture `tally`, and the terminal summary prints sums by group. Every difference must be listed in
`deliberate_differences.toml`; if the whole folder runs, every listed difference must occur.
"""

import json
import os
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import botocore
import pytest
from botocore import xform_name
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HTTPHeaders
from botocore.client import BaseClient
from botocore.config import Config
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.session import Session

import ssooidc_core as core
from ssooidc_core import HttpResponse, portal
from ssooidc_core._model import Request
from ssooidc_core._program import Operation

HERE: Final = Path(__file__).parent
PROPERTY: Final = "conformance"


@dataclass(frozen=True)
class Difference:
    """A deliberate difference from the implementation or case file that is compared."""

    group: str
    what: str
    reason: str


def read_differences() -> dict[str, Difference]:
    """Read the table, and check that every entry is complete."""
    text = (HERE / "deliberate_differences.toml").read_text(encoding="utf-8")
    return {name: Difference(**entry) for name, entry in tomllib.loads(text).items()}


@dataclass
class Tally:
    """The counts and differences of one test."""

    group: str
    differences: dict[str, Difference]
    cases: int = 0
    not_applicable: dict[str, str] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)

    def ran(self, cases: int = 1) -> None:
        """Count cases that were compared."""
        self.cases += cases

    def skips(self, case: str, reason: str) -> None:
        """Record a case of a published file that does not apply here, with the reason."""
        assert reason
        self.not_applicable[case] = reason

    def differs(self, name: str) -> None:
        """Record a difference; fail if the table does not list it for this group."""
        known = self.differences.get(name)
        assert known is not None, f"{name!r} is not in deliberate_differences.toml"
        assert known.group == self.group, f"{name!r} belongs to {known.group}, not to {self.group}"
        self.seen[name] += 1


@pytest.fixture(scope="session")
def differences() -> dict[str, Difference]:
    """Return the table of deliberate differences."""
    return read_differences()


@pytest.fixture(scope="session")
def botocore_loader() -> Loader:
    """Return the loader of botocore's own data, without `~/.aws/models`, which a user may have changed."""
    data = Path(botocore.__file__).parent / "data"
    return Loader(extra_search_paths=[str(data)], include_default_search_paths=False)


class WholeBody:
    """The body of a response, with the interface that botocore reads."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        """Yield the body in one piece."""
        yield self.body


class BotocoreWire:
    """A botocore client without a network: tests see each request as sent, and provide the response."""

    def __init__(self, session: Session, service: str, endpoint: str) -> None:
        self.client: BaseClient = session.create_client(
            service,
            region_name="us-east-1",
            endpoint_url=endpoint,
            aws_access_key_id="AKIDEXAMPLE",
            aws_secret_access_key="secret",
            config=Config(retries={"total_max_attempts": 1, "mode": "standard"}),
        )
        # The stubs say that a handler returns nothing; the value that this one returns keeps botocore from sending.
        self.client.meta.events.register("before-send", cast("Callable[..., None]", self._send))
        self._answer = HttpResponse(200, {"Content-Type": "application/json"}, b"{}")
        self._sent: list[AWSPreparedRequest] = []

    @property
    def model(self) -> ServiceModel:
        """The service's model."""
        return self.client.meta.service_model

    def _send(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        self._sent.append(request)
        headers, body = self._answer.headers, WholeBody(self._answer.body)
        return AWSResponse(
            request.url, self._answer.status, cast("HTTPHeaders", dict(headers)), body
        )

    def request(self, operation: str, parameters: Mapping[str, object]) -> AWSPreparedRequest:
        """Return the request that the client sends."""
        self._sent.clear()
        _ = self.answer(operation, parameters, HttpResponse(200, {}, b""))
        (sent,) = self._sent
        return sent

    def answer(
        self, operation: str, parameters: Mapping[str, object], answer: HttpResponse
    ) -> dict[str, object]:
        """Return the client's parsed response, `ResponseMetadata` included, or raise its error."""
        self._answer = answer
        call: Callable[..., dict[str, object]] = getattr(self.client, xform_name(operation))
        return call(**parameters)


BOTOCORE_ENDPOINT: Final = "https://endpoint.example/base"


@pytest.fixture(scope="session")
def wires(botocore_loader: Loader) -> dict[str, BotocoreWire]:
    """Return a botocore client for each service, at the same endpoint, isolated from the machine's AWS settings."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        session = Session()
        session.register_component("data_loader", botocore_loader)
        return {
            name: BotocoreWire(session, name, BOTOCORE_ENDPOINT) for name in ("sso-oidc", "sso")
        }


@dataclass(frozen=True)
class Asked:
    """A request for one operation: ours, and the parameters for botocore's client."""

    service: str
    operation: Operation[object, Exception]
    parameters: dict[str, str]


def ask(
    build: Callable[[Any], Operation[object, Exception]], model: type[Request], **parameters: str
) -> Asked:
    """Return the same request in both forms."""
    service = "sso" if "portal" in model.__module__ else "sso-oidc"
    return Asked(service, build(model.model_validate(parameters)), parameters)


@pytest.fixture(scope="session")
def asked() -> dict[str, Asked]:
    """Return a request for every operation by name; no secret is part of any other text."""
    client = {"clientId": "id", "clientSecret": "asked-secret"}
    account = {"accessToken": "asked-token", "accountId": "123456789012"}
    return {
        "RegisterClient": ask(
            core.register_client, core.RegisterClientRequest, clientName="n", clientType="public"
        ),
        "StartDeviceAuthorization": ask(
            core.start_device_authorization,
            core.StartDeviceAuthorizationRequest,
            startUrl="https://d-1234567890.awsapps.com/start",
            **client,
        ),
        "CreateToken": ask(
            core.create_token,
            core.RefreshTokenGrant,
            grantType="refresh_token",
            refreshToken="asked-refresh",
            **client,
        ),
        "CreateTokenWithIAM": ask(
            core.create_token_with_iam,
            core.JwtBearerGrant,
            grantType="urn:ietf:params:oauth:grant-type:jwt-bearer",
            clientId="arn",
            assertion="asked-assertion",
        ),
        "GetRoleCredentials": ask(
            portal.get_role_credentials, portal.GetRoleCredentialsRequest, roleName="r", **account
        ),
        "ListAccounts": ask(
            portal.list_accounts, portal.ListAccountsRequest, accessToken="asked-token"
        ),
        "ListAccountRoles": ask(
            portal.list_account_roles, portal.ListAccountRolesRequest, **account
        ),
        "Logout": ask(portal.logout, portal.LogoutRequest, accessToken="asked-token"),
    }


@pytest.fixture
def tally(request: pytest.FixtureRequest, differences: dict[str, Difference]) -> Iterator[Tally]:
    """Return the tally of the group that the module names in `GROUP`."""
    tally = Tally(request.module.GROUP, differences)
    yield tally
    told = json.dumps([tally.group, tally.cases, tally.not_applicable, tally.seen])
    # A report carries properties from an xdist worker to the process that sums up.
    request.node.user_properties.append((PROPERTY, told))


@dataclass
class Sums:
    """The sum of all tests of a group."""

    cases: int = 0
    not_applicable: dict[str, str] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)


class Summary:
    """Sums up the reports, and fails a run of the whole folder in which a listed difference did not occur."""

    def __init__(self) -> None:
        self.groups: defaultdict[str, Sums] = defaultdict(Sums)
        self.unseen: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add one report."""
        if report.when != "teardown":
            return
        for name, value in report.user_properties:
            if name == PROPERTY:
                group, cases, not_applicable, seen = json.loads(str(value))
                sums = self.groups[group]
                sums.cases += cases
                sums.not_applicable |= not_applicable
                sums.seen.update(seen)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Find differences that no test met: either the table or a test is out of date."""
        # A selection of tests cannot meet all of them.
        options = session.config.option
        # Without pytest's cache there is no `--lf`.
        selected = options.keyword or options.markexpr or getattr(options, "lf", False)
        folders = [Path(session.config.invocation_params.dir, each) for each in session.config.args]
        whole = any(HERE.is_relative_to(folder.resolve()) for folder in folders)
        if not self.groups or selected or options.collectonly or not whole:
            return
        seen = {name for sums in self.groups.values() for name in sums.seen}
        self.unseen = sorted(read_differences().keys() - seen)
        if self.unseen and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the counts."""
        if not self.groups:
            return
        known = read_differences()
        terminalreporter.section("conformance")
        for group, sums in sorted(self.groups.items()):
            terminalreporter.line(
                f"{group:24} {sums.cases:7,} cases, {len(sums.not_applicable):3} not applicable, "
                f"{len(sums.seen):3} deliberate differences"
            )
            for case, reason in sorted(sums.not_applicable.items()):
                terminalreporter.line(f"    not applicable: {case}: {reason}")
            for name, times in sorted(sums.seen.items()):
                terminalreporter.line(f"    differs ({times:,} x): {known[name].what}")
        for name in self.unseen:
            terminalreporter.line(
                f"FAILED: no test met the deliberate difference {name!r}", red=True
            )


def pytest_configure(config: pytest.Config) -> None:
    """Sum up in the process that receives the reports, not in the workers."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Summary(), "conformance-summary")
