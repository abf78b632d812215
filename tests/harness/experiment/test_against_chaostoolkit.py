"""This interpreter beside chaostoolkit-lib: what they refuse is refused, what both take is done in one order.

Where only they take a file, each code that it is refused with stands in ``DIFFERENCES`` with its reason.
"""

from __future__ import annotations

import copy
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness.experiment.conftest import SCENARIO, SYSTEM
from tests.harness.experiment.differential_kit import ours, theirs

FAULTS = "harness.frontends.chaostoolkit.faults"
PROBES = "harness.frontends.chaostoolkit.probes"
DIFFERENCES = {
    "HRM201": "a type that they find out at the run, or never: a title that is a number, null pauses",
    "HRM202": "a key that they ignore: a claim that is not tested",
    "HRM203": "x-hormesis with its world: they need none",
    "HRM204": "a value out of the range of the fault's argument: they call the function, and it refuses",
    "HRM205": "a negative pause: their sleep raises in the middle of the run",
    "HRM206": "an argument that is none of its words: they call the function, and it refuses",
    "HRM212": "a service that the system has not: they call the function, and it refuses",
    "HRM213": "a program, an address or code of others: no code of others is run",
    "HRM214": "a probe in the method: the witness watches all the time",
    "HRM215": "background, controls, ref, secrets, dry, other strategies: would make another experiment",
    "HRM216": "a value out of the environment, or a ${...} that nothing fills in: they pass it on",
    "HRM217": "no action: there is nothing to measure",
    "HRM218": "a fault of more than 15 minutes",
    "HRM224": "two actions of one name: tables name a fault by it",
    "HRM228": "an edge that the system has not: they call the function, and it refuses",
    "HRM232": "a tolerance that no run proves",
}


def action(name="kill", func="process_kill", arguments=None, **more):
    given = {"service": "scorer"} if arguments is None else arguments
    provider = {"type": "python", "module": FAULTS, "func": func, "arguments": given}
    return {"type": "action", "name": name, "provider": provider, **more}


def probe(tolerance=True, **more):
    provider = {"type": "python", "module": PROBES, "func": "ready", "arguments": {"service": "scorer"}}
    return {"type": "probe", "name": "up", "tolerance": tolerance, "provider": provider, **more}


def experiment(*actions, **more):
    asked = {"version": 1, "system": "system.yaml", "scenario": "scenario.yaml", "profile": "test"}
    method = list(actions or (action(),))
    return {"title": "t", "description": "d", "method": method, "x-hormesis": asked | {"sham": False}, **more}


def hypothesis(*probes, **more):
    return {"title": "up", "probes": list(probes), **more}


SLOW = {"edge": "gateway-scorer", "latency_ms": 40}
RESTORE = action("restore", "process_restore")
TAKEN = {
    "one fault": experiment(),
    "three in order": experiment(
        action("a"), action("b", "network_latency", SLOW), action("c", "process_hang")
    ),
    "pauses": experiment(action(pauses={"before": 1, "after": 2.5}), action("b", pauses={"after": 3})),
    "pauses of zero": experiment(action(pauses={"before": 0}), action("b", pauses={})),
    "a pause filled in": experiment(action(pauses={"after": "${quiet}"}), configuration={"quiet": 4}),
    "an argument filled in": experiment(
        action(arguments={"service": "${it}"}), configuration={"it": "scorer"}
    ),
    "part of one filled in": experiment(action(arguments={"service": "sc${x}"}), configuration={"x": "orer"}),
    "without braces": experiment(action(arguments={"service": "$it"}), configuration={"it": "scorer"}),
    "a number keeps its type": experiment(
        action(func="network_latency", arguments=SLOW | {"latency_ms": "${ms}"}), configuration={"ms": 12.5}
    ),
    "a title filled in": experiment(title="Kill ${it}", configuration={"it": "scorer", "unused": [1]}),
    "a list nobody uses": experiment(configuration={"unused": [1, 2]}),
    "foreground, said": experiment(action(background=False)),
    "a rollback": experiment(rollbacks=[RESTORE]),
    "a rollback twice": experiment(rollbacks=[RESTORE, RESTORE]),
    "rollbacks, always": experiment(rollbacks=[RESTORE], runtime={"rollbacks": {"strategy": "always"}}),
    "strategies by default": experiment(
        runtime={"rollbacks": {"strategy": "default"}, "hypothesis": {"strategy": "default"}}
    ),
    "a hypothesis": experiment(**{"steady-state-hypothesis": hypothesis(probe())}),
    "a hypothesis of nothing": experiment(**{"steady-state-hypothesis": hypothesis()}),
    "what both ignore": experiment(
        tags=["a"], contributions={"reliability": "high"}, extensions=[{"name": "e", "x": 1}], version="1.0.0"
    ),
    "a key of another tool": experiment(**{"x-other": {"${a}": "${b}"}}),
}
ONLY_THEIRS = {
    "no action": (experiment(method=[]), "HRM217"),
    "in the background": (experiment(action(background=True)), "HRM215"),
    "controls": (experiment(controls=[]), "HRM215"),
    "controls of an action": (experiment(action(controls=[])), "HRM215"),
    "controls of the hypothesis": (
        experiment(**{"steady-state-hypothesis": hypothesis(controls=[])}),
        "HRM215",
    ),
    "secrets": (experiment(secrets={"k8s": {"token": "t"}}), "HRM215"),
    "a ref": (experiment(action(), {"ref": "kill"}), "HRM215"),
    "dry": (experiment(dry="actions"), "HRM215"),
    "a time-out": (experiment(action(timeout=3)), "HRM215"),
    "never rolled back": (experiment(runtime={"rollbacks": {"strategy": "never"}}), "HRM215"),
    "rolled back if it deviated": (experiment(runtime={"rollbacks": {"strategy": "deviated"}}), "HRM215"),
    "a hypothesis all the time": (
        experiment(runtime={"hypothesis": {"strategy": "continuously"}}),
        "HRM215",
    ),
    "from the environment": (
        experiment(configuration={"home": {"type": "env", "key": "NO_SUCH", "default": "x"}}),
        "HRM216",
    ),
    "from a probe": (
        experiment(configuration={"live": {"type": "probe", "name": "p", "provider": {}}}),
        "HRM215",
    ),
    "filled in twice": (
        experiment(action(arguments={"service": "${a}"}), configuration={"a": "${b}", "b": "scorer"}),
        "HRM216",
    ),
    "nothing to fill in": (experiment(action(arguments={"service": "${a}"})), "HRM216"),
    "a name with a value": (experiment(action("${a}"), configuration={"a": "x"}), "HRM216"),
    "a probe in the method": (experiment(probe()), "HRM214"),
    "a program": (
        experiment(action(provider={"type": "process", "path": "true"})),
        "HRM213",
    ),
    "an address": (experiment(action(provider={"type": "http", "url": "http://localhost"})), "HRM213"),
    "a module of others": (
        experiment(action(provider={"type": "python", "module": "os", "func": "getcwd"})),
        "HRM213",
    ),
    "a tolerance of false": (experiment(**{"steady-state-hypothesis": hypothesis(probe(False))}), "HRM232"),
    "a tolerance of a range": (
        experiment(**{"steady-state-hypothesis": hypothesis(probe({"type": "range", "range": [0, 1]}))}),
        "HRM232",
    ),
    "two of one name": (experiment(action(), action()), "HRM224"),
    "nothing of ours": (
        {key: value for key, value in experiment().items() if key != "x-hormesis"},
        "HRM203",
    ),
    "a service that is not there": (experiment(action(arguments={"service": "other"})), "HRM212"),
    "a pause back in time": (experiment(action(pauses={"before": -1})), "HRM205"),
}
REFUSED = {
    "no title": {key: value for key, value in experiment().items() if key != "title"},
    "an empty description": experiment(description=""),
    "no method": {key: value for key, value in experiment().items() if key != "method"},
    "a tag that is empty": experiment(tags=[""]),
    "an extension without a name": experiment(extensions=[{"x": 1}]),
    "no configuration": experiment(configuration=None),
    "an action without a type": experiment({k: v for k, v in action().items() if k != "type"}),
    "an action without a provider": experiment({k: v for k, v in action().items() if k != "provider"}),
    "an unknown function": experiment(action(func="process_kil")),
    "an argument too many": experiment(action(arguments={"service": "scorer", "surplus": 1})),
    "an argument too few": experiment(action(arguments={})),
    "a pause in words": experiment(action(pauses={"before": "long"})),
    "a background of words": experiment(action(background="yes")),
    "a hypothesis without a title": experiment(**{"steady-state-hypothesis": {"probes": [probe()]}}),
    "a probe without a tolerance": experiment(
        **{"steady-state-hypothesis": hypothesis({k: v for k, v in probe().items() if k != "tolerance"})}
    ),
    "a tolerance of no kind": experiment(**{"steady-state-hypothesis": hypothesis(probe({"type": "near"}))}),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a system and a scenario, for files that are written again and again."""
    folder = tmp_path_factory.mktemp("both")
    (folder / "system.yaml").write_text(SYSTEM)
    (folder / "scenario.yaml").write_text(SCENARIO)
    return folder


def compared(folder, data) -> str:
    """Both read and carry out ``data``; who took it, after what must hold was checked."""
    by_us, by_them = ours(folder, copy.deepcopy(data)), theirs(data)
    if by_them.refused:
        assert by_us.codes, f"taken here, and they say: {by_them.refused}"
        return "nobody"
    if by_us.codes:
        assert by_us.codes <= DIFFERENCES.keys()
        return "only they"
    assert not by_them.failed, by_them.failed
    assert by_us.steps == by_them.steps
    faults = tuple(step for step in by_us.steps if not isinstance(step, int | float))
    assert by_us.undone == faults, "undone one by one, in any case"
    return "both"


@pytest.mark.parametrize("data", TAKEN.values(), ids=TAKEN)
def test_what_both_take_is_the_same_faults_in_the_same_order_with_the_same_pauses(place, data):
    assert compared(place, data) == "both"


@pytest.mark.parametrize(("data", "code"), ONLY_THEIRS.values(), ids=ONLY_THEIRS)
def test_what_only_they_run_is_refused_for_a_listed_reason(place, data, code):
    assert compared(place, data) == "only they"
    assert code in ours(place, data).codes


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_what_they_refuse_is_refused(place, data):
    assert compared(place, data) == "nobody"


def test_rollbacks_are_theirs_to_play_and_ours_in_any_case(place):
    never = experiment(rollbacks=[RESTORE])
    assert theirs(never).rollbacks == (("process_restore", {"service": "scorer"}),)
    assert ours(place, never).undone


texts = st.sampled_from(["scorer", "gateway", "${it}", "$it", "s${x}", "${none}", "$$", "other", ""])
numbers = st.sampled_from([0, 1, 2.5, -1, 40, "${n}", "${none}", "4", None, True])
values = st.sampled_from(
    ["scorer", "corer", 3, 0.5, True, [1], {"a": 1}, {"type": "env", "key": "NO"}, "${x}"]
)
configurations = st.dictionaries(st.sampled_from(["it", "x", "n"]), values, max_size=3)
pauses = st.dictionaries(st.sampled_from(["before", "after", "between"]), numbers, max_size=2)
calls = st.one_of(
    st.tuples(st.sampled_from(["process_kill", "process_hang"]), st.fixed_dictionaries({"service": texts})),
    st.tuples(
        st.just("network_latency"),
        st.fixed_dictionaries({"edge": st.just("gateway-scorer"), "latency_ms": numbers}),
    ),
    st.tuples(st.sampled_from(["process_kill", "none"]), st.just({})),
)


@st.composite
def actions(draw):
    func, arguments = draw(calls)
    more = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "pauses": pauses,
                "background": st.sampled_from([False, True, "no"]),
                "x-a": st.just(1),
            },
        )
    )
    return action(draw(st.sampled_from(["a", "b", "c", "${it}"])), func, arguments, **more)


experiments = st.builds(
    lambda listed, more, steady: experiment(method=listed, **more, **steady),
    st.lists(actions(), min_size=1, max_size=3),
    st.fixed_dictionaries(
        {},
        optional={
            "configuration": configurations,
            "rollbacks": st.just([RESTORE]),
            "title": st.sampled_from(["t", "of ${it}", "$$", ""]),
            "runtime": st.sampled_from([{}, *({"rollbacks": {"strategy": s}} for s in ("always", "never"))]),
        },
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "steady-state-hypothesis": st.builds(
                hypothesis, st.builds(probe, st.sampled_from([True, False, 1, "${x}", [1], {"type": "no"}]))
            )
        },
    ),
)


def test_whatever_is_written_they_agree_or_differ_as_listed(place):
    seen: Counter[str] = Counter()

    @settings(max_examples=100)
    @given(data=experiments)
    def draw(data):
        seen[compared(place, data)] += 1

    draw()
    assert set(seen) == {"nobody", "only they", "both"}, "too few sorts of files are drawn"
