"""`ssooidc_core.aws_config`: AWS's configuration files, what is ignored in them, and the texts of errors."""

from __future__ import annotations

import copy
import pickle
import traceback
from pathlib import Path

import pytest

import ssooidc_core
from ssooidc_core import ConfigurationError
from ssooidc_core._aws_config_lines import read_sections, shown_name
from ssooidc_core.aws_config import AwsConfig, Place, Property, parse_aws_config

# Split in two: a traceback quotes the lines of this file.
CANARY = "wJalrXUtnFEMI" + "K7MDENGbPxRfiCYEXAMPLEKEY"
PACKAGE = str(Path(ssooidc_core.__file__).parent)

WHOLE = """\
# What `aws configure sso` writes, and more.
[default]
region = eu-west-1
[profile dev]
sso_session = my-sso
sso_account_id = 111122223333
SSO_Role_Name = Admin   ; of the team
services = local

[sso-session my-sso]
sso_start_url = https://d-1234567890.awsapps.com/start
sso_region = us-east-1
sso_registration_scopes = sso:account:access,
  other:scope
[services local]
sso_oidc =
  # an indented comment
  endpoint_url = http://127.0.0.1:8000
s3 =
"""


def texts(config: AwsConfig) -> dict[str, dict[str, object]]:
    return {
        name: {key: found.value for key, found in section.properties.items()}
        for name, section in config.profiles.items()
    }


def refused(config: str = "", credentials: str = "") -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse_aws_config(config, credentials)
    return str(caught.value)


def warnings(config: str = "", credentials: str = "") -> list[str]:
    return [str(warning) for warning in parse_aws_config(config, credentials).warnings]


def test_a_whole_file() -> None:
    config = parse_aws_config(WHOLE, "[dev]\naws_access_key_id = AKID\n")
    assert texts(config) == {
        "default": {"region": "eu-west-1"},
        "dev": {
            "sso_session": "my-sso",
            "sso_account_id": "111122223333",
            "sso_role_name": "Admin",
            "services": "local",
            "aws_access_key_id": "AKID",
        },
    }
    dev, session = config.profiles["dev"], config.sso_sessions["my-sso"]
    assert (dev.header, dev.place) == ("[profile dev]", Place("~/.aws/config", 4))
    assert dev.properties["services"] == Property("local", Place("~/.aws/config", 8))
    assert dev.properties["aws_access_key_id"].place == Place("~/.aws/credentials", 2)
    assert session.text("sso_registration_scopes") == "sso:account:access,\nother:scope"
    assert config.services["local"].nested("sso_oidc") == {"endpoint_url": "http://127.0.0.1:8000"}
    assert config.services["local"].nested("s3") == {}
    assert config.services["local"].nested("dynamodb") == {}
    assert config.warnings == ()
    assert config.file == "~/.aws/config"


def test_it_is_a_value() -> None:
    config = parse_aws_config(WHOLE)
    assert config == parse_aws_config(WHOLE)
    assert pickle.loads(pickle.dumps(config)) == config
    assert copy.deepcopy(config) == config
    assert parse_aws_config() == AwsConfig()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_a_byte_order_mark(end: str, mark: str) -> None:
    config = parse_aws_config(mark + WHOLE.replace("\n", end))
    assert texts(config) == texts(parse_aws_config(WHOLE))
    assert config.services["local"].place.line == 15


def test_other_separators_do_not_end_a_line() -> None:
    config = parse_aws_config("[profile a]\nx = 1\u2028y\x0bz\x85w")
    assert texts(config) == {"a": {"x": "1\u2028y\x0bz\x85w"}}


def test_quoted_names() -> None:
    config = parse_aws_config(
        "[profile 'my profile']\n[profile \"it's\"]\n[sso-session 'a b']\n[profile 'a]\n[profile '']\n",
        "['default']",
    )
    assert list(config.profiles) == ["my profile", "it's", "default"]
    assert list(config.sso_sessions) == ["a b"]
    assert [warning.place.line for warning in config.warnings] == [4, 5]


def test_the_default_profile_in_full_is_the_only_one() -> None:
    text = "[default]\nx = 1\n[profile 'default']\ny = 2"
    assert texts(parse_aws_config(text)) == {"default": {"y": "2"}}
    assert warnings(text) == [
        (
            "~/.aws/config, line 1, [default]: this section is ignored: there is also a [profile default]; "
            "merge the two"
        )
    ]
    assert texts(parse_aws_config("[default]\nx = 1", "[default]\nz = 3")) == {
        "default": {"x": "1", "z": "3"}
    }


def test_parts_of_a_section_come_together() -> None:
    text = "[sso-session a]\nx = 1\n[profile b]\n[sso-session a]\nx = 2\ny = 3"
    section = parse_aws_config(text).sso_sessions["a"]
    assert section.place.line == 1
    assert {key: found.place.line for key, found in section.properties.items()} == {"x": 5, "y": 6}


def test_what_is_ignored_is_told() -> None:
    config = f"[dev]\n[profile in valid]\n[profile]\n[sso-session]\n[profile a]\nin valid = {CANARY}\n[DEFAULT]"
    assert warnings(config) == [
        "~/.aws/config, line 1, [dev]: this section is ignored: in this file a profile is [profile NAME]",
        (
            "~/.aws/config, line 2, [profile in valid]: this section is ignored: "
            "names have letters, digits and -/.%@_:+, or are in quotes"
        ),
        (
            "~/.aws/config, line 3, [profile]: this section is ignored: "
            "names have letters, digits and -/.%@_:+, or are in quotes"
        ),
        (
            "~/.aws/config, line 4, [sso-session]: this section is ignored: "
            "names have letters, digits and -/.%@_:+, or are in quotes"
        ),
        (
            "~/.aws/config, line 6, [profile a]: a property is ignored: "
            "its name may have letters, digits and -/.%@_:+ only"
        ),
        "~/.aws/config, line 7, [DEFAULT]: this section is ignored: in this file a profile is [profile NAME]",
    ]
    assert warnings("", "[profile dev]\n[sso-session a]\n[services\ta]\n[a!]\n[sso-session]") == [
        "~/.aws/credentials, line 1, [profile dev]: this section is ignored: in this file a profile is [NAME]",
        (
            "~/.aws/credentials, line 2, [sso-session a]: this section is ignored: "
            "it belongs in the config file"
        ),
        "~/.aws/credentials, line 3, [services a]: this section is ignored: it belongs in the config file",
        (
            "~/.aws/credentials, line 4, [a!]: this section is ignored: "
            "names have letters, digits and -/.%@_:+, or are in quotes"
        ),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "a = b",
            ", line 1: Expected a profile definition: write [default] or [profile NAME] on a line above",
        ),
        (
            "\n a = b",
            ", line 2: Expected a profile definition: write [default] or [profile NAME] on a line above",
        ),
        (
            "[a]\n[profile a",
            (
                ", line 2: Profile definition must end with ']': write [default] or [profile NAME], "
                "and only a comment after it"
            ),
        ),
        (
            "[profile a] b = c",
            (
                ", line 1: Profile definition must end with ']': write [default] or [profile NAME], "
                "and only a comment after it"
            ),
        ),
        (
            "[profile a]\nb",
            ", line 2, [profile a]: Expected an '=' sign defining a property: write it as 'name = value'",
        ),
        (
            "[profile a]\n = b\n= c",
            (
                ", line 2, [profile a]: Expected a property definition, found continuation: an indented line continues "
                "the property above it, and there is none; begin the line without a space"
            ),
        ),
        (
            "[profile a]\n= c",
            ", line 2, [profile a]: Property did not have a name: write it as 'name = value'",
        ),
        (
            "[services a]\nsso_oidc =\n b",
            (
                ", line 3, [services a]: Expected an '=' sign defining a sub-property (below sso_oidc): "
                "write it as 'name = value', or begin the line without a space"
            ),
        ),
        (
            "[services a]\ns3=\n = b",
            (
                ", line 3, [services a]: Sub-property did not have a name (below s3): "
                "write it as 'name = value', or begin the line without a space"
            ),
        ),
    ],
)
def test_errors_name_file_line_and_section(text: str, said: str) -> None:
    assert refused(text) == f"Invalid Configuration: ~/.aws/config{said}"
    assert refused("", text) == f"Invalid Configuration: ~/.aws/credentials{said}"


def test_names_in_errors_are_printable_and_bounded() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_aws_config(f"[profile \x1b[31m{'a' * 500}]\nb", config_file="/home/\x1b/config\n")
    text = str(caught.value)
    assert text.isprintable()
    assert text.startswith("Invalid Configuration: /home/ /config, line 2, [profile [31")
    assert len(text) < 300


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("sso_region", "sso_region"),
        ("account_id_endpoint_mode", "account_id_endpoint_mode"),
        ("a" * 36, "a" * 36),
        ("a" * 40, "a property"),
        (CANARY.lower(), "a property"),
        ("ab/c", "a property"),
        ("ab c", "a property"),
    ],
)
def test_what_may_be_a_secret_is_not_shown_as_a_name(name: str, shown: str) -> None:
    assert shown_name(name) == shown


BROKEN = [
    f"[profile a]\naws_secret_access_key {CANARY}",
    f"[profile a]\n{CANARY}",
    f"[profile a]\naws_secret_access_key =\n {CANARY}",
    f"[profile a]\n {CANARY} =",
    f"[profile a]\n{CANARY} =\n b",
    f"[profile a]\nx = {CANARY}\n y\nz",
    f"[profile a]\nx =\n y = {CANARY}\nz",
    f"[{CANARY}",
    f"{CANARY} = {CANARY}",
]


@pytest.mark.parametrize("text", BROKEN)
@pytest.mark.parametrize("credentials", [False, True])
def test_errors_hold_no_value(text: str, credentials: bool) -> None:  # noqa: FBT001 - parametrised
    try:
        parse_aws_config(*(("", text) if credentials else (text,)))
    except ConfigurationError as error:
        caught = error
    else:
        pytest.fail("no error was raised")
    assert (
        CANARY.lower()
        not in f"{caught}{caught!r}{caught.__notes__ if hasattr(caught, '__notes__') else ''}".lower()
    )
    assert caught.__context__ is None
    frames = [
        frame
        for frame, _ in traceback.walk_tb(caught.__traceback__)
        if frame.f_code.co_filename.startswith(PACKAGE)
    ]
    assert frames
    assert CANARY.lower() not in repr([frame.f_locals for frame in frames]).lower()


def test_reprs_hold_no_value() -> None:
    text = f"[profile a]\naws_secret_access_key = {CANARY}\n{CANARY} = 1\ns3 =\n k = {CANARY}\n"
    config = parse_aws_config(f"{text}in valid = {CANARY}")
    assert CANARY.lower() not in repr(config).lower()
    assert CANARY.lower() not in repr(read_sections(text, "f")).lower()
    properties = config.profiles["a"].properties.values()
    assert CANARY.lower() not in repr(list(properties)).lower()


def test_a_property_of_the_other_kind() -> None:
    text = f"[profile a]\nservices =\n x = {CANARY}\n[services s]\nsso_oidc = {CANARY}\nempty =\n"
    config = parse_aws_config(text, config_file="f")
    with pytest.raises(ConfigurationError) as caught:
        config.profiles["a"].text("services")
    assert str(caught.value) == (
        "Invalid Configuration: f, line 2, [profile a]: services has indented lines below it: "
        "write its value after the '='"
    )
    with pytest.raises(ConfigurationError) as caught:
        config.services["s"].nested("sso_oidc")
    assert str(caught.value) == (
        "Invalid Configuration: f, line 5, [services s]: sso_oidc has a value: leave it empty, "
        "and write its settings on indented lines below, one 'name = value' each"
    )
    assert config.services["s"].text("empty") is None
    assert config.services["s"].text("missing") is None
