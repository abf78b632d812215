"""A sentinel in the rows: left out of what is learned, for as long as it comes; a move as a whole is not."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from reference_pipeline.features import load_features
from reference_pipeline.healing.acts import Quarantine, Release
from reference_pipeline.healing.damage import Damage
from reference_pipeline.healing.detectors.pointmass import point_mass, sample_of
from reference_pipeline.healing.detectors.stored import load_row_watch
from reference_pipeline.healing.journal import JOURNAL, Journal
from reference_pipeline.healing.model import Evidence
from reference_pipeline.healing.model_acts import Train
from reference_pipeline.healing.raw_rows import RawBatch, RawBatches
from reference_pipeline.healing.scribe import Scribe
from reference_pipeline.jobs import DATA_FILE
from reference_pipeline.stores import SqliteStore
from tests.reference_pipeline.healing.worlds import Clock
from tests.reference_pipeline.learning import LearningPath, Units, live, move, units
from tests.virtual import run

SENTINEL = 9999.0


def _with_sentinels(given: Units, template: Path, *, share: float, from_s: float, until_s: float) -> Units:
    """The truth stays as it is; of some amounts the system is told a number for a missing one."""
    hit = np.random.default_rng(3).random(len(given.label)) < share
    hit &= (given.due_s >= from_s) & (given.due_s < until_s)
    for index in np.flatnonzero(hit):
        given.records[index]["amount"] = SENTINEL
    given.rows = load_features(template).rows(given.records)
    return given


def _acts(path: LearningPath, kind: type[Quarantine] | type[Release]) -> list[Quarantine | Release]:
    acts = [one.evidence.act for one in path.entries if one.kind == "action.started"]
    return [one for one in acts if isinstance(one, kind)]


@pytest.mark.slow
def test_a_sentinel_is_left_out_of_every_training_and_taken_in_again_when_it_is_over(
    tmp_path: Path, whole_template: Path
) -> None:
    given = units(whole_template, seed=51, length_s=75)
    given = _with_sentinels(given, whole_template, share=0.3, from_s=10.0, until_s=25.0)
    column = load_features(whole_template).spec.features.index("log_amount")

    async def story(path: LearningPath) -> None:
        await path.decide(given)
        (left_out,) = _acts(path, Quarantine)
        assert left_out.column == "log_amount"
        assert [type(one) for one in _acts(path, Release)] == [Release]
        verified = [one for one in path.entries if isinstance(one.evidence.act, Quarantine)]
        assert [one.evidence.ok for one in verified if one.kind == "verified"] == [True]
        for data in (tmp_path / "trainings").glob(f"*/{DATA_FILE}"):
            with np.load(data) as arrays:
                assert not (arrays["rows"][:, column] == left_out.value).any()

    run(live(tmp_path, whole_template, story))


def test_a_customer_who_buys_again_and_again_is_no_damage(whole_template: Path) -> None:
    """In an evening one in twenty-five orders is of one customer, with one age of card."""
    given = units(whole_template, seed=63, length_s=100)
    watch, names = load_row_watch(whole_template), load_features(whole_template).spec.features
    assert watch is not None
    samples = {name: sample_of(np.asarray(one)) for name, one in watch.samples().items()}
    alone = beside = 0
    for first in range(0, len(given.rows) - 400, 100):
        rows = given.rows[first : first + 400]
        lately = {name: (rows[:, names.index(name)], sample) for name, sample in samples.items()}
        for name, own in lately.items():
            others = [one for other, one in lately.items() if other != name]
            alone += point_mass(*own) is not None
            beside += point_mass(*own, beside=others) is not None
    assert (alone > 0, beside) == (True, 0)


class Pages:
    """Raw batches of one column, page by page; the rest of the experience is not asked."""

    def __init__(self) -> None:
        self.waiting: list[list[float]] = []
        self.count = 0

    async def raw_batches(self, _: int, limit: int) -> RawBatches:
        batches = []
        for values in self.waiting[:limit]:
            self.count += 1
            rows = tuple((one,) for one in values)
            batches.append(RawBatch(number=self.count, hour=0, rows=rows, scores=(0.1,) * len(rows)))
        del self.waiting[:limit]
        return RawBatches(batches=tuple(batches), last=self.count)


def test_batches_without_the_value_count_from_when_it_is_left_out(tmp_path: Path) -> None:
    dice = np.random.default_rng(1)
    clean, broken = dice.lognormal(size=(150, 100)).tolist(), dice.lognormal(size=(4, 100))
    broken[:, :30] = SENTINEL
    pages = Pages()
    watch = SimpleNamespace(samples=lambda: {"amount": dice.lognormal(size=2000)})

    async def story() -> None:
        with closing(SqliteStore(tmp_path / "healer.db", [JOURNAL])) as store:
            scribe = Scribe(Journal(store, "healer", "life"), Clock(), "life", page_every_s=3600.0)
            damage = Damage(pages, scribe, watch)  # type: ignore[arg-type]
            pages.waiting += clean
            for _ in range(10):
                assert await damage.look() == []
            pages.waiting += broken.tolist()
            (wish,) = await damage.look()
            scribe.begin(wish)
            scribe.put("action.finished", wish.episode, Evidence(act=wish.act, ok=True), "done")
            assert await damage.look() == [], "nothing has come since"
            pages.waiting += clean[:99]
            wishes = [one.act for _ in range(6) for one in await damage.look()]
            assert wishes == []
            pages.waiting += clean[:1]
            (release,) = await damage.look()
            assert release.act == Release(column="amount", value=SENTINEL)

    run(story)


@pytest.mark.slow
def test_where_the_policy_does_not_allow_it_training_is_held_and_that_is_paged(
    tmp_path: Path, whole_template: Path
) -> None:
    given = units(whole_template, seed=52, length_s=30)
    given = _with_sentinels(given, whole_template, share=0.6, from_s=5.0, until_s=1e9)

    async def story(path: LearningPath) -> None:
        path.wires.world.policy.texts.append(b"{version: 1, allowed: [train, promote]}")
        await path.decide(given)
        assert not _acts(path, Quarantine)
        started = [one.evidence.act for one in path.entries if one.kind == "action.started"]
        assert not [act for act in started if isinstance(act, Train)]
        pages = [one.reason for one in path.entries if one.evidence.choice == "page"]
        assert "the policy does not allow to quarantine" in pages

    run(live(tmp_path, whole_template, story))


@pytest.mark.slow
@pytest.mark.parametrize(("knob", "value"), [("amount_scale", 4.0), ("phone_share", 0.4)])
def test_a_column_that_moves_as_a_whole_is_not_left_out(
    tmp_path: Path, whole_template: Path, knob: str, value: float
) -> None:
    given = units(whole_template, seed=53, length_s=25, moves=(move(knob, value, 5.0),))

    async def story(path: LearningPath) -> None:
        await path.decide(given)
        assert not _acts(path, Quarantine)

    run(live(tmp_path, whole_template, story))
