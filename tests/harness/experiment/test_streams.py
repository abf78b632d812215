"""What a system file says of a stream is checked at once, with the place of each mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import Problem
from harness.experiment.sources import read_system

HEAD = """\
version: 1
name: mine
services:
  nats: {command: [nats-server]}
  scorer: {command: [score, "{edge:scorer-nats}"]}
edges: {scorer-nats: {source: scorer, to: nats}}
"""
STREAM = "archetype: stream, service: nats"
SUBJECTS = "subjects: {records: a.in, decisions: a.out}"


def problems_of(folder: Path, workload: str, rest: str = "", head: str = HEAD) -> list[Problem]:
    path = folder / "hormesis.yaml"
    path.write_text(f"{head}{rest}workload: {{{workload}}}\n")
    problems: list[Problem] = []
    read_system(path, problems)
    return problems


@pytest.mark.parametrize("id_place", ["/id", "/meta/id", "Nats-Msg-Id"])
def test_two_subjects_and_a_place_for_ids_are_right(tmp_path: Path, id_place: str) -> None:
    subjects = f"subjects: {{records: a.in, decisions: a.out, id: {id_place}}}"
    assert problems_of(tmp_path, f"{STREAM}, {subjects}") == []


@pytest.mark.parametrize(
    ("workload", "code", "why"),
    [
        (STREAM, "HRM203", ""),
        ("service: nats", "HRM203", ""),
        ("service: nats, archetype: table", "HRM203", "partitions land"),
        (f"service: nats, route: /predict, {SUBJECTS}", "HRM306", "posted to a route"),
        (f"{STREAM}, {SUBJECTS}, route: /predict", "HRM306", "to a subject"),
        (f"{STREAM}, {SUBJECTS}, body: single", "HRM306", "is a message"),
        (f"{STREAM}, {SUBJECTS}, dead_letter: /dead", "HRM306", "counted on the subjects"),
        (f"{STREAM}, subjects: {{records: a.*, decisions: b}}", "HRM204", "words joined by dots"),
        (f"{STREAM}, subjects: {{records: $JS.a, decisions: b}}", "HRM204", "the server's own"),
        (f"{STREAM}, subjects: {{records: a, decisions: a}}", "HRM204", "read as records"),
        (f"{STREAM}, subjects: {{records: a, decisions: b, id: /a~}}", "HRM204", "after ~"),
        (f"{STREAM}, subjects: {{records: a, decisions: b, decided_id: an id}}", "HRM204", "one word"),
        (f"{STREAM}, subjects: {{records: a, decision: b}}", "HRM202", ""),
    ],
)
def test_each_mistake_is_told_at_its_place(tmp_path: Path, workload: str, code: str, why: str) -> None:
    found = problems_of(tmp_path, workload)
    assert (found[0].code, found[0].line) == (code, 7)
    assert found[0].column > 1 or code == "HRM203"
    assert why in found[0].why
    assert found[0].help


def test_listings_and_a_virtual_clock_have_no_use_for_a_stream(tmp_path: Path) -> None:
    rest = 'audit: {sink: "scorer:/sink"}\nsimulation: {opens: "a:b"}\n'
    found = problems_of(tmp_path, f"{STREAM}, {SUBJECTS}", rest)
    assert [(problem.code, problem.line) for problem in found] == [("HRM306", 7), ("HRM306", 8)]


def test_an_edge_word_that_is_no_edge_of_the_service_is_told(tmp_path: Path) -> None:
    head = HEAD.replace("{edge:scorer-nats}", "{edge:scorer-nat}")
    (found,) = problems_of(tmp_path, f"{STREAM}, {SUBJECTS}", head=head)
    assert (found.code, found.line) == ("HRM228", 5)
    assert "did you mean 'scorer-nats'?" in found.help
