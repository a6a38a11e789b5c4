"""botocore's models match our code, and the check detects possible changes to them.

`nox -s drift` installs the newest botocore and runs this folder.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import botocore
import pytest
from botocore.loaders import Loader

if TYPE_CHECKING:
    from tests.conformance.conftest import Tally
    from tests.conformance.drift.conftest import Check

GROUP: Final = "drift"
OIDC: Final = "sso-oidc"
STRING: Final = {"shape": "ClientId"}
OPERATIONS: Final = "ssooidc_core/_operations"
PORTAL: Final = "ssooidc_core/portal"
ERRORS: Final = "ssooidc_core/errors.py"

Data: TypeAlias = dict[str, Any]


def test_the_models_of_this_botocore_are_what_we_have(
    botocore_data: Data, model_drift: Check, tally: Tally
) -> None:
    lines = model_drift(botocore_data)
    assert not lines, "\n".join([f"botocore {botocore.__version__}:", *lines])
    for service in (OIDC, "sso"):
        model = botocore_data[service]["service-2"]
        tally.ran(len(model["operations"]) + len(model["shapes"]))


EDITS: Final[dict[str, tuple[str, Callable[[Data], object], list[str]]]] = {
    "an operation": (
        OIDC,
        lambda data: data["service-2"]["operations"].update(
            RevokeToken=data["service-2"]["operations"]["CreateToken"] | {"name": "RevokeToken"}
        ),
        [f"new operation RevokeToken: a module in {OPERATIONS}/"],
    ),
    "no operation": (
        "sso",
        lambda data: data["service-2"]["operations"].pop("Logout"),
        [f"operation Logout is gone: {PORTAL}/_logout.py"],
    ),
    "a member of a request": (
        OIDC,
        lambda data: shape(data, "CreateTokenRequest").update(audience=STRING),
        [f"CreateToken: request: new member audience (string): {OPERATIONS}/create_token.py"],
    ),
    "a member of a response": (
        OIDC,
        lambda data: shape(data, "RegisterClientResponse").update(issuedAt={"shape": "Scopes"}),
        [f"RegisterClient: response: new member issuedAt (list): {OPERATIONS}/register_client.py"],
    ),
    "a member within a list": (
        "sso",
        lambda data: shape(data, "RoleInfo").update(roleArn={"shape": "RoleNameType"}),
        [
            (
                "ListAccountRoles: response: roleList: new member roleArn (string): "
                f"{PORTAL}/_list_account_roles.py"
            )
        ],
    ),
    "a member within a structure": (
        OIDC,
        lambda data: shape(data, "AwsAdditionalDetails").update(more=STRING),
        [
            (
                "CreateTokenWithIAM: response: awsAdditionalDetails: new member more (string): "
                f"{OPERATIONS}/create_token_with_iam.py"
            )
        ],
    ),
    "no member": (
        OIDC,
        lambda data: shape(data, "CreateTokenResponse").pop("idToken"),
        [f"CreateToken: response: member idToken is gone: {OPERATIONS}/create_token.py"],
    ),
    "a member of a response that had none": (
        "sso",
        lambda data: (
            data["service-2"]["operations"]["Logout"].update(output={"shape": "LogoutResponse"}),
            data["service-2"]["shapes"].update(
                LogoutResponse={"type": "structure", "members": {"done": {"shape": "RoleNameType"}}}
            ),
        ),
        [f"Logout: response: new member done (string): {PORTAL}/_logout.py"],
    ),
    "a member of another type": (
        OIDC,
        lambda data: shape(data, "CreateTokenRequest").update(scope=STRING),
        [
            (
                "CreateToken: request: member scope is of type string now, it was list: "
                f"{OPERATIONS}/create_token.py"
            )
        ],
    ),
    "a required member": (
        OIDC,
        lambda data: data["service-2"]["shapes"]["RegisterClientRequest"]["required"].append(
            "scopes"
        ),
        [
            f"RegisterClient: request: member scopes is required now: {OPERATIONS}/register_client.py"
        ],
    ),
    "a required member of some grants": (
        OIDC,
        lambda data: data["service-2"]["shapes"]["CreateTokenRequest"]["required"].append(
            "redirectUri"
        ),
        [
            f"CreateToken: request: member redirectUri is required now, also in {grant}: "
            f"{OPERATIONS}/create_token.py"
            for grant in ("DeviceCodeGrant", "RefreshTokenGrant")
        ],
    ),
    "a sensitive member": (
        OIDC,
        lambda data: data["service-2"]["shapes"]["UserCode"].update(sensitive=True),
        [
            (
                "StartDeviceAuthorization: response: member userCode is sensitive now, make it a Secret: "
                f"{OPERATIONS}/start_device_authorization.py"
            )
        ],
    ),
    "a deprecated member": (
        OIDC,
        lambda data: shape(data, "CreateTokenResponse")["idToken"].update(deprecated=True),
        [f"CreateToken: response: member idToken is deprecated now: {OPERATIONS}/create_token.py"],
    ),
    "values of a member": (
        OIDC,
        lambda data: data["service-2"]["shapes"]["ClientType"].update(enum=["public", "private"]),
        [
            f"RegisterClient: request: member clientType has a list of values now, with {value!r}: "
            f"{OPERATIONS}/register_client.py"
            for value in ("public", "private")
        ],
    ),
    "an error": (
        OIDC,
        lambda data: (
            data["service-2"]["shapes"].update(
                InvalidTargetException=data["service-2"]["shapes"]["InvalidGrantException"]
            ),
            data["service-2"]["operations"]["CreateToken"]["errors"].append(
                {"shape": "InvalidTargetException"}
            ),
        ),
        [
            f"CreateToken may fail with InvalidTargetException now: {OPERATIONS}/create_token.py",
            f"new error InvalidTargetException: {ERRORS}",
        ],
    ),
    "an error less": (
        "sso",
        lambda data: data["service-2"]["operations"]["ListAccounts"]["errors"].pop(),
        [
            f"ListAccounts no longer fails with ResourceNotFoundException: {PORTAL}/_list_accounts.py"
        ],
    ),
    "an error that is gone": (
        OIDC,
        lambda data: data["service-2"]["shapes"]["InvalidScopeException"].update(exception=False),
        [f"error InvalidScopeException is gone: {ERRORS}"],
    ),
    "a member of an error": (
        OIDC,
        lambda data: shape(data, "SlowDownException").update(interval=STRING),
        [f"SlowDownException: new member interval: {ERRORS}"],
    ),
    "a status of an error": (
        OIDC,
        lambda data: data["service-2"]["shapes"]["SlowDownException"]["error"].update(
            httpStatusCode=429
        ),
        [("SlowDownException has status 429 now, it was 400: ssooidc_core/errors.py")],
    ),
    "an error to retry": (
        OIDC,
        lambda data: data["service-2"]["shapes"]["SlowDownException"].update(
            retryable={"throttling": True}
        ),
        ["SlowDownException is retryable now: ssooidc_core/policies.py"],
    ),
    "a value of an enum": (
        OIDC,
        lambda data: data["service-2"]["shapes"]["InvalidRequestExceptionReason"]["enum"].append(
            "KMS_Odd"
        ),
        [
            "InvalidRequestException: new value 'KMS_Odd' of reason: ssooidc_emulator/_oidc/refusals.py"
        ],
    ),
    "a value less of an enum": (
        OIDC,
        lambda data: data["service-2"]["shapes"]["AccessDeniedExceptionReason"].pop("enum"),
        [
            (
                "AccessDeniedException: value 'KMS_AccessDeniedException' of reason is gone: "
                "ssooidc_emulator/_oidc/refusals.py"
            )
        ],
    ),
    "another path": (
        OIDC,
        lambda data: data["service-2"]["operations"]["RegisterClient"]["http"].update(
            requestUri="/register?v=2"
        ),
        [
            (
                "RegisterClient is sent as POST /register?v [] now, "
                f"RegisterClientRequest as POST /client/register? []: {OPERATIONS}/register_client.py"
            )
        ],
    ),
    "another place of a member": (
        "sso",
        lambda data: shape(data, "ListAccountsRequest")["maxResults"].update(location="header"),
        [
            (
                "ListAccounts is sent as GET /assignment/accounts?next_token "
                "[max_result, x-amz-sso_bearer_token] now, ListAccountsRequest as "
                "GET /assignment/accounts?max_result&next_token [x-amz-sso_bearer_token]: "
                f"{PORTAL}/_list_accounts.py"
            )
        ],
    ),
    "a signature": (
        OIDC,
        lambda data: data["service-2"]["operations"]["CreateToken"].pop("authtype"),
        [f"CreateToken is signed now: {OPERATIONS}/create_token.py"],
    ),
    "no signature": (
        OIDC,
        lambda data: data["service-2"]["operations"]["CreateTokenWithIAM"].update(authtype="none"),
        [f"CreateTokenWithIAM is not signed now: {OPERATIONS}/create_token_with_iam.py"],
    ),
    "a deprecated operation": (
        "sso",
        lambda data: data["service-2"]["operations"]["Logout"].update(deprecated=True),
        [f"Logout is deprecated now: {PORTAL}/_logout.py"],
    ),
    "another signing name": (
        OIDC,
        lambda data: data["service-2"]["metadata"].update(signingName="sso-oidc"),
        ["signingName is 'sso-oidc' now, it was 'sso-oauth': ssooidc_core/_program.py"],
    ),
    "a paginator": (
        OIDC,
        lambda data: data["paginators-1"]["pagination"].update(ListClients={"input_token": "t"}),
        ["new paginator ListClients: ssooidc_core/flows/portal.py"],
    ),
    "another paginator": (
        "sso",
        lambda data: data["paginators-1"]["pagination"]["ListAccounts"].update(result_key="all"),
        [
            (
                "paginator ListAccounts is ('nextToken', 'nextToken', 'maxResults', 'all') now, "
                "it was ('nextToken', 'nextToken', 'maxResults', 'accountList'): "
                "ssooidc_core/flows/portal.py"
            )
        ],
    ),
    "a paginator less": (
        "sso",
        lambda data: data["paginators-1"]["pagination"].pop("ListAccounts"),
        ["paginator ListAccounts is gone: ssooidc_core/flows/portal.py"],
    ),
    "a waiter": (
        OIDC,
        lambda data: data["waiters-2"].update(version=2, waiters={"TokenReady": {}}),
        ["new waiter TokenReady: a flow in ssooidc_core/flows/"],
    ),
}


def shape(data: Data, name: str) -> Data:
    members: Data = data["service-2"]["shapes"][name]["members"]
    return members


@pytest.mark.parametrize("edit", EDITS)
def test_what_is_new_is_named_with_the_file_to_change(
    edit: str, botocore_data: Data, new_model_drift: Check, tally: Tally
) -> None:
    service, change, lines = EDITS[edit]
    change(botocore_data[service])
    assert new_model_drift(botocore_data) == [f"{service}: {line}" for line in lines]
    tally.ran()


def test_new_words_are_no_drift(botocore_data: Data, new_model_drift: Check, tally: Tally) -> None:
    """Documentation, and shapes that nothing refers to, change with every release."""
    model = botocore_data[OIDC]["service-2"]
    model["documentation"] = model["operations"]["CreateToken"]["documentation"] = "new"
    model["shapes"]["Unused"] = {"type": "map"}
    assert new_model_drift(botocore_data) == []
    tally.ran()


def test_a_folder_of_data_can_stand_in_for_the_installed_botocore(
    tmp_path: Path, new_model_drift: Check, read_botocore: Callable[[Loader], Data], tally: Tally
) -> None:
    """For example a checkout of botocore that is not installed."""
    data = Path(botocore.__file__).parent / "data"
    for service in (OIDC, "sso"):
        shutil.copytree(data / service, tmp_path / service)
    shutil.copy(data / "partitions.json", tmp_path)
    loader = Loader(extra_search_paths=[str(tmp_path)], include_default_search_paths=False)
    edited = read_botocore(loader)["sso"]["service-2"]
    edited["operations"].pop("Logout")
    (tmp_path / "sso" / "2019-06-10" / "service-2.json").write_text(json.dumps(edited))
    (tmp_path / "sso" / "2019-06-10" / "service-2.json.gz").unlink()
    again = Loader(extra_search_paths=[str(tmp_path)], include_default_search_paths=False)
    assert new_model_drift(read_botocore(again)) == [
        f"sso: operation Logout is gone: {PORTAL}/_logout.py"
    ]
    tally.ran()
