"""Scene files: an instance, who is in it, and what goes wrong, in TOML.

::

    [instance]
    start_url = "https://d-1234567890.awsapps.com/start"
    refresh_mode = "rotating"

    [[users]]
    name = "jane"

    [[accounts]]
    account_id = "111122223333"
    name = "Production"

    [[assignments]]
    user = "jane"
    account_id = "111122223333"
    role_name = "ReadOnly"

    [[faults]]
    operation = "CreateToken"
    kind = "slow_down"
    times = 2

More tables are `[[applications]]`, `[[trusted_token_issuers]]` and `[[access_keys]]`. The keys of each are the
arguments of the `Directory`'s methods or the fields of its classes, those of `[instance]` the arguments of
`IdentityCenter`. A fault has the kind and the parameters of a function in `ssooidc_emulator.faults`. It happens once,
or `times` times (a number, or "all"), or from now on with a `probability`.
"""

from __future__ import annotations

from ssooidc_emulator.scene._loading import (
    Scene,
    SceneError,
    load_scene,
)

__all__ = [
    "Scene",
    "SceneError",
    "load_scene",
]
