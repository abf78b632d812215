"""Which healing runs in the gateway's request path: one arm, chosen by ``HEALING``.

Comes in: the word of the environment, and what the arms are made of. Goes out: the arm's InPath.
"""

from __future__ import annotations

from collections.abc import Callable

from reference_pipeline.degenerate import DEGENERATE
from reference_pipeline.deploy.template import Template
from reference_pipeline.hops import ResilientHops
from reference_pipeline.inpath import Acts, InPath
from reference_pipeline.ports import Ports
from reference_pipeline.seed.path import seed_in_path
from reference_pipeline.service import DecisionConfig, edges_of

OFF, REFERENCE, SEED, ORACLE = ("off", "reference", "seed", "oracle")
HEALING = (OFF, REFERENCE, SEED, ORACLE, *DEGENERATE)
NOT_IN_PATH = (OFF, *DEGENERATE)


def in_path(
    healing: str, ports: Ports, config: DecisionConfig, template: Template, *, dice: Callable[[], float]
) -> InPath | None:
    """Make the healing of arm ``healing`` for a gateway of ``ports``; None is no healing.

    ``dice`` give numbers in [0, 1), for jitter.

    Raises:
        BadTemplate: the fallback's file is missing or damaged.
        ValueError: there is no such arm.
    """
    if healing not in HEALING:
        raise ValueError(f"HEALING is {healing!r}; known: {', '.join(HEALING)}")
    if healing in NOT_IN_PATH:
        return None
    features, fallback = template.features, template.fallback
    edges = edges_of(config)
    if healing == SEED:
        return seed_in_path(ports.call, ports.clock, features.spec, edges=edges, simpler=fallback)
    acts = Acts(ports.clock)
    hops = ResilientHops(ports.call, ports.clock, acts=acts, dice=dice, edges=edges)
    return InPath(hops=hops, fallback=fallback, acts=acts)
