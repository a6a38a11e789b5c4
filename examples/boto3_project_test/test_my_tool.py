import webbrowser

import my_tool
import pytest

from ssooidc_emulator import IdentityCenter


@pytest.mark.usefixtures("identity_center_environment")
def test_login(identity_center: IdentityCenter, monkeypatch: pytest.MonkeyPatch) -> None:
    # The tool opens a page in the browser: approve the login instead.
    monkeypatch.setattr(webbrowser, "open", identity_center.approve)
    token = my_tool.login(identity_center.start_url, identity_center.region)
    assert my_tool.accounts(token, identity_center.region) == ["123456789012"]
