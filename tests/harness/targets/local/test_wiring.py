"""Ports, environments and placeholders of a system, as the supervisor is told them."""

from __future__ import annotations

import re
import socket
import sys
from pathlib import Path

import msgspec
import pytest

from harness.errors import Refused
from harness.experiment.model import Edge, Service, Switch
from harness.targets.local import wiring
from harness.targets.local.spec import Spec
from harness.targets.local.wiring import (
    PORTS,
    Addresses,
    base_environment,
    edges_in,
    free_ports,
    services_in,
    wire,
)

TOKEN = "a-token"


def wired(place):
    """Services at 20 000 on, edges at 21 000 on, in the order of the system file."""
    services = {name: 20_000 + i for i, name in enumerate(services_in(place))}
    edges = {name: 21_000 + i for i, name in enumerate(edges_in(place))}
    return wire(place, Addresses(services=services, edges=edges), base_environment(place, TOKEN))


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


def test_an_edge_and_the_folder_of_our_interpreter_can_be_named(place, services):
    service = Service(command=("{bin}/serve", "nats://{edge:one-to-two}"), env={"OTHER": "{edge:two-to-one}"})
    edges = {"one-to-two": Edge(source="one", to="two"), "two-to-one": Edge(source="two", to="one")}
    one = wired(place({"one": service, "two": services.entry()}, edges=edges)).services[0]
    assert one.command == (f"{Path(sys.executable).parent}/serve", "nats://127.0.0.1:21001")
    assert one.env["OTHER"] == "{edge:two-to-one}"  # another service's


def test_the_services_of_one_run_share_a_secret_that_does_not_tell_the_runs_token(place):
    asks = Service(command=("{python}",), env={"SHARED": "x{secret}"})
    where = place({"one": asks, "two": asks})
    one, two = (service.env["SHARED"] for service in wired(where).services)
    assert one == two
    assert re.fullmatch("x[0-9a-f]{64}", one)
    later = wire(
        where, Addresses(services={"one": 1, "two": 2}, edges={}), base_environment(where, "another")
    )
    assert later.services[0].env["SHARED"] != one
    assert TOKEN not in one


def test_a_service_learns_its_contract_and_only_its_own_edges(place, services, tmp_path):
    edges = {"one-to-two": Edge(source="one", to="two"), "two-to-one": Edge(source="two", to="one")}
    one, two = wired(place({"one": services.entry(), "two": services.entry()}, edges=edges)).services
    assert one.env["EDGE_ONE_TO_TWO_URL"] == "http://127.0.0.1:21001"  # 21000 is the witness's
    assert "EDGE_TWO_TO_ONE_URL" not in one.env
    assert two.env["EDGE_TWO_TO_ONE_URL"] == "http://127.0.0.1:21002"
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


def healed(place, services, arm):
    """``one`` everywhere; ``medic`` only in arm reference, and ``one`` starts after it."""
    one = msgspec.structs.replace(services.entry(), env={"HEALING": "off"}, after=("medic",))
    medic = msgspec.structs.replace(services.entry(), platform=True)
    switch = Switch(env={"HEALING": "reference", "WHERE": "{state}"}, services=("medic",))
    return place(
        {"one": one, "medic": medic},
        edges={"medic-one": Edge(source="medic", to="one"), "one-medic": Edge(source="one", to="medic")},
        arms={"reference": switch},
        arm=arm,
    )


@pytest.mark.parametrize("arm", ["none", "bare"])
def test_a_service_of_another_arm_is_not_there_and_neither_are_its_edges(place, services, arm):
    where = healed(place, services, arm)
    assert list(edges_in(where)) == ["driver-one"]
    (one,) = wired(where).services
    assert one.env["HEALING"] == "off"
    assert one.after == ()
    assert "EDGE_ONE_MEDIC_URL" not in one.env


def test_an_arm_adds_its_services_their_edges_and_its_environment(place, services, tmp_path):
    where = healed(place, services, "reference")
    assert list(edges_in(where)) == ["driver-one", "medic-one", "one-medic"]
    one, medic = wired(where).services
    assert {one.env["HEALING"], medic.env["HEALING"]} == {"reference"}
    assert medic.env["WHERE"] == str(tmp_path / "state" / "medic")
    assert one.after == ("medic",)
    assert (one.platform, medic.platform) == (False, True)
    assert one.env["EDGE_ONE_MEDIC_URL"] == "http://127.0.0.1:21002"


def test_an_arm_that_the_system_does_not_have_is_refused_with_those_it_has(place, services):
    with pytest.raises(Refused, match="tiny has no arm seed; there are: bare, none, reference"):
        services_in(healed(place, services, "seed"))


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
