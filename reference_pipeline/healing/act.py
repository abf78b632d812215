"""One act done through the ports; each may be repeated with the same key and has one effect.

Comes in: an act and its key. Goes out: nothing, or ``CallFailed`` where the effect is not known.
"""

from __future__ import annotations

from reference_pipeline.healing.acts import Map, Quarantine, Release, Restart, Unmap
from reference_pipeline.healing.model_acts import Promote, Restore
from reference_pipeline.healing.model_ports import Experience, Models
from reference_pipeline.healing.ports import GatewaySwitches, Platform


async def perform(
    act: Restart | Map | Unmap | Promote | Restore | Quarantine | Release,
    key: str,
    platform: Platform,
    switches: GatewaySwitches,
    *,
    models: Models,
    experience: Experience,
) -> None:
    """Do ``act``.

    Raises:
        CallFailed: it is not known whether it was done; the same call again is safe.
    """
    match act:
        case Restart():
            await platform.restart(act.service, key)
        case Map():
            await switches.set_mapping(act.field, act.source)
        case Unmap():
            await switches.remove_mapping(act.field)
        case Promote() | Restore():
            await models.promote(act.version, act.was)
        case Quarantine():
            await experience.leave_out(act.column, act.value)
        case Release():
            await experience.take_in(act.column)
