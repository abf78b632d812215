"""The registry and a training killed at random points, again and again: what is left is whole, or not there.

Real processes, SIGKILL. Each function gives what it saw; tests and bars say how often.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http.client import HTTPException
from pathlib import Path

from reference_pipeline.checkpoints import newest_checkpoint
from reference_pipeline.errors import BadArtefact
from reference_pipeline.folders import DiskFolder
from reference_pipeline.jobs import Result, read_result
from reference_pipeline.scoring import Model, dump_model, load_model
from tests.reference_pipeline.running import Answer, Pipeline

ALIAS = "champion"
PAUSE_S = (0.0, 0.15)
FIT_PAUSE_S = (0.7, 2.3)  # a child imports for half a second or more, and then fits for two


@dataclass
class Seen:
    """``kills``; ``in_flight``: of them while a request was on its way, or a fit had begun.

    ``compared``: moves of an alias by compare and set. ``wrong``: what was left half, lost though
    acknowledged, refused, or not loadable; in words.
    """

    kills: int = 0
    in_flight: int = 0
    compared: int = 0
    wrong: list[str] = field(default_factory=list)


class _Client(threading.Thread):
    """Publishes versions and points an alias at each, one after the other, until it gets no answer.

    Every other move is a compare and set: only from ``at``, where the alias was when it was last seen.
    """

    def __init__(self, pipeline: Pipeline, model: Model, first: int, *, at: str) -> None:
        super().__init__(daemon=True)
        self.pipeline, self.model, self.number, self.at = pipeline, model, first, at
        self.published: list[str] = []
        self.pointed: list[str] = []  # as asked for; all but perhaps the last were acknowledged
        self.moved = 0  # acknowledged ones among them
        self.compared = 0  # moves that were asked for by compare and set
        self.refused: list[str] = []  # answers that no request here should have
        self.asking = False

    def run(self) -> None:
        while self._published() and self._pointed():
            pass

    def _published(self) -> bool:
        self.number += 1
        semantic = f"9.{self.number}.0"
        artefact = dump_model(
            replace(self.model.trees, baseline=self.model.trees.baseline + self.number * 1e-9),
            version=semantic,
            threshold=self.model.threshold,
            features=self.model.features,
            metrics={},
            lineage={},
        )
        new = {
            "version": semantic,
            "artefact": b64encode(artefact).decode(),
            "metrics": {},
            "lineage": {},
        }
        if not self._done(lambda: self.pipeline.post("registry", "/versions", new)):
            return False
        self.published.append(f"{semantic}+{hashlib.sha256(artefact).hexdigest()[:12]}")
        return True

    def _pointed(self) -> bool:
        version = self.published[-1]
        self.pointed.append(version)
        body = {"version": version}
        if self.number % 2:
            body["was"] = self.at
            self.compared += 1
        done = self._done(lambda: self.pipeline.put("registry", f"/aliases/{ALIAS}", body))
        self.moved += done
        self.at = version if done else self.at
        return done

    def _done(self, ask: Callable[[], Answer]) -> bool:
        self.asking = True
        try:
            answer = ask()
        except HTTPException:
            return False  # it died while it answered
        finally:
            self.asking = False
        if answer.status not in (0, 200):
            self.refused.append(f"status {answer.status}: {answer.body[:200]!r}")
        return answer.status == 200


def kill_registry(folder: Path, template: Path, *, kills: int, seed: int) -> Seen:
    """Kill the registry ``kills`` times while versions are put there and an alias moves."""
    seen, dice = Seen(), random.Random(seed)
    pipeline = Pipeline(folder, template)
    try:
        pipeline.start("registry")
        sha256 = pipeline.get("registry", f"/aliases/{ALIAS}").json["sha256"]
        model = load_model(pipeline.get("registry", f"/artefacts/{sha256}").body, sha256)
        at, last = 0, pipeline.get("registry", f"/aliases/{ALIAS}").json["version"]
        for _ in range(kills):
            client = _Client(pipeline, model, at, at=last)
            client.start()
            client.join(dice.uniform(*PAUSE_S))
            seen.in_flight += client.asking
            pipeline.kill("registry")
            client.join(30)
            seen.kills += 1
            pipeline.start("registry")
            at = client.number
            seen.compared += client.compared
            last = _look(pipeline, client, last, seen.wrong)
    finally:
        pipeline.stop()
    return seen


def _look(pipeline: Pipeline, client: _Client, last: str, wrong: list[str]) -> str:
    """Look at what the registry has now; give the version that the alias is at."""
    listed = {one["version"]: one["sha256"] for one in pipeline.get("registry", "/versions").json}
    wrong += client.refused
    wrong += [f"{one} was acknowledged and is gone" for one in client.published if one not in listed]
    now = str(pipeline.get("registry", f"/aliases/{ALIAS}").json["version"])
    acknowledged = client.pointed[client.moved - 1] if client.moved else last
    if now not in (acknowledged, *client.pointed[client.moved :]):
        wrong.append(f"the alias is at {now}, and {acknowledged} was acknowledged")
    newest = [*client.published[-1:], *list(listed)[-2:]]
    for version in {now, *newest, *list(listed)[-2:]} & listed.keys():
        try:
            load_model(pipeline.get("registry", f"/artefacts/{listed[version]}").body, listed[version])
        except BadArtefact as error:
            wrong.append(f"{version} cannot be loaded: {error}")
    return now


def kill_training(job: DiskFolder, whole: Result, *, kills: int, seed: int) -> Seen:
    """Kill the child that fits ``job`` at random, until it has ended by itself or ``kills`` are used up.

    ``whole``: what the same job gives when nobody is killed. The last child is let finish.
    """
    seen, dice = Seen(), random.Random(seed)
    command = [sys.executable, "-m", "reference_pipeline.deploy.train", str(job.path), str(os.getpid())]
    while seen.kills < kills and read_result(job) is None:
        before = newest_checkpoint(job)
        child = subprocess.Popen(command)
        try:
            if seen.kills:
                child.wait(dice.uniform(*FIT_PAUSE_S))
            else:
                _until_it_fits(child, job)  # one is hit, however quick the others are
                child.wait(0.0)
            if read_result(job) is None:
                seen.wrong.append(f"it ended with {child.returncode} and without a result")
                break
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait(10)
            seen.kills += 1
            done = newest_checkpoint(job)
            seen.in_flight += done is not None and (before is None or done.data != before.data)
            if done is not None:
                _loadable(done.data, seen.wrong)
    if read_result(job) is None:
        subprocess.run(command, check=False, timeout=120)
    result = read_result(job)
    if result is None or result.sha256 != whole.sha256:
        seen.wrong.append(f"it ended with {result and result.sha256[:12]}, not with {whole.sha256[:12]}")
    return seen


def _until_it_fits(child: subprocess.Popen[bytes], job: Path) -> None:
    """Wait until the child has left its first checkpoint, or has ended."""
    while newest_checkpoint(job) is None and child.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(0.005)


def _loadable(data: bytes, wrong: list[str]) -> None:
    try:
        load_model(data, hashlib.sha256(data).hexdigest())
    except BadArtefact as error:
        wrong.append(f"a checkpoint cannot be loaded: {error}")
