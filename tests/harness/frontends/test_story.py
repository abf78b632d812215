"""The demo's own judgement: right only when instrument and story are both right."""

from __future__ import annotations

import msgspec
import pytest

from harness.campaign.model import RunRow
from harness.campaign.table import Ending as TableEnding
from harness.campaign.table import Table, table_of
from harness.campaign.tally import Tally
from harness.episodes.model import Decided, DecidedWindow, Episode, Level, RunFacts
from harness.estimates.model import Estimates
from harness.experiment.model import PROFILES
from harness.frontends.story import DRIFT, EXPECTED, PAIRS, Ending, check_pairs, check_story
from harness.report.document import Document, Inputs
from harness.verdict.model import Verdict
from tests.harness.campaign.rows_kit import episode as felt_episode
from tests.harness.campaign.rows_kit import question, row


def level(*, back: bool, felt: bool = True) -> Level:
    return Level(
        impact_s=0.01 if felt else None,
        recovered_s=0.2 if back else None,
        bound_low_s=None,
        bound_high_s=None,
        flaps=0,
        lost_s=0.2,
        bad_ratio=0.1,
    )


def episode(index: int, kind: str, ending: Ending, *, felt: bool = True, void: str = "") -> Episode:
    """An episode with one ending; what is not held is back only after the fault."""
    back = ending != "not back"
    held = ending in ("held", "held in full")
    return Episode(
        index=index,
        kind=kind,
        service="scorer-a",
        name=f"fault {index}",
        effective_s=0.0,
        mitigated=held if felt else None,
        full_mitigated=ending == "held in full",
        served=level(back=back, felt=felt),
        full=level(back=back),
        acted_s=None,
        act="",
        cleared_s=None,
        cleared_by="",
        ended_by="healed" if held else "platform" if back else "undo",
        void=void,
        quality_from_s=0.0,
        quality_bin_s=1.0,
        quality=(),
    )


KINDS = ("process.kill", "process.hang", "network.latency", "data.rename_field")
ARMS = ("reference", "none")


def run(arm: str, *, sham: bool = False, **changes) -> RunFacts:
    episodes = tuple(
        episode(index, kind, EXPECTED[kind, arm], felt=not sham) for index, kind in enumerate(KINDS)
    )
    plain = RunFacts(
        run_id=f"{arm}-{'sham' if sham else 'fault'}",
        arm=arm,
        restart_profile="fast",
        sham=sham,
        pair=0,
        seed=1,
        complete=True,
        void="",
        unsafe="",
        baseline_units=400,
        baseline_bad=0,
        units=6000,
        good_units=5900,
        availability_ratio=0.98,
        windows=10,
        windows_met=9,
        send_lag_p99_ms=1.0,
        stalls=0,
        audit_observable=True,
        exactly_once=True,
        audit_text="every id once",
        accepted=6000,
        acts=0 if sham else 1,
        observed=True,
        history_sha256="0" * 64,
        episodes=episodes,
    )
    return msgspec.structs.replace(plain, **changes)


def document(*runs: RunFacts) -> Document:
    return Document(
        campaign="demo",
        inputs=Inputs(
            title="demo",
            system="toy",
            target="local",
            seed=1,
            profile=PROFILES["demo"],
            experiment_file="demo.yaml",
            experiment_sha256="",
            scenario_sha256="",
            harness_version="0",
            machine="",
            started_utc="",
            plan_sha256=(),
        ),
        verdict=Verdict(word="DONE", exit_code=0, why="", claims=(), next=""),
        estimates=Estimates(classes=(), arms=(), runs=len(runs), void_runs=0, unsafe_runs=0),
        trust=(),
        runs=runs,
    )


def demo(**changes: dict[str, object]) -> Document:
    """The four runs of a right demo; ``changes`` by run id (with _ for -)."""
    runs = [run(arm, sham=sham) for arm in ARMS for sham in (False, True)]
    return document(
        *(msgspec.structs.replace(one, **changes.get(one.run_id.replace("-", "_"), {})) for one in runs)
    )


def test_a_right_demo_is_done():
    story = check_story(demo())
    assert (story.word, story.exit_code, story.differs) == ("DONE", 0, ())


OPPOSITE: dict[Ending, Ending] = {
    "back": "not back",
    "not back": "back",
    "held": "not held",
    "held in full": "held",
    "not held": "held",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("arm", ARMS)
def test_an_ending_against_the_story_is_told_and_no_evidence_against_a_claim(arm, kind):
    twisted = tuple(
        episode(index, one, OPPOSITE[EXPECTED[one, arm]] if one == kind else EXPECTED[one, arm])
        for index, one in enumerate(KINDS)
    )
    story = check_story(demo(**{f"{arm}_fault": {"episodes": twisted}}))
    assert (story.word, story.exit_code) == ("INCONCLUSIVE", 3)
    assert kind in story.differs[0]
    assert len(story.differs) == 1


def unfelt(arm: str, kind: str) -> tuple[Episode, ...]:
    """The episodes of an arm's fault run, with one of them felt by nobody."""
    return tuple(episode(index, one, EXPECTED[one, arm], felt=one != kind) for index, one in enumerate(KINDS))


@pytest.mark.parametrize("kind", ["process.hang", "network.latency", "data.rename_field"])
def test_an_outage_that_should_last_and_that_nobody_felt_differs_from_the_story(kind):
    story = check_story(demo(none_fault={"episodes": unfelt("none", kind)}))
    assert (story.word, len(story.differs)) == ("INCONCLUSIVE", 1)
    assert "not felt" in story.differs[0]


def test_a_restart_too_quick_to_be_felt_is_a_recovery():
    assert check_story(demo(none_fault={"episodes": unfelt("none", "process.kill")})).word == "DONE"


def test_an_act_without_any_fault_differs_from_the_story():
    story = check_story(demo(reference_sham={"acts": 2}))
    assert (story.word, story.differs) == ("INCONCLUSIVE", ("reference-sham: 2 acts without any fault",))


def test_a_lost_transaction_differs_from_the_story():
    story = check_story(demo(reference_sham={"exactly_once": False, "audit_text": "1 missing"}))
    assert (story.word, story.differs) == ("INCONCLUSIVE", ("reference-sham: not exactly once: 1 missing",))


@pytest.mark.parametrize(
    "change",
    [
        {"void": "baseline not met"},
        {"complete": False},
        {"audit_observable": False, "exactly_once": None},
        {"episodes": (episode(0, "process.kill", "back", void="fault without effect"),)},
    ],
)
def test_an_instrument_that_cannot_be_trusted_voids_the_demo(change):
    story = check_story(demo(none_fault=change))
    assert (story.word, story.exit_code) == ("VOID", 4)
    assert story.differs[0].startswith("none-fault")


def test_a_fault_that_may_remain_wins_over_everything():
    story = check_story(demo(none_fault={"unsafe": "scorer-a still stopped", "void": "x"}))
    assert (story.word, story.exit_code) == ("UNSAFE", 6)


def test_no_runs_at_all_is_void_and_not_done():
    assert check_story(document()).word == "VOID"


@pytest.mark.parametrize("missing", ["none-fault", "reference-fault", "none-sham", "reference-sham"])
def test_a_part_of_the_story_that_did_not_run_is_inconclusive(missing):
    story = check_story(document(*(one for one in demo().runs if one.run_id != missing)))
    assert (story.word, story.exit_code) == ("INCONCLUSIVE", 3)


def drifted(left: float | None, *, arm: str) -> RunFacts:
    """A run whose one episode moved the world, with so much of the harm left at its end."""
    window = DecidedWindow(
        from_s=30.0, until_s=40.0, jump=1.2, jump_error=0.1, excess=0.0, excess_error=0.1, left_ratio=left
    )
    moved = msgspec.structs.replace(
        episode(0, "world.concept_change", "held", felt=False),
        decided=Decided(n=2000, unanswered=0, last=window),
    )
    return msgspec.structs.replace(run(arm), episodes=(moved,))


def drift_demo(reference: float | None, none: float | None) -> Document:
    runs = (drifted(reference, arm="reference"), drifted(none, arm="none"))
    return msgspec.structs.replace(demo(), runs=runs)


def test_a_right_story_of_drift_needs_no_sham_run() -> None:
    assert check_story(drift_demo(0.1, 1.0), DRIFT).word == "DONE"


@pytest.mark.parametrize(("reference", "none"), [(0.3, 1.0), (0.1, 0.7), (None, 1.0), (0.1, None)])
def test_harm_that_is_not_won_back_or_goes_by_itself_is_another_story(
    reference: float | None, none: float | None
) -> None:
    story = check_story(drift_demo(reference, none), DRIFT)
    assert story.word == "INCONCLUSIVE"
    assert len(story.differs) == 1


def test_an_arm_that_did_not_run_leaves_the_story_open() -> None:
    whole = drift_demo(0.1, 1.0)
    assert check_story(msgspec.structs.replace(whole, runs=whole.runs[:1]), DRIFT).word == "INCONCLUSIVE"


UNSEEN = [{"observed": False}, {"blind_s": 9.0}, {"unlisted_blind_s": 0.5}]


@pytest.mark.parametrize("change", UNSEEN)
@pytest.mark.parametrize("arm", ARMS)
def test_a_sham_run_whose_acts_nobody_could_see_voids_the_demo(arm, change):
    story = check_story(demo(**{f"{arm}_sham": change}))
    assert (story.word, story.exit_code) == ("VOID", 4)
    assert story.differs == (
        f"{arm}-sham: acts were not in sight all the time, so none seen is not none done",
    )


@pytest.mark.parametrize("change", UNSEEN)
def test_an_act_that_was_seen_differs_from_the_story_whatever_else_was_not(change):
    story = check_story(demo(reference_sham=change | {"acts": 2}))
    assert (story.word, story.differs) == ("INCONCLUSIVE", ("reference-sham: 2 acts without any fault",))


@pytest.mark.parametrize("change", UNSEEN)
def test_during_a_fault_acts_may_be_out_of_sight(change):
    assert check_story(demo(none_fault=change)).word == "DONE"


@pytest.mark.parametrize("name", ["reference_fault", "reference_sham", "none_fault", "none_sham"])
@pytest.mark.parametrize(
    "change",
    [
        {"acts": 2},
        {"exactly_once": False},
        {"observed": False},
        {"void": "baseline not met"},
        {"unsafe": "scorer-a still stopped"},
        {"episodes": ()},
        {"episodes": tuple(episode(index, kind, "not back") for index, kind in enumerate(KINDS))},
    ],
)
def test_a_demo_claims_nothing_so_whatever_differs_is_no_fail(name, change):
    story = check_story(demo(**{name: change}))
    assert story.word != "FAIL"
    assert story.exit_code != 1


def pairs(count: int, endings: dict[tuple[str, str], Ending], *doubts: RunRow) -> Table:
    """The table of a campaign in which each class ended alike in every pair."""
    tally = Tally()
    for pair in range(count):
        tally.add_pair(
            [
                row(
                    pair,
                    arm,
                    felt_episode(None if ending == "not back" else 300, kind=kind),
                )
                for (kind, arm), ending in endings.items()
            ]
        )
    ending = TableEnding(stopped="all", digest="", doubtful=len(doubts), doubts=doubts)
    return table_of(question(pairs_max=count), tally, ending)


def test_pairs_in_which_each_fault_ends_as_told_are_right():
    assert check_pairs(pairs(3, dict(PAIRS.endings))).word == "DONE"


def test_one_class_that_ends_otherwise_differs_and_says_in_how_many():
    told = {**PAIRS.endings, ("process.hang", "reference"): "not back"}
    story = check_pairs(pairs(3, told))
    assert (story.word, story.differs) == (
        "INCONCLUSIVE",
        ("process.hang in arm reference was back in 0 of 3",),
    )


def test_pairs_that_were_asked_for_and_not_done_or_not_seen_whole_make_it_void():
    table = pairs(3, dict(PAIRS.endings))
    asked = msgspec.structs.replace(table, question=question(pairs_max=60))
    assert check_pairs(asked).differs[0] == "3 of 60 pairs were done"
    few = (msgspec.structs.replace(table.classes[0], n=2, void=1), *table.classes[1:])
    assert check_pairs(msgspec.structs.replace(table, classes=few)).word == "VOID"
    blind = tuple(msgspec.structs.replace(arm, blind=1) for arm in table.arms)
    assert check_pairs(msgspec.structs.replace(table, arms=blind)).word == "VOID"


def test_a_fault_that_nothing_met_is_nobodys_story():
    table = pairs(2, dict(PAIRS.endings))
    met_nothing = tuple(
        msgspec.structs.replace(line, ended_by={**line.ended_by, "not exercised": 1})
        for line in table.classes
    )
    assert check_pairs(msgspec.structs.replace(table, classes=met_nothing)).word == "INCONCLUSIVE"


def test_a_class_that_no_pair_holds_differs():
    told = {key: ending for key, ending in PAIRS.endings.items() if key != ("process.hang", "none")}
    assert check_pairs(pairs(2, told)).differs == ("no process.hang in arm none was seen",)


def test_a_doubtful_run_makes_the_pairs_void():
    doubtful = row(0, "none", why="its baseline was not met")
    story = check_pairs(pairs(2, dict(PAIRS.endings), doubtful))
    assert story.word == "VOID"
    assert story.differs == ("pair 0, arm none: its baseline was not met",)
