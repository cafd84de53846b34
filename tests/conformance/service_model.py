"""A service model as botocore ships it: which requests violate it, and whether an answer fits it."""

import base64
import datetime
import re

import botocore.session


def load(service):
    return botocore.session.get_session().get_service_model(service)


def camel(name):
    """A member's name as AWS words it in messages."""
    return name[0].lower() + name[1:]


# ---- answers ----------------------------------------------------------------------------------

TYPES = {
    "string": str,
    "integer": int,
    "long": int,
    "double": (int, float),
    "boolean": bool,
    "list": list,
    "map": dict,
    "structure": dict,
}


def misfits(shape, value, path="", optional=()):
    """All in which `value`, an answer or a part of one, is not as `shape` says."""
    if shape.type_name == "blob":
        ok = isinstance(value, bytes) or base64.b64decode(value, validate=True) is not None
        return [] if ok else [f"{path}: not a blob"]
    if shape.type_name == "timestamp":
        ok = isinstance(value, (int, float, datetime.datetime)) and not isinstance(value, bool)
        return [] if ok else [f"{path}: {value!r} is no timestamp"]
    if not isinstance(value, TYPES[shape.type_name]):
        return [f"{path}: {value!r} is no {shape.type_name}"]
    if shape.type_name == "structure":
        found = [f"{path}.{name}: unknown to the model" for name in value if name not in shape.members]
        found += [
            f"{path}.{name}: required and absent"
            for name in shape.required_members
            if name not in value and name not in optional
        ]
        for name, member in value.items():
            if name in shape.members:
                found += misfits(shape.members[name], member, f"{path}.{name}", optional)
        return found
    if shape.type_name == "list":
        return sum((misfits(shape.member, one, f"{path}[{at}]", optional) for at, one in enumerate(value)), [])
    if shape.type_name == "map":
        return sum((misfits(shape.value, one, f"{path}[{key}]", optional) for key, one in value.items()), [])
    if shape.type_name == "string" and shape.enum and value not in shape.enum:
        return [f"{path}: {value!r} is none of {shape.enum}"]
    if shape.type_name == "string":
        return [f"{path}: {value!r} {why}" for why, one in text_violations(shape) if not accepts(shape, value)][:1]
    return []


# ---- requests ---------------------------------------------------------------------------------

WRONG_TYPE = {
    "string": ["a list"],
    "integer": "text",
    "long": "text",
    "boolean": "text",
    "list": {"a": "map"},
    "map": ["a list"],
    "structure": "text",
    "blob": ["a list"],
    "timestamp": "not a time",
}


def accepts(shape, text):
    limits = shape.metadata
    pattern = limits.get("pattern")
    return (
        limits.get("min", 0) <= len(text) <= limits.get("max", len(text))
        and (not pattern or re.fullmatch(pattern, text) is not None)
        and (not shape.enum or text in shape.enum)
    )


def text_violations(shape):
    limits = shape.metadata
    if shape.enum:
        yield "not of the enum", "NOT_A_VALUE"
        return
    if limits.get("min", 0) > 0:
        yield "too short", "a" * (limits["min"] - 1)
    if "max" in limits:
        yield "too long", "a" * (limits["max"] + 1)
    if "pattern" in limits:
        # Some patterns allow everything.
        wrong = [text for text in ["!", "no name", "?:"] if not re.fullmatch(limits["pattern"], text)]
        yield from [("against the pattern", text) for text in wrong[:1]]


def value_violations(shape, valid):
    """Values that violate the constraints of `shape` itself, and what each violates."""
    limits = shape.metadata
    kind = shape.type_name
    if kind == "string":
        yield from text_violations(shape)
    elif kind in ("integer", "long"):
        if "min" in limits:
            yield "too small", limits["min"] - 1
        if "max" in limits:
            yield "too great", limits["max"] + 1
    elif kind == "blob" and "max" in limits:
        yield "too long", b"x" * (limits["max"] + 1)
    elif kind == "list":
        if limits.get("min", 0) > 0:
            yield "too few", valid[: limits["min"] - 1]
        if "max" in limits:
            yield "too many", (valid * (limits["max"] + 1))[: limits["max"] + 1]
    elif kind == "map":
        if limits.get("min", 0) > 0:
            yield "too few", {}
        if "max" in limits:
            yield "too many", {f"key-{number}": "value" for number in range(limits["max"] + 1)}


def sample(shape):
    """Some value of `shape`, for members that a recipe leaves out."""
    kind = shape.type_name
    if kind == "structure":
        return {name: sample(shape.members[name]) for name in shape.required_members}
    if kind == "list":
        return [sample(shape.member)]
    if kind == "map":
        return {"key": "value"}
    return {"string": "text", "blob": b"data", "timestamp": 1_763_000_000, "boolean": True}.get(kind, 1)


def violations(shape, valid, path=()):
    """Requests made from `valid` that violate the model: (where, what, request)."""
    for name, member in shape.members.items():
        here = (*path, name)
        if name in shape.required_members:
            yield here, "required", {key: value for key, value in valid.items() if key != name}
        value = valid.get(name, sample(member))
        yield here, "of a wrong type", {**valid, name: WRONG_TYPE[member.type_name]}
        for what, wrong in value_violations(member, value):
            yield here, what, {**valid, name: wrong}
        if member.type_name == "structure":
            for where, what, inner in violations(member, value, here):
                yield where, what, {**valid, name: inner}
        elif member.type_name == "list" and member.member.type_name == "structure":
            for where, what, inner in violations(member.member, value[0], here):
                yield where, what, {**valid, name: [inner, *value[1:]]}
        elif member.type_name == "list":
            for what, wrong in value_violations(member.member, value[0]):
                yield here, f"with a member {what}", {**valid, name: [wrong, *value[1:]]}
        elif member.type_name == "map":
            for what, wrong in value_violations(member.key, "key"):
                yield here, f"with a key {what}", {**valid, name: {wrong: "value"}}
            for what, wrong in value_violations(member.value, "value"):
                yield here, f"with a value {what}", {**valid, name: {"key": wrong}}


def as_json(value):
    """A request as JSON has it: blobs in base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {key: as_json(one) for key, one in value.items()}
    if isinstance(value, list):
        return [as_json(one) for one in value]
    return value
