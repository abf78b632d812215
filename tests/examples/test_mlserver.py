"""A published model server, unmodified, in an environment of its own, described by a ``hormesis.yaml`` only.

The environment is made once, ``.venv-servers/mlserver``, of the versions that the example pins, and anew when
those change. What is asked of it: a first table, a killed worker, and an orphan that keeps the port.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from harness.episodes.facts import facts
from harness.history.events import Injected, Platform
from harness.history.store import read_campaign
from tests.style.source import ROOT

EXAMPLE = ROOT / "examples" / "mlserver"
ENVIRONMENT = ROOT / ".venv-servers" / "mlserver"
INSTALL_S = 1200

LAUNCHED = 'while true; do sh -c \'mlserver start "$1"; true\' launcher "$0"; sleep 0.5; done'


def made() -> Path:
    """Make the environment, or take the one of the same versions; gives its folder of programs."""
    wanted, note = (EXAMPLE / "requirements.txt").read_text("utf-8"), ENVIRONMENT / "made.txt"
    if not note.exists() or note.read_text("utf-8") != wanted:
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
        pip = [
            str(ENVIRONMENT / "bin" / "pip"),
            "install",
            "--quiet",
            "-r",
            str(EXAMPLE / "requirements.txt"),
        ]
        subprocess.run(pip, check=True, timeout=INSTALL_S)
        note.write_text(wanted, "utf-8")
    return ENVIRONMENT / "bin"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A copy of the example with its model fitted."""
    there = Path(shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("server") / "mlserver"))
    python = str(made() / "python")
    subprocess.run([python, str(there / "train.py"), str(there / "model")], check=True, timeout=300)
    return there


def measured(folder: Path, trusted, **service: object):
    """Run the question on the system, with keys of its service changed; the run's facts, acts and table."""
    system = yaml.safe_load((EXAMPLE / "hormesis.yaml").read_text("utf-8"))
    system["services"]["server"] |= service
    (folder / "hormesis.yaml").write_text(yaml.safe_dump(system), "utf-8")

    def once():
        path = f"{made()}:{os.environ['PATH']}"
        done = subprocess.run(
            [sys.executable, "-m", "harness.frontends.cli", "run", "kill.yaml", "--seed", "3", "--json"],
            env={"PATH": path, "PYTHONPATH": str(ROOT), "HORMESIS_STORE": str(folder / "store")},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert done.stdout, done.stderr
        kept = Path(json.loads(done.stdout)["folder"])
        return done, read_campaign(kept).runs[-1]

    done, history = trusted(once, lambda seen: facts(seen[1]).void if seen[0].returncode == 4 else "")
    assert done.returncode == 0, done.stderr
    events = [entry.event for entry in history.entries]
    (hit,) = [event for event in events if isinstance(event, Injected)]
    acts = [event for event in events if isinstance(event, Platform) and event.at_s > hit.asked_at_s]
    return facts(history), hit, acts


def test_the_system_is_described_in_30_lines_and_nothing_of_the_server_is_ours() -> None:
    assert len((EXAMPLE / "hormesis.yaml").read_text("utf-8").splitlines()) <= 30
    programs = [path.name for path in EXAMPLE.rglob("*") if path.suffix in (".py", ".sh")]
    assert programs == ["train.py"]  # it fits the model, and does not run beside the server
    assert "hormesis" not in (EXAMPLE / "train.py").read_text("utf-8").lower()
    lines = [
        line for line in (EXAMPLE / "requirements.txt").read_text("utf-8").splitlines() if line[:1] != "#"
    ]
    assert [line for line in lines if "==" not in line] == []


@pytest.mark.slow
@pytest.mark.live
def test_a_killed_server_is_brought_back_by_the_platform_and_timed(folder: Path, trusted) -> None:
    run, hit, acts = measured(folder, trusted)
    (episode,) = run.episodes
    assert [act.act for act in acts][:3] == ["exited", "started", "ready"]
    assert acts[0].pid == hit.pid
    assert (episode.ended_by, run.platform_harms) == ("platform", ())
    assert 0 < episode.served.recovered_s <= episode.horizon_s


@pytest.mark.slow
@pytest.mark.live
def test_a_killed_worker_is_an_end_and_a_start_below_the_server(folder: Path, trusted) -> None:
    run, hit, acts = measured(folder, trusted, worker="multiprocessing.spawn")
    (episode,) = run.episodes
    assert acts[0].act == "ended"
    assert acts[0].pid == hit.pid
    started = [act.pid for act in acts if act.act == "started"]
    assert started
    assert hit.pid not in started
    assert episode.ended_by in ("platform", "absorbed")
    assert run.platform_harms == ()


@pytest.mark.slow
@pytest.mark.live
def test_an_orphan_that_keeps_the_port_is_told_and_credited_to_nobody(folder: Path, trusted) -> None:
    command = ["sh", "-c", LAUNCHED, "{system}/model"]
    run, hit, acts = measured(folder, trusted, command=command, worker="launcher")
    (orphan,) = [act for act in acts if act.act == "orphan"]
    assert orphan.pid != hit.pid
    (episode,) = run.episodes
    assert episode.ended_by == "orphan"
    assert {(harm.service, harm.what) for harm in run.platform_harms} == {("server", "left an orphan")}
    told = acts[acts.index(orphan) :]
    assert "ready" not in [act.act for act in told[: [act.act for act in told].index("asked")]]
