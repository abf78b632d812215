"""Wiring of a system on this machine: ports, environments, placeholders. Pure, but for the ports.

Comes in: a ``System`` and folders. Goes out: one ``Spec`` for the supervisor.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import Refused
from harness.experiment.model import Arm, RestartProfile, Service, System
from harness.shell import child_environment, fresh_seed
from harness.targets.local.spec import ServiceSpec, Spec

# Below Linux's ephemeral range (32768 on): a client that keeps connecting to a dead port inside it sooner
# or later draws that port as its own and talks to itself, and any outgoing connection may sit on it.
PORTS = range(20_000, 32_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a system runs. ``python_path``: folders that ``entry`` and ``preload`` modules are in."""

    system_dir: Path
    template_dir: Path
    state_dir: Path
    python_path: Sequence[Path] = ()
    run_token: str = ""


def free_ports(count: int) -> list[int]:
    """Draw ``count`` ports of ``PORTS`` that nobody listens on now; ``Refused`` if there are too few."""
    start = fresh_seed() % len(PORTS)
    found: list[int] = []
    for step in range(len(PORTS)):
        if len(found) == count:
            return found
        port = PORTS[(start + step) % len(PORTS)]
        if _is_free(port):
            found.append(port)
    raise Refused(f"no {count} free ports between {PORTS.start} and {PORTS.stop}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wire(
    system: System,
    place: Place,
    ports: Mapping[str, int],
    *,
    arm: Arm,
    restart_profile: RestartProfile,
    overrides: Mapping[str, float],
) -> Spec:
    """Build the supervisor's spec: every placeholder filled, every environment complete."""
    return Spec(
        state_dir=str(place.state_dir),
        profile=restart_profile,
        restart=arm != "bare",
        preload=system.preload,
        services=tuple(_service(system, place, ports, name) for name in system.services),
        overrides=dict(overrides),
    )


def _service(system: System, place: Place, ports: Mapping[str, int], name: str) -> ServiceSpec:
    service = system.services[name]
    words = _words(place, ports[name], name)
    return ServiceSpec(
        name=name,
        entry=service.entry,
        command=tuple(_filled(word, words) for word in service.command),
        env=_environment(system, place, ports, name) | _filled_env(service, words),
        port=ports[name],
        readiness=service.readiness,
        health=service.health,
        after=service.after,
        start_timeout_s=service.start_timeout_s,
    )


def _words(place: Place, port: int, name: str) -> dict[str, str]:
    return {
        "{python}": sys.executable,
        "{port}": str(port),
        "{state}": str(place.state_dir / name),
        "{template}": str(place.template_dir),
        "{system}": str(place.system_dir),
    }


def _filled(text: str, words: Mapping[str, str]) -> str:
    """Fill in the known words only, so that other braces (JSON, a shell's) stay as they are."""
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def _filled_env(service: Service, words: Mapping[str, str]) -> dict[str, str]:
    return {name: _filled(value, words) for name, value in service.env.items()}


def _environment(system: System, place: Place, ports: Mapping[str, int], name: str) -> dict[str, str]:
    edges = {
        f"EDGE_{edge.upper().replace('-', '_')}_URL": f"http://127.0.0.1:{ports[ends.to]}"
        for edge, ends in system.edges.items()
        if ends.source == name
    }
    return (
        platform_environment(place)
        | edges
        | {
            "PORT": str(ports[name]),
            "STATE_DIR": str(place.state_dir / name),
            "TEMPLATE_DIR": str(place.template_dir),
            "SERVICE": name,
        }
    )


def platform_environment(place: Place) -> dict[str, str]:
    """The environment of the supervisor, and the base of every service's."""
    ours = Path(__file__).resolve().parents[3]  # the folder that holds the package itself
    inherited = child_environment()
    folders = [str(path.resolve()) for path in (*place.python_path, ours)]
    folders += [inherited["PYTHONPATH"]] if inherited.get("PYTHONPATH") else []
    return inherited | {"PYTHONPATH": ":".join(folders), "HORMESIS_RUN": place.run_token}
