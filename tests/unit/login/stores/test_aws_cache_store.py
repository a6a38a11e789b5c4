"""`AwsCacheStore`: the files that it makes, the files that it refuses to touch, and its error messages."""

from __future__ import annotations

import errno
import logging
import os
import pickle
import stat
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from ssooidc_core._cache_files import RegistrationFile, RoleCredentialsFile, TokenFile
from ssooidc_core.errors import CacheFileInvalid
from ssooidc_login.errors import StoreError
from ssooidc_login.stores.aws_cache import AwsCacheStore
from ssooidc_login.stores.store import StoreKey

TOKEN = StoreKey("token", "d033e22ae348aeb5660fc2140aec35850c4da997")
REGISTRATION = StoreKey("registration", "365414a68be7c9bfc776c660981dbdbd942acea4")
ROLE = StoreKey("role-credentials", "048db75bbe50955c16af7aba6ff9c41a3131bb7e")
CANARY = "canary-in-a-document-77c1"
OLD, NEW = SecretStr("old " * 10), SecretStr(f"{CANARY} " * 10)
SOMEBODY = 65_534  # the user `nobody`, on most systems


@pytest.fixture
def store(tmp_path: Path) -> AwsCacheStore:
    return AwsCacheStore(tmp_path, warn=pytest.fail)


@pytest.fixture
def umask() -> Iterator[Callable[[int], object]]:
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


@pytest.fixture
def give_away(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Change the owner of a file; if only root could, change the user of this process instead."""

    def give(path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, SOMEBODY, SOMEBODY)
        elif path.stat().st_uid == os.geteuid():
            monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)

    return give


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refused(call: Callable[[], object]) -> str:
    """Return the text of a `StoreError`, after checking that no form of it shows part of a document."""
    with pytest.raises(StoreError) as caught:
        call()
    error = caught.value
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    assert CANARY not in "".join(told.format())
    assert (error.__cause__, error.__context__) == (None, None)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    return str(error)


def test_each_kind_is_where_aws_tools_look(store: AwsCacheStore, tmp_path: Path) -> None:
    for key, folder in ((TOKEN, "sso"), (REGISTRATION, "sso"), (ROLE, "cli")):
        store.save(key, SecretStr(f'{{"a": "\u00e9{key.kind}"}}'))
        path = tmp_path / ".aws" / folder / "cache" / f"{key.name}.json"
        assert store.path(key) == path
        assert path.read_bytes() == f'{{"a": "\u00e9{key.kind}"}}'.encode()


def test_the_home_folder_is_that_of_the_aws_tools(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    store = AwsCacheStore()
    expected = os.path.expanduser(os.path.join("~", ".aws", "sso", "cache"))  # noqa: PTH111, PTH118 - botocore's words
    assert str(store.path(TOKEN).parent) == expected
    assert repr(store) == f"AwsCacheStore({str(tmp_path)!r})"
    monkeypatch.setenv("HOME", "/elsewhere")
    assert str(store.path(TOKEN).parent) == expected


def test_a_relative_home_stays_where_it_was(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    store = AwsCacheStore(Path("home"))
    monkeypatch.chdir("/")
    store.save(TOKEN, OLD)
    assert (tmp_path / "home" / ".aws" / "sso" / "cache" / f"{TOKEN.name}.json").exists()


def test_without_a_home_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = "Cannot determine the home directory: set HOME to its path"
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert refused(AwsCacheStore) == expected
    monkeypatch.undo()
    monkeypatch.setenv("HOME", "not/absolute")
    assert refused(AwsCacheStore) == expected


def test_without_filelock_it_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ssooidc_login.stores.aws_cache.find_spec", lambda _name: None)
    with pytest.raises(ImportError, match=r'pip install "ssooidc-core\[login\]"'):
        AwsCacheStore()


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o277])
def test_what_it_makes_is_closed_to_others_whatever_the_umask(
    store: AwsCacheStore, tmp_path: Path, umask: Callable[[int], object], mask: int
) -> None:
    umask(mask & 0o077)
    store.path(TOKEN).parent.mkdir(parents=True, mode=0o700)
    (tmp_path / ".aws").chmod(0o755)
    (tmp_path / ".aws" / "sso").chmod(0o755)
    umask(mask)
    store.save(TOKEN, NEW)
    lock = store.try_lock(TOKEN)
    assert lock is not None
    assert mode(store.path(TOKEN)) == 0o600
    assert mode(Path(f"{store.path(TOKEN)}.lock")) == 0o600


def test_folders_that_it_makes_are_closed_to_others(
    tmp_path: Path, umask: Callable[[int], object]
) -> None:
    umask(0)
    home = tmp_path / "new" / "home"
    AwsCacheStore(home, warn=pytest.fail).save(TOKEN, NEW)
    made = [tmp_path / "new", home, home / ".aws", home / ".aws/sso", home / ".aws/sso/cache"]
    assert [mode(folder) for folder in made] == [0o700] * 5


def test_saving_closes_a_file_that_another_tool_left_open(store: AwsCacheStore) -> None:
    store.save(TOKEN, OLD)
    store.path(TOKEN).chmod(0o644)
    assert store.load(TOKEN) == OLD
    store.save(TOKEN, NEW)
    assert mode(store.path(TOKEN)) == 0o600


def test_a_folder_that_others_can_write_keeps_its_mode_and_is_told_of_once(tmp_path: Path) -> None:
    told: list[str] = []
    store = AwsCacheStore(tmp_path, warn=told.append)
    folder = store.path(TOKEN).parent
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    for _ in range(3):
        store.save(TOKEN, NEW)
        assert store.try_lock(ROLE) is None or not told[1:]
    assert mode(folder) == 0o777
    assert told == [
        f"Other users can replace the tokens in {folder}: change its owner to you and its mode to 0700"
    ]


def test_the_warning_goes_to_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws").chmod(0o775)
    with caplog.at_level(logging.WARNING):
        AwsCacheStore(tmp_path).save(TOKEN, NEW)
    assert [(each.name, each.levelname, each.getMessage()) for each in caplog.records] == [
        (
            "ssooidc_login.stores.aws_cache",
            "WARNING",
            f"Other users can replace the tokens in {tmp_path / '.aws'}: change its owner to you and its mode to 0700",
        )
    ]


def test_a_folder_of_somebody_else_is_told_of(
    tmp_path: Path, give_away: Callable[[Path], None]
) -> None:
    told: list[str] = []
    (tmp_path / ".aws").mkdir(mode=0o755)
    give_away(tmp_path / ".aws")
    AwsCacheStore(tmp_path, warn=told.append).save(TOKEN, NEW)
    assert told[0].startswith(f"Other users can replace the tokens in {tmp_path / '.aws'}: ")


def test_folders_may_be_links(store: AwsCacheStore, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".aws").symlink_to(tmp_path / "elsewhere")
    store.save(TOKEN, NEW)
    assert (tmp_path / "elsewhere" / "sso" / "cache" / f"{TOKEN.name}.json").is_file()
    assert store.load(TOKEN) == NEW
    assert store.try_lock(TOKEN) is not None


def test_a_link_is_not_followed(store: AwsCacheStore, tmp_path: Path) -> None:
    path, target = store.path(TOKEN), tmp_path / "target"
    target.write_text(CANARY)
    path.parent.mkdir(parents=True, mode=0o700)
    path.symlink_to(target)
    assert refused(lambda: store.load(TOKEN)) == (
        f"Cannot read {path}: it is a link, and links are not followed. "
        "Replace it with the file itself, or delete it"
    )
    # Saving replaces it by a regular file.
    store.save(TOKEN, NEW)
    assert target.read_text() == CANARY
    assert not path.is_symlink()
    assert store.load(TOKEN) == NEW
    path.unlink()
    path.symlink_to(target)
    store.delete(TOKEN)
    assert not path.is_symlink()
    assert target.read_text() == CANARY


@pytest.mark.parametrize("dangling", [True, False])
def test_a_lock_file_is_not_followed_as_a_link(
    store: AwsCacheStore, tmp_path: Path, *, dangling: bool
) -> None:
    path, target = Path(f"{store.path(TOKEN)}.lock"), tmp_path / "target"
    path.parent.mkdir(parents=True, mode=0o700)
    if not dangling:
        target.write_text("keep")
        target.chmod(0o644)
    path.symlink_to(target)
    assert refused(lambda: store.try_lock(TOKEN)).startswith(f"Cannot lock {path}: it is a link,")
    assert target.exists() is not dangling
    if not dangling:
        assert (target.read_text(), mode(target)) == ("keep", 0o644)


def test_without_o_nofollow_links_are_seen_all_the_same(
    store: AwsCacheStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ssooidc_login.stores._files.private_files._NOFOLLOW", 0)
    path = store.path(TOKEN)
    path.parent.mkdir(parents=True, mode=0o700)
    path.symlink_to(tmp_path)
    assert "it is a link" in refused(lambda: store.load(TOKEN))
    store.save(ROLE, NEW)
    assert store.load(ROLE) == NEW


def test_a_file_of_somebody_else_is_not_touched(
    store: AwsCacheStore, give_away: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(TOKEN, OLD)
    path = store.path(TOKEN)
    lock = store.try_lock(TOKEN)
    assert lock is not None
    lock.release()
    for file in (path, Path(f"{path}.lock")):
        give_away(file)
    foreign = "it belongs to another user. Make it yours, or delete it"
    assert refused(lambda: store.load(TOKEN)) == f"Cannot read {path}: {foreign}"
    assert refused(lambda: store.save(TOKEN, NEW)) == f"Cannot write {path}: {foreign}"
    assert refused(lambda: store.try_lock(TOKEN)) == f"Cannot lock {path}.lock: {foreign}"
    assert path.read_text() == OLD.get_secret_value()
    assert names(path.parent) == [f"{TOKEN.name}.json", f"{TOKEN.name}.json.lock"]
    monkeypatch.undo()
    store.delete(TOKEN)
    store.save(TOKEN, NEW)
    assert store.load(TOKEN) == NEW


def test_a_fifo_hangs_nobody(store: AwsCacheStore) -> None:
    path = store.path(TOKEN)
    path.parent.mkdir(parents=True, mode=0o700)
    os.mkfifo(path)
    os.mkfifo(f"{path}.lock")
    irregular = "it is not a regular file. Move it away"
    assert refused(lambda: store.load(TOKEN)) == f"Cannot read {path}: {irregular}"
    assert refused(lambda: store.try_lock(TOKEN)) == f"Cannot lock {path}.lock: {irregular}"
    store.save(TOKEN, NEW)
    assert store.load(TOKEN) == NEW


def test_a_folder_in_the_place_of_a_file(store: AwsCacheStore) -> None:
    path = store.path(TOKEN)
    path.mkdir(parents=True, mode=0o700)
    assert refused(lambda: store.load(TOKEN)).endswith("it is not a regular file. Move it away")
    is_folder = "Is a directory. It is a directory: move it away"
    assert refused(lambda: store.save(TOKEN, NEW)) == f"Cannot write {path}: {is_folder}"
    assert refused(lambda: store.delete(TOKEN)) == f"Cannot delete {path}: {is_folder}"
    assert names(path.parent) == [path.name]


@pytest.mark.parametrize("as_link", [True, False])
def test_something_else_in_the_place_of_a_folder(
    store: AwsCacheStore, tmp_path: Path, *, as_link: bool
) -> None:
    if as_link:
        (tmp_path / ".aws").symlink_to("nowhere")
    else:
        (tmp_path / ".aws").touch()
    advice = "A part of this path should be a directory but is not: move it away"
    for call in (lambda: store.save(TOKEN, NEW), lambda: store.try_lock(TOKEN)):
        assert refused(call).endswith(advice)


def test_a_link_in_a_circle(store: AwsCacheStore, tmp_path: Path) -> None:
    (tmp_path / ".aws").symlink_to(".aws")
    assert refused(lambda: store.load(TOKEN)) == (
        f"Cannot read {store.path(TOKEN)}: Too many levels of symbolic links. "
        "Links on its path form a loop: remove them"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe{\x00}\x00",
        b'{"accessToken": "\xe9", "expiresAt": "2026-01-31T12:00:00Z"}',
        b'{"accessToken": "a", "expiresAt"',
        b"\xef\xbb\xbf{}",
        b"\x00" * 300,
        b"null",
        b'{"accessToken": "a", "expiresAt": "2026-01-31T12:00:00Z"}' + b" " * 1024 * 1024,
        "{\u00e9".encode() * 1024 * 1024,
        b"[" * 100_000,
    ],
    ids=[
        "empty",
        "UTF-16",
        "Latin-1",
        "cut",
        "byte order mark",
        "zeros",
        "no object",
        "too long by blanks",
        "too long",
        "deep",
    ],
)
def test_a_broken_file_is_the_readers_to_explain(
    store: AwsCacheStore, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    path = store.path(TOKEN)
    path.parent.mkdir(parents=True, mode=0o700)
    path.write_bytes(content)
    document = store.load(TOKEN)
    assert document is not None
    for kind in (TokenFile, RegistrationFile, RoleCredentialsFile):
        with pytest.raises(CacheFileInvalid):
            kind.from_text(document.get_secret_value())


def test_of_a_huge_file_no_more_than_needed_is_read(store: AwsCacheStore) -> None:
    path = store.path(TOKEN)
    path.parent.mkdir(parents=True, mode=0o700)
    path.touch()
    os.truncate(path, 1024**3)
    document = store.load(TOKEN)
    assert document is not None
    assert len(document) == 1024 * 1024 + 1


def test_who_reads_while_the_aws_cli_writes_waits_for_it(
    store: AwsCacheStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store.path(TOKEN)
    path.parent.mkdir(parents=True, mode=0o700)
    path.touch()
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            path.write_text("{}")

    monkeypatch.setattr(time, "sleep", sleep)
    document = store.load(TOKEN)
    assert document is not None
    assert document.get_secret_value() == "{}"
    assert slept == [0.01] * 3


def test_what_is_too_large_or_no_unicode_is_not_written(store: AwsCacheStore) -> None:
    store.save(TOKEN, OLD)
    path = store.path(TOKEN)
    assert refused(lambda: store.save(TOKEN, SecretStr(CANARY + "a" * 1024 * 1024))) == (
        f"Cannot write {path}: the document is larger than 1,048,576 bytes"
    )
    assert refused(lambda: store.save(TOKEN, SecretStr(f"{CANARY}\udc80"))) == (
        f"Cannot write {path}: the document contains characters that are not Unicode"
    )
    assert store.load(TOKEN) == OLD


@pytest.mark.parametrize("function", ["open", "fchmod", "write", "fsync", "fstat", "replace"])
@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "No space left on device. Free some space, then try again"),
        (errno.EDQUOT, "Disk quota exceeded. Free some space, then try again"),
        (
            errno.EROFS,
            "Read-only file system. Make the file system writable, or use another store",
        ),
        (
            errno.EACCES,
            "Permission denied. Check the owner and the mode of the file and of its directories",
        ),
        (
            errno.EIO,
            "Input/output error. Try again; if it persists, delete the file and log in again",
        ),
    ],
)
def test_whatever_fails_in_a_write_the_old_file_stays(
    store: AwsCacheStore,
    monkeypatch: pytest.MonkeyPatch,
    function: str,
    number: int,
    advice: str,
) -> None:
    store.save(TOKEN, OLD)
    path = store.path(TOKEN)

    def fail(*_arguments: object, **_options: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, function, fail)
        assert refused(lambda: store.save(TOKEN, NEW)) == f"Cannot write {path}: {advice}"
    assert store.load(TOKEN) == OLD
    assert names(path.parent) == [path.name]


def test_a_disk_that_fills_in_the_middle(
    store: AwsCacheStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(TOKEN, OLD)
    write, room = os.write, [5, 3, 0]

    def fill(descriptor: int, data: bytes) -> int:
        left = room.pop(0)
        if not left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data[:left])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", fill)
        assert "No space left" in refused(lambda: store.save(TOKEN, NEW))
    assert store.load(TOKEN) == OLD
    assert names(store.path(TOKEN).parent) == [f"{TOKEN.name}.json"]


def test_short_writes_are_continued(store: AwsCacheStore, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:7]))
        store.save(TOKEN, NEW)
    assert store.load(TOKEN) == NEW


def test_an_interrupted_write_leaves_nothing(
    store: AwsCacheStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.path(TOKEN).parent.mkdir(parents=True, mode=0o700)

    def interrupt(_descriptor: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt) as caught:
            store.save(TOKEN, NEW)
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert CANARY not in "".join(told.format())
    assert store.load(TOKEN) is None
    assert names(store.path(TOKEN).parent) == []


def test_it_is_on_the_disk_before_it_is_in_place(
    store: AwsCacheStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(TOKEN, OLD)
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def note_fsync(descriptor: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def note_replace(source: Path, target: Path) -> None:
        assert (source.parent, target) == (target.parent, store.path(TOKEN))
        assert mode(source) == 0o600
        assert source.read_text() == NEW.get_secret_value()
        done.append("replace")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_replace)
    store.save(TOKEN, NEW)
    assert done == ["file", "replace", "folder"]
    store.delete(TOKEN)
    assert done == ["file", "replace", "folder", "folder"]


def test_a_folder_that_cannot_be_synced_is_no_failure(
    store: AwsCacheStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync

    def files_only(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", files_only)
    store.save(TOKEN, NEW)
    assert store.load(TOKEN) == NEW


def test_what_killed_processes_left_is_cleaned_up_and_nothing_else(store: AwsCacheStore) -> None:
    store.save(TOKEN, OLD)
    folder = store.path(TOKEN).parent
    hours_ago = time.time() - 2 * 3600
    ours = f"{ROLE.name}.json.{'a' * 16}.tmp"
    others = [
        "tmpx1.tmp",
        f"{ROLE.name}.json.{'a' * 15}.tmp",
        f"{ROLE.name}.json.{'a' * 16}.tmp.bak",
        f"{ROLE.name}.json",
        f"{TOKEN.name}.json",
    ]
    for name in [ours, *others]:
        (folder / name).touch()
        os.utime(folder / name, (hours_ago, hours_ago))
    young = f"{ROLE.name}.json.{'b' * 16}.tmp"
    (folder / young).touch()
    link = f"{ROLE.name}.json.{'c' * 16}.tmp"
    (folder / link).symlink_to(folder / "tmpx1.tmp")
    os.utime(folder / link, (hours_ago, hours_ago), follow_symlinks=False)
    store.save(TOKEN, NEW)
    assert names(folder) == sorted([*others, young, link])
    assert store.load(TOKEN) == NEW


def test_its_texts_have_no_control_characters(tmp_path: Path) -> None:
    home = tmp_path / "a\x1b[31m\nb"
    home.touch()
    told = refused(lambda: AwsCacheStore(home).load(TOKEN))
    assert told.isprintable()
    assert "a [31m b" in told
