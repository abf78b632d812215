"""STAGE 5 of 8. In: ``History``. Out: ``RunFacts`` with one ``Episode`` a fault.

Pure: outages, recovery by the change-back test, acts matched to causes, trust of the run.
Next stage: ``harness.estimates``.
"""
