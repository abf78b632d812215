"""How many cases of a test `make test` has; `make test-all` has all of them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest


def few(cases: Iterable[object], count: int, every: int = 1) -> list[object]:
    """Mark all but the first ``count`` of each ``every``th case as slow; a tuple is several arguments."""
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            marks=[] if number % every == 0 and number // every < count else [pytest.mark.slow],
        )
        for number, case in enumerate(cases)
    ]
