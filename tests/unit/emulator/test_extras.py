"""Without the extra, the error of the emulator says what to install."""

from __future__ import annotations

import subprocess
import sys


def test_the_server_names_the_extra() -> None:
    code = (
        "import sys\n"
        "sys.modules['uvicorn'] = None\n"
        "try:\n"
        "    from ssooidc_emulator import EmulatorServer\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-Ic", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == ('EmulatorServer needs uvicorn: pip install "ssooidc-core[emulator]"\n')
