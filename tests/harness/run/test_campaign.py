"""A campaign begins only where it can be kept, and its exit code says whether anything was injected."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from harness.errors import Refused, Untrustworthy
from harness.experiment.model import Profile
from harness.faults.effects import Kill
from harness.history.events import Injected
from harness.history.model import CampaignFile
from harness.history.store import new_campaign, new_run
from harness.plan.model import Plan
from harness.run.campaign import _refusal, run_campaign


def run(experiment, store):
    return run_campaign((), experiment, store=store, seed=1, progress=lambda _: None)


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_store_that_is_a_file_is_refused(prepared_by, tmp_path, below):
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match=r"store .* cannot be written"):
        run(prepared_by("true"), tmp_path / "file" / below)


@pytest.mark.parametrize("store", ["/proc", "/proc/nothing"])
def test_a_store_that_cannot_be_written_is_refused(prepared_by, store):
    with pytest.raises(Refused, match=r"store .* cannot be written"):
        run(prepared_by("true"), Path(store))


def test_a_store_whose_name_no_record_could_hold_is_refused_before_it_is_made(prepared_by, tmp_path):
    store = tmp_path / os.fsdecode(b"caf\xe9")
    with pytest.raises(Refused, match=r"caf\\udce9.* no text in UTF-8"):
        run(prepared_by("true"), store)
    assert not store.exists()


def test_modules_are_not_imported_from_a_folder_that_everybody_may_write_into(prepared_by, tmp_path):
    experiment = prepared_by("touch", str(tmp_path / "prepared"))
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    experiment = msgspec.structs.replace(experiment, system_dir=str(shared / "system"))
    with pytest.raises(Refused, match="everybody may write"):
        run(experiment, tmp_path / "store")
    assert not (tmp_path / "prepared").exists()


def test_a_missing_scratch_is_refused_before_anything_is_prepared(prepared_by, tmp_path, monkeypatch):
    monkeypatch.setenv("HORMESIS_SCRATCH", str(tmp_path / "missing"))
    with pytest.raises(Refused, match="HORMESIS_SCRATCH"):
        run(prepared_by("touch", str(tmp_path / "prepared")), tmp_path / "store")
    assert not (tmp_path / "prepared").exists()


PLAN = Plan(
    experiment="t",
    experiment_sha256="",
    system="toy",
    scenario_sha256="",
    target="local",
    seed=1,
    pair=0,
    arm="none",
    sham=False,
    restart_profile="fast",
    profile=Profile(),
    world_s_per_run_s=1.0,
    episodes=(),
    duration_s=1.0,
    sha256="",
)


def injected(*, sham: bool) -> Injected:
    return Injected(
        episode=0,
        effect=Kill(service="one"),
        sham=sham,
        asked_at_s=1.0,
        effective_at_s=1.0,
        pid=2,
        proof=("gone",),
    )


def campaign_with(store: Path, event: Injected) -> Path:
    """A campaign with one finished run in which ``event`` happened."""
    file = CampaignFile(
        id="refused-campaign",
        title="t",
        system="toy",
        target="local",
        seed=1,
        profile=Profile(),
        experiment_file="f",
        experiment_sha256="",
        scenario_sha256="",
        harness_version="",
        machine="",
        started_utc="",
        planned_runs=2,
        objectives=(),
    )
    folder = new_campaign(store, file)
    run = new_run(folder, PLAN, clock=lambda: (1.0, ""), versions={}, machine="")
    run.writer.append(event)
    run.finish("void")
    return folder


@pytest.mark.parametrize(("sham", "kind"), [(True, Refused), (False, Untrustworthy)])
def test_a_refusal_after_a_fault_was_injected_is_no_refusal(tmp_path, sham, kind):
    folder = campaign_with(tmp_path, injected(sham=sham))
    error = _refusal([folder], 2, Refused("no port is free"))
    assert type(error) is kind
    assert "no port is free" in str(error)
