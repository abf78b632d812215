"""The pipeline as a simulated world opens it: its services and its hooks over one template.

Comes in: the folder that ``prepare`` made. Goes out: what a life of each process runs. ``simulation:`` of the
system file names :func:`open_simulation`.
"""

from __future__ import annotations

import functools
import importlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from reference_pipeline.deploy.policies import FOLDER, GitPolicies
from reference_pipeline.deploy.simulation.disks import Disk, SimulatedFolder
from reference_pipeline.deploy.simulation.memo import MemoFeatures, begin_world, load_once
from reference_pipeline.deploy.simulation.service import Host, Shared, Wiring, serve
from reference_pipeline.deploy.template import Template
from reference_pipeline.deploy.wiring import wire
from reference_pipeline.errors import BadRecord
from reference_pipeline.features import Features
from reference_pipeline.healing.policy import PolicySource
from reference_pipeline.model_faults import ModelFaults, better_by
from reference_pipeline.records import Record
from reference_pipeline.scoring import Model, Trees
from reference_pipeline.wire import NotUnderstood, decoded

_ASK_S = 5.0
_BLOCK = 2000


class _Records(msgspec.Struct):
    records: list[Record]


_RECORDS = msgspec.json.Decoder(_Records)
LIBRARIES = ("scipy.stats", "sklearn.ensemble", "sklearn.tree", "threadpoolctl")
"""What arms and fits import when they first need it. A world imports nothing: the first one of a process
would read files and the clock, and the others would not."""


class HookHost(Host, Protocol):
    """A host that may reach into the disks of others."""

    def disk_of(self, name: str) -> Disk:
        """The disk of another host."""
        ...


class Rejected(Exception):
    """The registry said no."""


@dataclass(frozen=True)
class SimulatedPipeline:
    """All that worlds of one template share."""

    shared: Shared
    wiring: Wiring = wire

    async def serve(self, host: Host) -> None:
        """Run the service that ``host`` is named after."""
        await serve(host, self.shared, self.wiring)

    async def hook(self, host: HookHost, words: tuple[str, ...]) -> bytes:
        """Do or undo a model fault; see ``reference_pipeline.deploy.model_fault``."""
        verb, action, scale, shift = words

        async def ask(method: str, route: str, body: bytes) -> bytes:
            status, content, _ = await host.call("registry", f"{method} {route}", body, _ASK_S)
            if status >= 400:
                raise Rejected(f"{method} {route}: status {status}: {content[:300]!r}")
            return content

        faults = ModelFaults(
            ask=ask,
            artefacts=SimulatedFolder(host.disk_of("registry"), "artefacts"),
            notes=SimulatedFolder(host.disk, "notes"),
            better=self.better,
        )
        if verb == "undo":
            await faults.undo(action)
            return b"{}"
        return json.dumps(await faults.do(action, float(scale), float(shift))).encode()

    def foresee(self, bodies: Sequence[bytes]) -> None:
        """Compute features and scores of all that will be posted at once; what is not foreseen comes then."""
        records = [record for body in bodies for record in _posted(body)]
        template = self.shared.template
        if records:
            begin_world(template.features, records[0], template.champion[1])
        for begin in range(0, len(records), _BLOCK):
            try:
                rows = template.features.rows(records[begin : begin + _BLOCK])
            except BadRecord:
                continue  # a fault makes it so, and the service says it
            template.load(*template.champion).score(rows)

    def better(self, model: Model) -> Trees:
        """Make a better model, once for each that it is made of."""
        if model.version not in _BETTER:
            _BETTER[model.version] = better_by(self.shared.template.folder)(model)
        return _BETTER[model.version]


def _posted(body: bytes) -> Sequence[Record]:
    try:
        return decoded(_RECORDS, body).records
    except NotUnderstood:
        return ()


_BETTER: dict[str, Trees] = {}
"""By version, which holds the hash of the model's content: the same for every world."""


@functools.cache
def open_simulation(template: Path) -> SimulatedPipeline:
    """Open the pipeline; what its worlds share is read now, once a process."""
    for library in LIBRARIES:
        importlib.import_module(library)
    with tempfile.TemporaryDirectory(prefix="hormesis-template-") as scratch:
        read = _Kept(template, Path(scratch))
        # Its registry is read here and not in a world: no world opens a database, and the copy goes.
        _ = (read.champion, read.versions, read.aliases, read.features, read.golden, read.watch)
        return SimulatedPipeline(Shared(read, _Read(GitPolicies(template / FOLDER))))


class _Kept(Template):
    """A template whose large rows are read once, too, and whose numbers are computed once."""

    @functools.cached_property
    def features(self) -> Features:
        """See ``Template``."""
        return MemoFeatures(super().features)

    def load(self, data: bytes, sha256: str) -> Model:
        """See ``Template``."""
        return load_once(data, sha256)

    def stored_rows(self) -> NDArray[np.float32] | None:
        """See ``Template``."""
        return self._stored

    @functools.cached_property
    def _stored(self) -> NDArray[np.float32] | None:
        return super().stored_rows()


class _Read:
    """A policy's repository, read once."""

    def __init__(self, source: PolicySource) -> None:
        self._head, self._commits = source.head(), tuple(source.commits())

    def head(self) -> str:
        """See ``PolicySource``."""
        return self._head

    def commits(self) -> Iterator[tuple[str, bytes]]:
        """See ``PolicySource``."""
        return iter(self._commits)
