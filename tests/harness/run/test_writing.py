"""Who reads a file while it is replaced reads the old one whole."""

from __future__ import annotations

from harness.run.writing import write_whole


def test_a_report_is_replaced_as_a_whole(tmp_path):
    report = tmp_path / "report.html"
    report.write_text("old")
    with report.open() as reader:
        write_whole(report, b"new")
        assert reader.read() == "old"
    assert report.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [report]
