"""What a real browser makes of a page: a silent console, no overlapping words, no side-scroll, A4 print."""

import json
import re

import pytest

from harness.report import html
from tests.harness.report.chromium_kit import CHROMIUM, WHY_NONE, browse

PROBE = """<script>
const apart = (low, high, one, two) => one[high] - 1 <= two[low] || two[high] - 1 <= one[low];
const touch = (a, b) => !apart('left', 'right', a, b) && !apart('top', 'bottom', a, b);
const hits = [];
for (const svg of document.querySelectorAll('svg')) {
  const found = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
  found.forEach((a, i) => found.slice(i + 1).forEach(b => touch(a[1], b[1]) && hits.push([a[0], b[0]])));
}
const cut = [...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth + 1).length;
const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
document.body.innerHTML = '';
document.body.textContent = 'PROBE' + JSON.stringify({hits, wide, cut}) + 'END';
</script>"""

CASES = {
    "one pair": {"n": 1},
    "twelve classes": {"word": "FAIL", "n": 10, "faults": 12, "restarts": ("fast", "kubernetes")},
    "with a past": {"word": "INCONCLUSIVE", "n": 10, "faults": 4, "arms": ("none", "bare"), "before": 9},
}

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not CHROMIUM, reason=WHY_NONE)]


def look(page, folder, width):
    """Lay ``page`` out at ``width`` in a browser; the script is ours, so the page's policy is taken off."""
    file = folder / "page.html"
    loose = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    file.write_text(loose.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    done = browse(file, f"--window-size={width},2000", "--dump-dom")
    return json.loads(re.search(r"PROBE(.*?)END", done.stdout, re.S).group(1).replace("&gt;", ">"))


@pytest.mark.parametrize("case", CASES)
def test_no_words_of_a_drawing_overlap_in_a_browser(make, tmp_path, case):
    assert look(html.render(make(**CASES[case])), tmp_path, 1200)["hits"] == []


def test_words_that_do_overlap_would_be_counted(tmp_path):
    words = '<text x="5" y="20">one</text><text x="8" y="22">two</text>'
    assert look(f"<body><svg>{words}</svg></body>", tmp_path, 500)["hits"] == [["one", "two"]]


def said(source, folder):
    """What a browser says on its console of a page that it opens as a file, with no name to be resolved."""
    page = folder / "page.html"
    page.write_text(source, encoding="utf-8")
    done = browse(page, "--enable-logging=stderr", "--dump-dom")
    assert "</html>" in done.stdout
    return [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def test_a_page_opens_as_a_file_without_a_network_and_without_a_word_on_the_console(make, tmp_path):
    assert said(html.render(make(**CASES["with a past"])), tmp_path) == []


def test_what_a_page_would_load_or_run_is_said_on_the_console(make, tmp_path):
    page = html.render(make(n=1))
    assert said(page.replace("</body>", "<script>1</script></body>"), tmp_path)


def test_no_table_is_cut_at_the_width_of_a_desk(make, tmp_path):
    document = make(word="FAIL", n=40, faults=4)
    assert {"p90</th>", ">Gate</th>"} <= set(re.findall(r"(?:p90|>Gate)</th>", html.render(document)))
    assert look(html.render(document), tmp_path, 1200)["cut"] == 0


@pytest.mark.parametrize("width", [500, 1200])
def test_the_page_is_never_wider_than_the_window(make, tmp_path, width):
    assert look(html.render(make(word="FAIL", n=10, faults=4)), tmp_path, width)["wide"] <= 0


@pytest.mark.parametrize(
    "case", [{"n": 1}, {"word": "FAIL", "n": 3, "faults": 2, "arms": ("none", "bare"), "before": 6}]
)
def test_a_report_prints_on_at_most_four_pages(make, tmp_path, case):
    page, out = tmp_path / "page.html", tmp_path / "page.pdf"
    page.write_text(html.render(make(**case)), encoding="utf-8")
    browse(page, f"--print-to-pdf={out}")
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", out.read_bytes())) <= 4
