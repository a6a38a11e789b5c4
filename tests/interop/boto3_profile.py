"""Print a profile's token, credentials or portal lists as JSON: `boto3_profile.py token|credentials|portal PROFILE`."""

import json
import sys

import boto3
import botocore.session
from botocore.tokens import create_token_resolver


def token(profile: str) -> dict[str, str]:
    session = botocore.session.Session(profile=profile)
    return {"token": create_token_resolver(session).load_token().get_frozen_token().token}


def credentials(profile: str) -> dict[str, str | None]:
    found = boto3.Session(profile_name=profile).get_credentials()
    assert found is not None
    frozen = found.get_frozen_credentials()
    return {
        "method": found.method,
        "access_key": frozen.access_key,
        "secret_key": frozen.secret_key,
        "token": frozen.token,
    }


def portal(profile: str) -> dict[str, object]:
    """List accounts and roles page by page, get credentials, and sign out."""
    session = boto3.Session(profile_name=profile)
    bearer = token(profile)["token"]
    client = session.client("sso")
    pages = client.get_paginator("list_accounts").paginate(
        accessToken=bearer, PaginationConfig={"PageSize": 1}
    )
    accounts = [account for page in pages for account in page["accountList"]]
    roles = client.list_account_roles(accessToken=bearer, accountId=accounts[0]["accountId"])
    client.logout(accessToken=bearer)
    try:
        client.list_accounts(accessToken=bearer)
    except client.exceptions.UnauthorizedException as error:
        after = error.response["Error"]
    return {"accounts": accounts, "roles": roles["roleList"], "after": after}


if __name__ == "__main__":
    what, named = sys.argv[1:]
    actions = {"token": token, "credentials": credentials, "portal": portal}
    sys.stdout.write(json.dumps(actions[what](named)))
