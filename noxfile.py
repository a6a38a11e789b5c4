"""Every task of a contributor, including the two commands in the README.

    python3 noxfile.py -s demo      # a whole device login against the local emulator
    python3 noxfile.py -s tests     # the tests

They need only Python 3.11 or newer with pip and venv. If nox is not installed, this file installs it into
`.nox/.bootstrap` and runs itself again with it. Otherwise `nox -s NAME` is equivalent; `nox -l` lists the sessions.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - an older Python may run this file
    # An older Python must be able to parse this whole file to report its version: use only the syntax of Python 3.6.
    sys.exit(
        "ssooidc-core needs Python 3.11 or newer, and this is {}.{} ({}). Try: python3.11 noxfile.py".format(  # noqa: UP032
            sys.version_info[0], sys.version_info[1], sys.executable
        )
    )

import filecmp
import itertools
import os
import re
import secrets
import shlex
import shutil
import subprocess
import time
import venv
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NoReturn

HERE = Path(__file__).resolve().parent
NOX = "nox>=2025.2.9"


def start() -> NoReturn:
    """Run this file again, with the nox that is installed for this checkout."""
    home = HERE / ".nox" / ".bootstrap"
    if Path(sys.prefix).resolve() == home:
        sys.exit(
            f"nox is installed in {home}, but cannot be imported. Delete that folder, then try again"
        )
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    mark, made_by = home / "ready", f"{NOX}\n{sys.base_prefix}\n{sys.version}"
    if not (mark.is_file() and mark.read_text() == made_by):
        print(f"installing nox into {home} ...", file=sys.stderr, flush=True)  # noqa: T201
        try:
            venv.create(home, clear=True, symlinks=os.name != "nt", with_pip=True)
            subprocess.run([str(python), "-m", "pip", "install", "-qq", NOX], check=True)
        except (ImportError, OSError, subprocess.CalledProcessError) as error:
            sys.exit(
                f"cannot install nox: {error}\n"
                "This needs Python's venv and pip (Debian and Ubuntu: apt install python3-venv) and a package index."
            )
        # Written last, so that an interrupted installation is repeated.
        mark.write_text(made_by)
    command = [str(python), __file__, *sys.argv[1:]]
    if os.name == "nt":  # on Windows, exec would detach from the console
        sys.exit(subprocess.run(command, check=False).returncode)
    os.execv(python, command)  # noqa: S606 - no process in between that a Ctrl-C could kill first


def main() -> None:
    """Run nox on this file, which nox imports as a module."""
    try:
        import nox
        from nox.project import dependency_groups  # noqa: F401 - what an old nox does not have
    except ImportError:
        start()
    os.chdir(HERE)
    nox.main()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit()  # the rest is for nox

import nox
from nox.command import CommandFailed
from nox.project import dependency_groups, load_toml
from packaging.requirements import Requirement
from packaging.version import Version

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_external_run = True
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["tests", "lint", "api", "types", "package"]

PYPROJECT = load_toml(str(HERE / "pyproject.toml"))
EXTRAS = PYPROJECT["project"]["optional-dependencies"]
EVERYTHING = f".[{','.join(EXTRAS)}]"
PACKAGES = [
    Path(path).name for path in PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
]
RUNNING = f"3.{sys.version_info[1]}"
VERSIONS = [f"3.{minor}" for minor in range(11, 16)]
LOWEST = VERSIONS[0]
# Tests that need no other programs, for the sessions that do not run all tests.
WITHOUT_PEERS = {"conformance", "property", "unit"}
# The session `crash` runs these with more rounds and a fresh seed.
CRASHING = [
    "tests/unit/login/stores/test_aws_cache_kill.py",
    "tests/interop/sessions/test_single_flight_kills.py",
]
# The interop tests have a separate session, which installs the clients. The conformance folder is named because pytest
# must load its conftest.py, which counts the cases, before it starts the workers.
ALL_BUT_INTEROP = ["tests", "tests/conformance", "--ignore=tests/interop"]


def groups(*names: str) -> tuple[str, ...]:
    """Return the requirements of these dependency groups in pyproject.toml."""
    return tuple(dependency_groups(PYPROJECT, *names))


def lowest(requirements: Iterable[str]) -> list[str]:
    """Pin each requirement to the lowest version that all of them allow: `click>=8.1` becomes `click==8.1`."""
    bounds: dict[str, Version] = {}
    for requirement in map(Requirement, requirements):
        lower = [spec for spec in requirement.specifier if spec.operator in {">=", "~=", "=="}]
        if len(lower) != 1:
            message = f"{str(requirement)!r} names no lowest version: write name>=version"
            raise ValueError(message)
        version = Version(lower[0].version)
        bounds[requirement.name] = max(version, bounds.get(requirement.name, version))
    return [f"{name}=={version}" for name, version in bounds.items()]


def managed_folders(environ: dict[str, str], home: Path) -> list[Path]:
    """Return the folders where version managers keep Pythons, most of which are not on PATH."""
    data = Path(environ.get("XDG_DATA_HOME") or home / ".local/share")
    return [
        Path(environ.get("PYENV_ROOT") or home / ".pyenv") / "versions",
        Path(environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv/python"),
        Path(environ.get("ASDF_DATA_DIR") or home / ".asdf") / "installs/python",
        Path(environ.get("MISE_DATA_DIR") or data / "mise") / "installs/python",
    ]


def working_python(command: Path, version: str) -> str | None:
    """Return the interpreter of a command, if it works and is a regular CPython of that version."""
    # A file with that name may not work: pyenv has shims for versions that pyenv then refuses to run.
    code = (
        "import sys, sysconfig as c; print(sys.implementation.name, '%d.%d' % sys.version_info[:2],"
        " c.get_config_var('Py_GIL_DISABLED') or 0, sys.executable)"
    )
    try:
        done = subprocess.run(
            [command, "-Ic", code], capture_output=True, check=True, text=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return None
    *kind, executable = done.stdout.rstrip("\n").split(" ", 3)
    return executable if kind == ["cpython", version, "0"] else None


def find_python(version: str, on_path: Iterable[Path], managed: Iterable[Path]) -> str | None:
    """Return the first working interpreter of a version on PATH, otherwise in a version manager's folder."""
    candidates = [folder / f"python{version}" for folder in on_path]
    for folder in managed:
        candidates += sorted(folder.glob(f"*/bin/python{version}"), reverse=True)
    found = (working_python(path, version) for path in candidates if path.is_file())
    return next(filter(None, found), None)


def pytest(
    session: nox.Session, options: Sequence[str], paths: Sequence[str], *, silent: bool = False
) -> str:
    """Run pytest with the installed packages; arguments after `--` come last, and paths there replace these paths.

    `-I` keeps the checkout off sys.path. Returns the output if `silent` is true.
    """
    own = session.posargs
    chosen = any(Path(argument.partition("::")[0]).exists() for argument in own)
    command = ("python", "-Im", "pytest", *options, *(() if chosen else paths), *own)
    return str(session.run(*command, silent=silent))


@nox.session(reuse_venv=True)
def demo(session: nox.Session) -> None:
    """Sign in with a device code and refresh, over real HTTP, against the local emulator."""
    session.install(".[cli,emulator,httpx]")
    session.run("ssooidc", "demo", *session.posargs, interrupt_timeout=10)


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests except interop on this Python, with the core's coverage and the conformance counts."""
    session.install(EVERYTHING, *groups("test"))
    # For selected tests or a debugger, neither two workers nor a check of the coverage is useful.
    whole = ("-n2", "--cov", "--cov-report=term", "--cov-fail-under=100")
    pytest(session, () if session.posargs else whole, ALL_BUT_INTEROP)


def tests_on(session: nox.Session) -> None:
    """Run the unit, property and typing tests on another Python."""
    if not session.python:
        session.skip(
            f"no Python {session.name.partition('-')[2]} on this machine: not tested with it"
        )
    session.install(EVERYTHING, *groups("test", "mypy"))
    pytest(session, () if session.posargs else ("-n2",), ["tests/unit", "tests/property"])
    session.run("mypy", "tests/typing")


def tests_lowest(session: nox.Session) -> None:
    """Run all tests with the lowest versions of the dependencies that pyproject.toml allows."""
    if not session.python:
        session.skip(f"no Python {LOWEST} on this machine: lowest versions not tested")
    pins = lowest([*PYPROJECT["project"]["dependencies"], *itertools.chain(*EXTRAS.values())])
    session.install(EVERYTHING, *pins, *groups("test"))
    session.log(f"with {' '.join(pins)}")
    pytest(session, () if session.posargs else ("-n2",), ALL_BUT_INTEROP)


@nox.session(default=False)
def interop(session: nox.Session) -> None:
    """Run the AWS CLI, boto3, the AWS SDK for JavaScript and Chromium against the emulator."""
    session.install(EVERYTHING, *groups("interop"))
    session.run("python", "-I", "tests/interop/install_clients.py", ".nox/clients")
    pytest(session, () if session.posargs else ("-n2",), ["tests/interop"])


@nox.session(default=False)
def conformance(session: nox.Session) -> None:
    """Compare with botocore and with published cases; print counts at the end."""
    session.install(EVERYTHING, *groups("test"))
    pytest(session, () if session.posargs else ("-n2",), ["tests/conformance"])


@nox.session(default=False)
def drift(session: nox.Session) -> None:
    """Report what the newest botocore has for the services that this code lacks."""
    # boto3 would prevent the newest botocore.
    others = [each for each in groups("test") if Requirement(each).name != "boto3"]
    session.install("--upgrade", EVERYTHING, *others, "botocore")
    session.run("python", "-Ic", "import botocore; print('botocore', botocore.__version__)")
    pytest(session, (), ["tests/conformance/drift"])


ON_PATH = [Path(folder) for folder in os.get_exec_path()]
MANAGED = managed_folders(dict(os.environ), Path.home())
PYTHONS = {version: find_python(version, ON_PATH, MANAGED) for version in VERSIONS}
PYTHONS[RUNNING] = sys.executable
OTHER_TESTS = [f"tests-{version}" for version in VERSIONS if version != RUNNING] + ["tests-lowest"]
for name in OTHER_TESTS:
    version = LOWEST if name == "tests-lowest" else name.partition("-")[2]
    function = tests_lowest if name == "tests-lowest" else tests_on
    # A session without an interpreter needs no environment to report that.
    nox.session(name=name, python=PYTHONS[version] or False, default=False, tags=["others"])(
        function
    )


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, spelling and import directions."""
    session.install(*groups("lint"))
    session.run("codespell")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run(
        "lint-imports", env={"PYTHONPATH": os.pathsep.join([str(HERE), str(HERE / "transports")])}
    )


@nox.session
def api(session: nox.Session) -> None:
    """Compare the public API with its record in docs/api; `nox -s api -- --write` writes the record."""
    session.install(*groups("api"))
    session.run("python", "-I", "docs/api/record.py", *session.posargs)


@nox.session
def types(session: nox.Session) -> None:
    """Check types with mypy and pyright, and that every public name has a type."""
    session.install(EVERYTHING, *groups("types"))
    session.run("mypy")
    session.run("pyright")
    # Outside of the checkout, so that the installed package is verified.
    with session.chdir(session.create_tmp()):
        for name in PACKAGES:
            session.run("pyright", "--ignoreexternal", "--verifytypes", name)


@nox.session
def package(session: nox.Session) -> None:
    """Build, check the contents, install the wheel, and test it from the unpacked source distribution."""
    session.install(*groups("package"))
    work = Path(session.create_tmp()).resolve() / "package"
    shutil.rmtree(work, ignore_errors=True)
    session.run("python", "-Im", "build", "--outdir", work)
    session.run("python", "-Im", "build", "--wheel", "--outdir", work / "direct")
    (sdist,), (wheel,), (direct,) = (
        list(work.glob(pattern)) for pattern in ("*.tar.gz", "*.whl", "direct/*.whl")
    )
    if not filecmp.cmp(wheel, direct, shallow=False):
        session.error(f"{wheel.name} differs between the source distribution and the checkout")
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.partition("/")[0] for name in names}
    strange = {name for name in top if not name.endswith(".dist-info")} ^ set(PACKAGES)
    untyped = [name for name in PACKAGES if f"{name}/py.typed" not in names]
    if strange or untyped:
        session.error(
            f"{wheel.name}: wrong or missing at its top: {strange}; no py.typed in: {untyped}"
        )
    session.run("python", "-Im", "tarfile", "-e", sdist, work)

    # First without extras: the core and the import of each package need none.
    session.install(str(wheel))
    for name in PACKAGES:
        session.run("python", "-Ic", f"import {name}")
    session.install(f"{wheel}[{','.join(EXTRAS)}]", *groups("test"))
    session.chdir(sdist.with_name(sdist.name.removesuffix(".tar.gz")))
    pytest(
        session,
        () if session.posargs else ("-n2",),
        [str(path) for path in Path("tests").iterdir() if path.name in WITHOUT_PEERS],
    )


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Run the property tests with fresh seeds for a number of minutes: `nox -s fuzz -- 30`."""
    minutes = 1.0
    if session.posargs and re.fullmatch(r"[0-9.]+", session.posargs[0]):
        minutes = float(session.posargs.pop(0))
    session.install(EVERYTHING, *groups("test"))
    session.env["SSOOIDC_HYPOTHESIS_PROFILE"] = "fuzz"
    once = any(argument.startswith("--hypothesis-seed") for argument in session.posargs)
    end = time.monotonic() + 60 * minutes
    rounds = examples = 0
    while not rounds or (time.monotonic() < end and not once):
        seed = () if once else (f"--hypothesis-seed={secrets.randbelow(2**32)}",)
        options = ("--hypothesis-show-statistics", "--timeout=0", "-n2", "-x", *seed)
        try:
            output = pytest(session, options, ["tests/property"], silent=True)
        except CommandFailed:
            again = shlex.join([*seed, *session.posargs])
            session.error(
                f"failed after {rounds} rounds and {examples:,} successful examples. "
                f"Again: python3 noxfile.py -s fuzz -- {again}"
            )
        counts = [int(count) for count in re.findall(r"- (\d+) passing", output)]
        if not any(counts):
            session.error("no example ran, or the wording of hypothesis's statistics has changed")
        rounds += 1
        examples += sum(counts)
        session.log(f"rounds: {rounds}, examples without a failure: {examples:,}")


@nox.session(default=False)
def crash(session: nox.Session) -> None:
    """Kill processes at random points of writes and refreshes: `nox -s crash -- 300` runs 300 rounds of each."""
    rounds, seed = "300", str(secrets.randbelow(2**32))
    if session.posargs and session.posargs[0].isdecimal():
        rounds = session.posargs.pop(0)
    if session.posargs and session.posargs[0].isdecimal():
        seed = session.posargs.pop(0)
    session.install(EVERYTHING, *groups("test"))
    session.env.update(SSOOIDC_CRASH_ROUNDS=rounds, SSOOIDC_CRASH_SEED=seed)
    again = shlex.join(["python3", "noxfile.py", "-s", "crash", "--", rounds, seed])
    session.log(f"seed {seed}; again: {again}")
    try:
        pytest(session, (), CRASHING)
    except CommandFailed:
        session.error(f"failed. Again: {again}")


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure side by side with other libraries; arguments after `--` are passed to each script."""
    session.install(".[emulator,httpx]", *groups("bench"))
    scripts = sorted(Path("benchmarks").glob("bench_*.py"))
    if not scripts:
        session.error("no benchmarks/bench_*.py")
    for script in scripts:
        session.run("python", script, *session.posargs)
