"""Harm by a program of the system's own: a real program, a real route; seen, held, undone, or refused."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.errors import Refused, Unsafe
from harness.faults.effects import Hook
from harness.targets.base import Applied, WithoutEffect
from harness.targets.local.hooks import HookHarm, LocalHooks
from tests.ports import free_port

EFFECT = Hook(hook="model", action="set", scale=2.0)
PROGRAM = """
import json, pathlib, sys
folder, verb, action, scale, shift = sys.argv[1:]
alias = pathlib.Path(folder, "alias")
if action == "fail":
    raise SystemExit("no such model")
if action == "mumble":
    print("done")
    raise SystemExit(0)
if verb == "do":
    pathlib.Path(folder, "was").write_text(alias.read_text())
    if action != "idle":
        alias.write_text("bad " + scale)
    seen = {"service": "registry", "route": "/alias", "key": "version", "equals": "bad " + scale}
    print(json.dumps({"proof": ["it was asked"], "seen": None if action == "blind" else seen}))
elif action != "stuck":
    alias.write_text(pathlib.Path(folder, "was").read_text())
    print("{}")
else:
    print("{}")
"""


@dataclass
class System:
    """What a hook needs of a system: addresses, and the program with its environment."""

    folder: Path
    ports: dict[str, int]

    @property
    def urls(self) -> dict[str, str]:
        return {name: f"http://127.0.0.1:{port}" for name, port in self.ports.items()}

    def hook(self, name: str) -> tuple[list[str], dict[str, str], Path]:
        assert name == "model"
        return [sys.executable, "promote.py", str(self.folder)], {"PATH": os.environ["PATH"]}, self.folder


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    alias = tmp_path / "alias"
    alias.write_text("good")
    (tmp_path / "promote.py").write_text(PROGRAM)

    class Registry(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"version": alias.read_text()}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Silence."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield System(tmp_path, {"registry": server.server_port})
        server.shutdown()
        thread.join()


def _harm(system: System) -> HookHarm:
    return HookHarm(LocalHooks(system), 0.5)  # type: ignore[arg-type]


def _alias(system: System) -> str:
    return (system.folder / "alias").read_text()


def _applied(system: System, effect: Hook = EFFECT) -> Applied:
    return _harm(system).apply(effect)


def test_what_a_hook_did_is_seen_on_its_route_held_and_undone(system: System) -> None:
    applied = _applied(system)
    assert _alias(system) == "bad 2.0"
    assert applied.shows == "registry:/alias bad 2.0"
    assert applied.proof == ("it was asked", "registry/alias: version is bad 2.0")
    harm = _harm(system)
    assert harm.holds(applied)
    assert harm.undo(applied, EFFECT)
    assert harm.look_gone(applied) == ("gone: registry/alias: version is bad 2.0",)
    assert _alias(system) == "good"


def test_a_program_beside_the_caller_does_not_stand_in_for_the_one_beside_the_system(
    system: System, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its words count from the system's folder, as they did when somebody consented to what is there."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "promote.py").write_text("print('{}')\n")
    monkeypatch.chdir(elsewhere)
    assert _applied(system).shows == "registry:/alias bad 2.0"


def test_what_somebody_set_back_before_the_undo_needed_none(system: System) -> None:
    applied = _applied(system)
    (system.folder / "alias").write_text("better")
    harm = _harm(system)
    assert not harm.holds(applied)
    assert not harm.undo(applied, EFFECT)


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("idle", "not seen"),
        ("blind", "does not say where"),
        ("fail", "no such model"),
        ("mumble", "did not say what it did"),
    ],
)
def test_a_hook_that_shows_nothing_had_no_effect(system: System, action: str, words: str) -> None:
    with pytest.raises(WithoutEffect, match=words):
        _applied(system, Hook(hook="model", action=action))
    assert _alias(system) == "good"


def test_an_effect_that_stays_after_its_undo_is_unsafe(system: System) -> None:
    effect = Hook(hook="model", action="stuck")
    applied = _applied(system, effect)
    harm = _harm(system)
    assert harm.undo(applied, effect)
    with pytest.raises(Unsafe, match="not seen to be gone"):
        harm.look_gone(applied)


def test_what_is_no_effect_of_a_hook_is_refused(system: System) -> None:
    other = Applied(
        effect=EFFECT,
        pid=0,
        start_ticks=0,
        boot_id="",
        asked_at_s=1.0,
        effective_at_s=1.0,
        proof=(),
        handle="toxic-1",
    )
    with pytest.raises(Refused, match="no effect of a hook"):
        _harm(system).holds(other)


def test_silence_is_no_proof_that_an_effect_is_gone(system: System) -> None:
    applied = _applied(system)
    system.ports["registry"] = free_port()
    harm = _harm(system)
    assert harm.holds(applied)
    with pytest.raises(Unsafe, match="not seen to be gone"):
        harm.look_gone(applied)
