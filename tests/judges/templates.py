"""The policies of a role, as CloudFormation would make them from a template of `infra/`."""

import json
import re
from functools import cache

import yaml

PSEUDO = {"AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::URLSuffix": "amazonaws.com"}
NO_VALUE = object()


class _Loader(yaml.SafeLoader):
    pass


def _intrinsic(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {"Ref" if suffix == "Ref" else "Condition" if suffix == "Condition" else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _intrinsic)


def _untagged(entries):
    """What is recorded in `tests/member-role` has a tag as the only key of a map: `{"!Sub": …}`."""
    if len(entries) == 1:
        ((name, value),) = entries.items()
        if name.startswith("!"):
            return {name[1:] if name in ("!Ref", "!Condition") else f"Fn::{name[1:]}": value}
    return entries


@cache
def _body(path):
    """Read once, whatever the parameters, and never changed: reading takes most of a second."""
    with open(path, encoding="utf-8") as file:
        is_recorded = path.endswith(".json")
        return json.load(file, object_hook=_untagged) if is_recorded else yaml.load(file, _Loader)


class Template:
    """One template with values for its parameters."""

    def __init__(self, path, account, **parameters):
        self.body = _body(str(path))
        defaults = {name: it.get("Default") for name, it in self.body.get("Parameters", {}).items()}
        unknown = set(parameters) - set(defaults)
        if unknown:
            raise ValueError(f"{path} has no parameter {', '.join(sorted(unknown))}")
        self.values = {**PSEUDO, "AWS::AccountId": account, "AWS::StackName": "s", **defaults, **parameters}

    def parameters(self):
        return self.body.get("Parameters", {})

    def statements(self, logical_id):
        """All statements of a role's own policies and of the managed ones in the same template."""
        role = self.body["Resources"][logical_id]
        properties = self.resolve(role["Properties"])
        documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        for name, resource in self.body["Resources"].items():
            if resource["Type"] in ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::RolePolicy"):
                attached = str(resource["Properties"].get("Roles", resource["Properties"].get("RoleName", "")))
                named = str(role["Properties"].get("ManagedPolicyArns", ""))
                if (logical_id in attached or name in named) and self.is_made(resource):
                    documents.append(self.resolve(resource["Properties"])["PolicyDocument"])
        return [statement for document in documents for statement in _list(document["Statement"])]

    def is_made(self, resource):
        condition = resource.get("Condition")
        return condition is None or self.condition(condition)

    def condition(self, name):
        return self.truth(self.body["Conditions"][name])

    def truth(self, value):
        ((function, of),) = value.items()
        if function == "Fn::Equals":
            left, right = (self.resolve(it) for it in of)
            return str(left) == str(right)
        if function == "Fn::Not":
            return not self.truth(of[0])
        if function == "Fn::And":
            return all(self.truth(it) for it in of)
        if function == "Fn::Or":
            return any(self.truth(it) for it in of)
        if function == "Condition":
            return self.condition(of)
        raise ValueError(f"{function} is no condition that is known here")

    def resolve(self, value):
        if isinstance(value, list):
            return [it for it in map(self.resolve, value) if it is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, of),) = value.items()
            if function == "Ref":
                return NO_VALUE if of == "AWS::NoValue" else self.reference(of)
            if function.startswith("Fn::"):
                return self.call(function, of)
        resolved = {key: self.resolve(it) for key, it in value.items()}
        return {key: it for key, it in resolved.items() if it is not NO_VALUE}

    def call(self, function, of):
        if function == "Fn::If":
            name, yes, no = of
            return self.resolve(yes if self.condition(name) else no)
        if function == "Fn::Sub":
            text, own = (of, {}) if isinstance(of, str) else of
            return re.sub(r"\$\{([^!}]+)\}", lambda it: str(self.substitute(it[1], own)), text)
        if function == "Fn::GetAtt":
            return self.attribute(*(of.split(".", 1) if isinstance(of, str) else of))
        if function == "Fn::Join":
            between, parts = of
            return between.join(str(part) for part in self.resolve(parts))
        raise ValueError(f"{function} is not known here")

    def substitute(self, name, own):
        if name in own:
            return self.resolve(own[name])
        return self.attribute(*name.split(".", 1)) if "." in name else self.reference(name)

    def reference(self, name):
        if name in self.values:
            return self.values[name]
        properties = self.body["Resources"][name]["Properties"]
        return self.resolve(properties.get("RoleName", properties.get("Name", name)))

    def attribute(self, name, attribute):
        resource = self.body["Resources"][name]
        if attribute == "Arn" and resource["Type"] == "AWS::IAM::Role":
            own = self.resolve(resource["Properties"].get("RoleName", name))
            return f"arn:aws:iam::{self.values['AWS::AccountId']}:role/{own}"
        return f"arn:aws:unknown:::{name}.{attribute}"


def _list(value):
    return value if isinstance(value, list) else [value]
