"""The files in the AWS tools' own case tables, on a disk: found under their names, and rewritten."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from ssooidc_core._cache_files import RegistrationFile, RoleCredentialsFile, TokenFile
from ssooidc_core._cache_keys import (
    registration_cache_key,
    role_credentials_cache_key,
    token_cache_key,
)
from ssooidc_core.errors import CacheFileInvalid
from ssooidc_login.stores.aws_cache import AwsCacheStore
from ssooidc_login.stores.store import StoreKey


@pytest.fixture
def store(tmp_path: Path) -> AwsCacheStore:
    return AwsCacheStore(tmp_path, warn=pytest.fail)


def put(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_bytes(content.encode())


def got(store: AwsCacheStore, key: StoreKey) -> str:
    document = store.load(key)
    assert document is not None
    return document.get_secret_value()


def test_token_files_have_the_names_of_five_sdks(
    case_tables: dict[str, Any], store: AwsCacheStore, tmp_path: Path
) -> None:
    keys: dict[str, str] = case_tables["cache-keys"]["token"]
    assert len(keys) == 6
    for name, key in keys.items():
        put(tmp_path / f".aws/sso/cache/{key}.json", name)
        assert got(store, StoreKey("token", token_cache_key(name))) == name


def test_registrations_have_the_names_of_the_cli(
    case_tables: dict[str, Any], store: AwsCacheStore, tmp_path: Path
) -> None:
    case = case_tables["cache-keys"]["registration"]
    name = registration_cache_key(
        start_url=case["start_url"], region=case["region"], scopes=None, session_name=None
    )
    written = json.dumps(case_tables["device-login"]["registration"]["file"])
    put(tmp_path / f".aws/sso/cache/{case['key']}.json", written)
    key = StoreKey("registration", name)
    file = RegistrationFile.from_text(got(store, key))
    assert file.expires_at == datetime(2008, 9, 23, 12, 43, 20, tzinfo=UTC)
    store.save(key, SecretStr(file.to_text_with_secrets()))
    assert store.path(key).read_text(encoding="utf-8") == written


def test_the_token_files_of_five_sdks_are_read(
    case_tables: dict[str, Any], store: AwsCacheStore
) -> None:
    key = StoreKey("token", token_cache_key("my-sso"))
    cases = case_tables["cache-files"]["read"]
    assert len(cases) == 12
    for case in cases:
        put(store.path(key), case["text"])
        if "refused" in case:
            with pytest.raises(CacheFileInvalid):
                TokenFile.from_text(got(store, key))
            continue
        token = TokenFile.from_text(got(store, key))
        assert token.expires_at.timestamp() == case["ends"]
        store.save(key, SecretStr(token.to_text_with_secrets()))
        assert list(json.loads(store.path(key).read_bytes())) == [
            {"startURL": "startUrl"}.get(name, name) for name in json.loads(case["text"])
        ]


def test_the_file_that_rust_writes_is_read_and_keeps_its_order(
    case_tables: dict[str, Any], store: AwsCacheStore, tmp_path: Path
) -> None:
    table = case_tables["cache-files"]["written"]
    put(tmp_path / ".aws/sso/cache" / table["file"], table["text"])
    key = StoreKey("token", token_cache_key(table["session_name"]))
    token = TokenFile.from_text(got(store, key))
    assert token.access_token.get_secret_value() == table["access_token"]
    store.save(key, SecretStr(token.to_text_with_secrets()))
    content = store.path(key).read_text(encoding="utf-8")
    # The same file, with the separators that the CLI writes.
    assert content == json.dumps(json.loads(table["text"]))


def test_role_credentials_are_where_the_cli_has_them(
    case_tables: dict[str, Any], store: AwsCacheStore, tmp_path: Path
) -> None:
    table = case_tables["role-credentials"]
    path = tmp_path / table["folder"].removeprefix("~/") / f"{table['key']}.json"
    written = json.dumps(json.loads(table["content"]))
    put(path, written)
    name = role_credentials_cache_key(
        account_id=table["account_id"],
        role_name=table["role_name"],
        session_name=None,
        start_url=table["start_url"],
    )
    key = StoreKey("role-credentials", name)
    assert store.path(key) == path
    file = RoleCredentialsFile.from_text(got(store, key))
    store.save(key, SecretStr(file.to_text_with_secrets()))
    assert path.read_text(encoding="utf-8") == written


def test_the_token_file_that_the_cli_writes_comes_back_byte_for_byte(
    case_tables: dict[str, Any], store: AwsCacheStore
) -> None:
    written = json.dumps(case_tables["device-login"]["token"]["file"])
    key = StoreKey("token", token_cache_key(json.loads(written)["startUrl"]))
    put(store.path(key), written)
    token = TokenFile.from_text(got(store, key))
    store.save(key, SecretStr(token.to_text_with_secrets()))
    assert store.path(key).read_text(encoding="utf-8") == written
