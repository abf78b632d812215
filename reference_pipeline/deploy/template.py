"""What a system was prepared with, loaded once a process: nothing of it is ever changed.

Comes in: the template's folder. Goes out: its parts. In a simulated world all processes share one.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reference_pipeline.errors import BadTemplate
from reference_pipeline.fallback import LogisticFallback, load_fallback
from reference_pipeline.features import Features, load_features, load_spec
from reference_pipeline.healing.detectors.stored import RowWatch, load_row_watch, load_score_rows
from reference_pipeline.records import FeatureSpec
from reference_pipeline.registry import Alias, DiskRegistry, Version, copy_registry
from reference_pipeline.scorer_service import Artefact
from reference_pipeline.scoring import Model, load_model
from reference_pipeline.world.golden import Golden, load_golden


@dataclass(frozen=True)
class Template:
    """The template in ``folder``; parts raise BadTemplate where their file is missing or damaged.

    ``scratch``: where its registry is copied to before it is read; a database is never opened in place.
    """

    folder: Path
    scratch: Path

    @cached_property
    def features(self) -> Features:
        """How features are made."""
        return load_features(self.folder)

    @cached_property
    def spec(self) -> FeatureSpec:
        """What records and features are; quicker to read than the tables that features are made with."""
        return load_spec(self.folder)

    @cached_property
    def golden(self) -> Golden:
        """Records with their one right decision."""
        return load_golden(self.folder)

    @cached_property
    def watch(self) -> RowWatch | None:
        """What rows and scores look like; None where that is not known."""
        return load_row_watch(self.folder)

    @cached_property
    def fallback(self) -> LogisticFallback:
        """What answers where the model cannot."""
        return load_fallback(self.features, self.folder)

    @cached_property
    def champion(self) -> Artefact:
        """The model that the system was prepared with.

        Raises:
            BadTemplate: there is none to read.
        """
        try:
            with closing(self.registry()) as registry:
                sha256 = registry.alias("champion").sha256
                return Artefact(registry.artefact(sha256), sha256)
        except (OSError, sqlite3.Error) as error:
            raise BadTemplate(f"the champion of {self.folder} cannot be read: {error}") from error

    def load(self, data: bytes, sha256: str) -> Model:
        """Decode an artefact; see :func:`reference_pipeline.scoring.load_model`."""
        return load_model(data, sha256)

    @cached_property
    def versions(self) -> list[tuple[Version, bytes]]:
        """What the registry had when the system was prepared: each version with its bytes, oldest first."""
        with closing(self.registry()) as registry:
            return [(one, registry.artefact(one.sha256)) for one in registry.versions()]

    @cached_property
    def aliases(self) -> list[Alias]:
        """Where the aliases pointed when the system was prepared."""
        with closing(self.registry()) as registry:
            return registry.aliases()

    def stored_rows(self) -> NDArray[np.float32] | None:
        """Rows that no version has learned from; large, so they are read when they are asked for."""
        return load_score_rows(self.folder)

    def registry(self) -> DiskRegistry:
        """The registry as it was prepared, in a copy of its own below ``scratch``."""
        copy_registry(self.folder / "registry", self.scratch / "registry")
        return DiskRegistry(self.scratch / "registry")
