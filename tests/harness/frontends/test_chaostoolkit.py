"""The same file under plain ``chaos run``: real supervisor, real process, real kill and hang."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from harness.errors import Refused, Untrustworthy
from harness.frontends.chaostoolkit.faults import process_hang, process_kill, process_restore
from harness.frontends.chaostoolkit.probes import ready
from harness.shell import monotonic_s, sleep_until
from harness.targets.local.client import Listening, PlatformClient
from harness.targets.local.procfs import is_stopped
from tests.harness.frontends.chaos_kit import chaos
from tests.ports import free_port

SERVICE = """
import http.server, json, os, secrets
BODY = json.dumps({"service": "toy", "boot_id": secrets.token_hex(8), "started_s": 0}).encode()
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Answer).serve_forever()
"""
EXPERIMENT = """\
title: Kill, then hang
description: As Chaos Toolkit runs it.
runtime: {rollbacks: {strategy: always}}
steady-state-hypothesis:
  title: ready
  probes:
    - type: probe
      name: ready
      tolerance: true
      provider:
        {type: python, module: harness.frontends.chaostoolkit.probes, func: ready, arguments: {service: toy}}
method:
  - type: action
    name: hang
    provider:
      type: python
      module: harness.frontends.chaostoolkit.faults
      func: process_hang
      arguments: {service: toy, duration_s: 0.2}
  - type: action
    name: kill
    provider:
      type: python
      module: harness.frontends.chaostoolkit.faults
      func: process_kill
      arguments: {service: toy}
    pauses: {after: 2}
rollbacks:
  - type: action
    name: restore
    provider:
      type: python
      module: harness.frontends.chaostoolkit.faults
      func: process_restore
      arguments: {service: toy}
"""


def wait_until(holds, within_s: float = 20.0):
    until_s = monotonic_s() + within_s
    while not (found := holds()):
        assert monotonic_s() < until_s, f"not within {within_s} s"
        sleep_until(monotonic_s() + 0.02)
    return found


@pytest.fixture
def platform(tmp_path, monkeypatch):
    """A real supervisor that keeps one service, named by the environment as a user would."""
    port = free_port()
    spec = {
        "state_dir": str(tmp_path / "state"),
        "profile": "fast",
        "restart": True,
        "services": [
            {
                "name": "toy",
                "command": [sys.executable, "-c", SERVICE],
                "env": {"PORT": str(port), "SERVICE": "toy", "PATH": os.environ["PATH"]},
                "port": port,
                "readiness": "/readyz",
                "health": "/healthz",
                "after": [],
                "start_timeout_s": 20.0,
            }
        ],
    }
    (tmp_path / "state").mkdir()
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "harness.targets.local.supervisor", str(tmp_path / "spec.json")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        listening = json.loads(supervisor.stdout.readline())
        monkeypatch.setenv("HORMESIS_SUPERVISOR", f"http://127.0.0.1:{listening['port']}")
        monkeypatch.setenv("HORMESIS_TOKEN", listening["token"])
        client = PlatformClient(Listening(port=listening["port"], token=listening["token"]))
        wait_until(lambda: ready("toy"))
        yield client
    finally:
        supervisor.stdin.close()
        supervisor.wait(20)
        supervisor.stdout.close()


def test_a_kill_ends_exactly_this_process_and_the_platform_starts_another(platform):
    before = platform.services()[0].pid
    assert process_kill("toy")["pid"] == before
    row = wait_until(
        lambda: next((r for r in platform.services() if r.state == "ready" and r.pid != before), None)
    )
    assert row.restarts == 1


def test_kills_in_succession_hit_whoever_is_there_and_count_those_that_met_nobody(platform):
    told = process_kill("toy", times=3, every_s=0.05)
    assert (told["times"], 0 <= told["missed"] <= 2) == (3, True)
    hits = 3 - told["missed"]
    assert wait_until(lambda: sum(line.act == "exited" for line in platform.ledger(0)) == hits)
    with pytest.raises(Refused, match="belong together"):
        process_kill("toy", times=3)


def test_a_hang_stays_until_it_is_restored_and_restoring_twice_is_harmless(platform):
    pid = process_hang("toy")["pid"]
    assert is_stopped(pid)
    assert process_restore("toy") == {"service": "toy", "pid": pid, "continued": True}
    assert not is_stopped(pid)
    assert process_restore("toy") == {"service": "toy", "pid": pid, "continued": False}


def test_a_hang_that_is_not_seen_is_taken_back(platform, monkeypatch):
    pid = platform.services()[0].pid
    with monkeypatch.context() as unseen:
        unseen.setattr("harness.targets.local.procfs.is_stopped", lambda _: False)
        unseen.setattr("harness.frontends.chaostoolkit.faults.EFFECT_WITHIN_S", 0.0)
        with pytest.raises(Untrustworthy, match="still runs"):
            process_hang("toy")
    wait_until(lambda: not is_stopped(pid))


def test_a_stopped_service_is_started_by_the_rollback_and_cannot_be_hurt(platform):
    platform.act("toy", "stop")
    with pytest.raises(Refused, match="does not run"):
        process_kill("toy")
    with pytest.raises(Refused, match="does not run"):
        process_hang("toy")
    process_restore("toy")
    assert ready("toy")


def test_an_unknown_service_is_named_with_the_nearest(platform):
    assert platform.services()
    with pytest.raises(Refused, match="did you mean 'toy'"):
        process_kill("toys")


def test_chaos_run_runs_the_file_that_our_loader_reads(platform, tmp_path):
    (tmp_path / "experiment.yaml").write_text(EXPERIMENT)
    before = platform.services()[0]
    names = ("HORMESIS_SUPERVISOR", "HORMESIS_TOKEN")
    also = {name: os.environ[name] for name in names}
    code, said = chaos(tmp_path, "run", "--journal-path", "journal.json", "experiment.yaml", also=also)
    assert code == 0, said
    journal = json.loads((tmp_path / "journal.json").read_text())
    assert [step["status"] for step in (*journal["run"], *journal["rollbacks"])] == ["succeeded"] * 3
    hang, kill = (step["output"] for step in journal["run"])
    assert hang["pid"] == kill["pid"] == before.pid
    assert platform.services()[0].restarts == 1


HANGS = """
import signal
from harness.frontends.chaostoolkit.faults import process_hang
print(process_hang("toy")["pid"], flush=True)
signal.pause()
"""
HANGS_FOR_LONG = """
from harness.frontends.chaostoolkit import faults
faults._wait_stopped = lambda _, pid: print(pid, flush=True)
faults.process_hang("toy", 600)
"""


@pytest.mark.parametrize("program", [HANGS, HANGS_FOR_LONG], ids=["until restored", "for a time"])
@pytest.mark.usefixtures("platform")
def test_a_hang_does_not_outlast_a_killed_chaos_run(program):
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as chaos:
        pid = int(chaos.stdout.readline())
        wait_until(lambda: is_stopped(pid))
        chaos.kill()
    wait_until(lambda: not is_stopped(pid))
    assert ready("toy")


@pytest.mark.parametrize(
    ("address", "token"),
    [
        ("", "t"),
        ("http://127.0.0.1:1", ""),
        ("http://example.org:80", "t"),
        ("http://127.0.0.1", "t"),
        ("http://127.0.0.1:99999", "t"),
        ("http://[", "t"),
    ],
)
@pytest.mark.parametrize("function", [process_kill, process_hang, process_restore, ready])
def test_without_a_supervisor_on_this_machine_nothing_is_done(monkeypatch, address, token, function):
    monkeypatch.setenv("HORMESIS_SUPERVISOR", address)
    monkeypatch.setenv("HORMESIS_TOKEN", token)
    with pytest.raises(Refused, match="HORMESIS_SUPERVISOR"):
        function("toy")


@pytest.mark.parametrize("duration_s", [0, -1, float("nan")])
def test_a_hang_of_no_length_is_refused(duration_s):
    with pytest.raises(Refused, match="duration_s"):
        process_hang("toy", duration_s)
