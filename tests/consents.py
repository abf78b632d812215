"""What the tests' own systems need a consent for, as a job would say it."""

from __future__ import annotations

from pathlib import Path

from harness.errors import Problem
from harness.experiment.model import System
from harness.experiment.sources import read_system
from harness.run.consent import digest_of, items_of
from harness.run.modules import python_path

TINY = Path(__file__).parent / "safety" / "tiny_system"


def consent_for(system: System, folder: Path) -> str:
    """Give the word for a system that stands in no file."""
    return digest_of(items_of(system, folder, python_path(folder)))


def consent_to(*files: Path) -> str:
    """Give the words of ``HORMESIS_CONSENT`` for these system files; a wrong one raises."""
    words = []
    for file in files:
        problems: list[Problem] = []
        system = read_system(file, problems)
        assert system is not None, problems
        words.append(consent_for(system, file.parent))
    return ",".join(words)


def consent_to_ours() -> str:
    """Give those for the tiny systems of ``safety``."""
    return consent_to(*(TINY / f"{name}.yaml" for name in ("hormesis", "pair", "talkative")))
