"""STAGE 2 of 8. In: ``Experiment``, seed. Out: ``Plan``s, one a run, with their hash.

Everything that a run will do is decided here, before anything is touched. Next: ``harness.run``.
"""
