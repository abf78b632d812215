"""Edges and schema: is service back while the harm is there, in arm reference, and not in arm none?

Thirty repetitions of the experiments of ``EXPERIMENTS`` in arm reference, every third of them in arm none
as well, every fifth with its sham run, which tells what degraded answers were worth. Each repetition is
one row of ``results/healing.rows.jsonl`` with the commit it was measured at, so that a cut session goes on
where it stopped; the figures are made from all rows. Wanted: in ``BARS`` and in each experiment's words.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec
import numpy as np

from harness.episodes.model import Episode, RunFacts
from harness.estimates.shares import share
from harness.estimates.worth import Costs, worth
from harness.experiment.load import load_experiment
from harness.experiment.model import Experiment
from harness.history.events import FirstDue, Versions
from harness.history.model import History
from harness.history.observations import DEGRADED, Rows
from harness.history.store import read_campaign
from harness.plan.schedule import forecast_s, make_plans
from harness.report.compose import compose_campaign
from harness.run.campaign import run_campaign

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "experiments" / "standard"
ROWS = ROOT / "benchmarks" / "results" / "healing.rows.jsonl"
EXPERIMENTS = ("edges", "schema", "off-path", "witness-edge")

Row = dict[str, object]

NAME = "healing"
SEED = 40_01
REPETITIONS, NONE_EVERY, SHAM_EVERY = 30, 3, 5
SERVED_MIN, FULL_MIN = 29, 27
PRIOR = "fallback-prior"
COSTS = Costs(missed=20.0, declined_good=1.0)
WORTH_MIN_RATIO, DEGRADED_MAX_RATIO = 0.5, 0.001
IN_FULL = ("data.rename_field", "data.change_type")
OFF_THE_PATH, FOR_NO_ARM = "off-path", "witness-edge"


def _plans_forecast_s() -> float:
    one = sum(forecast_s(make_plans(_variant(name, 0, "reference"), SEED)) for name in EXPERIMENTS)
    return one / 2 * REPETITIONS * (1 + 1 / NONE_EVERY + 1 / SHAM_EVERY)


def _variant(name: str, repetition: int, arm: str) -> Experiment:
    """One repetition of one experiment in one arm; its sham run where this repetition has one."""
    sham = arm == "reference" and repetition % SHAM_EVERY == 0
    asked = load_experiment(FOLDER / f"{name}.yaml")
    return msgspec.structs.replace(asked, arms=(arm,), repetitions=1, sham=sham, objectives=())


FORECAST_S = _plans_forecast_s()


def run(full: bool) -> Row:
    """Measure what is missing, then compute all figures; ``full`` false: one repetition, stored nowhere."""
    if not full:
        rows = [row for name, arm in _arms(0) for row in _measure(name, 0, arm)]
        return _figures(rows)
    done = {(row["experiment"], row["repetition"], row["arm"]) for row in _stored()}
    for repetition in range(REPETITIONS):
        for name, arm in _arms(repetition):
            if (name, repetition, arm) not in done:
                _keep(_measure(name, repetition, arm))
    return _figures(list(_stored()))


def _arms(repetition: int) -> Iterator[tuple[str, str]]:
    for name in EXPERIMENTS:
        yield name, "reference"
        if repetition % NONE_EVERY == 0:
            yield name, "none"


def _measure(name: str, repetition: int, arm: str) -> list[Row]:
    """Run one repetition and give one row an episode, and one for the sham run."""
    experiment = _variant(name, repetition, arm)
    seed = SEED + repetition
    print(f"  {name}, repetition {repetition}, arm {arm}", flush=True)
    with tempfile.TemporaryDirectory(prefix="hormesis-bars-") as store:
        plans = make_plans(experiment, seed)
        folder = run_campaign(plans, experiment, store=Path(store), seed=seed, progress=_say)
        campaign = read_campaign(folder)
        document = compose_campaign(campaign)
    histories = {history.run_id: history for history in campaign.runs}
    sham = next((histories[run.run_id] for run in document.runs if run.sham), None)
    common: Row = {
        "experiment": name,
        "repetition": repetition,
        "arm": arm,
        "seed": seed,
        "commit": _commit(),
    }
    rows: list[Row] = []
    for one in document.runs:
        told = {**common, **_run_row(one)}
        if one.sham:
            rows.append(told)
        else:
            rows += [
                {**told, **_episode_row(e), **_worth_row(histories[one.run_id], sham, e)}
                for e in one.episodes
            ]
    return rows


def _worth_row(fault: History, sham: History | None, episode: Episode) -> Row:
    """What the degraded answers of one episode were worth, and how many of them the prior gave."""
    if sham is None:
        return {}
    rows = _while_hurt(fault, episode)
    degraded = rows[rows["outcome"] == DEGRADED]
    names = next((e.event.names for e in reversed(fault.entries) if isinstance(e.event, Versions)), ())
    prior = [number + 1 for number, name in enumerate(names) if name == PRIOR]
    return {
        "worth": msgspec.to_builtins(worth(rows, sham.rows, COSTS)),
        "prior_share": float(np.isin(degraded["version"], prior).mean()) if len(degraded) else None,
    }


def _while_hurt(history: History, episode: Episode) -> Rows:
    """Rows of the witness that were due while the fault was there."""
    first_s = next(e.event.at_s for e in history.entries if isinstance(e.event, FirstDue))
    from_s = first_s + episode.effective_s
    due = history.rows["due"]
    kept: Rows = history.rows[(due >= from_s) & (due < from_s + (episode.cleared_s or 0.0))]
    return kept


def _run_row(run: RunFacts) -> Row:
    return {
        "sham": run.sham,
        "void": run.void or run.unsafe,
        "exactly_once": run.exactly_once,
        "audit": run.audit_text,
        "acts": run.acts,
        "blind_s": run.blind_s,
        "units": run.units,
        "degraded": run.degraded_units,
        "history": run.history_sha256[:16],
    }


def _episode_row(episode: Episode) -> Row:
    return {
        "fault": episode.kind,
        "subject": episode.service,
        "episode_void": episode.void,
        "impact": episode.served.impact_s is not None,
        "held": episode.mitigated,
        "served_s": episode.served.recovered_s,
        "full_impact": episode.full.impact_s is not None,
        "full_held": episode.full_mitigated,
        "full_s": episode.full.recovered_s,
        "lasts_s": episode.lasts_s,
        "cleared_s": episode.cleared_s,
        "ended_by": episode.ended_by,
        "lost_s": episode.served.lost_s,
    }


def _figures(rows: list[Row]) -> Row:
    classes: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if not row["sham"]:
            classes[f"{row['fault']} {row['subject']}, {row['arm']}"].append(row)
    shams = [row for row in rows if row["sham"] and not row["void"]]
    told = {name: _class(of_class) for name, of_class in sorted(classes.items())}
    units = sum(int(str(row["units"])) for row in shams)
    degraded = sum(int(str(row["degraded"])) for row in shams)
    return {
        "commits": sorted({str(row["commit"]) for row in rows}),
        "classes": told,
        "sham": {
            "runs": len(shams),
            "acts": sum(int(str(row["acts"])) for row in shams),
            "degraded_ratio": degraded / units if units else None,
        },
        "bars": {
            **{f"{name}: {words}": met for name, one in told.items() for words, met in _met(name, one)},
            "exactly once in every run": all(row["exactly_once"] is True for row in rows if not row["void"]),
            "fault-free at most 0.1 % degraded": bool(units) and degraded <= DEGRADED_MAX_RATIO * units,
            "no act in a sham run": bool(shams) and all(row["acts"] == 0 for row in shams),
        },
    }


def _class(rows: list[Row]) -> Row:
    kept = [row for row in rows if not row["void"] and not row["episode_void"]]
    ratios = [_worth_ratio(row) for row in kept if _worth_ratio(row) is not None]
    return {
        "experiment": rows[0]["experiment"],
        "n": len(kept),
        "void": len(rows) - len(kept),
        "absorbed": sum(not row["impact"] for row in kept),
        "served_while_hurt": _counted(not row["impact"] or row["held"] is True for row in kept),
        "full_while_hurt": _counted(not row["full_impact"] or row["full_held"] is True for row in kept),
        "back_after": _counted(not row["impact"] or row["served_s"] is not None for row in kept),
        "exactly_once": sum(row["exactly_once"] is True for row in kept),
        "ended_by": _tally(str(row["ended_by"]) for row in kept),
        "served_s": _sorted(row["served_s"] for row in kept),
        "full_s": _sorted(row["full_s"] for row in kept),
        "worth_ratio": _sorted(ratios),
        "prior_share": _sorted(row.get("prior_share") for row in kept if row.get("prior_share") is not None),
    }


def _met(name: str, one: Mapping[str, object]) -> Iterator[tuple[str, bool]]:
    reference = name.endswith(", reference")
    held, n = int(str(one["served_while_hurt"]["k"])), int(str(one["n"]))  # type: ignore[index]
    back = int(str(one["back_after"]["k"]))  # type: ignore[index]
    if one["experiment"] == OFF_THE_PATH:
        yield "served absorbed", one["absorbed"] == n > 0
    elif one["experiment"] == FOR_NO_ARM:
        yield "no arm is credited", held == 0 < n
        yield "back within tau after the fault", back == n > 0
    elif reference:
        yield f"served while hurt in {SERVED_MIN} of {REPETITIONS}", held >= SERVED_MIN
    else:
        yield "not back before the fault ends", held == 0 < n
    if reference and name.startswith(IN_FULL):
        full = int(str(one["full_while_hurt"]["k"]))  # type: ignore[index]
        yield f"full while hurt in {FULL_MIN} of {REPETITIONS}", full >= FULL_MIN


def _worth_ratio(row: Mapping[str, object]) -> float | None:
    found = row.get("worth")
    ratio = found.get("ratio") if isinstance(found, dict) else None
    return float(ratio) if ratio is not None else None


def _counted(hits: Iterable[bool]) -> Row:
    seen = list(hits)
    found: Row = msgspec.to_builtins(share(sum(seen), len(seen)))
    return found


def _tally(words: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for word in words:
        counts[word] += 1
    return dict(sorted(counts.items()))


def _sorted(values: Iterable[object]) -> list[object]:
    seen = list(values)
    known = sorted(float(str(v)) for v in seen if v is not None)
    return [*(round(v, 3) for v in known), *[None] * (len(seen) - len(known))]


def _stored() -> Iterator[Row]:
    if ROWS.exists():
        for line in ROWS.read_text("utf-8").splitlines():
            yield json.loads(line)


def _keep(rows: list[Row]) -> None:
    """Append a repetition at once: a cut session leaves it whole or not at all (but for a torn line)."""
    with ROWS.open("a", encoding="utf-8") as file:
        file.write("".join(json.dumps(row) + "\n" for row in rows))


def _commit() -> str:
    words = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def _say(line: str) -> None:
    print("    " + line, flush=True)
