"""Ports, environments and placeholders of a system, as the supervisor is told them."""

from __future__ import annotations

import socket
import sys

import msgspec
import pytest

from harness.errors import Refused
from harness.experiment.model import Edge, Service
from harness.targets.local import wiring
from harness.targets.local.spec import Spec
from harness.targets.local.wiring import PORTS, base_environment, free_ports, wire

TOKEN = "a-token"


def wired(place, ports=None):
    ports = ports or {name: 20_000 + i for i, name in enumerate(place.system.services)}
    return wire(place, ports, base_environment(place, TOKEN))


def test_placeholders_are_filled_in_command_and_environment_and_other_braces_stay(place, tmp_path):
    command = ("{python}", "-c", "{port} {state} {template} {system}", '{"a": {b}}')
    service = Service(command=command, env={"WHERE": "{state}/x"})
    where = place({"one": service})
    one = wired(where).services[0]
    state, template = tmp_path / "state" / "one", tmp_path / "template"
    assert one.command == (
        sys.executable,
        "-c",
        f"20000 {state} {template} {where.system_dir}",
        '{"a": {b}}',
    )
    assert one.env["WHERE"] == f"{state}/x"


def test_a_service_learns_its_contract_and_only_its_own_edges(place, services, tmp_path):
    edges = {"one-to-two": Edge(source="one", to="two"), "two-to-one": Edge(source="two", to="one")}
    one, two = wired(place({"one": services.entry(), "two": services.entry()}, edges=edges)).services
    assert one.env["EDGE_ONE_TO_TWO_URL"] == "http://127.0.0.1:20001"
    assert "EDGE_TWO_TO_ONE_URL" not in one.env
    assert two.env["EDGE_TWO_TO_ONE_URL"] == "http://127.0.0.1:20000"
    assert one.env["PORT"] == "20000"
    assert one.env["SERVICE"] == "one"
    assert one.env["STATE_DIR"] == str(tmp_path / "state" / "one")
    assert one.env["TEMPLATE_DIR"] == str(tmp_path / "template")


def test_a_system_file_cannot_take_the_token_or_the_port_away(place):
    service = Service(command=("x",), env={"HORMESIS_RUN": "forged", "PORT": "1"})
    env = wired(place({"one": service})).services[0].env
    assert env["HORMESIS_RUN"] == TOKEN
    assert env["PORT"] == "20000"


def test_only_an_allow_list_of_our_environment_is_handed_on(place, services, monkeypatch):
    monkeypatch.setenv("CANARY_SECRET", "canary-value")
    spec = wired(place({"one": services.entry()}))
    assert b"canary-value" not in msgspec.json.encode(spec)


@pytest.mark.parametrize(("arm", "restart"), [("none", True), ("bare", False)])
def test_only_bare_never_restarts(place, services, arm, restart):
    assert wired(place({"one": services.entry()}, arm=arm)).restart is restart


def test_a_spec_survives_json(place, services):
    spec = wired(place({"one": services.entry(), "two": services.command()}))
    assert msgspec.json.decode(msgspec.json.encode(spec), type=Spec) == spec


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ({"profile": "slow"}, "no restart profile slow; there are: fast, kubernetes"),
        ({"services": [{"name": "a", "port": 1}]}, "exactly one of entry and command"),
        ({"services": [{"name": "a", "port": 1, "entry": "x", "command": ["x"]}]}, "exactly one of"),
        ({"services": [{"name": "a", "port": 1, "entry": "x"}] * 2}, "two services have one name"),
        (
            {"services": [{"name": "a", "port": 1, "entry": "x", "after": ["b"]}]},
            "a waits for b, which is none",
        ),
        (
            {"services": [{"name": "a", "port": 1, "entry": "x", "after": ["a"]}]},
            "wait for each other: a -> a",
        ),
        ({"services": [{"name": "a\n", "port": 1, "entry": "x"}]}, "matching regex"),
        ({"services": [{"name": "a", "port": 0, "entry": "x"}]}, ">= 1"),
        ({"unknown": 1}, "unknown field"),
    ],
)
def test_a_broken_spec_is_refused_with_the_reason(broken, why):
    right = {"state_dir": "/x", "profile": "fast", "restart": True, "services": []}
    with pytest.raises(msgspec.ValidationError, match=why):
        msgspec.convert(right | broken, Spec)


def test_an_unknown_knob_of_a_profile_is_refused():
    spec = Spec(
        state_dir="/x", profile="fast", restart=True, services=(), overrides={"livenes_period_s": 1.0}
    )
    with pytest.raises(msgspec.ValidationError, match="livenes_period_s"):
        spec.restart_profile()


def test_free_ports_differ_and_lie_below_the_range_of_outgoing_connections():
    ports = free_ports(30)
    assert len(set(ports)) == 30
    assert all(port in PORTS for port in ports)


def test_a_port_that_somebody_listens_on_is_not_free(monkeypatch):
    (port,) = free_ports(1)
    monkeypatch.setattr(wiring, "PORTS", range(port, port + 1))
    assert free_ports(1) == [port]
    with socket.create_server(("127.0.0.1", port)), pytest.raises(Refused, match="no 1 free ports"):
        free_ports(1)
