"""Care for the model, in virtual time: what is won back, what is left alone, what is taken back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reference_pipeline.healing.acts import MODEL, TRAINING
from reference_pipeline.healing.care import FAILED, GOLDEN, REFUSED, SELECTIVE, SILENT, UNVERIFIED, Care
from reference_pipeline.healing.decide import Wish
from reference_pipeline.healing.model import Entry, Evidence
from reference_pipeline.healing.model_acts import Promote, Restore, Train
from reference_pipeline.healing.scribe import Scribe
from reference_pipeline.records import Costs
from reference_pipeline.scoring import dump_model
from reference_pipeline.world.frozen import frozen_declines
from tests.reference_pipeline.learning import CONFIG, LearningPath, live, move, published, units
from tests.virtual import passes, run

ON_S = 10.0


def _acts(path: LearningPath, kind: type[Train] | type[Promote] | type[Restore]) -> list[Entry]:
    started = [one for one in path.entries if one.kind == "action.started"]
    return [one for one in started if isinstance(one.evidence.act, kind)]


def test_a_changed_concept_is_learned_and_the_new_model_serves(tmp_path: Path, whole_template: Path) -> None:
    given = units(whole_template, seed=7, length_s=40, moves=(move("pattern_risk", 0.7, ON_S),))

    async def story(path: LearningPath) -> None:
        frozen = path.champion
        await path.decide(given)
        assert path.champion.version != frozen.version
        assert path.champion.lineage["parent"] == frozen.version
        hurt, after = path.regret(given, ON_S, ON_S + 2), path.regret(given, 30, 40)
        before = path.regret(given, 0, ON_S)
        assert (after - before) / (hurt - before) < 0.25
        promoted = _acts(path, Promote)
        assert len(promoted) == 1
        assert promoted[0].at_s - path.start_s > ON_S
        assert path.shares == [0.0, 0.1, 0.5, 0.0]
        assert [one.evidence.ok for one in path.entries if one.kind == "verified"] == [True, True]

    run(live(tmp_path, whole_template, story))


def test_in_a_world_that_stays_as_it_is_nothing_is_done(tmp_path: Path, whole_template: Path) -> None:
    given = units(whole_template, seed=11, length_s=60)

    async def story(path: LearningPath) -> None:
        await path.decide(given)
        assert not _acts(path, Promote)
        assert len(path.versions) == 1 + len(_acts(path, Train))

    run(live(tmp_path, whole_template, story))


@pytest.mark.slow
def test_more_orders_by_phone_that_do_no_harm_move_no_alias(tmp_path: Path, whole_template: Path) -> None:
    given = units(whole_template, seed=12, length_s=60, moves=(move("phone_share", 0.4, ON_S),))

    async def story(path: LearningPath) -> None:
        await path.decide(given)
        assert not _acts(path, Promote)

    run(live(tmp_path, whole_template, story))


def test_a_bad_model_that_somebody_deployed_is_rolled_back(tmp_path: Path, whole_template: Path) -> None:
    """It is sure of itself and wrong: its scores are turned round."""
    given = units(whole_template, seed=13, length_s=30)

    async def story(path: LearningPath) -> None:
        good = path.champion
        trees = good.trees
        turned = dump_model(
            type(trees)(
                **{
                    name: getattr(trees, name)
                    for name in trees.__slots__
                    if name not in ("value", "baseline")
                },
                value=-3.0 * trees.value,
                baseline=-trees.baseline - 6.0,
            ),
            version="2.0.0",
            threshold=good.threshold,
            features=good.features,
            metrics={**good.metrics},
            lineage={"source": "a hand"},
        )
        new = path.registry.put(turned, "2.0.0", {**good.metrics}, {"source": "a hand"})
        path.registry.set_alias("champion", new.version)
        await path.decide(given)
        promoted = [one.evidence.act for one in _acts(path, Promote)]
        assert isinstance(promoted[0], Promote)
        assert (promoted[0].version, promoted[0].was) == (good.version, new.version)
        assert path.champion.version == good.version
        assert path.regret(given, 20, 30) < path.regret(given, 0, 2)

    run(live(tmp_path, whole_template, story))


def test_without_labels_nothing_is_known_and_nothing_done(tmp_path: Path, whole_template: Path) -> None:
    given = units(whole_template, seed=14, length_s=20, moves=(move("pattern_risk", 0.7, 2.0),), delay_s=1e6)

    async def story(path: LearningPath) -> None:
        await path.decide(given)
        assert not [one for one in path.entries if one.target in (MODEL, TRAINING)]

    run(live(tmp_path, whole_template, story))


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.5, 0.08])
def test_a_model_that_learned_noise_is_not_promoted(
    tmp_path: Path, whole_template: Path, share: float
) -> None:
    """By such labels whoever declines everybody loses least; the golden rows say what that is."""
    given = units(whole_template, seed=15, length_s=60)
    flipped = (np.random.default_rng(1).random(len(given.label)) < share) & (given.due_s > ON_S)
    given.label = np.where(flipped, 1 - given.label, given.label).astype(np.int8)

    async def story(path: LearningPath) -> None:
        await path.decide(given)
        kinds = [one.evidence.act.kind for one in _acts(path, Train) if isinstance(one.evidence.act, Train)]
        assert kinds[:3] == ["adapt", "recalibrate", "adapt"]
        assert not _acts(path, Promote)

    run(live(tmp_path, whole_template, story))


@pytest.mark.slow
def test_from_labels_of_what_was_declined_alone_nothing_is_concluded(
    tmp_path: Path, whole_template: Path
) -> None:
    given = units(whole_template, seed=16, length_s=60)
    declined = frozen_declines(given.records, whole_template) == 1
    given.label = np.where(declined | (given.due_s < ON_S), given.label, -1).astype(np.int8)

    async def story(path: LearningPath) -> None:
        await path.decide(given)
        assert not _acts(path, Train)
        pages = [one.reason for one in path.entries if one.evidence.choice == "page"]
        assert pages == [SELECTIVE]

    run(live(tmp_path, whole_template, story))


def test_a_candidate_with_good_papers_that_is_worse_is_never_promoted(
    tmp_path: Path, whole_template: Path
) -> None:
    given = units(whole_template, seed=31, length_s=40)

    async def story(path: LearningPath) -> None:
        path.registry.set_alias("candidate", published(path, "1.1.0", 0.4, -3.0))
        await path.decide(given)
        assert not _acts(path, Promote)
        refused = [one.reason for one in path.entries if one.evidence.choice == "refrain"]
        assert len(refused) == 1
        assert refused[0].startswith("candidate 1.1.0")

    run(live(tmp_path, whole_template, story))


@pytest.mark.slow
def test_a_candidate_that_knows_the_new_concept_is_promoted(tmp_path: Path, whole_template: Path) -> None:
    """Trained elsewhere: what counts is what it loses on the same rows."""
    given = units(whole_template, seed=32, length_s=20, moves=(move("pattern_risk", 0.7, 0.0),))
    more = units(whole_template, seed=33, length_s=26, moves=(move("pattern_risk", 0.7, 0.0),))

    async def story(path: LearningPath) -> None:
        first = path.champion
        await path.decide(given)
        taught = path.champion
        assert taught.version != first.version
        path.registry.set_alias("champion", first.version)
        path.registry.set_alias("candidate", taught.version)
        path.declined.clear()
        await path.decide(more)
        assert path.champion.version == taught.version

    run(live(tmp_path, whole_template, story))


@pytest.mark.slow
@pytest.mark.parametrize(("scale", "shift"), [(-3.0, -12.0), (0.0, -6.0), (0.0, 2.0)])
def test_golden_rows_find_a_wrong_model_before_any_label(
    tmp_path: Path, whole_template: Path, scale: float, shift: float
) -> None:
    """Sure of the opposite, approving everybody, declining everybody: without a single label."""
    given = units(whole_template, seed=34, length_s=10, delay_s=1e6)

    async def story(path: LearningPath) -> None:
        good = path.champion.version
        path.registry.set_alias("champion", published(path, "1.1.0", scale, shift))
        await path.decide(given)
        assert path.champion.version == good
        assert [one.reason for one in path.entries if one.kind == "detected" and one.target == MODEL] == [
            GOLDEN
        ]

    run(live(tmp_path, whole_template, story))


def _pages(path: LearningPath) -> list[str]:
    return [one.reason for one in path.entries if one.evidence.choice == "page"]


def _promoted_by_hand(path: LearningPath, version: str, was: str) -> None:
    """As the journal and the registry have it after a promotion that is not verified yet."""
    act = Promote(version=version, was=was)
    scribe = path.healer._scribe
    scribe.begin(Wish(act, "by-hand", "a test"))
    path.registry.set_alias("champion", version)
    scribe.put("action.finished", "by-hand", Evidence(act=act, ok=True), "done")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scale", "shift", "why"),
    [(0.0, 2.0, GOLDEN), (1.0, -3.0, "worse than 1.0.0+")],
    ids=["golden", "labels"],
)
def test_a_promotion_that_turns_out_worse_is_taken_back_and_not_tried_again(
    tmp_path: Path, whole_template: Path, scale: float, shift: float, why: str
) -> None:
    """By golden rows at once, which labels that lie cannot change; by labels where golden rows are right."""
    given = units(whole_template, seed=41, length_s=20)

    async def story(path: LearningPath) -> None:
        good, bad = path.champion.version, published(path, "1.1.0", scale, shift)
        _promoted_by_hand(path, bad, good)
        await path.decide(given)
        verified = [one for one in path.entries if one.kind == "verified"]
        assert [one.evidence.ok for one in verified] == [False]
        assert verified[0].reason.startswith(why)
        assert [one.evidence.act for one in _acts(path, Restore)] == [Restore(version=good, was=bad)]
        assert path.champion.version == good
        assert bad in path.healer.books.failed
        assert not path.healer.books.busy(MODEL)

    run(live(tmp_path, whole_template, story))


@pytest.mark.slow
@pytest.mark.parametrize("labelled_s", [0.0, 3.0])
def test_a_promotion_that_no_label_can_verify_stays_is_paged_and_holds_up_nothing(
    tmp_path: Path, whole_template: Path, labelled_s: float
) -> None:
    given = units(whole_template, seed=42, length_s=int(CONFIG.proof_wait_s + labelled_s + 15))
    given.label = np.where(given.due_s < labelled_s, given.label, -1).astype(np.int8)

    async def story(path: LearningPath) -> None:
        good, other = path.champion.version, published(path, "1.1.0", 1.0, 0.001)
        _promoted_by_hand(path, other, good)
        await path.decide(given)
        (verified,) = [one for one in path.entries if one.kind == "verified"]
        assert verified.reason.startswith("not verified")
        assert verified.evidence.ok is None
        assert UNVERIFIED in _pages(path)
        assert path.champion.version == other
        assert not path.healer.books.busy(MODEL)

    run(live(tmp_path, whole_template, story))


@pytest.mark.slow
def test_labels_that_stop_are_paged_though_nothing_else_is_wrong(
    tmp_path: Path, whole_template: Path
) -> None:
    given = units(whole_template, seed=43, length_s=int(CONFIG.proof_wait_s + 25))
    given.label = np.where(given.due_s < 10.0, given.label, -1).astype(np.int8)

    async def story(path: LearningPath) -> None:
        await path.decide(given)
        assert _pages(path) == [SILENT]
        assert not _acts(path, Promote)

    run(live(tmp_path, whole_template, story))


@pytest.mark.slow
def test_labels_that_never_come_are_paged_too(tmp_path: Path, whole_template: Path) -> None:
    given = units(whole_template, seed=44, length_s=int(CONFIG.proof_wait_s + 5), delay_s=1e6)

    async def story(path: LearningPath) -> None:
        await path.decide(given)
        assert _pages(path) == [SILENT]

    run(live(tmp_path, whole_template, story))


@pytest.mark.slow
def test_a_version_that_failed_on_its_way_holds_up_no_other_one(tmp_path: Path, whole_template: Path) -> None:
    """The candidate is better, and cannot be served; a model for the changed concept is trained yet."""
    given = units(whole_template, seed=32, length_s=20, moves=(move("pattern_risk", 0.7, 0.0),))
    more = units(whole_template, seed=33, length_s=40, moves=(move("pattern_risk", 0.7, 0.0),))

    async def story(path: LearningPath) -> None:
        first = path.champion
        await path.decide(given)
        taught = path.champion
        assert taught.version != first.version
        path.registry.set_alias("champion", first.version)
        path.registry.set_alias("candidate", taught.version)
        path.wires.canary_fails = True
        before = len(_acts(path, Train))
        await path.decide(more)
        told = [one.reason for one in path.entries if one.evidence.choice == "refrain"]
        assert f"candidate {taught.version}: {FAILED}" in told
        assert taught.version in path.healer.books.failed
        assert len(_acts(path, Train)) > before

    run(live(tmp_path, whole_template, story))


@pytest.mark.slow
def test_a_version_whose_file_is_damaged_is_given_up_and_not_asked_for_for_ever(
    tmp_path: Path, whole_template: Path
) -> None:
    given = units(whole_template, seed=44, length_s=16)

    async def story(path: LearningPath) -> None:
        good = path.champion
        bad = published(path, "1.1.0", 0.0, 2.0)
        await passes(3.0)  # the learner has both now
        path.registry.set_alias("champion", bad)
        _damage(tmp_path, path, good.version)
        await path.decide(given)
        of_model = [one for one in path.entries if one.target == MODEL]
        (finished,) = [one for one in of_model if one.kind == "action.finished"]
        assert finished.evidence.ok is False
        assert good.version in path.healer.books.failed
        assert not path.healer.books.busy(MODEL)
        assert f"{GOLDEN}, and no other version decides them rightly" in _pages(path)

    run(live(tmp_path, whole_template, story))


def test_damage_to_the_file_of_what_serves_is_paged_though_it_was_read_before(
    tmp_path: Path, whole_template: Path
) -> None:
    given = units(whole_template, seed=45, length_s=15)

    async def story(path: LearningPath) -> None:
        await passes(3.0)
        _damage(tmp_path, path, path.champion.version)
        await path.decide(given)
        (page,) = _pages(path)
        assert page.startswith(REFUSED)

    run(live(tmp_path, whole_template, story))


@pytest.mark.slow
def test_damage_to_the_file_of_what_was_promoted_does_not_bring_back_what_it_replaced(
    tmp_path: Path, whole_template: Path
) -> None:
    """A file that is damaged says nothing of decisions, and what was rolled back from was wrong."""
    given = units(whole_template, seed=46, length_s=int(CONFIG.proof_wait_s + 15))

    async def story(path: LearningPath) -> None:
        good, bad = path.champion.version, published(path, "1.1.0", 0.0, 2.0)
        _promoted_by_hand(path, good, bad)
        _damage(tmp_path, path, good)
        await passes(12.0)  # the learner has looked at the file again
        await path.decide(given)
        (verified,) = [one for one in path.entries if one.kind == "verified"]
        assert verified.evidence.ok is None
        assert verified.reason.startswith("not verified: 0 labelled rows since; ")
        assert not _acts(path, Restore)
        assert path.champion.version == good
        assert any(page.startswith(REFUSED) for page in _pages(path))

    run(live(tmp_path, whole_template, story))


@pytest.mark.slow
def test_a_damaged_file_of_what_was_promoted_is_left_for_a_version_that_decides_golden_rows_rightly(
    tmp_path: Path, whole_template: Path
) -> None:
    """It may be the very one that does harm, and cannot be told from others any more."""
    given = units(whole_template, seed=48, length_s=20)

    async def story(path: LearningPath) -> None:
        good, bad = path.champion.version, published(path, "1.1.0", 0.0, 2.0)
        await passes(3.0)
        _promoted_by_hand(path, bad, good)
        assert path.champion.version == bad
        _damage(tmp_path, path, bad)
        await path.decide(given)
        (verified,) = [one for one in path.entries if one.kind == "verified"]
        assert verified.evidence.ok is False
        assert path.champion.version == good

    run(live(tmp_path, whole_template, story))


def _damage(folder: Path, path: LearningPath, version: str) -> None:
    (sha256,) = [one.sha256 for one in path.versions if one.version == version]
    file = folder / "registry" / "artefacts" / f"{sha256}.npz"
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1])


def test_a_new_healer_knows_who_has_served_and_goes_back_to_it_at_once(
    tmp_path: Path, whole_template: Path
) -> None:
    """The newest other version has never served, whatever its golden rows say."""
    given = units(whole_template, seed=46, length_s=4)

    async def story(path: LearningPath) -> None:
        good, out = path.champion.version, path.outside
        await path.decide(given)
        published(path, "1.1.0", 1.0, 0.001)
        path.registry.set_alias("champion", published(path, "1.2.0", 0.0, 2.0))
        scribe = Scribe(out.journal, out.clock, "next-life", page_every_s=3600.0)
        scribe.recover()
        care = Care(
            out.experience, out.models, scribe, out.clock, config=CONFIG, costs=Costs(), journal=out.journal
        )
        (wish,) = await care.look()
        assert isinstance(wish.act, Promote)
        assert (wish.act.version, wish.act.by_steps) == (good, False)

    run(live(tmp_path, whole_template, story))
