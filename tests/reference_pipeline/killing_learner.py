"""The learner killed at random points: each training is published once, with the bytes it has without a kill.

Real processes, registry and learner, SIGKILL. A client asks for trainings as the healer does: under their
keys, until they are over. Some kills leave a child that fits, stopped in the middle of its work until the
child of the next life waits for it; some come just when a result is there and not published yet.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reference_pipeline.errors import BadArtefact
from reference_pipeline.examples import Example, Examples, Label, as_bytes
from reference_pipeline.features import load_spec
from reference_pipeline.fitting import run_job
from reference_pipeline.folders import DiskFolder
from reference_pipeline.jobs import ARTEFACT_FILE, RESULT_FILE, Job, Kind, write_job
from reference_pipeline.learner_service import LOGS
from reference_pipeline.registry import DiskRegistry, copy_registry
from reference_pipeline.scoring import load_model
from reference_pipeline.stores import SqliteStore
from reference_pipeline.trainings import PUBLISHED_FILE
from tests.reference_pipeline.killing import Seen
from tests.reference_pipeline.running import Pipeline

KEYS: Mapping[str, Kind] = {"first": "adapt", "second": "recalibrate"}
KILLS_A_ROUND = 6  # then a round may end
PAUSE_S = (0.1, 1.8)  # a learner serves after half a second; a training takes it one or two more
ANY_TIME, NEAR_THE_END, WITHIN_A_FIT = "any time", "just after a result", "within a fit"
SHARES = (4, 3, 3)
A_MOMENT_S = (0.0, 0.03)  # from a result until it is published, or after a fit has begun
_LOOK_S, _AT_MOST_S, _OVER_S = 0.01, 3.0, 90.0


@dataclass
class LearnerSeen(Seen):
    """``in_flight``: a child was alive, or a result not published.

    ``unpublished``: the latter. ``held``: children that the next life had to wait for. ``rounds``: fresh
    registries and learners.
    """

    rounds: int = 0
    held: int = 0
    unpublished: int = 0


class _Client(threading.Thread):
    """Begins each training, in their order, and asks for them in turn until all are over."""

    def __init__(self, pipeline: Pipeline, keys: Mapping[str, Kind]) -> None:
        super().__init__(daemon=True)
        self.told: dict[str, set[str]] = defaultdict(set)  # key -> what it was told: a version, or why not
        self._pipeline, self._keys = pipeline, keys
        self._no_more = threading.Event()

    def run(self) -> None:
        for key in self._keys:
            while not self._asked(key) and not self._no_more.wait(_LOOK_S):
                pass
        while len(self.told) < len(self._keys) and not self._no_more.wait(_LOOK_S):
            for key in self._keys:
                self._asked(key)

    def give_up(self) -> None:
        self._no_more.set()
        self.join(30)

    def _asked(self, key: str) -> bool:
        """Ask once; False without an answer."""
        body = {"kind": self._keys[key], "after": 0}
        answer = self._pipeline.put("learner", f"/trainings/{key}", body)
        if answer.status != 200:
            return False
        if answer.json["state"] != "waiting":
            self.told[key].add(answer.json["version"] or answer.json["why"])
        return True


def kill_learner(
    folder: Path, template: Path, *, kills: int, seed: int, rows: int = 4000, keys: Mapping[str, Kind] = KEYS
) -> LearnerSeen:
    """Kill the learner ``kills`` times while trainings on ``rows`` labelled rows are asked for.

    A round begins with a registry of one version and ends when each of ``keys`` is over.
    """
    whole = _whole(folder / "whole", template, rows=rows, keys=keys)
    seen, dice = LearnerSeen(), random.Random(seed)
    while seen.kills < kills:
        pipeline = Pipeline(folder / f"round-{seen.rounds}", template)
        _fill(pipeline.folder / "learner", template, rows)
        _round(pipeline, whole, seen, dice=dice, most=min(KILLS_A_ROUND, kills - seen.kills), keys=keys)
        seen.rounds += 1
    return seen


def _round(
    pipeline: Pipeline,
    whole: Mapping[str, str],
    seen: LearnerSeen,
    *,
    dice: random.Random,
    most: int,
    keys: Mapping[str, Kind],
) -> None:
    client = _Client(pipeline, keys)
    try:
        pipeline.launch("learner")
        pipeline.start("registry")
        client.start()
        for _ in range(most):
            how = _let_it_live(pipeline, client, dice)
            if not client.is_alive():
                break
            _kill(pipeline, client, seen, hold=how == WITHIN_A_FIT)
            seen.wrong += _not_loadable(pipeline)
        client.join(_OVER_S)
        seen.wrong += _wrong(pipeline, client, whole)
    finally:
        client.give_up()
        pipeline.stop()


def _let_it_live(pipeline: Pipeline, client: _Client, dice: random.Random) -> str:
    """Wait until it is to be killed, and say how that was drawn."""
    how = dice.choices((ANY_TIME, NEAR_THE_END, WITHIN_A_FIT), SHARES)[0]
    if how == ANY_TIME:
        client.join(dice.uniform(*PAUSE_S))
        return how
    before = len(_files(pipeline, RESULT_FILE))
    if how == NEAR_THE_END:
        _comes(lambda: len(_files(pipeline, RESULT_FILE)) > before, client)
    else:
        _comes(lambda: any(map(_fits, _children(pipeline))), client)
    client.join(dice.uniform(*A_MOMENT_S))
    return how


def _kill(pipeline: Pipeline, client: _Client, seen: LearnerSeen, *, hold: bool) -> None:
    """Kill the learner and start it again; with ``hold`` its child stays in the way for a while."""
    children = _children(pipeline)
    for child in children if hold else ():
        _tell(child, signal.SIGSTOP)
    pipeline.kill("learner")
    unpublished = bool(_files(pipeline, RESULT_FILE) - _files(pipeline, PUBLISHED_FILE))
    seen.kills += 1
    seen.in_flight += bool(children) or unpublished
    seen.unpublished += unpublished
    try:
        pipeline.launch("learner")
        if hold and children:
            seen.held += _comes(lambda: any(map(_waits, _children(pipeline))), client)
    finally:
        for child in children:
            _tell(child, signal.SIGCONT)


def _wrong(pipeline: Pipeline, client: _Client, whole: Mapping[str, str]) -> list[str]:
    """What is not as it has to be once all is over, in words."""
    versions = pipeline.get("registry", "/versions").json
    wrong = _not_loadable(pipeline)
    for key, sha256 in whole.items():
        mine = [one for one in versions if one["lineage"].get("key") == key]
        if [one["sha256"] for one in mine] != [sha256]:
            wrong.append(f"{key}: {[one['version'] for one in mine]}, and not one with {sha256[:12]}")
        if client.told[key] != {one["version"] for one in mine}:
            wrong.append(f"{key}: its client was told {client.told[key] or 'nothing'}")
    if len(versions) != 1 + len(whole):
        wrong.append(f"{len(versions)} versions of {len(whole)} trainings")
    for file in pipeline.folder.glob(f"learner/trainings/*/{ARTEFACT_FILE}"):
        if hashlib.sha256(file.read_bytes()).hexdigest() != whole[file.parent.name]:
            wrong.append(f"{file.parent.name}: the artefact in its folder is another one")
    return wrong


def _not_loadable(pipeline: Pipeline) -> list[str]:
    """Versions that the registry lists and that are half."""
    wrong = []
    for one in pipeline.get("registry", "/versions").json:
        try:
            load_model(pipeline.get("registry", f"/artefacts/{one['sha256']}").body, one["sha256"])
        except BadArtefact as error:
            wrong.append(f"{one['version']} cannot be loaded: {error}")
    return wrong


def _fill(folder: Path, template: Path, rows: int) -> None:
    """Give the learner that will live in ``folder`` its labelled rows, as an earlier life left them."""
    width, dice = len(load_spec(template).features), np.random.default_rng(1)
    values = dice.normal(size=(rows, width))
    label = (values[:, 0] > 0.5) & (dice.random(rows) < 0.8)
    folder.mkdir(parents=True)
    with closing(SqliteStore(folder / "store.db", LOGS)) as store:
        examples = Examples(store, width)
        examples.take(
            {str(n): Example(as_bytes(row), False, 0.1, "1.0.0", False) for n, row in enumerate(values)}, rows
        )
        examples.label([Label(str(n), int(one)) for n, one in enumerate(label)])


def _whole(folder: Path, template: Path, *, rows: int, keys: Mapping[str, Kind]) -> dict[str, str]:
    """Fit each key here and now, where nobody kills: key -> SHA-256 of its artefact."""
    _fill(folder / "learner", template, rows)
    copy_registry(template / "registry", folder / "registry")
    spec, whole = load_spec(template), {}
    with (
        closing(DiskRegistry(folder / "registry")) as registry,
        closing(SqliteStore(folder / "learner" / "store.db", LOGS)) as store,
    ):
        champion = registry.alias("champion")
        examples = Examples(store, len(spec.features))
        examples.recover()
        window = examples.newest(rows)
        for number, (key, kind) in enumerate(keys.items(), start=1):
            job = Job(
                key=key,
                kind=kind,
                parent=champion.version,
                parent_sha256=champion.sha256,
                version=f"1.{number}.0",
                after=0,
                last=window.last,
                spec=spec,
            )
            parent = registry.artefact(champion.sha256)
            made = DiskFolder(folder / key)
            write_job(made, job, parent, rows=window.rows, label=window.label)
            whole[key] = run_job(made, cpu_s=lambda: 0.0, go_on=lambda: None).sha256
    return whole


def _files(pipeline: Pipeline, name: str) -> set[str]:
    """The keys whose folder has that file."""
    return {file.parent.name for file in pipeline.folder.glob(f"learner/trainings/*/{name}")}


def _children(pipeline: Pipeline) -> list[int]:
    """The processes that the learner has started and that live."""
    found, learner = [], pipeline.processes["learner"].pid
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == learner and state != "Z":
                found.append(int(stat.parent.name))
    return found


def _fits(pid: int) -> bool:
    """Tell whether it has the lock of its job."""
    return any("->" not in row for row in _locks(pid))


def _waits(pid: int) -> bool:
    """Tell whether it waits for the lock of its job."""
    return any("->" in row for row in _locks(pid))


def _locks(pid: int) -> list[list[str]]:
    """The kernel lists locks by process; who waits for one is listed with an arrow."""
    rows = [line.split() for line in Path("/proc/locks").read_text("ascii").splitlines()]
    return [row for row in rows if "FLOCK" in row and str(pid) in row]


def _tell(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _comes(look: Callable[[], bool], client: _Client) -> bool:
    """Look until it is so, for as long as the client asks, and some seconds at most."""
    end_s = time.monotonic() + _AT_MOST_S
    while not (so := look()) and client.is_alive() and time.monotonic() < end_s:
        client.join(_LOOK_S)
    return so
