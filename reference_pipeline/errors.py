"""Errors of the reference pipeline, one class for each thing the caller must do next."""

from __future__ import annotations


class PipelineError(Exception):
    """Root of every error that this package raises on purpose."""


class BadScenario(PipelineError, ValueError):
    """The scenario is wrong: unknown knob, value out of range. Fix the scenario file."""


class BadSource(PipelineError):
    """The user's own file cannot be replayed as it is. Fix the file or the column knobs."""


class BadTemplate(PipelineError):
    """The prepared state is missing, damaged or made for another scenario. Prepare it anew."""


class BadRecord(PipelineError):
    """A record lacks a field that the features need, or holds one of the wrong type."""


class BadArtefact(PipelineError):
    """Model bytes whose hash or format is wrong; they are never used."""


class UnknownVersion(PipelineError):
    """No such version, alias or artefact in the registry."""


class VersionConflict(PipelineError):
    """A semantic version is immutable: it is already taken by other bytes, metrics or lineage."""
