"""Drawings escape what they show."""

from xml.etree import ElementTree

from harness.report.svg import Drawing


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
