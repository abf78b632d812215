"""The budgets, held over the whole tree. A finding names file, line and what to do instead."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.style import conduct, shape, tree, world
from tests.style.source import PACKAGES, ROOT, Source, published, sources

Check = Callable[[Source], list[str]]

EVERYWHERE: tuple[Check, ...] = (
    shape.undocumented_modules,
    shape.long_files,
    shape.long_functions,
    shape.deep_functions,
    shape.wide_functions,
    conduct.swallowed_errors,
    conduct.shells_and_pickles,
)
IN_PACKAGES: tuple[Check, ...] = (shape.crowded_modules, conduct.clock_and_dice, conduct.any_in_signatures)
TEXT_CHECKS = (tree.unfinished, tree.registry_addresses, tree.machine_paths)
TEXT_SUFFIXES = (
    ".py",
    ".md",
    ".yaml",
    ".yml",
    ".toml",
    ".json",
    ".txt",
    ".html",
    ".css",
    ".cfg",
    ".csv",
    "run",
    "Makefile",
)
NAMES_MODULES = (".py", ".yaml", ".toml")


def _hold(findings: list[str]) -> None:
    assert not findings, f"{len(findings)} finding(s):\n" + "\n".join(findings)


def _texts(suffixes: tuple[str, ...]) -> dict[str, str]:
    return {name: (ROOT / name).read_text("utf-8") for name in published() if name.endswith(suffixes)}


@pytest.mark.parametrize("check", EVERYWHERE, ids=lambda check: check.__name__)
def test_code_and_tests_keep_the_budget(check: Check) -> None:
    _hold([finding for source in sources(*PACKAGES, "benchmarks", "tests") for finding in check(source)])


@pytest.mark.parametrize("check", IN_PACKAGES, ids=lambda check: check.__name__)
def test_the_packages_keep_the_budget(check: Check) -> None:
    _hold([finding for source in sources(*PACKAGES) for finding in check(source)])


@pytest.mark.parametrize("package", PACKAGES)
def test_functions_are_short_in_the_median_and_at_p90(package: str) -> None:
    _hold([f"{package}: {finding}" for finding in tree.function_statistics(sources(package))])


def test_what_runs_in_a_simulated_world_uses_nothing_that_no_seed_decides() -> None:
    reached = world.reached(sources(*PACKAGES))
    assert len(reached) > 150, "the roots of a world lead nowhere"
    given = world.give_sets(reached)
    _hold([finding for source in reached for finding in world.takes_an_order(source, given)])
    inside = [source for source in reached if source.path not in world.BEFORE]
    _hold([finding for source in inside for finding in world.leaves_the_world(source)])


def test_every_module_that_may_leave_a_world_does() -> None:
    reached = {source.path: source for source in world.reached(sources(*PACKAGES))}
    idle = [path for path in world.BEFORE if path not in reached or not world.leaves_the_world(reached[path])]
    assert not idle, f"take off the list: {idle}"


def test_no_test_sleeps() -> None:
    _hold([finding for source in sources("tests") for finding in conduct.sleeping_tests(source)])


def test_mocks_stay_below_two_a_thousand_lines_of_tests() -> None:
    everything = sources("tests")
    found = [finding for source in everything for finding in conduct.mocks(source)]
    _hold(tree.too_many_mocks(found, sum(source.text.count("\n") for source in everything)))


def test_every_module_is_imported_or_started_by_something() -> None:
    named_in = {path: text for path, text in _texts(NAMES_MODULES).items() if not path.startswith("tests/")}
    _hold(tree.orphans(sources(*PACKAGES), named_in))


@pytest.mark.parametrize("check", TEXT_CHECKS, ids=lambda check: check.__name__)
def test_published_files_hold_nothing_of_the_kind(check: Callable[[str, str], list[str]]) -> None:
    _hold([finding for path, text in _texts(TEXT_SUFFIXES).items() for finding in check(path, text)])


def test_published_files_are_small() -> None:
    _hold([finding for name in published() for finding in tree.oversized(name, (ROOT / name).stat().st_size)])


def test_the_lists_of_exceptions_name_files_that_are_there() -> None:
    for path in (*shape.VOCABULARIES, *conduct.TIMED_PROGRAMS):
        assert (ROOT / path).is_file(), f"{path} is gone: take it off the list"


def test_every_vocabulary_needs_its_exception() -> None:
    listed = [source for source in sources(*PACKAGES) if source.path in shape.VOCABULARIES]
    idle = [s.path for s in listed if len(shape.public_names(s)) <= shape.PUBLIC_NAMES]
    assert not idle, f"take off the list: {idle}"
