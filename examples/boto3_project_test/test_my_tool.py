import webbrowser

import my_tool
import pytest

from ssooidc_emulator import IdentityCenter


@pytest.mark.usefixtures("identity_center_environment")
def test_login(identity_center: IdentityCenter, monkeypatch: pytest.MonkeyPatch) -> None:
    # The URL that the tool opens ends with the user code: approve it instead of opening the page.
    monkeypatch.setattr(webbrowser, "open", lambda url: identity_center.approve(url[-9:]))
    token = my_tool.login(identity_center.start_url, identity_center.region)
    assert my_tool.accounts(token, identity_center.region) == ["123456789012"]
