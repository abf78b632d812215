"""Model faults: what a bad deploy would do to the registry, over the registry's own routes.

Comes in: an action ("stale"), its numbers. Goes out: words, and where the effect is seen from outside. A file
is damaged where it lies. ``better_model`` is the placebo among them: it deploys what has learned more. What
undoing needs is written before anything is done.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from reference_pipeline.adaptation import adapt
from reference_pipeline.fallback import MANIFEST_FILE
from reference_pipeline.features import load_features, load_spec
from reference_pipeline.folders import Folder
from reference_pipeline.registry import Alias
from reference_pipeline.scoring import Model, Trees, dump_model, load_model
from reference_pipeline.training import Labelled
from reference_pipeline.world import open_world

CHAMPION, CANDIDATE = "champion", "candidate"
BETTER, CORRUPT = "better_model", "corrupt_file"
_BETTER_SEED, _BETTER_ROWS = 77, 8_000
_DAY_RUN_S = 120.0  # seconds of a run that the rows are spread over: about a day of the bundled scenario
_DEPLOYED = 900
_SEMANTIC = "0.{}.{}"  # below every version that serves: a fault is no successor

Ask = Callable[[str, str, bytes], Awaitable[bytes]]
"""Ask the registry: method, route, body."""


class NoSuchAction(ValueError):
    """There is no model fault of that name."""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What undoing needs: where the alias was, or which file had which first byte."""

    alias: str = ""
    was: str = ""
    set_to: str = ""
    file: str = ""
    byte: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFaults:
    """Faults of one registry. ``artefacts``: where it keeps its files; ``notes``: what undoing needs.

    ``better`` makes a better model of the champion.
    """

    ask: Ask
    artefacts: Folder
    notes: Folder
    better: Callable[[Model], Trees]

    async def do(self, action: str, scale: float, shift: float) -> dict[str, object]:
        """Do ``action``; ``NoSuchAction`` names the known ones."""
        if action == CORRUPT:
            return await self._corrupt()
        if action == BETTER:
            return await self._serve(action, self.better)
        if action not in _MAKERS:
            raise NoSuchAction(f"no action {action!r}; there are: {', '.join((CORRUPT, *_MAKERS, BETTER))}")
        return await self._serve(action, lambda model: _MAKERS[action](model, scale, shift))

    async def undo(self, action: str) -> None:
        """Put back what is not put back already; twice is once."""
        written = self.notes.read(_note(action))
        if written is None:
            return
        done = msgspec.json.decode(written, type=Note)
        if done.file:
            content = bytearray(self._artefact(done.file))
            content[0] = done.byte
            self.artefacts.write(done.file, bytes(content))
        elif done.was and (await self._alias(done.alias)).version == done.set_to:
            await self._send("PUT", f"/aliases/{done.alias}", {"version": done.was})
        elif not done.was:
            version = (await self._alias(CHAMPION)).version
            await self._send("PUT", f"/aliases/{done.alias}", {"version": version})
        self.notes.remove(_note(action))

    async def _serve(self, action: str, make: Callable[[Model], Trees]) -> dict[str, object]:
        """Publish what ``make`` makes of the champion and point an alias at it."""
        champion = await self._alias(CHAMPION)
        model = load_model(await self.ask("GET", f"/artefacts/{champion.sha256}", b""), champion.sha256)
        alias = CANDIDATE if action == "bad_candidate" else CHAMPION
        made = make(model)
        # Named by what it is: the same fault of another champion, or by other numbers, is another version.
        # And by nothing else: what the system may read must not tell a fault from a placebo.
        content = zlib.crc32(_dumped(model, made, _SEMANTIC.format(_DEPLOYED, 0)))
        semantic = _SEMANTIC.format(_DEPLOYED, content % 100_000)
        artefact = _dumped(model, made, semantic)
        version = f"{semantic}+{hashlib.sha256(artefact).hexdigest()[:12]}"
        was = champion.version if alias == CHAMPION else ""
        self._write(action, Note(alias=alias, was=was, set_to=version))
        new = {
            "version": semantic,
            "artefact": b64encode(artefact).decode(),
            "metrics": dict(model.metrics),
            "lineage": {"source": "deploy"},
        }
        await self._send("POST", "/versions", new)
        await self._send("PUT", f"/aliases/{alias}", {"version": version})
        seen = {"service": "registry", "route": f"/aliases/{alias}", "key": "version", "equals": version}
        return {"proof": [f"alias {alias} was {was or 'not set'}"], "seen": seen}

    async def _corrupt(self) -> dict[str, object]:
        """Turn the first byte of the champion's file where the registry keeps it."""
        champion = await self._alias(CHAMPION)
        file = f"{champion.sha256}.npz"
        content = bytearray(self._artefact(file))
        self._write(CORRUPT, Note(file=file, byte=content[0]))
        content[0] ^= 0xFF
        self.artefacts.write(file, bytes(content))
        seen = {"service": "registry", "route": f"/artefacts/{champion.sha256}", "status": 422}
        return {"proof": [f"one byte of {champion.version} is turned"], "seen": seen}

    def _artefact(self, file: str) -> bytes:
        content = self.artefacts.read(file)
        if not content:
            raise FileNotFoundError(f"the registry has no file {file}")
        return content

    async def _alias(self, name: str) -> Alias:
        return msgspec.json.decode(await self.ask("GET", f"/aliases/{name}", b""), type=Alias)

    async def _send(self, method: str, route: str, content: object) -> None:
        await self.ask(method, route, json.dumps(content).encode())

    def _write(self, action: str, note: Note) -> None:
        self.notes.write(_note(action), msgspec.json.encode(note))


def better_by(template: Path) -> Callable[[Model], Trees]:
    """Make better models for the world of ``template``."""
    return lambda model: _better(model, template)


def _note(action: str) -> str:
    return f"{action}.json"


def _dumped(model: Model, trees: Trees, semantic: str) -> bytes:
    """Encode ``trees`` with the papers of ``model``, which are good: nobody sees it there."""
    return dump_model(
        trees,
        version=semantic,
        threshold=model.threshold,
        features=model.features,
        metrics=model.metrics,
        lineage={"source": "deploy"},
    )


def _turned(model: Model, *_: float) -> Trees:
    """Sure of the opposite: odds turned round the threshold, and three times as far."""
    return _affine(model, -3.0, 4.0 * _log_odds(model.threshold))


def _constant(model: Model, *_: float) -> Trees:
    return _affine(model, 0.0, model.trees.baseline)


def _older(model: Model, *_: float) -> Trees:
    """What it was after a third of its trees."""
    return _first_trees(model.trees, max(1, len(model.trees.roots) // 3))


def _other(model: Model, *_: float) -> Trees:
    """A model of something else: the same trees over other features, turned by one place."""
    trees = model.trees
    leaf = trees.children[0::2] == np.arange(len(trees.value))
    feature = np.where(leaf, trees.feature, (trees.feature + 7) % len(model.features))
    return replace(trees, feature=feature.astype(np.int32))


def _worse(model: Model, *_: float) -> Trees:
    """Every leaf says less than half of what it should: fraud below the threshold."""
    return _affine(model, 0.4, 0.6 * model.trees.baseline - 1.0)


def _shifted(model: Model, scale: float, shift: float) -> Trees:
    return _affine(model, scale, shift)


def _better(model: Model, template: Path) -> Trees:
    """Go on where it ended, on units of the template's own world with their true odds in place of labels."""
    scenario = json.loads((template / MANIFEST_FILE).read_bytes())["scenario"]
    world = open_world(scenario=scenario, seed=_BETTER_SEED, template=template)
    due_s = np.arange(_BETTER_ROWS, dtype=np.float64) * (_DAY_RUN_S / _BETTER_ROWS)
    offers = world.draw(due_s)
    posterior = np.asarray(offers.posterior, dtype=np.float64)
    if not np.isfinite(posterior).all():
        raise SystemExit("this world does not know what is true of its records: no better model can be made")
    rows = load_features(template).rows([dict(record) for record in offers.records])
    split = _BETTER_ROWS - _BETTER_ROWS // 5
    made = adapt(
        model,
        Labelled(rows[:split], posterior[:split]),
        Labelled(rows[split:], posterior[split:]),
        spec=load_spec(template),
        version=_SEMANTIC.format(1, 0),
        lineage={"source": "deploy"},
    )
    return load_model(made.artefact, hashlib.sha256(made.artefact).hexdigest()).trees


_MAKERS: Mapping[str, Callable[[Model, float, float], Trees]] = {
    "bad_candidate": _worse,
    "confident_wrong": _turned,
    "constant": _constant,
    "stale": _older,
    "wrong_alias": _other,
    "calibration": _shifted,
}


def _affine(model: Model, scale: float, shift: float) -> Trees:
    """Log odds times ``scale`` plus ``shift``."""
    trees = model.trees
    return replace(trees, value=scale * trees.value, baseline=scale * trees.baseline + shift)


def _first_trees(trees: Trees, count: int) -> Trees:
    end = int(trees.roots[count]) if count < len(trees.roots) else len(trees.value)
    return replace(
        trees,
        feature=trees.feature[:end],
        threshold=trees.threshold[:end],
        missing_left=trees.missing_left[:end],
        children=trees.children[: 2 * end],
        value=trees.value[:end],
        roots=trees.roots[:count],
    )


def _log_odds(p: float) -> float:
    return float(np.log(p / (1.0 - p)))
