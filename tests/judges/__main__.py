"""Judges what the tests asked of moto: `python tests/judges FOLDER`, with a folder of recorded calls.

1. AWS's service models accept every call.
2. The policies in `infra/member-role.yaml` allow every call that changed something, with all its
   resources; and they allow nothing that no call was seen to need.
3. They deny the same calls where they must: on resources that are not phonehome's, in another account,
   with another role, and removals where removals are switched off.
4. Of the recorded versions of that template (`tests/member-role`), the first one that allows a call is the one
   that the table of needs says.
"""

import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from authorize import OURS, REFERENCE, Mutation, Thing, requests, tags_of
from history import READS, History
from models import complaints
from policies import is_allowed
from recorded import Call, calls
from templates import Template

INFRA = Path(__file__).resolve().parents[2] / "infra"
RECORDED = INFRA.parent / "tests" / "member-role"
PRESENT = INFRA / "member-role.yaml"
VERSIONS = {int(it.stem): it for it in RECORDED.glob("*.json") if it.stem.isdigit()}
# By operation, which versions its calls need, as `needs_template` in crates/planner says.
NEEDS = json.loads((RECORDED / "needs.json").read_text("utf-8"))
OWNER = "phonehome:managed-by"
HUB, OTHER = "222222222222", "999999999999"

# What takes something of the network away for good. A route, a rule or an entry is put back by the
# next repair, and taking one away is a part of repairing.
REMOVALS = {
    f"ec2:{action}"
    for action in (
        "DeleteFlowLogs", "DeleteInternetGateway", "DeleteNatGateway", "DeleteNetworkAcl", "DeleteRouteTable",
        "DeleteSecurityGroup", "DeleteSubnet", "DeleteVpc", "DeleteVpcEndpoints", "DeleteVpcPeeringConnection",
        "DetachInternetGateway", "ReleaseAddress",
    )
}  # fmt: skip
# Allowed without a call of its own: what AWS asks about beside the call.
BESIDE = {"logs:CreateLogDelivery", "logs:DeleteLogDelivery", "iam:CreateServiceLinkedRole", "iam:PassRole"}
# Allowed for no plan: the alerter has probes run again (tests/tests/templates/calls.rs holds that code calls it).
NO_CHANGE = {"lambda:InvokeFunction"}
# A request for a peering has no tags in the account that it is made to: which one is accepted, the fleet
# file says.
UNTAGGED = {"ec2:AcceptVpcPeeringConnection"}
# What AWS makes with a VPC has no tags, and a request for a peering has none here. They get these
# addresses, with which the role can close them and no more (tests/tests/templates/member.rs).
SET_APART = {"security-group/default", "network-acl/default", "route-table/main"}


class Verdicts:
    """What was found wrong, each kind of fault once, with how often."""

    def __init__(self):
        self.faults, self.judged = Counter(), Counter()

    def expect(self, wanted, is_so, what):
        self.judged[wanted] += 1
        if not is_so:
            self.faults[f"{wanted}: {what}"] += 1


def member(account, path=PRESENT, **parameters):
    """The statements of the member role in an account, as the template there has it."""
    given = {"HubAccountId": HUB, "HubBusArn": f"arn:aws:events:us-east-1:{HUB}:event-bus/phonehome"}
    template = Template(path, account, **given)
    allow_all = {name: "true" for name in template.parameters() if name.startswith(("Allow", "Remove"))}
    template.values |= allow_all | parameters
    return template.statements("MemberRole")


def judge(folder):
    verdicts, seen = Verdicts(), []
    for call in calls(folder):
        problems = complaints(call)
        verdicts.expect("AWS's model accepts it", not problems, f"{call.name}: {'; '.join(problems)}")
        seen.append(call)
    mutations = distinct(it for it in History().mutations(seen) if not it.call.exercise)
    asked = {mutation.name for mutation in mutations}
    if not mutations:
        sys.exit(f"{folder} holds no recorded call that changed something: nothing could be judged")
    for mutation in mutations:
        authorized(mutation, verdicts)
        first, needs = first_version(mutation), NEEDS.get(mutation.name, [])
        told = f"{mutation.name} needs version {first}, and the table has {needs}"
        verdicts.expect("a call needs the version that the table says", first in needs, told)
        denied(mutation, verdicts)
    default_vpcs(verdicts)
    nothing_needless(asked, verdicts)
    return verdicts, len(seen), len(mutations)


def distinct(mutations):
    """One of each kind: the same operation on resources of the same kinds with the same tags."""
    kinds = {}
    for mutation in mutations:
        tags = tuple((it.type, tuple(sorted(it.tags)), it.tags.get(OWNER)) for it in mutation.existing)
        kinds.setdefault((mutation.name, tags, tuple(sorted(mutation.call.parameters))), mutation)
    return list(kinds.values())


def all_allowed(mutation, statements):
    return all(is_allowed(statements, request) for request in requests(mutation))


def authorized(mutation, verdicts):
    statements = member(mutation.call.account)
    for request in requests(mutation):
        verdicts.expect(
            "the member role allows what was done",
            is_allowed(statements, request),
            f"{request.action} on {kind_of(request.resource)} with {sorted(request.context)}",
        )


def first_version(mutation):
    """The first version of the template from which on a call is allowed; `None` where the last one denies it."""
    first = None
    for number in sorted(VERSIONS, reverse=True):
        if not all_allowed(mutation, member(mutation.call.account, VERSIONS[number])):
            break
        first = number
    return first


def kind_of(arn):
    return arn.rpartition("/")[0].rpartition(":")[2] or arn


def denied(mutation, verdicts):
    call = mutation.call
    narrow = member(call.account, RemoveDefaultVpcs="false", **off(call.account, "AllowAdoption"))
    foreign = mutation.on(lambda it: replace(it, tags={}, vpc="vpc-0foreign"))
    if mutation.existing and mutation.name not in UNTAGGED and not is_first_tag(call):
        verdicts.expect("nothing that is not phonehome's", not all_allowed(foreign, narrow), mutation.name)
    if not wide(mutation):
        # The permissions of one account, asked about resources of another.
        elsewhere = replace(mutation, call=replace(call, account=OTHER))
        is_denied = not all_allowed(elsewhere, member(call.account))
        verdicts.expect("nothing in another account", is_denied, mutation.name)
    if mutation.name in REMOVALS:
        kept = member(call.account, AllowRemoval="false")
        ours = mutation.on(lambda it: replace(it, tags={**it.tags, **OURS}))
        verdicts.expect("no removal where removals are switched off", not all_allowed(ours, kept), mutation.name)
    if call.operation in ("CreateTags", "DeleteTags"):
        tags = [{"Key": "CostCenter", "Value": "1"}]
        other = replace(mutation, call=replace(call, parameters={**call.parameters, "Tags": tags}))
        verdicts.expect("no tags but phonehome's", not all_allowed(other, member(call.account)), mutation.name)
    for role in (f"arn:aws:iam::{call.account}:role/Admin", f"arn:aws:iam::{OTHER}:role/phonehome-probe"):
        for request in requests(mutation):
            if request.action == "iam:PassRole":
                passes = is_allowed(member(call.account), replace(request, resource=role))
                verdicts.expect("no other role is passed", not passes, f"{mutation.name} with {role}")
                other = {"iam:PassedToService": "ec2.amazonaws.com"}
                passes = is_allowed(member(call.account), replace(request, context=other))
                verdicts.expect("no role is passed to another service", not passes, mutation.name)


def is_first_tag(call):
    """Whether it tags what can have no tags before."""
    address = tags_of(call.parameters.get("Tags")).get("phonehome:address", "")
    return call.operation == "CreateTags" and (address in SET_APART or address.startswith("peering/"))


def off(account, name):
    """The parameter switched off, where the template has it."""
    return {name: "false"} if name in Template(INFRA / "member-role.yaml", account).parameters() else {}


def wide(mutation):
    """A role acts in its own account only, whatever its policies say of resources: a statement for every
    resource is no way into another account. Only functions, schedules and roles are named by account."""
    return mutation.call.service == "ec2"


def default_vpcs(verdicts):
    """A default VPC may go where that is switched on, and phonehome's own network never with it."""
    account = "444444444444"
    for operation, ids in {
        "DeleteVpc": ["vpc-0d"],
        "DeleteSubnet": ["subnet-0d"],
        "DeleteRouteTable": ["rtb-0d"],
        "DeleteSecurityGroup": ["sg-0d"],
        "DeleteInternetGateway": ["igw-0d"],
        "DetachInternetGateway": ["igw-0d", "vpc-0d"],
    }.items():
        call = Call(account, "ec2", operation, {})
        for tags, parameters, wanted in (
            ({}, {"RemoveDefaultVpcs": "true"}, True),
            ({}, {"RemoveDefaultVpcs": "false"}, False),
            (OURS, {"RemoveDefaultVpcs": "true", "AllowRemoval": "false"}, False),
        ):
            things = tuple(Thing(it, account, tags=tags, vpc="vpc-0d") for it in ids)
            allowed = all_allowed(Mutation(call, things), member(account, **parameters))
            verdicts.expect("default VPCs go, and only they", allowed == wanted, f"{operation}, {parameters}, {tags}")


def nothing_needless(asked, verdicts):
    """Whatever the role allows was needed by some call."""
    for statement in member("444444444444"):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        for action in actions if statement["Effect"] == "Allow" else []:
            service, _, name = action.partition(":")
            is_known = name in REFERENCE.get(service, {}).get("privileges", {})
            verdicts.expect("AWS knows the action", is_known, action)
            is_read = name.startswith(READS)
            if not is_read and action not in BESIDE | NO_CHANGE:
                verdicts.expect("what is allowed is needed", action in asked or tag_of(action, asked), action)


def tag_of(action, asked):
    """`lambda:TagResource` is asked about beside a function that is made with tags."""
    return action == "lambda:TagResource" and "lambda:CreateFunction" in asked


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: python tests/judges FOLDER")
    verdicts, calls_seen, kinds = judge(sys.argv[1])
    for what, count in sorted(verdicts.judged.items()):
        print(f"{count:>7}  {what}")
    print(f"{calls_seen} recorded calls, {kinds} kinds of changes")
    if verdicts.faults:
        print()
        for fault, count in sorted(verdicts.faults.items()):
            print(f"WRONG, {count} times: {fault}")
        sys.exit(1)


if __name__ == "__main__":
    main()
