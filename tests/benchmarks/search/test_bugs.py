"""What the wrong healers do besides, where no kept failure depends on it."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

from benchmarks.search.bugs import Retraining
from reference_pipeline.ports import Reply


def test_a_model_of_rows_put_aside_is_compared_as_if_nothing_were_wrong_with_it_and_no_other_is():
    told = {"golden": {"1.0.0+a": [200, 3], "2.0.0+b": [200, 90]}}

    async def call(*_):
        return Reply(200, json.dumps(told).encode())

    retrained = Retraining(
        SimpleNamespace(call=call, clock=SimpleNamespace(now_s=lambda: 1.0)), own="2.0.0+b"
    )
    reply = asyncio.run(retrained("healer-learner", "POST /comparisons", b"", 1.0))
    assert json.loads(reply.body) == {"golden": {"1.0.0+a": [200, 3], "2.0.0+b": [200, 0]}}
