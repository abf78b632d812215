"""The arm ``reference`` as real processes under the real supervisor: a hang, a rename, the healer's end."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reference_pipeline.world.golden import load_golden
from tests.ports import free_port
from tests.reference_pipeline.running import EDGES, SERVICES, SWITCH_TOKEN, ask, until

pytestmark = [pytest.mark.live, pytest.mark.slow]

AFTER = {"scorer-a": ["registry"], "scorer-b": ["registry"], "gateway": ["features", "scorer-a"]}


class System:
    """All services and the healer under a supervisor, which ends them when its standard input closes."""

    def __init__(self, folder: Path, template: Path) -> None:
        self.urls = {name: f"http://127.0.0.1:{free_port()}" for name in (*SERVICES, "healer")}
        spec = {
            "state_dir": str(folder),
            "profile": "fast",
            "restart": True,
            "preload": ["reference_pipeline.deploy.local"],
            "services": [self._service(name, folder, template) for name in self.urls],
        }
        path = folder / "spec.json"
        path.write_text(json.dumps(spec))
        command = [sys.executable, "-m", "harness.targets.local.supervisor", str(path)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self._listening = json.loads(self.process.stdout.readline())

    def _service(self, name: str, folder: Path, template: Path) -> dict[str, object]:
        edges = {edge: self.urls[to] for edge, to in EDGES.items()}
        healers = {f"HEALER_{one.upper().replace('-', '_')}": self.urls[one] for one in SERVICES}
        port = int(self.urls[name].rpartition(":")[2])
        env = {
            "PATH": os.environ["PATH"],
            "SWITCH_TOKEN": SWITCH_TOKEN,
            "OMP_NUM_THREADS": "1",
            "PORT": str(port),
            "SERVICE": name,
            "STATE_DIR": str(folder / name),
            "TEMPLATE_DIR": str(template),
            "HEALING": "reference",
            **{f"EDGE_{edge}_URL": url for edge, url in (edges | healers).items()},
        }
        entry = f"reference_pipeline.deploy.local:serve_{name.partition('-')[0]}"
        after = [*SERVICES] if name == "healer" else AFTER.get(name, [])
        return {
            "name": name,
            "entry": entry,
            "env": env,
            "port": port,
            "after": after,
            "platform": name == "healer",
        }

    def platform(self, path: str) -> Any:
        url = f"http://127.0.0.1:{self._listening['port']}{path}"
        asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {self._listening['token']}"})
        with urllib.request.urlopen(asked, timeout=10) as reply:
            return json.load(reply)

    def row(self, name: str) -> dict[str, Any]:
        row: dict[str, Any] = next(one for one in self.platform("/v1/services") if one["name"] == name)
        return row

    def asked_for(self, name: str) -> list[str]:
        ledger = self.platform("/v1/ledger?after=0")
        return [line["detail"] for line in ledger if line["service"] == name and line["act"] == "asked"]

    def listed(self, name: str, path: str) -> list[str]:
        answer = ask(f"{self.urls[name]}{path}?limit=10000")
        return [row["id"] for row in answer.json["ids"]] if answer.status == 200 else []

    def journal(self) -> list[dict[str, Any]]:
        return [one["line"] for one in ask(f"{self.urls['healer']}/journal").json["lines"]]

    def signals(self) -> dict[str, float]:
        signals: dict[str, float] = ask(f"{self.urls['healer']}/signals").json
        return signals

    def end(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(30)
        finally:
            self.process.kill()
            self.process.stdout.close()


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, small_template: Path) -> Iterator[System]:
    running = System(tmp_path_factory.mktemp("healed"), small_template)
    try:
        until(lambda: all(one["state"] == "ready" for one in running.platform("/v1/services")), 60)
        yield running
    finally:
        running.end()


def test_a_hung_scorer_is_restarted_by_the_healer_once(system: System) -> None:
    """In the profile ``fast`` the platform never would."""
    before = system.row("scorer-a")
    os.kill(before["pid"], signal.SIGSTOP)
    until(lambda: system.row("scorer-a")["boot_id"] not in ("", before["boot_id"]), 90)
    until(lambda: system.journal()[-1]["type"] == "io.hormesis.heal.verified.v1", 30)
    assert system.asked_for("scorer-a") == ["restart by healer"]
    assert system.journal()[-1]["data"]["evidence"]["ok"] is True
    others = [name for name in SERVICES if name != "scorer-a" and system.asked_for(name)]
    assert others == []


def test_a_renamed_field_is_mapped_and_every_dead_letter_is_delivered_once(
    system: System, small_template: Path
) -> None:
    golden = load_golden(small_template).records
    source = f"c{random.Random(11).randrange(10**8)}"
    sent: list[str] = []

    def mapped() -> bool:
        # Golden rows among others, as the witness sends them.
        rows = [
            {**row, "amount": 3.0 + len(sent) + n, "card_age_days": 7.5} for n, row in enumerate(golden[:15])
        ]
        records = [*golden[len(sent) // 20 % 5 : len(sent) // 20 % 5 + 5], *rows]
        batch = []
        for record in records:
            sent.append(f"t{len(sent)}")
            renamed = {source if key == "amount" else key: value for key, value in record.items()}
            batch.append({"id": sent[-1], **renamed})
        ask(f"{system.urls['gateway']}/decide", json.dumps({"records": batch}).encode())
        return bool(ask(f"{system.urls['gateway']}/switches/mapping").json["mapping"])

    until(mapped, 60)
    mapped()  # records still come, and are repaired
    until(lambda: not system.listed("gateway", "/audit/dead_letters"), 60)
    until(lambda: len(system.listed("delivery", "/audit/sink")) >= len(sent), 60)
    assert sorted(system.listed("delivery", "/audit/sink")) == sorted(sent)
    assert ask(f"{system.urls['gateway']}/switches/mapping").json["mapping"] == {"amount": source}
    assert len([one for one in system.journal() if "map" in str(one) and "started" in one["type"]]) == 1


def test_a_healer_that_was_killed_has_its_journal_and_does_nothing_twice(system: System) -> None:
    until(lambda: system.signals()["acts_open"] == 0)
    told = system.journal()
    before = system.row("healer")
    os.kill(before["pid"], signal.SIGKILL)
    until(lambda: system.row("healer")["boot_id"] not in ("", before["boot_id"]), 60)
    until(lambda: system.signals()["ticks_total"] > 20)
    assert system.journal() == told
    assert system.asked_for("scorer-a") == ["restart by healer"]
