"""Which rows of two targets are as far apart as may be, and which are further."""

from __future__ import annotations

import msgspec
import pytest

from benchmarks.parity_figures import Row, figures

ROW = Row(
    experiment="kill-one",
    repetition=0,
    target="local",
    commit="abc",
    arm="none",
    fault="process.kill",
    subject="scorer-a",
    void="",
    noticed=True,
    recovered_s=1.0,
    lost_s=0.5,
    acts=("platform scorer-a started",),
)
NAME = "process.kill scorer-a, none"
CLOSE, ALIKE, COUNTED = (
    "medians are at most 100 ms or a quarter apart, but for an excused class",
    "the same acts in the same order in nine of ten runs",
    "what is void is so on both",
)


def rows(local: Row = ROW, simulated: Row = ROW, count: int = 10) -> list[Row]:
    replace = msgspec.structs.replace
    return [
        replace(one, target=target, repetition=repetition)
        for repetition in range(count)
        for target, one in (("local", local), ("simulation", simulated))
    ]


def missed(found: list[Row], excused: dict[str, str] | None = None) -> list[str]:
    bars = figures(found, excused or {})["bars"]
    assert isinstance(bars, dict)
    return [words for words, met in bars.items() if not met]


def changed(**change: object) -> Row:
    return msgspec.structs.replace(ROW, **change)


def test_equal_rows_meet_every_bar_and_no_rows_meet_none() -> None:
    assert missed(rows()) == []
    assert missed([]) == [CLOSE, ALIKE, COUNTED]


@pytest.mark.parametrize(
    ("recovered_s", "simulated_s", "close"),
    [(1.0, 1.25, True), (1.0, 1.26, False), (0.2, 0.3, True), (0.2, 0.31, False), (1.0, None, False)],
)
def test_a_hundred_milliseconds_or_a_quarter(
    recovered_s: float, simulated_s: float | None, close: bool
) -> None:
    found = rows(changed(recovered_s=recovered_s), changed(recovered_s=simulated_s))
    assert (CLOSE not in missed(found)) is close


def test_one_class_may_be_excused_by_name_and_no_two() -> None:
    apart = rows(ROW, changed(recovered_s=2.0))
    assert missed(apart, {NAME: "measured cause"}) == []
    assert CLOSE in missed(apart, {NAME: "measured cause", "another": "measured cause"})
    assert CLOSE in missed(apart, {"another": "measured cause"})


def test_what_is_noticed_on_one_target_alone_is_apart() -> None:
    assert CLOSE in missed(rows(ROW, changed(noticed=False, recovered_s=None)))
    assert (
        missed(rows(changed(noticed=False, recovered_s=None), changed(noticed=False, recovered_s=None))) == []
    )


def test_a_class_that_one_target_never_ran_is_apart() -> None:
    assert CLOSE in missed([row for row in rows() if row.target == "local"])


def test_other_acts_or_another_order_is_no_agreement() -> None:
    two = ("healer scorer-a restart", "platform scorer-a started")
    assert ALIKE in missed(rows(changed(acts=two), changed(acts=two[::-1])))
    some = [
        *rows(count=9),
        *(msgspec.structs.replace(row, experiment="demo") for row in rows(ROW, changed(acts=()), 1)),
    ]
    assert missed(some) == [], "nine of ten"


def test_an_act_that_is_done_again_at_once_is_the_same_decision_and_a_return_to_it_is_not() -> None:
    opened, closed = "healer gateway breaker_opened", "healer gateway breaker_closed"
    assert missed(rows(changed(acts=(opened, opened, closed)), changed(acts=(opened, closed)))) == []
    assert ALIKE in missed(rows(changed(acts=(opened, closed, opened)), changed(acts=(opened, closed))))


def test_a_row_that_is_void_on_one_target_alone_is_a_missed_bar() -> None:
    void = changed(void="the witness stalled")
    assert COUNTED in missed(rows(void))
    assert COUNTED in missed(rows(ROW, void))
    assert COUNTED not in missed(rows(void, void))


def test_what_is_void_is_in_no_median_and_a_class_of_nothing_else_is_apart() -> None:
    void = changed(void="the witness stalled", recovered_s=9.0)
    assert CLOSE in missed(rows(void, void))
    some = [*rows(count=6), *(msgspec.structs.replace(row, experiment="demo") for row in rows(ROW, void, 9))]
    assert CLOSE not in missed(some)
