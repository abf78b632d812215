"""SR-22: a reader of histories survives every cut, long lines and files that claim to be huge."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from harness.history.log import LINE_BYTES_MAX
from harness.history.store import read_campaign, read_run
from tests.traps.histories import killed, written

SIZE = 10 * 1024**3
READER = """
import sys
from pathlib import Path
from harness.history.store import read_campaign
(history,) = read_campaign(Path(sys.argv[1])).runs
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0], history.cut)
"""


@pytest.fixture
def run_folder(tmp_path):
    campaign = written(tmp_path / "store", killed())
    (folder,) = (campaign / "runs").iterdir()
    return folder


def test_a_history_torn_at_any_byte_of_its_last_three_lines_is_read_up_to_there(run_folder):
    file = run_folder / "history.jsonl"
    whole = file.read_bytes()
    assert not read_run(run_folder).cut
    lines = whole.splitlines(keepends=True)
    for end in range(len(whole) - sum(map(len, lines[-3:])), len(whole)):
        file.write_bytes(whole[:end])
        history = read_run(run_folder)
        assert history.cut, f"cut at byte {end} of {len(whole)} and not seen"
        assert len(history.entries) == whole[:end].count(b"\n")


def test_a_line_longer_than_64_kib_ends_the_history_and_not_the_reader(run_folder):
    file = run_folder / "history.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:2], b"x" * (LINE_BYTES_MAX + 1) + b"\n", *lines[2:]]))
    history = read_run(run_folder)
    assert len(history.entries) == 2
    assert f"longer than {LINE_BYTES_MAX} bytes" in history.cut


@pytest.mark.parametrize("name", ["history.jsonl", "observations.bin", "plan.json", "manifest.json"])
def test_a_file_of_ten_gigabytes_is_refused_unread(run_folder, name):
    os.truncate(run_folder / name, SIZE)  # sparse: it takes no room
    read = subprocess.run(
        [sys.executable, "-c", READER, str(run_folder.parent.parent)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert read.returncode == 0, read.stderr[-2000:]
    peak_kib, cut = read.stdout.split(" ", 1)
    assert name in cut
    assert "larger than" in cut
    assert int(peak_kib) < 512 * 1024


def test_a_campaign_file_of_ten_gigabytes_is_a_usage_problem(run_folder):
    from harness.errors import UsageProblem

    campaign = run_folder.parent.parent
    os.truncate(campaign / "campaign.json", SIZE)
    with pytest.raises(UsageProblem, match="larger than"):
        read_campaign(campaign)
