"""How to ask the same question again, what was not measured, and what the words mean."""

from __future__ import annotations

import shlex

from harness.episodes.acts import sees_acts
from harness.report.document import Document
from harness.report.harm import OF_THE_WORLD
from harness.report.lengths import given
from harness.report.words import ARMS, RESTARTS, arm_rank, inert
from harness.units import percent_text

PLANS_MAX = 12  # plan hashes printed; report.json has all of them


def command(document: Document) -> str:
    """Write the command that asks the same question again, safe to paste whatever the file is called."""
    asked = document.inputs
    parts = ["hormesis", "run", asked.experiment_file, "--target", asked.target, "--seed", f"{asked.seed}"]
    return " ".join(shlex.quote(inert(part)) for part in parts)


def changed_words(name: str) -> str:
    """Name a profile and what the file changed in it.

    >>> changed_words("demo+hold_s+tau_s"), changed_words("default")
    ('demo; changed: hold_s, tau_s', 'default')
    """
    base, *changed = name.split("+")
    return f"{base}; changed: {', '.join(changed)}" if changed else base


def parameters(document: Document) -> tuple[tuple[str, str], ...]:
    """List every knob of the measuring profile with its unit."""
    p = document.inputs.profile
    return (
        ("profile", changed_words(p.name)),
        ("witness", f"{p.rate_hz:g} units a second, deadline {given(p.deadline_s)}"),
        ("load", f"{p.load_batch} units every {given(p.load_every_s)}"),
        ("baseline", f"{p.baseline_units} units, margin {percent_text(p.margin_ratio)}"),
        (
            "window W",
            f"{given(p.window_s)}, at least {p.window_units} units, level {p.window_level_ratio:g}",
        ),
        ("hold H", given(p.hold_s)),
        ("τ (tau)", f"{given(p.tau_s)}; a fault that ends by itself: from its end"),
        ("wash-out, settle", f"{given(p.wash_out_s)}, {given(p.settle_s)}"),
        ("golden units", f"one in {p.golden_every}" if p.golden_every else "none"),
    )


def hashes(document: Document) -> tuple[tuple[str, str], ...]:
    """List what the figures depend on, by hash; at most ``PLANS_MAX`` plans and histories."""
    asked = document.inputs
    plans = tuple(("plan", digest) for digest in asked.plan_sha256[:PLANS_MAX])
    histories = tuple(("history", digest) for digest in asked.history_sha256[:PLANS_MAX] if digest)
    return (("experiment", asked.experiment_sha256), ("scenario", asked.scenario_sha256), *plans, *histories)


def not_measured(document: Document) -> tuple[str, ...]:
    """Say plainly what the page does not know; what is not observable is never a zero."""
    told = any(e.learned.detected_s is not None for r in document.runs for e in r.episodes)
    alarm = "only the healer's own words say it" if told else "no alarm was read"
    said = [f"When a fault was noticed: {alarm}. Acts and service are seen from outside, reasons are not."]
    if all(r.void for r in document.runs):
        said.append("Anything: no run counted.")
    if any(not r.audit_observable and not r.void for r in document.runs):
        said.append("Exactly once, where it says “not observable”: no ids are listed, or the run says why.")
    if any(not sees_acts(r) and not r.void for r in document.runs):
        said.append(
            "Acts, where it says “not observable” or “at least”: nobody looked, or an observer was blind."
        )
    classes = document.estimates.classes
    if any(c.served_p90.n < c.served_p90.needs_n for c in classes):
        said.append(
            "The p90 of a class that says “needs n / N”: with fewer episodes its interval has no end."
        )
    if not any(c.arm in ("bare", "none") for c in classes) or len({c.arm for c in classes}) < 2:
        said.append(
            "The gain of healing: no arm with less help was run, so there is nothing to compare with."
        )
    if any(c.fault.startswith(OF_THE_WORLD) and c.n and c.decisions is None for c in classes):
        said.append(
            "What a move of the world did to decisions: what is true of the records, or what decisions cost,"
            " is not told. Labels alone do not tell what nobody could have won back."
        )
    if not any(r.sham for r in document.runs):
        said.append("What a run without faults loses: no sham was run, so noise cannot be told from harm.")
    if not any(r.arm in ("reference", "seed", "oracle") for r in document.runs):
        said.append(
            "A healer: no arm with one was run. What came back, came back by itself or by the platform."
        )
    return tuple(said)


def arms_used(document: Document) -> tuple[tuple[str, str], ...]:
    """Explain the arms and restart profiles that occur."""
    arms = sorted({r.arm for r in document.runs} | {a.arm for a in document.estimates.arms}, key=arm_rank)
    profiles = sorted({r.restart_profile for r in document.runs})
    said = [(f"arm {a}", ARMS[a]) for a in arms if a in ARMS]
    said += [(f"profile {p}", RESTARTS[p]) for p in profiles if p in RESTARTS]
    return tuple(said)
