"""A folder gives one document, the same bytes wherever it lies, and every doubt is a line in it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from harness.errors import UsageProblem
from harness.history import events as ev
from harness.history.model import Campaign
from harness.report.compose import compose, compose_campaign, decode, encode
from harness.report.document import Check, Document
from harness.report.text import render as as_text
from tests.traps.histories import (
    SETTLED,
    Outage,
    Story,
    campaign_of,
    killed,
    never_back,
    objective,
    written,
)

UNSEEN = msgspec.structs.replace(SETTLED, observable=False, accepted=0, delivered_once=0)
LOST = msgspec.structs.replace(SETTLED, missing=1)
PAIR = (
    killed(),
    Story(sham=True),
    never_back(),
    Story(sham=True, arm="bare"),
)


def check(document: Document, start: str) -> Check:
    (found,) = (line for line in document.trust if line.text.startswith(start))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("store"), *PAIR)


def test_a_copy_of_the_folder_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(folder, tmp_path / "elsewhere" / "under another name")
    data = encode(compose(folder))
    assert encode(compose(copied)) == data
    assert str(folder).encode() not in data


def test_the_bytes_read_back_as_the_same_document(folder: Path) -> None:
    document = compose(folder)
    data = encode(document)
    assert decode(data) == document
    assert data.endswith(b"}\n")
    assert data.startswith(b'{\n "version": 1,')


def test_a_document_with_a_field_of_the_wrong_kind_is_refused(folder: Path) -> None:
    data = encode(compose(folder)).replace(b'"trust": [', b'"trust": 7, "more": [')
    with pytest.raises(msgspec.ValidationError):
        decode(data)


def test_a_good_campaign_has_only_lines_that_are_ok(folder: Path) -> None:
    document = compose(folder)
    assert [line.text for line in document.trust if not line.ok] == []
    assert check(document, "Every fault was proven effective").value == "2 of 2"
    assert check(document, "Every fault was proven gone").value == "2 of 2"
    assert check(document, "Runs recorded").value == "4 of 4"
    assert check(document, "False impacts").value.startswith("0 of 2")
    assert check(document, "Runs of a pair").value == "1 of 1 pairs"
    assert document.verdict.word == "DONE"
    assert [run.run_id for run in document.runs] == sorted(run.run_id for run in document.runs)


@pytest.mark.parametrize(
    ("start", "story"),
    [
        ("Runs recorded", killed(send_lag_s=0.2)),
        ("The witness sent on time", killed(send_lag_s=0.2)),
        ("Every fault was proven effective", killed(events=lambda told: told[:5])),
        ("Every fault was proven gone", killed(events=lambda told: _without(told, ev.Clean))),
        ("Bad units before the first fault", killed(baseline_share=0.3)),
        ("Every accepted transaction", killed(audit=None)),
        ("Runs of a pair", killed(seed=8)),
    ],
)
def test_each_doubt_about_one_run_is_seen_in_its_line(start: str, story: Story) -> None:
    document = compose_campaign(campaign_of(Story(sham=True), story))
    assert not check(document, start).ok


@pytest.mark.parametrize(
    ("looks", "arm", "value"),
    [
        ({"file a": 4}, "none", "1 of 1"),
        ({"file a": 4, "git . HEAD": 0}, "none", "1 of 2; never git . HEAD"),
        ({"file a": 4, "healer:/acts": 0}, "none", "1 of 1"),
        ({"file a": 4, "healer:/acts": 0}, "reference", "1 of 2; never healer:/acts"),
        ({"journal j.jsonl": 0}, "reference", "0 of 1; never journal j.jsonl"),
    ],
)
def test_an_observer_that_never_saw_anything_is_named(looks: dict[str, int], arm: str, value: str) -> None:
    counts = [ev.Looked(observer=one, looks=n, failures=1, listed=False) for one, n in looks.items()]
    told = killed(arm=arm, events=lambda events: [*events[:-1], *counts, events[-1]])
    line = check(compose_campaign(campaign_of(told)), "Declared observers")
    assert (line.value, line.ok) == (value, ";" not in value)


@pytest.mark.parametrize(
    ("listed", "told", "ok", "weak"),
    [(False, "not observable", True, True), (True, "not judged", False, False)],
)
def test_a_system_that_lists_no_ids_is_a_limit_and_one_that_accepted_nothing_is_none(listed, told, ok, weak):
    def unheard(events: list[ev.Event]) -> list[ev.Event]:
        audited = {"observable": listed, "accepted": 0}
        return [
            msgspec.structs.replace(one, **audited) if isinstance(one, ev.Audited) else one for one in events
        ]

    line = check(compose_campaign(campaign_of(killed(events=unheard))), "Every accepted")
    assert (line.value, line.ok, line.weak) == (f"0 of 1 runs; 1 {told}", ok, weak)


@pytest.mark.parametrize(
    ("proven", "value", "weak"),
    [
        (("by command", "by command"), "2 proven by the system's own command", False),
        (("by itself", "by itself"), "2 with a state of its own", False),
        (("by command", ""), "1 proven by the system's own command", True),
        (("", None), "2 not proven", True),
    ],
)
def test_whether_runs_began_from_one_state_is_told(proven: tuple, value: str, weak: bool) -> None:
    def story(how: str | None) -> Story:
        told = [] if how is None else [ev.StateReset(proven=how, output_sha256="a")]
        return killed(events=lambda events: [events[0], *told, *events[1:]])

    line = check(compose_campaign(campaign_of(*map(story, proven))), "Each run began from the same state")
    assert line.value.startswith(value)
    assert (line.ok, line.weak, "not proven" in line.value) == (True, weak, weak)


@pytest.mark.parametrize(
    ("audits", "value", "sign"),
    [
        ((SETTLED, SETTLED), "2 of 2 runs", (True, False)),
        ((SETTLED, UNSEEN), "1 of 2 runs; 1 not observable", (True, True)),
        ((UNSEEN, UNSEEN), "0 of 2 runs; 2 not observable", (True, True)),
        ((SETTLED, LOST), "1 of 2 runs", (False, False)),
        ((UNSEEN, LOST), "0 of 2 runs; 1 not observable", (False, True)),
    ],
)
def test_ids_that_nobody_lists_are_a_limit_and_a_lost_one_is_broken(audits, value, sign) -> None:
    document = compose_campaign(campaign_of(*(killed(audit=one, pair=i) for i, one in enumerate(audits))))
    line = check(document, "Every accepted transaction ended exactly once")
    assert (line.value, (line.ok, line.weak)) == (value, sign)


def test_runs_that_depend_on_each_other_are_named_and_widen_their_intervals() -> None:
    """A system that is hurt a little longer each time, as one whose state nobody brings back."""
    document = compose_campaign(campaign_of(*(killed(0.3 + 0.02 * i, pair=i) for i in range(20))))
    (found,) = document.estimates.classes
    line = check(document, "Runs of a class tell nothing of the next one")
    assert line.weak
    assert "process.kill scorer-a, none, fast: runs depend on each other (+0." in line.value
    assert (found.impact.k, found.impact.n) == (20, 20)
    assert found.impact.low_ratio < 0.5  # of 20 independent runs: 0.83
    assert found.served_median.needs_n > 20
    assert "runs depend on each other" in " ".join(as_text(document).split())


def test_fewer_runs_than_the_test_needs_are_told() -> None:
    line = check(compose_campaign(campaign_of(killed())), "Runs of a class tell nothing of the next one")
    assert (line.value, line.weak) == ("tested in 0 of 1 classes; needs 1 / 20 runs in 1", True)


def _without(told: list, kind: type) -> list:
    return [event for event in told if not isinstance(event, kind)]


def test_many_false_impacts_in_sham_runs_are_a_doubt() -> None:
    alarms = [Story(sham=True, pair=i, outages=(Outage(1.0, 1.5),)) for i in range(5)]
    line = check(compose_campaign(campaign_of(killed(), *alarms)), "False impacts")
    assert line.value.startswith("5 of 5")
    assert not line.ok


def test_without_sham_runs_false_impacts_were_not_looked_for_which_is_a_limit_that_is_told() -> None:
    line = check(compose_campaign(campaign_of(killed())), "False impacts")
    assert (line.value, line.ok, line.weak) == ("not measured: no run without faults", True, True)


def test_an_empty_campaign_has_no_line_that_is_ok_by_default() -> None:
    document = compose_campaign(campaign_of(planned=0))
    of_the_profile = "Errors of the recovery test"
    assert [c.text for c in document.trust if c.ok and not c.text.startswith(of_the_profile)] == []
    assert decode(encode(document)) == document


def test_the_profiles_own_error_rates_are_printed(folder: Path) -> None:
    line = check(compose(folder), "Errors of the recovery test under profile test")
    assert "%" in line.value
    assert line.ok
    assert line.weak  # a short profile accepts too much, and its line must not look like a strength


def test_a_folder_that_is_no_campaign_is_a_usage_problem(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem):
        compose(tmp_path)


def unmet(story: Story, *, also: tuple[ev.Event, ...] = ()) -> Story:
    """The same run, given up at its baseline; ``also`` are events that make it no harmless attempt."""

    def give_up(events: list[ev.Event]) -> list[ev.Event]:
        kept = [e for e in events if isinstance(e, (ev.RunStarted, ev.SystemReady, ev.FirstDue))]
        return [*kept, ev.BaselineMeasured(units=400, bad=90, why="90 of 400 units bad"), *also]

    return replace(story, events=give_up, state="baseline")


def test_a_run_that_was_done_again_before_any_harm_is_listed_apart_and_not_judged() -> None:
    document = compose_campaign(campaign_of(unmet(killed()), killed(), planned=1))
    assert (len(document.runs), len(document.repeated)) == (1, 1)
    assert document.verdict.word == "DONE", document.verdict.why
    assert check(document, "Runs done again").value == "1 beside 1 kept"


def test_a_campaign_from_which_a_run_was_taken_is_void_though_as_many_are_left_as_were_planned() -> None:
    """The one that was done again is no less a part of the record."""
    whole = campaign_of(unmet(killed()), killed(), planned=1)
    document = compose_campaign(Campaign(whole.file, whole.runs[1:]))
    assert document.verdict.word == "VOID"
    assert "numbered 1 to 2: [1]" in document.verdict.why


def test_a_baseline_that_was_never_met_stays_void() -> None:
    document = compose_campaign(campaign_of(unmet(killed()), unmet(killed()), planned=1))
    assert (len(document.runs), document.verdict.word) == (1, "VOID")


def test_a_run_with_harm_in_it_is_never_one_that_was_done_again() -> None:
    harm = ev.WithoutEffect(episode=0, why="pid 1 still runs")
    document = compose_campaign(campaign_of(unmet(killed(), also=(harm,)), killed(), planned=1))
    assert (len(document.repeated), document.verdict.word) == (0, "VOID")


def test_outages_in_sham_runs_leave_no_verdict_standing() -> None:
    noisy = [Story(sham=True, outages=(Outage(0.0, 0.8),), pair=n, seed=n) for n in range(4)]
    real = [killed(pair=n, seed=n) for n in range(4)]
    document = compose_campaign(campaign_of(*noisy, *real))
    assert document.verdict.word == "VOID"
    assert "False impacts" in document.verdict.why


def test_pairs_of_different_seeds_leave_no_verdict_standing() -> None:
    document = compose_campaign(campaign_of(killed(seed=1), Story(sham=True, seed=2)))
    assert (document.verdict.word, "pair" in document.verdict.why) == ("VOID", True)


def test_a_claim_on_availability_falls_where_bad_baselines_were_done_again() -> None:
    shams = [Story(sham=True, pair=n, seed=n) for n in range(6)]
    hurt = [killed(pair=n, seed=n) for n in range(6)]
    claim = [objective(availability_ratio=0.99)]
    clear = compose_campaign(campaign_of(*shams, *hurt, objectives=claim))
    assert clear.verdict.word == "PASS", clear.verdict.why
    picked = compose_campaign(campaign_of(unmet(shams[0]), *shams, *hurt, objectives=claim, planned=12))
    assert picked.verdict.word == "INCONCLUSIVE"
