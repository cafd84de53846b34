#!/usr/bin/env python3
"""Writes services/lambda/MAPPINGS.md: every setting of an event source mapping, which sources have it, and the tests that name it.

    tests/mappings_table.py            write it
    tests/mappings_table.py --check    fail if it is not current, or if a setting has no test

Settings are the members of `EventSourceMappingRequest`; which sources refuse one is what `STREAM_SETTINGS` and `QUEUE_SETTINGS`
say; sources are the files with `Rules`. A test names a setting if it has its name as a string.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LAMBDA = ROOT / "services/lambda"
MAPPING = LAMBDA / "src/mapping"
TABLE = LAMBDA / "MAPPINGS.md"
COMMAND = "tests/mappings_table.py"
TESTED = [*sorted(MAPPING.rglob("*.rs")), *sorted((LAMBDA / "tests").rglob("*.rs")), ROOT / "tests/conformance/test_lambda.py"]

# What a request has that is no setting.
NO_SETTINGS = {"others"}
# In AWS's API an exception to its own way of writing names.
NAMES = {"kms_key_arn": "KMSKeyArn"}
RUST_TEST = re.compile(r"#\[(?:tokio::)?test[^\]]*\]\s*(?:async )?fn (?P<name>\w+)")
# Other tests have members of the same names.
OF_MAPPINGS = re.compile(r"event_source_mapping|EventSourceArn|\bMAPPINGS\b")
PYTHON_TEST = re.compile(r"^def (?P<name>test_\w+)", re.MULTILINE)

HEAD = """# Settings of event source mappings

Which source has which setting, its bounds in the source's rules, and the tests that name it. Written by `{command}`; `./test` runs it with `--check`, which fails on a setting without a test.

"""


def settings():
    """The settings by their names in the API, in the order of the request."""
    text = (MAPPING / "request.rs").read_text()
    body = re.search(r"pub struct EventSourceMappingRequest \{(.*?)\n\}", text, re.DOTALL)[1]
    members = re.findall(r"^    pub (\w+):", body, re.MULTILINE)
    return [NAMES.get(member) or "".join(part.capitalize() for part in member.split("_")) for member in members if member not in NO_SETTINGS]


def of_one_kind(name):
    """The settings that the list called `name` holds."""
    text = (MAPPING / "settings.rs").read_text()
    body = re.search(rf"const {name}: &\[Named\] = &\[(.*?)\n\];", text, re.DOTALL)[1]
    return set(re.findall(r'\("(\w+)"', body))


def sources():
    """Each source's title, whether it is a stream, its batch sizes and its starting positions."""
    found = []
    for path in sorted((MAPPING / "sources").glob("*.rs")):
        rules = re.search(r"static RULES: Rules = Rules \{(.*?)\n\};", path.read_text(), re.DOTALL)
        if rules:
            value = lambda member: re.search(rf"\b{member}: ([^,\n]+),", rules[1])[1].strip('"').replace("_", ",") if re.search(rf"\b{member}: ", rules[1]) else ""
            positions = re.findall(r"StartingPosition::(\w+)", rules[1])
            found.append({"title": value("title"), "stream": "Delivery::Stream" in rules[1], "default": value("batch_size_default"), "most": value("batch_size_max"), "positions": positions})
    return found


def tests():
    """Every test of mappings as (name, body)."""
    found = []
    for path in TESTED:
        text = path.read_text()
        starts = list((PYTHON_TEST if path.suffix == ".py" else RUST_TEST).finditer(text))
        for start, next_start in zip(starts, [*(later.start() for later in starts[1:]), len(text)]):
            # A function of Rust ends with a brace as far to the left as it began.
            indent = text[text.rfind("\n", 0, start.start()) + 1 : start.start()]
            end = text.find(f"\n{indent}}}\n", start.end()) if path.suffix == ".rs" else -1
            body = text[start.end() : next_start if end < 0 else min(end, next_start)]
            if MAPPING in path.parents or OF_MAPPINGS.search(body):
                found.append((start["name"], body))
    return found


def cell(setting, source, of_streams, of_queues):
    if setting in (of_queues if source["stream"] else of_streams):
        return "refused"
    if setting == "BatchSize":
        return f"1–{source['most']} ({source['default']})"
    if setting == "StartingPositionTimestamp":
        return "yes" if "AtTimestamp" in source["positions"] else "refused"
    if setting == "StartingPosition":
        return ", ".join(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", position).upper() for position in source["positions"])
    return "yes"


def table():
    """The page, and the settings that no test names."""
    of_streams, of_queues, found = of_one_kind("STREAM_SETTINGS"), of_one_kind("QUEUE_SETTINGS"), sources()
    lines = [f"| setting | {' | '.join(source['title'] for source in found)} | tests |", "| --- " * (len(found) + 2) + "|"]
    untested, all_tests = [], tests()
    for setting in settings():
        names = [name for name, body in all_tests if f'"{setting}"' in body or re.search(rf"\b{setting}=", body)]
        if not names:
            untested.append(setting)
        cells = [cell(setting, source, of_streams, of_queues) for source in found]
        lines.append(f"| {setting} | {' | '.join(cells)} | {', '.join(f'`{name}`' for name in sorted(set(names)))} |")
    return HEAD.format(command=COMMAND) + "\n".join(lines) + "\n", untested


def main():
    page, untested = table()
    problems = [f"no test names the setting {setting}" for setting in untested]
    if sys.argv[1:] == ["--check"]:
        if not TABLE.exists() or TABLE.read_text() != page:
            problems.append(f"{TABLE.relative_to(ROOT)} is not current: run {COMMAND}")
    else:
        TABLE.write_text(page)
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
