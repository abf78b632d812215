"""Wiring for a simulated world: the same services, over ports that the world gives."""
