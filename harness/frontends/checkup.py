"""What can be measured here and of this system, and what is lost where it cannot; a look only.

Comes in: a system, a store. Goes out: ``Check`` values: ok, limited (something is not observable or less
exact) or missing (a run would be refused), with what is lost and how to mend it.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from harness.errors import Refused
from harness.experiment.model import Pointed, System
from harness.experiment.places import root_of
from harness.frontends.operators import operator_limits
from harness.frontends.world import look_at_world
from harness.observers.fetch import Unseen
from harness.observers.outside import Roots, Source, Words, journal_of, source_of
from harness.plan.safety import LOCAL
from harness.run.consent import Item, items_of, missing
from harness.run.modules import python_path, refuse_if_shared
from harness.run.resetting import starts_anew
from harness.run.scratch import MEMORY, ROOM_BYTES_MIN, scratch_root
from harness.run.secrets import read_secrets

CORES = 2
EXTRAS = {
    "pipeline": (("uvicorn", "sklearn"), "the bundled pipeline and its demo do not run"),
    "nats": (("nats",), "records of a stream cannot be offered"),
    "dask": (("distributed",), "campaigns stay on this machine"),
    "testing": (("hypothesis",), "no strategies for tests of your own"),
    "mlflow": (("mlflow",), "no campaign is logged to a tracking store"),
    "load": (("locust",), "a scenario with background load is refused"),
}


TOLD: Mapping[Pointed, tuple[str, str]] = {
    "version": ("answers tell which version gave them", "which model served, and when another did"),
    "degraded": ("answers tell that they are degraded", "the difference: degraded ones count as full"),
    "score": ("answers tell a score", "whether answers became more or less sure"),
}


@dataclass(frozen=True, slots=True)
class Check:
    """One line. ``lost`` and ``mend`` are "" where all is well."""

    what: str
    state: Literal["ok", "limited", "missing"] = "ok"
    lost: str = ""
    mend: str = ""


def machine_checks(store: Path, target: str, needs: Collection[str] = ()) -> Iterator[Check]:
    """Look at this machine and at the store; ``needs``: extras without which no run may begin."""
    yield _tried("processes can be held by pidfd", _hold_ourselves, "Linux 5.3 or later")
    yield _tried("a port of loopback can be bound", _bind_loopback, "a network namespace with lo up")
    cores = len(os.sched_getaffinity(0))
    if cores >= CORES:
        yield Check(f"{cores} cores")
    else:
        lost = "driver and system share one: a stalled witness voids runs"
        yield Check(f"{cores} core", "limited", lost, f"give it {CORES}")
    yield _state()
    yield _store(store, target)
    for extra, (modules, lost) in EXTRAS.items():
        if all(find_spec(module) for module in modules):
            yield Check(f"extra {extra}")
        else:
            state: Literal["missing", "limited"] = "missing" if extra in needs else "limited"
            yield Check(f"extra {extra}", state, lost, f"pip install 'hormesis[{extra}]'")


def system_checks(system: System) -> Iterator[Check]:
    """Look at what the system file says can be hit and seen; pure."""
    workload, observe, audit = system.workload, system.observe, system.audit
    lands = workload.table is not None
    reached = {name for edge in system.all_edges.values() for name in (edge.source, edge.to)}
    for name in sorted(set(system.services) - reached):
        what, lost = f"{name} calls or is called through the proxy", "no network fault reaches it"
        yield Check(what, "limited", lost, "list its calls under edges:")
    for pointer, (what, lost) in TOLD.items() if not lands else ():
        mend = f"workload.{pointer}: where it stands in the answer"
        yield _seen(bool(workload.pointer(pointer)), what, lost, mend)
    yield _seen(
        bool(workload.check or system.world or lands),
        "results are compared with those of a twin" if lands else "golden units",
        "whether decisions are right: any valid answer is good",
        "workload.check: a file of units with their right decisions",
    )
    yield _seen(
        workload.archetype == "stream" or lands or bool(audit.accepted and audit.sink),
        "an audit of what became of each record",
        "exactly once",
        "audit.accepted and audit.sink: routes that list ids",
    )
    healers = sorted(set(system.arms) - {"none", "bare"})
    yield _seen(
        bool(healers), "an arm with a healer", "what healing gains: nobody is switched on or off", "arms:"
    )
    if healers:
        yield _seen(
            bool(observe.acts or observe.aliases or observe.places),
            "acts of the healer are seen from outside",
            "false heals, but for restarts by the platform",
            "observe.acts, aliases, sqlite, files, git or mlflow",
        )
        lost, mend = "when it noticed, and why it acted", "observe.journal, journal_file or journal_url"
        journal = observe.journal or observe.journal_file or observe.journal_url
        yield _seen(bool(journal), "a journal of the healer", lost, mend)
    yield _seen(
        system.reset is not None or starts_anew(system),
        "reset proven: each run begins from the same state",
        "whether runs are independent: reset not proven, one may begin with what another has left",
        "reset: {do, prove}, or keep all state below {state}, named in each command or env",
    )
    yield _seen(
        system.simulation is not None,
        "it runs on a virtual clock",
        "campaigns, search, the gate",
        "nothing: only what answers requests runs there" if lands else "simulation.opens: what opens it",
    )


def refusal_checks(system: System, file: Path) -> Iterator[Check]:
    """Look whether anything of this system refuses a run on this machine before it begins."""
    yield _allowed("modules may be imported beside the system", lambda: refuse_if_shared(file.parent))
    yield _allowed("the operator file", lambda: operator_limits(LOCAL, file))
    if any(service.secrets for service in system.services.values()):
        yield _allowed("secrets of the services", lambda: read_secrets(system, file.parent))
    for name, service in system.services.items():
        program = service.command[0] if service.command and "PATH" not in service.env else ""
        if program and "{" not in program and "/" not in program and shutil.which(program) is None:
            lost = f"{name} cannot be started: {program} is not found on PATH"
            yield Check(f"the program of {name}", "missing", lost, "install it, or write its whole path")
        for place in _not_there(service.command, file.parent):
            lost = f"{name} cannot be started if it reads {place}, which does not exist"
            what = f"files that the command of {name} names"
            yield Check(what, "limited", lost, "mend its name, or add it")
    items = items_of(system, file.parent, python_path(file.parent))
    if items:
        yield _consented(items, file)


def _not_there(command: Sequence[str], folder: Path) -> Iterator[Path]:
    """Files beside the system file that a command names and that do not exist."""
    for word in command:
        rest = word.removeprefix("{system}/")
        if rest != word and "{" not in rest and not (folder / rest).exists():
            yield folder / rest


def _consented(items: Sequence[Item], file: Path) -> Check:
    what = f"consent to {', '.join(item.place for item in items)}"
    try:
        lacks = missing(items, file)
    except Refused as error:
        return Check(what, "missing", "no run may begin", str(error))
    mend = f"hormesis consent {file}, and --give once you have looked at it"
    return Check(what, "missing", "no run may begin", mend) if lacks else Check(what)


def _allowed(what: str, look: Callable[[], object]) -> Check:
    try:
        look()
    except Refused as error:
        return Check(what, "missing", "no run may begin", str(error))
    return Check(what)


def observer_checks(system: System, folder: Path) -> Iterator[Check]:
    """Look once at each place outside of the services that can be there while nothing runs."""
    roots = Roots(service=system.workload.service, system=folder, state=folder, template=folder)
    observe = system.observe
    sources: list[Source | Words] = [source_of(place, roots) for place in observe.places]
    if words := journal_of(observe, roots):
        sources.append(words)
    for address, source in zip(observe.outside, sources, strict=True):
        yield _looked_at(address, source)


def _looked_at(address: str, source: Source | Words) -> Check:
    what = f"observer {address}"
    if root_of(address.partition(" ")[2])[0] in ("{state}", "{template}"):
        mend = "after a run its report names each observer that never saw anything"
        return Check(what, "limited", "it is known only while the system runs", mend)
    try:
        found = source.look()
    except Unseen as unseen:
        found, why = None, str(unseen)
    else:
        why = "nothing stands there"
    if found is not None:
        return Check(what)
    mend = "mend the path or the address, or start what keeps it, where that runs outside of the system"
    return Check(what, "limited", f"acts there, as it stands now ({why})", mend)


def _seen(there: bool, what: str, lost: str, mend: str) -> Check:
    return Check(what) if there else Check(what, "limited", lost, mend)


def _tried(what: str, attempt: Callable[[], None], mend: str) -> Check:
    try:
        attempt()
    except (OSError, AttributeError) as error:
        return Check(what, "missing", f"nothing runs here ({error})".lower(), mend)
    return Check(what)


def _hold_ourselves() -> None:
    os.close(os.pidfd_open(os.getpid()))


def _bind_loopback() -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))


def _state() -> Check:
    try:
        root = scratch_root()
    except Refused as error:
        return Check("a place for states", "missing", "nothing runs here", str(error))
    if root == MEMORY:
        return Check("states lie in memory")
    room = f"{ROOM_BYTES_MIN >> 20} MiB free in {MEMORY}"
    return Check(f"states lie in {root}", "limited", "slower starts than in memory", room)


def _store(store: Path, target: str) -> Check:
    what = f"store {store}: not halted, not in use, nothing left to undo"
    try:
        look_at_world(store, target)
    except Refused as error:
        return Check(what, "missing", "no run may begin", str(error))
    place = next(one for one in (store, *store.absolute().parents) if one.exists())
    if not (place.is_dir() and os.access(place, os.W_OK)):
        return Check(what, "missing", f"{place} is no folder to write into", "--store DIR, or HORMESIS_STORE")
    return Check(what)
