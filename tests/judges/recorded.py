"""The calls that a run of the tests made against moto, as the proxy in front of it wrote them down."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import botocore.session

LOADER = botocore.session.get_session()
MODELS = {service: LOADER.get_service_model(service) for service in ("ec2", "iam", "lambda", "scheduler", "sts")}


@dataclass
class Call:
    """One call: what was asked for, as the service's model names it, and what came of it."""

    account: str | None
    service: str
    operation: str
    parameters: dict
    # What no member of the model explains.
    unknown: list = field(default_factory=list)
    status: int = 0
    answer: str | None = None
    # Made for a test of the adapter alone: no plan leads to it.
    exercise: bool = False

    @property
    def name(self):
        return f"{self.service}:{self.operation}"


def calls(folder):
    """All calls, in the order in which they were answered."""
    lines = []
    for path in sorted(Path(folder).glob("*.jsonl")):
        process = path.name.partition("-")[0]
        with path.open(encoding="utf-8") as file:
            lines.extend((process, line["sequence"], line) for line in map(json.loads, file))
    return [read(line) for _, _, line in sorted(lines, key=lambda it: it[:2])]


def read(line):
    service, _, operation = line["operation"].partition(":")
    model = MODELS.get(service)
    call = Call(line["account"], service, operation, {}, [], line["status"], line["answer"], line.get("exercise", False))
    if model is None:
        call.unknown.append(f"no model of the service {service}")
        return call
    if model.metadata["protocol"] in ("ec2", "query"):
        form = dict(parse_qsl(line["body"], keep_blank_values=True))
        for constant in ("Action", "Version"):
            form.pop(constant, None)
        shape = shape_of(model, call)
        if shape is not None:
            call.parameters = Form(form, model.metadata["protocol"] == "ec2").structure(shape, "")
        call.unknown.extend(sorted(form))
    else:
        read_rest(line, model, call)
    return call


def shape_of(model, call):
    if call.operation not in model.operation_names:
        call.unknown.append(f"no operation {call.operation}")
        return None
    return model.operation_model(call.operation).input_shape


class Form:
    """Takes a form apart by the model's shapes; what is left in `form` is unknown to them."""

    def __init__(self, form, is_ec2):
        self.form, self.is_ec2 = form, is_ec2

    def structure(self, shape, prefix):
        members = {}
        for name, member in shape.members.items():
            value = self.value(member, prefix + self.key(name, member))
            if value is not None:
                members[name] = value
        return members

    def key(self, name, member):
        serialization = member.serialization
        if not self.is_ec2:
            return serialization.get("name", name)
        if "queryName" in serialization:
            return serialization["queryName"]
        key = serialization.get("name", name)
        return key[0].upper() + key[1:]

    def value(self, shape, key):
        if shape.type_name == "structure":
            return self.structure(shape, f"{key}.") or None
        if shape.type_name == "list":
            items, index = [], 1
            between = "" if self.is_ec2 or shape.serialization.get("flattened") else ".member"
            while (item := self.value(shape.member, f"{key}{between}.{index}")) is not None:
                items.append(item)
                index += 1
            return items or None
        text = self.form.pop(key, None)
        return None if text is None else scalar(shape, text)


def scalar(shape, text):
    """As the model types it; a text that is no such thing stays one, and the validation says so."""
    try:
        if shape.type_name in ("integer", "long"):
            return int(text)
        if shape.type_name in ("float", "double"):
            return float(text)
    except ValueError:
        return text
    if shape.type_name == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if shape.type_name == "blob":
        return text.encode()
    return text


def read_rest(line, model, call):
    target = urlsplit(line["target"])
    found = next(
        (
            (operation, match)
            for operation in map(model.operation_model, model.operation_names)
            if operation.http["method"] == line["method"]
            and (match := path_pattern(operation.http["requestUri"]).fullmatch(target.path))
        ),
        None,
    )
    if found is None:
        call.unknown.append(f"no operation with {line['method']} {target.path}")
        return
    operation, match = found
    call.operation = operation.name
    query = dict(parse_qsl(target.query))
    body = json.loads(line["body"]) if line["body"] else {}
    for name, member in (operation.input_shape.members if operation.input_shape else {}).items():
        location = member.serialization.get("location")
        wire = member.serialization.get("name", name)
        if location == "uri":
            call.parameters[name] = match[group(wire)]
        elif location == "querystring" and wire in query:
            call.parameters[name] = scalar(member, query.pop(wire))
        elif location is None and wire in body:
            call.parameters[name] = body.pop(wire)
    call.unknown.extend([*query, *body])


def path_pattern(uri):
    path = uri.partition("?")[0]
    return re.compile("".join(map(path_part, re.split(r"(\{[^}]+\})", path))))


def path_part(part):
    """A parameter of the path becomes a group of its name."""
    if not part.startswith("{"):
        return re.escape(part)
    return f"(?P<{group(part[1:-1].rstrip('+'))}>[^/]+)"


def group(name):
    return re.sub(r"\W", "_", name)
