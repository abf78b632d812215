"""Every check is fed one piece of code that breaks its budget and one that keeps it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.style import conduct, shape, tree, world
from tests.style.source import Source, parse

Check = Callable[[Source], list[str]]

DEEP = "def f():\n if a:\n  for b in c:\n   with d:\n    while e:\n     pass\n"
ELIFS = "def f():\n if a:\n  x\n elif b:\n  x\n elif c:\n  x\n elif d:\n  for e in f:\n   if g:\n    x\n"
DOCUMENTED = 'def f():\n    """' + "x\n" * 90 + '"""\n' + "    a = 1\n" * 59
METHOD = "class A:\n def f(self, a, b, c, d, *, e, g): pass\n"
EXCEPT = "try:\n f()\nexcept "

SHAPE: tuple[tuple[Check, str, str], ...] = (
    (shape.long_functions, "def f():\n" + "    a = 1\n" * 60, DOCUMENTED),
    (shape.deep_functions, DEEP, ELIFS),
    (shape.wide_functions, "def f(a, b, c, d, e): pass\n", METHOD),
    (shape.long_files, "\n" * 501, "\n" * 500),
    (shape.crowded_modules, "def {}(): pass\n" * 9, "def {}(): pass\n" * 8 + "def _inner(): pass\n"),
    (shape.undocumented_modules, "import ast\n", '"""What it is."""\n'),
)
CONDUCT: tuple[tuple[Check, str, str], ...] = (
    (conduct.clock_and_dice, "import time\n", "import timeit_like\n"),
    (conduct.clock_and_dice, "from random import random\n", "from harness.shell import fresh_seed\n"),
    (conduct.clock_and_dice, "import os\nx = os.environ['A']\n", "import os\nx = os.getpid()\n"),
    (conduct.clock_and_dice, "import datetime\nx = datetime.datetime.now()\n", "x = loop.time()\n"),
    (conduct.clock_and_dice, "x = np.random.default_rng()\n", "x = np.random.default_rng(seed)\n"),
    (
        conduct.clock_and_dice,
        "x = np.random.normal(3)\n",
        "def f(dice: np.random.Generator): dice.normal(3)\n",
    ),
    (conduct.swallowed_errors, EXCEPT + "Exception:\n pass\n", EXCEPT + "Exception:\n g()\n raise\n"),
    (conduct.swallowed_errors, "try:\n f()\nexcept:\n x = 1\n", EXCEPT + "ValueError:\n x = 1\n"),
    (
        conduct.swallowed_errors,
        EXCEPT + "(A, BaseException) as e:\n x\n",
        EXCEPT + "Exception as e:\n x(e)\n",
    ),
    (conduct.swallowed_errors, "with suppress(Exception):\n f()\n", "with suppress(OSError):\n f()\n"),
    (conduct.any_in_signatures, "def f(a: dict[str, Any]): ...\n", "def f(a: object):\n x: Any = a\n"),
    (conduct.any_in_signatures, "def f() -> typing.Any: ...\n", "def _f() -> Any: ...\n"),
    (conduct.shells_and_pickles, "subprocess.run(x, shell=True)\n", "subprocess.run([x], shell=False)\n"),
    (conduct.shells_and_pickles, "os.system(x)\n", "subprocess.run([x])\n"),
    (conduct.shells_and_pickles, "import pickle\n", "import json\n"),
    (conduct.shells_and_pickles, "eval(x)\n", "ast.literal_eval(x)\n"),
    (conduct.shells_and_pickles, "np.load(x, allow_pickle=True)\n", "np.load(x, allow_pickle=False)\n"),
    (conduct.sleeping_tests, "time.sleep(1)\n", "until(done, deadline_s=5)\n"),
    (conduct.sleeping_tests, "asyncio.sleep(0.01)\n", "asyncio.sleep(0)\n"),
    (conduct.mocks, "from unittest import mock\n", "import unittest_like\n"),
    (conduct.mocks, "monkeypatch.setattr(a, 'b', c)\n", "monkeypatch.setenv('A', 'b')\n"),
)

WORLD: tuple[tuple[Check, str, str], ...] = (
    (world.leaves_the_world, "import threading\n", "import asyncio\n"),
    (world.leaves_the_world, "from http import client\n", "from http import HTTPStatus\n"),
    (world.leaves_the_world, "await asyncio.to_thread(f)\n", "await asyncio.sleep(1)\n"),
    (world.leaves_the_world, "x = open(path)\n", "x = disk.read(path)\n"),
    (world.leaves_the_world, "path.write_text(x)\n", "disk.write(path, x)\n"),
    (world.leaves_the_world, "x = hash(name)\n", "x = crc32(name)\n"),
    (world.takes_an_order, "for x in {a, b}: f(x)\n", "for x in sorted({a, b}): f(x)\n"),
    (world.takes_an_order, "x = list(set(y))\n", "x = len(set(y))\n"),
    (world.takes_an_order, "x = [f(y) for y in frozenset(z)]\n", "x = {f(y) for y in frozenset(z)}\n"),
    (world.takes_an_order, "x = ','.join(y for y in set(z))\n", "x = any(y for y in set(z))\n"),
    (world.takes_an_order, "def f():\n x = set(y)\n return [*x]\n", "def f():\n x = set(y)\n return {*x}\n"),
    (world.takes_an_order, "def f(x: set[str]): return tuple(x)\n", "def f(x: list[str]): return tuple(x)\n"),
    (world.takes_an_order, "for x in {*a} - {*b}: f(x)\n", "for x in a - b: f(x)\n"),
    (
        world.takes_an_order,
        "def f() -> set[str]: ...\nfor x in f(): g(x)\n",
        "def f() -> list[str]: ...\nfor x in f(): g(x)\n",
    ),
    (
        world.takes_an_order,
        "class A:\n def f(self):\n  self.x: set[str] = set()\n  for y in self.x: g(y)\n",
        "class A:\n def f(self):\n  self.x: list[str] = []\n  for y in self.x: g(y)\n",
    ),
    (world.takes_an_order, "x.sort(key=id)\n", "x.sort(key=len)\n"),
)

TEXTS: tuple[tuple[Callable[[str, str], list[str]], str, str], ...] = (
    (tree.unfinished, "# TO" + "DO: later", "# what is to do, done"),
    (tree.unfinished, "raise NotImplemented" + "Error", "return NotImplemented"),
    (tree.registry_addresses, "pip install --index" + "-url x", "pip install hormesis"),
    (tree.registry_addresses, "https://pypi" + ".org/simple", "https://example.org"),
    (tree.machine_paths, "open('/ro" + "ot/x')", "open('reports/ro" + "ot/x')"),
    (tree.machine_paths, "cd /wo" + "rk/main", "http://127.0.0.1/wo" + "rk/main"),
)


def _distinct(code: str) -> str:
    while "{}" in code:
        code = code.replace("{}", f"name_{code.count('{}')}", 1)
    return code


@pytest.mark.parametrize(
    ("check", "bad", "good"), SHAPE + CONDUCT + WORLD, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_check_finds_the_bad_piece_and_passes_the_good_one(check: Check, bad: str, good: str) -> None:
    assert check(parse("harness/x.py", _distinct(bad))), "the bad piece passed"
    assert check(parse("harness/x.py", _distinct(good))) == []


@pytest.mark.parametrize(("check", "bad", "good"), TEXTS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_text_check_finds_the_bad_line_and_passes_the_good_one(
    check: Callable[[str, str], list[str]], bad: str, good: str
) -> None:
    assert check("x.md", bad), "the bad line passed"
    assert check("x.md", good) == []


def test_a_fixture_is_called_by_name_and_its_helper_is_not() -> None:
    wide = "def {}(a, b, c, d, e): pass\n"
    assert (
        shape.wide_functions(parse("tests/x.py", "@pytest.fixture(scope='module')\n" + wide.format("f")))
        == []
    )
    assert shape.wide_functions(parse("tests/x.py", wide.format("test_f"))) == []
    assert shape.wide_functions(parse("tests/x.py", wide.format("helper")))
    assert shape.wide_functions(parse("harness/x.py", wide.format("test_f")))


def test_the_shell_may_read_the_clock() -> None:
    assert conduct.clock_and_dice(parse("harness/shell.py", "import time\n")) == []


def test_a_file_over_one_mebibyte_is_found() -> None:
    assert tree.oversized("x.bin", 2**20 + 1)
    assert tree.oversized("x.bin", 2**20) == []


def test_a_module_that_nobody_imports_is_found_and_one_that_a_file_starts_is_not() -> None:
    modules = [
        parse("harness/a.py", "from harness import b\n"),
        parse("harness/b.py", ""),
        parse("harness/c.py", ""),
        parse("harness/d.py", "import harness.d\n"),
    ]
    found = tree.orphans(modules, {"x.yaml": "entry: harness.c:main"})
    assert [finding.partition(":")[0] for finding in found] == ["harness/a.py", "harness/d.py"]


def test_a_tree_of_long_functions_breaks_both_statistics() -> None:
    long = parse("harness/x.py", ("def f():\n" + "    a = 1\n" * 40) * 10)
    short = parse("harness/x.py", "def f():\n    a = 1\n" * 10)
    assert len(tree.function_statistics([long])) == 2
    assert tree.function_statistics([short]) == []


def test_a_world_reaches_what_its_roots_import_and_what_that_imports() -> None:
    modules = [
        parse("harness/a.py", "from harness import b\n"),
        parse("harness/b.py", "import harness.c\n"),
        parse("harness/c.py", ""),
        parse("harness/d.py", "import harness.a\n"),
    ]
    assert [source.module for source in world.reached(modules, ["harness.a"])] == [
        "harness.a",
        "harness.b",
        "harness.c",
    ]


def test_the_mock_budget_counts_by_the_thousand_lines() -> None:
    assert tree.too_many_mocks(["one", "two", "three"], test_lines=1000)
    assert tree.too_many_mocks(["one", "two"], test_lines=1000) == []
