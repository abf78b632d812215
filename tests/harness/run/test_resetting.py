"""State is brought back before a run and proven: by exit code, and by an output as it was at first."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness.errors import Refused
from harness.experiment.load import load_experiment
from harness.experiment.model import Service, System, Workload
from harness.experiment.reset import Reset
from harness.history.events import ControlRaised, Platform, SystemReady
from harness.history.store import read_campaign
from harness.plan.schedule import make_plans
from harness.report.compose import compose
from harness.run.campaign import run_campaign
from harness.run.resetting import Resetting, starts_anew
from tests.consents import consent_for
from tests.safety import safety_kit as kit

DO = ("{python}", "-c", "open('state', 'w').write('clean')")
PROVE = ("{python}", "-c", "print(open('{system}/state').read())")


def system(reset=None, **services):
    named = services or {"server": Service(command=("server",))}
    return System(
        version=1, name="mine", services=named, workload=Workload(service="server", route="/"), reset=reset
    )


def resetting(folder, **keys):
    return Resetting(system(Reset(**{"prove": PROVE} | keys)), folder)


def test_a_run_begins_from_the_state_that_the_first_one_began_from(tmp_path):
    reset = resetting(tmp_path, do=DO)
    first = reset()
    (tmp_path / "state").write_text("what a run has left")
    again = reset()
    assert (first.proven, first.output_sha256) == ("by command", again.output_sha256)
    assert (tmp_path / "state").read_text() == "clean"


def test_a_state_that_differs_is_not_proven_though_the_command_is_content(tmp_path):
    (tmp_path / "state").write_text("clean")
    reset = resetting(tmp_path)
    reset()
    (tmp_path / "state").write_text("left over")
    with pytest.raises(Refused, match=r"reset not proven: the output of `reset\.prove` was \w{12} at first"):
        reset()
    (tmp_path / "state").write_text("clean")
    assert reset().proven == "by command"


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        (
            {"prove": ("{python}", "-c", "import sys; sys.exit('rows are left')")},
            r"code 1\).*\n  rows are left",
        ),
        ({"do": ("{python}", "-c", "raise SystemExit(3)")}, r"`reset\.do` failed \(code 3\)"),
        ({"prove": ("no-such-program",)}, "cannot be started"),
        ({"prove": ("{python}", "-c", "print('x' * (1 << 21))")}, "more than 1 MiB"),
        ({"prove": ("{python}", "-c", "input()")}, "code 1"),
        ({"prove": ("nul\0",)}, "cannot be started"),
        ({"prove": ("true",)}, "put out nothing"),
        ({"prove": ("{python}", "-c", "print()")}, "put out nothing"),
    ],
)
def test_a_command_that_fails_proves_nothing(tmp_path, keys, why):
    with pytest.raises(Refused, match=f"(?s)reset not proven: .*{why}"):
        resetting(tmp_path, **keys)()


@pytest.mark.parametrize("ends", ["signal.pause()", ""])
def test_a_command_that_hangs_is_ended_with_what_it_started(tmp_path, until, ends):
    """Also one that is over itself, and has left somebody behind who holds its output."""
    script = (
        "import os, subprocess, sys, signal\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])\n"
        "open('pids', 'w').write(f'{os.getpid()} {child.pid}')\n"
        f"{ends}"
    )
    with pytest.raises(Refused, match="was not done after 2 s"):
        resetting(tmp_path, prove=("{python}", "-c", script), within_s=2.0)()
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    until(lambda: not any(alive(pid) for pid in pids))


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


def test_a_run_whose_state_is_not_proven_is_not_started(tmp_path, monkeypatch):
    """Nothing of the system is there then: the campaign is refused, and the history says why."""
    asked = load_experiment(kit.experiment(tmp_path, "kill"))
    unproven = msgspec.structs.replace(asked.system, reset=Reset(prove=("{python}", "-c", "exit(1)")))
    asked = msgspec.structs.replace(asked, system=unproven)
    monkeypatch.setenv("HORMESIS_CONSENT", consent_for(unproven, Path(asked.system_dir)))
    with pytest.raises(Refused, match="reset not proven"):
        run_campaign(make_plans(asked, 7), asked, store=tmp_path, seed=7, progress=print)
    (folder,) = tmp_path.glob("[a-z]*-s7")
    (run,) = read_campaign(folder).runs
    raised = [entry.event for entry in run.entries if isinstance(entry.event, ControlRaised)]
    assert [(event.where, event.error[:16]) for event in raised] == [("start", "reset not proven")]
    assert not any(isinstance(entry.event, SystemReady | Platform) for entry in run.entries)
    document = compose(folder)
    assert (document.verdict.word, document.verdict.exit_code) == ("VOID", 4)


@pytest.mark.parametrize(
    ("services", "anew"),
    [
        ({"server": Service(entry="mine:serve")}, True),
        ({"server": Service(command=("serve", "--db={state}/a.db"))}, True),
        ({"server": Service(command=("serve",), env={"MODELS": "{template}/models"})}, True),
        ({"server": Service(command=("serve", "{port}"))}, False),
        ({"server": Service(entry="mine:serve"), "other": Service(command=("serve",))}, False),
    ],
)
def test_only_what_names_our_folders_is_known_to_start_anew(tmp_path, services, anew):
    assert starts_anew(system(**services)) is anew
    assert Resetting(system(**services), tmp_path)().proven == ("by itself" if anew else "")
