"""A system starts whole or is refused with the reason, and leaves nothing behind however it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from harness.errors import Refused
from harness.experiment.model import Edge, Service
from harness.shell import child_environment
from harness.targets.local.client import PlatformGone
from harness.targets.local.looks import look
from harness.targets.local.procfs import carriers, start_ticks
from harness.targets.local.target import LocalSystem
from tests.tiers import few

HERE = Path(__file__).parent


def ours(system):
    return carriers("HORMESIS_RUN", system.run_token)


def zygote_of(system):
    """The supervisor's only child."""
    return int(Path(f"/proc/{system.pid}/task/{system.pid}/children").read_text(encoding="ascii"))


def test_all_services_are_ready_on_their_addresses_and_gone_after(place, services):
    with LocalSystem(place({"one": services.entry(), "two": services.command()})) as system:
        assert set(system.urls) == {"one", "two"}
        for name, port in system.ports.items():
            assert look(port, "/healthz", 2.0).boot_id == system.boot_ids()[name] != ""
        pids = ours(system)
        assert len(pids) == 5  # proxy, supervisor, zygote and two services
    assert ours(system) == ()
    assert all(start_ticks(pid) == 0 for pid in pids)


def test_services_start_after_those_that_they_name(place, services):
    second = msgspec.structs.replace(services.entry(), after=("two",))
    with LocalSystem(place({"one": second, "two": services.entry()})) as system:
        lines = [(line.service, line.act) for line in system.ledger()]
        assert lines == [("two", "started"), ("two", "ready"), ("one", "started"), ("one", "ready")]


@pytest.mark.slow
def test_a_program_without_a_boot_id_is_ready_by_its_status_alone(place, services):
    with LocalSystem(place({"one": services.command(health="plain")})) as system:
        assert system.boot_ids() == {"one": ""}


@pytest.mark.parametrize("kind", ["entry", "command"])
def test_a_service_has_its_own_folder_group_and_environment(place, services, kind, monkeypatch, tmp_path):
    monkeypatch.setenv("CANARY_SECRET", "canary-value")
    with LocalSystem(place({"one": getattr(services, kind)()})) as system:
        pid = system.service("one").pid
        folder = tmp_path / "state" / "one"
        assert os.getpgid(pid) == os.getsid(pid) == pid
        assert Path(f"/proc/{pid}/cwd").readlink() == folder
        env = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
        assert env["SERVICE"] == "one"
        assert env["STATE_DIR"] == str(folder)
        assert "CANARY_SECRET" not in env
        assert (folder / "log.txt").read_text(encoding="utf-8") == f"one starts in {folder}\n"
        assert Path(f"/proc/{pid}/fd/0").readlink() == Path("/dev/null")
        sockets = [link for link in Path(f"/proc/{pid}/fd").iterdir() if "socket" in os.readlink(link)]
        assert len(sockets) <= 2  # its listener and perhaps one caller: not the zygote's channel


def test_the_spec_is_readable_by_us_only_and_holds_no_token(place, services, tmp_path):
    with LocalSystem(place({"one": services.entry()})) as system:
        folder = tmp_path / "state" / ".supervisor"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "SPEC.json").stat().st_mode) == 0o600
        token = system.client._listening.token
        assert len(bytes.fromhex(token)) == 32
        for path in (tmp_path / "state").rglob("*"):
            assert not path.is_file() or token.encode() not in path.read_bytes()


@pytest.mark.slow
def test_a_service_that_crashes_at_the_start_is_refused_with_its_log(place, services):
    with pytest.raises(Refused) as caught:
        LocalSystem(place({"one": services.entry(start="crash")})).start()
    message = str(caught.value)
    assert message.startswith("one ended while starting: code 3")
    assert "| cannot: the \\x1b[31mmodel\\x1b[0m is missing" in message
    assert "\x1b" not in message


@pytest.mark.slow
def test_a_service_that_never_answers_is_refused(place, services):
    deaf = msgspec.structs.replace(services.entry(start="deaf"), start_timeout_s=0.5)
    system = LocalSystem(place({"one": deaf}))
    with pytest.raises(Refused, match=r"one is not ready after 0\.5 s"):
        system.start()
    assert ours(system) == ()


@pytest.mark.slow
def test_an_entry_without_a_boot_id_is_refused(place, services):
    plain = msgspec.structs.replace(services.entry(health="plain"), start_timeout_s=0.5)
    with pytest.raises(Refused, match="one is not ready"):
        LocalSystem(place({"one": plain})).start()


@pytest.mark.parametrize(
    ("service", "why"),
    [
        (Service(command=("/no/such/program",)), "FileNotFoundError"),
        (Service(entry="tiny_service:nothing"), "AttributeError"),
        (Service(entry="no_such_module:main"), "ModuleNotFoundError"),
    ],
)
def test_a_service_that_cannot_begin_is_refused_with_the_reason(place, service, why):
    with pytest.raises(Refused, match=why):
        LocalSystem(place({"one": service})).start()


COUNTING = """
with open("starts", "a+") as file:
    file.write("x")
    print("start", file.tell(), flush=True)
raise SystemExit(3)
"""


class LookingLate(LocalSystem):
    """Looks only when the service has been started again, and again: the log holds many ends by then."""

    def _wait_all_ready(self) -> None:
        while [line.act for line in self.ledger()].count("exited") < 3:
            pass
        super()._wait_all_ready()


@pytest.mark.slow
def test_the_reason_is_what_the_process_that_ended_wrote_however_late_one_looks(place):
    system = LookingLate(place({"one": Service(command=("{python}", "-c", COUNTING))}))
    with pytest.raises(Refused, match=r"code 3\n  [|] start 1$"):
        system.start()


@pytest.mark.slow
def test_a_module_that_cannot_be_preloaded_refuses_the_start(place, services):
    system = LocalSystem(place({"one": services.entry()}, preload=("no_such_module",)))
    with pytest.raises(Refused, match="preload: ModuleNotFoundError"):
        system.start()
    assert ours(system) == ()


@pytest.mark.slow
def test_a_supervisor_that_dies_while_services_start_refuses_the_start(place, services):
    """The service itself kills the zygote, its parent."""
    murder = "import os, signal; os.kill(os.getppid(), signal.SIGKILL)"
    system = LocalSystem(place({"one": Service(command=("{python}", "-c", murder))}))
    with pytest.raises(Refused, match="the zygote died, and with it every service"):
        system.start()
    assert ours(system) == ()


@pytest.mark.slow
def test_a_port_that_is_taken_is_refused_at_the_start(place, services):
    system = LocalSystem(place({"one": services.entry()}))
    with (
        socket.create_server(("127.0.0.1", system.ports["one"])),
        pytest.raises(Refused, match=f"is held by pid {os.getpid()}"),
    ):
        system.start()
    assert ours(system) == ()


@pytest.mark.slow
def test_used_state_is_refused(place, services):
    where = place({"one": services.entry()})
    with LocalSystem(where):
        pass
    with pytest.raises(Refused, match="was used by another run"):
        LocalSystem(where).start()


def test_stop_twice_is_stop_once_and_then_nothing_answers(place, services):
    system = LocalSystem(place({"one": services.entry()}))
    system.start()
    system.stop()
    system.stop()
    with pytest.raises(PlatformGone):
        system.services()


@pytest.mark.slow
def test_a_stopped_service_ends_with_the_system(place, services):
    with LocalSystem(place({"one": services.entry()})) as system:
        pid = system.service("one").pid
        os.kill(pid, signal.SIGSTOP)
    assert start_ticks(pid) == 0


@pytest.mark.slow
def test_a_grandchild_in_its_own_session_ends_with_the_system(place, services, tmp_path, until):
    with LocalSystem(place({"one": services.entry(start="daemon")})) as system:
        daemon = int(until(lambda: _read(tmp_path / "state" / "one" / "daemon")))
        os.kill(system.service("one").pid, signal.SIGKILL)
        system.wait_ready("one")
        assert start_ticks(daemon) != 0
    assert start_ticks(daemon) == 0


def _read(path):
    return path.read_text(encoding="utf-8") if path.exists() else ""


@pytest.mark.slow
@pytest.mark.parametrize("stopped", [False, True])
def test_when_the_zygote_dies_all_services_die_and_the_supervisor_says_why(
    place, services, tmp_path, until, stopped
):
    system = LocalSystem(place({"one": services.entry(start="daemon"), "two": services.command()}))
    system.start()
    try:
        if stopped:
            os.kill(system.service("one").pid, signal.SIGSTOP)
        process = system._supervisor.process
        os.kill(zygote_of(system), signal.SIGKILL)
        until(lambda: process.poll() is not None)
        assert process.returncode == 1
        assert ours(system) == (system.crossing.pid,)
        log = (tmp_path / "state" / ".supervisor" / "log.txt").read_text(encoding="utf-8")
        assert log == "supervisor: the zygote died, and with it every service\n"
    finally:
        system.stop()


@pytest.mark.slow
def test_a_stopped_zygote_and_its_services_end_with_the_system(place, services):
    with LocalSystem(place({"one": services.entry(), "two": services.command()})) as system:
        pids = [row.pid for row in system.services()]
        os.kill(zygote_of(system), signal.SIGSTOP)
    assert ours(system) == ()
    assert [start_ticks(pid) for pid in pids] == [0, 0]


def test_when_the_supervisor_is_killed_nothing_is_left(place, services, until):
    system = LocalSystem(place({"one": services.entry(start="daemon"), "two": services.command()}))
    system.start()
    try:
        os.kill(system.service("two").pid, signal.SIGSTOP)
        os.kill(system.pid, signal.SIGKILL)
        until(lambda: ours(system) == (system.crossing.pid,))
        with pytest.raises(PlatformGone):
            system.services()
    finally:
        system.stop()
    assert ours(system) == ()


@pytest.mark.slow
def test_a_stopped_proxy_ends_with_the_system(place, services):
    with LocalSystem(place({"one": services.entry()})) as system:
        pid = system.crossing.pid
        os.kill(pid, signal.SIGSTOP)
    assert start_ticks(pid) == 0


def test_a_proxy_that_cannot_listen_refuses_the_start_with_its_reason(place, services):
    system = LocalSystem(place({"one": services.entry()}))
    with (
        socket.create_server(("127.0.0.1", system.entries["driver-one"])),
        pytest.raises(Refused, match="the fault proxy did not start"),
    ):
        system.start()
    assert ours(system) == ()


def test_edges_cross_the_proxy_and_the_addresses_of_services_do_not(place, services):
    edges = {"two-one": Edge(source="two", to="one")}
    where = place({"one": services.entry(), "two": services.command()}, edges=edges)
    with LocalSystem(where) as system:
        assert set(system.entries) == {"driver-one", "two-one"}
        assert system.witness_url == f"http://127.0.0.1:{system.entries['driver-one']}"
        boot_id = system.boot_ids()["one"]
        for port in system.entries.values():
            assert look(port, "/healthz", 2.0).boot_id == boot_id
        assert look(system.ports["one"], "/healthz", 2.0).boot_id == boot_id
        counted = {name: edge.counters.connections for name, edge in system.crossing.client.proxies().items()}
        assert counted == {"driver-one": 1, "two-one": 1}
        end = system.end_arguments()
        assert system.crossing.pid in carriers(end["variable"], end["token"])


RUNNER = """
import sys
from pathlib import Path
from harness.experiment.model import Service, System, Workload
from harness.targets.local.target import LocalSystem, SystemPlace
here, state, start = sys.argv[1:]
service = {"one": Service(entry="tiny_service:main", env={"TINY_START": start}),
           "two": Service(command=("{python}", here + "/tiny_service.py"))}
system = System(version=1, name="tiny", services=service, workload=Workload(service="one", route="/"))
place = SystemPlace(system=system, system_dir=Path(here), template=Path(here), state_dir=Path(state),
                    python_path=here)
local = LocalSystem(place)
sys.stdout.write(local.run_token + "\\n")
sys.stdout.flush()
local.start()
sys.stdout.write("ready\\n")
sys.stdout.flush()
sys.stdin.read()
"""


def stop_children(pid):
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
        os.kill(int(child), signal.SIGSTOP)


@pytest.mark.parametrize("when", few(["ready", "starting", "stopped"], 1))
def test_when_the_runner_is_killed_nothing_is_left(tmp_path, until, when):
    """Stopped: the supervisor can neither read that its input closed nor end anything."""
    start = "deaf" if when == "starting" else "daemon"
    with subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(HERE), str(tmp_path / "state"), start],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=child_environment(),
    ) as runner:
        try:
            token = runner.stdout.readline().strip()
            if when != "starting":
                assert runner.stdout.readline() == "ready\n"
            else:
                until((tmp_path / "state" / "one" / "environment.json").exists)
            assert carriers("HORMESIS_RUN", token)
            if when == "stopped":
                stop_children(runner.pid)  # proxy and supervisor
        finally:
            runner.kill()
        until(lambda: carriers("HORMESIS_RUN", token) == ())
