"""`hormesis history site`: static, inert, the same bytes for the same store, nothing else lost."""

from __future__ import annotations

import itertools
import re
import shutil
from pathlib import Path

import pytest

from harness.archive.site import index
from harness.archive.trend_picture import STAGES_MAX, picture
from harness.archive.trends import series
from harness.frontends.cli import main
from harness.report.svg import Box, text_width
from tests.harness.archive.archive_kit import pair_rows, stored, stored_pairs, stories
from tests.harness.archive.test_history import dated, entry, point
from tests.harness.report.test_browser import CHROMIUM, look
from tests.safety.test_hostile_text import HOSTILE, Tags

TEXT = re.compile(
    r'<text x="([\d.]+)" y="([\d.]+)"(?: text-anchor="(\w+)")?(?: class="([^"]*)")?>([^<]*)</text>'
)
PATH = re.compile(r'<path d="([^"]*)" class="curve arm-none"/>')


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("store")
    stored(store, stories(pairs=6), **dated("2026-01-01"), title="Kill <b>it</b>")
    stored(store, stories(1.5, pairs=6), **dated("2026-01-08"))
    stored_pairs(store, pair_rows(), title="Pairs & more")
    (store / "<script>alert(1)<x>" / "runs").mkdir(parents=True)
    return store


def publish(store: Path, out: Path) -> int:
    return main(["history", "site", "--out", str(out), "--store", str(store)])


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def site(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "public"
    assert publish(made, out) == 0
    return out


def test_every_campaign_has_its_line_and_every_whole_one_its_page(made, site):
    page = (site / "index.html").read_text()
    links = re.findall(r'href="([^"]*)"', page)
    assert set(links) == {f"campaigns/{p.name}" for p in (site / "campaigns").iterdir()}
    assert len(set(links)) == 3
    assert all((site / link).is_file() for link in links)
    assert "&lt;script&gt;alert(1)&lt;x&gt;" in page, "a damaged campaign is there, as text, without a link"
    assert "<script" not in page
    (pairs,) = (site / "campaigns").glob("pairs-more-*")
    assert "Pairs &amp; more: 12 pairs" in pairs.read_text()
    shown = (site / "campaigns" / "kill-20260101-000000000-s7.html").read_text()
    assert "Kill &lt;b&gt;it&lt;/b&gt;" in shown


def test_the_page_of_a_campaign_is_that_of_its_report(made, site):
    name = "kill-20260101-000000000-s7"
    assert (site / "campaigns" / f"{name}.html").read_text() == (made / name / "report.html").read_text()


def test_what_somebody_wrote_into_a_report_does_not_get_into_the_site(made, site, tmp_path):
    store = Path(shutil.copytree(made, tmp_path / "store"))
    for report in store.glob("*/report.html"):
        report.write_text("<script>alert(1)</script>")
    assert publish(store, tmp_path / "out") == 0
    assert files(tmp_path / "out") == files(site)


def test_the_same_store_gives_the_same_bytes_wherever_it_lies(made, site, tmp_path):
    store = Path(shutil.copytree(made, tmp_path / "elsewhere" / "runs"))
    assert publish(store, tmp_path / "out") == 0
    assert publish(store, tmp_path / "out") == 0
    assert files(tmp_path / "out") == files(site)
    assert str(tmp_path).encode() not in b"".join(files(tmp_path / "out").values())


def test_no_page_asks_for_a_script_or_for_anything_of_the_network(site):
    for name, page in files(site).items():
        if not name.endswith(".html"):
            continue
        tags = Tags(page.decode())
        assert "script" not in tags.tags, name
        assert "src" not in tags.names, name
        assert b"default-src 'none'" in page, name
        assert not re.search(rb"(?:src|href|url)\s*[=(]\s*[\"']?(?:https?:)?//", page), name


def test_the_last_verdict_of_each_system_is_the_newest(site):
    page = (site / "index.html").read_text()
    latest = page[page.index("Last verdict") : page.index("Recovery by campaign")]
    assert re.findall(r'href="campaigns/([^"]*)\.html"', latest)[0] == "kill-20260108-000000000-s7"
    assert latest.count("measured, nothing claimed") == 2


def test_the_page_of_a_campaign_that_is_gone_is_taken_away(made, tmp_path):
    store, out = Path(shutil.copytree(made, tmp_path / "store")), tmp_path / "out"
    publish(store, out)
    shutil.rmtree(store / "kill-20260101-000000000-s7")
    assert publish(store, out) == 0
    assert not (out / "campaigns" / "kill-20260101-000000000-s7.html").exists()
    assert (out / "campaigns" / "kill-20260108-000000000-s7.html").exists()


def test_a_folder_that_holds_something_else_is_refused_and_left_alone(made, tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    assert publish(made, tmp_path) == 5
    assert "holds something else" in capsys.readouterr().err
    assert files(tmp_path) == {"mine.txt": b"mine"}


def test_a_list_of_files_that_somebody_changed_takes_nothing_else_away(made, tmp_path):
    out = tmp_path / "out"
    publish(made, out)
    (tmp_path / "mine.txt").write_text("mine")
    (out / "hormesis-site.txt").write_text(
        f"../mine.txt\n{tmp_path / 'mine.txt'}\ncampaigns/../../mine.txt\n"
    )
    assert publish(made, out) == 0
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_link_in_the_place_of_a_page_is_refused(made, tmp_path, capsys):
    out, mine = tmp_path / "out", tmp_path / "mine.txt"
    publish(made, out)
    mine.write_text("mine")
    (out / "index.html").unlink()
    (out / "index.html").symlink_to(mine)
    assert publish(made, out) == 5
    assert "is a link" in capsys.readouterr().err
    assert mine.read_text() == "mine"


def test_a_place_that_cannot_be_written_is_refused(made, tmp_path, capsys):
    (tmp_path / "file").write_text("x")
    assert publish(made, tmp_path / "file" / "site") == 5
    assert "not a directory" in capsys.readouterr().err.lower()


@pytest.mark.parametrize("words", [(), ("--out", "x", "--json"), ("--out", "x", "--since", "2026-01-01")])
def test_words_that_a_site_does_not_take_are_a_usage_error(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["history", "site", *words]) == 2
    assert not list(tmp_path.iterdir())


def test_a_list_writes_no_files(tmp_path):
    assert main(["history", "list", "--out", str(tmp_path / "x")]) == 2


def test_a_store_without_campaigns_gives_a_page_that_says_so(tmp_path):
    assert publish(tmp_path / "absent", tmp_path / "out") == 0
    assert "This store holds no campaign" in (tmp_path / "out" / "index.html").read_text()


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_names_render_as_text_in_every_field(hostile):
    """SR-25: of `hormesis history site`."""
    named = point((1.0,) * 6, fault=hostile, subject=hostile, arm=hostile, restart_profile=hostile)
    told = {"title": hostile, "system": hostile, "target": hostile, "why": hostile, "started_utc": hostile}
    plain = [entry(1), entry(2, harness_version="0.2.0"), entry(3, state="damaged", why="x")]
    dirty = [
        entry(1, classes=(named,)),
        entry(2, **told, harness_version=hostile, profile_name=hostile, classes=(named,)),
        entry(3, id=hostile, word=hostile, classes=(named,)),
        entry(4, id=hostile, state="damaged", **told),
    ]
    clean, shown = Tags(index(plain)), Tags(index(dirty))
    assert shown.tags <= clean.tags
    assert shown.names <= clean.names
    assert all(f'"campaigns/kill-000{day}.html"' in index(dirty) for day in (1, 2))
    assert len(re.findall('href="', index(dirty))) == 3, (
        "two whole campaigns, one of them the last of its system"
    )
    assert "1337" not in index(dirty)


def texts(markup: str) -> list[Box]:
    """Extents of all words of a drawing, as broad as the broadest common face."""
    found = []
    for x, y, anchor, cls, words in TEXT.findall(markup):
        size = 11.5 if "sm" in cls.split() else 13.0
        wide = text_width(words, size, bold="b" in cls.split())
        left = float(x) - {"": 0.0, "middle": wide / 2, "end": wide}[anchor]
        found.append(Box(left, float(y) - size * 0.85, left + wide, float(y) + size * 0.25, words))
    return found


@pytest.mark.parametrize("count", [1, 2, 3, 8, STAGES_MAX, STAGES_MAX + 7])
def test_no_words_of_a_trend_meet_and_all_are_inside(count):
    months = [entry(day % 28 + 1, harness_version=f"0.{day // 3}.0") for day in range(count)]
    (one,) = series(months)
    shown = picture(one)
    boxes = texts(shown.drawing)
    assert boxes
    for first, second in itertools.combinations(boxes, 2):
        assert not first.touches(second), (first.text, second.text)
    assert all(box.left >= 0 and box.right <= 540 + 8 for box in boxes)
    assert shown.cut == max(0, count - STAGES_MAX)
    drawn = [stage for stage in one.stages[-STAGES_MAX:][1:] if stage.breaks]
    assert len(shown.notes) == len(drawn)


def test_lines_join_what_may_be_joined_and_nothing_else():
    listed = [entry(1), entry(2), entry(3, word="VOID", why="x"), entry(4), entry(5, harness_version="2")]
    (one,) = series(listed)
    assert len(PATH.findall(picture(one).drawing)) == 1
    (one,) = series([entry(1), entry(2), entry(3)])
    assert len(PATH.findall(picture(one).drawing)) == 2


def test_what_lies_beyond_the_horizon_ends_in_an_arrow_and_has_no_dot():
    (one,) = series([entry(1, (None,) * 8)])
    drawing = picture(one).drawing
    assert "<circle" not in drawing
    assert drawing.count('class="bar median"') == 1, "an arrow head alone: the interval lies beyond, too"


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine: the layout is only estimated")
@pytest.mark.parametrize("width", [500, 1200])
def test_a_browser_lays_the_index_out_without_collisions(tmp_path, width):
    listed = [
        entry(day, harness_version=f"0.{day // 4}.0", word="VOID" if day == 9 else "DONE")
        for day in range(1, 28)
    ]
    assert look(index(listed), tmp_path, width) == {"hits": [], "wide": 0}
