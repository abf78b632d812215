"""The state a run starts from: built once by the system's own command, cached by content.

The key covers the command, the scenario and the bytes of every declared input, so that a changed
trainer or a changed CSV never starts from an old model.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from harness import shell
from harness.errors import Refused, UsageProblem
from harness.experiment.model import Experiment, Prepare
from harness.experiment.yaml import findings_of
from harness.guard.verbs import VARIABLE
from harness.run.refusals import refuse_if_halted, refuse_if_not_writable
from harness.run.safety import guarded_apart
from harness.run.scratch import scratch
from harness.targets.local.kernel import ending_with_us

TEMPLATE_SEED = 0
"""The champion belongs to the system, not to a run's seed: every run starts from the same one."""

WRONG_SCENARIO = 2
"""Exit code by which ``prepare`` says that the scenario is wrong; any other failure is the machine's."""

_UNSETTLED = ".tmp-"

PREPARE_LIMIT_S = 300.0
SLACK_S = 20.0
"""What is around the command may take so long; then its guardian ends all of it."""


def scenario_spec(experiment: Experiment) -> dict[str, object]:
    """Write a scenario as its world's opener reads it: knobs, pace and the place of the user's file."""
    scenario, source = experiment.scenario, experiment.source
    place = {} if source is None else {"source": source.path}
    return {**scenario.knobs, **place, "world_s_per_run_s": scenario.world_s_per_run_s}


def _input_files(prepare: Prepare, system_dir: Path) -> list[Path]:
    named = [system_dir / pattern for pattern in prepare.inputs]
    return [f for p in named for f in (sorted(p.rglob("*.py")) if p.is_dir() else [p])]


def template_key(experiment: Experiment) -> str:
    """Hash everything that the template is made from, as 24 hex digits."""
    spec = msgspec.json.encode(scenario_spec(experiment), order="deterministic")
    digest = hashlib.sha256(spec + (experiment.source.sha256 if experiment.source else "").encode())
    prepare = experiment.system.prepare or Prepare(command=())
    digest.update(msgspec.json.encode(prepare.command))
    for file in _input_files(prepare, Path(experiment.system_dir)):
        if not file.is_file():
            raise Refused(f"{file} is named as an input of `prepare` but is not there; mend `inputs`")
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:24]


class WrongScenario(Refused):
    """``prepare`` says that the scenario itself is wrong: the user's file is to be mended."""


def ensure_template(
    experiment: Experiment, *, cache: Path, python_path: str, progress: Callable[[str], None]
) -> Path:
    """Return the template's folder, building it where the cache lacks it.

    ``cache`` lies in the store. A system without ``prepare`` gets an empty folder. Raises ``Refused`` where
    the store takes nothing, or with the command's last lines where it fails, UsageProblem where it does not
    take the scenario: nothing was started then.
    """
    cache = cache.resolve()  # `prepare` runs inside it, and is told absolute places
    folder = cache / template_key(experiment)
    if folder.is_dir():
        return folder
    refuse_if_not_writable(cache)
    if experiment.system.prepare is None:
        folder.mkdir()
        return folder
    progress(f"preparing {experiment.system.name}: training the champion once (cached afterwards)")
    spec = cache / f"{folder.name}.scenario.json"
    spec.write_bytes(msgspec.json.encode(scenario_spec(experiment), order="deterministic"))
    try:
        with _unsettled(cache) as made:
            with _guarded(cache, folder.name) as token:
                _prepare(experiment.system.prepare, spec, made, {"PYTHONPATH": python_path, VARIABLE: token})
            _settle(made, folder)
    except WrongScenario as wrong:
        raise _scenario_problem(experiment, str(wrong)) from wrong
    return folder


def _scenario_problem(experiment: Experiment, why: str) -> UsageProblem:
    """Point to the knob that the reason names, else to all of them."""
    findings = findings_of(experiment.scenario_file or experiment.file)
    knobs = "|".join(map(re.escape, sorted(experiment.scenario.knobs, key=len, reverse=True)))
    named = re.findall(rf"\bknobs? ({knobs})\b", why) if knobs else []
    findings.add(
        "HRM227",
        f"the system does not take scenario '{experiment.scenario.name}'",
        ("knobs", *named[:1]),
        key=True,
        why=why,
        help="mend its knobs, or the file that they name; nothing was started",
    )
    return UsageProblem(tuple(findings.problems))


@contextlib.contextmanager
def _unsettled(cache: Path) -> Iterator[Path]:
    """Give a name that no key has, until it is whole: half a template would start every later run.

    What a runner left that was killed meanwhile goes: the kernel has released its lock.
    """
    for path in cache.glob(f"{_UNSETTLED}*.lock"):
        with contextlib.suppress(OSError), path.open("ab") as left:
            fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(path)
    lock = cache / f"{_UNSETTLED}{shell.fresh_token()[:16]}.lock"
    with lock.open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        try:
            yield lock.with_suffix("")
        finally:
            _remove(lock)


def _remove(lock: Path) -> None:
    # Also what `prepare` itself has written beside it and not yet renamed.
    for left in lock.parent.glob(f"{lock.stem}*"):
        shutil.rmtree(left, ignore_errors=True)
    lock.unlink(missing_ok=True)


@contextlib.contextmanager
def _guarded(cache: Path, key: str) -> Iterator[str]:
    """Give a token; when this is over, or we are, or the store is halted, nobody lives who carries it."""
    store, run, token = cache.parent, f"prepare/prepare-{key}-{os.getpid()}", shell.fresh_token()
    with scratch(store) as state:
        end = {"variable": VARIABLE, "token": token, "folder": str(state)}
        with guarded_apart(
            store,
            run,
            end,
            what="`prepare` of the system",
            log=cache / "guardian.txt",
            within_s=PREPARE_LIMIT_S + SLACK_S,
        ):
            yield token


def output_tail(output: bytes) -> list[str]:
    """The last lines of what a child said, for an error's text."""
    return output.decode(errors="replace").strip().splitlines()[-8:]


def _settle(made: Path, folder: Path) -> None:
    try:
        made.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another runner was quicker, with the same content
            raise


def _filled(prepare: Prepare, words: dict[str, str]) -> list[str]:
    """Fill the words in; raises Refused at one that is not known."""
    filled = []
    for part in prepare.command:
        try:
            filled.append(part.format_map(words))
        except (LookupError, ValueError, AttributeError, TypeError) as error:
            known = ", ".join(f"{{{word}}}" for word in words)
            raise Refused(f"`prepare` of the system: cannot fill in {part!r}; there are {known}") from error
    if not filled:
        raise Refused("`prepare` of the system names no program")
    return filled


def _prepare(prepare: Prepare, spec: Path, out: Path, extra: dict[str, str]) -> None:
    """Run the command, which makes the folder ``out``; raises Refused where it does not.

    ``extra``: what it gets in its environment besides ours.
    """
    words = {"python": sys.executable, "scenario": str(spec), "seed": str(TEMPLATE_SEED), "out": str(out)}
    try:
        done = subprocess.run(  # an argv list from the system file; no shell ever
            _filled(prepare, words),
            env=shell.child_environment(**extra),
            cwd=out.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=PREPARE_LIMIT_S,
            check=False,
            preexec_fn=ending_with_us(),
        )
    except subprocess.TimeoutExpired as error:
        raise Refused(f"`prepare` of the system was not done after {PREPARE_LIMIT_S:g} s") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in a word
        raise Refused(f"`prepare` of the system cannot be started: {error}") from error
    tail = output_tail(done.stdout)
    if done.returncode == WRONG_SCENARIO:
        raise WrongScenario("\n".join(tail) or "the command does not say why")
    if done.returncode or not out.is_dir():
        refuse_if_halted(out.parent.parent)  # its guardian ended it then
        how = f"failed (code {done.returncode})" if done.returncode else f"made no folder {{out}}, {out}"
        raise Refused(f"`prepare` of the system {how}; its last lines:\n  " + "\n  ".join(tail))
