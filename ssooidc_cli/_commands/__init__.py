"""The group of commands `ssooidc`.

Each command has a file here with its name and options. What a command needs is imported when it runs, so that one does
not slow down the others.
"""

from __future__ import annotations

import click

from ssooidc_cli._commands.demo import demo
from ssooidc_cli._commands.emulator import emulator
from ssooidc_core import __version__

__all__ = ["ssooidc"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ssooidc")
def ssooidc() -> None:
    """Try signing in to AWS IAM Identity Center without an AWS account."""


for _command in (demo, emulator):
    ssooidc.add_command(_command)
