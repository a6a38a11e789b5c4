"""The commands of `ssooidc`: what they are called and which options they take."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from ssooidc_core import SsoOidcError, __version__

__all__ = ["ssooidc"]

_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ssooidc")
def ssooidc() -> None:
    """Try signing in to AWS IAM Identity Center without an AWS account."""


@ssooidc.command()
@click.option(
    "--wait",
    is_flag=True,
    help="Leave the approval to you: open the printed page in a browser.",
)
def demo(*, wait: bool) -> None:
    """Show a whole device login and a refresh over real HTTP, against a local emulator.

    Nothing outside this machine is contacted, and nothing is written.
    """
    try:
        from ssooidc_cli._demo import show  # noqa: PLC0415 - imports the emulator and a transport
    except ImportError as missing:
        raise _what_to_install(missing) from None
    try:
        show(wait=wait)
    except ImportError as missing:
        # A transport says when it is made that it lacks its library.
        raise _what_to_install(missing) from None
    except KeyboardInterrupt:
        click.echo("\nStopped.", err=True)
        sys.exit(_INTERRUPTED)
    except SsoOidcError as error:
        click.echo(f"ssooidc: {error}", err=True)
        if error.hint:
            click.echo(f"  {error.hint}", err=True)
        sys.exit(1)


@ssooidc.command(context_settings={"allow_interspersed_args": False})
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="By default a free one.")
@click.option(
    "--scene",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with the users, accounts and faults of the instance; docs/emulator.md tells what may be in it.",
)
@click.option("--tls", is_flag=True, help="Serve HTTPS, with a certificate made for this run.")
@click.option(
    "--export",
    is_flag=True,
    help='Print the environment for a shell, as in `eval "$(ssooidc emulator --export &)"`, and serve on; '
    "`kill $SSOOIDC_EMULATOR_PID` ends it.",
)
@click.option("--exec", "run", is_flag=True, help="Run COMMAND in the environment, then end.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def emulator(  # noqa: PLR0913 - each option by name
    *,
    port: int,
    scene: Path | None,
    tls: bool,
    export: bool,
    run: bool,
    command: tuple[str, ...],
) -> None:
    """Serve an emulated IAM Identity Center on 127.0.0.1, for the AWS CLI and the SDKs of any language.

    It tells the environment that other programs need, with a home directory of its own: they keep tokens under ~/.aws,
    send what they find there, and would mix it up with your own logins.
    """
    if run != bool(command):
        message = "--exec is followed by the command to run, and nothing else is"
        raise click.UsageError(message)
    if run and export:
        message = "--exec and --export do not go together"
        raise click.UsageError(message)
    try:
        from ssooidc_cli import _emulator as program  # noqa: PLC0415 - imports the emulator

        server = program.make_server(_text_of(scene), port=port, tls=tls)
    except ImportError as missing:
        raise _what_to_install(missing) from None
    except ValueError as error:
        message = str(error) if scene is None else f"{scene}: {error}"
        raise click.ClickException(message) from None
    except OSError as error:
        # `create_server` adds more to `strerror`.
        reason = os.strerror(error.errno or 0)
        message = f"port {port}: {reason}; without --port, a free one is taken"
        raise click.ClickException(message) from None
    try:
        if run:
            sys.exit(program.run_in_environment(server, command))
        elif export:
            program.export_and_serve(server)
        else:
            program.show_and_serve(server)
    except KeyboardInterrupt:
        click.echo("\nStopped.", err=True)
        sys.exit(_INTERRUPTED)


def _text_of(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        message = f"{file}: {error.strerror}"
    except UnicodeDecodeError:
        message = f"{file}: this is not UTF-8"
    raise click.ClickException(message)


def _what_to_install(missing: ImportError) -> click.UsageError:
    # Anything of our own that is missing is a broken installation, and no extra mends that.
    if missing.name is None or missing.name.startswith("ssooidc_"):
        raise missing
    return click.UsageError(
        f"this command needs {missing.name!r}, which is not installed: "
        "pip install 'ssooidc-core[cli,emulator,httpx]'"
    )
