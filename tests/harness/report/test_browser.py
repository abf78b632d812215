"""What a real browser lays out: no overlapping words in a drawing, nothing wider than a phone, A4 print."""

import json
import re
import shutil
import subprocess

import pytest

from harness.report import html

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--virtual-time-budget=2000",
]
PROBE = """<script>
const apart = (low, high, one, two) => one[high] - 1 <= two[low] || two[high] - 1 <= one[low];
const touch = (a, b) => !apart('left', 'right', a, b) && !apart('top', 'bottom', a, b);
const hits = [];
for (const svg of document.querySelectorAll('svg')) {
  const found = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
  found.forEach((a, i) => found.slice(i + 1).forEach(b => touch(a[1], b[1]) && hits.push([a[0], b[0]])));
}
const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
document.body.innerHTML = '';
document.body.textContent = 'PROBE' + JSON.stringify({hits, wide}) + 'END';
</script>"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine: the layout is only estimated"),
]


def look(page, folder, width):
    """Lay ``page`` out at ``width`` in a browser; the script is ours, so the page's policy is taken off."""
    file = folder / "page.html"
    loose = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    file.write_text(loose.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    command = [
        CHROMIUM,
        *FLAGS,
        f"--user-data-dir={folder / 'profile'}",
        f"--window-size={width},2000",
        "--dump-dom",
    ]
    done = subprocess.run([*command, file.as_uri()], capture_output=True, text=True, timeout=120, check=False)
    return json.loads(re.search(r"PROBE(.*?)END", done.stdout, re.S).group(1).replace("&gt;", ">"))


@pytest.mark.parametrize(
    "case", [{"n": 1}, {"word": "FAIL", "n": 10, "faults": 12, "restarts": ("fast", "kubernetes")}]
)
def test_no_words_of_a_drawing_overlap_in_a_browser(make, tmp_path, case):
    assert look(html.render(make(**case)), tmp_path, 1200)["hits"] == []


@pytest.mark.parametrize("width", [500, 1200])
def test_the_page_is_never_wider_than_the_window(make, tmp_path, width):
    assert look(html.render(make(word="FAIL", n=10, faults=4)), tmp_path, width)["wide"] <= 0


def test_a_demo_prints_on_at_most_four_pages(make, tmp_path):
    page, out = tmp_path / "page.html", tmp_path / "page.pdf"
    page.write_text(html.render(make(n=1)), encoding="utf-8")
    command = [
        CHROMIUM,
        *FLAGS,
        f"--user-data-dir={tmp_path / 'profile'}",
        f"--print-to-pdf={out}",
        page.as_uri(),
    ]
    subprocess.run(command, capture_output=True, timeout=120, check=True)
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", out.read_bytes())) <= 4
