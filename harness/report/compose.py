"""From a campaign's folder to its ``Document``: every figure is computed here from the histories.

In: the folder. Out: ``Document``, and its bytes. The same folder anywhere gives the same bytes: no
clock, no path of this machine, floats rounded where they are made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from harness.episodes.acts import NO_HEALER
from harness.episodes.baseline import BAD_RATIO_MAX, bad_ratio_allowed
from harness.episodes.error_rates import WORSE_MARGINS, error_rates
from harness.episodes.facts import facts
from harness.episodes.log import RunLog, read_log
from harness.episodes.model import RunFacts
from harness.episodes.trust import send_lag_ms_max
from harness.estimates.estimate import counted, estimate
from harness.estimates.score import scores
from harness.estimates.shares import lower_bound, upper_bound
from harness.experiment.model import Profile
from harness.experiment.places import kind_of
from harness.history.model import Campaign, CampaignFile, History
from harness.history.observations import WITNESS
from harness.history.store import read_campaign, run_number
from harness.plan.safety import SIMULATION
from harness.report.depends import depends_check
from harness.report.document import Check, Document, Inputs
from harness.report.labels import profile_label
from harness.report.past import Past
from harness.report.words import inert_json
from harness.units import percent_text
from harness.verdict.judge import judge

PAIRED = "Runs of a pair share seed, units and due instants"
FALSE_IMPACTS = "False impacts: outages seen in sham episodes, where nothing was done"
RESETS = {
    "by command": "proven by the system's own command, the same output as at first",
    "by itself": "with a state of its own, new and from one template",
    "": "not proven",
}
NUMBERED = "Runs that were begun are there, by their numbers"
DAMNING = (PAIRED, FALSE_IMPACTS, NUMBERED)
"""Checks that no verdict survives: what they find was made by the instrument, the machine or a hand."""

FALSE_REOPEN_MAX = 0.02
FALSE_ACCEPT_MAX = 0.01
FALSE_IMPACT_MAX = 0.05
OFFSET_S_MAX = 1e-6


def compose(folder: Path) -> Document:
    """Read the campaign in ``folder`` and compute all that is shown of it.

    Raises UsageProblem where ``folder`` is no campaign; a damaged run makes the verdict VOID instead. What
    the store held before, as it was kept beside the runs, is shown as it was kept; damaged, it is no check.
    """
    campaign = read_campaign(folder)
    document = compose_campaign(campaign)
    try:
        past = None if campaign.past is None else msgspec.json.decode(campaign.past, type=Past)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        unread = Check(text="What the store held before can be read", value="past.json is damaged", ok=False)
        return msgspec.structs.replace(document, trust=(*document.trust, unread))
    return msgspec.structs.replace(document, past=past)


def compose_campaign(campaign: Campaign) -> Document:
    """Compute the document of a campaign that was read already."""
    file = campaign.file
    limit = bad_ratio_allowed(file.objectives)
    numbered = _numbered_check(campaign.runs)
    repeated = _repeated(campaign.runs)
    again = {history.run_id for history in repeated}
    campaign = Campaign(file, tuple(h for h in campaign.runs if h.run_id not in again))
    runs = tuple(facts(history, bad_ratio_max=limit) for history in campaign.runs)
    estimates = estimate(runs, file.profile)
    trust = (*_trust(campaign, runs), depends_check(estimates))
    doubts = doubts_of((numbered, *trust))
    verdict = judge(
        estimates,
        runs,
        file.objectives,
        campaign_id=file.id,
        planned_runs=file.planned_runs,
        doubts=doubts,
        repeated=len(repeated),
    )
    return Document(
        campaign=file.id,
        inputs=_inputs(file, campaign.runs),
        verdict=verdict,
        estimates=estimates,
        trust=(*trust, numbered, _repeat_check(len(repeated), len(runs))),
        runs=runs,
        repeated=tuple(facts(history, bad_ratio_max=limit) for history in repeated),
        scores=scores(runs, file.profile, file.score, planned_runs=file.planned_runs, doubts=doubts),
    )


def _numbered_check(histories: Sequence[History]) -> Check:
    """Whether runs that were begun are there: they are numbered from 1, those done again as well."""
    found = (run_number(history.run_id) for history in histories)
    numbers = sorted(number for number in found if number is not None)
    if numbers == list(range(1, len(numbers) + 1)):
        return Check(text=NUMBERED, value=f"{len(numbers)} of {len(numbers)}", ok=bool(numbers))
    gaps = sorted(set(range(1, numbers[-1] + 1)) - set(numbers))
    value = f"missing or doubled among those numbered 1 to {numbers[-1]}: {gaps or numbers}"
    return Check(text=NUMBERED, value=value, ok=False)


def doubts_of(trust: Sequence[Check]) -> list[str]:
    """What the instrument found against itself; where nothing was looked at (no sham), there is none."""
    failed = [check for check in trust if check.text in DAMNING and not check.ok]
    return [f"{check.text}: {check.value}" for check in failed if not check.value.startswith("0 of 0")]


def _repeated(histories: Sequence[History]) -> list[History]:
    """Runs that were done again: whole, baseline not met, nothing injected, same plan once more later.

    Only the runner's own word, recorded before any harm was planned to be done, makes a run one of
    these; whatever happened after an injection stays and counts.
    """
    found = []
    for place, history in enumerate(histories):
        log = read_log(history.entries)
        unmet = log.baseline is not None and bool(log.baseline.why)
        again = any(later.plan.sha256 == history.plan.sha256 for later in histories[place + 1 :])
        if not history.cut and unmet and again and not (log.injected or log.without_effect or log.not_clean):
            found.append(history)
    return found


def _repeat_check(repeated: int, kept: int) -> Check:
    return Check(
        text="Runs done again, their baseline not met and nothing injected",
        value=f"{repeated} beside {kept} kept",
        ok=0 < kept >= repeated,
    )


def encode(document: Document) -> bytes:
    """``report.json``: fields in the order of the types, keys of maps sorted, one space a level.

    Control and direction characters of hostile names are escaped; their values read back the same.
    """
    plain = msgspec.json.format(msgspec.json.encode(document, order="deterministic"), indent=1) + b"\n"
    return inert_json(plain)


def decode(data: bytes) -> Document:
    """Read ``report.json``; raises msgspec.ValidationError for what is none."""
    return msgspec.json.decode(data, type=Document)


def _inputs(file: CampaignFile, histories: Sequence[History]) -> Inputs:
    return Inputs(
        title=file.title,
        system=file.system,
        target=file.target,
        seed=file.seed,
        profile=file.profile,
        experiment_file=file.experiment_file,
        experiment_sha256=file.experiment_sha256,
        scenario_sha256=file.scenario_sha256,
        harness_version=file.harness_version,
        machine=file.machine,
        started_utc=file.started_utc,
        plan_sha256=tuple(history.plan.sha256 for history in histories),
        code_sha256=file.code_sha256,
        scenario=file.scenario,
        history_sha256=tuple(history.sha256 for history in histories),
    )


def _trust(campaign: Campaign, runs: Sequence[RunFacts]) -> Iterator[Check]:
    """The lines of "Can these numbers be trusted?"; what was not looked at is not ok."""
    logs = [read_log(history.entries) for history in campaign.runs]
    void = sum(bool(run.void) or not run.complete for run in runs)
    planned = campaign.file.planned_runs
    yield Check(
        text="Runs recorded whole and counted",
        value=f"{len(runs) - void} of {planned}",
        ok=void == 0 and len(runs) == planned > 0,
    )
    yield from _fault_checks(campaign.runs, logs)
    yield _baseline_check(runs)
    yield from _witness_checks(runs, send_lag_ms_max(campaign.file.profile))
    yield from _load_checks(campaign.runs, logs)
    yield _pairing_check(campaign.runs, logs)
    yield _sham_check(runs)
    yield _audit_check(runs, logs)
    yield from _observers_check(campaign.runs, logs)
    yield _reset_check(campaign, logs)
    yield _rates_check(campaign.file.profile)


def _fault_checks(histories: Sequence[History], logs: Sequence[RunLog]) -> Iterator[Check]:
    hurt = [(history, log) for history, log in zip(histories, logs, strict=True) if not history.plan.sham]
    planned = sum(len(history.plan.episodes) for history, _ in hurt)
    injected = [(log, event) for _, log in hurt for event in log.injected.values()]
    proven = sum(bool(event.proof) for _, event in injected)
    clean = sum(event.episode in log.clean for log, event in injected)
    yield Check(
        text="Every fault was proven effective, from outside the injector",
        value=f"{proven} of {planned}",
        ok=proven == planned > 0,
    )
    yield Check(
        text="Every fault was proven gone, by a look of its own",
        value=f"{clean} of {len(injected)}",
        ok=clean == len(injected) > 0,
    )


def _baseline_check(runs: Sequence[RunFacts]) -> Check:
    shares = [run.baseline_bad / run.baseline_units for run in runs if run.baseline_units]
    worst = max(shares, default=None)
    return Check(
        text="Bad units before the first fault, in the worst run",
        value=f"{percent_text(worst, 2)} in {len(shares)} runs",
        ok=worst is not None and worst <= BAD_RATIO_MAX and len(shares) == len(runs),
    )


def _witness_checks(runs: Sequence[RunFacts], most_ms: float) -> Iterator[Check]:
    lags = [run.send_lag_p99_ms for run in runs if run.send_lag_p99_ms is not None]
    worst = max(lags, default=None)
    yield Check(
        text="The witness sent on time: p99 of its lag, in the worst run",
        value="not measured" if worst is None else f"{worst:.1f} ms (allowed {most_ms:.0f} ms)",
        ok=worst is not None and worst <= most_ms and len(lags) == len(runs),
    )
    # A stall that is long enough to hide something makes its run void; short ones are only told.
    stalls = sum(run.stalls for run in runs)
    yield Check(text="Stalls of the witness", value=f"{stalls} in {len(runs)} runs", ok=bool(runs))


def _load_checks(histories: Sequence[History], logs: Sequence[RunLog]) -> Iterator[Check]:
    """What Locust did, where a scenario asks for load; a run of which nothing is known counts as none."""
    loaded = [
        log.background
        for history, log in zip(histories, logs, strict=True)
        if history.plan.background is not msgspec.UNSET
    ]
    if not loaded:
        return
    told = [load for load in loaded if load is not None]
    requests, failed = sum(load.requests for load in told), sum(load.failed for load in told)
    least = min((load.requests for load in told), default=0)
    seen = f"{requests} requests in {len(told)} runs, at least {least} in each; {failed} failed"
    missing = len(loaded) - len(told)
    unknown = f"not known of {missing} of {len(loaded)} runs"
    yield Check(
        text="Background load, by Locust, not measured with",
        value="; ".join([*([seen] if told else []), *([unknown] if missing else [])]),
        ok=least > 0 and not missing,
    )


def _pairing_check(histories: Sequence[History], logs: Sequence[RunLog]) -> Check:
    """Whether runs of one pair offered the same units at the same offsets, by the rows themselves."""
    pairs: dict[int, list[int]] = {}
    for number, history in enumerate(histories):
        pairs.setdefault(history.plan.pair, []).append(number)
    alike = sum(_alike([(histories[i], logs[i]) for i in numbers]) for numbers in pairs.values())
    return Check(
        text=PAIRED,
        value=f"{alike} of {len(pairs)} pairs",
        ok=alike == len(pairs) > 0,
    )


def _alike(runs: Sequence[tuple[History, RunLog]]) -> bool:
    first, first_log = runs[0]
    offsets = _offsets(first, first_log)
    for history, log in runs[1:]:
        other = _offsets(history, log)
        same = history.plan.seed == first.plan.seed and other.shape == offsets.shape
        if not same or not np.allclose(other, offsets, rtol=0, atol=OFFSET_S_MAX):
            return False
    return bool(offsets.size)


def _offsets(history: History, log: RunLog) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(unit, due - first due) of the witness's rows in order of unit; shape (n, 2)."""
    rows = history.rows[history.rows["stream"] == WITNESS]
    rows = rows[np.argsort(rows["unit"], kind="stable")]
    first_s = log.first_due_s or 0.0
    return np.column_stack([rows["unit"].astype(np.float64), rows["due"] - first_s])


def _sham_check(runs: Sequence[RunFacts]) -> Check:
    if runs and not any(
        run.sham for run in runs
    ):  # nobody asked for one: a limit of the experiment, no fault of it
        return Check(text=FALSE_IMPACTS, value="not measured: no run without faults", ok=True, weak=True)
    seen = [e.served.impact_s is not None for r in runs if r.sham for e in r.episodes if counted(r, e)]
    alarms, n = sum(seen), len(seen)
    upper = f", at most {percent_text(upper_bound(alarms, n))} (95 %)" if n else ""
    return Check(
        text=FALSE_IMPACTS,
        value=f"{alarms} of {n}{upper}",
        ok=n > 0 and lower_bound(alarms, n) <= FALSE_IMPACT_MAX,
    )


def _audit_check(runs: Sequence[RunFacts], logs: Sequence[RunLog]) -> Check:
    held = sum(run.exactly_once is True for run in runs)
    void = sum(run.exactly_once is None and bool(run.void) for run in runs)
    blind = sum(run.exactly_once is None for run in runs) - void
    # Where the system lists no ids that is a limit; a claim of it is judged elsewhere.
    unlisted = bool(logs) and all(log.audited and not log.audited.observable for log in logs) and not void
    told = [f"; {count} {why}" for count, why in ((blind, "not observable"), (void, "void")) if count]
    return Check(
        text="Every accepted transaction ended exactly once",
        value="".join([f"{held} of {len(runs)} runs", *told]),
        ok=unlisted or held == len(runs) > 0,
        weak=unlisted,
    )


def _reset_check(campaign: Campaign, logs: Sequence[RunLog]) -> Check:
    """Whether each run is known to have begun from the same state; not known is a limit, and told."""
    simulated = campaign.file.target == SIMULATION
    ways = Counter("by itself" if simulated else log.reset.proven if log.reset else "" for log in logs)
    told = [f"{count} {RESETS[way]}" for way, count in sorted(ways.items(), reverse=True)]
    return Check(
        text="Each run began from the same state",
        value=", ".join(told) if told else "no run",
        ok=bool(logs),
        weak=ways[""] > 0,
    )


def _observers_check(histories: Sequence[History], logs: Sequence[RunLog]) -> Iterator[Check]:
    """Whether each declared observer has seen anything; without a healer its routes may not be there."""
    looks: dict[str, int] = {}
    for history, log in zip(histories, logs, strict=True):
        for one in log.looked:
            if history.plan.arm not in NO_HEALER or kind_of(one.observer):
                looks[one.observer] = looks.get(one.observer, 0) + one.looks
    never = [observer for observer, count in looks.items() if not count]
    if looks:
        yield Check(
            text="Declared observers that saw anything",
            value="; ".join(
                [f"{len(looks) - len(never)} of {len(looks)}", *(f"never {one}" for one in never)]
            ),
            ok=not never,
        )


def _rates_check(profile: Profile) -> Check:
    reopened, accepted = error_rates(profile)
    worse = f"{percent_text(WORSE_MARGINS * profile.margin_ratio, 0)} more bad units"
    return Check(
        text=f"Errors of the recovery test under profile {profile_label(profile.name)}, simulated",
        value=f"{percent_text(reopened)} of ends missed; {percent_text(accepted)} accepted with {worse}",
        ok=reopened <= FALSE_REOPEN_MAX,
        weak=accepted > FALSE_ACCEPT_MAX,
    )
