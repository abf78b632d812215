"""`hormesis demo`, as `make demo` starts it: it ends 0, and shows what the README shows of it.

With a store of its own; the champion is trained for it, as on a fresh checkout.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HORMESIS = Path(sys.executable).parent / "hormesis"
SHOWN = re.compile(r"^```text\n(DONE .*?)^```", re.MULTILINE | re.DOTALL)
# The head, the title of a fault, and whose a row is; what follows in a row are figures.
NAMED = re.compile(r"DONE  .*|[a-z]+\.[a-z_]+ .*, watched for .*|  \w+, \w+(?=  )")

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(1800)]


def named(table):
    """What a table names, in order, without its figures."""
    return [found.group() for line in table.splitlines() if (found := NAMED.match(line))]


@pytest.fixture(scope="module")
def demo(tmp_path_factory, trusted):
    """The store, and how the command ended."""

    def once():
        store = tmp_path_factory.mktemp("demo") / "store"
        done = subprocess.run(
            [HORMESIS, "demo", "--store", store],
            env={"PATH": "/usr/bin:/bin"},
            cwd=ROOT,
            capture_output=True,
            encoding="utf-8",
            timeout=500,
            check=False,
        )
        return store, done

    def why_void(seen):
        _, done = seen
        return done.stdout.rpartition("\ndemo: ")[2] if done.returncode == 4 else ""

    return trusted(once, why_void)


def test_it_ends_0_and_says_that_its_story_is_right(demo):
    _, done = demo
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\ndemo: instrument and story are right" in done.stdout


def test_its_table_names_the_faults_and_arms_that_the_readme_shows(demo):
    _, done = demo
    shown = SHOWN.search((ROOT / "README.md").read_text("utf-8"))
    assert shown, "the README shows no table of the demo"
    assert len(named(shown.group(1))) == 1 + 4 * 3, "a head, and four faults in two arms"
    assert named(done.stdout) == named(shown.group(1))


def test_its_report_lies_in_the_store_that_was_named(demo):
    store, done = demo
    (report,) = [
        Path(line.removeprefix("report: "))
        for line in done.stdout.splitlines()
        if line.startswith("report: ")
    ]
    assert report.is_relative_to(store)
    assert report.is_file()
    assert report.with_suffix(".json").is_file()
