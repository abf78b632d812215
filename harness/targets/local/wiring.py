"""Wiring of a system on this machine: ports, environments, placeholders. Pure, but for the ports.

Comes in: a ``SystemPlace``. Goes out: one ``Spec`` for the supervisor.
"""

from __future__ import annotations

import hashlib
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import Refused
from harness.experiment.model import Edge, HookProgram, Service, System
from harness.shell import child_environment, fresh_seed
from harness.targets.local.spec import RUN_VARIABLE, ServiceSpec, Spec

__all__ = [
    "BUILT_IN_ARMS",
    "PORTS",
    "RUN_VARIABLE",
    "WITNESS",
    "Addresses",
    "SystemPlace",
    "base_environment",
    "edges_in",
    "free_ports",
    "hook_call",
    "services_in",
    "wire",
]

BUILT_IN_ARMS = ("none", "bare")
WITNESS = "driver"
"""The source of the witness's edge, as ``System.all_edges`` names it: no service, and always there."""

# Below Linux's ephemeral range (32768 on): a client that keeps connecting to a dead port inside it sooner
# or later draws that port as its own and talks to itself, and any outgoing connection may sit on it.
PORTS = range(20_000, 32_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemPlace:
    """Which system runs where, under which arm and restart profile.

    ``python_path``: folders, joined by ":", that ``entry`` and ``preload`` modules are in. ``state_dir``
    must not have been used by another run. ``overrides`` replaces knobs of the restart profile by name;
    ``seed`` names the draws of the fault proxy; ``secrets`` are values by the place that a service names.
    """

    system: System
    system_dir: Path
    template: Path
    state_dir: Path
    arm: str = "none"
    restart_profile: str = "fast"
    python_path: str = ""
    overrides: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def free_ports(count: int) -> list[int]:
    """Draw ``count`` ports of ``PORTS`` that nobody listens on now; ``Refused`` if there are too few."""
    start = fresh_seed() % len(PORTS)
    found: list[int] = []
    for step in range(len(PORTS)):
        port = PORTS[(start + step) % len(PORTS)]
        if len(found) < count and _is_free(port):
            found.append(port)
    if len(found) == count:
        return found
    raise Refused(f"no {count} free ports between {PORTS.start} and {PORTS.stop}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Loopback ports: where each service of the arm listens, and where each edge enters the proxy."""

    services: Mapping[str, int]
    edges: Mapping[str, int]


def services_in(place: SystemPlace) -> dict[str, Service]:
    """The services that run in the place's arm; ``Refused`` if the system has no such arm."""
    system, arm = place.system, place.arm
    if arm not in BUILT_IN_ARMS and arm not in system.arms:
        known = ", ".join(sorted({*BUILT_IN_ARMS, *system.arms}))
        raise Refused(f"{system.name} has no arm {arm}; there are: {known}. Add it under arms: in its file.")
    services = system.services_of(arm)
    if system.workload.service not in services:
        raise Refused(f"{system.workload.service}, where units are offered, does not run in arm {arm}")
    return services


def edges_in(place: SystemPlace) -> dict[str, Edge]:
    """The edges whose ends run in the place's arm, the witness's first."""
    running = {*services_in(place), WITNESS}
    edges = place.system.all_edges
    return {name: edge for name, edge in edges.items() if {edge.source, edge.to} <= running}


def wire(place: SystemPlace, addresses: Addresses, base: Mapping[str, str]) -> Spec:
    """Build the supervisor's spec: every placeholder filled, every environment complete upon ``base``."""
    services = services_in(place)
    return Spec(
        state_dir=str(place.state_dir.resolve()),
        profile=place.restart_profile,
        restart=place.arm != "bare",
        preload=place.system.preload,
        services=tuple(_service(place, addresses, base, name) for name in services),
        overrides=dict(place.overrides),
    )


def _service(place: SystemPlace, addresses: Addresses, base: Mapping[str, str], name: str) -> ServiceSpec:
    service = place.system.services[name]
    words = _words(place, addresses.services[name], name) | {"{secret}": _secret(base[RUN_VARIABLE])}
    words |= {
        f"{{edge:{edge}}}": f"127.0.0.1:{port}" for edge, port in _own_edges(place, addresses, name).items()
    }
    switch = place.system.arms[place.arm].env if place.arm in place.system.arms else {}
    own = {key: _filled(value, words) for key, value in (service.env | switch).items()}
    own |= {key: place.secrets[where] for key, where in service.secrets.items()}
    return ServiceSpec(
        name=name,
        entry=service.entry,
        command=tuple(_filled(word, words) for word in service.command),
        # The token last: whatever a system file says, our processes can be told from others.
        env={
            **_around(service, base),
            **own,
            **_contract(place, addresses, name),
            RUN_VARIABLE: base[RUN_VARIABLE],
        },
        port=addresses.services[name],
        readiness=service.readiness,
        health=service.health_route,
        worker=service.worker,
        after=tuple(other for other in service.after if other in addresses.services),
        start_timeout_s=service.start_timeout_s,
        platform=service.platform,
    )


def _around(service: Service, base: Mapping[str, str]) -> dict[str, str]:
    """What a service's environment is built upon: a program of the user's finds its own modules, not ours."""
    if service.entry:
        return dict(base)
    inherited = child_environment()
    return {
        name: value for name, value in base.items() if name != "PYTHONPATH" or name in inherited
    } | inherited


def hook_call(
    place: SystemPlace, program: HookProgram, urls: Mapping[str, str], base: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """Fill in the command of a hook, and build its environment: addresses of the services, and the secret."""
    states = place.state_dir.resolve()
    own = states / ".hooks"
    own.mkdir(parents=True, exist_ok=True)
    words = _words(place, 0, ".hooks")
    named = {f"URL_{name.upper().replace('-', '_')}": url for name, url in urls.items()}
    token = {"HOOK_DIR": str(own), "STATES_DIR": str(states), "SWITCH_TOKEN": _secret(base[RUN_VARIABLE])}
    return [_filled(word, words) for word in program.command], {**base, **named, **token}


def _words(place: SystemPlace, port: int, name: str) -> dict[str, str]:
    return {
        "{python}": sys.executable,
        "{bin}": str(Path(sys.executable).parent),
        "{port}": str(port),
        "{state}": str(place.state_dir.resolve() / name),
        "{template}": str(place.template.resolve()),
        "{system}": str(place.system_dir.resolve()),
    }


def _secret(run_token: str) -> str:
    """What the services of one run share and nobody else knows; the run's token itself is not told by it."""
    return hashlib.sha256(f"secret of {run_token}".encode()).hexdigest()


def _filled(text: str, words: Mapping[str, str]) -> str:
    """Fill in the known words only, so that other braces (JSON, a shell's) stay as they are."""
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def _contract(place: SystemPlace, addresses: Addresses, name: str) -> dict[str, str]:
    """The variables that docs/protocols/pipeline.md promises to a service."""
    edges = {
        f"EDGE_{edge.upper().replace('-', '_')}_URL": f"http://127.0.0.1:{port}"
        for edge, port in _own_edges(place, addresses, name).items()
    }
    own = {
        "PORT": str(addresses.services[name]),
        "STATE_DIR": str(place.state_dir.resolve() / name),
        "TEMPLATE_DIR": str(place.template.resolve()),
        "SERVICE": name,
    }
    return edges | own


def _own_edges(place: SystemPlace, addresses: Addresses, name: str) -> dict[str, int]:
    """Where the edges of service ``name`` enter the proxy."""
    return {edge: addresses.edges[edge] for edge, ends in edges_in(place).items() if ends.source == name}


def base_environment(place: SystemPlace, run_token: str) -> dict[str, str]:
    """The environment of the supervisor, upon which every service's is built."""
    ours = str(Path(__file__).resolve().parents[3])  # the folder that holds the package itself
    inherited = child_environment()
    folders = [str(Path(one).resolve()) for one in place.python_path.split(":") if one]
    search = ":".join(one for one in (*folders, ours, inherited.get("PYTHONPATH", "")) if one)
    return inherited | {"PYTHONPATH": search, RUN_VARIABLE: run_token}
