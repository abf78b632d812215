"""The table of message codes: what each means and how to mend it, for ``hormesis explain code``.

HRM1xx the file as text, HRM2xx the experiment, HRM3xx system and scenario, HRM4xx the command line.
A code never changes its meaning; a retired one is never used again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """One code: what was found, why it is refused, how to mend it."""

    what: str
    why: str
    mend: str


_AMBIGUOUS = "a YAML 1.1 reader and a YAML 1.2 reader would run different experiments"
_OURS = "validation imports and starts nothing, so only what is described in data can be read"

MESSAGES: Mapping[str, Message] = {
    "HRM101": Message("the file does not exist", "nothing can be read", "check the path"),
    "HRM102": Message(
        "the file cannot be read", "a folder, a device or a missing permission", "name a readable file"
    ),
    "HRM103": Message(
        "the file is larger than 1 MiB", "an experiment is a page of text", "name the right file"
    ),
    "HRM104": Message("the file is not UTF-8 text", "a binary or another encoding", "save it as UTF-8"),
    "HRM105": Message(
        "the file is empty", "there is no experiment in it", "start from experiments/smoke/kill-one.yaml"
    ),
    "HRM106": Message(
        "the file is not valid YAML", "the reader stopped here", "check quotes, brackets, indentation"
    ),
    "HRM107": Message(
        "several documents in one file", "one file is one experiment", "split it at the line '---'"
    ),
    "HRM108": Message(
        "an alias or anchor", "ten lines of aliases can become a gigabyte", "write the value out"
    ),
    "HRM109": Message("a YAML tag", "tags ask a reader to build objects", "remove the tag"),
    "HRM110": Message("a key stands twice", "readers silently keep one of the two", "remove one"),
    "HRM111": Message("nested too deep, or too many values", "no experiment needs it", "flatten or split it"),
    "HRM112": Message("a text longer than 64 KiB", "no experiment needs it", "shorten it"),
    "HRM113": Message(
        "a value that readers disagree on", _AMBIGUOUS, "put it in quotes, or write it plainly"
    ),
    "HRM114": Message("a key that is not text", _AMBIGUOUS, "put the key in quotes"),
    "HRM115": Message(
        "a number out of range", "numbers are finite and fit 64 bits", "write a smaller number"
    ),
    "HRM201": Message("a value of the wrong type", "the key takes another type", "see the help line"),
    "HRM202": Message(
        "an unknown key", "a key that is ignored is a claim that is not tested", "use the near name"
    ),
    "HRM203": Message("a key is missing", "there is no safe default", "add it"),
    "HRM204": Message("a value out of range", "the key takes a narrower range", "see the help line"),
    "HRM205": Message("a negative time", "nothing can happen before it begins", "write seconds, above 0"),
    "HRM206": Message("an unknown word", "the key takes one of a few words", "use one of the listed words"),
    "HRM211": Message("an unknown fault", "no target can do it", "use a fault of the listed kinds"),
    "HRM212": Message(
        "an unknown service", "the system file does not name it", "use a service of the system file"
    ),
    "HRM213": Message("a provider that is not Hormesis' own", _OURS, "use harness.frontends.chaostoolkit"),
    "HRM214": Message(
        "a probe in the method",
        "the witness measures all the time, from outside",
        "remove it; see x-hormesis.profile",
    ),
    "HRM215": Message(
        "a Chaos Toolkit feature that Hormesis does not run",
        "ignoring it would change the question",
        "remove it",
    ),
    "HRM216": Message(
        "a ${...} that no plain value of 'configuration' fills in, or a value that is looked up",
        "the plan must be complete before a run, and an environment may hold secrets",
        "write the value itself",
    ),
    "HRM217": Message("no fault in the method", "there is nothing to measure", "add an action"),
    "HRM218": Message(
        "a fault that stays too long",
        "no fault outlives 900 s, whatever happens to the runner",
        "give it a shorter duration_s, or lower tau_s",
    ),
    "HRM219": Message("an unknown arm", "there is no such healer", "use one of the listed arms"),
    "HRM220": Message(
        "an unknown measuring profile", "there is no such set of knobs", "use a listed profile"
    ),
    "HRM221": Message(
        "an unknown restart profile", "the platform has no such behaviour", "use fast or kubernetes"
    ),
    "HRM222": Message(
        "an objective or a weight about what is not in the experiment",
        "it could never be judged",
        "name a fault and arm of this file",
    ),
    "HRM223": Message(
        "an objective that claims nothing", "it could not fail", "add served_within_s or another claim"
    ),
    "HRM224": Message("an entry stands twice", "it would be counted double", "remove one"),
    "HRM225": Message(
        "a run too long or too dense",
        "one run is at most 20 million units, load included, and 7 days",
        "lower rate_hz, load_batch or tau_s",
    ),
    "HRM226": Message(
        "a key of an objective that nothing would be judged by",
        "a key that is ignored is a claim that is not tested",
        "remove it, or add what it needs",
    ),
    "HRM227": Message(
        "a scenario that the system does not take",
        "a knob, or the file that it names, is wrong; only the system's own `prepare` can tell",
        "mend what the reason names",
    ),
    "HRM228": Message(
        "an unknown edge",
        "the system file does not name it",
        "use an edge of the system, or the witness's own",
    ),
    "HRM229": Message(
        "an arm that the system cannot switch on",
        "its system file does not say how",
        "add the arm under 'arms:' of the system file",
    ),
    "HRM230": Message(
        "a fault on what does not run in an arm",
        "there would be nothing to hit",
        "leave out that arm, or hit another service",
    ),
    "HRM231": Message(
        "a fault in the records that could change none of them",
        "no record has its field, or none with such values; validation imports no world, so a run tells it "
        "once the system is prepared, before anything of it is started",
        "name a field of the records that holds such values",
    ),
    "HRM232": Message(
        "a steady state that no run proves",
        "a hypothesis is not evaluated by a run, which has a baseline and proofs of its own",
        "write 'tolerance: true', of a service that is looked at after a fault",
    ),
    "HRM233": Message(
        "a fault that the system has no hook for",
        "only the system's own program knows how its models are changed",
        "name the program and its actions under 'hooks:' of the system file",
    ),
    "HRM234": Message(
        "a fault that partitions cannot have",
        "records are changed on their way to a service, and a job that takes partitions is sent none",
        "hit its processes, or edges between services",
    ),
    "HRM301": Message("a service without exactly one way to start", "command or entry, not both", "keep one"),
    "HRM302": Message(
        "a reference to an unknown service", "the system file does not name it", "use a named service"
    ),
    "HRM303": Message(
        "the bundled system is not installed", "no system: was given", "install it, or write system:"
    ),
    "HRM304": Message("a cycle in what services wait for", "none of them could start", "remove one 'after'"),
    "HRM305": Message("a name that is taken", "the witness is called so", "use another name"),
    "HRM306": Message("a key that this system has no use for", "it would be ignored", "remove it"),
    "HRM307": Message(
        "a file of units with a line that is none",
        "units come one a line, golden ones with their right decision, in the form that the system answers",
        "mend the line that the message names",
    ),
    "HRM308": Message(
        "a place of partitions that is none",
        "it is a folder, or a table of a database, in the job's state folder, and names partitions by number",
        "see the help line",
    ),
    "HRM320": Message(
        "a secret stands in the file", "whoever reads the file has it", "name its place under 'secrets:'"
    ),
    "HRM401": Message("an unknown command", "there is no such command", "run: hormesis --help"),
    "HRM402": Message("a wrong argument", "the command does not take it", "run: hormesis COMMAND --help"),
    "HRM403": Message("not a run folder", "it holds no history", "name a folder that `hormesis run` printed"),
    "HRM404": Message("a damaged campaign file", "its runs cannot be told apart", "restore campaign.json"),
    "HRM405": Message("not a run's folder", "it holds no manifest", "name a folder inside runs/"),
}
