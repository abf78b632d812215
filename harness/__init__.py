"""Hormesis: hurt a self-healing ML pipeline on purpose and measure honestly how it recovers.

The line, one folder a stage, left to right and never back::

    experiment -> plan -> run on a target -> history -> episodes -> estimates -> verdict -> report

Left of ``history`` things are done; right of it nothing is done, only computed.
``ARCHITECTURE.md`` at the top of the repository is the map.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
