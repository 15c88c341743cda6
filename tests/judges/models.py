"""Whether AWS's own service models accept the recorded calls.

An emulator takes what its authors thought of. The models that AWS's SDKs are made from say which
parameters there are, which are required, and what each may be.
"""

import re

from botocore.validate import ParamValidator

from recorded import MODELS


def complaints(call):
    """What is wrong with a call, for people; empty if nothing is."""
    problems = [f"not in the model: {unknown}" for unknown in call.unknown]
    model = MODELS.get(call.service)
    if model is None or call.operation not in model.operation_names:
        return problems
    shape = model.operation_model(call.operation).input_shape
    if shape is None:
        return problems
    report = ParamValidator().validate(call.parameters, shape)
    if report.has_errors():
        problems.append(report.generate_report())
    problems.extend(values(shape, call.parameters, call.operation))
    return problems


def values(shape, value, where):
    """What botocore leaves to the service: enumerations, patterns, greatest values and lengths."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        for name, member in value.items():
            if name in shape.members:
                yield from values(shape.members[name], member, f"{where}.{name}")
    elif kind == "list" and isinstance(value, list):
        yield from bounds(shape, len(value), where, "items")
        for index, item in enumerate(value):
            yield from values(shape.member, item, f"{where}[{index}]")
    elif kind == "map" and isinstance(value, dict):
        for key, item in value.items():
            yield from values(shape.key, key, f"{where} key")
            yield from values(shape.value, item, f"{where}[{key}]")
    elif kind == "string" and isinstance(value, str):
        yield from bounds(shape, len(value), where, "characters")
        if shape.enum and value not in shape.enum:
            yield f"{where} is {value!r}, which is none of {', '.join(shape.enum)}"
        pattern = shape.metadata.get("pattern")
        if pattern and not matches(pattern, value):
            yield f"{where} is {value!r}, which does not match {pattern}"
    elif kind in ("integer", "long", "float", "double") and isinstance(value, int | float):
        yield from bounds(shape, value, where, "as its value")


def bounds(shape, size, where, unit):
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield f"{where} has {size} {unit}, fewer than {least}"
    if most is not None and size > most:
        yield f"{where} has {size} {unit}, more than {most}"


def matches(pattern, value):
    # Java's way to write a class of characters; Python knows the class by no name.
    pattern = pattern.replace(r"\p{L}", "a-zA-ZÀ-ÿ").replace(r"\p{N}", "0-9").replace(r"\p{Z}", r"\s")
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:
        return True
