"""The directory: what it refuses, the order of its lists, and its repr."""

from __future__ import annotations

import pytest

from ssooidc_emulator import AccessKey, Account, Directory, User


@pytest.fixture
def directory() -> Directory:
    return Directory.example()


def test_the_example(directory: Directory) -> None:
    assert directory.users == (User(name="user", user_id="user", email="user@example.com"),)
    account = Account(
        account_id="123456789012",
        name="Example account",
        email="account-123456789012@example.com",
    )
    assert directory.accounts == directory.accounts_of("user") == (account,)
    roles = directory.roles_of("user", account_id="123456789012")
    assert roles == ("AdministratorAccess", "ReadOnly")


@pytest.mark.parametrize("name", ["", "user"])
def test_a_name_that_no_new_user_has(name: str, directory: Directory) -> None:
    with pytest.raises(
        ValueError, match=f"A user's name must be unique and not empty, unlike '{name}'"
    ):
        directory.add_user(name)


@pytest.mark.parametrize(
    "account_id", ["", "12345678901", "1234567890123", "12345678901x", "１" * 12]
)
def test_an_id_that_no_account_has(account_id: str, directory: Directory) -> None:
    with pytest.raises(ValueError, match="An account id must have 12 digits and be unique"):
        directory.add_account(account_id)


def test_an_account_that_there_is_already(directory: Directory) -> None:
    with pytest.raises(ValueError, match="be unique, unlike '123456789012'"):
        directory.add_account("123456789012")


@pytest.mark.parametrize(
    ("user", "account_id", "role_name", "problem"),
    [
        ("jane", "123456789012", "R", "No user 'jane': call directory.add_user first"),
        (
            "user",
            "111122223333",
            "R",
            "No account '111122223333': call directory.add_account first",
        ),
        ("user", "123456789012", "", "A role's name must have 1 to 32 letters"),
        ("user", "123456789012", "x" * 33, "A role's name must have 1 to 32 letters"),
        ("user", "123456789012", "a\n", "A role's name must have 1 to 32 letters"),
    ],
)
def test_what_cannot_be_assigned(
    user: str, account_id: str, role_name: str, problem: str, directory: Directory
) -> None:
    with pytest.raises(ValueError, match=problem):
        directory.assign(user, account_id=account_id, role_name=role_name)


def test_assigning_twice_is_as_once(directory: Directory) -> None:
    for _ in range(2):
        directory.assign("user", account_id="123456789012", role_name="New")
    directory.unassign("user", account_id="123456789012", role_name="New")
    assert not directory.has_role("user", account_id="123456789012", role_name="New")
    with pytest.raises(ValueError, match="User 'user' has no role 'New' in account '123456789012'"):
        directory.unassign("user", account_id="123456789012", role_name="New")


def test_someone(directory: Directory) -> None:
    jane = directory.add_user("jane")
    assert directory.someone(None).name == "user"
    assert directory.someone("jane") == jane
    with pytest.raises(ValueError, match=r"No user 'joe': call directory\.add_user first"):
        directory.someone("joe")
    with pytest.raises(ValueError, match=r"No user: call directory\.add_user first"):
        Directory().someone(None)


@pytest.mark.parametrize("attribute", ["name", "user_id", "email"])
def test_the_one_user_with_an_attribute(attribute: str, directory: Directory) -> None:
    jane = directory.add_user("jane", user_id="u-1", email="jane@corp.example")
    assert directory.user_with(attribute, getattr(jane, attribute)) == jane
    assert directory.user_with(attribute, "nobody") is None


def test_an_address_of_two_users_finds_neither(directory: Directory) -> None:
    directory.add_user("jane", email="user@example.com")
    assert directory.user_with("email", "user@example.com") is None


def test_an_access_key_shows_no_secret(directory: Directory) -> None:
    key = AccessKey(
        access_key_id="AKIA", secret_access_key="CANARY-secret", session_token="CANARY-session"
    )
    directory.add_access_key(key)
    assert directory.access_key("AKIA") == key
    assert "CANARY" not in repr(key) + repr(directory)
