"""The knobs of a scenario, decoded strictly: an unknown one is an error that names the known ones.

Every numeric knob has a declared range. The ranges of the concept knobs (``*_risk``) bound what
P(y|x) can become, so that golden rows can be right under all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

import msgspec

from reference_pipeline.errors import BadScenario
from reference_pipeline.records import Costs

WORLD_S_PER_RUN_S = 720.0  # a day in two minutes


def _range(low: float, high: float) -> msgspec.Meta:
    return msgspec.Meta(ge=low, le=high)


class SimulatorKnobs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Knobs of the simulated world; the first block is built into the template.

    ``*_risk`` are the strengths of the terms of P(y|x) (:mod:`.truth`), ``*_share`` and
    ``amount_scale`` shape P(x), ``cycle_ratio`` is the strength of the daily and weekly cycle. A world may
    move by itself: ``later_knob``, one that can move (:data:`.moves.MOVABLE`), is at ``later_value`` from
    ``later_at_s`` seconds of the run on.
    """

    kind: Literal["simulator"] = "simulator"
    customers: Annotated[int, _range(50, 20_000)] = 1000
    terminals: Annotated[int, _range(20, 5_000)] = 300
    history_rows: Annotated[int, _range(2_000, 1_000_000)] = 60_000
    history_days: Annotated[int, _range(45, 365)] = 60

    start_hour: Annotated[float, _range(0, 24)] = 8.0
    amount_scale: Annotated[float, _range(0.2, 5.0)] = 1.0
    cycle_ratio: Annotated[float, _range(0, 1)] = 1.0
    far_share: Annotated[float, _range(0, 0.5)] = 0.05
    big_ticket_share: Annotated[float, _range(0, 0.2)] = 0.01
    phone_share: Annotated[float, _range(0, 0.6)] = 0.1

    base_risk: Annotated[float, _range(0, 0.01)] = 0.002
    amount_risk: Annotated[float, _range(0.6, 1)] = 0.9
    terminal_risk: Annotated[float, _range(0, 1)] = 0.6
    customer_risk: Annotated[float, _range(0, 1)] = 0.8
    stolen_risk: Annotated[float, _range(0, 1)] = 0.6
    pattern_risk: Annotated[float, _range(0, 1)] = 0.0

    later_knob: str = ""
    later_value: float = 0.0
    later_at_s: Annotated[float, _range(0, 1e9)] = 0.0

    def weakest(self) -> SimulatorKnobs:
        """Return these knobs with every term of P(y|x) at the low end of its range."""
        return msgspec.structs.replace(
            self,
            base_risk=0.0,
            amount_risk=0.6,
            terminal_risk=0.0,
            customer_risk=0.0,
            stolen_risk=0.0,
            pattern_risk=0.0,
        )

    def strongest(self) -> SimulatorKnobs:
        """Return these knobs with every term of P(y|x) at the high end of its range."""
        return msgspec.structs.replace(
            self,
            base_risk=0.01,
            amount_risk=1.0,
            terminal_risk=1.0,
            customer_risk=1.0,
            stolen_risk=1.0,
            pattern_risk=1.0,
        )


class ReplayKnobs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Knobs of the replay of a user's CSV.

    ``source`` is an absolute path. The earlier ``train_share`` of the rows trains the champion,
    the later rest is replayed in time order, over and over if ``repeat``. ``categorical`` and
    ``ignore`` are column names separated by commas. A missed positive costs ``cost_missed``, a
    negative declined ``cost_declined``.
    """

    kind: Literal["replay"]
    source: str
    time_column: str
    label_column: str
    positive: str | int | float | bool = 1
    train_share: Annotated[float, _range(0.1, 0.9)] = 0.5
    repeat: bool = True
    categorical: str = ""
    ignore: str = ""
    cost_missed: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    cost_declined: Annotated[float, msgspec.Meta(gt=0)] = 1.0

    @property
    def costs(self) -> Costs:
        """The two costs as the rest of the pipeline takes them."""
        return Costs(missed_fraud=self.cost_missed, declined_good=self.cost_declined)


Knobs: TypeAlias = SimulatorKnobs | ReplayKnobs
_KINDS: dict[str, type[SimulatorKnobs] | type[ReplayKnobs]] = {
    "simulator": SimulatorKnobs,
    "replay": ReplayKnobs,
}


def read_scenario(scenario: Mapping[str, object]) -> tuple[float, Knobs]:
    """Split a flat scenario into its time factor (world seconds a run second) and its knobs.

    Raises:
        BadScenario: a knob is unknown, missing or out of range; the message names the known ones.
    """
    knobs = {"kind": "simulator", **scenario}
    factor = knobs.pop("world_s_per_run_s", WORLD_S_PER_RUN_S)
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 < factor < 1e9:
        raise BadScenario(f"world_s_per_run_s is {factor!r}; write a number above 0, e.g. 720")
    kind = _KINDS.get(str(knobs["kind"]))
    if kind is None:
        raise BadScenario(f"knob kind is {knobs['kind']!r}; known kinds: {', '.join(_KINDS)}")
    known = kind.__struct_fields__
    if unknown := sorted(set(knobs) - set(known)):
        raise BadScenario(
            f"unknown knob {', '.join(unknown)} of kind {knobs['kind']!r}; known: {', '.join(known)}"
        )
    try:
        return float(factor), msgspec.convert(knobs, kind)
    except msgspec.ValidationError as error:
        raise BadScenario(f"knob of kind {knobs['kind']!r}: {error}; known: {', '.join(known)}") from error
