"""botocore's data as plain dictionaries, so that a test can edit a copy.

By service, then by the name of the file (`service-2`, `endpoint-rule-set-1`, `paginators-1`, `waiters-2`); and
`partitions`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

import pytest
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader

SERVICES: Final = ("sso-oidc", "sso")
FILES: Final = ("service-2", "endpoint-rule-set-1", "paginators-1", "waiters-2")


def read_data(loader: Loader) -> dict[str, Any]:
    """Read what a loader finds; a file that is not there is empty."""
    found: dict[str, Any] = {"partitions": loader.load_data("partitions")}
    for service in SERVICES:
        found[service] = {}
        for file in FILES:
            try:
                found[service][file] = loader.load_service_model(service, file)
            except UnknownServiceError:
                found[service][file] = {}
    return found


@pytest.fixture(scope="session")
def read_botocore() -> Callable[[Loader], dict[str, Any]]:
    """Give the function that reads what a loader finds."""
    return read_data


@pytest.fixture
def botocore_data(botocore_loader: Loader) -> dict[str, Any]:
    """Give the data of the botocore that is installed, in a copy for this test to edit: the loader keeps its own."""
    return copy.deepcopy(read_data(botocore_loader))
