"""`ssooidc_login`: `dir()` and `help()` show its exports before they are imported."""

from __future__ import annotations

import pydoc
import subprocess
import sys

import pytest

import ssooidc_login
from ssooidc_login import Interaction
from ssooidc_login.terminal import Terminal

NAMES = [
    "AccessToken",
    "AsyncSsoSession",
    "Interaction",
    "ListenerError",
    "LoginBusy",
    "NotLoggedIn",
    "RefreshBusy",
    "RoleNotAssigned",
    "RoleSession",
    "SessionState",
    "SessionStatus",
    "SsoSession",
    "SsoSettings",
    "StoreError",
    "WayIn",
]


def test_the_exports() -> None:
    assert ssooidc_login.__all__ == NAMES
    for name in NAMES:
        assert getattr(ssooidc_login, name).__name__ == name


def test_dir_shows_them_before_they_are_imported() -> None:
    code = (
        "import sys, ssooidc_login\nprint(*dir(ssooidc_login))\n"
        "print('ssooidc_login._session.session' in sys.modules)"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter and our own code
        [sys.executable, "-Ic", code], capture_output=True, text=True, check=True
    )
    shown, imported = done.stdout.splitlines()
    assert set(NAMES) <= set(shown.split())
    assert imported == "False"


def test_help_shows_them() -> None:
    text = pydoc.plain(pydoc.render_doc(ssooidc_login))
    for name in NAMES:
        assert f"    class {name}(" in text


def test_a_misspelt_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'ssooidc_login' has no attribute 'SsoSesion'"):
        _ = ssooidc_login.SsoSesion  # type: ignore[attr-defined]


def test_the_terminal_is_an_interaction() -> None:
    person: Interaction = Terminal()
    assert callable(person.show)
    assert callable(person.open_url)
