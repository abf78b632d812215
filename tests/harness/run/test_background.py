"""Load by Locust beside a run: asked for in the scenario, begun and ended with it, told, never measured."""

from __future__ import annotations

import contextlib
import http.server
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import yaml

from harness.episodes.facts import facts
from harness.errors import Refused, Untrustworthy, UsageProblem
from harness.experiment.load import load_experiment
from harness.experiment.model import Background
from harness.history import events as ev
from harness.history.store import read_campaign
from harness.plan.schedule import make_plans
from harness.report.compose import compose, compose_campaign
from harness.run.background import load_of
from harness.run.campaign import run_campaign
from harness.run.refusals import refuse_without_load
from tests.safety import safety_kit as kit
from tests.traps.histories import campaign_of, history_of, killed, plan_of

ROOT = Path(__file__).resolve().parents[3]
ASKED = Background(users=4, route="/readyz", rate_hz=40.0)


def loaded(*events: ev.Event):
    """The history of a kill whose plan asks for load, with ``events`` before its end."""
    history = history_of(killed(0.8, events=lambda told: [*told[:-1], *events, *told[-1:]]))
    return replace(history, plan=msgspec.structs.replace(history.plan, background=ASKED))


@pytest.mark.parametrize(
    ("events", "void"),
    [
        ((), "background load was asked for, and nothing is known of it"),
        (
            (ev.BackgroundLoad(users=4, requests=0, failed=0),),
            "background load was asked for, and Locust made no request",
        ),
        ((ev.BackgroundLoad(users=4, requests=7, failed=7),), ""),
    ],
)
def test_a_run_without_the_load_that_it_was_to_have_is_void(events, void):
    assert facts(loaded(*events)).void == void


def test_the_report_tells_the_load_beside_its_figures_and_makes_none_of_it():
    quiet = campaign_of(killed(0.8))
    told = replace(quiet, runs=(loaded(ev.BackgroundLoad(users=4, requests=1234, failed=5)),))
    (check,) = [check for check in compose_campaign(told).trust if "Locust" in check.text]
    assert (check.text, check.ok) == ("Background load, by Locust, not measured with", True)
    assert check.value == "1234 requests in 1 runs, at least 1234 in each; 5 failed"
    assert compose_campaign(told).estimates == compose_campaign(quiet).estimates
    assert not [check for check in compose_campaign(quiet).trust if "Locust" in check.text]
    (check,) = [c for c in compose_campaign(replace(quiet, runs=(loaded(),))).trust if "Locust" in c.text]
    assert (check.value, check.ok) == ("not known of 1 of 1 runs", False)


def asking(folder: Path, asked: object):
    """The tiny experiment, in a scenario that asks for load."""
    scenario = folder / "loaded.yaml"
    world = yaml.safe_load((kit.HERE / "tiny_system" / "steady.yaml").read_text())
    scenario.write_text(yaml.safe_dump(world | ({} if asked is None else {"background": asked})))
    file = kit.experiment(folder, "kill")
    file.write_text(re.sub(r"scenario: \S+", f"scenario: {scenario}", file.read_text()))
    return load_experiment(file)


def test_a_plan_knows_of_it_and_without_it_every_hash_is_as_it_was(tmp_path):
    plain, same = asking(tmp_path, None), load_experiment(kit.experiment(tmp_path, "kill"))
    assert plain.sha256 == same.sha256
    assert b"background" not in msgspec.json.encode(make_plans(plain, 1))
    (plan,) = make_plans(asking(tmp_path, {"users": 4, "route": "/readyz"}), 1)
    assert plan.background == Background(users=4, route="/readyz", rate_hz=50.0, body="")
    assert plan.scenario_sha256 != make_plans(plain, 1)[0].scenario_sha256


@pytest.mark.parametrize(
    "asked",
    [
        {"users": 0, "route": "/"},
        {"users": 201, "route": "/"},
        {"users": 1, "route": "http://elsewhere/"},
        {"users": 1, "route": "/", "rate_hz": 0},
        {"users": 1, "route": "/", "rate_hz": 1001},
        {"users": 1, "route": "/", "rates": 1},
        {"users": 1},
        [],
    ],
)
def test_more_than_is_allowed_and_other_places_are_refused(tmp_path, asked):
    with pytest.raises(UsageProblem) as caught:
        asking(tmp_path, asked)
    assert all("loaded.yaml" in problem.file and problem.line for problem in caught.value.problems)


def test_where_nobody_can_make_it_nothing_is_started(tmp_path, monkeypatch):
    plans = [
        msgspec.structs.replace(plan_of(killed()), background=ASKED, target=on)
        for on in ("local", "simulation")
    ]
    with pytest.raises(Refused, match="virtual clock"):
        refuse_without_load(plans[1:])
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(Refused, match=r"pip install 'hormesis\[load\]'"):
        refuse_without_load(plans[:1])
    refuse_without_load([plan_of(killed())])
    experiment = asking(tmp_path, {"users": 1, "route": "/readyz"})
    with pytest.raises(Refused, match="Nothing was started"):
        run_campaign(make_plans(experiment, 1), experiment, store=tmp_path / "s", seed=1, progress=print)
    assert not (tmp_path / "s").exists()


@contextlib.contextmanager
def answering():
    """A server on loopback; gives its address and the list of what it was asked."""
    asked: list[str] = []

    class Answer(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            asked.append(f"{self.command} {self.path} {body.decode()}")
            self.send_response(500 if self.path == "/bad" else 200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, request, client_address):
            """Connections that are cut when it is over are no errors."""

    with Server(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


def open_load(folder: Path, url: str, background: Background):
    plan = msgspec.structs.replace(plan_of(killed()), background=background)
    return load_of(plan, url, around=folder, python_path=str(ROOT), mark={})


@pytest.mark.slow
def test_locust_asks_as_told_says_how_often_and_is_gone_afterwards(tmp_path, until):
    bad = msgspec.structs.replace(ASKED, route="/bad", body='{"a": 1}')
    with answering() as (url, asked), open_load(tmp_path, url, bad) as load:
        until(lambda: len(asked) >= 20)
        told = load.ended()
    assert set(asked) == {'POST /bad {"a": 1}'}
    assert told.users == 4
    assert told.failed == told.requests >= 20
    assert abs(len(asked) - told.requests) <= 4  # one of each user may have been on its way
    with pytest.raises(ProcessLookupError):
        os.kill(load.pid, 0)


@pytest.mark.slow
def test_load_that_has_ended_by_itself_makes_the_run_untrustworthy(tmp_path, until):
    with (
        answering() as (url, asked),
        open_load(tmp_path, url, msgspec.structs.replace(ASKED, body="1")) as load,
    ):
        until(lambda: asked)
        os.kill(load.pid, signal.SIGKILL)
        with pytest.raises(Untrustworthy, match="ended before the run did"):
            load.ended()


@pytest.mark.slow
def test_load_elsewhere_than_on_this_machine_does_not_begin(tmp_path):
    with (
        pytest.raises(Refused, match="not on this machine"),
        open_load(tmp_path, "http://192.0.2.1:80", ASKED),
    ):
        pass


RUNNER = """
import pathlib, signal, sys
from tests.harness.run.test_background import ASKED, open_load
with open_load(pathlib.Path(sys.argv[1]), sys.argv[2], ASKED) as load:
    print(load.pid, flush=True)
    signal.pause()
"""


@pytest.mark.slow
def test_load_dies_with_a_killed_runner_though_it_is_stopped(tmp_path, until):
    with answering() as (url, _):
        with subprocess.Popen(
            [sys.executable, "-c", RUNNER, str(tmp_path), url],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        ) as runner:
            pid = int(runner.stdout.readline())
            os.kill(pid, signal.SIGSTOP)
            runner.kill()

        def gone() -> bool:
            try:
                return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
            except OSError:
                return True

        until(gone)


@pytest.mark.live
@pytest.mark.slow
def test_a_run_with_load_is_measured_as_ever_and_tells_how_much_there_was(tmp_path, trusted):
    def once():
        store = tmp_path / str(len(list(tmp_path.iterdir())))
        store.mkdir()
        experiment = asking(store, {"users": 4, "route": "/readyz", "rate_hz": 20})
        folder = run_campaign(make_plans(experiment, 7), experiment, store=store, seed=7, progress=print)
        return folder, compose(folder)

    folder, document = trusted(once, lambda seen: "; ".join(run.void for run in seen[1].runs))
    events = [entry.event for entry in read_campaign(folder).runs[-1].entries]
    (told,) = [event for event in events if isinstance(event, ev.BackgroundLoad)]
    kinds = [type(event) for event in events]
    assert told.requests > 20
    assert kinds.index(ev.BaselineMeasured) < kinds.index(ev.Clean) < kinds.index(ev.BackgroundLoad)
    assert not document.runs[-1].void
    assert f"{told.requests} requests" in json.dumps(msgspec.to_builtins(document.trust))
