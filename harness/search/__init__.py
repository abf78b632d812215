"""Which schedules of faults break a healer: tried on a virtual clock, shrunk to the smallest, kept for ever.

Comes in: an experiment whose system can be simulated, a seed, a number of episodes. Goes out: failures, each
with the smallest schedule that was found for it, as files that a test plays again. See docs/search.md.
"""
