"""An experiment file becomes an Experiment, or one error that lists every problem at its place."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import msgspec
import pytest

from harness.errors import UsageProblem
from harness.experiment.load import load_experiment
from harness.experiment.messages import MESSAGES
from harness.experiment.model import PROFILES
from harness.faults.catalog import FAULTS, compile_fault
from harness.faults.effects import Delay, Kill, Pause
from tests.harness.experiment.carets import under_carets


def problems_of(folder, *changes: tuple[str, str], file: str = "experiment.yaml"):
    """The problems of the experiment after ``changes`` of text in ``file``."""
    text = (folder / file).read_text()
    for old, new in changes:
        assert old in text, f"the test replaces {old!r}, which is not there"
        text = text.replace(old, new, 1)
    (folder / file).write_text(text)
    with pytest.raises(UsageProblem) as caught:
        load_experiment(folder / "experiment.yaml")
    return caught.value.problems


def test_a_right_file_becomes_an_experiment(folder):
    experiment = load_experiment(folder / "experiment.yaml")
    assert experiment.title == "Kill the scorer"
    assert experiment.system.name == "toy"
    assert experiment.system_dir == str(folder)
    assert [(step.name, step.kind, step.effect) for step in experiment.steps] == [
        ("kill-scorer", "process.kill", Kill(service="scorer"))
    ]
    assert experiment.profile == PROFILES["test"]
    assert (experiment.arms, experiment.restart_profiles, experiment.sham) == (("none",), ("fast",), True)


def test_the_hash_covers_the_question_and_not_where_the_file_lies(folder, tmp_path_factory):
    first = load_experiment(folder / "experiment.yaml").sha256
    other = tmp_path_factory.mktemp("elsewhere")
    for file in folder.iterdir():
        (other / file.name).write_text("# a comment\n" + file.read_text())
    assert load_experiment(other / "experiment.yaml").sha256 == first
    (other / "system.yaml").write_text((folder / "system.yaml").read_text().replace("/decide", "/decides"))
    assert load_experiment(other / "experiment.yaml").sha256 != first


def test_a_profile_may_be_adjusted_and_says_so_in_its_name(folder):
    file = folder / "experiment.yaml"
    file.write_text(file.read_text().replace("profile: test", "profile: {base: demo, tau_s: 60}"))
    profile = load_experiment(file).profile
    assert (profile.name, profile.tau_s, profile.rate_hz) == ("demo+tau_s", 60.0, PROFILES["demo"].rate_hz)


def test_a_profile_named_on_the_command_line_wins(folder):
    assert load_experiment(folder / "experiment.yaml", "demo").profile == PROFILES["demo"]
    with pytest.raises(UsageProblem) as caught:
        load_experiment(folder / "experiment.yaml", "dmeo")
    assert caught.value.problems[0].code == "HRM220"
    assert "'demo'" in caught.value.problems[0].help


def test_pauses_of_an_action_are_kept(folder):
    file = folder / "experiment.yaml"
    file.write_text(
        file.read_text().replace("    provider:", "    pauses: {before: 1, after: 2.5}\n    provider:")
    )
    pauses = load_experiment(file).steps[0].pauses
    assert (pauses.before, pauses.after) == (1.0, 2.5)


def test_a_hang_may_end_by_itself(folder):
    file = folder / "experiment.yaml"
    text = file.read_text().replace("process_kill", "process_hang")
    file.write_text(text.replace("{service: scorer}", "{service: scorer, duration_s: 2}"))
    assert load_experiment(file).steps[0].effect == Pause(service="scorer", duration_s=2.0)


def test_the_bundled_system_is_the_default(folder):
    file = folder / "experiment.yaml"
    text = (
        file.read_text()
        .replace("  system: system.yaml\n", "")
        .replace("service: scorer}", "service: gateway}")
    )
    file.write_text(text)
    assert "scorer-a" in load_experiment(file).system.services


@pytest.mark.parametrize(
    ("old", "new", "code", "marked"),
    [
        ("process_kill", "process_kil", "HRM211", "process_kil"),
        ("process_kill", "network_latency", "HRM202", "service"),
        *(
            (
                "process_kill\n      arguments: {service: scorer}",
                f"{func}\n      arguments: {{{given}}}",
                *found,
            )
            for func, given, *found in [
                ("network_latency", "edge: gateway-scorer", "HRM203", "arguments"),
                ("network_latency", "edge: gateway-screr, latency_ms: 4", "HRM228", "gateway-screr"),
                ("network_latency", "edge: gateway-scorer, latency_ms: 0", "HRM204", "0"),
                ("network_latency", "edge: gateway-scorer, latency_ms: -4", "HRM204", "-4"),
                ("network_latency", "edge: gateway-scorer, latency_ms: 4, jitter_ms: 5", "HRM204", "5"),
                ("network_latency", "edge: gateway-scorer, latency_ms: 4, way: up", "HRM206", "up"),
                ("network_partition", "edge: gateway-scorer, share_ratio: 1.5", "HRM204", "1.5"),
                ("network_partition", "edge: gateway-scorer, duration_s: 0", "HRM204", "0"),
                ("network_refuse", "edge: gateway-scorer, duration_s: 9000", "HRM218", "9000"),
                ("network_refuse", "edge: ../etc", "HRM228", "../etc"),
                ("data_rename_field", "field: 1st", "HRM204", "1st"),
                ("data_change_unit", "field: amount, factor: 1", "HRM204", "1"),
                ("data_nulls", "field: amount, by: row", "HRM206", "row"),
                ("data_truncate_batch", "share_ratio: 1", "HRM204", "1"),
                ("placebo_surge", "factor: 9", "HRM204", "9"),
            ]
        ),
        ("{service: scorer}", "{service: scorr}", "HRM212", "scorr"),
        ("{service: scorer}", "{servce: scorer}", "HRM202", "servce"),
        ("{service: scorer}", "{}", "HRM203", "arguments"),
        ("{service: scorer}", "{service: 3}", "HRM201", "3"),
        ("arguments: {service: scorer}", "arguments: scorer", "HRM201", "scorer"),
        ("module: harness.frontends.chaostoolkit.faults", "module: os", "HRM213", "os"),
        ("      type: python\n", "      type: process\n", "HRM213", "process"),
        ("  - type: action", "  - type: probe", "HRM214", "probe"),
        ("    name: kill-scorer\n", "    name: kill-scorer\n    background: true\n", "HRM215", "background"),
        ("    name: kill-scorer\n", "    name: kill-scorer\n    controls: []\n", "HRM215", "controls"),
        ("title: Kill the scorer", "title: Kill\nsecrets: {}", "HRM215", "secrets"),
        ("    name: kill-scorer\n", "", "HRM203", "t"),
        ("    name: kill-scorer", "    name: ${name}", "HRM216", "${name}"),
        ("    name: kill-scorer", "    name: kill-scorer\n    pauses: {after: -1}", "HRM205", "-1"),
        ("    name: kill-scorer", "    name: kill-scorer\n    pauses: {aftr: 1}", "HRM202", "aftr"),
        ("title: Kill the scorer", "titel: Kill the scorer", "HRM202", "titel"),
        ("title: Kill the scorer", "title: [a]", "HRM201", "["),
        ("x-hormesis:", "x-hormsis:", "HRM202", "x-hormsis"),
        ("profile: test", "profile: tset", "HRM220", "tset"),
        ("profile: test", "profile: {tau_s: -4}", "HRM205", "-4"),
        ("profile: test", "profile: {tau_s: ten}", "HRM201", "ten"),
        ("profile: test", "profile: {tua_s: 4}", "HRM202", "tua_s"),
        ("profile: test", "profile: {rate_hz: 1000000}", "HRM225", "{"),
        ("profile: test", "profile: [1]", "HRM201", "["),
        ("profile: test", "arms: [none, bear]", "HRM219", "bear"),
        ("profile: test", "arms: [none, reference]", "HRM229", "reference"),
        ("  scenario: scenario.yaml\n", "", "HRM203", "x-hormesis"),
        ("profile: test", "arms: none", "HRM201", "none"),
        ("profile: test", "arms: [none, none]", "HRM224", "none"),
        ("profile: test", "restart_profiles: [fats]", "HRM221", "fats"),
        ("profile: test", "repetitions: 0", "HRM204", "0"),
        ("profile: test", "sham: maybe", "HRM201", "maybe"),
        (
            "profile: test",
            "objectives: [{fault: process.hang, exactly_once: true}]",
            "HRM222",
            "process.hang",
        ),
        ("profile: test", "objectives: [{arm: bare, exactly_once: true}]", "HRM222", "bare"),
        ("profile: test", "objectives: [{fault: process.kill}]", "HRM223", "{"),
        ("  version: 1", "  version: 2", "HRM206", "2"),
        ("  version: 1\n", "", "HRM203", "x-hormesis"),
        ("scenario: scenario.yaml", "scenario: gone.yaml", "HRM101", "gone.yaml"),
        ("system: system.yaml", "system: gone.yaml", "HRM101", "gone.yaml"),
    ],
)
def test_what_is_wrong_is_named_and_marked(folder, old, new, code, marked):
    problems = problems_of(folder, (old, new))
    found = [problem for problem in problems if problem.code == code]
    assert found, [problem.code for problem in problems]
    assert under_carets(found[0]) == marked
    assert found[0].help
    assert found[0].file == str(folder / "experiment.yaml")


def test_a_fault_that_would_outlive_every_guard_is_refused(folder):
    problems = problems_of(
        folder, ("process_kill", "process_hang"), ("{service: scorer}", "{service: scorer, duration_s: 901}")
    )
    assert [(p.code, under_carets(p)) for p in problems] == [("HRM218", "901")]
    assert "900 s" in problems[0].excerpt


def test_a_fault_that_stays_until_it_is_undone_may_not_stay_longer_either(folder):
    # 900 + W 0.5 + H 1.5: without an end of its own the fault would be there for the whole of it.
    problems = problems_of(folder, ("profile: test", "profile: {base: test, tau_s: 900}"))
    assert [(p.code, under_carets(p)) for p in problems] == [("HRM218", "{")]
    assert "until it is undone" in problems[0].message


def test_a_timed_fault_counts_in_the_length_of_the_run(folder):
    file = folder / "experiment.yaml"
    text = file.read_text().replace("process_kill", "process_hang")
    text = text.replace("{service: scorer}", "{service: scorer, duration_s: 900}")
    long = text.replace("profile: test", "profile: {base: test, rate_hz: 22000}")
    file.write_text(long.replace(", duration_s: 900", ""))
    load_experiment(file)  # 8 s watched
    file.write_text(long)
    with pytest.raises(UsageProblem) as caught:
        load_experiment(file)
    assert [p.code for p in caught.value.problems] == ["HRM225"]


def test_an_empty_method_is_refused(folder):
    text = (folder / "experiment.yaml").read_text()
    start, end = text.index("method:"), text.index("x-hormesis:")
    problems = problems_of(folder, (text[start:end], "method: []\n"))
    assert [problem.code for problem in problems] == ["HRM217"]


def test_two_actions_of_one_name_are_refused(folder):
    text = (folder / "experiment.yaml").read_text()
    action = text[text.index("  - type: action") : text.index("x-hormesis:")]
    assert [problem.code for problem in problems_of(folder, (action, action + action))] == ["HRM224"]


def test_all_problems_are_listed_in_the_order_of_their_lines(folder):
    problems = problems_of(
        folder,
        ("title: Kill", "titel: Kill"),
        ("process_kill", "process_kil"),
        ("profile: test", "profile: {tau_s: no, hold_s: -1}\n  arms: [bear]"),
        ("scenario: scenario.yaml", "scenario: gone.yaml"),
    )
    assert [p.code for p in problems] == [
        "HRM202",
        "HRM203",
        "HRM211",
        "HRM101",
        "HRM113",
        "HRM205",
        "HRM219",
    ]
    assert [p.line for p in problems] == sorted(p.line for p in problems)


@pytest.mark.parametrize(
    ("file", "old", "new", "code"),
    [
        ("system.yaml", "after: [scorer]", "after: [scorr]", "HRM302"),
        ("system.yaml", "to: scorer", "to: scorr", "HRM302"),
        ("system.yaml", "service: gateway", "service: gatewy", "HRM302"),
        ("system.yaml", "gateway:/audit", "gatewy:/audit", "HRM302"),
        ("system.yaml", "gateway:/audit/accepted", "nowhere", "HRM204"),
        ("system.yaml", "command: [scorer]", 'command: [scorer], entry: "a:b"', "HRM301"),
        ("system.yaml", "command: [scorer]", "", "HRM301"),
        ("system.yaml", "command: [scorer]", 'entry: "a:b", worker: port', "HRM301"),
        ("system.yaml", "command: [scorer]", "command: [scorer], readiness: ready", "HRM204"),
        ("system.yaml", "audit:", 'observe: {aliases: ["scorer:/info#version"]}\naudit:', "HRM204"),
        ("system.yaml", "command: [scorer]", "command: [scorer], after: [gateway]", "HRM304"),
        ("system.yaml", "command: [scorer]", "comand: [scorer]", "HRM202"),
        ("system.yaml", "route: /decide", "rout: /decide", "HRM202"),
        ("system.yaml", "version: 1", "version: 1\nversion: 1", "HRM110"),
        ("system.yaml", "name: toy", "name: Toy", "HRM204"),
        ("system.yaml", "name: toy", "name: toy\narms: {reference: {services: [healer]}}", "HRM302"),
        ("system.yaml", "name: toy", "name: toy\narms: {refrence: {}}", "HRM204"),
        ("system.yaml", "name: toy", 'name: toy\nobserve: {acts: ["gatewy:/acts"]}', "HRM302"),
        ("system.yaml", "name: toy", "name: toy\nobserve: {aliases: [gateway]}", "HRM204"),
        ("system.yaml", "name: toy", "name: toy\nobserve: {journal: nowhere}", "HRM204"),
        ("system.yaml", "source: gateway", "source: driver", "HRM305"),
        ("system.yaml", "  gateway-scorer: {", "  driver-gateway: {", "HRM305"),
        ("system.yaml", "services:\n", "services:\n  driver: {command: [x]}\n", "HRM305"),
        ("scenario.yaml", "name: steady", "name: [steady]", "HRM201"),
        ("scenario.yaml", "name: steady", "name: steady\nworld_s_per_run_s: -7", "HRM205"),
        ("scenario.yaml", "name: steady", "name: &a steady", "HRM108"),
    ],
)
def test_a_broken_system_or_scenario_is_named_with_its_own_file_and_line(folder, file, old, new, code):
    problems = problems_of(folder, (old, new), file=file)
    assert {problem.file for problem in problems} == {str(folder / file)}
    assert code in [problem.code for problem in problems]
    assert all(problem.line for problem in problems)


def test_the_file_of_a_replay_is_part_of_the_question(folder):
    (folder / "data.csv").write_text("t,y\n0,1\n")
    scenario = folder / "scenario.yaml"
    scenario.write_text(scenario.read_text() + "knobs: {kind: replay, source: data.csv}\n")
    first = load_experiment(folder / "experiment.yaml")
    assert first.source is not None
    assert first.source.path == str(folder / "data.csv")
    (folder / "data.csv").write_text("t,y\n0,0\n")
    assert load_experiment(folder / "experiment.yaml").sha256 != first.sha256


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, None])
def test_a_replay_of_no_readable_file_is_refused_and_not_waited_for(folder, make):
    if make is not None:
        make(folder / "data.csv")
    problems = problems_of(
        folder, ("name: steady", "name: steady\nknobs: {source: data.csv}"), file="scenario.yaml"
    )
    assert [(problem.code, under_carets(problem)) for problem in problems] == [("HRM101", "data.csv")]


def test_a_list_where_one_text_may_stand_is_refused_with_that_text(folder):
    (problem,) = problems_of(
        folder,
        ("name: steady", "name: steady\nknobs: {categorical: [country, channel]}"),
        file="scenario.yaml",
    )
    assert (problem.code, problem.help) == ("HRM201", "write one text: 'country,channel'")


def test_where_the_scenario_lies_is_known_and_is_no_part_of_the_question(folder, tmp_path):
    here = load_experiment(folder / "experiment.yaml")
    there = load_experiment(shutil.copytree(folder, tmp_path / "there") / "experiment.yaml")
    assert Path(here.scenario_file).samefile(folder / "scenario.yaml")
    assert here.scenario_file != there.scenario_file
    assert here.sha256 == there.sha256


def test_every_code_that_is_raised_has_a_page(folder):
    problems = problems_of(folder, ("process_kill", "x"), ("profile: test", "profile: {tau_s: no}"))
    assert {problem.code for problem in problems} <= MESSAGES.keys()


def test_keys_of_other_tools_are_left_alone(folder):
    file = folder / "experiment.yaml"
    file.write_text(file.read_text() + "x-other-tool: {a: 1}\n")
    assert load_experiment(file).title == "Kill the scorer"


def test_loading_imports_nothing_of_the_users_starts_nothing_and_opens_no_socket(folder):
    (folder / "evil.py").write_text("raise SystemExit('imported')")
    system = folder / "system.yaml"
    system.write_text(system.read_text() + 'world: "evil:open_world"\npreload: [evil]\n')
    watch = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from harness.experiment.load import load_experiment
        seen = []
        ours = {"harness", "msgspec", "yaml", *sys.stdlib_module_names}
        forbidden = ("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn",
                     "os.spawn", "pty.spawn", "socket.__new__", "socket.connect", "socket.bind")
        def hook(event, arguments):
            foreign = event == "import" and arguments[0].partition(".")[0] not in ours
            writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
            if event in forbidden or foreign or writes:
                seen.append((event, str(arguments)[:200]))
        sys.addaudithook(hook)
        for name in sys.argv[1:]:
            load_experiment(Path(name))
        assert not seen, seen
        assert not any(m.partition(".")[0] in ("reference_pipeline", "evil") for m in sys.modules)
        print("quiet")
        """
    )
    file = folder / "experiment.yaml"
    bundled = folder / "bundled.yaml"
    text = (
        file.read_text()
        .replace("  system: system.yaml\n", "")
        .replace("service: scorer}", "service: gateway}")
    )
    bundled.write_text(text)
    run = subprocess.run(
        [sys.executable, "-B", "-c", watch, str(file), str(bundled)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout == "quiet\n", run.stderr


ARMS = """\
version: 1
name: toy
services:
  gateway: {command: [gateway], after: [scorer]}
  scorer: {command: [scorer]}
  healer: {command: [healer], platform: true}
edges:
  gateway-scorer: {source: gateway, to: scorer}
  healer-gateway: {source: healer, to: gateway}
workload: {service: gateway, route: /decide}
arms:
  reference: {env: {HEALING: reference}, services: [healer]}
observe:
  acts: ["gateway:/acts"]
  aliases: ["scorer:/aliases/champion"]
  journal: healer:/journal
hooks:
  model:
    command: [hook]
    actions:
      [bad_candidate, confident_wrong, constant, stale, wrong_alias, corrupt_file, calibration, better_model]
"""


def asking(folder, arms: str, func: str, arguments: str):
    """Load the experiment on a system with an arm, with one fault."""
    (folder / "system.yaml").write_text(ARMS)
    file = folder / "experiment.yaml"
    text = file.read_text().replace("profile: test", f"profile: test\n  arms: {arms}")
    text = text.replace("process_kill", func).replace("{service: scorer}", f"{{{arguments}}}")
    file.write_text(text)
    return load_experiment(file)


def test_an_arm_that_the_system_lists_can_be_asked_for(folder):
    experiment = asking(folder, "[reference, none]", "network_latency", "edge: driver-gateway, latency_ms: 5")
    assert experiment.arms == ("reference", "none")
    assert experiment.steps[0].effect == Delay(edge="driver-gateway", latency_ms=5)
    assert experiment.system.observe.journal == "healer:/journal"


def test_an_arm_that_is_missing_says_what_to_write(folder):
    with pytest.raises(UsageProblem) as caught:
        asking(folder, "[seed]", "process_kill", "service: scorer")
    (problem,) = caught.value.problems
    assert problem.code == "HRM229"
    assert "none, bare, reference" in problem.why
    assert "arms: {seed: " in problem.help


@pytest.mark.parametrize(
    ("func", "arguments", "marked"),
    [
        ("process_hang", "service: healer", "healer"),
        ("network_refuse", "edge: healer-gateway", "healer-gateway"),
    ],
)
def test_a_fault_on_what_an_arm_does_not_run_is_refused(folder, func, arguments, marked):
    assert asking(folder, "[reference]", func, arguments).steps
    (folder / "experiment.yaml").write_text(
        (folder / "experiment.yaml").read_text().replace("[reference]", "[reference, none]")
    )
    with pytest.raises(UsageProblem) as caught:
        load_experiment(folder / "experiment.yaml")
    (problem,) = caught.value.problems
    assert (problem.code, under_carets(problem)) == ("HRM230", marked)
    assert "none" in problem.message


def test_unknown_edges_list_all_with_the_witness_s_own_and_are_said_once(folder):
    with pytest.raises(UsageProblem) as caught:
        asking(folder, "[none]", "network_refuse", "edge: gateway_scorer")
    assert [problem.code for problem in caught.value.problems] == ["HRM228"]
    assert "'gateway-scorer'" in caught.value.problems[0].help
    assert "driver-gateway, gateway-scorer, healer-gateway" in caught.value.problems[0].help


@pytest.mark.parametrize("kind", FAULTS)
def test_every_fault_of_the_table_can_be_asked_for_in_a_file(folder, kind):
    needed = {
        "service": "scorer",
        "edge": "gateway-scorer",
        "field": "amount",
        "latency_ms": 40,
        "rate_kib_s": 9,
        "slice_bytes": 9,
        "share_ratio": 0.5,
        "knob": "phone_share",
        "value": 0.4,
        "level": "phone",
    }
    fields = msgspec.structs.fields(FAULTS[kind].parameters)
    given = {one.name: needed[one.name] for one in fields if one.required}
    given |= {"shift": -1.0} if kind == "model.calibration" else {}
    written = ", ".join(f"{key}: {value}" for key, value in given.items())
    step = asking(folder, "[none]", kind.replace(".", "_"), written).steps[0]
    assert (step.kind, step.effect) == (kind, compile_fault(kind, given))


def test_rollbacks_may_restore_an_edge_that_exists(folder):
    file = folder / "experiment.yaml"
    back = """rollbacks:
  - type: action
    name: back
    provider:
      type: python
      module: harness.frontends.chaostoolkit.faults
      func: network_restore
      arguments: {edge: gateway-scorer}
"""
    text = file.read_text()
    file.write_text(text + back)
    assert load_experiment(file).steps
    file.write_text(text + back.replace("gateway-scorer", "gateway-screr"))
    with pytest.raises(UsageProblem) as caught:
        load_experiment(file)
    assert [problem.code for problem in caught.value.problems] == ["HRM228"]
