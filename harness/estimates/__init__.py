"""STAGE 6 of 8. In: ``RunFacts`` of all runs. Out: ``Estimates``: how sure we are, per class.

The only stage that may import scipy. Next stage: ``harness.verdict``.
"""
