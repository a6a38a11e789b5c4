"""A tool, like many others, that signs a person in with a device code and lists their accounts, using only boto3."""

import time
import webbrowser

import boto3


def login(start_url: str, region: str) -> str:
    """Sign in and return the access token."""
    oidc = boto3.client("sso-oidc", region_name=region)
    client = oidc.register_client(clientName="my-tool", clientType="public")
    who = {"clientId": client["clientId"], "clientSecret": client["clientSecret"]}
    device = oidc.start_device_authorization(**who, startUrl=start_url)
    print(f"Open {device['verificationUri']} and enter {device['userCode']}")
    webbrowser.open(device["verificationUriComplete"])
    while True:
        try:
            token = oidc.create_token(
                **who,
                grantType="urn:ietf:params:oauth:grant-type:device_code",
                deviceCode=device["deviceCode"],
            )
        except oidc.exceptions.AuthorizationPendingException:
            time.sleep(device["interval"])
        else:
            return str(token["accessToken"])


def accounts(token: str, region: str) -> list[str]:
    """Return the ids of the accounts that the person may use."""
    sso = boto3.client("sso", region_name=region)
    pages = sso.get_paginator("list_accounts").paginate(accessToken=token)
    return [account["accountId"] for page in pages for account in page["accountList"]]
