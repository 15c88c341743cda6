"""What CloudTrail writes of a call of EC2: its parameters and its answer, by EC2's own model."""

import functools
import re
import xml.etree.ElementTree as ElementTree

from botocore.loaders import Loader
from botocore.model import ServiceModel

# Calls that came into EC2 late are written in another way: under the name of their request, with the names
# that the request itself has, and each entry of a list with a "tag" of 1. These are those that change networks.
WRAPPED = re.compile(r"\w+(NatGateway|NatGatewayAddress|VpcEndpoints?|FlowLogs|SecurityGroupRules)")
NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
# Where CloudTrail has neither EC2's name nor the member's.
NAMES = {
    "Resources": "resourcesSet", "Tags": "tagSet", "TagSpecifications": "tagSpecificationSet",
    "Protocol": "aclProtocol", "IcmpTypeCode": "icmpTypeCode", "SecurityGroupRuleIds": "securityGroupRuleIds",
}
# These stand there also where nothing was said of them.
ALWAYS = {
    "IpPermission": ("groups", "ipRanges", "ipv6Ranges", "prefixListIds"),
    "CreateNetworkAclEntryRequest": ("icmpTypeCode", "portRange"),
    "ReplaceNetworkAclEntryRequest": ("icmpTypeCode", "portRange"),
}


@functools.cache
def ec2():
    return ServiceModel(Loader().load_service_model("ec2", "service-2"), "ec2")


def changes(action):
    """Whether a call of EC2 changes something: what only looks is no event on any bus."""
    known = action in ec2().operation_names
    return known and not action.startswith(("Describe", "Get", "List", "Search"))


def request_parameters(action, query):
    """`query` are the parameters of the call's form, `{"RouteTableId": ["rtb-1"]}`."""
    shape = ec2().operation_model(action).input_shape
    given = {name: values[0] for name, values in query.items()}
    if WRAPPED.fullmatch(action):
        return {f"{action}Request": wrapped(shape, given, "") or {}}
    return plain(shape, given, "") or None


def within(given, prefix):
    return any(name == prefix or name.startswith(f"{prefix}.") for name in given)


def sent_name(name, shape):
    """How a form names a member."""
    said = shape.serialization.get("queryName") or shape.serialization.get("name") or name
    return said[0].upper() + said[1:]


def lower_first(name):
    return name[0].lower() + name[1:]


def value(shape, text):
    if shape.type_name in ("integer", "long"):
        return int(text)
    return text.lower() == "true" if shape.type_name == "boolean" else text


def entries(given, prefix):
    """The prefixes of a list's entries, in their order."""
    numbers = {name[len(prefix) + 1:].split(".")[0] for name in given if name.startswith(f"{prefix}.")}
    return [f"{prefix}.{number}" for number in sorted(numbers, key=int)]


def members(shape, given, prefix):
    """What is given of a structure: the member's name and shape, and its prefix in the form."""
    for name, member in shape.members.items():
        path = f"{prefix}.{sent_name(name, member)}" if prefix else sent_name(name, member)
        if within(given, path):
            yield name, member, path


def plain(shape, given, prefix):
    if shape.type_name != "structure":
        return value(shape, given[prefix])
    said = {}
    for name, member, path in members(shape, given, prefix):
        # A name of EC2's own answers, `groups`, goes before the one that the call has, `UserIdGroupPairs`.
        own = member.serialization.get("name", "")
        shown = NAMES.get(name) or (own if own[:1].islower() else lower_first(name))
        if member.type_name != "list":
            said[shown] = plain(member, given, path)
        elif shape.name == "TagSpecification":
            said["tags"] = [plain(member.member, given, entry) for entry in entries(given, path)]
        else:
            said[shown] = {"items": [item(name, member, given, entry) for entry in entries(given, path)]}
    return {**{name: {} for name in ALWAYS.get(shape.name, ())}, **said}


def item(name, member, given, entry):
    """An id in a list stands under its own name: `{"resourceId": "vpc-1"}`."""
    said = plain(member.member, given, entry)
    return said if isinstance(said, dict) else {lower_first(sent_name(name, member)): said}


def wrapped(shape, given, prefix):
    if shape.type_name != "structure":
        return value(shape, given[prefix])
    said = {}
    for name, member, path in members(shape, given, prefix):
        if member.type_name != "list":
            said[sent_name(name, member)] = wrapped(member, given, path)
            continue
        listed = [tagged(wrapped(member.member, given, entry)) for entry in entries(given, path)]
        said[sent_name(name, member)] = listed[0] if len(listed) == 1 else listed
    return said


def tagged(said):
    return {**said, "tag": 1} if isinstance(said, dict) else {"tag": 1, "content": said}


def response_elements(action, body):
    """What EC2 answered, from its XML."""
    root = ElementTree.fromstring(body)
    if WRAPPED.fullmatch(action):
        return {f"{action}Response": {"xmlns": NAMESPACE, **(untyped(root) or {})}}
    return typed(root, ec2().operation_model(action).output_shape)


def tag_of(element):
    return element.tag.rpartition("}")[2]


def untyped(element):
    """All of it as text; what stands several times is a list."""
    if not len(element):
        return (element.text or "").strip()
    said = {}
    for child in element:
        name, shown = tag_of(child), untyped(child)
        before = said.get(name)
        said[name] = shown if before is None else [*before, shown] if isinstance(before, list) else [before, shown]
    return said


def typed(element, shape):
    """By the model; what it does not know is left out, but for what every answer has."""
    known = {member.serialization.get("name", name): member for name, member in shape.members.items()} if shape else {}
    said = {}
    for child in element:
        name = tag_of(child)
        if name == "return":
            said["_return"] = (child.text or "").strip() == "true"
        elif name == "requestId":
            said[name] = (child.text or "").strip()
        elif name in known:
            said[name] = typed_value(child, known[name])
    return said


def typed_value(element, shape):
    if shape.type_name == "structure":
        return typed(element, shape)
    if shape.type_name == "list":
        items = [typed_value(child, shape.member) for child in element]
        return {"items": items} if items else {}
    text = (element.text or "").strip()
    return value(shape, text) if text else text


def request_id(said):
    """The one that an answer names."""
    return said.get("requestId") or next((inner["requestId"] for inner in said.values() if "requestId" in inner), None)


def error(body):
    """Code and message of a call that failed."""
    root = ElementTree.fromstring(body)
    return root.findtext(".//Code") or "Unknown", root.findtext(".//Message") or ""
