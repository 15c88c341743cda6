"""Evaluates identity policies as IAM does: denied unless a statement allows it, and whatever is allowed,
one that denies it is stronger. Of conditions it knows the operators that the templates use, and refuses
any other: a condition that nobody evaluates must not look like one that holds.
"""

import re
from fnmatch import fnmatchcase


def is_allowed(statements, request):
    """Whether `request` (action, resource, context) is allowed."""
    matching = [it["Effect"] for it in statements if applies(it, request)]
    return "Allow" in matching and "Deny" not in matching


def applies(statement, request):
    if "NotAction" in statement:
        raise ValueError("NotAction is not known here")
    resources = _list(statement.get("NotResource", statement.get("Resource", [])))
    named = any(_like(resource, request.resource) for resource in resources)
    return (
        any(_like(action.lower(), request.action.lower()) for action in _list(statement["Action"]))
        and named != ("NotResource" in statement)
        and all(
            holds(operator, key, values, request.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def holds(operator, key, wanted, context):
    """One line of a condition. `context` has a text, or for keys with several values a list."""
    wanted = [str(it).lower() if isinstance(it, bool) else str(it) for it in _list(wanted)]
    present = {name.lower(): value for name, value in context.items()}
    value = present.get(key.lower())
    if operator == "Null":
        return (value is None) == (wanted[0] == "true")
    quantifier, _, rest = operator.rpartition(":")
    rest, if_exists = rest.removesuffix("IfExists"), rest.endswith("IfExists")
    negative = "Not" in rest
    matches = _matcher(rest.replace("Not", ""))
    values = [] if value is None else _list(value)
    if quantifier == "ForAllValues":
        return all(any(matches(it, want) for want in wanted) != negative for it in values)
    if quantifier == "ForAnyValue":
        return any(any(matches(it, want) for want in wanted) != negative for it in values)
    if value is None:
        return if_exists or negative
    return any(matches(value, want) for want in wanted) != negative


def _matcher(operator):
    if operator in ("StringEquals", "Bool"):
        return lambda value, want: value == want
    if operator == "StringEqualsIgnoreCase":
        return lambda value, want: value.lower() == want.lower()
    if operator in ("StringLike", "ArnLike", "ArnEquals"):
        return lambda value, want: _like(want, value)
    raise ValueError(f"the condition operator {operator} is not known here")


def _like(pattern, value):
    # fnmatch knows classes of characters, which IAM does not.
    return fnmatchcase(value, re.sub(r"\[", "[[]", pattern))


def _list(value):
    return value if isinstance(value, list) else [value]
