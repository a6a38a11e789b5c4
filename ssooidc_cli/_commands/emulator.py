"""The options of `ssooidc emulator`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from ssooidc_cli._endings import plain_endings

__all__ = ["emulator"]


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Default: a free port.")
@click.option(
    "--scene",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with the users, accounts and faults of the instance; docs/emulator.md describes its format.",
)
@click.option("--tls", is_flag=True, help="Serve HTTPS with a certificate made for this run.")
@click.option(
    "--export",
    is_flag=True,
    help='Print the environment for a shell, as in `eval "$(ssooidc emulator --export &)"`, and go on serving; '
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

    Other programs need an environment with a home directory of its own, which this command prints or sets up. In your
    own home they would send the tokens of your real logins to the emulator, and overwrite them.
    """
    if run != bool(command):
        message = (
            "--exec must be followed by the command to run; without --exec, no command is allowed"
        )
        raise click.UsageError(message)
    if run and export:
        message = "--exec and --export cannot be used together"
        raise click.UsageError(message)
    with plain_endings():
        from ssooidc_cli._emulator import serving  # noqa: PLC0415 - imports the emulator

        try:
            server = serving.make_server(_text_of(scene), port=port, tls=tls)
        except ValueError as error:
            message = str(error) if scene is None else f"{scene}: {error}"
            raise click.ClickException(message) from None
        except OSError as error:
            # Not `error.strerror`, to which `create_server` adds the address.
            reason = os.strerror(error.errno or 0)
            message = f"port {port}: {reason}; without --port, a free port is used"
            raise click.ClickException(message) from None
        if run:
            sys.exit(serving.run_in_environment(server, command))
        elif export:
            serving.export_and_serve(server)
        else:
            serving.show_and_serve(server)


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
