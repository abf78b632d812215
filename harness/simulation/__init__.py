"""A world of its own: one virtual clock, processes that can be killed and stopped, a network, disks.

Unmodified asyncio code runs in it, one event loop a process, and the same seed gives the same events to
the last one. Nothing here knows what runs: services, faults and figures belong to ``targets.simulation``.
"""
