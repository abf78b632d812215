"""Dashboard and alert rules ask for metrics, labels and words that the writer gives, and for no others."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import promql_parser
import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from harness.report.openmetrics import openmetrics
from tests.harness.report.outputs_kit import arm, one, shown

FOLDER = Path(__file__).parents[2] / "examples" / "grafana"
OPEN = {"system", "target", "experiment", "class"}
"""Labels that hold names of users; all others hold words of ours."""
RULES = yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
PANELS = DASHBOARD["panels"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
WIDTH = 24


@pytest.fixture(scope="module")
def given() -> dict[str, dict[str, set[str]]]:
    """Metric -> label -> values, over campaigns that differ in what they know."""
    arms = tuple(arm(arm=name) for name in ("reference", "none", "bare", "seed", "oracle"))
    full = [one(*[1.0] * 40, arm=found.arm) for found in arms]
    found: dict[str, dict[str, set[str]]] = {}
    for family in text_string_to_metric_families(openmetrics(shown(*full, arms=arms))):
        for sample in family.samples:
            labels = found.setdefault(sample.name, {})
            for name, value in sample.labels.items():
                labels.setdefault(name, set()).add(value)
    return found


def nodes(query: str) -> list[object]:
    found: list[object] = []
    promql_parser.walk(promql_parser.parse(query), found.append)
    return found


def wrong(query: str, given: dict[str, dict[str, set[str]]]) -> Iterator[str]:
    """What a query asks for that nobody gives."""
    found = nodes(query)
    selectors = [node for node in found if isinstance(node, promql_parser.VectorSelector)]
    if not selectors:
        yield f"{query} asks for no metric"
    known: set[str] = set()
    for selector in selectors:
        labels = given.get(selector.name)
        if labels is None:
            yield f"{selector.name} is no metric"
            continue
        known |= labels.keys()
        for matcher in selector.matchers.matchers:
            if matcher.name not in labels:
                yield f"{selector.name} has no label {matcher.name}"
            elif not matcher.value.startswith("$") and matcher.name not in OPEN:
                words = set(matcher.value.split("|"))
                yield from (f"{matcher.name} is never {word}" for word in words - labels[matcher.name])
    grouped = [node.modifier.labels for node in found if isinstance(node, promql_parser.AggregateExpr)]
    yield from (
        f"no label {label} to group by" for labels in grouped for label in labels if label not in known
    )


@pytest.mark.parametrize("query", [*QUERIES, *(rule["expr"] for rule in RULES)])
def test_a_query_asks_for_what_the_writer_gives(query, given):
    assert list(wrong(query, given)) == []


@pytest.mark.parametrize(
    "query",
    [
        "1 + 1",
        "hormesis_score",
        'hormesis_verdict{name="FAIL"}',
        'hormesis_verdict{word="FAILED"}',
        'hormesis_verdict{word=~"VOID|NONE"}',
        "sum by (namespace) (hormesis_episodes)",
    ],
)
def test_a_query_for_what_nobody_gives_would_be_seen(query, given):
    assert list(wrong(query, given)) != []


def test_every_metric_is_shown_or_watched(given):
    asked = {
        node.name for q in QUERIES for node in nodes(q) if isinstance(node, promql_parser.VectorSelector)
    }
    assert given.keys() - asked == {"hormesis_recovery_horizon_seconds"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_has_what_prometheus_needs_and_names_labels_that_are_there(rule, given):
    assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch("Hormesis[A-Za-z]+", rule["alert"])
    assert rule["labels"]["severity"] in {"warning", "critical"}
    if "for" in rule:
        assert promql_parser.parse_duration(rule["for"]).total_seconds() >= 3600
    metrics = [node.name for node in nodes(rule["expr"]) if isinstance(node, promql_parser.VectorSelector)]
    named = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    assert named <= set.intersection(*(set(given[name]) for name in metrics))


def test_the_alerts_that_a_weekly_run_needs_are_there():
    by_name = {rule["alert"]: rule["expr"] for rule in RULES}
    assert len(by_name) == len(RULES)
    assert by_name["HormesisRunStale"].endswith("> 8 * 86400")
    for word in ("FAIL", "UNSAFE", "VOID", "INCONCLUSIVE"):
        assert any(word in query for query in by_name.values())


def test_panels_lie_side_by_side_and_have_names_of_their_own():
    assert len({panel["id"] for panel in PANELS}) == len({panel["title"] for panel in PANELS}) == len(PANELS)
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken
        assert max(x for x, _ in cells) < WIDTH
        taken |= cells


def test_no_line_is_drawn_across_a_week_without_figures():
    lines = [panel for panel in PANELS if panel["type"] == "timeseries"]
    assert len(lines) >= 4
    assert all(panel["fieldConfig"]["defaults"]["custom"]["spanNulls"] is False for panel in lines)


def test_legends_and_variables_name_labels_that_are_there(given):
    for panel in PANELS:
        for target in panel["targets"]:
            (metric,) = [n.name for n in nodes(target["expr"]) if isinstance(n, promql_parser.VectorSelector)]
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= given[metric].keys()
    variables = {one["name"]: one for one in DASHBOARD["templating"]["list"]}
    for name, variable in variables.items():
        if variable["type"] == "query":
            metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"]).groups()
            assert label == name
            assert label in given[metric]
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(PANELS)))
    assert used == variables.keys()
