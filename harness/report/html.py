"""One self-contained page: the ``Document`` in words and inline pictures, readable without scripts.

The page is ``page.html`` with ``style.css`` inlined; every value goes through ``inert`` and the
template engine's escaping, so a hostile name is shown as the text it is.
"""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.report.document import Document
from harness.report.labels import profile_label
from harness.report.panels import (
    appendix,
    classes,
    curves,
    decisions,
    endings,
    inside,
    look,
    models,
    needless,
    points,
    runs,
    summary,
    tiles,
    weeks,
)
from harness.report.successions import successions
from harness.report.words import inert, when

_HERE = Path(__file__).parent


def render(document: Document) -> str:
    """Render the page; the same document gives the same text, byte for byte."""
    return (
        environment(_HERE)
        .get_template("page.html")
        .render(
            document=document,
            asked=document.inputs,
            estimates=document.estimates,
            style=style(),
            started=when(document.inputs.started_utc),
            profile=profile_label(document.inputs.profile.name),
            band=summary.band(document),
            tiles=tiles.tiles(document),
            facts=tiles.facts(document),
            waterfalls=points.waterfalls(document),
            own_arm=summary.main_arm(document),
            table=classes.table(document),
            curves=curves.curves(document),
            decisions=decisions.panels(document),
            models=models.timelines(document),
            stories=inside.stories(document),
            endings=endings.endings(document),
            endings_spoken=endings.spoken(document),
            successions=successions(document),
            arms=runs.arm_rows(document),
            weeks=weeks.weeks(document),
            needless=needless.needless(document),
            first_runs=look.first_runs(document),
            runs=runs.run_rows(document),
            more_runs=len(document.runs) > runs.RUNS_MAX,
            command=appendix.command(document),
            parameters=appendix.parameters(document),
            hashes=appendix.hashes(document),
            more_plans=len(document.inputs.plan_sha256) > appendix.PLANS_MAX,
            not_measured=appendix.not_measured(document),
            arms_used=appendix.arms_used(document),
        )
    )


def style() -> Markup:
    """The style sheet that a page inlines."""
    return Markup((_HERE / "style.css").read_text(encoding="utf-8"))


def environment(folder: Path) -> Environment:
    """What renders the templates of ``folder``: everything escaped and inert, nothing left out in silence."""
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _finalize(value: object) -> object:
    """Make every plain string inert; only drawings of our own are markup and stay as they are."""
    return inert(value) if isinstance(value, str) and not isinstance(value, Markup) else value
