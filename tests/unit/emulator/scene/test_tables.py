"""Scene files: the result of each table."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from ssooidc_core import HttpResponse
from ssooidc_emulator import IdentityCenter, TrustedTokenIssuer, scene, seeded_entropy
from ssooidc_emulator._directory import AccessKey, Account, Application, Directory, User
from ssooidc_emulator._settings import GivenSettings, Settings
from ssooidc_emulator.scene import load_scene
from ssooidc_transports.testing import VirtualClock

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import Register

ARN: Final = "arn:aws:sso::123456789012:application/ssoins-1/apl-1"
WHOLE: Final = f"""
[instance]
region = "eu-central-1"
start_url = "https://d-9999999999.awsapps.com/start"
base_url = "http://127.0.0.1:8080/device"
interval = 3
authorization_code_lifetime = 30
device_code_lifetime = 60
registration_lifetime = 7200
access_token_lifetime = 900
session_lifetime = 3600
role_session_lifetime = 1800
refresh_mode = "rotating-strict"
enforce_interval = true
refuse_white_space = false
auto_approve = "joe"

[[users]]
name = "jane"
user_id = "u-1"
email = "jane@corp.example"

[[users]]
name = "joe"

[[accounts]]
account_id = "111122223333"
name = "Production"
email = "prod@corp.example"

[[accounts]]
account_id = "000000000001"

[[assignments]]
user = "jane"
account_id = "111122223333"
role_name = "ReadOnly"

[[applications]]
arn = "{ARN}"
grant_types = ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
scopes = ["sts:identity_context"]
redirect_uris = ["http://127.0.0.1:1/"]
users = ["joe"]
audiences = ["aud"]

[[trusted_token_issuers]]
issuer_url = "https://issuer.example"
claim = "sub"
attribute = "user_id"
key_set = '''{{"keys": []}}'''

[[trusted_token_issuers]]
issuer_url = "https://other.example"
key_set.keys = [{{ kty = "EC" }}]

[[access_keys]]
access_key_id = "AKIAEXAMPLE"
secret_access_key = "CANARY-secret"
session_token = "CANARY-session"

[[faults]]
operation = "CreateToken"
kind = "slow_down"
times = 2

[[faults]]
kind = "html_page"
parameters = {{ status = 502 }}
"""


def test_who_and_what_there_is() -> None:
    directory = load_scene(WHOLE).center().directory
    assert directory.users == (
        User(name="jane", user_id="u-1", email="jane@corp.example"),
        User(name="joe", user_id="joe", email="joe@example.com"),
    )
    production = Account(account_id="111122223333", name="Production", email="prod@corp.example")
    assert directory.accounts[0] == production
    assert directory.accounts[1].name == "Account 000000000001"
    assert directory.accounts_of("jane") == (production,)
    assert directory.roles_of("jane", account_id="111122223333") == ("ReadOnly",)
    assert directory.accounts_of("joe") == ()
    assert directory.application(ARN) == Application(
        arn=ARN,
        grant_types=frozenset({"urn:ietf:params:oauth:grant-type:jwt-bearer"}),
        scopes=("sts:identity_context",),
        redirect_uris=("http://127.0.0.1:1/",),
        users=frozenset({"joe"}),
        audiences=frozenset({"aud"}),
    )
    assert directory.trusted_token_issuer("https://issuer.example") == TrustedTokenIssuer(
        issuer_url="https://issuer.example",
        key_set='{"keys": []}',
        claim="sub",
        attribute="user_id",
    )
    assert directory.trusted_token_issuer("https://other.example") == TrustedTokenIssuer(
        issuer_url="https://other.example", key_set='{"keys":[{"kty":"EC"}]}'
    )
    assert directory.access_key("AKIAEXAMPLE") == AccessKey(
        access_key_id="AKIAEXAMPLE",
        secret_access_key="CANARY-secret",
        session_token="CANARY-session",
    )


def test_the_instance_and_its_faults(
    ask: Callable[..., HttpResponse],
    register: Register,
    start: Callable[..., dict[str, Any]],
    poll: Callable[..., HttpResponse],
    clock: VirtualClock,
) -> None:
    center = load_scene(WHOLE).center()
    assert center.region == "eu-central-1"
    assert center.start_url == "https://d-9999999999.awsapps.com/start"
    assert ask(center, "/client/register", b"{}").status == 502
    client = register(center, clientName="white space")
    login = start(center, client)
    assert (login["interval"], login["expiresIn"]) == (3, 60)
    assert login["verificationUri"] == "http://127.0.0.1:8080/device"
    center.approve(login["userCode"], user="jane")
    errors = []
    for _ in range(2):
        errors.append(json.loads(poll(center, client, login).body)["error"])
        clock.advance(3)
    assert errors == ["slow_down", "slow_down"]
    clock.advance(3)
    tokens = json.loads(poll(center, client, login).body)
    assert tokens["expiresIn"] == 900
    (session,) = center.sessions(clock.now())
    assert session.user == "jane"
    assert session.expires_at - session.began_at == timedelta(hours=1)


def test_each_setting_has_a_type_and_is_documented() -> None:
    assert set(Settings.model_fields) == set(GivenSettings.__annotations__)
    documentation = inspect.getdoc(IdentityCenter.__init__) or ""
    assert [name for name in Settings.model_fields if f"* `{name}`: " not in documentation] == []


def test_each_center_begins_anew() -> None:
    scene = load_scene(WHOLE)
    first, second = scene.center(), scene.center()
    first.directory.add_user("new")
    assert second.directory.user("new") is None


def test_a_scene_with_a_seed(register: Register) -> None:
    scene = load_scene("[instance]\nregion = 'us-west-2'")
    clients = [register(scene.center(entropy=seeded_entropy(1))) for _ in range(2)]
    assert clients[0] == clients[1]


@pytest.mark.parametrize("text", ["", "# nothing", "[instance]", "[[faults]]\nkind = 'slow_down'"])
def test_a_scene_without_people_has_the_examples(text: str) -> None:
    directory = load_scene(text).center().directory
    assert directory.users == Directory.example().users
    assert directory.accounts_of("user") == Directory.example().accounts


def test_a_scene_with_people_has_no_others() -> None:
    directory = load_scene("[[users]]\nname = 'jane'").center().directory
    assert [user.name for user in directory.users] == ["jane"]
    assert directory.accounts == ()


@pytest.mark.parametrize(
    ("lines", "calls", "failed"),
    [
        ("", 3, [True, False, False]),
        ("times = 2", 3, [True, True, False]),
        ("times = 'all'", 3, [True, True, True]),
        ("probability = 1", 3, [True, True, True]),
        ("probability = 1.0\ntimes = 1", 2, [True, False]),
    ],
)
def test_how_often_a_fault_happens(
    lines: str, calls: int, failed: list[bool], ask: Callable[..., HttpResponse]
) -> None:
    center = load_scene(f"[[faults]]\nkind = 'server_error'\n{lines}").center()
    register = {"clientName": "tool", "clientType": "public"}
    statuses = [ask(center, "/client/register", register).status for _ in range(calls)]
    assert [status == 500 for status in statuses] == failed


def test_a_fault_by_chance(ask: Callable[..., HttpResponse]) -> None:
    scene = load_scene("[[faults]]\nkind = 'server_error'\nprobability = 0.5")
    center = scene.center(entropy=seeded_entropy("scene"))
    register = {"clientName": "tool", "clientType": "public"}
    statuses = {ask(center, "/client/register", register).status for _ in range(30)}
    assert statuses == {200, 500}


def test_the_modules_own_example() -> None:
    documentation = inspect.getdoc(scene)
    assert documentation is not None
    lines = documentation.split("::\n", 1)[1].split("\nMore tables", 1)[0]
    example = "\n".join(line.removeprefix("    ") for line in lines.splitlines())
    directory = load_scene(example).center().directory
    assert directory.has_role("jane", account_id="111122223333", role_name="ReadOnly")


def test_a_scene_comes_from_the_text_alone(tmp_path: Path) -> None:
    path = tmp_path / "scene.toml"
    path.write_text(WHOLE, encoding="utf-8")
    assert load_scene(path.read_text(encoding="utf-8")) == load_scene(WHOLE)
