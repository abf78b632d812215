"""The supervisor restarts as its profile says, tells what it saw, and obeys nobody without the token."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
from pathlib import Path

import msgspec
import pytest

from harness.errors import Refused
from harness.experiment.model import System, Workload
from harness.targets.local.looks import look
from harness.targets.local.procfs import is_stopped, start_ticks
from harness.targets.local.target import LocalSystem, SystemPlace

QUICK_LIVENESS = {"liveness_period_s": 0.1, "liveness_timeout_s": 0.3, "readiness_period_s": 0.02}


def acts(system, name="one"):
    return [line.act for line in system.ledger() if line.service == name]


def kill(system, name="one"):
    """SIGKILL by nobody in particular; gives the pid."""
    pid = system.service(name).pid
    os.kill(pid, signal.SIGKILL)
    return pid


def restarted(system, old_pid, name="one"):
    row = system.service(name)
    return row if row.state == "ready" and row.pid != old_pid else None


def test_fast_restarts_at_once_every_time_with_a_new_boot_id(place, services, until):
    with LocalSystem(place({"one": services.entry()})) as system:
        boot_ids = {system.service("one").boot_id}
        for count in (1, 2, 3):
            old_pid = kill(system)
            row = until(lambda: restarted(system, old_pid))  # noqa: B023
            assert row.restarts == count
            boot_ids.add(row.boot_id)
        assert len(boot_ids) == 4
        assert "backoff" not in acts(system)


@pytest.mark.slow
def test_bare_never_restarts_but_start_does(place, services, until):
    with LocalSystem(place({"one": services.command()}, arm="bare", overrides=QUICK_LIVENESS)) as system:
        kill(system)
        until(lambda: system.service("one").state == "stopped")
        system.start_service("one")
        assert system.service("one").restarts == 1
        assert acts(system) == ["started", "ready", "exited", "asked", "started", "ready"]


def test_kubernetes_restarts_at_once_and_backs_off_the_second_time(place, services, until):
    quick = {"readiness_period_s": 0.02}
    with LocalSystem(
        place({"one": services.entry()}, restart_profile="kubernetes", overrides=quick)
    ) as system:
        old_pid = kill(system)
        until(lambda: restarted(system, old_pid))
        assert "backoff" not in acts(system)
        kill(system)
        until(lambda: system.service("one").state == "backoff")
        waits = [line.detail for line in system.ledger() if line.act == "backoff"]
        assert waits == ["10"]
        system.start_service("one")  # an explicit start does not wait for the back-off
        assert system.service("one").state == "ready"


def test_the_ledger_says_by_which_signal_or_code_a_process_ended(place, services, until):
    with LocalSystem(place({"one": services.entry()}, arm="bare")) as system:
        first = system.service("one")
        kill(system)
        until(lambda: "exited" in acts(system))
        line = next(one for one in system.ledger() if one.act == "exited")
        assert (line.pid, line.boot_id, line.detail) == (first.pid, first.boot_id, "SIGKILL")
        assert [one.seq for one in system.ledger()] == list(range(1, len(system.ledger()) + 1))
        assert system.ledger(line.seq) == ()


@pytest.mark.slow
def test_a_hang_is_invisible_to_the_pid_and_liveness_kills_it(place, services, until):
    where = place({"one": services.entry()}, restart_profile="kubernetes", overrides=QUICK_LIVENESS)
    with LocalSystem(where) as system:
        old = system.service("one")
        os.kill(old.pid, signal.SIGSTOP)
        until(lambda: restarted(system, old.pid))
        seen = acts(system)
        assert seen.index("exited") > seen.index("killed") > seen.index("liveness_failed")
        failed = [line.detail for line in system.ledger() if line.act == "liveness_failed"]
        assert [detail[:6] for detail in failed][-3:] == ["1 of 3", "2 of 3", "3 of 3"]
        assert start_ticks(old.pid) == 0


def test_a_hang_becomes_unready_and_stays_so_where_nothing_probes_for_liveness(place, services, until):
    with LocalSystem(place({"one": services.entry()})) as system:
        old = system.service("one")
        os.kill(old.pid, signal.SIGSTOP)
        until(lambda: system.service("one").state == "unready")
        assert "exited" not in acts(system)
        os.kill(old.pid, signal.SIGCONT)
        until(lambda: system.service("one").state == "ready")
        assert system.service("one").boot_id == old.boot_id


@pytest.mark.slow
def test_a_stopped_service_is_killed_after_the_grace_of_stop(place, services, until):
    with LocalSystem(place({"one": services.entry()})) as system:
        pid = system.service("one").pid
        os.kill(pid, signal.SIGSTOP)
        until(lambda: is_stopped(pid))  # else the pending SIGTERM is taken first
        assert system.client.act("one", "stop").state == "stopped"
        assert start_ticks(pid) == 0
        assert acts(system)[-3:] == ["asked", "exited", "stopped"]
        assert next(one for one in system.ledger() if one.act == "exited").detail == "SIGKILL"


@pytest.mark.slow
def test_restart_gives_another_process_and_stays_within_one_row(place, services, until):
    with LocalSystem(place({"one": services.command()})) as system:
        old_pid = system.service("one").pid
        assert system.client.act("one", "restart").pid != old_pid
        until(lambda: restarted(system, old_pid))
        assert acts(system) == ["started", "ready", "asked", "exited", "stopped", "started", "ready"]


def test_a_repeated_idempotency_key_gives_the_first_answer_and_does_nothing(place, services, until):
    with LocalSystem(place({"one": services.entry()})) as system:
        first = system.client.act("one", "restart", key="k1")
        system.wait_ready("one")
        assert system.client.act("one", "restart", key="k1") == first
        assert acts(system).count("asked") == 1
        system.client.act("one", "restart", key="k2")
        assert acts(system).count("asked") == 2


@pytest.mark.slow
def test_start_of_a_running_service_changes_nothing(place, services):
    with LocalSystem(place({"one": services.entry()})) as system:
        before = system.service("one").pid
        assert system.client.act("one", "start").pid == before


def test_an_unknown_service_is_refused_with_the_known_names(place, services):
    with (
        LocalSystem(place({"one": services.entry()})) as system,
        pytest.raises(Refused, match="no service two; there are: one"),
    ):
        system.client.act("two", "stop")


@pytest.mark.slow
def test_an_orphan_on_the_port_is_not_taken_for_the_service(place, services, until):
    """A stranger answers on the port between two lives: the restart is refused until it leaves."""
    with LocalSystem(place({"one": services.entry()}, arm="bare")) as system:
        port = system.ports["one"]
        kill(system)
        until(lambda: system.service("one").state == "stopped")
        with (
            socket.create_server(("127.0.0.1", port)),
            pytest.raises(Refused, match=f"port {port} of one is held by pid {os.getpid()}"),
        ):
            system.client.act("one", "start")
        system.start_service("one")


@pytest.mark.slow
def test_a_restart_waits_for_a_held_port_and_says_so(place, services, until):
    with LocalSystem(place({"one": services.entry(start="orphan")})) as system:
        kill(system)
        line = until(lambda: next((one for one in system.ledger() if one.act == "refused"), None))
        holder = int(line.detail.rsplit(" ", 1)[1])
        assert system.service("one").state != "ready"
        os.kill(holder, signal.SIGKILL)
        until(lambda: system.service("one").state == "ready")


@pytest.mark.slow
def test_a_service_that_repeats_an_old_boot_id_is_not_ready(place, services, until):
    tiny = msgspec.structs.replace(services.entry(health="same"), start_timeout_s=3.0)
    with LocalSystem(place({"one": tiny})) as system:
        kill(system)
        until(lambda: acts(system).count("started") == 2)
        until(lambda: look(system.ports["one"], "/readyz", 1.0).status == 200)
        with pytest.raises(Refused, match="one is starting, not ready after 3 s"):
            system.wait_ready("one")


@pytest.fixture(scope="module")
def healed(tmp_path_factory, services):
    """``medic`` may restart others; gives the system and what medic found in its environment."""
    folder = tmp_path_factory.mktemp("healed")
    medic = msgspec.structs.replace(services.entry(), platform=True, env={"PLATFORM_TOKEN": "forged"})
    system = System(
        version=1,
        name="tiny",
        services={"one": services.entry(), "medic": medic},
        workload=Workload(service="one", route="/"),
    )
    place = SystemPlace(
        system=system,
        system_dir=folder,
        template=folder,
        state_dir=folder / "state",
        python_path=str(Path(__file__).parent),
    )
    with LocalSystem(place) as started:
        text = (folder / "state" / "medic" / "environment.json").read_text(encoding="utf-8")
        yield started, json.loads(text)


def test_a_platform_service_restarts_another_and_the_ledger_says_who_asked(healed, until):
    system, env = healed
    assert env["PLATFORM_URL"] == f"http://127.0.0.1:{system.client._listening.port}"
    bearer = f"Bearer {env['PLATFORM_TOKEN']}"
    before = system.service("one").pid
    status, body = ask(system, path="/v1/services/one/restart", Authorization=bearer)
    assert status == 200
    assert json.loads(body)["pid"] != before
    until(lambda: restarted(system, before))
    assert [line.detail for line in system.ledger() if line.act == "asked"] == ["restart by medic"]
    assert ask(system, method="GET", path="/v1/services", Authorization=bearer)[0] == 200


def test_a_restart_without_grace_kills_what_would_have_ended_by_itself(healed):
    system, env = healed
    bearer = f"Bearer {env['PLATFORM_TOKEN']}"
    seen = len(system.ledger())
    assert ask(system, path="/v1/services/one/restart?grace_s=3", Authorization=bearer)[0] == 400
    assert ask(system, path="/v1/services/one/restart?grace_s=0", Authorization=bearer)[0] == 200
    system.wait_ready("one")
    ends = [line.detail for line in system.ledger(seen) if line.act == "exited"]
    assert ends == ["SIGKILL"]


def test_a_platform_service_cannot_end_the_platform(healed):
    system, env = healed
    bearer = f"Bearer {env['PLATFORM_TOKEN']}"
    assert ask(system, path="/v1/shutdown", Authorization=bearer)[0] == 403
    assert system.service("one").state == "ready"


def test_only_a_platform_service_finds_the_platform(healed):
    system, env = healed
    text = Path(env["STATE_DIR"]).parent.joinpath("one", "environment.json").read_text(encoding="utf-8")
    assert not {"PLATFORM_URL", "PLATFORM_TOKEN"} & json.loads(text).keys()
    assert env["PLATFORM_TOKEN"] not in ("forged", system.client._listening.token)


def ask(system, *, method="POST", path="/v1/services/one/stop", **headers):
    listening = system.client._listening
    given = {"Authorization": f"Bearer {listening.token}"} | headers
    connection = http.client.HTTPConnection("127.0.0.1", listening.port, timeout=10)
    try:
        connection.request(method, path, headers={k: v for k, v in given.items() if v is not None})
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": None},
        {"Authorization": "Bearer " + "0" * 64},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic eDp5"},
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Host": "127.0.0.1.evil.example"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "null"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/services/one/stop"),
        ("POST", "/v1/shutdown"),
        ("GET", "/v1/services"),
        ("GET", "/v1/ledger"),
        ("GET", "/nothing"),
    ],
)
def test_whoever_is_not_ours_gets_403_and_nothing_is_done(shared, method, path, headers):
    """SR-30: no token, another host, a page in a browser."""
    pid = shared.service("one").pid
    status, _ = ask(shared, method=method, path=path, **headers)
    assert status == 403
    assert shared.service("one").pid == pid
    assert "asked" not in [line.act for line in shared.ledger()]


@pytest.fixture(scope="module")
def shared(tmp_path_factory, services):
    folder = tmp_path_factory.mktemp("shared")
    workload = Workload(service="one", route="/")
    system = System(version=1, name="tiny", services={"one": services.entry()}, workload=workload)
    place = SystemPlace(
        system=system,
        system_dir=folder,
        template=folder,
        state_dir=folder / "state",
        python_path=str(Path(__file__).parent),
    )
    with LocalSystem(place) as started:
        yield started


@pytest.mark.parametrize("name", ["One", "$(id)", "one%0a", "..", "one%2f..%2fone", "a" * 200])
def test_a_strange_name_in_a_call_is_no_service(shared, name):
    status, _ = ask(shared, path=f"/v1/services/{name}/stop")
    assert status == 404


@pytest.mark.parametrize("after", ["-1", "x", "1e3", "9" * 40, "%D9%A1"])
def test_a_strange_cursor_is_a_bad_request(shared, after):
    status, body = ask(shared, method="GET", path=f"/v1/ledger?after={after}")
    assert status == 400
    assert json.loads(body) == {"error": "after must be a number"}


def test_the_supervisor_listens_on_loopback_only(shared):
    """SR-30."""
    port = shared.client._listening.port
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    listening = [row[1] for row in rows if row[3] == "0A" and int(row[1].split(":")[1], 16) == port]
    assert listening == [f"0100007F:{port:04X}"]
