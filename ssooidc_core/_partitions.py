"""AWS partitions: which DNS suffixes a region's endpoints have.

The table holds what the endpoint rules need, from botocore's partitions document; a region that no pattern knows is
taken for one of the `aws` partition, as the rules do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["PARTITIONS", "Partition", "partition_of"]


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: its regions and the DNS suffixes of its endpoints."""

    name: str
    region_pattern: str
    pseudo_region: str | None
    dns_suffix: str
    dual_stack_dns_suffix: str
    supports_fips: bool = True
    supports_dual_stack: bool = True

    def holds(self, region: str) -> bool:
        """Say whether the region belongs to this partition."""
        return region == self.pseudo_region or re.match(self.region_pattern, region) is not None


PARTITIONS: Final = (
    Partition(
        "aws",
        r"^(us|eu|ap|sa|ca|me|af|il|mx)\-\w+\-\d+$",
        "aws-global",
        "amazonaws.com",
        "api.aws",
    ),
    Partition(
        "aws-cn",
        r"^cn\-\w+\-\d+$",
        "aws-cn-global",
        "amazonaws.com.cn",
        "api.amazonwebservices.com.cn",
    ),
    Partition(
        "aws-eusc",
        r"^eusc\-(de)\-\w+\-\d+$",
        None,
        "amazonaws.eu",
        "api.amazonwebservices.eu",
    ),
    Partition(
        "aws-iso",
        r"^us\-iso\-\w+\-\d+$",
        "aws-iso-global",
        "c2s.ic.gov",
        "api.aws.ic.gov",
    ),
    Partition(
        "aws-iso-b",
        r"^us\-isob\-\w+\-\d+$",
        "aws-iso-b-global",
        "sc2s.sgov.gov",
        "api.aws.scloud",
    ),
    Partition(
        "aws-iso-e",
        r"^eu\-isoe\-\w+\-\d+$",
        "aws-iso-e-global",
        "cloud.adc-e.uk",
        "api.cloud-aws.adc-e.uk",
    ),
    Partition(
        "aws-iso-f",
        r"^us\-isof\-\w+\-\d+$",
        "aws-iso-f-global",
        "csp.hci.ic.gov",
        "api.aws.hci.ic.gov",
    ),
    Partition(
        "aws-us-gov",
        r"^us\-gov\-\w+\-\d+$",
        "aws-us-gov-global",
        "amazonaws.com",
        "api.aws",
    ),
)


def partition_of(region: str) -> Partition:
    """Give the partition of a region; the `aws` partition for one that no partition knows."""
    for partition in PARTITIONS:
        if partition.holds(region):
            return partition
    return PARTITIONS[0]
