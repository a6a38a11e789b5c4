"""The commands of `ssooidc`: what they are called and which options they take."""

from __future__ import annotations

import sys

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
        from ssooidc_login.cli.demo import show  # noqa: PLC0415 - imports the emulator and a transport
    except ImportError as missing:
        if missing.name is None or missing.name.startswith("ssooidc_"):
            raise
        message = (
            f"this command needs {missing.name!r}, which is not installed: "
            "pip install 'ssooidc-core[cli,emulator,httpx]'"
        )
        raise click.UsageError(message) from None
    try:
        show(wait=wait)
    except KeyboardInterrupt:
        click.echo("\nStopped.", err=True)
        sys.exit(_INTERRUPTED)
    except SsoOidcError as error:
        click.echo(f"ssooidc: {error}", err=True)
        if error.hint:
            click.echo(f"  {error.hint}", err=True)
        sys.exit(1)
