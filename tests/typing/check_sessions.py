"""What a session returns is typed as precisely as it is known. mypy and pyright read this file; nobody runs it."""

from __future__ import annotations

from typing import assert_type

from ssooidc_core import ClientConfig, SecretStr, TemporaryCredentials
from ssooidc_login import AsyncSsoSession, RoleSession, SsoSession


def a_role(session: SsoSession) -> ClientConfig:
    role = session.credentials()
    assert_type(role, RoleSession)
    assert_type(role.credentials, TemporaryCredentials)
    assert_type(role.credentials.session_token, SecretStr)
    return ClientConfig(region="us-east-1", credentials=role.credentials)


async def a_role_async(session: AsyncSsoSession) -> None:
    assert_type((await session.credentials()).credentials.session_token, SecretStr)
