"""The files of `AwsCacheStore` and botocore's: each reads what the other wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.utils import JSONFileCache, SSOTokenLoader
from pydantic import SecretStr

from ssooidc_core._cache_files import TokenFile
from ssooidc_core._cache_keys import token_cache_key
from ssooidc_login.stores.aws_cache import AwsCacheStore
from ssooidc_login.stores.store import StoreKey

START_URL = "https://d-1234567890.awsapps.com/start"
TOKEN: dict[str, Any] = {
    "startUrl": START_URL,
    "region": "us-east-1",
    "accessToken": "aoa\u00e9",
    "expiresAt": "2026-01-31T12:00:00Z",
    "clientId": "id",
    "clientSecret": "secret",
    "registrationExpiresAt": "2026-04-30T12:00:00Z",
    "refreshToken": "aor",
}


def save(loader: SSOTokenLoader, token: dict[str, Any], session_name: str | None = None) -> None:
    # The stubs declare the token as a string.
    save_token: Any = loader.save_token
    save_token(START_URL, token, session_name)


@pytest.mark.parametrize("session_name", [None, "my-sso", "caf\u00e9"])
def test_each_reads_what_the_other_wrote(tmp_path: Path, session_name: str | None) -> None:
    store = AwsCacheStore(tmp_path, warn=pytest.fail)
    key = StoreKey("token", token_cache_key(session_name or START_URL))
    loader = SSOTokenLoader(cache=JSONFileCache(str(store.path(key).parent)))
    store.save(key, SecretStr(json.dumps(TOKEN)))
    assert loader(START_URL, session_name) == TOKEN

    newer = {**TOKEN, "accessToken": "newer"}
    save(loader, newer, session_name)
    document = store.load(key)
    assert document is not None
    token = TokenFile.from_text(document.get_secret_value())
    assert token.access_token.get_secret_value() == "newer"
    assert store.path(key).read_text(encoding="utf-8") == token.to_text_with_secrets()


def test_botocore_reads_and_writes_while_a_key_is_locked(tmp_path: Path) -> None:
    store = AwsCacheStore(tmp_path, warn=pytest.fail)
    key = StoreKey("token", token_cache_key(START_URL))
    loader = SSOTokenLoader(cache=JSONFileCache(str(store.path(key).parent)))
    lock = store.try_lock(key)
    assert lock is not None
    save(loader, TOKEN)
    assert loader(START_URL) == TOKEN
    assert lock.is_held()
