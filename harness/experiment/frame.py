"""The keys of an experiment file around its activities: which there may be, and what each may say.

Comes in: the file's plain data. Goes out: findings. What Chaos Toolkit would do and a run here does not is
refused, never ignored; what it ignores itself (contributions, tags, extensions) is checked as it checks it.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.experiment.asked import ASKED
from harness.experiment.configuration import CONFIGURATION
from harness.experiment.decode import check_keys
from harness.experiment.excerpt import quoted
from harness.experiment.findings import Findings, Path, near

TOP_KEYS = (
    "title",
    "description",
    "method",
    "steady-state-hypothesis",
    "rollbacks",
    "tags",
    CONFIGURATION,
    "contributions",
    "runtime",
    "extensions",
    "version",
    ASKED,
)
STRATEGIES: Mapping[str, tuple[str, ...]] = {"rollbacks": ("default", "always"), "hypothesis": ("default",)}
"""``runtime.<part>.strategy``: what says no other thing than a run here does."""
_NOT_RUN: Mapping[str, tuple[str, str]] = {
    "controls": ("controls are code, and no code of yours is imported", "remove it"),
    "secrets": ("secrets never reach a plan or a history", "remove it; local systems need none"),
    "dry": ("it would inject nothing", "remove it; sham runs are 'sham: true' of x-hormesis"),
}
_STRATEGY_WHY: Mapping[str, str] = {
    "rollbacks": "every fault is undone at the end of its episode, whatever happens",
    "hypothesis": "no probe is asked; what stands for it is told in docs/measurement.md",
}


def check_frame(data: Mapping[str, object], findings: Findings) -> None:
    """Check the keys of the file itself, the texts that every experiment has, and how it asks to be run."""
    for key, (why, instead) in _NOT_RUN.items():
        if key in data:
            findings.add("HRM215", f"{quoted(key)} is not run", (key,), key=True, why=why, help=instead)
    # A key of another tool (x-...) is its own affair, unless it looks like ours misspelt.
    foreign = [key for key in data if key.startswith("x-") and key != ASKED and not near(key, (ASKED,))]
    checked = {key: value for key, value in data.items() if key not in (*foreign, *_NOT_RUN)}
    check_keys(checked, TOP_KEYS, (), findings)
    for key in ("title", "description"):
        if key not in data:
            findings.add("HRM203", f"the key '{key}' is missing", (), key=True, help=f"add '{key}:'")
        elif not isinstance(data[key], str) or not data[key]:
            findings.add("HRM201", f"'{key}' must be text", (key,), help="write a sentence")
    if "method" not in data:
        findings.add("HRM203", "the key 'method' is missing", (), key=True, help="add 'method:' with a fault")
    tags = data.get("tags")
    if tags is not None and not (
        isinstance(tags, list) and all(isinstance(tag, str) and tag for tag in tags)
    ):
        findings.add("HRM201", "'tags' must be a list of words", ("tags",), help="write e.g. [kill]")
    _check_extensions(data.get("extensions"), findings)
    if "runtime" in data:
        _check_runtime(data["runtime"], findings)


def _check_extensions(given: object, findings: Findings) -> None:
    if given is None:
        return
    if not isinstance(given, list):
        findings.add("HRM201", "'extensions' must be a list", ("extensions",), help="write '- name: ...'")
        return
    for n, one in enumerate(given):
        name = one.get("name") if isinstance(one, dict) else None
        if not isinstance(name, str) or not name.strip():
            path: Path = ("extensions", n)
            findings.add("HRM203", "an extension has a name", path, help="write 'name:' and its data")


def _check_runtime(given: object, findings: Findings) -> None:
    """Check ``runtime``, which only the command `chaos run` obeys: that it asks for nothing else here."""
    if not isinstance(given, dict):
        findings.add("HRM201", "'runtime' must be a mapping", ("runtime",), help="remove it")
        return
    check_keys(given, tuple(STRATEGIES), ("runtime",), findings)
    for part, allowed in STRATEGIES.items():
        path: Path = ("runtime", part)
        asked = given.get(part, {})
        if not isinstance(asked, dict):
            findings.add("HRM201", f"'{part}' must be a mapping", path, help="write 'strategy: default'")
            continue
        check_keys(asked, ("strategy",), path, findings)
        if asked.get("strategy", "default") not in allowed:
            findings.add(
                "HRM215",
                f"the strategy {quoted(asked['strategy'])} is not run",
                (*path, "strategy"),
                why=_STRATEGY_WHY[part],
                help=f"write {' or '.join(allowed)}, or remove it",
            )
