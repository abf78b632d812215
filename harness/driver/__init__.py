"""The driver: traffic and witness in one process, between the plan and the history.

In: a plan's seed, profile and workload (``spec.Spec``) and a world. Out: rows of
``harness.history.observations`` and a few lines of JSON. The order of reading: ``workload`` (what is
offered and checked), ``schedule`` (when), ``parcels`` (what exactly), ``request`` (how an answer is
judged), ``openloop`` (the clockwork), ``stalls`` (when the witness itself cannot be trusted).

Faults in the records: ``mutations`` (what is done to a record), ``changes`` (what is offered instead),
``orders`` (what is on, and the ledger of the touched), ``taint`` (the ledger's lines).
"""
