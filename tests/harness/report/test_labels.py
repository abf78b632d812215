"""Words at marks never meet, and none is lost."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from harness.report.labels import Mark, place
from harness.report.svg import text_width

WORDS = st.sampled_from(
    ["injected", "impact +12 ms", "served again +340 ms", "undone by the harness +12.5 s"]
)
MARKS = st.lists(st.builds(Mark, st.floats(64, 1064), WORDS), min_size=1, max_size=5)


def extents(labels):
    for label in labels:
        wide = text_width(label.words, 11.5, bold=True) + 5
        yield (label.x, label.x + wide) if label.anchor == "start" else (label.x - wide, label.x)


@given(MARKS)
def test_labels_of_one_row_never_meet(marks):
    labels = place(marks, 64, 1080)
    pairs = itertools.combinations(zip(labels, extents(labels), strict=True), 2)
    assert not any(a.row == b.row and p[0] < q[1] and q[0] < p[1] for (a, p), (b, q) in pairs)


@given(MARKS)
def test_no_words_of_a_mark_are_lost_in_placing(marks):
    written = " · ".join(label.words for label in place(marks, 64, 1080)).split(" · ")
    assert sorted(written) == sorted(m.words for m in marks)


@given(MARKS)
def test_the_line_of_an_upper_label_does_not_cross_lower_words(marks):
    labels = place(marks, 64, 1080)
    low = [(x, e) for x, e in zip(labels, extents(labels), strict=True) if x.row == 0]
    assert not any(e[0] < up.x < e[1] for up in labels if up.row == 1 for _, e in low)
