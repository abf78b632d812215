"""The healer's limits in one place; every number says what it guards against."""

from __future__ import annotations

import msgspec


class HealerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds, counts and ratios. ``services`` are probed over edges ``healer-NAME``."""

    services: tuple[str, ...] = (
        "registry",
        "features",
        "scorer-a",
        "scorer-b",
        "gateway",
        "delivery",
        "learner",
    )
    tick_s: float = 0.25

    # Hang: 3 probes sent 0.5 s apart, each without any answer for 1.5 s = 2.5 s of silence. A loop that
    # commits on a disk with stalls of 0.6 s needs up to four turns (2.4 s) for its answer.
    probe_every_s: float = 0.5
    probe_deadline_s: float = 1.5
    probes_silent_least: int = 3
    silence_least_s: float = 1.5
    late_s: float = 0.25  # our own loop overslept by this: what was silent meanwhile is no evidence
    recent_s: float = 1.0  # more than half of the other services must have answered in it

    # Rename: by chance a wrong column agrees with the golden rows at most this often.
    letters_least: int = 20
    golden_least: int = 3
    chance_max: float = 1e-5
    letters_kept: int = 500
    quiet_s: float = 30.0  # dead letters of a field after such a pause are a new case

    # Guards beside the policy's.
    policy_every_s: float = 1.0
    tries: int = 3  # of one act whose answer did not come, with the same key
    page_every_s: float = 3600.0

    # Verification and replay.
    restart_verify_s: float = 20.0
    mapping_grace_s: float = 1.0  # requests in flight when the mapping was set
    mapping_observe_s: float = 2.0
    mapping_verify_s: float = 10.0
    mapping_misses: int = 3
    quarantine_verify_s: float = 15.0
    replay_batch_max: int = 128
    replay_share: float = 0.25  # of the time at most a replay is in the gateway: requests come first
    replay_retries: int = 6  # of letters that are refused: a hop may have failed meanwhile
    replay_retry_s: float = 5.0
    replay_lease_s: float = 900.0

    # Harm: what decisions lose by their labels, as a share of the most one can lose. Borne is what the model
    # lost on its own holdout, two of its errors, and a margin: a day has hours that cost half as much again.
    care_every_s: float = 0.5
    golden_every_s: float = 2.0
    harm_margin_ratio: float = 0.5
    harm_margin_least: float = 0.001
    harm_run_length: float = 1e6  # labels to a false alarm; 250 a second make that an hour
    train_rows_least: int = (
        1000  # since the harm began: on 400 rows an unmoved part of the world is forgotten
    )
    train_lease_s: float = 300.0
    proof_level: float = 1e-3  # that in one case a model no better takes the place of the one that serves
    proof_rows_max: int = 20_000  # a candidate not proven by then is none
    proof_wait_s: float = 60.0  # without a label: then nothing will be proven
    canary_load_s: float = 10.0  # until the second scorer serves it
    canary_s: float = 2.0  # at each share of traffic
    canary_calls_least: int = 20  # at each share, of which so many may fail:
    canary_failures_max: int = 1
    canary_wait_s: float = 60.0  # for those calls
    promoted_rows: int = 2000  # after a promotion, of rows that both would have decided
