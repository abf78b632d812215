"""Network faults under plain ``chaos run``: a real proxy, a real service behind it, each effect proven."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import importlib
import json
import os
import socket
import subprocess
import sys
import threading

import pytest

from harness.errors import Refused, Untrustworthy
from harness.faults.catalog import FAULTS
from harness.frontends.chaostoolkit import faults
from harness.proxy.client import ProxyClient
from tests.harness.frontends.chaos_kit import chaos

EDGES = {
    "network_latency": {"latency_ms": 300},
    "network_bandwidth": {"rate_kib_s": 0.02},
    "network_partition": {},
    "network_black_hole": {},
    "network_refuse": {},
    "network_reset": {},
    "network_slice": {"slice_bytes": 5},
    "network_corrupt": {"way": "both"},
    "network_wrong_body": {"body": "html"},
    "placebo_slow_batch": {"latency_ms": 20},
}
EXPERIMENT = """\
title: Slow wire
description: As Chaos Toolkit runs it.
runtime: {rollbacks: {strategy: always}}
method:
  - type: action
    name: slow
    provider:
      type: python
      module: harness.frontends.chaostoolkit.faults
      func: network_latency
      arguments: {edge: web, latency_ms: 100, duration_s: 0.2}
  - type: action
    name: cut
    provider:
      type: python
      module: harness.frontends.chaostoolkit.faults
      func: network_partition
      arguments: {edge: web}
rollbacks:
  - type: action
    name: restore
    provider:
      type: python
      module: harness.frontends.chaostoolkit.faults
      func: network_restore
      arguments: {edge: web}
"""


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = b'{"service": "toy", "boot_id": "one"}'
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Connections that are cut are what these tests do."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """A proxy with one edge in front of one service; gives (client, port of the edge, socket, token)."""
    folder = tmp_path_factory.mktemp("proxy")
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        listen = held.getsockname()[1]
    with Server(("127.0.0.1", 0), Answer) as server, contextlib.ExitStack() as stack:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        stack.callback(thread.join)
        stack.callback(server.shutdown)
        path = folder / "s" / "control"
        edges = [{"name": "web", "listen": listen, "upstream": server.server_address[1]}]
        (folder / "spec.json").write_text(json.dumps({"seed": 1, "socket": str(path), "edges": edges}))
        proxy = subprocess.Popen(
            [sys.executable, "-m", "harness.proxy", str(folder / "spec.json")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        stack.callback(proxy.stdout.close)
        stack.callback(proxy.wait, 20)
        stack.callback(proxy.stdin.close)
        token = json.loads(proxy.stdout.readline())["token"]
        yield ProxyClient(path, token), listen, path, token


@pytest.fixture
def proxy(started, monkeypatch):
    """The proxy, named by the environment as a user would, and clean afterwards."""
    client, port, path, token = started
    monkeypatch.setenv("HORMESIS_PROXY", str(path))
    monkeypatch.setenv("HORMESIS_PROXY_TOKEN", token)
    yield client, port
    client.reset()


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", "/healthz")
        return json.loads(connection.getresponse().read())["boot_id"] == "one"


@pytest.mark.live
@pytest.mark.parametrize("func", EDGES)
def test_a_fault_on_an_edge_is_proven_stays_and_is_restored(proxy, func):
    client, port = proxy
    done = getattr(faults, func)(edge="web", **EDGES[func])
    assert done["proof"]
    assert [toxic.name for toxic in client.proxies()["web"].toxics] == [done["toxic"]]
    assert faults.network_restore("web") == {"edge": "web", "removed": [done["toxic"]]}
    assert answers(port)
    assert faults.network_restore("web") == {"edge": "web", "removed": []}


@pytest.mark.live
def test_a_timed_fault_is_gone_when_the_call_returns(proxy):
    client, port = proxy
    faults.network_refuse(edge="web", duration_s=0.1)
    assert client.proxies()["web"].toxics == ()
    assert answers(port)


@pytest.mark.live
def test_an_effect_that_is_not_seen_is_taken_off_and_raised(proxy, monkeypatch):
    client, _ = proxy
    monkeypatch.setattr("harness.frontends.chaostoolkit.wire.PROVEN_WITHIN_S", 0.3)
    with pytest.raises(Untrustworthy, match="no effect was seen on web"):
        faults.network_corrupt(edge="web", share_ratio=1e-9)
    assert client.proxies()["web"].toxics == ()


@pytest.mark.live
def test_a_fault_that_is_there_already_and_an_unknown_edge_are_refused(proxy):
    client, _ = proxy
    faults.network_latency(edge="web", latency_ms=5)
    with pytest.raises(Refused):
        faults.network_latency(edge="web", latency_ms=5)
    assert len(client.proxies()["web"].toxics) == 1
    for call in (faults.network_restore, lambda name: faults.network_refuse(edge=name)):
        with pytest.raises(Refused, match="did you mean 'web'"):
            call("webb")


@pytest.mark.live
def test_what_others_put_on_an_edge_stays_theirs(proxy):
    from harness.proxy.spec import ToxicSpec

    client, _ = proxy
    client.add("web", ToxicSpec(type="latency", name="mine", attributes={"latency": 1}))
    assert faults.network_restore("web")["removed"] == []
    assert [toxic.name for toxic in client.proxies()["web"].toxics] == ["mine"]


@pytest.mark.live
def test_chaos_run_puts_the_faults_on_and_takes_them_off(proxy, tmp_path):
    client, _ = proxy
    (tmp_path / "experiment.yaml").write_text(EXPERIMENT)
    names = ("HORMESIS_PROXY", "HORMESIS_PROXY_TOKEN")
    also = {name: os.environ[name] for name in names}
    code, said = chaos(tmp_path, "run", "--journal-path", "journal.json", "experiment.yaml", also=also)
    assert code == 0, said
    journal = json.loads((tmp_path / "journal.json").read_text())
    assert [step["status"] for step in (*journal["run"], *journal["rollbacks"])] == ["succeeded"] * 3
    assert client.proxies()["web"].toxics == ()


@pytest.mark.parametrize("kind", [kind for kind in FAULTS if kind.startswith("data.")])
def test_data_faults_say_that_the_witness_is_needed(kind):
    given = {"field": "amount"} if "field" in FAULTS[kind].parameters.__struct_fields__ else {}
    given |= {"share_ratio": 0.5}
    with pytest.raises(
        Refused, match=r"data faults cannot be done by plain `chaos run` \(the witness is needed\)"
    ):
        getattr(importlib.import_module(faults.__name__), kind.replace(".", "_"))(**given)


@pytest.mark.parametrize(
    "arguments", [{}, {"edge": "web"}, {"edge": "$(id)", "latency_ms": 4}, {"edge": "web", "latency_ms": 0}]
)
def test_a_wrong_argument_is_refused_before_the_proxy_is_looked_for(monkeypatch, arguments):
    monkeypatch.setenv("HORMESIS_PROXY", "")
    with pytest.raises(Refused, match="Nothing was injected") as caught:
        faults.network_latency(**arguments)
    assert "HORMESIS_PROXY" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "token"), [("", "t"), ("/nowhere/socket", "t"), ("/dev/null", "t"), ("/", "")]
)
def test_without_a_proxy_nothing_is_done(monkeypatch, path, token):
    monkeypatch.setenv("HORMESIS_PROXY", path)
    monkeypatch.setenv("HORMESIS_PROXY_TOKEN", token)
    for call in (lambda: faults.network_refuse(edge="web"), lambda: faults.network_restore("web")):
        with pytest.raises(Refused, match="HORMESIS_PROXY"):
            call()
