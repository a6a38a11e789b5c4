"""Scene files: an instance, its directory and its faults, in TOML.

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

More tables are `[[applications]]`, `[[trusted_token_issuers]]` and `[[access_keys]]`. The keys of `[instance]` are the
arguments of `IdentityCenter`; those of the other tables are the arguments of the methods of `Directory`, or the fields
of its classes. The `kind` of a fault is the name of a function in `ssooidc_emulator.faults`, and `parameters` has its
arguments. A fault affects one call, or as many as `times` says (a number, or "all"); with a `probability`, and
without `times`, it may affect any call.
"""

from __future__ import annotations

from ssooidc_emulator.scene._loading import Scene, load_scene
from ssooidc_emulator.scene._tables import SceneError

__all__ = ["Scene", "SceneError", "load_scene"]
