"""The guards: one act a target, rest, budgets, and the platform's word."""

from __future__ import annotations

from reference_pipeline.healing.acts import Act, Map, Quarantine, Release, Replay, Restart, Unmap, target_of
from reference_pipeline.healing.books import OVERTAKEN, Books
from reference_pipeline.healing.decide import Decision, Wish, decide, overtaken
from reference_pipeline.healing.model import Entry, Evidence, Kind
from reference_pipeline.healing.model_acts import Promote, Restore, Train
from reference_pipeline.healing.policy import NOTHING
from reference_pipeline.healing.ports import PlatformService, ServiceState
from tests.reference_pipeline.healing.worlds import POLICY

HANG = Restart(service="gateway", boot_id="old")
NAME = Map(field="amount", source="x")


def _rows(state: ServiceState = "unready", boot_id: str = "old") -> dict[str, PlatformService]:
    return {"gateway": PlatformService(name="gateway", state=state, boot_id=boot_id)}


def _entry(kind: Kind, act: Act, at_s: float, ok: bool | None = None, **facts: float) -> Entry:
    evidence = Evidence(act=act, ok=ok, facts=dict(facts))
    return Entry(kind=kind, episode="e", target=target_of(act), reason="", at_s=at_s, evidence=evidence)


def _books(*acts: Act, every_s: float = 100.0, ok: bool = True) -> Books:
    """Books after each of ``acts`` was done and verified, one every ``every_s``."""
    books = Books()
    for number, act in enumerate(acts):
        at_s = number * every_s
        books.apply(_entry("action.started", act, at_s))
        books.apply(_entry("action.finished", act, at_s + 1, ok=True))
        books.apply(_entry("verified", act, at_s + 2, ok=ok))
    return books


def _decided(act: Act, books: Books, now_s: float = 1000.0, **rows: ServiceState) -> Decision:
    return decide(Wish(act, "e", "why"), books, _rows(**rows), now_s=now_s, policy=POLICY)


def test_a_hung_service_that_the_platform_finds_unready_is_restarted() -> None:
    assert _decided(HANG, Books()).choice == "act"


def test_the_platform_may_disagree() -> None:
    for state in ("ready", "starting", "backoff", "stopped"):
        assert decide(Wish(HANG, "e", ""), Books(), _rows(state), now_s=0, policy=POLICY).choice == "refrain"
    assert decide(Wish(HANG, "e", ""), Books(), {}, now_s=0, policy=POLICY).choice == "refrain"
    other = _rows("unready", "another")
    assert decide(Wish(HANG, "e", ""), Books(), other, now_s=0, policy=POLICY).choice == "refrain"


def test_one_act_a_target_and_one_restart_at_a_time() -> None:
    books = Books()
    books.apply(_entry("action.started", Restart(service="features"), 0))
    assert _decided(HANG, books).choice == "wait"
    books.apply(_entry("action.finished", Restart(service="features"), 1, ok=True))
    assert _decided(HANG, books).choice == "wait"
    books.apply(_entry("verified", Restart(service="features"), 2, ok=True))
    assert _decided(HANG, books).choice == "act"


def test_it_rests_between_two_attempts() -> None:
    assert _decided(HANG, _books(HANG), 2 + POLICY.cooldown_s / 2).choice == "wait"
    assert _decided(HANG, _books(HANG), 2 + POLICY.cooldown_s).choice == "act"


def test_the_next_name_of_a_field_is_mapped_without_rest() -> None:
    other = Map(field="amount", source="y")
    assert _decided(other, _books(NAME), 2.0).choice == "act"
    assert _decided(other, _books(NAME, ok=False), 2.0).choice == "act"
    replay = Replay(field="amount", source="x")
    assert _decided(replay, _books(replay), 2.5).choice == "wait"


def test_three_attempts_in_an_hour_are_a_page_and_an_hour_later_they_are_forgotten() -> None:
    books = _books(HANG, HANG, HANG)
    assert _decided(HANG, books).choice == "page"
    assert _decided(HANG, books, 3700).choice == "act"


def test_six_restarts_of_different_services_are_a_page() -> None:
    books = _books(*[Restart(service=f"s{n}") for n in range(POLICY.restarts_per_hour)])
    assert _decided(HANG, books).choice == "page"


def test_a_name_is_mapped_once_whatever_came_of_it() -> None:
    assert _decided(NAME, Books()).choice == "act"
    assert _decided(NAME, _books(NAME)).choice == "refrain"
    assert _decided(NAME, _books(NAME, ok=False)).choice == "refrain"
    assert _decided(Map(field="amount", source="y"), _books(NAME)).choice == "act"


def test_a_refuted_name_is_refused_for_good() -> None:
    books = Books()
    books.apply(_entry("diagnosed", NAME, 0, ok=False))
    assert _decided(NAME, books, 1e9).choice == "refrain"


def test_an_undo_knows_no_budget() -> None:
    books = _books(NAME, NAME, NAME, every_s=1, ok=False)
    assert _decided(Unmap(field="amount", source="x"), books, 5.0).choice == "act"


def test_a_failed_mapping_is_to_be_undone_until_it_is() -> None:
    books = _books(NAME, ok=False)
    assert set(books.to_undo) == {"amount"}
    undo = Unmap(field="amount", source="x")
    books.apply(_entry("action.started", undo, 10))
    books.apply(_entry("action.finished", undo, 11, ok=True))
    assert not books.to_undo
    assert not books.busy("records.amount")


def test_a_replay_that_moves_nothing_undoes_an_unproved_mapping_only() -> None:
    replay = Replay(field="amount", source="x")
    unproved = _books(NAME)
    proved = Books()
    proved.apply(_entry("action.started", NAME, 0))
    proved.apply(_entry("action.finished", NAME, 1, ok=True))
    proved.apply(_entry("verified", NAME, 2, ok=True, proved=1.0))
    for books, undone in ((unproved, {"amount"}), (proved, set())):
        books.apply(_entry("action.started", replay, 20))
        books.apply(_entry("action.finished", replay, 21, ok=True, refused=5.0))
        books.apply(_entry("verified", replay, 22, ok=False))
        assert set(books.to_undo) == undone
        assert (books.mapped == {}) == bool(undone)


def test_a_begun_restart_is_overtaken_by_another_process_or_by_an_answer() -> None:
    assert overtaken(HANG, _rows("unready")) == ""
    assert overtaken(HANG, _rows("starting", "old")) == ""
    assert overtaken(HANG, _rows("ready", "new")) == "done"
    assert overtaken(HANG, _rows("ready", "old")) == "moot"
    assert overtaken(HANG, {}) == ""


def test_what_the_policy_does_not_allow_is_paged_and_an_undo_is_always_allowed() -> None:
    promote = Promote(version="1.1.0", was="1.0.0")
    denied = decide(Wish(promote, "e", ""), Books(), {}, now_s=0, policy=NOTHING)
    assert (denied.choice, denied.reason) == ("page", "the policy does not allow to promote")
    restore = Restore(version="1.0.0", was="1.1.0")
    assert decide(Wish(restore, "e", ""), Books(), {}, now_s=0, policy=NOTHING).choice == "act"


def test_trainings_that_cost_too_much_processor_time_in_an_hour_are_a_page() -> None:
    train = Train(kind="adapt", after=0)
    books = Books()
    for number, cpu_s in enumerate((500.0, 399.0)):
        books.apply(_entry("action.started", train, number * 100.0))
        books.apply(_entry("action.finished", train, number * 100.0 + 50.0, ok=False, cpu_s=cpu_s))
    assert _decided(train, books, 400.0).choice == "act"
    books.apply(_entry("action.started", train, 400.0))
    books.apply(_entry("action.finished", train, 450.0, ok=False, cpu_s=2.0))
    spent = _decided(train, books, 500.0)
    assert (spent.choice, "CPU seconds" in spent.reason) == ("page", True)
    assert _decided(train, books, 3700.0).choice == "act"


def test_a_version_that_failed_is_not_tried_again_and_one_that_was_overtaken_is() -> None:
    promote = Promote(version="1.1.0", was="1.0.0", by_steps=True)
    for facts, choice in (({"served_share": 0.1}, "refrain"), ({}, "refrain"), ({OVERTAKEN: 1.0}, "act")):
        books = Books()
        books.apply(_entry("action.started", promote, 0.0))
        books.apply(_entry("action.finished", promote, 5.0, ok=False, **facts))
        assert _decided(promote, books, 1000.0).choice == choice


def test_while_damage_is_not_left_out_nothing_is_trained_and_everything_else_goes_on() -> None:
    for act, choice in ((Train(kind="adapt", after=0), "refrain"), (NAME, "act")):
        told = decide(Wish(act, "e", ""), Books(), {}, now_s=0, policy=POLICY, held="training is held")
        assert told.choice == choice


def test_rows_that_a_mapping_repairs_are_not_learned_from_before_it_is_verified() -> None:
    train = Train(kind="adapt", after=0)
    books = Books()
    assert _decided(train, books).choice == "act"
    books.apply(_entry("action.started", NAME, 0.0))
    assert _decided(train, books).choice == "wait"
    books.apply(_entry("action.finished", NAME, 1.0, ok=True))
    assert _decided(train, books).choice == "wait"
    books.apply(_entry("verified", NAME, 2.0, ok=True))
    assert _decided(train, books).choice == "act"


def test_what_is_left_out_is_known_until_it_is_taken_in_again_or_did_not_help() -> None:
    act, release = Quarantine(column="amount", value=9.0), Release(column="amount", value=9.0)
    books = _books(act)
    assert books.quarantined == {"amount": 9.0}
    assert decide(Wish(release, "e", ""), books, {}, now_s=900, policy=NOTHING).choice == "act"
    books.apply(_entry("action.started", release, 1000.0))
    books.apply(_entry("action.finished", release, 1001.0, ok=True))
    assert (books.quarantined, books.busy(target_of(act))) == ({}, False)
    unhelpful = _books(act, ok=False)
    assert set(unhelpful.to_undo) == {"rows.amount"}
    unhelpful.apply(_entry("action.started", release, 1000.0))
    unhelpful.apply(_entry("action.finished", release, 1001.0, ok=True))
    assert (unhelpful.to_undo, unhelpful.quarantined) == ({}, {})
