"""pytest plugin: a test that is marked with an experiment passes, fails or is skipped by its verdict.

Comes in: marks ``resilience(experiment, profile=None, seed=None)`` and ``--hormesis``. Goes out: FAIL is a
failed test, INCONCLUSIVE a skipped one with the reason, VOID, UNSAFE and whatever was refused an error.
Nothing of Hormesis is imported before a marked test is about to run.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.report.document import Document

MARK = "resilience"
TARGETS = ("simulation", "local")


@dataclass(frozen=True, slots=True)
class Resilience:
    """What came of an experiment: all that ``report.json`` holds, and the campaign's folder."""

    document: Document
    folder: Path


@dataclass(frozen=True, slots=True)
class _Asked:
    """Everything that decides a run; ``store`` "" = as the environment says."""

    file: Path
    target: str
    seed: int
    profile: str | None
    store: str


_DONE = pytest.StashKey[dict[_Asked, Resilience]]()
_FAILED = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and the settings."""
    parser.getgroup("hormesis").addoption(
        "--hormesis",
        nargs="?",
        const=TARGETS[0],
        choices=TARGETS,
        metavar="TARGET",
        help="run tests marked 'resilience' on a virtual clock (simulation) or on local processes (local)",
    )
    parser.addini("hormesis_seed", "seed of experiments whose mark names none", default="1")
    parser.addini("hormesis_store", "where campaigns are kept (HORMESIS_STORE, reports/runs)", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known, for ``--strict-markers``."""
    config.addinivalue_line(
        "markers",
        f"{MARK}(experiment, profile=None, seed=None): run this experiment; its verdict is the test's",
    )
    config.stash[_DONE] = {}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip marked tests where ``--hormesis`` is not given; give the others their outcome."""
    for item in items:
        if item.get_closest_marker(MARK) is None:
            continue
        if config.getoption("--hormesis") is None:
            item.add_marker(pytest.mark.skip(reason="an experiment: runs with --hormesis[=local]"))
        elif isinstance(item, pytest.Function) and MARK not in item.fixturenames:
            item.fixturenames.append(MARK)


@pytest.fixture
def resilience(request: pytest.FixtureRequest) -> Resilience:
    """The outcome of the experiment that the test is marked with; one run serves all that ask the same."""
    mark = request.node.get_closest_marker(MARK)
    if mark is None:
        raise pytest.UsageError(
            f"{request.node.nodeid} asks for '{MARK}' and is not marked with an experiment"
        )
    asked = _asked(request, *mark.args, **mark.kwargs)
    done = request.config.stash[_DONE]
    if asked not in done:
        done[asked] = _run_or_fail(asked)
    found = done[asked]
    verdict = found.document.verdict
    if verdict.word == "INCONCLUSIVE":
        pytest.skip(f"INCONCLUSIVE: {verdict.why}")
    if verdict.word in ("VOID", "UNSAFE"):
        pytest.fail(f"{verdict.word}: {verdict.why}", pytrace=False)
    if verdict.word == "DONE" and MARK not in request.node.function.__code__.co_varnames:
        words = "the experiment claims nothing, and the test does not look at what came of it"
        pytest.fail(f"{words}: write objectives, or take the argument '{MARK}'", pytrace=False)
    if verdict.word == "FAIL":
        request.node.stash[_FAILED] = f"FAIL: {verdict.why}\nkept in: {found.folder}"
    return found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail the test, not its setup, where there is evidence against a claim."""
    if _FAILED in item.stash:
        pytest.fail(item.stash[_FAILED], pytrace=False)
    return (yield)


def _run_or_fail(asked: _Asked) -> Resilience:
    """Run it; where that cannot be, say what is wrong and what to write, and not where we noticed."""
    from harness.errors import HormesisError, UsageProblem
    from harness.frontends.wording import usage_text

    try:
        return _run(asked)
    except HormesisError as error:
        told = usage_text(error) if isinstance(error, UsageProblem) else str(error)
    pytest.fail(told, pytrace=False)


def _asked(
    request: pytest.FixtureRequest, experiment: str, *, profile: str | None = None, seed: int | None = None
) -> _Asked:
    """Read mark and settings; the experiment's path counts from the file of the test."""
    config = request.config
    return _Asked(
        file=request.path.parent / experiment,
        target=str(config.getoption("--hormesis")),
        seed=int(config.getini("hormesis_seed")) if seed is None else seed,
        profile=profile,
        store=str(config.getini("hormesis_store")),
    )


def _run(asked: _Asked) -> Resilience:
    from harness.experiment.load import load_experiment
    from harness.frontends.commands.run import conduct
    from harness.plan.schedule import make_plans
    from harness.report.compose import decode

    experiment = load_experiment(asked.file, asked.profile)
    plans = make_plans(experiment, asked.seed, asked.target)
    folder = conduct(experiment, plans, asked.seed, Path(asked.store) if asked.store else None)
    return Resilience(decode((folder / "report.json").read_bytes()), folder)
