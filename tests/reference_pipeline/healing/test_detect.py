"""Hung, told from slow, dead, and from our own absence."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from reference_pipeline.healing.detect import Heard, Probed, Watch, Watches, hung, overslept, probed
from tests.reference_pipeline.healing.worlds import CONFIG

NAMES = ("gateway", "features", "registry")


def _told(outcomes: Sequence[tuple[str, float, float, Heard]]) -> Watches:
    watches: Watches = {name: Watch() for name in NAMES}
    for name, sent_s, at_s, heard in outcomes:
        watches = probed(watches, Probed(name, sent_s, at_s, heard, f"{name}#1"))
    return watches


def _others(until_s: float) -> list[tuple[str, float, float, Heard]]:
    return [(name, until_s - 0.1, until_s, "answer") for name in NAMES[1:]]


SILENT: list[tuple[str, float, float, Heard]] = [
    ("gateway", -0.5, -0.49, "answer"),
    ("gateway", 0.0, 1.5, "nothing"),
    ("gateway", 0.5, 2.0, "nothing"),
    ("gateway", 1.0, 2.5, "nothing"),
]


def test_three_silent_probes_while_the_others_answer_are_a_hang() -> None:
    (found,) = hung(_told([*SILENT, *_others(2.5)]), 2.5, CONFIG)
    assert (found.service, found.boot_id, found.probes, found.silence_s) == ("gateway", "gateway#1", 3, 2.5)


def test_two_silent_probes_are_none() -> None:
    assert not hung(_told([*SILENT[:3], *_others(2.5)]), 2.5, CONFIG)


def test_silence_of_all_is_no_hang() -> None:
    assert not hung(_told(SILENT), 2.5, CONFIG)
    everybody = [(name, *rest) for name in NAMES for _, *rest in SILENT]
    assert not hung(_told(everybody), 2.5, CONFIG)  # type: ignore[arg-type]


def test_others_that_answered_long_ago_do_not_count() -> None:
    assert not hung(_told([*SILENT, *_others(1.0)]), 2.5, CONFIG)


def test_any_word_after_the_silence_ends_it() -> None:
    for word in ("answer", "refusal"):
        late: tuple[str, float, float, Heard] = ("gateway", 0.0, 2.4, word)  # type: ignore[assignment]
        assert not hung(_told([*SILENT[:3], late, SILENT[3], *_others(2.5)]), 2.5, CONFIG)


def test_what_was_sent_before_we_overslept_proves_nothing() -> None:
    watches = overslept(_told(SILENT), 2.6)
    for sent_s in (1.5, 2.0, 2.5):
        watches = probed(watches, Probed("gateway", sent_s, sent_s + 1.5, "nothing"))
    for name in NAMES[1:]:
        watches = probed(watches, Probed(name, 3.9, 4.0, "answer"))
    assert not hung(watches, 4.0, CONFIG)


@given(st.lists(st.floats(0.001, 2.4), min_size=10, max_size=60))
def test_a_service_however_slow_whose_answers_come_is_never_hung(latencies_s: list[float]) -> None:
    events = []
    for turn, latency_s in enumerate(latencies_s):
        sent_s = turn * CONFIG.probe_every_s
        if latency_s > CONFIG.probe_deadline_s:
            events.append((sent_s + CONFIG.probe_deadline_s, Probed("gateway", sent_s, 0, "nothing")))
        events.append((sent_s + latency_s, Probed("gateway", sent_s, 0, "answer", "b")))
        events += [(sent_s, Probed(name, sent_s, 0, "answer", "b")) for name in NAMES[1:]]
    watches: Watches = {name: Watch() for name in NAMES}
    for at_s, event in sorted(events, key=lambda one: one[0]):
        told = Probed(event.service, event.sent_s, at_s, event.heard, event.boot_id)
        watches = probed(watches, told)
        assert not hung(watches, at_s, CONFIG)
