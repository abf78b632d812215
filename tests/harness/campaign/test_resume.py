"""A campaign whose process was killed: the same question goes on with what is there, to the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from harness.campaign.engine import run_chunks
from harness.campaign.executor import PoolExecutor
from harness.campaign.parts import Parts, held
from harness.campaign.table import encode
from harness.targets.local.kernel import ending_with_us
from tests.harness.campaign.campaign_kit import ROOT, Toy
from tests.harness.campaign.rows_kit import question
from tests.harness.campaign.test_engine import Here
from tests.harness.campaign.works import Told, workers


class Noted(Toy):
    """Notes who does each chunk; chunk 5 waits for a file ``go``."""

    def __call__(self, chunk: int):
        Told(os.environ["NOTES"], waiting=frozenset({5}))(chunk)
        return super().__call__(chunk)


def conduct(folder: Path, count: int) -> bytes:
    with held(folder, question()) as parts:
        executor = PoolExecutor(count, ending_with_us())
        merge = run_chunks(Noted(question()), executor, parts, tell=lambda _: None, look=lambda: None)
    return encode(merge.table())


PROGRAM = """
import sys
from pathlib import Path
from tests.harness.campaign.test_resume import conduct
if __name__ == "__main__":
    conduct(Path(sys.argv[1]), 2)
"""


def test_a_campaign_killed_in_the_middle_does_only_what_is_missing_and_ends_the_same(
    tmp_path: Path, until: Callable[..., object], monkeypatch
):
    notes, script = tmp_path / "notes", tmp_path / "program.py"
    notes.mkdir()
    script.write_text(PROGRAM)
    monkeypatch.setenv("NOTES", str(notes))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, script, tmp_path / "killed"]
    with subprocess.Popen(words, cwd=ROOT, env=environment) as program:
        until(lambda: workers(notes, 5) and len(Parts(tmp_path / "killed").present()) >= 6, within_s=120)
        program.kill()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers(notes)), within_s=60)
    there = Parts(tmp_path / "killed").present()
    assert 5 not in there
    before = {chunk: len(workers(notes, chunk)) for chunk in there}
    (notes / "go").touch()
    table = conduct(tmp_path / "killed", 1)
    assert {chunk: len(workers(notes, chunk)) for chunk in there} == before
    assert len(workers(notes, 5)) == 2
    with held(tmp_path / "whole", question()) as parts:
        whole = run_chunks(Toy(question()), Here(), parts, tell=lambda _: None, look=lambda: None)
    assert table == encode(whole.table())
