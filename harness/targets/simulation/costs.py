"""What processes of a system cost on a machine: seconds to be there, seconds of processor a request.

Comes in: the file of costs beside the system file. Goes out: costs by service. Without one a service is there
at once and answers at once: times of recovery are then those of probes and policies alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from harness.errors import Refused
from harness.simulation.network import Costs

NotNegative = Annotated[float, msgspec.Meta(ge=0.0)]


class ServiceCost(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One service: from its start until it serves, and of each request a fixed part and one a byte.

    ``exit_s``: from its end until the platform has seen that and begun its next life.

    >>> ServiceCost(boot_s=0.03, call_s=0.001, byte_s=1e-6).request_s(500)
    0.0015
    """

    boot_s: NotNegative = 0.0
    exit_s: NotNegative = 0.0
    call_s: NotNegative = 0.0
    byte_s: NotNegative = 0.0

    def request_s(self, size: int) -> float:
        """Seconds of processor for a request of ``size`` bytes."""
        return self.call_s + self.byte_s * size


class CostFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was measured, on which machine, with which version."""

    version: int = 1
    machine: str
    harness_version: str
    services: dict[str, ServiceCost]


def read_costs(file: Path) -> CostFile:
    """Read a file of costs; ``Refused`` where it is none."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=CostFile)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(
            f"{file} holds no costs of services: {error}; see docs/protocols/simulation.md"
        ) from error


def request_costs(services: Mapping[str, ServiceCost]) -> Mapping[str, Costs]:
    """What each request costs, as a simulated host charges it; nothing for a service that costs nothing."""
    return {name: _charge(one) for name, one in services.items() if one.call_s > 0.0 or one.byte_s > 0.0}


def _charge(one: ServiceCost) -> Costs:
    return lambda _, size: one.request_s(size)
