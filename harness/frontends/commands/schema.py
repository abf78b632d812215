"""`hormesis schema [NAME]`: JSON Schema 2020-12 of a file, for editors and other programs; or the names."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

import msgspec

from harness.experiment.excerpt import quoted
from harness.experiment.findings import advice
from harness.experiment.schema import Schema, experiment_schema, scenario_schema, schema_of, system_schema
from harness.frontends.arguments import usage
from harness.frontends.streams import say, say_exactly
from harness.verdict.codes import EXIT_CODE


def _report() -> Schema:
    from harness.report.document import Document

    return schema_of("report", Document)


def _table() -> Schema:
    from harness.campaign.table import Table

    return schema_of("table", Table)


SCHEMAS: Mapping[str, tuple[str, Callable[[], Schema]]] = {
    "experiment": ("an experiment file, x-hormesis included", experiment_schema),
    "scenario": ("a scenario file: a world with its knobs set", scenario_schema),
    "system": ("hormesis.yaml: the system that is tested", system_schema),
    "report": ("report.json of a campaign, as `report --json` writes it", _report),
    "table": ("table.json of a campaign of pairs", _table),
}
"""Name -> (what file it is, how its schema is made)."""


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument("name", nargs="?", metavar="NAME", help=f"one of {', '.join(SCHEMAS)}")


def execute(arguments: argparse.Namespace, /) -> int:
    """Print the schema, or list what there is."""
    if arguments.name is None:
        say("\n".join(f"{name:<11}{what}" for name, (what, _) in SCHEMAS.items()))
        return EXIT_CODE["DONE"]
    found = SCHEMAS.get(arguments.name)
    if found is None:
        message = f"there is no schema {quoted(arguments.name)}"
        raise usage("HRM402", message, help_text=advice(arguments.name, SCHEMAS))
    say_exactly(msgspec.json.format(msgspec.json.encode(found[1]()), indent=2) + b"\n")
    return EXIT_CODE["DONE"]
