"""No plan holds an effect that cannot be undone with proof; every one says where, how long, by what time."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from harness.errors import Refused
from harness.experiment.model import PROFILES
from harness.faults.catalog import FAULTS
from harness.faults.effects import Cut, Kill, Mutate, Pause
from harness.plan.model import Plan, PlannedEpisode
from harness.plan.safety import TARGETS, promises
from harness.run.records import RecordsTarget
from harness.targets.local.harms import ABILITIES

EVERYTHING = TARGETS["local"]


def planned(*faults: tuple[str, object], held_s: float = 10.0) -> Plan:
    """A plan of one run with ``faults``, each held for ``held_s``."""
    episodes = tuple(
        PlannedEpisode(
            index=n,
            name=f"fault-{n}",
            kind=kind,
            effect=effect,
            inject_at_s=5.0 + 20 * n,
            undo_at_s=5.0 + 20 * n + held_s,
            end_at_s=7.0 + 20 * n + held_s,
        )
        for n, (kind, effect) in enumerate(faults)
    )
    return Plan(
        experiment="e",
        experiment_sha256="",
        system="toy",
        scenario_sha256="",
        target="local",
        seed=1,
        pair=0,
        arm="none",
        sham=False,
        restart_profile="fast",
        profile=PROFILES["test"],
        world_s_per_run_s=1.0,
        episodes=episodes,
        duration_s=60.0,
        sha256="",
    )


KILL = ("process.kill", Kill(service="scorer"))
CUT = ("network.partition", Cut(edge="gateway-scorer", duration_s=4))
RENAME = ("data.rename_field", Mutate(mutation="rename", field="amount"))


def test_every_effect_says_where_how_long_how_it_is_undone_and_within_what_time():
    kill, cut, rename = promises(planned(KILL, CUT, RENAME), EVERYTHING)
    assert (kill.where, cut.where, rename.where) == ("scorer", "gateway-scorer", "records")
    assert (kill.lasts_s, cut.lasts_s, rename.lasts_s) == (None, 4, None)
    assert rename.subject == "amount 100 %"
    assert (cut.at_s, cut.undone_at_s, cut.undone_within_s) == (25.0, 35.0, 1.0)
    assert all(one.undo and one.proof for one in (kill, cut, rename))


@pytest.mark.parametrize(
    "broken", [{"undo": ""}, {"proof": ""}, {"undone_within_s": 0.0}, {"undone_within_s": float("inf")}]
)
def test_a_fault_without_a_provable_undo_is_refused(broken):
    table = {**FAULTS, "network.partition": replace(FAULTS["network.partition"], **broken)}
    assert promises(planned(KILL), EVERYTHING, table)
    with pytest.raises(Refused, match=r"fault-1 \(network.partition\) has no undo.*Nothing was injected"):
        promises(planned(KILL, CUT), EVERYTHING, table)


def test_a_fault_that_is_in_no_table_is_refused():
    with pytest.raises(Refused, match="not in the fault table"):
        promises(planned(KILL), EVERYTHING, {})


def test_what_the_target_cannot_do_is_refused_with_all_of_it_named():
    with pytest.raises(Refused, match=r"'cut' of fault-1 .*'mutate' of fault-2 "):
        promises(planned(KILL, CUT, RENAME), frozenset({"kill", "pause"}))


@pytest.mark.parametrize("fault", [KILL, ("process.hang", Pause(service="scorer")), RENAME])
def test_what_stays_until_undone_may_not_stay_longer_than_the_guards(fault):
    assert promises(planned(fault, held_s=900), EVERYTHING)
    with pytest.raises(Refused, match="would stay for 901 s"):
        promises(planned(fault, held_s=901), EVERYTHING)


def test_what_ends_by_itself_may_be_watched_for_longer():
    assert promises(planned(CUT, held_s=1200), EVERYTHING)
    endless = msgspec.structs.replace(CUT[1], duration_s=901)
    with pytest.raises(Refused, match="would stay for 901 s"):
        promises(planned((CUT[0], endless), held_s=1200), EVERYTHING)


def test_a_plan_without_a_target_is_refused():
    with pytest.raises(Refused, match="hurts nothing"):
        promises(planned(), frozenset())


def test_what_is_said_of_a_target_before_a_run_is_what_it_says_of_itself():
    by_the_driver = RecordsTarget.abilities(object.__new__(RecordsTarget))
    assert TARGETS["local"] == ABILITIES | by_the_driver
