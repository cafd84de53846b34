"""Event patterns: our verdicts beside those of Event Ruler, AWS's own implementation."""

import json
import os
import pathlib
import random
import shutil
import subprocess

import pytest

from anabranch_server import TARGET

HERE = pathlib.Path(__file__).parent / "ruler"
ROOT = HERE.parents[2]
PATTERNS = 2000
EVENTS = 10
SEED = 20261121

STRINGS = ["", "a", "ab", "AB", "aB", "ba", "abc", "b*a", "a\\b", "é", "straße", "STRASSE", "10", "10.0.0.1", "10.0.1.77"]
# Not 0.0.0.0/0: as Event Ruler compares digits, that holds numbers and IPv6 addresses as well.
NETWORKS = ["10.0.0.0/24", "10.0.0.0/8", "10.0.1.64/26", "128.0.0.0/1", "10.0.0.1/31"]
NUMBERS = [0, 1, -1, 2.5, 10, 10.0, 300, 3.0e2, 1e-6, 123456789012, 5e9]
NAMES = ["a", "b", "c", "a-b"]


@pytest.fixture(scope="module")
def ruler():
    """Compiles the program that asks Event Ruler; gives its command."""
    if shutil.which("mvn") is None:
        pytest.skip("Maven is not installed: event patterns can't be compared with Event Ruler")
    build = TARGET / "ruler"
    build.mkdir(parents=True, exist_ok=True)
    classpath = build / "classpath"
    maven = ["mvn", "-q", "-B", "-ntp", "-Dmaven.wagon.http.retryHandler.count=5", "-f", HERE / "pom.xml", f"-DbuildDirectory={build}"]
    subprocess.run([*maven, "compile", "dependency:build-classpath", f"-Dmdep.outputFile={classpath}"], check=True)
    return ["java", "-Xmx512m", "-cp", f"{build}/classes:{classpath.read_text().strip()}", "anabranch.Verdicts"]


@pytest.fixture(scope="module")
def ours():
    environment = {**os.environ, "CARGO_TARGET_DIR": str(TARGET)}
    subprocess.run(["cargo", "build", "-q", "-p", "anabranch-pattern", "--example", "verdicts"], cwd=ROOT, env=environment, check=True)
    return [TARGET / "debug" / "examples" / "verdicts"]


def verdicts(command, cases):
    lines = [
        json.dumps({"pattern": pattern if isinstance(pattern, str) else json.dumps(pattern), "events": [json.dumps(event) for event in events]})
        for pattern, events in cases
    ]
    done = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    answers = done.stdout.splitlines()
    assert len(answers) == len(cases)
    return answers


class Generator:
    """Patterns and events with few names and values, so that they often meet."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def one_of(self, *choices):
        return self.random.choice(choices)

    def string(self):
        return self.random.choice(STRINGS)

    def wildcard(self):
        text = "".join(self.random.choice(["a", "b", "\\*", "\\\\", "*", "é"]) for _ in range(self.random.randint(0, 4)))
        while "**" in text:
            text = text.replace("**", "*")
        return text

    def strings(self, make):
        """One, or a list of them."""
        return make() if self.random.random() < 0.5 else [make() for _ in range(self.random.randint(1, 3))]

    def nonempty(self):
        return self.random.choice(STRINGS[1:])

    def numeric(self):
        low, high = self.random.choice(NUMBERS), self.random.choice(NUMBERS)
        low, high = min(low, 5e9), min(high, 5e9)
        if self.random.random() < 0.5 or low >= high:
            return [self.one_of("=", "<", "<=", ">", ">="), low]
        return [self.one_of(">", ">="), low, self.one_of("<", "<="), high]

    def anything_but(self):
        kind = self.random.randrange(6)
        if kind == 0:
            return self.strings(self.string)
        if kind == 1:
            return self.strings(lambda: self.random.choice(NUMBERS))
        operator = ["prefix", "suffix", "equals-ignore-case", "wildcard"][kind - 2]
        make = {"prefix": self.nonempty, "suffix": self.nonempty, "equals-ignore-case": self.string, "wildcard": self.wildcard}[operator]
        return {operator: self.strings(make)}

    def value(self):
        kind = self.random.randrange(16)
        if kind < 4:
            return self.string()
        if kind < 6:
            return self.random.choice(NUMBERS)
        if kind == 6:
            return self.one_of(None, True, False)
        if kind == 7:
            return {"exists": self.random.random() < 0.5}
        if kind == 8:
            return {"exists": False}
        if kind == 9:
            return {"prefix": self.one_of(self.string(), {"equals-ignore-case": self.nonempty()})}
        if kind == 10:
            return {"suffix": self.one_of(self.string(), {"equals-ignore-case": self.nonempty()})}
        if kind == 11:
            return {"equals-ignore-case": self.string()}
        if kind == 12:
            return {"wildcard": self.wildcard()}
        if kind == 13:
            return {"numeric": self.numeric()}
        if kind == 14:
            return {"cidr": self.random.choice(NETWORKS)}
        return {"anything-but": self.anything_but()}

    def values(self):
        """Wildcards and ranges stand alone: in one list with strings they lead Event Ruler's automaton
        astray. To it, `["abc", {"numeric": ["<", 300]}, {"suffix": "x"}]` does not match "abc"."""
        values = [self.value() for _ in range(self.random.randint(1, 3))]
        alone = [value for value in values if "wildcard" in json.dumps(value) or "numeric" in json.dumps(value)]
        return alone[:1] or values

    def pattern(self, depth=0):
        members = {}
        for name in self.random.sample(NAMES, self.random.randint(1, 3 if depth else 2)):
            if depth < 3 and self.random.random() < 0.55:
                members[name] = self.pattern(depth + 1)
            else:
                members[name] = self.values()
        if self.random.random() < 0.12:
            # Other names than beside it: a field may be asked for only once.
            branches = [{f"{name}{depth}": [self.value()]} for name in self.random.sample(NAMES, 2)]
            members["$or"] = branches
        return members

    def scalar(self):
        kind = self.random.randrange(8)
        if kind < 5:
            return self.string()
        return self.random.choice(NUMBERS) if kind < 7 else self.one_of(None, True, False)

    def event_value(self, pattern, depth):
        """Often of the pattern's shape, so that something is there to match."""
        kind = self.random.random()
        if kind < 0.35 and depth < 5:
            return [self.event_value(pattern, depth + 1) for _ in range(self.random.randint(0, 3))]
        if isinstance(pattern, dict) and kind < 0.95:
            return self.event(pattern, depth + 1)
        if isinstance(pattern, list) and kind < 0.8:
            literals = [value for value in pattern if not isinstance(value, dict)]
            if literals:
                return self.random.choice(literals)
        return self.scalar()

    def event(self, pattern, depth=0):
        members = {}
        for name, value in pattern.items():
            if name == "$or":
                members |= {name: self.event_value(value, depth) for branch in value for name, value in branch.items() if self.random.random() < 0.4}
            elif self.random.random() < 0.9:
                members[name] = self.event_value(value, depth)
        if self.random.random() < 0.2:
            members[self.random.choice(NAMES)] = self.scalar()
        return members


def test_random_patterns_get_the_verdicts_of_event_ruler(ruler, ours):
    generator = Generator(SEED)
    cases = []
    for _ in range(PATTERNS):
        pattern = generator.pattern()
        cases.append((pattern, [generator.event(pattern) for _ in range(EVENTS)]))
    theirs, mine = verdicts(ruler, cases), verdicts(ours, cases)
    differing = [
        f"{json.dumps(pattern)} on {json.dumps(event)}: Event Ruler says {expected}, we say {verdict}"
        for (pattern, events), their, my in zip(cases, theirs, mine)
        for event, expected, verdict in zip(events, their, my, strict=True)
        if expected != verdict
    ]
    assert not differing, f"{len(differing)} differ, such as\n" + "\n".join(sorted(differing, key=len)[:10])
    matched = sum(line.count("1") for line in theirs)
    assert 0.05 < matched / (PATTERNS * EVENTS) < 0.95, "the cases must decide something"


# Where Event Ruler tries an older compiler, too, the message may be the older one's; these come from the one in use.
REFUSED = [
    {},
    [],
    {"a": 1},
    {"a": None},
    {"a": {}},
    {"a": []},
    {"a": [[1]]},
    {"a": [{}]},
    {"a": [{"unknown": 1}]},
    {"a": [{"prefix": "x", "suffix": "y"}]},
    {"a": [{"prefix": 5}]},
    {"a": [{"prefix": {"x": 5}}]},
    {"a": [{"suffix": 5}]},
    {"a": [{"equals-ignore-case": 5}]},
    {"a": [{"wildcard": 5}]},
    {"a": [{"wildcard": "a**b"}]},
    {"a": [{"wildcard": "a\\b"}]},
    {"a": [{"wildcard": "a\\"}]},
    {"a": [{"exists": 1}]},
    {"a": [{"exists": True, "prefix": "x"}]},
    {"a": [{"exactly": 1}]},
    {"a": [{"cidr": 5}]},
    {"a": [{"cidr": "10.0.0.0"}]},
    {"a": [{"cidr": "10.0.0.0/32"}]},
    {"a": [{"cidr": "10.0.0.0/x"}]},
    {"a": [{"cidr": "10.0.0/3"}]},
    {"a": [{"numeric": 5}]},
    {"a": [{"numeric": []}]},
    {"a": [{"numeric": ["<"]}]},
    {"a": [{"numeric": ["!=", 4]}]},
    {"a": [{"numeric": ["=", 4, "<", 5]}]},
    {"a": [{"numeric": [">", 4, "=", 5]}]},
    {"a": [{"numeric": [">", 4, 5, 5]}]},
    {"a": [{"numeric": [">", 4, "<", 6, "<", 7]}]},
    {"a": [{"numeric": [">", 5, "<", 5]}]},
    {"a": [{"numeric": ["<", 5], "prefix": "x"}]},
    {"a": [{"anything-but": []}]},
    {"a": [{"anything-but": None}]},
    {"a": [{"anything-but": [None]}]},
    {"a": [{"anything-but": ["a", 1]}]},
    {"a": [{"anything-but": {"prefix": ""}}]},
    {"a": [{"anything-but": {"prefix": 3}}]},
    {"a": [{"anything-but": {"unknown": "x"}}]},
    '{"a": [1], "a": [2]}',
]


def test_what_is_refused_is_refused_in_the_words_of_event_ruler(ruler, ours):
    cases = [(pattern, []) for pattern in REFUSED]
    for (pattern, _), theirs, mine in zip(cases, verdicts(ruler, cases), verdicts(ours, cases)):
        assert theirs.startswith("invalid: "), (pattern, theirs)
        assert mine == theirs, pattern
