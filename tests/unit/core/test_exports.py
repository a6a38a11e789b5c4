"""The exports of the package: each list is written out, so that no name is added or removed by accident."""

from __future__ import annotations

import importlib
import importlib.metadata
import pkgutil
import subprocess
import sys
from types import ModuleType
from typing import Final

import pytest
from pydantic import SecretStr

import ssooidc_core
import ssooidc_core.flows

FACES = {
    "ssooidc_core": """
        AccessDeniedException AsyncTransport AuthorizationCodeGrant AuthorizationPendingException
        AwsAdditionalDetails ClientConfig ConfigurationError ConnectFailed ConnectionLost CreateToken
        CreateTokenError CreateTokenRequest CreateTokenResponse CreateTokenWithIAM CreateTokenWithIAMError
        CacheFileInvalid CallbackMismatch CallbackRefused CodeLoginExpired
        CreateTokenWithIAMRequest CreateTokenWithIAMResponse Credentials CredentialsProvider DeviceCodeGrant
        DeviceLoginExpired Event ExpiredTokenException Flow Headers HttpRequest HttpResponse
        IamAuthorizationCodeGrant IamRefreshTokenGrant Instant InternalServerException InvalidClientException
        InvalidClientMetadataException InvalidGrantException InvalidRedirectUriException
        InvalidRequestException InvalidRequestRegionException InvalidScopeException JwtBearerGrant LoginError
        Now Operation Program RefreshTokenGrant RegisterClient RegisterClientError RegisterClientRequest
        RegisterClientResponse RegistrationGone ResponseParseError ResponseTooLarge SecretStr ServiceError
        SessionExpired Sleep SlowDownException SsoOidcError StartDeviceAuthorization
        StartDeviceAuthorizationError StartDeviceAuthorizationRequest StartDeviceAuthorizationResponse Steps
        TemporaryCredentials Timeout TokenExchangeGrant Transport TransportError UnauthorizedClientException
        UnknownServiceError UnsupportedGrantTypeException __version__ aattempt arun attempt create_token
        create_token_with_iam flow register_client run start_device_authorization
    """,
    "ssooidc_core.portal": """
        AccountInfo GetRoleCredentials GetRoleCredentialsError GetRoleCredentialsRequest
        GetRoleCredentialsResponse InvalidRequestException ListAccountRoles ListAccountRolesError
        ListAccountRolesRequest ListAccountRolesResponse ListAccounts ListAccountsError ListAccountsRequest
        ListAccountsResponse Logout LogoutError LogoutRequest ResourceNotFoundException RoleCredentials
        RoleInfo TooManyRequestsException UnauthorizedException get_role_credentials list_account_roles
        list_accounts logout
    """,
}


def core_modules() -> list[ModuleType]:
    names = [
        info.name for info in pkgutil.walk_packages(ssooidc_core.__path__, prefix="ssooidc_core.")
    ]
    return [ssooidc_core, *(importlib.import_module(name) for name in names)]


@pytest.mark.parametrize(("name", "expected"), FACES.items())
def test_the_names_of_a_module_are_pinned(name: str, expected: str) -> None:
    module = importlib.import_module(name)
    assert sorted(module.__all__) == sorted(expected.split())


def test_every_exported_name_exists_once() -> None:
    for module in core_modules():
        exported: list[str] = getattr(module, "__all__", [])
        assert len(exported) == len(set(exported)), module.__name__
        missing = [name for name in exported if not hasattr(module, name)]
        assert missing == [], module.__name__


@pytest.mark.parametrize("name", FACES)
def test_every_public_name_of_a_face_is_in_its_list(name: str) -> None:
    """Submodules are imported by their own names."""
    module = importlib.import_module(name)
    public = {
        each
        for each, value in vars(module).items()
        if not each.startswith("_") and not isinstance(value, ModuleType) and each != "annotations"
    }
    assert public == set(module.__all__) - {"__version__"}


PUBLIC: Final = [
    *FACES,
    "ssooidc_core.aws_config",
    "ssooidc_core.errors",
    "ssooidc_core.flows",
    "ssooidc_core.flows.authorization_code",
    "ssooidc_core.flows.device",
    "ssooidc_core.flows.portal",
    "ssooidc_core.flows.refresh",
    "ssooidc_core.policies",
    "ssooidc_core.sso_settings",
]


def test_every_module_is_public_and_has_its_list_or_is_private() -> None:
    public = [module for module in core_modules() if "._" not in module.__name__]
    assert sorted(module.__name__ for module in public) == sorted(PUBLIC)
    assert [module.__name__ for module in public if not hasattr(module, "__all__")] == []


@pytest.mark.parametrize("name", [*FACES, "ssooidc_core.flows"])
def test_dir_of_a_face_shows_what_it_exports(name: str) -> None:
    module = importlib.import_module(name)
    assert dir(module) == sorted(module.__all__)


def test_each_module_of_flows_is_imported_alone() -> None:
    code = (
        "import sys; from ssooidc_core.flows import refresh; "
        "print(*sorted(name for name in sys.modules if name.startswith('ssooidc_core.flows')))"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter and our own code
        [sys.executable, "-Ic", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["ssooidc_core.flows", "ssooidc_core.flows.refresh"]


def test_the_portals_names_do_not_hide_sso_oidcs() -> None:
    portal = importlib.import_module("ssooidc_core.portal")
    assert portal.InvalidRequestException is not ssooidc_core.InvalidRequestException
    shared = set(ssooidc_core.__all__) & set(portal.__all__)
    assert shared == {"InvalidRequestException"}


def test_secret_str_is_pydantics() -> None:
    assert ssooidc_core.SecretStr is SecretStr


def test_the_version_is_that_of_the_distribution() -> None:
    assert ssooidc_core.__version__ == importlib.metadata.version("ssooidc-core")


def test_every_module_says_what_it_is_for() -> None:
    undocumented = [module.__name__ for module in core_modules() if not module.__doc__]
    assert [name for name in undocumented if name != "ssooidc_core._version"] == []


@pytest.mark.parametrize("name", ssooidc_core.flows.__all__)
def test_a_flow_module_is_an_attribute_of_its_package(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module(f"ssooidc_core.flows.{name}")
    monkeypatch.delattr(ssooidc_core.flows, name)
    assert getattr(ssooidc_core.flows, name) is module


def test_there_are_no_other_flows() -> None:
    with pytest.raises(AttributeError, match=r"'ssooidc_core\.flows' has no attribute 'login'\Z"):
        ssooidc_core.flows.login  # type: ignore[attr-defined]  # noqa: B018
