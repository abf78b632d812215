"""What a system file says of its work, checked: pointers, the files of units, and what does not go together.

Comes in: a decoded ``System`` and the folder of its file. Goes out: findings.
"""

from __future__ import annotations

import re
from pathlib import Path as FilePath

from harness.experiment.excerpt import quoted
from harness.experiment.findings import Findings, Path
from harness.experiment.model import POINTED, System, Workload
from harness.experiment.pointers import parse_pointer, pointer_problem
from harness.experiment.units import BYTES_MAX, UnitsProblem, decision_problem, read_golden, read_units

HERE: Path = ("workload",)
_ROUTE = re.compile(r"/[!-~]*")


def check_workload(system: System, folder: FilePath, findings: Findings) -> None:
    """Note what is wrong in ``workload:``; its files are read whole, so that no run meets a bad line."""
    workload = system.workload
    for name in POINTED[workload.form]:
        check_pointer(workload.pointer(name), (*HERE, name), findings)
    check_pointer(workload.under, (*HERE, "under"), findings)
    if any(key.isdecimal() and key != "0" for key in parse_pointer(workload.under)):
        _wrong(
            findings, "under", f"{quoted(workload.under)} is no place for one record", "a list of one has 0"
        )
    if workload.route and not _ROUTE.fullmatch(workload.route):
        why = "it stands behind the address of the service"
        _wrong(findings, "route", f"{quoted(workload.route)} is no route", why)
    _check_numbers(workload, findings)
    _check_form(system, findings)
    if workload.units:
        _check_units(workload, folder, findings)
    if workload.check:
        _check_golden(workload, folder, findings)


def check_pointer(pointer: str, path: Path, findings: Findings) -> None:
    """Note a text that is no JSON Pointer."""
    if why := pointer_problem(pointer):
        findings.add(
            "HRM204",
            f"{quoted(pointer)} is no JSON Pointer",
            path,
            why=why,
            help='write e.g. /model/version for {"model": {"version": ...}}',
        )


def _check_numbers(workload: Workload, findings: Findings) -> None:
    if workload.within is None:
        return
    low, high = workload.within
    if workload.decides != "number":
        _wrong(findings, "within", "'within' is a range of numbers", f"a decision is {workload.decides} here")
    elif not low < high:
        _wrong(
            findings, "within", f"'within' is empty: {low:g} to {high:g}", "write the smaller number first"
        )


def _wrong(findings: Findings, key: str, message: str, why: str) -> None:
    helps = {
        "route": "write e.g. /predict, with %20 for a blank",
        "within": "write [LOW, HIGH], with 'decides: number'",
        "under": "write e.g. /instances/0",
    }
    findings.add("HRM204", message, (*HERE, key), why=why, help=helps[key])


def _check_form(system: System, findings: Findings) -> None:
    """Note keys that the form of the body has no use for (HRM306), and units from two places."""
    workload = system.workload
    single = workload.archetype == "request" and workload.body == "single"
    by_id = "answers of single bodies are matched by the call: their records carry no id"
    useless = {
        ("labels",): (bool(system.labels) and single, by_id),
        ("truth",): (bool(system.truth) and single, by_id),
        (*HERE, "dead_letter"): (bool(workload.pointer("dead_letter")) and single, by_id),
        ("audit",): (
            any((system.audit.accepted, system.audit.sink, system.audit.dead_letters)) and single,
            by_id,
        ),
        (*HERE, "under"): (bool(workload.under) and workload.form == "batch", "a batch stands at /records"),
        ("world",): (bool(system.world and workload.units), "the units come from the file of workload.units"),
        (*HERE, "check"): (
            bool(workload.check) and not workload.units,
            "a world has golden units of its own",
        ),
    }
    for path, (stands, why) in useless.items():
        if stands:
            key = quoted(path[-1])
            findings.add("HRM306", f"{key} has no use here", path, key=True, why=why, help=f"remove {key}")


def _check_units(workload: Workload, folder: FilePath, findings: Findings) -> None:
    content = _content(folder / workload.units, "units", findings)
    if content is None:
        return
    try:
        read_units(content, is_csv=is_csv(workload.units))
    except UnitsProblem as problem:
        _bad_line(
            "units",
            problem,
            findings,
            name=workload.units,
            wanted='one JSON object a line, e.g. {"amount": 5}',
        )


def _check_golden(workload: Workload, folder: FilePath, findings: Findings) -> None:
    content = _content(folder / workload.check, "check", findings)
    if content is None:
        return
    try:
        golden = read_golden(content)
    except UnitsProblem as problem:
        wanted = 'a line as {"unit": {"amount": 5}, "decision": "approve"}'
        _bad_line("check", problem, findings, name=workload.check, wanted=wanted)
        return
    for number, one in enumerate(golden, 1):
        if why := decision_problem(one.decision, workload.decides, workload.within):
            wanted = "decisions as the system answers them, or 'decides:' as they are"
            named = UnitsProblem(0, f"golden unit {number}: {why}")
            _bad_line("check", named, findings, name=workload.check, wanted=wanted)
            return


def is_csv(name: str) -> bool:
    """Say whether a file of units is read as CSV, by the ending of its name."""
    return name.lower().endswith(".csv")


def _bad_line(key: str, problem: UnitsProblem, findings: Findings, *, name: str, wanted: str) -> None:
    where = f"line {problem.line} of {quoted(name)}" if problem.line else quoted(name)
    findings.add(
        "HRM307", f"{where} cannot be offered", (*HERE, key), why=problem.why, help=f"write {wanted}"
    )


def _content(path: FilePath, key: str, findings: Findings) -> bytes | None:
    try:
        if path.exists() and not path.is_file():
            raise OSError(0, "it is not a regular file")  # a fifo or a device would never end
        with path.open("rb") as file:
            return file.read(BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        findings.add(
            "HRM101",
            f"the file of {quoted(key)} cannot be read: {quoted(path)}",
            (*HERE, key),
            label="not readable",
            why=str(getattr(error, "strerror", None) or error).lower(),
            help="paths count from the system file's folder; check the path",
        )
        return None
