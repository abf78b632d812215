"""`hormesis init`: files that the loader takes, whatever was said of the system; nothing is overwritten."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from harness.experiment.load import load_experiment
from harness.experiment.subjects import Subjects
from harness.frontends.cli import main
from harness.frontends.scaffold import QUESTIONS, Answers, scaffold

FILES = {"hormesis.yaml", "requests.jsonl", *QUESTIONS}
WORDS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=20)


def test_the_files_are_written_and_valid_as_they_are(tmp_path: Path, capsys) -> None:
    folder = tmp_path / "My Check"
    assert main(["init", str(folder)]) == 0
    out = capsys.readouterr().out
    assert {path.name for path in folder.iterdir()} == FILES
    assert "placeholder" in out
    (validate,) = [line.split("hormesis ")[1] for line in out.splitlines() if "hormesis validate" in line]
    assert main(["validate", *(str(folder / name) for name in QUESTIONS)]) == 0
    assert validate.startswith("validate ")
    assert load_experiment(folder / "kill.yaml").system.name == "my-check"


def test_what_was_said_stands_in_the_files(tmp_path: Path, capsys) -> None:
    words = "init DIR --command 'sh run.sh {port}' --loop --route /v1/score --decision /out/0 --decides text"
    words += " --readiness /up --unit '{\"amount\": 3.5}'"
    assert main([str(tmp_path / "x") if word == "DIR" else word for word in shlex.split(words)]) == 0
    assert "placeholder" not in capsys.readouterr().out
    system = load_experiment(tmp_path / "x" / "hang.yaml").system
    service = system.services["server"]
    assert (service.command, service.worker, service.readiness) == (("sh", "run.sh", "{port}"), "port", "/up")
    workload = system.workload
    assert (workload.route, workload.decision, workload.decides) == ("/v1/score", "/out/0", "text")
    assert json.loads((tmp_path / "x" / "requests.jsonl").read_text()) == {"amount": 3.5}


def test_a_stream_is_described_by_its_subjects_and_asked_about_its_wire(tmp_path: Path, capsys) -> None:
    words = (
        "init DIR --kind stream --command 'python read.py' --records in.a --decisions out.a --id Nats-Msg-Id"
    )
    words += " --decision /p --decides bool --unit '{\"amount\": 3.5}'"
    assert main([str(tmp_path / "x") if word == "DIR" else word for word in shlex.split(words)]) == 0
    out = capsys.readouterr().out
    (validate,) = [line.split("hormesis ")[1] for line in out.splitlines() if "hormesis validate" in line]
    assert main(validate.split()) == 0
    experiment = load_experiment(tmp_path / "x" / "slow-wire.yaml")
    service, workload = experiment.system.services["consumer"], experiment.system.workload
    assert (service.command, service.after) == (("python", "read.py"), ("nats",))
    assert workload.subjects == Subjects(records="in.a", decisions="out.a", id="Nats-Msg-Id")
    assert (workload.archetype, workload.decision, workload.decides) == ("stream", "/p", "bool")
    assert experiment.steps[0].effect.edge == "consumer-nats"
    assert json.loads((tmp_path / "x" / "records.jsonl").read_text()) == {"amount": 3.5}


@pytest.mark.parametrize("there", sorted(FILES))
def test_nothing_is_overwritten_and_nothing_is_half_written(tmp_path: Path, capsys, there: str) -> None:
    (tmp_path / there).write_text("mine")
    assert main(["init", str(tmp_path)]) == 5
    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "mine"
    assert f"{there} is there" in capsys.readouterr().err


def test_a_link_that_leads_nowhere_is_there_as_well(tmp_path: Path) -> None:
    (tmp_path / "kill.yaml").symlink_to(tmp_path / "elsewhere")
    assert main(["init", str(tmp_path)]) == 5
    assert not (tmp_path / "elsewhere").exists()


def test_print_shows_the_files_and_writes_none(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--print"]) == 0
    out = capsys.readouterr().out
    assert all(f"# {name}\n" in out for name in FILES)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--command", "serve"], "{port}"),
        (["--command", "serve '{port}"], "quote"),
        (["--unit", "[1]"], "JSON object"),
        (["--unit", "{"], "JSON object"),
        (["--unit", '{"a": NaN}'], "JSON object"),
        (["--unit", '{"a": "\\ud800"}'], "JSON object"),
        (["--decides", "colour"], "colour"),
        (["--kind", "stream", "--route", "/x"], "--kind request"),
        (["--records", "in"], "--kind stream"),
        (["--lands", "in/{number}.csv"], "--kind table"),
        (["--kind", "table", "--route", "/x"], "--kind request"),
        (["--kind", "table", "--loop"], "--kind request or stream"),
        (["--kind", "queue"], "queue"),
    ],
)
def test_words_that_make_no_system_are_told(tmp_path: Path, capsys, words: list[str], told: str) -> None:
    assert main(["init", str(tmp_path / "x"), *words]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("name", ["n", "no", "on", "null", "12", "1e5", "2026-11-30"])
@pytest.mark.parametrize(
    "kind", [[], ["--kind", "stream"], ["--kind", "table", "--columns", "y,off", "--worker", "~"]]
)
def test_a_folder_and_columns_of_any_name_make_files_that_are_valid(tmp_path: Path, kind, name: str) -> None:
    """YAML of one age or another reads these as no text."""
    assert main(["init", str(tmp_path / name), *kind]) == 0
    assert load_experiment(tmp_path / name / "kill.yaml").system.name == name


def test_a_folder_that_cannot_be_there_is_refused(tmp_path: Path) -> None:
    assert main(["init", str(tmp_path / ("x" * 300))]) == 5


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(WORDS, max_size=3), st.dictionaries(WORDS, WORDS, min_size=1, max_size=3))
@example(["y", "Off", "~", "0o7", "<<", "1_0"], {"a": "b"})
def test_any_words_stay_words(tmp_path: Path, command: list[str], unit: dict[str, str]) -> None:
    """SR-25: text that YAML would read as something else, or end a line with, comes back as it was."""
    answers = Answers(
        name="x",
        command=(*command, "{port}"),
        route="/p",
        decision="/d",
        decides="text",
        readiness="tcp",
        unit=unit,
        loop=False,
    )
    for name, text in scaffold(answers).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    system = load_experiment(tmp_path / "kill.yaml").system
    assert system.services["server"].command == (*command, "{port}")
    assert json.loads((tmp_path / "requests.jsonl").read_text(encoding="utf-8")) == unit


SERVER = """\
import select
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

select.select([], [], [], 0.1)  # what is back within three slots was not away to a witness


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"prediction": 1.5}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""


@pytest.mark.live
def test_from_an_empty_folder_to_a_first_table(tmp_path: Path, monkeypatch, capsys, trusted) -> None:
    """As `init` says it: its files, its next command, a server that nobody described further."""
    monkeypatch.setenv("HORMESIS_STORE", str(tmp_path / "store"))
    (tmp_path / "server.py").write_text(SERVER)
    command = f"{sys.executable} -S {{system}}/server.py {{port}}"
    assert main(["init", str(tmp_path), "--command", command]) == 0
    file = tmp_path / "kill.yaml"
    file.write_text(file.read_text().replace("tau_s: 30", "tau_s: 4").replace("hold_s: 2", "hold_s: 1"))
    capsys.readouterr()

    def once() -> tuple[int, str]:
        return main(["run", str(file), "--seed", "3"]), capsys.readouterr().out

    code, out = trusted(once, lambda seen: seen[1] if seen[0] == 4 else "")
    assert code == 0, out
    assert out.startswith("DONE ")
    assert "process.kill server" in out
    assert "1/1" in out
