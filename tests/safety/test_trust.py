"""SR-19: a contributor's questions are answered, and nothing of the change is run, followed or written."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.errors import Refused
from harness.frontends.cli import COMMANDS, main
from harness.frontends.trust import admit
from tests.harness.campaign.campaign_kit import SHORTEST, written

SYSTEM = """\
version: 1
name: evil
preload: [evil_code]
services:
  scorer: {entry: "evil_code:serve", command: []}
workload: {service: scorer, route: /decide}
"""
FILE = """\
title: "../../../escape"
description: A question from somebody.
method:
  - type: action
    name: cut
    provider:
      type: python
      module: harness.frontends.chaostoolkit.faults
      func: process_kill
      arguments: {service: gateway}
x-hormesis: {version: 1, scenario: scenario.yaml, profile: test}
"""


@dataclass(frozen=True)
class Done:
    """A command that is over: its code, and all that it said."""

    returncode: int
    said: str


class Tree:
    """A checkout of a pull request, a place outside of it, and a file there that would be a mark."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, said: pytest.CaptureFixture[str]) -> None:
        self.patch, self.said = patch, said
        self.tree, self.outside = folder / "checkout", folder / "outside"
        (self.tree / ".git").mkdir(parents=True)
        self.outside.mkdir()
        self.mark = self.outside / "mark"
        self.write("evil_code.py", f"import pathlib\npathlib.Path({str(self.mark)!r}).touch()\n")
        self.write("scenario.yaml", "version: 1\nname: steady\n")
        self.write("system.yaml", SYSTEM)
        (self.outside / "secret.yaml").write_text("password: hunter2-hunter2\n")
        patch.chdir(self.tree)
        patch.setenv("HORMESIS_TRUST", "contributor")
        patch.setenv("HORMESIS_STORE", str(self.outside / "store"))

    def write(self, name: str, text: str) -> Path:
        path = self.tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def asked(self, **changed: str) -> None:
        """The experiment, with keys of x-hormesis as they are told."""
        keys = {"version": "1", "scenario": "scenario.yaml", "profile": "test", **changed}
        head = FILE.partition("x-hormesis:")[0]
        self.write("e.yaml", head + "x-hormesis: {" + ", ".join(f"{k}: {v}" for k, v in keys.items()) + "}\n")

    def says(self, *words: str) -> Done:
        """What the command says to who stands in the checkout; nothing of the change was imported by it."""
        before = set(sys.modules)
        code = main(list(words))
        out, err = self.said.readouterr()
        assert not {"evil_code"} & (set(sys.modules) - before)
        return Done(code, out + err)


@pytest.fixture
def tree(tmp_path, monkeypatch, capsys) -> Tree:
    return Tree(tmp_path, monkeypatch, capsys)


RUN = ("run", "e.yaml", "--target", "simulation", "--seed", "1")


def own_system(tree: Tree) -> tuple[str, ...]:
    tree.asked(system="system.yaml")
    return RUN


def own_system_that_prepares(tree: Tree) -> tuple[str, ...]:
    tree.write("system.yaml", SYSTEM + 'prepare: {command: ["{python}", evil_code.py]}\n')
    tree.asked(system="system.yaml")
    return RUN


def own_world_and_simulation(tree: Tree) -> tuple[str, ...]:
    more = 'world: "evil_code:open_world"\nsimulation: {opens: "evil_code:open"}\n'
    tree.write("system.yaml", SYSTEM.replace(", command: []", "") + more)
    tree.asked(system="system.yaml")
    return RUN


def own_hook(tree: Tree) -> tuple[str, ...]:
    tree.write(
        "system.yaml", SYSTEM + 'hooks: {evil: {command: ["{python}", evil_code.py], actions: [go]}}\n'
    )
    tree.asked(system="system.yaml")
    return ("plan", "e.yaml", "--offline")


def provider(kind: str, **more: object):
    """An action or probe that plain Chaos Toolkit would run."""

    def trick(tree: Tree) -> tuple[str, ...]:
        tree.asked()
        text = (tree.tree / "e.yaml").read_text()
        ours = text[text.index("    provider:") : text.index("x-hormesis:")]
        tree.write("e.yaml", text.replace(ours, f"    provider: {json.dumps({'type': kind, **more})}\n"))
        return RUN

    return trick


def controls(tree: Tree) -> tuple[str, ...]:
    tree.asked()
    path = tree.tree / "e.yaml"
    control = {"name": "c", "provider": {"type": "python", "module": "evil_code"}}
    tree.write(
        "e.yaml", path.read_text() + f"controls: [{json.dumps(control)}]\nsecrets: {{a: {{type: env}}}}\n"
    )
    return RUN


def real_processes(tree: Tree) -> tuple[str, ...]:
    tree.asked()
    return ("run", "e.yaml", "--target", "local", "--seed", "1")


def own_system_beside_ours(tree: Tree) -> tuple[str, ...]:
    text = SYSTEM.replace(", command: []", "").replace("scorer", "gateway")
    tree.write("system.yaml", text + 'prepare: {command: ["{python}", ' + f'"{tree.tree}/evil_code.py"]}}\n')
    tree.asked(system="system.yaml")
    (tree.tree / "e.yaml").rename(tree.tree / "old.yaml")
    tree.asked()
    return (*RUN, "--against", "old.yaml")


def system_behind_a_link(tree: Tree) -> tuple[str, ...]:
    (tree.tree / "link.yaml").symlink_to(tree.outside / "secret.yaml")
    tree.asked(system="link.yaml")
    return ("validate", "e.yaml")


def scenario_outside(tree: Tree) -> tuple[str, ...]:
    tree.asked(scenario="../outside/secret.yaml")
    return ("validate", "e.yaml")


def rows_outside(tree: Tree) -> tuple[str, ...]:
    knobs = "knobs: {kind: replay, source: ../outside/secret.yaml}\n"
    tree.write("scenario.yaml", f"version: 1\nname: steady\n{knobs}")
    tree.asked()
    return RUN


def folder_behind_a_link(tree: Tree) -> tuple[str, ...]:
    (tree.tree / "experiments").symlink_to(tree.outside)
    return ("validate", "experiments/secret.yaml")


def modules_of_the_change(tree: Tree) -> tuple[str, ...]:
    tree.asked()
    for name in ("reference_pipeline/__init__.py", "evil_code/__init__.py"):
        tree.write(name, "")
    tree.patch.syspath_prepend(str(tree.tree))
    return RUN


def modules_of_where_one_stands(tree: Tree) -> tuple[str, ...]:
    tree.asked()
    tree.patch.syspath_prepend("")
    return ("validate", "e.yaml")


def store_in_the_change(tree: Tree) -> tuple[str, ...]:
    tree.asked()
    return (*RUN, "--store", "reports/runs")


def a_tag_that_builds(tree: Tree) -> tuple[str, ...]:
    tree.asked()
    text = (tree.tree / "e.yaml").read_text()
    tree.write("e.yaml", text + "tags: !!python/object/apply:evil_code.serve []\n")
    return ("validate", "e.yaml")


def their_own_plugin_command(tree: Tree) -> tuple[str, ...]:
    tree.asked()
    return ("calibrate", "e.yaml", "--out", "costs.json")


TRICKS = {
    "a system file of their own": (own_system, 5),
    "with a prepare command": (own_system_that_prepares, 5),
    "with a world and a simulation to import": (own_world_and_simulation, 5),
    "with a hook": (own_hook, 5),
    "an action that is a process": (provider("process", path="python3", arguments=["evil_code.py"]), 2),
    "an action that is a request": (provider("http", url="http://127.0.0.1:9/"), 2),
    "an action in a module of their own": (provider("python", module="evil_code", func="serve"), 2),
    "controls and secrets": (controls, 2),
    "real processes": (real_processes, 5),
    "a system file of their own beside ours": (own_system_beside_ours, 5),
    "a link that leads out": (system_behind_a_link, 5),
    "a scenario outside": (scenario_outside, 5),
    "rows outside": (rows_outside, 5),
    "a folder that leads out": (folder_behind_a_link, 5),
    "modules that stand before the installed ones": (modules_of_the_change, 5),
    "modules of the folder that one stands in": (modules_of_where_one_stands, 5),
    "a store in the checkout": (store_in_the_change, 5),
    "a tag that builds an object": (a_tag_that_builds, 2),
    "a command that starts processes": (their_own_plugin_command, 5),
}


def files(folder: Path) -> dict[Path, int]:
    return {path: path.lstat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.parametrize(("trick", "code"), TRICKS.values(), ids=TRICKS)
def test_a_trick_of_a_pull_request_ends_in_2_or_5_and_touches_no_file(tree, trick, code):
    """SR-19: nothing is imported, started, written, or read to somebody who may not read it."""
    words = trick(tree)
    before = files(tree.tree), files(tree.outside)
    done = tree.says(*words)
    assert done.returncode == code, done.said
    assert (files(tree.tree), files(tree.outside)) == before
    assert not tree.mark.exists()
    assert "hunter2" not in done.said


def test_without_the_variable_the_same_system_would_be_started(tree):
    """SR-19: the tricks are real ones: an author's own command is what he asked for."""
    tree.patch.setenv("HORMESIS_TRUST", "author")
    program = json.dumps(["{python}", str(tree.tree / "evil_code.py")])
    text = SYSTEM.replace(", command: []", "").replace("scorer", "gateway")
    tree.write("system.yaml", f"{text}prepare: {{command: {program}}}\n")
    tree.asked(system="system.yaml")
    done = tree.says("run", "e.yaml", "--seed", "1")
    assert done.returncode == 5, done.said  # it makes no folder
    assert tree.mark.exists()


def test_questions_are_answered(tree):
    """SR-19: a file with a foreign system is checked as data, and a plan is told."""
    tree.asked(system="system.yaml")
    tree.write("system.yaml", SYSTEM.replace(", command: []", "").replace("scorer", "gateway"))
    assert tree.says("validate", "e.yaml").returncode == 0
    tree.asked()
    assert tree.says("plan", "e.yaml", "--offline").returncode == 0
    assert tree.says("plan", "e.yaml").returncode == 5
    assert not tree.mark.exists()


@pytest.mark.slow
def test_a_run_of_the_bundled_system_on_a_virtual_clock_is_done(tree):
    """SR-19: with the faults of the harness, the store outside."""
    file = written(tree.tree, lengths=SHORTEST)
    done = tree.says("run", file.name, "--target", "simulation", "--seed", "1")
    assert done.returncode == 0, done.said
    assert list((tree.outside / "store").glob("*/report.html"))


def test_every_other_command_is_refused():
    """SR-19: none is forgotten that is added later."""
    for command in set(COMMANDS) - {"validate", "plan", "run"}:
        with pytest.raises(Refused, match="not for contributors"):
            admit(command, Namespace())


@pytest.mark.parametrize("level", ["Contributor", "contributer", "operator", " "])
def test_a_level_that_is_misspelt_is_a_mistake_and_not_an_author(tree, level):
    """SR-19: 2, whatever was asked."""
    tree.asked()
    tree.patch.setenv("HORMESIS_TRUST", level)
    assert tree.says("validate", "e.yaml").returncode == 2


def test_an_operator_file_in_the_work_tree_is_refused(tree):
    """SR-19: be it named by the environment, or behind a link."""
    tree.patch.setenv("HORMESIS_TRUST", "author")
    tree.asked()
    tree.write("targets.toml", "[targets.local]\n").chmod(0o600)
    (tree.outside / "targets.toml").symlink_to(tree.tree / "targets.toml")
    for path in (tree.tree, tree.outside):
        tree.patch.setenv("HORMESIS_OPERATOR_FILE", str(path / "targets.toml"))
        done = tree.says("plan", "e.yaml", "--offline")
        assert (done.returncode, "lies in the work tree" in done.said) == (5, True)


def test_an_operator_file_in_the_checkout_of_the_system_is_refused(tree):
    """SR-19: the experiment may lie elsewhere."""
    tree.patch.setenv("HORMESIS_TRUST", "author")
    other = tree.outside / "other"
    (other / ".git").mkdir(parents=True)
    (other / "system.yaml").write_text(SYSTEM)
    (other / "targets.toml").write_text("[targets.local]\n")
    (other / "targets.toml").chmod(0o600)
    tree.patch.setenv("HORMESIS_OPERATOR_FILE", str(other / "targets.toml"))
    tree.asked(system="../outside/other/system.yaml")
    asked = tree.tree / "e.yaml"
    asked.write_text(asked.read_text().replace("service: gateway", "service: scorer"))
    done = tree.says("plan", "e.yaml", "--offline")
    assert (done.returncode, "lies in the work tree" in done.said) == (5, True), done.said
