"""SR-35: a history is chained, the files of a run are sealed, a baseline is the one that was signed off."""

from __future__ import annotations

import io
import json
import random

import msgspec
import pytest

from harness.errors import Untrustworthy
from harness.frontends.cli import main
from harness.history.log import read_history
from harness.history.store import read_campaign
from harness.report.compose import compose
from harness.verdict.baseline import Baseline, opened, seal
from tests.harness.campaign.gating_kit import stored
from tests.traps.histories import killed, written

POSITIONS = 1000
FILES = ("manifest.json", "plan.json", "history.jsonl", "observations.bin")


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    return written(tmp_path_factory.mktemp("store"), killed())


def flipped(data: bytes, at: int, dice: random.Random) -> bytes:
    """The same bytes, one of them another."""
    return data[:at] + bytes([data[at] ^ dice.randrange(1, 256)]) + data[at + 1 :]


def places(length: int, count: int) -> list[int]:
    """So many positions, each byte as likely as any other, the first and the last among them."""
    return [round(n * (length - 1) / (count - 1)) for n in range(count)]


def test_a_byte_that_is_flipped_in_a_history_is_found_at_each_of_1000_positions(campaign):
    """SR-35: what was read before it stays readable, and the run is cut there."""
    (run,) = (campaign / "runs").iterdir()
    data, dice = (run / "history.jsonl").read_bytes(), random.Random(35)
    genesis = read_campaign(campaign).runs[0]
    assert genesis.cut == ""
    found = 0
    for at in places(len(data), POSITIONS):
        recorded = read_history(io.BytesIO(flipped(data, at, dice)), _genesis(run))
        found += bool(recorded.cut) and len(recorded.entries) == data[:at].count(b"\n")
    assert found == POSITIONS


def _genesis(run) -> str:
    from harness.history import store

    return store._genesis((run / "manifest.json").read_bytes(), (run / "plan.json").read_bytes())


@pytest.mark.parametrize("name", [*FILES, "campaign.json"])
def test_a_byte_that_is_flipped_in_any_file_of_a_run_makes_it_void(campaign, name):
    """SR-35: 12 positions of each; the rows by their digest, the rest by the chain that begins with it."""
    (run,) = (campaign / "runs").iterdir()
    path, dice = (campaign if name == "campaign.json" else run) / name, random.Random(name)
    whole = path.read_bytes()
    try:
        for at in places(len(whole), 12):
            path.write_bytes(flipped(whole, at, dice))
            assert main(["analyse", str(campaign)]) in (2, 4), f"byte {at} of {name}"
    finally:
        path.write_bytes(whole)


def test_the_report_names_the_hash_of_each_history(campaign):
    """SR-35: so that a report and the record that it was made of can be told to belong together."""
    document = compose(campaign)
    (history,) = document.inputs.history_sha256
    assert history == read_campaign(campaign).runs[0].sha256
    assert len(history) == 64


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    store = tmp_path_factory.mktemp("gate")
    assert main(["gate", str(stored(store, 1)), "--keep", str(store / "baseline.json")]) == 0
    return store / "baseline.json"


def test_a_byte_that_is_flipped_in_a_baseline_is_found_at_each_of_1000_positions(sealed):
    """SR-35: also where it is a space that became a line's end."""
    data, dice, found = sealed.read_bytes(), random.Random(35), 0
    for at in places(len(data), POSITIONS):
        try:
            opened(flipped(data, at, dice), Baseline, "baseline.json")
        except Untrustworthy:
            found += 1
    assert found == POSITIONS
    space = data.index(b" ")
    with pytest.raises(Untrustworthy, match="was changed"):
        opened(data[:space] + b"\n" + data[space + 1 :], Baseline, "baseline.json")


def judged(folder, baseline, *more: str) -> int:
    return main(["gate", str(folder), "--baseline", str(baseline), *more])


def test_a_baseline_that_was_edited_and_sealed_anew_is_not_the_one_that_was_signed_off(
    sealed, tmp_path, capsys
):
    """SR-35: by its own hash it is whole; the hash that somebody has signed finds it, VOID."""
    folder = stored(tmp_path, 2, slower=2.5)
    baseline = opened(sealed.read_bytes(), Baseline, "b")
    slower = {
        label: tuple(None if one is None else 3 * one for one in times)
        for label, times in baseline.times_s.items()
    }
    forged = tmp_path / "baseline.json"
    forged.write_bytes(seal(msgspec.structs.replace(baseline, times_s=slower))[1])
    assert judged(folder, sealed, "--signed", baseline.sha256) == 1
    assert judged(folder, forged) == 0, "without a signature a forger passes"
    assert judged(folder, forged, "--signed", baseline.sha256[:12]) == 4
    assert "was signed off" in capsys.readouterr().err


def test_the_hash_to_sign_is_printed_where_a_baseline_is_made(tmp_path, capsys):
    """SR-35: the same that stands in the file."""
    folder, file = stored(tmp_path, 3), tmp_path / "b.json"
    assert main(["gate", str(folder), "--keep", str(file)]) == 0
    assert f"sha256: {json.loads(file.read_text())['sha256']}" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--signed", "ab"], ["--signed", "a" * 64, "--signed", "b" * 64]])
def test_a_signature_is_a_hash_and_each_baseline_has_its_own(sealed, tmp_path, words):
    """SR-35: else 2, and nothing is judged."""
    assert judged(stored(tmp_path, 2), sealed, *words) == 2
