"""Each verb undoes its act on real processes and sockets, twice like once, and looks for itself."""

from __future__ import annotations

import dataclasses
import os
import socket

import pytest

from harness.guard import processes, verbs
from harness.guard.records import Owner, ourselves
from harness.guard.verbs import StillThere, problem_of
from tests.ports import free_port

VARIABLE, TOKEN = "HORMESIS_RUN", f"{os.getpid():064x}"  # tests side by side end what carries theirs
PROCESS = {"pid": 1, "start_ticks": 1, "variable": VARIABLE, "token": TOKEN}


def test_a_stopped_process_goes_on_and_again_is_nothing_more(record, stopped, of, state_of, until):
    """SR-3: twice is once."""
    process = stopped()
    one = record("continue_process", **of(process))
    with pytest.raises(StillThere, match="state T"):
        verbs.look(one)
    for _ in range(2):
        assert "SIGCONT" in verbs.do(one)
        until(lambda: state_of(process.pid) != "T")
        assert "no thread" in verbs.look(one)


def test_a_process_that_is_gone_is_clean(record, carrier, of):
    process = carrier()
    one = record("continue_process", **of(process))
    process.kill()
    process.wait()
    assert "gone" in verbs.do(one)
    assert "gone" in verbs.look(one)


def test_a_reused_pid_gets_no_signal(record, stopped, of, state_of):
    """SR-12: the same pid with another start tick is a stranger."""
    process = stopped()
    arguments = of(process)
    one = record("continue_process", **(arguments | {"start_ticks": arguments["start_ticks"] - 1}))
    assert "gone" in verbs.do(one)
    assert state_of(process.pid) == "T"
    gone = record("stop_records", **(arguments | {"start_ticks": arguments["start_ticks"] - 1}))
    verbs.do(gone)
    assert process.poll() is None


def test_a_process_without_the_token_gets_no_signal(record, stopped, of, state_of):
    """SR-12: a process of the same user that is not of this run."""
    process = stopped("another run's token")
    assert "does not carry" in verbs.do(record("continue_process", **of(process)))
    assert state_of(process.pid) == "T"


def test_the_driver_is_ended_even_where_it_does_not_listen(record, carrier, of, until, tmp_path):
    deaf = (
        "import signal; signal.signal(15, signal.SIG_IGN)\nopen({!r}, 'w').close()\nwhile 1: signal.pause()"
    )
    process = carrier(program=deaf.format(str(tmp_path / "up")))
    until((tmp_path / "up").exists)
    one = record("stop_records", **of(process))
    with pytest.raises(StillThere, match="still runs"):
        verbs.look(one)
    verbs.do(one)
    process.wait(10)
    assert "gone" in verbs.look(one)
    assert "gone" in verbs.do(one)


def test_a_run_is_ended_with_all_that_carry_its_token_and_nobody_else(record, carrier, stopped, state_folder):
    mine, also, stranger = carrier(), stopped(), carrier("another")
    (state_folder / "deep").mkdir()
    one = record("end_run", variable=VARIABLE, token=TOKEN, folder=str(state_folder))
    for _ in range(2):
        verbs.do(one)
        assert (mine.wait(10), also.wait(10)) == (-9, -9)
        assert "no process" in verbs.look(one)
    assert stranger.poll() is None
    assert not state_folder.exists()


ZYGOTE = """
import ctypes, signal, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # adopts its orphans, as the real one does
words = ["env", "-i", "setsid", sys.executable, "-S", "-c", sys.argv[1], sys.argv[2]]
subprocess.Popen(words, start_new_session=True)
signal.pause()
"""
ESCAPED = """
import os, pathlib, signal, sys
new = pathlib.Path(sys.argv[1] + ".new")
new.write_text(str(os.getpid()))
new.rename(sys.argv[1])
signal.alarm(60)
signal.pause()
"""


def test_what_a_carrier_started_without_the_token_is_ended_too(record, carrier, until, tmp_path):
    """A daemon with a clean environment in a session of its own: only its parents tell whose it is."""
    told = tmp_path / "told"
    zygote = carrier(program=ZYGOTE, words=[ESCAPED, str(told)])
    until(told.exists)
    pid = int(told.read_text())
    with processes.pinned(pid, processes.start_ticks(pid)) as escaped:
        one = record("end_run", variable=VARIABLE, token=TOKEN, folder=str(tmp_path / "none"))
        assert "killed 2 processes" in verbs.do(one)
        assert "no process" in verbs.look(one)
        assert processes.ended_within(escaped, 0.0), "it has ended when the look says so"
    assert zygote.wait(10) == -9


NO_STATE = {
    "another name": "precious",
    "a name that only looks like one": "hormesis-notes",
    "the right name, with a user's files in it": "hormesis-20260101-my_paper",
    "a link": "hormesis-1-linklink",
    "a way around": "hormesis-20260101-my_paper/../precious",
}


@pytest.mark.parametrize("name", NO_STATE.values(), ids=NO_STATE)
def test_only_a_state_folder_of_ours_is_removed(record, tmp_path, name):
    for folder in ("precious", "hormesis-notes", "hormesis-20260101-my_paper"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "thesis.tex").write_text("years")
    (tmp_path / "hormesis-1-linklink").symlink_to(tmp_path / "precious")
    one = record("end_run", variable=VARIABLE, token=TOKEN, folder=f"{tmp_path}/{name}")
    assert "left" in verbs.do(one)
    with pytest.raises(StillThere, match="state folder"):
        verbs.look(one)
    assert len(list(tmp_path.glob("*/thesis.tex"))) == 4, "three folders, one of them by its link, too"


def test_a_state_folder_of_another_runner_and_one_that_others_may_write_are_left_alone(record, state_folder):
    one = record("end_run", variable=VARIABLE, token=TOKEN, folder=str(state_folder))
    other = dataclasses.replace(one, owner=dataclasses.replace(one.owner, start_ticks=1))
    assert "left" in verbs.do(other)
    state_folder.chmod(0o770)
    assert "left" in verbs.do(one)
    assert state_folder.is_dir()
    state_folder.chmod(0o700)
    assert "removed" in verbs.do(one)


def test_a_state_folder_without_its_owner_is_removed_only_while_it_is_empty(record, tmp_path):
    folder = tmp_path / "hormesis-1-abcdefgh"
    folder.mkdir(mode=0o700)
    (folder / "file").write_text("")
    one = record("end_run", variable=VARIABLE, token=TOKEN, folder=str(folder))
    assert "left" in verbs.do(one)
    (folder / "file").unlink()
    assert "empty" in verbs.do(one)
    assert not folder.exists()


def test_a_service_is_started_through_the_supervisor_and_must_answer(record, server):
    routes = {"POST /v1/services/one/start": (200, "{}"), "GET /readyz": (503, "")}
    served = server(routes)
    port = served.server_address[1]
    one = record(
        "start_service", port=port, token=TOKEN, service="one", ready_port=port, ready_route="/readyz"
    )
    assert "200" in verbs.do(one)
    assert served.asked == [("POST /v1/services/one/start", f"Bearer {TOKEN}")]
    with pytest.raises(StillThere, match="503"):
        verbs.look(one)
    routes["GET /readyz"] = (200, "{}")
    assert "answers with 200" in verbs.look(one)


def test_any_answer_will_do_of_a_service_that_names_no_route(record, server):
    port = server({"GET /": (404, "")}).server_address[1]
    one = record("start_service", port=port, token=TOKEN, service="one", ready_port=port, ready_route="tcp")
    assert "answers with 404" in verbs.look(one)


def test_of_a_service_without_a_port_the_supervisor_is_asked(record, server):
    routes = {"GET /v1/services": (200, '[{"name": "one", "state": "starting"}, {"name": "two"}]')}
    port = server(routes).server_address[1]
    arguments = {"token": TOKEN, "service": "one", "ready_port": 1, "ready_route": "running"}
    one = record("start_service", port=port, **arguments)
    for unknown in (routes["GET /v1/services"], (500, "[]"), (200, "{}"), (200, "["), (200, "[1]")):
        routes["GET /v1/services"] = unknown
        with pytest.raises(StillThere, match="does not run"):
            verbs.look(one)
    routes["GET /v1/services"] = (200, '[{"name": "one", "state": "ready"}]')
    assert "has it as ready" in verbs.look(one)
    assert "both gone" in verbs.look(record("start_service", port=free_port(), **arguments))


def test_a_service_whose_supervisor_lives_must_be_there(record, server):
    port = server({}).server_address[1]
    dead = free_port()
    one = record(
        "start_service", port=port, token=TOKEN, service="one", ready_port=dead, ready_route="/readyz"
    )
    with pytest.raises(StillThere, match="does not answer"):
        verbs.look(one)
    gone = dataclasses.replace(one, arguments=one.arguments | {"port": free_port()})
    assert "both gone" in verbs.look(gone)


def test_a_toxic_is_removed_over_the_socket_and_seen_to_be_gone(record, server, tmp_path):
    routes = {
        "DELETE /proxies/e-1/toxics/h": (204, ""),
        "GET /proxies/e-1/toxics": (200, '[{"name": "h"}]'),
    }
    served = server(routes, tmp_path / "s")
    one = record("remove_toxic", socket=str(tmp_path / "s"), token=TOKEN, edge="e-1", name="h")
    assert "204" in verbs.do(one)
    assert served.asked == [("DELETE /proxies/e-1/toxics/h", f"Bearer {TOKEN}")]
    with pytest.raises(StillThere, match="still has toxic h"):
        verbs.look(one)
    for unknown in ((500, "[]"), (200, "{}"), (200, "["), (200, "[1]")):
        routes["GET /proxies/e-1/toxics"] = unknown
        with pytest.raises(StillThere):
            verbs.look(one)
    routes["GET /proxies/e-1/toxics"] = (200, '[{"name": "other"}]')
    assert "no toxic h" in verbs.look(one)


def test_a_proxy_that_is_gone_has_no_toxic_and_a_silent_one_may(record, tmp_path):
    path = tmp_path / "s"
    one = record("remove_toxic", socket=str(path), token=TOKEN, edge="e", name="h")
    assert "does not answer" in verbs.do(one)
    assert "gone" in verbs.look(one)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        assert "gone" in verbs.look(one)
        listener.listen(8)
        with pytest.raises(StillThere, match="does not answer"):
            verbs.look(one)


@pytest.mark.parametrize(
    ("verb", "arguments", "words"),
    [
        ("rm", {}, "no verb"),
        ("end_run", {}, "takes variable, token, folder"),
        ("end_run", {"variable": "V", "token": "", "folder": "/x"}, "token of end_run is empty"),
        ("end_run", {"variable": "V", "token": 1, "folder": "/x"}, "wrong type"),
        ("end_run", {"variable": "LANG", "token": "C.UTF-8", "folder": "/x"}, "does not name processes"),
        ("end_run", {"variable": "LANG", "token": TOKEN, "folder": "/x"}, "does not name processes"),
        ("end_run", {"variable": VARIABLE, "token": TOKEN[1:], "folder": "/x"}, "does not name processes"),
        (
            "stop_records",
            {"pid": 1, "start_ticks": 1, "variable": "USER", "token": "me"},
            "does not name processes",
        ),
        ("stop_records", PROCESS | {"pid": 2**40}, "pid of stop_records is not in 1 to"),
        ("continue_process", PROCESS | {"pid": -1}, "pid of continue_process is not in 1 to"),
        ("continue_process", PROCESS | {"start_ticks": 2**80}, "start_ticks of"),
        (
            "start_service",
            {"port": 99999999, "token": "t", "service": "s", "ready_port": 1, "ready_route": "/"},
            "port of start_service is not in 1 to 65535",
        ),
        ("remove_toxic", {"socket": "/s", "token": "t", "edge": "../x", "name": "n"}, "edge of"),
        ("remove_toxic", {"socket": "/s", "token": "t", "edge": "e", "name": "n\r\nX: y"}, "name of"),
    ],
)
def test_a_verb_with_wrong_arguments_says_what_is_wrong(verb, arguments, words):
    """SR-3: an undo is data, of a closed list."""
    assert words in problem_of(verb, arguments)


def test_after_a_reboot_nothing_is_signalled_and_the_look_says_so(
    record, stopped, of, state_of, state_folder
):
    """SR-4: the record of another boot."""
    process = stopped()
    earlier = Owner(pid=1, start_ticks=1, boot="another boot")
    one = dataclasses.replace(record("continue_process", **of(process)), owner=earlier)
    verbs.do(one)
    assert state_of(process.pid) == "T"
    assert "started again" in verbs.look(one)
    whole = record("end_run", variable=VARIABLE, token=TOKEN, folder=str(state_folder))
    whole = dataclasses.replace(whole, owner=dataclasses.replace(ourselves(), boot="another boot"))
    (marked,) = state_folder.iterdir()
    marked.write_text(marked.read_text().replace(ourselves().boot, "another boot"))
    with pytest.raises(StillThere):
        verbs.look(whole)
    verbs.do(whole)
    assert "started again" in verbs.look(whole)
    assert process.poll() is None
    assert ourselves().lives()
