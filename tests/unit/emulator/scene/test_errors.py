"""Scene files: the error texts; no file crashes the reader, and no error contains a secret."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssooidc_emulator import IdentityCenter
from ssooidc_emulator._settings import Settings
from ssooidc_emulator.faults._by_name import FAULT_KINDS
from ssooidc_emulator.scene import SceneError, load_scene
from ssooidc_emulator.scene._tables import SceneTables

SECRETIVE: Final = """
[[access_keys]]
access_key_id = "AKIAEXAMPLE"
secret_access_key = "CANARY-secret"
session_token = "CANARY-session"
"""


def complaint(text: str) -> str:
    with pytest.raises(SceneError) as caught:
        load_scene(text)
    assert isinstance(caught.value, ValueError)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "[instances]",
            (
                "A scene cannot have a table 'instances': use one of instance, users, accounts, assignments, "
                "applications, trusted_token_issuers, access_keys, faults"
            ),
        ),
        ("users = 3", "Write 'users' as [[users]], once for each entry"),
        ("[users]\nname = 'jane'", "Write 'users' as [[users]], once for each entry"),
        ("users = ['jane']", "[[users]] number 1 must be a table"),
        ("instance = 'a'", "[instance] must be a table"),
        (
            "[[users]]\nname = 'jane'\n[[users]]\nname = 'joe'\nmail = 'a'",
            "[[users]] number 2 cannot have a key 'mail': use one of name, user_id, email",
        ),
        ("[[users]]", "[[users]] number 1 needs the key 'name': text"),
        ("[[users]]\nname = ''", "[[users]] number 1, key 'name': this must be text"),
        (
            "[[users]]\nname = 'a'\n[[users]]\nname = 'a'",
            "[[users]] number 2: A user's name must be unique and not empty, unlike 'a'",
        ),
        (
            "[instance]\ninterval = 0",
            "[instance], key 'interval': this must be a whole number of seconds from 1",
        ),
        (
            "[instance]\nsession_lifetime = true",
            "[instance], key 'session_lifetime': this must be a whole number of seconds from 1",
        ),
        (
            "[instance]\nrefresh_mode = 'rotate'",
            "[instance], key 'refresh_mode': this must be one of 'stable', 'rotating' and 'rotating-strict'",
        ),
        (
            "[instance]\nenforce_interval = 'yes'",
            "[instance], key 'enforce_interval': this must be true or false",
        ),
        (
            "[[accounts]]\naccount_id = 111122223333",
            "[[accounts]] number 1, key 'account_id': this must be 12 digits in quotes",
        ),
        (
            "[[accounts]]\naccount_id = '111122223333\\n'".replace("'", '"'),
            "[[accounts]] number 1, key 'account_id': this must be 12 digits in quotes",
        ),
        (
            "[[assignments]]\nuser = 'jane'\naccount_id = '111122223333'\nrole_name = 'R'",
            "[[assignments]] number 1: key 'user': no [[users]] has the name 'jane'",
        ),
        (
            (
                "[[users]]\nname = 'jane'\n"
                "[[assignments]]\nuser = 'jane'\naccount_id = '111122223333'\nrole_name = 'R'"
            ),
            "[[assignments]] number 1: key 'account_id': no [[accounts]] has the id '111122223333'",
        ),
        (
            (
                "[[users]]\nname = 'jane'\n[[accounts]]\naccount_id = '111122223333'\n"
                "[[assignments]]\nuser = 'jane'\naccount_id = '111122223333'\nrole_name = 'a b'"
            ),
            (
                "[[assignments]] number 1: A role's name must have 1 to 32 letters, digits and +=,.@-_, "
                "unlike 'a b'"
            ),
        ),
        (
            "[[applications]]\narn = 'a'\ngrant_types = [1]",
            "[[applications]] number 1, key 'grant_types': this must be a list of texts",
        ),
        (
            "[[applications]]\narn = 'a'\ngrant_types = []\nusers = ['jane']",
            "[[applications]] number 1: key 'users': no [[users]] has the name 'jane'",
        ),
        (
            "[[applications]]\narn = 'a'\ngrant_types = []\n" * 2,
            "[[applications]] number 2: key 'arn': another one has this ARN",
        ),
        (
            "[[trusted_token_issuers]]\nissuer_url = 'a'\nkey_set = '[]'",
            (
                "[[trusted_token_issuers]] number 1: key 'key_set': this must be a JSON Web Key Set, "
                "an object with a list 'keys'"
            ),
        ),
        (
            "[[trusted_token_issuers]]\nissuer_url = 'a'\nkey_set = '{'",
            (
                "[[trusted_token_issuers]] number 1: key 'key_set': this must be a JSON Web Key Set, "
                "an object with a list 'keys'"
            ),
        ),
        (
            "[[trusted_token_issuers]]\nissuer_url = 'a'\nkey_set = {}\nattribute = 'mail'",
            (
                "[[trusted_token_issuers]] number 1, key 'attribute': "
                "this must be one of 'email', 'name' and 'user_id'"
            ),
        ),
        (
            "[[access_keys]]\naccess_key_id = 'a'\nsecret_access_key = 'CANARY'\n" * 2,
            "[[access_keys]] number 2: key 'access_key_id': another one has this id",
        ),
        (
            "[[faults]]\nkind = 'slow'",
            (
                "[[faults]] number 1: There is no fault 'slow': use one of "
                + ", ".join(sorted(FAULT_KINDS))
            ),
        ),
        (
            "[[faults]]\nkind = 'slow_down'\n[[faults]]\nkind = 'huge_body'\nparameters.size = 'x'",
            (
                "[[faults]] number 2: Fault 'huge_body' has missing, unknown or wrong parameters: "
                "'size'. It takes size (optional, a number of bytes)"
            ),
        ),
        (
            "[[faults]]\nkind = 'slow_down'\ntimes = 0\nprobability = 0",
            (
                "[[faults]] number 1, key 'times': this must be a number of calls from 1, or 'all'; "
                "[[faults]] number 1, key 'probability': this must be a number above 0 and at most 1"
            ),
        ),
        ("[[users]", "The scene is not TOML: Expected ']]' at the end of an array declaration"),
        ("a = " + "[" * 100_000, "The scene is not TOML: "),
        ("[instance]\nregion = 'EU!'", "[instance]: "),
        (
            "[instance]\nauto_approve = 'jane'",
            "[instance]: No user 'jane': call directory.add_user first",
        ),
        ("#" * (1024 * 1024 + 1), "A scene can have at most 131072 characters"),
    ],
)
def test_what_is_wrong(text: str, problem: str) -> None:
    # Messages of tomllib and the core are not pinned here; all others are compared in full.
    theirs = problem.endswith(": ") or "TOML" in problem
    said = complaint(text)
    assert said.startswith(problem) if theirs else said == problem
    assert "CANARY" not in said


def test_an_operation_that_there_is_not() -> None:
    said = complaint("[[faults]]\nkind = 'slow_down'\noperation = 'Login'")
    assert said.startswith(
        "[[faults]] number 1, key 'operation': this must be one of RegisterClient, "
    )
    assert "GetRoleCredentials" in said


def test_many_problems_are_told_in_part() -> None:
    said = complaint("[instance]\n" + "".join(f"key{number} = 1\n" for number in range(14)))
    assert said.count("; ") == 10
    assert said.endswith("; and 4 more")


def test_no_secret_in_a_scene_or_in_what_is_said_of_one() -> None:
    assert "CANARY" not in repr(load_scene(SECRETIVE))
    keys = "[[access_keys]]\naccess_key_id = 1\nsecret_access_key = 'CANARY'\nsession_token = ['CANARY']"
    for text in (keys, f"{keys}\nsecret = 'CANARY'", f"{keys} CANARY"):
        with pytest.raises(SceneError) as caught:
            load_scene(text)
        assert "CANARY" not in str(caught.value)
        assert caught.value.__context__ is None
        assert caught.value.__cause__ is None


def test_every_key_says_what_is_allowed() -> None:
    for name, table in SceneTables.model_fields.items():
        model = Settings if name == "instance" else table.annotation.__args__[0]  # type: ignore[union-attr]
        for key, field in model.model_fields.items():
            assert field.description, (name, key)


VALUES: Final = st.recursive(
    st.booleans() | st.integers(-5, 5) | st.sampled_from(["'a'", "'all'", "1.5", "'111122223333'"]),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)
KEYS: Final = st.sampled_from(
    [*SceneTables.model_fields, "name", "kind", "times", "region", "interval", "user", "role_name"]
)
LINES: Final = st.one_of(
    st.sampled_from([f"[[{table}]]" for table in SceneTables.model_fields] + ["[instance]", "[x]"]),
    st.tuples(KEYS, VALUES).map(lambda pair: f"{pair[0]} = {str(pair[1]).lower()}"),
    st.text(max_size=10),
)


@given(st.lists(LINES, max_size=8).map("\n".join))
def test_any_text_is_a_scene_or_a_scene_error(text: str) -> None:
    try:
        scene = load_scene(text)
    except SceneError as error:
        assert str(error)  # noqa: PT017 - either is right
    else:
        assert isinstance(scene.center(), IdentityCenter)
