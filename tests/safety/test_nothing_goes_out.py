"""SR-37: no connection leaves the machine: whatever a run starts is counted by a kernel that has no way out.

Everything runs in a network of its own, with a loopback and nothing else, so that whoever tries another
address, be it of a name server, finds no route; the kernel counts that for all processes of the network.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.experiment.load import load_experiment
from harness.run.template import template_key
from tests.harness.campaign.campaign_kit import SHORTEST, written

ROOT = Path(__file__).resolve().parents[2]
INSIDE = """
import fcntl, json, pathlib, socket, struct, subprocess, sys
from harness.targets.local.kernel import ending_with_us
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: up and running
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, preexec_fn=ending_with_us()).returncode
heads, counts = [one.split() for one in pathlib.Path("/proc/net/snmp").read_text().splitlines()[:2]]
four = dict(zip(heads, counts))
six = dict(one.split() for one in pathlib.Path("/proc/net/snmp6").read_text().splitlines())
tcp = [one.split() for one in pathlib.Path("/proc/net/snmp").read_text().splitlines() if one[:4] == "Tcp:"]
print(json.dumps({
    "code": code,
    "no_route": int(four["OutNoRoutes"]) + int(six["Ip6OutNoRoutes"]),
    "opened": int(dict(zip(*tcp))["ActiveOpens"]),
}))
"""


def inside(*words: str, folder: Path = ROOT) -> dict[str, int]:
    """Run a command in a network without a way out; its code, tries to leave it, connections opened in it."""
    if subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network of one's own can be made here, so this was not tried")
    done = subprocess.run(
        ["unshare", "-rn", sys.executable, "-c", INSIDE, *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout, done.stderr
    print(done.stderr[-3000:])  # noqa: T201 - shown where the test fails
    told: dict[str, int] = json.loads(done.stdout)
    return told


TRIES = {
    "a stream": "socket.create_connection(('192.0.2.1', 80), 1)",
    "a packet": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
    "the other family": "socket.create_connection(('2001:db8::1', 80), 1)",
}


@pytest.mark.parametrize("code", TRIES.values(), ids=TRIES)
def test_who_tries_to_leave_is_counted(code):
    """SR-37: the counter can move, by each way out."""
    hushed = f"import contextlib, socket\nwith contextlib.suppress(OSError): {code}"
    assert inside(sys.executable, "-c", hushed)["no_route"] > 0


@pytest.mark.slow
def test_a_run_on_a_virtual_clock_opens_no_connection(tmp_path, small_template):
    """SR-37: with the report that it ends with."""
    file, store = written(tmp_path, lengths=SHORTEST), tmp_path / "store"
    (store / ".templates").mkdir(parents=True)
    (store / ".templates" / template_key(load_experiment(file))).symlink_to(small_template)
    words = ["run", str(file), "--target", "simulation", "--seed", "1", "--store", str(store)]
    told = inside(sys.executable, "-m", "harness.frontends.cli", *words)
    assert told == {"code": 0, "no_route": 0, "opened": 0}
    assert list(store.glob("*/report.html"))


@pytest.mark.slow
@pytest.mark.live
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("story", ["faults", "drift"])
def test_the_whole_demo_reaches_loopback_alone(tmp_path, story):
    """SR-37: trains, serves, breaks, heals and reports; all of its processes are in that network."""
    words = ["demo", "--story", story, "--store", str(tmp_path)]
    told = inside(sys.executable, "-m", "harness.frontends.cli", *words)
    assert told["no_route"] == 0
    assert told["opened"] > 1000
    assert told["code"] in (0, 3, 4)  # 3, 4: a busy machine told another story
    assert list(tmp_path.glob("*/report.html"))
