"""AWS partitions: the DNS suffixes of a region's endpoints.

The table holds what the endpoint rules need from botocore's partitions document. As in those rules, a region that
matches no pattern belongs to the `aws` partition.
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
        """Return whether the region belongs to this partition."""
        return region == self.pseudo_region or re.match(self.region_pattern, region) is not None


# fmt: off
PARTITIONS: Final = (
    Partition("aws", r"^(us|eu|ap|sa|ca|me|af|il|mx)\-\w+\-\d+$", "aws-global", "amazonaws.com", "api.aws"),
    Partition("aws-cn", r"^cn\-\w+\-\d+$", "aws-cn-global", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    Partition("aws-eusc", r"^eusc\-(de)\-\w+\-\d+$", None, "amazonaws.eu", "api.amazonwebservices.eu"),
    Partition("aws-iso", r"^us\-iso\-\w+\-\d+$", "aws-iso-global", "c2s.ic.gov", "api.aws.ic.gov"),
    Partition("aws-iso-b", r"^us\-isob\-\w+\-\d+$", "aws-iso-b-global", "sc2s.sgov.gov", "api.aws.scloud"),
    Partition("aws-iso-e", r"^eu\-isoe\-\w+\-\d+$", "aws-iso-e-global", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    Partition("aws-iso-f", r"^us\-isof\-\w+\-\d+$", "aws-iso-f-global", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    Partition("aws-us-gov", r"^us\-gov\-\w+\-\d+$", "aws-us-gov-global", "amazonaws.com", "api.aws"),
)
# fmt: on


def partition_of(region: str) -> Partition:
    """Return the partition of a region; the `aws` partition if no partition has the region."""
    return next((each for each in PARTITIONS if each.holds(region)), PARTITIONS[0])
