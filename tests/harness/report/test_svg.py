"""Drawings escape what they show, and their words never meet."""

import itertools
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from harness.report.svg import Drawing, Mark, even_ticks, place, root, text_width, ticks

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


def test_text_and_tooltips_are_escaped_and_inert():
    drawing = Drawing(10, 10, '"><script>')
    drawing.text((0, 0), "<img src=x onerror=alert(1)>\u202e\x00")
    drawing.dot((1, 1), 2, "point", "</title><b>")
    markup = str(drawing.markup())
    assert "<img" not in markup
    assert "<script" not in markup
    assert "\u202e" not in markup
    ElementTree.fromstring(markup)


def test_no_coordinate_is_written_for_a_line_of_one_point():
    drawing = Drawing(10, 10, "empty")
    drawing.path([(1.0, 1.0)], "grid")
    assert "path" not in drawing.markup()


@given(st.floats(0.1, 1000))
def test_ticks_end_at_the_limit_and_keep_their_distance(limit):
    scale = root(limit, 0, 200)
    values = ticks(limit, scale, 34)
    assert values[0] == 0
    assert values[-1] == limit
    assert all(scale(b) - scale(a) >= 34 for a, b in itertools.pairwise(values))


def test_even_ticks_contain_zero_where_the_axis_does():
    assert 0.0 in even_ticks(-0.17, 0.84, 10)
