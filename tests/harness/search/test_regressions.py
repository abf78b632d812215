"""Failures that were found once are played for ever; those of wrong healers prove that they can fail."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

import harness
from harness.errors import Refused
from harness.search.outcome import Met, Outcome, Signature
from harness.search.regressions import Regression, name_of, prepared_hash, read, why_not, write
from harness.search.schedule import schedule_of
from harness.search.workers import player_of
from reference_pipeline.deploy.prepare import prepare
from tests.conftest import SMALL
from tests.harness.search.ground import ROOT, ground, kill, outcome
from tests.tiers import few

FOLDER = ROOT / "tests" / "regressions"
FILES = sorted(FOLDER.glob("*.json"))


@pytest.fixture
def template_of(small_template: Path, tmp_path: Path):
    """What the system of a file is prepared with."""

    def found(kept: Regression) -> Path:
        if kept.knobs == SMALL:
            return small_template
        return prepare(kept.knobs or {"kind": "simulator"}, seed=3, out=tmp_path / "template")

    return found


def played(kept: Regression, template: Path) -> Outcome:
    where = msgspec.structs.replace(
        ground(template, kept.simulation, kept.limits),
        file=str(ROOT / kept.experiment),
        knobs=kept.knobs,
        seed=kept.seed,
        arm=kept.arm,
    )
    return player_of(where).play(kept.schedule)


@pytest.mark.parametrize("file", few(FILES, 2), ids=[file.stem for file in FILES])
def test_a_kept_failure_still_fails_or_its_file_says_why_not(file: Path, template_of) -> None:
    kept = read(file)
    template = template_of(kept)
    outcome = played(kept, template)
    told = why_not(kept, outcome, prepared=prepared_hash(template), harness_version=harness.__version__)
    assert told == "", f"{file.name}: {told}"


@pytest.mark.parametrize("file", few(FILES, 2), ids=[file.stem for file in FILES])
def test_the_product_does_not_fail_where_a_planted_bug_does(file: Path, template_of) -> None:
    kept = read(file)
    outcome = played(msgspec.structs.replace(kept, simulation=""), template_of(kept))
    assert outcome.void == ""
    if kept.simulation or kept.mended:
        assert kept.signature not in outcome.signatures()


def test_every_planted_bug_has_a_file_and_each_file_its_own_name() -> None:
    kept = [read(file) for file in FILES]
    assert [file.name for file in FILES] == [name_of(one) for one in kept]
    planted = {one.simulation.rpartition("open_")[2] for one in kept if one.simulation}
    assert planted == {"overlap", "half_done", "quarantined", "lost_alarm", "double"}
    assert all(len(one.schedule.faults) == 2 for one in kept if one.simulation)
    assert all(one.local for one in kept), "say what becomes of it on processes, or why not"


SIGNATURE = Signature(invariant="served", stuck="late")
KEPT = Regression(
    harness_version="1",
    experiment="e",
    prepared="p",
    seed=1,
    arm="reference",
    limits=ground(Path()).limits,
    schedule=schedule_of([kill("gateway", 1.0)]),
    signature=SIGNATURE,
    detail="",
    digest="d",
)


def told(kept: Regression, seen: Outcome) -> str:
    return why_not(kept, seen, prepared="p", harness_version="1")


def test_a_failure_that_does_not_come_is_told_unless_it_was_mended() -> None:
    other = Signature(invariant="cause", stuck="restart")
    assert told(KEPT, outcome(SIGNATURE)) == ""
    assert "served (late) does not break any more, but cause (restart)" in told(KEPT, outcome(other))
    mended = msgspec.structs.replace(KEPT, mended="the breaker closes sooner")
    met = Met(began_s=1.0, ended_s=1.0, met=True, why="")
    assert told(mended, msgspec.structs.replace(outcome(), met=(met,))) == ""
    assert "it fails again, by served (late)" in told(mended, outcome(SIGNATURE))
    assert "it fails again, by cause (restart)" in told(mended, outcome(other))
    unmet = Met(began_s=None, ended_s=None, met=False, why="what it waits for never came")
    assert "it proves nothing" in told(mended, msgspec.structs.replace(outcome(), met=(unmet,)))


def test_a_void_episode_and_another_digest_are_told() -> None:
    assert "nothing can be said" in told(KEPT, outcome(void="no world"))
    assert "digest x, not d" in told(KEPT, outcome(SIGNATURE, digest="x"))
    elsewhere = why_not(KEPT, outcome(SIGNATURE, digest="x"), prepared="other", harness_version="1")
    assert elsewhere == "", "what was prepared otherwise has another digest, and may still fail"


def test_a_file_is_read_as_it_was_written_and_anything_else_is_refused(tmp_path: Path) -> None:
    file = write(KEPT, tmp_path / "regressions")
    assert read(file) == KEPT
    assert file.name == name_of(KEPT)
    file.write_text("{}")
    with pytest.raises(Refused, match="is no regression"):
        read(file)
