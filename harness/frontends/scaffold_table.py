"""The files that `hormesis init --kind table` writes: a job that takes partitions, two questions. Pure.

Comes in: what a user said of the job. Goes out: texts by file name, which the loader takes as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.frontends.scaffold import files_of, flow

SYSTEM = """\
# What is tested. `hormesis explain system hormesis.yaml` says what can be hit.
version: 1
name: {name}
services:
  job:
    # {{state}} is a folder of its own, new in each run; {{system}} is this folder
    command: {command}
    {worker}
    readiness: running  # it listens on no port
workload:
  archetype: table
  service: job
  units: rows.jsonl  # what partitions are filled with, one JSON object a line, again and again
  table:
    rows: 200  # in a partition
    every_s: 0.5  # one lands so often
    deadline_s: 2  # and must be right by then
    # places count from {{state}}: a folder, or {{database, table, partition: its column}}
    lands: {lands}
    results: {results}
    key: id  # we write it, and find a row's result by it
    columns: {columns}  # must be as in the twin: the job alone, on clean input
"""
PROFILE = "profile: {base: table, tau_s: 30}  # waited for 30 s; back = every missed partition is right"
QUESTIONS = {
    "kill.yaml": {
        "title": "Kill the job",
        "description": "Is every partition that it missed scored in the end, once and rightly?",
        "action": "kill-job",
        "func": "process_kill",
        "arguments": "{service: job}",
    },
    "hang.yaml": {
        "title": "Hang the job",
        "description": "It is there and does nothing. Does anybody heal that?",
        "action": "hang-job",
        "func": "process_hang",
        "arguments": "{service: job}",
    },
}
NO_WORKER = (
    "# worker: job.py  # where the command is a restart loop of yours: a text in the line of what works"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableAnswers:
    """What is known of the job; ``unit``: a row without its key. ``worker`` "": the command is no loop."""

    name: str
    command: tuple[str, ...]
    worker: str
    lands: Mapping[str, str]
    results: Mapping[str, str]
    columns: tuple[str, ...]
    unit: Mapping[str, object]


def place_of(text: str) -> dict[str, str] | None:
    """Read a place as a command line says it: FOLDER/NAME or DATABASE:TABLE:COLUMN; None for neither.

    >>> place_of("in/part-{number}.csv")
    {'folder': 'in', 'name': 'part-{number}.csv'}
    >>> place_of("out.db:scores:part")["partition"], place_of("in")
    ('part', None)
    """
    words = text.split(":")
    if len(words) == 3 and all(words):
        database, table, column = words
        return {"database": database, "table": table, "partition": column, "name": "part-{number}.csv"}
    folder, _, name = text.rpartition("/")
    return {"folder": folder, "name": name} if folder and name and len(words) == 1 else None


def scaffold_table(answers: TableAnswers) -> dict[str, str]:
    """Write all files; results in a table are found by the name under which a partition landed."""
    results = dict(answers.results)
    if "database" in results:
        results["name"] = answers.lands["name"]
    system = SYSTEM.format(
        name=flow(answers.name),
        command=flow(list(answers.command)),
        worker=f"worker: {flow(answers.worker)}" if answers.worker else NO_WORKER,
        lands=flow(dict(answers.lands)),
        results=flow(results),
        columns=flow(list(answers.columns)),
    )
    return files_of(system, ("rows.jsonl", answers.unit), QUESTIONS, PROFILE)
