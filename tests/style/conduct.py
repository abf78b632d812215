"""Budgets on what code does: clocks, dice, swallowed errors, shells, pickles, mocks, sleeps, Any."""

from __future__ import annotations

import ast
import re

from tests.style.source import Function, Source, calls, dotted, functions

CLOCK_MODULES = {"time", "random", "secrets", "uuid"}
CLOCK_NAMES = {
    "os.environ": "harness.shell.environment",
    "os.getenv": "harness.shell.environment",
    "os.urandom": "harness.shell.fresh_token",
    "datetime.now": "harness.shell.wall_utc",
    "datetime.utcnow": "harness.shell.wall_utc",
    "datetime.today": "harness.shell.wall_utc",
    "date.today": "harness.shell.wall_utc",
}
SHELL_CALLS = {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"}
UNSAFE_MODULES = {"pickle", "joblib", "marshal", "shelve", "dill", "cloudpickle"}
MOCK_CALLS = {"patch", "Mock", "MagicMock", "AsyncMock", "create_autospec"}
GLOBAL_DICE = re.compile(r"\b(np|numpy)\.random\.(?!default_rng|Generator|SeedSequence|PCG64|Philox)")

# Programs that tests start and whose waiting is the thing under test. This list may only shrink.
TIMED_PROGRAMS = {"tests/calibration/outages/outage_stub.py": "is down for a known time by its own stamps"}
VIRTUAL_TIME = ("tests/harness/simulation/", "tests/harness/targets/simulation/")
BROAD = {"Exception", "BaseException"}


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module.partition(".")[0]]
    return []


def clock_and_dice(source: Source) -> list[str]:
    """Only a module called ``shell.py`` reads clock, dice and environment."""
    if source.path.endswith("/shell.py"):
        return []
    findings = []
    for node in ast.walk(source.tree):
        findings += [
            source.at(node, f"imports {name}: take the instant or the seed as an argument, or ask the shell")
            for name in _imported(node)
            if name in CLOCK_MODULES
        ]
        text = dotted(node) if isinstance(node, ast.Attribute) else ""
        mend = next(
            (mend for name, mend in CLOCK_NAMES.items() if text == name or text.endswith(f".{name}")), ""
        )
        if mend:
            findings.append(source.at(node, f"reads {text}: use {mend}, or take it as an argument"))
    for call, name in calls(source.tree):
        unseeded = name.endswith("default_rng") and not (call.args or call.keywords)
        if unseeded or re.search(
            r"\b(np|numpy)\.random\.(?!default_rng|Generator|SeedSequence|PCG64|Philox)", name
        ):
            findings.append(
                source.at(call, f"{name} is global dice: take a Generator made from the plan's seed")
            )
    return findings


def _is_broad(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or dotted(kind).rpartition(".")[2] in BROAD for kind in kinds)


def swallowed_errors(source: Source) -> list[str]:
    """A broad handler re-raises or passes the error on as a value; silence is how a gate learns to lie."""
    findings = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler) and _is_broad(node):
            inside = [inner for statement in node.body for inner in ast.walk(statement)]
            raises = any(isinstance(inner, ast.Raise) for inner in inside)
            reports = node.name and any(
                isinstance(inner, ast.Name) and inner.id == node.name for inner in inside
            )
            if not raises and not reports:
                findings.append(
                    source.at(
                        node,
                        "swallows every error: name the class, re-raise, or record it as an event",
                    )
                )
        suppressed = isinstance(node, ast.Call) and dotted(node.func).endswith("suppress")
        if suppressed and any(dotted(arg) in BROAD for arg in node.args):
            findings.append(source.at(node, "suppresses every error: name the expected class"))
    return findings


def _annotations(function: Function) -> list[ast.expr]:
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [a for a in (arguments.vararg, arguments.kwarg) if a]
    return [a.annotation for a in every if a.annotation] + ([function.returns] if function.returns else [])


def any_in_signatures(source: Source) -> list[str]:
    """No ``Any`` where others look: a public function says what it takes and gives."""
    return [
        source.at(f, f"{f.name} has Any in its signature: use object and narrow it, or a struct")
        for f in functions(source)
        if not f.name.startswith("_")
        and any(dotted(n) in {"Any", "typing.Any"} for a in _annotations(f) for n in ast.walk(a))
    ]


def _may_be_true(node: ast.expr) -> bool:
    return not (isinstance(node, ast.Constant) and not node.value)


def shells_and_pickles(source: Source) -> list[str]:
    """No command line as one string, no code from data."""
    findings = []
    for call, name in calls(source.tree):
        shell_flag = any(k.arg == "shell" and _may_be_true(k.value) for k in call.keywords)
        if shell_flag or name in SHELL_CALLS or name.endswith("create_subprocess_shell"):
            findings.append(source.at(call, f"{name} goes through a shell: pass a list of arguments"))
        if name in {"eval", "exec"} or any(
            k.arg == "allow_pickle" and _may_be_true(k.value) for k in call.keywords
        ):
            findings.append(
                source.at(
                    call, f"{name} runs code from data: decode with msgspec or numpy (allow_pickle=False)"
                )
            )
    for node in ast.walk(source.tree):
        findings += [
            source.at(node, f"imports {name}: store JSON or npz, which hold data only")
            for name in _imported(node)
            if name in UNSAFE_MODULES
        ]
    return findings


def _is_zero(call: ast.Call) -> bool:
    return len(call.args) == 1 and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0


def sleeping_tests(source: Source) -> list[str]:
    """A test never sleeps for a guess: it polls with a deadline, or waits on the event.

    ``sleep(0)`` waits for nothing: it lets the other tasks of a loop have their turn. In a simulated world a
    sleep is an instant of its clock, and nobody waits for it.
    """
    if source.path.startswith(VIRTUAL_TIME):
        return []
    return [
        source.at(call, f"{name}(): poll for the outcome with a deadline, or wait on the event itself")
        for call, name in calls(source.tree)
        if f".{name}".endswith(".sleep") and not _is_zero(call) and source.path not in TIMED_PROGRAMS
    ]


def _import_parts(node: ast.Import | ast.ImportFrom) -> set[str]:
    names = [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        names.append(node.module)
    return {part for name in names for part in name.split(".")}


def mocks(source: Source) -> list[str]:
    """Every mock of a test file; the budget is two a thousand lines of tests."""
    found = [
        source.at(node, "imports a mock library: use a real socket, file or process, or a small fake")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Import | ast.ImportFrom) and "mock" in _import_parts(node)
    ]
    return found + [
        source.at(call, f"{name} replaces a part: pass the part as an argument")
        for call, name in calls(source.tree)
        if name in {"monkeypatch.setattr", "patch"}
        or name.startswith("patch.")
        or name.rpartition(".")[2] in MOCK_CALLS
    ]
