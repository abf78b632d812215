"""The command line: what it prints where, and the exit code of every way to end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import Refused, Unsafe, Untrustworthy
from harness.frontends import cli
from harness.frontends.cli import COMMANDS, Entry, main

ROOT = Path(__file__).parents[3]
SHIPPED = sorted((ROOT / "experiments").rglob("*.yaml"))


class Raises:
    """A command that does nothing but raise; what every command looks like when something breaks."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def configure(self, parser) -> None:
        pass

    def execute(self, _arguments) -> int:
        raise self.error


@pytest.fixture
def breaking(monkeypatch, tmp_path):
    """Put a raising command into the table, under a name of its own."""
    monkeypatch.setenv("HORMESIS_STORE", str(tmp_path))

    def put(error: BaseException) -> None:
        table = {**COMMANDS, "break": Entry("break", ("hormesis break",), lambda: Raises(error))}
        monkeypatch.setattr(cli, "COMMANDS", table)

    return put


def test_without_arguments_it_names_the_next_steps(capsys):
    assert main([]) == 0
    out = capsys.readouterr().out
    assert "hormesis demo" in out
    assert "hormesis plan" in out


def test_help_lists_every_command_and_no_other(capsys):
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    listed = [line.split()[0] for line in out.split("commands:\n")[1].split("\n\n")[0].splitlines()]
    assert listed == list(COMMANDS)
    by_others = {
        "undo",
        "halt",
        "replay",
        "calibrate",
        "search",
        "schema",
        "gate",
        "init",
        "doctor",
        "consent",
    }
    assert set(COMMANDS) - by_others == {
        "run",
        "campaign",
        "analyse",
        "report",
        "compare",
        "history",
        "validate",
        "plan",
        "demo",
        "explain",
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_two_examples_it_would_accept(capsys, name):
    assert main([name, "--help"]) == 0
    out = capsys.readouterr().out
    examples = out.split("examples:\n")[1].splitlines()
    assert len(examples) == 2
    for example in examples:
        words = example.split()
        assert words[:2] == ["hormesis", name]
        parser = cli.Parser(name, "", ())
        COMMANDS[name].load().configure(parser)
        parser.parse_args(words[2:])


@pytest.mark.parametrize(
    ("argv", "likely"),
    [
        (["vlidate"], "'validate'"),
        (["ru", "x"], "'run'"),
        (["run", "x.yaml", "--sede", "3"], "'--seed'"),
        (["run"], "hormesis run --help"),
        (["run", "x.yaml", "--seed", "-1"], "hormesis run --help"),
        (["run", "x.yaml", "--seed", "1.5"], "hormesis run --help"),
        (["run", "x.yaml", "--target", "loca"], "hormesis run --help"),
        (["run", "x.yaml", "--see", "3"], "--help"),
        (["--jsn"], "Known"),
        (["explain", "cod"], "--help"),
        (["explain", "code", "HRM999"], "explain code"),
        (["explain", "fault", "network.latencies"], "'network.latency'"),
        (["explain", "process.kil"], "'process.kill'"),
        (["explain", "code", "--json"], "--help"),
        (["plna", "x"], "'plan'"),
        (["plan", "x.yaml", "--offlin"], "'--offline'"),
    ],
)
def test_a_wrong_command_line_ends_in_2_with_what_to_type_instead(capsys, argv, likely):
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error[HRM40")
    assert likely in err


@pytest.mark.parametrize(
    ("error", "code", "word"),
    [
        (Refused("port 80 is in use"), 5, "refused: port 80 is in use"),
        (Untrustworthy("no data"), 4, "void: no data"),
        (Unsafe("scorer-a still stopped"), 6, "UNSAFE: scorer-a still stopped"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_every_error_class_has_its_exit_code(breaking, capsys, error, code, word):
    breaking(error)
    assert main(["break"]) == code
    assert word in capsys.readouterr().err


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("x\ny"), RecursionError(), MemoryError(), OSError(5, "io")]
)
def test_an_uncaught_exception_is_one_line_a_file_and_70(breaking, capsys, tmp_path, error):
    breaking(error)
    assert main(["break"]) == 70
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    kept = list(tmp_path.glob("hormesis-error-*.txt"))
    assert len(kept) == 1
    assert str(kept[0]) in err
    assert "Traceback" in kept[0].read_text()


def test_an_internal_error_makes_no_store(breaking, capsys, tmp_path, monkeypatch):
    store = tmp_path / "absent"
    monkeypatch.setenv("HORMESIS_STORE", str(store))
    breaking(ZeroDivisionError("x"))
    assert main(["break"]) == 70
    assert not store.exists()
    Path(capsys.readouterr().err.split("traceback: ")[1].rstrip(")\n")).unlink()


def hormesis(*argv: str, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness.frontends.cli", *argv]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run(command, text=True, check=False, cwd=ROOT, **streams)


def test_a_reader_that_goes_away_changes_neither_code_nor_peace():
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as closed:
        run = hormesis("explain", "code", stdout=closed)
    assert (run.returncode, run.stderr) == (0, "")


def test_a_result_that_is_lost_does_not_look_like_success():
    with open("/dev/full", "w") as full:
        run = hormesis("explain", "code", stdout=full)
    assert run.returncode == 5
    assert run.stderr == "refused: standard output cannot be written: no space left on device\n"


SAYS = """
import sys
from harness.frontends import cli
from harness.frontends.streams import say
class Says:
    def configure(self, parser): parser.add_argument("--json", action="store_true")
    def execute(self, arguments):
        say("the result")
        return int(sys.argv[1])
cli.COMMANDS = {name: cli.Entry(name, (), Says) for name in ("run", "analyse")}
sys.exit(cli.main(sys.argv[2:]))
"""


@pytest.mark.parametrize(
    ("code", "words", "becomes"),
    [
        (0, ["analyse"], 5),
        (1, ["analyse"], 1),
        (0, ["run"], 0),  # what it did stands in the store
        (0, ["run", "--json"], 4),
        (6, ["run", "--json"], 6),
    ],
)
def test_a_lost_output_takes_back_success_alone_and_only_where_it_was_all(code, words, becomes):
    with open("/dev/full", "w") as full:
        run = subprocess.run(
            [sys.executable, "-c", SAYS, str(code), *words], stdout=full, check=False, cwd=ROOT
        )
    assert run.returncode == becomes


def test_messages_on_a_full_disk_change_no_code():
    with open("/dev/full", "w") as full:
        run = subprocess.run(
            [sys.executable, "-m", "harness.frontends.cli", "validate", "/nowhere/x.yaml"],
            stderr=full,
            check=False,
            cwd=ROOT,
        )
    assert run.returncode == 2


def test_a_terminal_without_unicode_gets_replacements():
    run = hormesis("validate", "/nowhere/宽.yaml", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert run.returncode == 2
    assert "error[HRM101]" in run.stderr


STOPPED = """
import os, signal, sys
from harness.frontends import cli
class Waits:
    def configure(self, parser): pass
    def execute(self, arguments):
        try:
            os.kill(os.getpid(), getattr(signal, sys.argv[1]))
            signal.pause()
        finally:
            print("undone")
cli.COMMANDS = {"wait": cli.Entry("wait", (), Waits)}
sys.exit(cli.main(["wait"]))
"""


# A shell makes SIGINT ignored in the background, so there only SIGTERM arrives.
@pytest.mark.parametrize(
    ("name", "code", "background"), [("SIGINT", 130, False), ("SIGTERM", 143, False), ("SIGTERM", 143, True)]
)
def test_a_signal_undoes_first_and_has_its_own_code(name, code, background):
    def as_started() -> None:
        # Not as inherited: who runs these tests may itself be a background job.
        signal.signal(signal.SIGINT, signal.SIG_IGN if background else signal.SIG_DFL)

    run = subprocess.run(
        [sys.executable, "-c", STOPPED, name],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=as_started,
    )
    assert (run.returncode, run.stdout) == (code, "undone\n")
    assert run.stderr.startswith("interrupted: everything that was started has been ended")
    assert "undone" not in run.stderr


LIGHT = """
import sys
from harness.frontends.cli import main
code = main(sys.argv[1:])
heavy = {"numpy", "scipy", "aiohttp", "asyncio", "jinja2", "chaoslib", "sklearn", "uvicorn"}
print("HEAVY", sorted(heavy & {name.partition(".")[0] for name in sys.modules}), code)
"""


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["--help"],
        ["run", "--help"],
        ["analyse", "--help"],
        ["demo", "--help"],
        ["plan", "--help"],
        ["compare", "--help"],
        ["history", "--help"],
        ["validate", "experiments/smoke/kill-one.yaml"],
        ["plan", "experiments/smoke/kill-one.yaml", "--offline"],
        ["plan", "experiments/smoke/kill-one.yaml", "--store", "/dev/null/absent"],
        ["explain", "code"],
        ["explain", "fault", "--json"],
    ],
)
def test_start_up_imports_nothing_heavy(argv):
    command = [sys.executable, "-c", LIGHT, *argv]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert run.stdout.splitlines()[-1] == "HEAVY [] 0", run.stderr


def test_the_actions_of_chaos_toolkit_import_nothing_heavy():
    code = (
        "import sys, harness.frontends.chaostoolkit.faults, harness.frontends.chaostoolkit.probes; "
        "print(sorted({'numpy', 'scipy', 'aiohttp', 'asyncio', 'jinja2'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout == "[]\n", run.stderr


def test_validate_says_what_each_file_would_run(capsys):
    assert main(["validate", *map(str, SHIPPED)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert len(out.splitlines()) == len(SHIPPED)
    assert all(line.startswith("ok  ") for line in out.splitlines())


def test_validate_as_json_is_one_document(capsys, tmp_path):
    (tmp_path / "bad.yaml").write_text("title: no\n")
    assert main(["validate", str(SHIPPED[0]), str(tmp_path / "bad.yaml"), "--json"]) == 2
    out, err = capsys.readouterr()
    assert err == ""
    document = json.loads(out)
    assert document["valid"] is False
    assert [file["valid"] for file in document["files"]] == [True, False]
    assert document["files"][0]["runs"] > 0
    problem = document["files"][1]["problems"][0]
    assert {"code", "message", "file", "line", "column", "width", "excerpt", "why", "help"} == set(problem)


@pytest.mark.parametrize("run", ["nothing-like-it", "../..", "/", "."])
@pytest.mark.parametrize("command", ["analyse", "report"])
def test_what_is_no_stored_run_is_a_usage_error(capsys, tmp_path, monkeypatch, command, run):
    monkeypatch.chdir(tmp_path)
    assert main([command, run, "--store", str(tmp_path / "store")]) == 2
    said = capsys.readouterr().err
    assert "error[HRM403]" in said
    assert "help: name a folder that `hormesis run` printed" in said


def test_a_demo_without_its_experiment_says_where_to_run_it(tmp_path):
    from harness.errors import UsageProblem
    from harness.frontends.commands.demo import demo_file

    with contextlib.suppress(FileNotFoundError), pytest.raises(UsageProblem) as caught:
        demo_file(tmp_path)
    assert "make demo" in caught.value.problems[0].help
    assert demo_file(ROOT).is_file()


def test_a_demos_file_is_told_by_its_place_in_the_checkout(tmp_path, monkeypatch):
    """Its name stands in the report; that of the machine's folder is nobody's business."""
    from harness.frontends.commands.demo import demo_file

    monkeypatch.chdir(ROOT)
    assert demo_file(ROOT) == Path("experiments/smoke/demo.yaml")
    monkeypatch.chdir(tmp_path)
    assert demo_file(ROOT) == ROOT / "experiments" / "smoke" / "demo.yaml"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("campaign", "the same command with the same --seed goes on"),
        ("search", "keeps nothing"),
        ("run", "what was recorded stays, as VOID"),
    ],
)
def test_who_interrupts_is_told_what_is_still_there(command, words, monkeypatch, capsys):
    def interrupted(_: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_dispatch", interrupted)
    assert cli.main([command]) == 130
    assert words in capsys.readouterr().err
