#!/usr/bin/env python3
"""Writes LIMITS.md: every limit in the sources, by crate, and every queue and task with what bounds it.

    tests/limits_table.py            write it
    tests/limits_table.py --check    fail if it is not current, or if something has no limit

A limit is a constant whose name ends in _MAX, _MIN or _DEFAULT, or a setting whose name does; the first
sentence of its doc comment says what it bounds. What can grow (queues, tasks, threads) is found by its type or call; `limits.toml`
says for each file what bounds it.
"""

import pathlib
import re
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "LIMITS.md"
GROWING = ROOT / "tests/limits.toml"
COMMAND = "tests/limits_table.py"
# Crates whose limits hold while the program serves.
CRATES = ["storage", *(f"services/{name}" for name in sorted(path.name for path in (ROOT / "services").iterdir()))]

CONSTANT = re.compile(
    r"^(?P<lead>(?:[ \t]*(?:///|#\[)[^\n]*\n)*)[ \t]*(?:pub(?:\([a-z ]+\))? )?(?:const|static) "
    r"(?P<name>[A-Z][A-Z0-9_]*): (?P<type>[^=;]+?) =\s*(?P<value>[^;]+);",
    re.MULTILINE,
)
# A limit that is a setting; its default is in the same file, as a field of the `Default`.
FIELD = re.compile(
    r"^(?P<lead>(?:[ \t]*(?:///|#\[)[^\n]*\n)+)[ \t]+pub(?:\([a-z ]+\))? (?P<name>[a-z][a-z0-9_]*_(?:max|min|default|timeout)): (?P<type>[^,\n]+),$",
    re.MULTILINE,
)
LIMIT = re.compile(r"_(MAX|MIN|DEFAULT)(_|$)")
# Nothing that is sent into these is ever waited for.
UNBOUNDED = re.compile(r"\bunbounded(_channel|_send)?\s*(::<[^>]*>)?\(|\bstd::sync::mpsc::channel\b|\bmpsc::channel\(\)")
QUEUE = re.compile(r"\b(VecDeque|BinaryHeap|JoinSet|FuturesUnordered|FuturesOrdered)\s*(<|::)")
TASK = re.compile(r"\b(tokio::spawn|task::spawn|spawn_blocking|spawn_local|thread::spawn)\s*\(|\bthread::Builder\b|\b(tasks|beginning)\.spawn\(")

HEAD = """# Limits

Every limit of the program by crate: the constants whose names end in `_MAX` (most), `_MIN` (least) and `_DEFAULT` (unless told otherwise), and in small letters the settings of a crate with their defaults. Written by `{command}`, which `./test` runs to see that this is current and that nothing that can grow is without a limit.
"""
GROWING_HEAD = """
## Queues and tasks

What can grow while the program runs, by file, and what bounds it.

| file | what | bounded by |
| --- | --- | --- |
"""


def sources(crate):
    """A crate's files that are part of the program."""
    return sorted(path for path in (ROOT / crate / "src").rglob("*.rs") if path.name != "tests.rs" and "tests" not in path.parts[len(ROOT.parts):])


def program_text(path):
    """A file without its tests and comments of their own lines."""
    return re.split(r"^#\[cfg\((?:all\()?test\b", path.read_text(), maxsplit=1, flags=re.MULTILINE)[0]


def first_sentence(lead):
    text = " ".join(line.strip()[3:].strip() for line in lead.splitlines() if line.strip().startswith("///"))
    # A full stop in a number ends no sentence.
    return re.split(r"\.(?=\s|$)", text, maxsplit=1)[0].strip().replace("|", "\\|")


def readable(name, value, constants):
    """A value with its unit if it is a number or a time, else as written."""
    written = " ".join(value.split())
    duration = re.fullmatch(r"(?:\w+::)*Duration::from_(secs|millis|micros|mins|hours)\(([\d_]+)\)", written)
    if duration:
        unit = {"secs": "s", "millis": "ms", "micros": "µs", "mins": "min", "hours": "h"}[duration[1]]
        return f"{int(duration[2].replace('_', '')):,} {unit}"
    known = re.sub(r"\b(?:Self|[a-z_]+)?(?:::)?([A-Z][A-Z0-9_]+)\b", lambda name: str(constants.get(name[1], name[0])), written)
    plain = re.sub(r"(?<=\d)_(?=\d)|_?(?:usize|isize|[ui](?:8|16|32|64|128))\b| as\s*$", "", known).replace("/", "//")
    if not re.fullmatch(r"[\d\s+\-*/<>()]+", plain):
        return f"`{written}`"
    number = eval(plain)  # digits and operators only, see above
    for size, unit in [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")]:
        if "BYTES" in name.upper() and number >= size and number % size == 0:
            return f"{number // size:,} {unit}"
    return f"{number:,}"


def limits(crate):
    """Rows of the table, and constants without words."""
    rows, silent = [], []
    for path in sources(crate):
        text = program_text(path)
        found = list(CONSTANT.finditer(text))
        constants = {one["name"]: one["value"].replace("_", "") for one in found if re.fullmatch(r"[\d_]+", one["value"])}
        sentence, end = "", 0
        for one in found:
            # A constant right below another shares its words.
            sentence = first_sentence(one["lead"]) or (sentence if not text[end : one.start()].strip("\n ") and one.start() - end <= 1 else "")
            end = one.end()
            if not LIMIT.search(one["name"]):
                continue
            if not sentence:
                silent.append(f"{path.relative_to(ROOT)}: {one['name']} has no doc comment that says what it bounds")
            rows.append((one["name"], readable(one["name"], one["value"], constants), sentence, path.relative_to(ROOT / crate)))
        everything = {one["name"]: one["value"] for one in found}
        for one in FIELD.finditer(text):
            default = re.search(rf"^ +{one['name']}: ([^\n]+?),$", text[one.end() :], re.MULTILINE)
            # What is worked out at the start is told where its parts are.
            if default and not re.search(r"\w\(.*,", default[1]):
                value = readable(one["name"], everything.get(default[1], default[1]), constants)
                rows.append((one["name"], value, first_sentence(one["lead"]), path.relative_to(ROOT / crate)))
    return rows, silent


def growing():
    """For each file, what in it can grow; and what has no limit by its kind."""
    found, unbounded = {}, []
    for crate in CRATES:
        for path in sources(crate):
            code = "\n".join(line for line in program_text(path).splitlines() if not line.strip().startswith("//"))
            name = str(path.relative_to(ROOT))
            kinds = {"queue": QUEUE, "task": TASK}
            here = [kind for kind, pattern in kinds.items() if pattern.search(code)]
            if here:
                found[name] = " and ".join(here)
            unbounded += [f"{name}: {hit.group().strip()} is a queue without a limit" for hit in UNBOUNDED.finditer(code)]
    return found, unbounded


def build():
    """The text of LIMITS.md, and all that is wrong with the sources."""
    text, wrong = HEAD.format(command=COMMAND), []
    names = set()
    for crate in CRATES:
        rows, silent = limits(crate)
        wrong += silent
        names |= {row[0] for row in rows}
        if rows:
            text += f"\n## {crate}\n\n| limit | value | what it bounds | file |\n| --- | --: | --- | --- |\n"
            text += "".join(f"| `{name}` | {value} | {words} | `{file}` |\n" for name, value, words, file in rows)
    found, unbounded = growing()
    reasons = tomllib.loads(GROWING.read_text())["bounded_by"]
    wrong += unbounded
    wrong += [f"{file} has a {found[file]}; say in tests/limits.toml what bounds it" for file in sorted(found.keys() - reasons.keys())]
    wrong += [f"tests/limits.toml names {file}, where nothing grows" for file in sorted(reasons.keys() - found.keys())]
    for file, reason in reasons.items():
        unknown = set(re.findall(r"\b[A-Z][A-Z0-9_]*_(?:MAX|MIN|DEFAULT)\b", reason)) - names
        wrong += [f"tests/limits.toml, {file}: there is no {name}" for name in sorted(unknown)]
    text += GROWING_HEAD + "".join(f"| `{file}` | {found[file]} | {reasons.get(file, '')} |\n" for file in sorted(found))
    return text, wrong


def main():
    text, wrong = build()
    if "--check" not in sys.argv:
        TABLE.write_text(text)
    elif not TABLE.exists() or TABLE.read_text() != text:
        wrong.append(f"LIMITS.md is not current; run {COMMAND}")
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
