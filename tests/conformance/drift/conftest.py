"""botocore's data as plain dictionaries, so that a test can edit a copy.

The keys are the service and then the file name (`service-2`, `endpoint-rule-set-1`, `paginators-1`, `waiters-2`), and
`partitions`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import pytest
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader

SERVICES: Final = ("sso-oidc", "sso")
FILES: Final = ("service-2", "endpoint-rule-set-1", "paginators-1", "waiters-2")

Check: TypeAlias = Callable[[Mapping[str, Any]], list[str]]
"""Compares data of botocore with our code: a line for each difference."""


def read_data(loader: Loader) -> dict[str, Any]:
    """Read all data of a loader; a missing file is empty."""
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
    """Return the function that reads a loader's data."""
    return read_data


@pytest.fixture
def botocore_data(botocore_loader: Loader) -> dict[str, Any]:
    """Return a copy of the installed botocore's data that a test may edit; the loader caches its own."""
    return copy.deepcopy(read_data(botocore_loader))


@pytest.fixture(scope="session")
def beyond_today(botocore_loader: Loader) -> Callable[[Check], Check]:
    """Return a version of a check, for tests of the check itself, that leaves out today's findings.

    Such a test is about its own edit. If our code and botocore differ, only the comparison itself should fail.
    """
    data = read_data(botocore_loader)

    def beyond(check: Check) -> Check:
        today = check(data)
        return lambda edited: [line for line in check(edited) if line not in today]

    return beyond
