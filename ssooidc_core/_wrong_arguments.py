"""What is wrong with the arguments of `run` and `arun`; looked at only where something has failed, or before a flow."""

from __future__ import annotations

import inspect
import re
from typing import Final

from ssooidc_core._config import ClientConfig
from ssooidc_core._model import Request
from ssooidc_core.errors import ConfigurationError

__all__ = ["wrong_program", "wrong_transport"]

_WORD: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def wrong_program(program: object) -> ConfigurationError | None:
    """Return the error of something that cannot be run, or `None`."""
    name = type(program).__name__
    if isinstance(program, Request):
        kind = type(program).__name__
        operation = "create_token_with_iam" if kind.startswith(("Iam", "Jwt", "TokenEx")) else None
        if operation is None:
            operation = _WORD.sub("_", kind.removesuffix("Request")).lower()
        if kind.endswith("Grant") and operation.endswith("grant"):
            operation = "create_token"
        text = f"{kind} is a request: run its operation, {operation}(request)"
    elif inspect.isclass(program):
        text = f"{program.__name__} is a class: run a value"
    elif inspect.isroutine(program):
        text = f"{program.__name__} is a function: call it, and run what it returns"
    elif inspect.iscoroutine(program):
        program.close()
        text = "A coroutine cannot be run: await it, or run a flow or an operation"
    elif hasattr(program, "send") or hasattr(program, "asend"):
        if inspect.isgenerator(program):
            return None
        text = f"{name} is a transport: it is the second argument, after the operation or flow"
    elif hasattr(program, "__iter__") and not isinstance(
        program, (str, bytes, list, tuple, dict, set)
    ):
        return None
    else:
        text = f"{name} cannot be run: run an operation or a flow, register_client(request) for example"
    return ConfigurationError(text)


def wrong_transport(transport: object, method: str) -> ConfigurationError | None:
    """Return the error of something that cannot be a transport with this method, or `None`."""
    name = type(transport).__name__
    if inspect.isclass(transport):
        text = f"{transport.__name__} is a class: make a transport of it, {transport.__name__}(ClientConfig(...))"
    elif hasattr(transport, method):
        return None
    elif hasattr(transport, "asend" if method == "send" else "send"):
        text = f"{name} has no {method}(): use {'arun' if method == 'send' else 'run'} with it"
    elif isinstance(transport, ClientConfig):
        text = "ClientConfig is not a transport: make one with it, HttpxTransport(config)"
    else:
        text = f"{name} is not a transport, which has {method}(): make one, HttpxTransport(config)"
    return ConfigurationError(text)
