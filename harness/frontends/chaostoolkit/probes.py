"""Probes for a steady-state hypothesis under plain ``chaos run``; they gate, they do not measure."""

from __future__ import annotations

from harness.frontends.chaostoolkit.platform import platform, process_of


def ready(service: str) -> bool:
    """Say whether the supervisor holds ``service`` for ready."""
    return process_of(platform(), service).state == "ready"
