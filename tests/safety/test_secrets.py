"""SR-27: a secret is named by its place, given to who needs it, and written nowhere.
SR-28: of the environment only what is listed is taken along."""

from __future__ import annotations

import base64
import json
import random
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
import safety_kit as kit
from hypothesis import example, given
from hypothesis import strategies as st

from harness import shell
from harness.errors import Problem, Refused
from harness.experiment.load import load_experiment
from harness.experiment.model import Service, System, Workload
from harness.experiment.sources import read_system
from harness.frontends.cli import main
from harness.history.events import ControlRaised, Platform, Versions
from harness.history.log import GENESIS, HistoryWriter
from harness.observers.reading import JournalLine
from harness.run.evidence import FolderEvidence
from harness.run.secrets import Secrets, read_secrets
from harness.run.template import template_key
from tests.harness.campaign.campaign_kit import SHORTEST, written
from tests.style.source import PACKAGES, calls, dotted, sources

CANARIES = {
    "CANARY_A": "plain-canary-5d1c0a77",
    "CANARY_B": 'quo"ted\\canary\u00e9-8842',
    "CANARY_C": "sp ace&canary=/?#19f3",
    "CANARY_D": "c4n4ry+slash/==0071",
    "CANARY_E": "-----BEGIN KEY-----\ncanary\n-----END-----",
}
NOT_ASKED = "not-asked-for-canary-9911"


def shapes(value: str, before: bytes = b"", after: bytes = b"") -> list[str]:
    """How a value may be written, other text around it."""
    around = before + value.encode() + after
    head, tail = before.decode(errors="replace"), after.decode(errors="replace")
    written = [value, json.dumps(value)[1:-1], quote(value), quote(value, safe=""), quote_plus(value)]
    return [f"{head}{one}{tail}" for one in written] + [
        base64.b64encode(around).decode(),
        base64.urlsafe_b64encode(around).decode(),
        around.hex(),
    ]


def holds(text: str, value: str) -> bool:
    """Whether a value can be had from a text, in one of the shapes; base64 at any of three places."""
    middles = [base64.b64encode(bytes(n) + value.encode()).decode()[4:-4] for n in range(3)]
    plain = [shape for shape in shapes(value)[:5] if shape in text]
    return bool(plain) or any(middle and middle in text for middle in middles)


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=8, max_size=40),
    st.binary(max_size=7),
    st.binary(max_size=7),
)
@example("hunter2hunter2", b"user:", b"")
def test_a_value_is_found_in_every_shape_and_wherever_it_stands(value, before, after):
    """SR-27: as it is, JSON, URL, base64, hexadecimal."""
    secrets = Secrets({"env:KEY": value})
    for shape in shapes(value, before, after):
        hidden = secrets.hide(shape)
        assert "[secret env:KEY]" in hidden
        assert value not in hidden


def test_of_two_secrets_one_of_which_begins_like_the_other_the_longer_is_taken_first():
    """SR-27: nothing of the longer one is left over."""
    secrets = Secrets({"env:A": "abcdefgh", "env:B": "abcdefgh-and-more"})
    assert secrets.hide("abcdefgh-and-more abcdefgh") == "[secret env:B] [secret env:A]"


def test_a_key_of_several_lines_is_found_in_the_end_of_a_log():
    """SR-27: which begins anywhere, and is set in line by line."""
    lines = ["MIIEvQIBADANBgkqhkiG9w0B", "AQEFAASCBKcwggSjAgEAAoIB"]
    secrets = Secrets({"file:key.pem": "\n".join(["-----BEGIN PRIVATE KEY-----", *lines])})
    hidden = secrets.hide("its last lines:\n  " + "\n  ".join(lines))
    assert not any(line in hidden for line in lines)


@pytest.mark.parametrize("written", ["hunter2%2fhunter2", "68756E746572322F68756E74657232"])
def test_a_value_is_found_whichever_case_its_escapes_have(written):
    """SR-27: others write them in the other one."""
    assert Secrets({"env:KEY": "hunter2/hunter2"}).hide(written) == "[secret env:KEY]"


def system(**secrets: str) -> System:
    one = Service(command=("x",), secrets=secrets)
    return System(version=1, name="toy", services={"one": one}, workload=Workload(service="one", route="/"))


def test_a_secret_that_is_missing_or_too_short_is_refused_before_anything_starts(tmp_path, monkeypatch):
    """SR-27: and its value is in no message."""
    monkeypatch.setenv("SHORT", "short12")
    monkeypatch.delenv("ABSENT", raising=False)
    (tmp_path / "empty").write_text("\n")
    for place in ("env:ABSENT", "env:SHORT", "file:absent", "file:empty", "file:/dev/zero", "file:."):
        with pytest.raises(Refused) as refused:
            read_secrets(system(KEY=place), tmp_path)
        assert place in str(refused.value)
        assert "short12" not in str(refused.value)
    (tmp_path / "key").write_text("a whole secret\n")
    assert read_secrets(system(KEY="file:key"), tmp_path).values == {"file:key": "a whole secret"}


SYSTEM = """\
version: 1
name: toy
services:
  one: {command: [one], env: {%s}, secrets: {%s}}
workload: {service: one, route: /decide}
"""


@pytest.mark.parametrize(
    ("env", "secrets", "code"),
    [
        ("API_KEY: sk-123456", "", "HRM320"),
        ("DB_PASSWORD: x", "", "HRM320"),
        ("access_token: x", "", "HRM320"),
        ("", "API_KEY: sk-123456", "HRM204"),
        ("", "API_KEY: 'env:'", "HRM204"),
        ("", "API_KEY: 'env:A B'", "HRM204"),
        ("A: x", "A: env:A", "HRM224"),
        ("SWITCH_TOKEN: '{secret}', TOKENS_MAX: '3', PASSWORD: ''", "API_KEY: env:API_KEY", ""),
    ],
)
def test_a_secret_that_stands_in_a_file_is_a_mistake(tmp_path, env, secrets, code):
    """SR-27: only a reference may stand there."""
    (tmp_path / "hormesis.yaml").write_text(SYSTEM % (env, secrets))
    problems: list[Problem] = []
    read_system(tmp_path / "hormesis.yaml", problems)
    assert [problem.code for problem in problems] == ([code] if code else [])


def test_what_a_run_writes_holds_no_secret(tmp_path):
    """SR-27: events, words of the healer, logs, errors."""
    value = CANARIES["CANARY_B"]
    secrets = Secrets({"env:B": value})
    file = tmp_path / "history.jsonl"
    with HistoryWriter(file, lambda: (1.0, "now"), GENESIS, secrets.hide) as writer:
        for shape in shapes(value):
            writer.append(Versions(names=(shape,)))
            writer.append(Platform(at_s=1.0, service="one", act="exited", detail=f"said {shape}"))
            writer.append(ControlRaised(where="run", error=shape))
    log = tmp_path / "one.txt"
    log.write_bytes(b"\xff\x00" + "\r\n".join(shapes(value)).encode())
    secrets.hide_in(log)
    assert log.read_bytes().startswith(b"\xff\x00[secret env:B]\r\n")
    (tmp_path / "run").mkdir()

    class Folder:
        path = tmp_path / "run"

    line = json.dumps({"reason": " ".join(shapes(value))}).encode()
    FolderEvidence(Folder(), secrets.hide).keep_words([JournalLine(received_s=1.0, line=line)])
    with pytest.raises(Refused) as refused, secrets.in_errors():
        raise Refused(f"its last lines: {value}")
    texts = [path.read_bytes().decode(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    assert len(texts) == 3
    assert not any(holds(text, value) for text in [*texts, str(refused.value)])
    assert json.loads((tmp_path / "run" / "journal.jsonl").read_text())["line"]["reason"]


ALLOWED = {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH"}


def test_a_child_gets_what_is_listed_and_nothing_else(monkeypatch):
    """SR-28: an allow-list, whatever the environment is called and holds."""
    dice = random.Random(28)
    for name in [f"CANARY_{dice.getrandbits(32):x}" for _ in range(50)] + ["AWS_SECRET_ACCESS_KEY", "path"]:
        monkeypatch.setenv(name, NOT_ASKED)
    given_on = shell.child_environment()
    assert NOT_ASKED not in given_on.values()
    assert set(given_on) <= ALLOWED | set(shell.ONE_THREAD) | {"PYTHONUNBUFFERED"}


INHERITS = {"harness/targets/local/forks.py"}
"""The supervisor, whose own environment is such a list, starts its zygote with it."""
WHOLE = {"os.environ.copy", "os.environ.items", "dict", "os.environ.values"}


def test_no_process_is_started_with_an_environment_that_is_not_said():
    """SR-28: by the source: without ``env`` a child gets all of ours."""
    found = {
        source.path
        for source in sources("harness")
        for call, name in calls(source.tree)
        if name in ("subprocess.run", "subprocess.Popen") and not any(k.arg == "env" for k in call.keywords)
    }
    assert found == INHERITS


def test_the_whole_environment_is_read_nowhere():
    """SR-28: neither copied nor listed; one variable is asked for by its name."""
    found = [
        source.at(call, name)
        for source in sources(*PACKAGES)
        for call, name in calls(source.tree)
        if name in WHOLE and (name != "dict" or any(dotted(one) == "os.environ" for one in call.args))
    ]
    assert found == []


@pytest.mark.slow
def test_a_variable_that_nobody_asked_for_is_in_no_file_of_a_run(
    tmp_path, small_template, monkeypatch, capsys
):
    """SR-28: a whole run with its report, on a virtual clock."""
    monkeypatch.setenv("CANARY", NOT_ASKED)
    file, store = written(tmp_path, lengths=SHORTEST), tmp_path / "store"
    (store / ".templates").mkdir(parents=True)
    (store / ".templates" / template_key(load_experiment(file))).symlink_to(small_template)
    words = ["run", str(file), "--target", "simulation", "--seed", "1", "--store", str(store)]
    assert main(words) == 0
    files = [path for path in store.rglob("*") if path.is_file()]
    assert any(path.name == "report.html" for path in files)
    assert not any(NOT_ASKED.encode() in path.read_bytes() for path in files)
    assert NOT_ASKED not in "".join(capsys.readouterr())


def words_of(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace")
    except OSError:
        return ""


@pytest.mark.slow
@pytest.mark.live
def test_five_secrets_are_in_no_file_no_argument_and_no_environment_that_needs_none(tmp_path):
    """SR-27, SR-28: of real processes, one of which says its secrets wherever it can."""
    (tmp_path / "key").write_text(CANARIES["CANARY_E"])
    system_file = (kit.HERE / "tiny_system" / "talkative.yaml").read_text()
    folder = tmp_path / "tiny_system"
    folder.mkdir()
    for name in ("talkative.py", "decider.py", "steady.yaml"):
        (folder / name).write_bytes((kit.HERE / "tiny_system" / name).read_bytes())
    (folder / "hormesis.yaml").write_text(system_file.replace("SECRET_FILE", str(tmp_path / "key")))
    store = tmp_path / "store"
    store.mkdir()
    text = kit.unhurried(kit.experiment(store, "pause").read_text())
    text = text.replace(f"{kit.HERE}/tiny_system", str(folder))
    variables = {name: value for name, value in CANARIES.items() if name != "CANARY_E"}
    with kit.running(store, "pause", text=text, variables={**variables, "NOT_ASKED": NOT_ASKED}) as runner:
        assert runner.await_seen(lambda: runner.told(b"fault.injected"), 180), runner.wait()[1]
        pids = runner.marked()
        knowing = [pid for pid in pids if CANARIES["CANARY_A"] in words_of(pid, "environ")]
        spoken = "".join(words_of(pid, "cmdline") for pid in pids)
        assert not any(NOT_ASKED in words_of(pid, "environ") for pid in pids)
        assert [words_of(pid, "cmdline").count("talkative.py") for pid in knowing] == [1]
        code, said = runner.wait(180)
        assert code in (0, 4), said
    texts = [path.read_bytes().decode(errors="replace") for path in store.rglob("*") if path.is_file()]
    assert any("[secret env:CANARY_A]" in text for text in texts), "nothing was said that could be hidden"
    for value in [*CANARIES.values(), NOT_ASKED]:
        assert not any(holds(text, value) for text in [*texts, said, spoken])
