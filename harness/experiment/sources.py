"""What an experiment points at: the system file and the scenario file, each checked by itself.

Comes in: paths. Goes out: ``System``, ``Scenario``, or a ``UsageProblem`` that names *their* file
and line. The bundled system is found by where its package lies; it is never imported.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path as FilePath

from harness.errors import Problem, UsageProblem
from harness.experiment.activities import check_service
from harness.experiment.archetypes import check_archetype
from harness.experiment.decode import decode
from harness.experiment.excerpt import quoted
from harness.experiment.findings import Findings, Path, advice
from harness.experiment.model import RUNNING, TCP, Scenario, Service, Source, System
from harness.experiment.observing import check_observe
from harness.experiment.reset import check_reset
from harness.experiment.workloads import check_pointer, check_workload
from harness.experiment.yaml import Parsed, read_file

_EDGE_WORD = re.compile(r"\{edge:([^}]*)\}")
BUNDLED_PACKAGE = "reference_pipeline"
SYSTEM_FILE = "hormesis.yaml"
_SECRET = re.compile(r"(^|_)(PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_KEY|CREDENTIALS?)$", re.IGNORECASE)
WITNESS = "driver"  # the source of the edge on which units are offered


def bundled_system() -> FilePath | None:
    """Find the system file of the bundled pipeline without importing it; None if not installed."""
    spec = find_spec(BUNDLED_PACKAGE)
    places = [] if spec is None else list(spec.submodule_search_locations or ())
    return next((file for place in places if (file := FilePath(place) / SYSTEM_FILE).is_file()), None)


def read_system(path: FilePath, problems: list[Problem]) -> System | None:
    """Read and check a system file; notes what is wrong in ``problems`` and gives None then."""
    parsed = _parsed(path, problems)
    if parsed is None:
        return None
    system = decode(System, parsed.data, (), parsed.findings)
    if system is not None:
        _check_system(system, parsed.findings)
        check_archetype(system, parsed.findings)
        check_workload(system, path.parent, parsed.findings)
    problems.extend(parsed.findings.problems)
    return None if parsed.findings.problems else system


def read_scenario(path: FilePath, problems: list[Problem]) -> tuple[Scenario, Source | None] | None:
    """Read a scenario file and hash the user's file that its knob ``source`` names, if any.

    ``source`` counts from the scenario's folder. Notes what is wrong in ``problems``, None then.
    """
    parsed = _parsed(path, problems)
    if parsed is None:
        return None
    scenario = decode(Scenario, parsed.data, (), parsed.findings)
    named = None if scenario is None else scenario.knobs.get("source")
    source = None if named is None else _source(path.parent / str(named), parsed.findings)
    problems.extend(parsed.findings.problems)
    return None if parsed.findings.problems or scenario is None else (scenario, source)


def source_of(folder: FilePath, name: str) -> Source | None:
    """Hash the user's file ``name``; None without a name. OSError or ValueError where it cannot be read."""
    if not name:
        return None
    path = folder / name
    if path.exists() and not path.is_file():
        raise OSError(0, "it is not a regular file")  # a fifo or a device would never end
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Source(path=str(path.resolve()), sha256=digest)


def _source(path: FilePath, findings: Findings) -> Source | None:
    try:
        return source_of(path.parent, path.name)
    except (OSError, ValueError) as error:
        findings.add(
            "HRM101",
            f"the file of 'source' cannot be read: {quoted(path)}",
            ("knobs", "source"),
            label="not readable",
            why=str(getattr(error, "strerror", None) or error),
            help="paths count from the scenario's folder; check the path",
        )
        return None


def _parsed(path: FilePath, problems: list[Problem]) -> Parsed | None:
    try:
        return read_file(path, str(path))
    except UsageProblem as problem:
        problems.extend(problem.problems)
        return None


def _check_secrets(system: System, findings: Findings) -> None:
    """Note secrets that stand in the file, and variables that are set twice."""
    given: list[tuple[Path, dict[str, str]]] = [
        *((("services", name, "env"), one.env) for name, one in system.services.items()),
        *((("arms", name, "env"), one.env) for name, one in system.arms.items()),
    ]
    for path, variables in given:
        for key, value in variables.items():
            if _SECRET.search(key) and value and "{secret}" not in value:
                findings.add(
                    "HRM320",
                    f"{quoted(key)} looks like a secret, and its value stands in the file",
                    (*path, key),
                    label="a secret?",
                    why="whoever reads the file has it, and its logs are kept as they are",
                    help=f"name its place: 'secrets: {{{key}: env:{key}}}' of the service; no value",
                )
    for name, service in system.services.items():
        for key in service.secrets.keys() & service.env.keys():
            findings.add(
                "HRM224", f"{quoted(key)} is set twice", ("services", name, "secrets", key), help="remove one"
            )


def _check_system(system: System, findings: Findings) -> None:
    _check_secrets(system, findings)
    names = system.services.keys()
    for name, service in system.services.items():
        here: Path = ("services", name)
        if bool(service.command) == bool(service.entry):
            findings.add(
                "HRM301",
                f"service {quoted(name)} needs either 'command' or 'entry'",
                here,
                key=True,
                why="it has both" if service.command else "it has neither",
                help="command: any program; entry: module:function, forked from a warm process",
            )
        _check_looks(service, here, findings)
        _check_words(name, service, system, findings)
        for n, other in enumerate(service.after):
            check_service(other, (*here, "after", n), names, findings, code="HRM302")
    _check_edges(system, findings)
    check_service(system.workload.service, ("workload", "service"), names, findings, code="HRM302")
    for arm, switch in system.arms.items():
        for n, other in enumerate(switch.services):
            check_service(other, ("arms", arm, "services", n), names, findings, code="HRM302")
    for listing, path in _listings(system):
        _check_listing(listing, path, system.services, findings)
    check_observe(system, findings)
    check_reset(system.reset, findings)
    _check_truth(system, findings)
    _check_order(system.services, findings)


def _check_looks(service: Service, here: Path, findings: Findings) -> None:
    """Note what is no route and no ``tcp``, and a loop that nothing could be found below."""
    for key, route in (("readiness", service.readiness), ("health", service.health)):
        if route and route not in (TCP, RUNNING) and not route.startswith("/"):
            findings.add(
                "HRM204",
                f"{quoted(key)} is no route: {quoted(route)}",
                (*here, key),
                help="write a route that answers 200, tcp (the port accepts) or running (it has no port)",
            )
    if service.worker and not service.command:
        findings.add(
            "HRM301",
            "'worker' needs a 'command'",
            (*here, "worker"),
            why="it is looked for below a loop of yours, which is a program",
            help="write 'command:' with the program that restarts it",
        )


def _check_truth(system: System, findings: Findings) -> None:
    """Note a truth that goes to another service than labels: one edge carries both."""
    places = {listing.partition(":")[0] for listing in (system.labels, system.truth) if listing}
    if len(places) > 1:
        findings.add(
            "HRM204",
            f"{quoted(system.truth)} is another service than that of 'labels'",
            ("truth",),
            why="labels and truth go over one edge",
            help=f"write {system.labels.partition(':')[0]}:/route",
        )


def _check_edges(system: System, findings: Findings) -> None:
    """Note edges between unknown services (HRM302), and what is named like the witness (HRM305)."""
    if WITNESS in system.services:
        _taken(WITNESS, ("services", WITNESS), findings)
    for name, edge in system.edges.items():
        if name in (system.witness_edge, system.label_edge):
            _taken(name, ("edges", name), findings)
        if edge.source == WITNESS:
            _taken(WITNESS, ("edges", name, "source"), findings, key=False)
        else:
            check_service(edge.source, ("edges", name, "source"), system.services, findings, code="HRM302")
        check_service(edge.to, ("edges", name, "to"), system.services, findings, code="HRM302")


def _check_words(name: str, service: Service, system: System, findings: Findings) -> None:
    """Note ``{edge:NAME}`` that is no edge of this service: it would stand there unfilled."""
    own = [edge for edge, ends in system.edges.items() if ends.source == name]
    texts: list[tuple[str, Path]] = [(text, ("command", n)) for n, text in enumerate(service.command)]
    texts += [(text, ("env", key)) for key, text in service.env.items()]
    for text, place in texts:
        for edge in _EDGE_WORD.findall(text):
            if edge not in own:
                message = f"{quoted(edge)} is no edge of service {quoted(name)}"
                findings.add("HRM228", message, ("services", name, *place), help=advice(edge, own))


def _taken(name: str, path: Path, findings: Findings, *, key: bool = True) -> None:
    findings.add(
        "HRM305",
        f"the name {quoted(name)} is taken",
        path,
        key=key,
        label="reserved",
        why=f"{quoted(WITNESS)} is the witness; its edge to the workload's service is there by itself",
        help="use another name; faults may name the witness's edge without its being listed",
    )


def _listings(system: System) -> Iterator[tuple[str, Path]]:
    """Give every ``service:/route`` of the system file with its path."""
    for key in ("accepted", "sink", "dead_letters"):
        yield str(getattr(system.audit, key)), ("audit", key)
    for key in ("acts", "aliases"):
        routes: tuple[str, ...] = getattr(system.observe, key)
        yield from ((route, ("observe", key, n)) for n, route in enumerate(routes))
    yield system.observe.journal, ("observe", "journal")
    yield system.labels, ("labels",)
    yield system.truth, ("truth",)


def _check_listing(listing: str, path: Path, services: Mapping[str, Service], findings: Findings) -> None:
    if not listing:
        return
    service, colon, route = listing.partition(":")
    if not colon or not route.startswith("/"):
        findings.add(
            "HRM204",
            f"{quoted(listing)} is no service:/route",
            path,
            help="write e.g. gateway:/audit/accepted",
        )
        return
    if path[:2] == ("observe", "aliases") and "#" in route:
        check_pointer(route.partition("#")[2], path, findings)
    check_service(service, path, services, findings, code="HRM302")


def _check_order(services: Mapping[str, Service], findings: Findings) -> None:
    """Note services that wait for each other (HRM304): take away what can start until nothing can."""
    left = {name: {other for other in one.after if other in services} for name, one in services.items()}
    while ready := [name for name, waits in left.items() if not waits]:
        left = {name: waits.difference(ready) for name, waits in left.items() if name not in ready}
    for name in left:
        findings.add(
            "HRM304",
            f"service {quoted(name)} waits for itself",
            ("services", name, "after"),
            why=f"these wait for each other: {', '.join(sorted(left))}",
            help="remove one 'after'",
        )
