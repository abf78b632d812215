"""A run told in words: every kind of event has its words or its reason to have none, in the order of time."""

from __future__ import annotations

from typing import get_args

import pytest

from harness.faults.effects import Pause
from harness.history import events
from harness.history.events import Entry, Event
from harness.history.model import History, Said
from harness.history.observations import read_rows
from harness.report.trace import event_words, trace_of, trace_text

HANG = Pause(service="scorer-a")
AUDITED = events.Audited(
    observable=True,
    accepted=9,
    delivered_once=7,
    doubled=1,
    dead_letters=0,
    missing=1,
    foreign=0,
    changed=0,
    settled_s=0.0,
)
INJECTED = events.Injected(
    episode=0, effect=HANG, sham=False, asked_at_s=15.9, effective_at_s=16.0, pid=4, proof=("it is stopped",)
)
HALF = events.Partition(
    at_s=2.0, name="day-3", due_s=1.0, state="half", rows=9, right=5, wrong=0, doubled=0, foreign=0
)
TOLD: list[tuple[Event, str | None]] = [
    (events.RunStarted(run_id="r", plan_sha256=""), None),
    (events.StateReset(proven="by command", output_sha256="ab", took_s=0.3), None),
    (events.SystemReady(at_s=1.0, boot_ids={}), None),
    (events.Priced(missed=1.0, declined_good=1.0), None),
    (events.Versions(names=("1",)), None),
    (events.Guarded(episode=0, record="u1", verb="kill", state="opened"), None),
    (events.Looked(observer="a:/b", looks=3, failures=0, listed=True), None),
    (events.Owed(at_s=1.0, accepted=3, owed=0), None),
    (events.TwinMade(partitions=3, rows=9, lasted_s=1.0), None),
    (HALF, "day-3 is half there, 5 of 9 rows right"),
    (events.FirstDue(at_s=10.0), "the first unit is due"),
    (events.BaselineMeasured(units=9, bad=1, why="too bad"), "baseline not met: too bad (1 of 9 units bad)"),
    (INJECTED, "injected: pause scorer-a: it is stopped"),
    (
        events.HitAgain(
            episode=0, number=2, asked_at_s=17.9, effective_at_s=18.0, pid=5, proof=("pid 5 is gone",)
        ),
        "hit again, number 2: pid 5 is gone",
    ),
    (
        events.HitAgain(episode=0, number=3, asked_at_s=18.0, effective_at_s=18.0, pid=0, proof=("none",)),
        "nothing to hit, number 3: none",
    ),
    (events.WithoutEffect(episode=0, why="it answers"), "without effect: it answers"),
    (events.Cleared(episode=0, at_s=1.0, by="healer"), "fault gone, by the healer"),
    (events.Cleared(episode=0, at_s=1.0, by="harness"), "fault gone, undone by the harness"),
    (events.Undone(episode=0, at_s=1.0, needed=True), "undone"),
    (
        events.Undone(episode=0, at_s=1.0, needed=False, exercised=False),
        "nothing was left to undo; nothing of the system had met the fault",
    ),
    (events.Clean(episode=0, at_s=1.0, proof=("it answers",)), "clean proven: it answers"),
    (events.NotClean(episode=0, why="still stopped"), "CLEAN NOT PROVEN: still stopped"),
    (events.Platform(at_s=1.0, service="a", act="exited", detail="SIGKILL"), "a: exited (SIGKILL)"),
    (
        events.Acted(
            at_s=1.0, received_s=1.0, observer="g:/acts", service="g", act="breaker_opened", detail="17 of 20"
        ),
        "breaker opens: 17 of 20",
    ),
    (events.Acted(at_s=1.0, received_s=1.0, observer="s", service="a", act="asked"), None),
    (
        events.Blind(observer="g:/acts", since_s=1.0, until_s=1.5, why="reset"),
        "g:/acts could not be looked at for 0.50 s: reset",
    ),
    (
        events.Touched(
            episode=0, touched=5, quarantined=3, delivered=2, lost=0, refused=0, collateral=0, not_sent=0
        ),
        "of 5 records touched 2 delivered, 3 in dead letters, 0 refused, 0 lost",
    ),
    (events.Stalled(since_s=1.0, lasted_s=0.2), "stood still for 200 ms"),
    (events.ControlRaised(where="undo", error="no answer"), "raised in undo: no answer"),
    (AUDITED, "of 9 accepted 7 delivered once, 0 dead letters; 1 missing, 1 twice"),
    (
        events.Streamed(decisions=9, surplus=2, out_of_order=1),
        "9 decisions, 2 beyond the first of a record, 1 behind that of a later one",
    ),
    (events.LabelsTold(due=4, told=3), "3 of 4 labels told"),
    (events.LabelsTold(due=4, told=0), "0 of 4 labels told, where nobody listens"),
    (events.LabelsTold(due=4, told=0, failed=2), "0 of 4 labels told"),
    (
        events.BackgroundLoad(users=2, requests=80, failed=1),
        "background load: 80 requests of 2 users, 1 failed, by Locust, not measured with",
    ),
    (events.RunEnded(state="ended", rows=9), "the run is over: ended, 9 units"),
]


@pytest.mark.parametrize(("event", "words"), TOLD, ids=lambda value: type(value).__name__)
def test_an_event_has_its_words_or_is_left_out(event: Event, words: str | None) -> None:
    told = event_words(event)
    assert (told and told[1]) == words


def test_no_kind_of_event_is_forgotten() -> None:
    assert {type(event) for event, _ in TOLD} == set(get_args(Event))


def history(*told: tuple[float, Event], journal: tuple[Said, ...] = ()) -> History:
    entries = tuple(
        Entry(seq=n, mono_s=at_s, wall="", event=event, chain="") for n, (at_s, event) in enumerate(told, 1)
    )
    return History("r", None, entries, read_rows(b""), "", "", journal)  # type: ignore[arg-type]


def test_lines_come_in_the_order_of_what_they_tell_and_not_of_when_it_was_recorded() -> None:
    late = events.Platform(at_s=11.0, service="a", act="exited")
    said = Said(received_s=12.5, kind="detected", target="a", reason="it is silent")
    lines = trace_of(history((10.0, events.FirstDue(at_s=10.0)), (14.0, late), journal=(said,)))
    assert [trace_text(line) for line in lines] == [
        "    0.000 s  driver      the first unit is due",
        "    1.000 s  platform    a: exited",
        "    2.500 s  healer      detected a: it is silent (so its journal)",
    ]


def test_what_was_before_the_first_unit_is_left_out_and_without_one_there_is_nothing_to_tell() -> None:
    early = events.Platform(at_s=9.0, service="a", act="started")
    assert len(trace_of(history((9.0, early), (10.0, events.FirstDue(at_s=10.0))))) == 1
    assert trace_of(history((9.0, early))) == ()


def test_what_a_stranger_has_written_reaches_the_terminal_as_one_harmless_line() -> None:
    said = Said(received_s=10.5, kind="decided", target="a", reason="x\x1b[31m\nrm -rf")
    (_, line) = trace_of(history((10.0, events.FirstDue(at_s=10.0)), journal=(said,)))
    assert "\x1b" not in trace_text(line)
    assert "\n" not in trace_text(line)
