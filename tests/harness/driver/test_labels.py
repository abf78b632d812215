"""Labels: told after their time, in their order, until they are taken."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from harness.driver.labels import Labels
from harness.driver.orders import RecordFaults
from harness.driver.relabel import why_no_effect, with_label_faults
from harness.driver.schedule import label_dice
from harness.driver.sinks import FileSink
from harness.driver.spec import LabelFeed, Span
from harness.driver.taint import read_taint
from harness.driver.workload import Finding, Reply, Unit
from harness.faults.effects import Relabel
from harness.history.observations import GOOD, UNKNOWN
from tests.virtual import passes, run

FEED = LabelFeed(url="", delay_s=2.0, spread_s=4.0)


@dataclass
class System:
    """Takes labels but for the instants in ``down``."""

    down: tuple[float, float] = (0.0, 0.0)
    taken: list[tuple[float, str, int]] = field(default_factory=list)
    posts: int = 0

    async def post(self, body: bytes, _: bool, /) -> Reply:
        now_s = asyncio.get_running_loop().time()
        self.posts += 1
        if self.down[0] <= now_s < self.down[1]:
            return Reply(now_s, now_s, "refused")
        self.taken += [(now_s, one["id"], one["label"]) for one in json.loads(body)["labels"]]
        return Reply(now_s, now_s, "", 200, b"{}")


async def _told(labels: Labels, until_s: float) -> None:
    telling = asyncio.create_task(labels.tell_forever())
    await passes(until_s)
    telling.cancel()


def _unit(name: str, label: int, wait: float = 0.0, *, explored: bool = False) -> Unit:
    return Unit(0, name, 0, 0.0, label=label, label_wait=wait, explored=explored)


def _labels(system: System, feed: LabelFeed = FEED) -> Labels:
    return _labels_of(system, feed, RecordFaults((), tell=lambda _: None, now=_now))


def _labels_of(system: System | None, feed: LabelFeed, faults: RecordFaults) -> Labels:
    return Labels(feed, system, faults, now=_now)


def _now() -> float:
    return asyncio.get_running_loop().time()


def test_a_label_is_told_once_its_time_has_come_and_the_first_known_first() -> None:
    async def story() -> None:
        system = System()
        labels = _labels(system)
        for unit, due_s in ((_unit("late", 1, 1.0), 0.0), (_unit("soon", 0), 0.0), (_unit("next", 1), 3.0)):
            labels.recorded(unit, Finding(GOOD, ""), due_s)
        await _told(labels, 10.0)
        assert [(name, label) for _, name, label in system.taken] == [("soon", 0), ("next", 1), ("late", 1)]
        assert [at_s for at_s, _, _ in system.taken] == pytest.approx([2.0, 5.0, 6.0], abs=0.2)
        assert (labels.due, labels.told) == (3, 3)

    run(story, start_s=0.0)


def test_what_nobody_will_know_is_never_told() -> None:
    async def story() -> None:
        system = System()
        labels = _labels(system)
        labels.recorded(_unit("golden", -1), Finding(GOOD, ""), 0.0)
        await _told(labels, 10.0)
        assert system.posts == labels.due == 0

    run(story, start_s=0.0)


def test_a_post_that_fails_is_made_again_until_it_is_taken() -> None:
    async def story() -> None:
        system = System(down=(0.0, 7.0))
        labels = _labels(system)
        for number in range(1200):
            labels.recorded(_unit(str(number), number % 2), Finding(UNKNOWN, "timeout"), 0.0)
        await _told(labels, 10.0)
        assert labels.posts_failed > 10
        assert system.taken[0][0] >= 7.0
        assert sorted(int(name) for _, name, _ in system.taken) == list(range(1200))

    run(story, start_s=0.0)


def test_where_only_what_was_declined_is_looked_into_the_rest_stays_unknown() -> None:
    async def story() -> None:
        system = System()
        labels = _labels(system, LabelFeed(url="", delay_s=0.0, spread_s=0.0, known="declined"))
        labels.recorded(_unit("approved", 1), Finding(GOOD, ""), 0.0)
        labels.recorded(_unit("declined", 0), Finding(GOOD, "", declined=True), 0.0)
        labels.recorded(_unit("explored", 1, explored=True), Finding(GOOD, ""), 0.0)
        await _told(labels, 1.0)
        assert {name for _, name, _ in system.taken} == {"declined", "explored"}

    run(story, start_s=0.0)


def test_waits_have_mean_one_and_exploration_its_share() -> None:
    waits, explored = label_dice(7, 20_000, 0.1)
    assert waits.mean() == pytest.approx(1.0, abs=0.03)
    assert explored.mean() == pytest.approx(0.1, abs=0.01)
    again, _ = label_dice(7, 20_000, 0.0)
    assert np.array_equal(waits, again)


# the oracle


@dataclass
class Taken:
    """Takes whatever is posted, but for the first ``refused`` posts."""

    refused: int = 0
    posted: list[tuple[float, dict[str, list[dict[str, object]]]]] = field(default_factory=list)

    async def post(self, body: bytes, _: bool, /) -> Reply:
        now_s = asyncio.get_running_loop().time()
        if self.refused:
            self.refused -= 1
            return Reply(now_s, now_s, "", 503)
        self.posted.append((now_s, json.loads(body)))
        return Reply(now_s, now_s, "", 200, b"{}")

    def under(self, key: str) -> list[dict[str, object]]:
        """All that was posted; it stands under ``key``, and nothing else does."""
        assert all(set(content) == {key} for _, content in self.posted)
        return [one for _, content in self.posted for one in content[key]]


KNOWN = (
    Unit(0, "fraud", 0, 0.0, label=1, posterior=0.25),
    Unit(1, "good", 0, 0.0, label=0, posterior=0.75),
    Unit(2, "golden", 0, 0.0, label=-1, posterior=0.5),
    Unit(3, "unknown", 0, 0.0, label=1),
)


def _recorded(system: Taken | None, truth: Taken, until_s: float = 10.0) -> tuple[int, int, int]:
    """Let all of ``KNOWN`` be recorded at 0 s; labels due and told, and posts that failed."""
    counts: list[tuple[int, int, int]] = []

    async def story() -> None:
        faults = RecordFaults((), tell=lambda _: None, now=_now)
        labels = Labels(FEED, system, faults, now=_now, truth=truth)
        for unit in KNOWN:
            labels.recorded(unit, Finding(GOOD, ""), 0.0)
        await _told(labels, until_s)
        counts.append((labels.due, labels.told, labels.posts_failed))

    run(story, start_s=0.0)
    return counts[0]


def test_the_truth_gets_p_and_never_a_label_and_labels_never_p() -> None:
    system, truth = Taken(), Taken()
    _recorded(system, truth)
    assert truth.under("truth") == [
        {"id": "fraud", "p": 0.25},
        {"id": "good", "p": 0.75},
        {"id": "golden", "p": 0.5},
    ]
    assert system.under("labels") == [
        {"id": "fraud", "label": 1},
        {"id": "good", "label": 0},
        {"id": "unknown", "label": 1},
    ]


def test_the_truth_is_told_at_once_where_labels_take_their_time() -> None:
    system, truth = Taken(), Taken()
    _recorded(system, truth, until_s=1.0)
    assert [at_s for at_s, _ in truth.posted] == pytest.approx([0.1])
    assert system.posted == []


def test_an_oracle_has_no_labels_told_beside_the_truth() -> None:
    truth = Taken()
    assert _recorded(None, truth) == (3, 0, 0)
    assert len(truth.under("truth")) == 3


def test_the_truth_is_told_again_until_it_is_taken() -> None:
    truth = Taken(refused=3)
    assert _recorded(None, truth) == (3, 0, 3)
    assert len(truth.under("truth")) == 3


# faults

SPAN_S = (5.0, 20.0)


def _fault(tmp_path: Path, effect: Relabel, told: list[dict[str, object]]) -> tuple[Span, RecordFaults]:
    span = Span(episode=3, from_s=SPAN_S[0], until_s=SPAN_S[1], effect=effect)
    return span, RecordFaults((span,), FileSink(tmp_path / "taint.jsonl"), tell=told.append, now=_now)


def _given(span: Span, label: int, name: str = "w7-1", **more: float) -> Unit:
    unit = Unit(0, name, 0, 8.0, label=label, **more)  # type: ignore[arg-type]
    return with_label_faults(unit, {"channel": "phone"}, (span,), seed=7)


@pytest.mark.parametrize(
    ("effect", "label", "at_s"),
    [
        (Relabel(how="flip"), 0, 10.0),
        (Relabel(how="flip", only=1, field="channel", level="phone"), 0, 10.0),
        (Relabel(how="delay", factor=3.0), 1, 14.0),
        (Relabel(how="stop"), 1, 20.0),
    ],
)
def test_a_touched_label_is_told_otherwise_and_stands_in_the_ledger(
    tmp_path: Path, effect: Relabel, label: int, at_s: float
) -> None:
    async def story() -> None:
        said: list[dict[str, object]] = []
        system = System()
        span, faults = _fault(tmp_path, effect, said)
        faults.obey(b"on 3\n")
        labels = _labels_of(system, FEED, faults)
        labels.recorded(_given(span, 1), Finding(GOOD, ""), 8.0)
        await _told(labels, 30.0)
        assert (labels.due, labels.told) == (1, 1)
        assert [(name, told) for _, name, told in system.taken] == [("w7-1", label)]
        assert system.taken[0][0] == pytest.approx(at_s, abs=0.2)
        faults.close()
        (line,) = read_taint((tmp_path / "taint.jsonl").read_bytes()).lines
        assert (line.id, line.episode, line.mutation) == ("w7-1", 3, "relabel")
        assert [message["records"]["why"] for message in said] == ["on", "first"]  # type: ignore[index]

    run(story, start_s=0.0)


def test_while_its_fault_is_off_a_label_is_told_as_it_is(tmp_path: Path) -> None:
    async def story() -> None:
        system = System()
        span, faults = _fault(tmp_path, Relabel(how="flip"), [])
        labels = _labels_of(system, FEED, faults)
        labels.recorded(_given(span, 1), Finding(GOOD, ""), 8.0)
        await _told(labels, 30.0)
        assert [told for _, _, told in system.taken] == [1]
        assert (tmp_path / "taint.jsonl").read_bytes() == b""

    run(story, start_s=0.0)


def test_selected_labels_are_those_of_what_was_declined(tmp_path: Path) -> None:
    async def story() -> None:
        system = System()
        span, faults = _fault(tmp_path, Relabel(how="select"), [])
        faults.obey(b"on 3\n")
        labels = _labels_of(system, FEED, faults)
        labels.recorded(_given(span, 1, "approved"), Finding(GOOD, ""), 8.0)
        labels.recorded(_given(span, 0, "declined"), Finding(GOOD, "", declined=True), 8.0)
        await _told(labels, 30.0)
        assert [name for _, name, _ in system.taken] == ["declined"]

    run(story, start_s=0.0)


@pytest.mark.parametrize(
    ("effect", "label", "record"),
    [
        (Relabel(how="flip", only=1), 0, {}),
        (Relabel(how="flip", field="channel", level="phone"), 1, {"channel": "web"}),
        (Relabel(how="flip", field="channel", level="phone"), 1, {}),
        (Relabel(how="flip"), -1, {}),
    ],
)
def test_what_a_fault_does_not_name_is_not_touched(
    effect: Relabel, label: int, record: dict[str, object]
) -> None:
    span = Span(episode=3, from_s=SPAN_S[0], until_s=SPAN_S[1], effect=effect)
    unit = Unit(0, "w7-1", 0, 8.0, label=label)
    assert with_label_faults(unit, record, (span,), seed=7) == unit


def test_a_share_of_the_labels_is_that_share() -> None:
    span = Span(episode=3, from_s=0.0, until_s=1e6, effect=Relabel(how="flip", share_ratio=0.25))
    units = [Unit(n, f"w7-{n}", 0, float(n), label=n % 2) for n in range(4000)]
    touched = [with_label_faults(unit, {}, (span,), seed=7).label_faults == (3,) for unit in units]
    assert np.mean(touched) == pytest.approx(0.25, abs=0.03)


def test_where_nobody_listens_labels_fall_due_and_nothing_is_told() -> None:
    async def story() -> None:
        labels = _labels_of(None, FEED, RecordFaults((), tell=lambda _: None, now=_now))
        labels.recorded(_unit("w7-1", 1), Finding(GOOD, ""), 0.0)
        await _told(labels, 10.0)
        assert (labels.due, labels.told, labels.posts_failed) == (1, 0, 0)

    run(story, start_s=0.0)


@pytest.mark.parametrize("how", ["stop", "delay"])
def test_a_label_that_is_held_back_comes_when_the_fault_is_off(tmp_path: Path, how: str) -> None:
    async def story() -> None:
        system = System()
        effect = Relabel(how=how, factor=5.0)  # type: ignore[arg-type]
        span, faults = _fault(tmp_path, effect, [])
        faults.obey(b"on 3\n")
        labels = _labels_of(system, FEED, faults)
        labels.recorded(_given(span, 1), Finding(GOOD, ""), 8.0)
        telling = asyncio.create_task(labels.tell_forever())
        await passes(13.0)
        assert not system.taken
        assert labels.due == 0
        faults.obey(b"off 3\n")
        await passes(1.0)
        telling.cancel()
        assert [at_s for at_s, _, _ in system.taken] == pytest.approx([13.1], abs=0.2)

    run(story, start_s=0.0)


def test_what_falls_due_after_the_span_is_told_as_it_is(tmp_path: Path) -> None:
    async def story() -> None:
        system = System()
        span, faults = _fault(tmp_path, Relabel(how="flip"), [])
        faults.obey(b"on 3\n")
        labels = _labels_of(system, FEED, faults)
        labels.recorded(_given(span, 1, label_wait=4.0), Finding(GOOD, ""), 8.0)  # 8 + 2 + 4 x 4 = 26
        await _told(labels, 30.0)
        assert [told for _, _, told in system.taken] == [1]

    run(story, start_s=0.0)


def test_a_flipped_label_is_proven_when_it_is_taken_and_not_before(tmp_path: Path) -> None:
    async def story() -> None:
        said: list[dict[str, object]] = []
        system = System(down=(0.0, 15.0))
        span, faults = _fault(tmp_path, Relabel(how="flip"), said)
        faults.obey(b"on 3\n")
        labels = _labels_of(system, FEED, faults)
        labels.recorded(_given(span, 1), Finding(GOOD, ""), 8.0)
        telling = asyncio.create_task(labels.tell_forever())
        await passes(14.0)
        assert len(said) == 1
        await passes(3.0)
        telling.cancel()
        assert said[1]["records"]["why"] == "first"  # type: ignore[index]
        assert said[1]["records"]["at_s"] >= 15.0  # type: ignore[index]

    run(story, start_s=0.0)


@pytest.mark.parametrize(
    ("effect", "feed", "words"),
    [
        (Relabel(how="flip"), None, "the system takes none"),
        (Relabel(how="delay", factor=2.0), LabelFeed(url="", delay_s=0.0, spread_s=0.0), "at once"),
        (
            Relabel(how="select"),
            LabelFeed(url="", delay_s=1.0, spread_s=0.0, known="declined"),
            "alone already",
        ),
        (Relabel(how="stop"), FEED, ""),
    ],
)
def test_a_fault_that_could_touch_no_label_says_why(
    effect: Relabel, feed: LabelFeed | None, words: str
) -> None:
    assert words in why_no_effect(effect, feed)
    assert bool(why_no_effect(effect, feed)) is bool(words)
