"""What runs in a simulated world: the modules that it reaches, and what none of them may use.

A world is the same from its seed to its last event. The guards of ``harness.simulation.guards`` see what is
reached for while it runs; what they cannot see (a name that was imported before, the order of a set) is found
here, in the source.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping

from tests.style.conduct import clock_and_dice
from tests.style.source import Source, calls, dotted

ROOTS = (
    "reference_pipeline.deploy.simulation.pipeline",
    "harness.run.virtual",
    "harness.targets.simulation.system",
    "harness.targets.simulation.observers",
)
"""Where worlds are entered: the services, the driver, what a life of a process is given."""
OUTSIDE = ("harness.simulation.guards",)
"""It names what it guards."""

LEAVING_MODULES = {
    **dict.fromkeys(("threading", "_thread", "concurrent", "multiprocessing"), "a world has one thread"),
    **dict.fromkeys(("socket", "ssl", "selectors", "http.client"), "call over the host's edges"),
    "subprocess": "processes of a world are started by its platform",
    **dict.fromkeys(
        ("tempfile", "shutil", "sqlite3"), "write to the host's disk, through the Store or a Folder"
    ),
    "logging": "its records read the real clock: tell by a port",
}
LEAVING_CALLS = {
    **dict.fromkeys(
        ("to_thread", "run_in_executor"), "a world has one thread: do it here, and charge for it"
    ),
    **dict.fromkeys(("open_connection", "start_server", "create_connection"), "call over the host's edges"),
    **dict.fromkeys(("create_subprocess_exec", "create_subprocess_shell"), "a world starts no processes"),
    **dict.fromkeys(("os.kill", "os.killpg", "os.fork", "signal.signal"), "a process of a world has no pid"),
    **dict.fromkeys(("write_bytes", "write_text"), "write to the host's disk, through the Store or a Folder"),
}
ORDERS = {
    "hash": "differs from process to process: use zlib.crc32 or hashlib",
    "id": "is an address: number what you make",
    "open": "is a real file: read it before the world begins, write to the host's disk",
}
_SETS = {"set", "frozenset"}
_ORDERED = {"list", "tuple", "iter", "next", "enumerate", "zip", "map", "filter", "join", "fromkeys"}
_METHODS = {"union", "intersection", "difference", "symmetric_difference"}

# Reached by a world's imports, and what of it leaves is not run in one; the audit hook holds them to that.
# This list may only shrink.
BEFORE: Mapping[str, str] = {
    "harness/driver/stalls.py": "the heartbeat of a real driver; one of a world has none",
    "harness/observers/fetch.py": "looks at a real system; of a world only its words are used",
    "harness/observers/looking.py": "its lock alone: no thread is made",
    "harness/run/evidence.py": "keeps a real run in a folder",
    "harness/run/witness.py": "starts a real driver; of a world only its words are used",
    "harness/simulation/kernel.py": "knows worlds by thread; hashes numbers, which all processes hash alike",
    "harness/targets/local/child.py": "of a real machine",
    "harness/targets/local/forks.py": "of a real machine",
    "harness/targets/local/looks.py": "looks at a real system; of a world only its words are used",
    "harness/targets/local/machine.py": "of a real machine",
    "harness/targets/local/zygote.py": "of a real machine; of a world only its words are used",
    "reference_pipeline/deploy/simulation/pipeline.py": "reads the template before any world begins",
    "reference_pipeline/deploy/template.py": "reads the template before any world begins",
    "reference_pipeline/features.py": "written by prepare",
    "reference_pipeline/folders.py": "the folder of a real machine",
    "reference_pipeline/registry.py": "the copy of a template",
    "reference_pipeline/stores.py": "the store of a real machine",
    "reference_pipeline/world/frozen.py": "written by prepare",
    "reference_pipeline/world/golden.py": "written by prepare",
    "reference_pipeline/world/replay.py": "written by prepare",
}


def reached(sources: Iterable[Source], roots: Iterable[str] = ROOTS) -> list[Source]:
    """The modules that worlds reach by their imports, in the order of their names."""
    known = {source.module: source for source in sources}
    left, found = [*roots], dict[str, Source]()
    while left:
        name = left.pop()
        source = known.get(name)
        if source is None or name in found:
            continue
        found[name] = source
        left += [one for node in ast.walk(source.tree) for one in _modules(node)]
    return [found[name] for name in sorted(found) if name not in OUTSIDE]


def _modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def _with_parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]


def leaves_the_world(source: Source) -> list[str]:
    """What reaches outside: threads, wires, processes, files."""
    findings = []
    for node in ast.walk(source.tree):
        imported = {one for name in _modules(node) for one in _with_parents(name)}
        findings += [
            source.at(node, f"imports {n}: {LEAVING_MODULES[n]}") for n in LEAVING_MODULES if n in imported
        ]
    for call, name in calls(source.tree):
        mend = LEAVING_CALLS.get(name) or LEAVING_CALLS.get(name.rpartition(".")[2]) or ORDERS.get(name)
        if mend:
            findings.append(source.at(call, f"{name}(): {mend}"))
    return findings


def give_sets(sources: Iterable[Source]) -> frozenset[str]:
    """Functions that say they give a set, by name."""
    return frozenset(name for one in sources for name in _declared(one.tree) if name.endswith("()"))


def takes_an_order(source: Source, given: frozenset[str] = frozenset()) -> list[str]:
    """Where a set is walked, or a list is made of it: its order is that of hashes, or of addresses.

    ``given``: what ``give_sets`` says of all modules.
    """
    findings, known = [], given | _declared(source.tree)
    for scope in ast.walk(source.tree):
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
            sets = known | _sets_of(scope)
            findings += [
                source.at(walked, "takes the order of a set: sort it, or keep a dict or a list")
                for node in _own(scope)
                for walked in _walked(node)
                if _is_set(walked, sets)
            ]
        if isinstance(scope, ast.keyword) and scope.arg == "key" and dotted(scope.value) in ORDERS:
            findings.append(source.at(scope.value, f"sorts by {dotted(scope.value)}(): number what you make"))
    return findings


def what_no_seed_decides(source: Source) -> list[str]:
    """All of it: clocks and dice, what reaches outside, orders of sets."""
    return clock_and_dice(source) + leaves_the_world(source) + takes_an_order(source)


def _own(scope: ast.AST) -> Iterable[ast.AST]:
    """All nodes of a scope but for those of the functions in it."""
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _own(child)


def _declared(tree: ast.Module) -> frozenset[str]:
    """Attributes that are declared as sets, and functions that say they give one, by name."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Attribute):
            found += [f".{node.target.attr}"] * _says_set(node.annotation)
        elif isinstance(node, ast.FunctionDef) and node.returns is not None:
            found += [f"{node.name}()"] * _says_set(node.returns)
    return frozenset(found)


def _says_set(annotation: ast.expr) -> bool:
    named = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return dotted(named) in {"set", "frozenset", "Set", "AbstractSet"}


def _sets_of(scope: ast.AST) -> frozenset[str]:
    """Names that are given a set in this scope, and nothing else."""
    given: dict[str, bool] = {}
    if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
        every = (*scope.args.posonlyargs, *scope.args.args, *scope.args.kwonlyargs)
        given = {one.arg: one.annotation is not None and _says_set(one.annotation) for one in every}
    for node in _own(scope):
        if isinstance(node, ast.Assign):
            for name in (target.id for target in node.targets if isinstance(target, ast.Name)):
                given[name] = given.get(name, True) and _is_set(node.value, frozenset())
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            given[node.target.id] = _says_set(node.annotation)
    return frozenset(name for name, is_set in given.items() if is_set)


def _is_set(node: ast.expr, names: frozenset[str]) -> bool:
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Name(id=name):
            return name in names
        case ast.Attribute(attr=attr):
            return f".{attr}" in names
        case ast.Call(func=ast.Name(id=name)):
            return name in _SETS or f"{name}()" in names
        case ast.Call(func=ast.Attribute(value=inner, attr=attr)):
            return f"{attr}()" in names or (attr in _METHODS and _is_set(inner, names))
        case ast.BinOp(left=left, op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor(), right=right):
            return _is_set(left, names) or _is_set(right, names)
        case _:
            return False


def _walked(node: ast.AST) -> list[ast.expr]:
    """What this node takes one after the other, in an order that may get somewhere."""
    if isinstance(node, ast.For | ast.AsyncFor):
        return [node.iter]
    if isinstance(node, ast.ListComp | ast.DictComp):
        return [one.iter for one in node.generators]
    if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in _ORDERED:
        return [*node.args, *(g.iter for arg in node.args for g in getattr(arg, "generators", ()))]
    if isinstance(node, ast.List | ast.Tuple):
        return [one.value for one in node.elts if isinstance(one, ast.Starred)]
    return []
