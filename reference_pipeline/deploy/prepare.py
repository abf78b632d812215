"""Build the template a run starts from: history, features, champion, registry, golden rows.

``python -m reference_pipeline.deploy.prepare --scenario-json FILE --seed N --out DIR``; FILE is one
flat JSON object of ``world_s_per_run_s`` and the knobs. DIR appears at once, whole, or not at all.
The same scenario, seed and code give the same files.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reference_pipeline import shell
from reference_pipeline.deploy.policies import FOLDER, SHIPPED, make_policies
from reference_pipeline.errors import BadScenario, BadSource, BadTemplate, PipelineError
from reference_pipeline.fallback import MANIFEST_FILE, save_weights
from reference_pipeline.fallback_training import fit_fallback
from reference_pipeline.features import save_features, transaction_spec
from reference_pipeline.healing.detectors.calendar import PHASES, instants
from reference_pipeline.healing.detectors.stored import (
    BATCH,
    CYCLES,
    Past,
    make_row_watch,
    save_row_watch,
)
from reference_pipeline.healing.detectors.watched import watched_of
from reference_pipeline.records import DAY_S, FeatureSpec
from reference_pipeline.registry import DiskRegistry
from reference_pipeline.scoring import Model, load_model
from reference_pipeline.training import Champion, Labelled, train_champion, transaction_sets
from reference_pipeline.world.frozen import save_frozen
from reference_pipeline.world.golden import GOLDEN_LEAST, Golden, choose_golden, save_golden
from reference_pipeline.world.knobs import ReplayKnobs, SimulatorKnobs, read_scenario
from reference_pipeline.world.moves import own_moves
from reference_pipeline.world.population import make_population, save_population
from reference_pipeline.world.replay import column_features, feature_rows, save_replay
from reference_pipeline.world.simulator import Dice, as_records, draw_columns, draw_history
from reference_pipeline.world.table import Table, read_table
from reference_pipeline.world.truth import clear_cases

FORMAT = "hormesis-template-1"
FIRST_VERSION = "1.0.0"
CHAMPION = "champion"
_GOLDEN_CANDIDATES = 20_000
_WATCH_DICE = 7
_WATCHED_ROWS = 70_000  # of a user's file
_WATCHED_DAYS = (
    14  # before the run: customers and their cards grow older, so what is longer ago is another law
)
_MORE = (
    "Bring more rows, above all positive ones; or lower train_share, so that more of them are replayed; "
    "or check that label_column and positive name what the other columns can tell"
)


def prepare(scenario: Mapping[str, object], *, seed: int, out: Path) -> Path:
    """Build the template of ``scenario`` at ``out``, which must not exist; return ``out``.

    Raises:
        BadScenario, BadSource: the scenario or the user's file is wrong, or makes a champion that is unfit;
            nothing is left behind.
        BadTemplate: ``out`` exists.
    """
    if out.exists():
        raise BadTemplate(f"{out} exists; remove it or name another folder")
    _, knobs = read_scenario(scenario)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f"{out.name}.tmp-{shell.process_id()}")
    partial.mkdir()
    try:
        if isinstance(knobs, SimulatorKnobs):
            champion = _from_simulator(knobs, seed, partial)
        else:
            champion = _from_replay(knobs, seed, partial)
        make_policies(partial / FOLDER, SHIPPED.read_bytes())
        _write_manifest(partial, scenario, seed=seed, champion=champion)
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 done, 1 the template could not be built, 2 the scenario is wrong."""
    parser = argparse.ArgumentParser(prog="python -m reference_pipeline.deploy.prepare")
    parser.add_argument("--scenario-json", type=Path, required=True, help="flat JSON object of knobs")
    parser.add_argument("--seed", type=int, required=True, help="seed of population and history")
    parser.add_argument("--out", type=Path, required=True, help="folder to build; must not exist")
    chosen = parser.parse_args(arguments)
    try:
        prepare(_read_json(chosen.scenario_json), seed=chosen.seed, out=chosen.out)
    except PipelineError as error:
        sys.stderr.write(f"prepare: {error}\n")
        return 1 if isinstance(error, BadTemplate) else 2
    return 0


def _from_simulator(knobs: SimulatorKnobs, seed: int, template: Path) -> Champion:
    own_moves(knobs)  # raises where the scenario makes a move that is none
    population = make_population(knobs, seed)
    columns, label = draw_history(population, knobs, seed)
    train, holdout, features = transaction_sets(
        columns,
        label,
        customer_xy=(population.customer_x, population.customer_y),
        terminal_xy=(population.terminal_x, population.terminal_y),
    )
    save_population(population, template)
    save_features(features, template)
    champion, model = _register(
        train,
        holdout,
        spec=transaction_spec(),
        template=template,
        lineage={"source": "simulator", "seed": str(seed)},
    )
    # The days after history: what the driver will offer when the run begins.
    begin_s = (knobs.history_days + np.arange(_GOLDEN_CANDIDATES) / _GOLDEN_CANDIDATES) * DAY_S
    rows = draw_columns(begin_s, population, knobs, Dice(seed, "golden"))
    approve, decline = clear_cases(rows, population, knobs, threshold=model.threshold)
    scores = model.score(features.rows_of(rows))
    try:
        chosen, decisions = choose_golden(
            approve=approve, decline=decline, scores=scores, threshold=model.threshold
        )
    except BadTemplate as error:
        raise BadScenario(f"{error}; raise history_rows, amount_risk or big_ticket_share") from error
    records = as_records({name: column[chosen] for name, column in rows.items()})
    save_golden(Golden(records=records, decisions=decisions), template)
    past_s = instants(knobs.history_days, days=_WATCHED_DAYS, cycles=CYCLES, rows=BATCH)
    past = features.rows_of(draw_columns(past_s, population, knobs, Dice(seed, "watch")))
    nulls = np.zeros((len(past), len(watched_of(features.spec).categories)), dtype=np.bool_)
    stored = Past(rows=past, nulls=nulls, period=PHASES, learned=False)
    _save_watch(stored, model, features.spec, seed=seed, template=template)
    return champion


def _from_replay(knobs: ReplayKnobs, seed: int, template: Path) -> Champion:
    table = read_table(knobs)
    _refuse_too_few(knobs, table.label[table.split :])
    features = column_features(table, knobs)
    rows = feature_rows(features, table)
    split = table.split
    save_features(features, template)
    save_replay(knobs, table, template)
    champion, model = _register(
        Labelled(rows[:split], table.label[:split]),
        Labelled(rows[split:], table.label[split:]),
        spec=features.spec,
        template=template,
        lineage={"source": Path(knobs.source).name, "source_sha256": table.sha256},
    )
    held = table.label[split:]
    scores = model.score(rows[split:])
    try:
        chosen, decisions = choose_golden(
            approve=held == 0, decline=held == 1, scores=scores, threshold=model.threshold
        )
    except BadTemplate as error:
        raise BadSource(f"{knobs.source}: {error}. {_MORE}") from error
    save_golden(Golden(records=table.records(chosen + split), decisions=decisions), template)
    _save_watch(_replay_past(table, rows, features.spec), model, features.spec, seed=seed, template=template)
    return champion


def _replay_past(table: Table, rows: NDArray[np.float64], spec: FeatureSpec) -> Past:
    """The newest rows of the training part; which cycle a user's rows have, nobody knows."""
    part = slice(max(0, table.split - _WATCHED_ROWS), table.split)
    at = {field.name: column for column, field in enumerate(table.fields)}
    names = [one.name for one in watched_of(spec).categories]
    nulls = [[value is None for value in table.columns[at[name]][part].tolist()] for name in names]
    whole = np.array(nulls, dtype=np.bool_).reshape(len(names), part.stop - part.start)
    return Past(rows=rows[part], nulls=whole.T, period=1, learned=True)


def _save_watch(past: Past, model: Model, spec: FeatureSpec, *, seed: int, template: Path) -> None:
    """Keep what rows and scores look like, or why it cannot be told."""
    dice = np.random.default_rng([seed, _WATCH_DICE])
    found = make_row_watch(past, model.score, spec=spec, version=model.version, dice=dice)
    save_row_watch(found, template, past=past)


def _refuse_too_few(knobs: ReplayKnobs, held: NDArray[np.int8]) -> None:
    """Say what no training can mend before any is done."""
    positive = int(held.sum())
    if min(positive, len(held) - positive) < GOLDEN_LEAST:
        raise BadSource(
            f"{knobs.source}: the later (replayed) part has {len(held)} rows, {positive} of them positive; "
            f"golden rows (sure to be decided rightly) need {GOLDEN_LEAST} of each class there. {_MORE}"
        )


def _register(
    train: Labelled, holdout: Labelled, *, spec: FeatureSpec, template: Path, lineage: Mapping[str, str]
) -> tuple[Champion, Model]:
    """Train, put the champion into ``template/registry`` under its alias, and load it back.

    The fallback is trained on the same rows and lies beside it; so does a copy of the champion that nobody
    changes.
    """
    champion = train_champion(train, holdout, spec=spec, version=FIRST_VERSION, lineage=lineage)
    save_weights(fit_fallback(train, spec), template)
    save_frozen(champion.artefact, template)
    registry = DiskRegistry(template / "registry")
    try:
        stored = registry.put(champion.artefact, FIRST_VERSION, champion.metrics, champion.lineage)
        registry.set_alias(CHAMPION, stored.version)
        return champion, load_model(registry.artefact(stored.sha256), stored.sha256)
    finally:
        registry.close()


def _write_manifest(template: Path, scenario: Mapping[str, object], *, seed: int, champion: Champion) -> None:
    files = sorted(path for path in template.rglob("*") if path.is_file())
    manifest = {
        "format": FORMAT,
        "scenario": dict(scenario),
        "seed": seed,
        "champion": {"metrics": dict(champion.metrics), "lineage": dict(champion.lineage)},
        "files": {str(path.relative_to(template)): _sha256(path) for path in files},
    }
    (template / MANIFEST_FILE).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read_json(path: Path) -> Mapping[str, object]:
    try:
        scenario = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BadScenario(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(scenario, dict):
        raise BadScenario(f"{path}: write one JSON object of world_s_per_run_s and the knobs")
    return scenario


if __name__ == "__main__":
    sys.exit(main())
