"""What was known of each resource when a recorded call was made: its tags, and the VPC that it is in."""

import re

from authorize import MAKES, TYPES, Mutation, Thing, tags_of

PREFIXES = {kind: prefix for prefix, kind in TYPES.items()}
READS = ("Describe", "Get", "List", "AssumeRole")


class History:
    """Goes through the calls in their order."""

    def __init__(self):
        self.tags, self.vpcs, self.associations, self.peers = {}, {}, {}, {}

    def mutations(self, calls):
        """Those that changed something, each with what was known before it."""
        for call in calls:
            is_read = call.operation.startswith(READS)
            if is_read and call.answer:
                self.learn(call)
            if not is_read and 200 <= call.status < 300 and call.service in ("ec2", "lambda", "scheduler"):
                yield self.mutation(call)
                self.follow(call)

    def learn(self, call):
        """A description by a filter shows what AWS made with a VPC, and which VPC that is."""
        for item in re.split(r"<item>\s*<(?:ownerId|groupId|networkAclId|routeTableId)", call.answer or ""):
            vpc = re.search(r"<vpcId>(vpc-[0-9a-f]+)<", item)
            for found in re.findall(r"\b((?:sg|acl|rtb)-[0-9a-f]+)\b", item) if vpc else []:
                self.vpcs.setdefault(found, vpc[1])

    def mutation(self, call):
        if call.service != "ec2":
            return Mutation(call, ())
        ids = list(dict.fromkeys(ids_in(self.named(call))))
        return Mutation(call, tuple(self.thing(call, it) for it in ids), MAKES.get(call.operation))

    def named(self, call):
        """The parameters that name what IAM is asked about, with what the call names only indirectly."""
        parameters = {key: it for key, it in call.parameters.items() if key not in ("PeerVpcId", "GroupIds")}
        # What a route leads to is not asked about.
        for target in ("GatewayId", "NatGatewayId", "VpcPeeringConnectionId"):
            if call.operation in ("CreateRoute", "ReplaceRoute"):
                parameters.pop(target, None)
        association = self.associations.get(call.parameters.get("AssociationId"))
        peer = self.peers.get(call.parameters.get("VpcPeeringConnectionId"))
        if call.operation == "AcceptVpcPeeringConnection" and peer:
            parameters["VpcId"] = peer
        return [parameters, association or []]

    def thing(self, call, it):
        return Thing(it, call.account, tags=dict(self.tags.get((call.account, it), {})), vpc=self.vpcs.get(it))

    def follow(self, call):
        if call.service != "ec2":
            return
        made = made_by(call)
        if made:
            self.tags[call.account, made] = tags_of(call.parameters.get("TagSpecifications"))
            if "VpcId" in call.parameters:
                self.vpcs[made] = call.parameters["VpcId"]
            if "PeerVpcId" in call.parameters:
                self.peers[made] = call.parameters["PeerVpcId"]
        if call.operation == "AssociateRouteTable":
            association = re.search(r"<associationId>([^<]+)<", call.answer or "")
            self.associations[association[1]] = list(ids_in(call.parameters))
        for it in call.parameters.get("Resources", []):
            tags = self.tags.setdefault((call.account, it), {})
            if call.operation == "CreateTags":
                tags |= tags_of(call.parameters["Tags"])
            for tag in call.parameters.get("Tags", []) if call.operation == "DeleteTags" else []:
                tags.pop(tag["Key"], None)


def made_by(call):
    """The id of what a call made: the first one of its kind in the answer."""
    if call.operation not in MAKES:
        return None
    prefix = PREFIXES[MAKES[call.operation]]
    return re.search(rf"<(?:\w+Id|item)>({prefix}-[0-9a-f]+)<", call.answer or "")[1]


def ids_in(value):
    if isinstance(value, dict):
        for key, it in value.items():
            if key not in ("Tags", "TagSpecifications", "ClientToken"):
                yield from ids_in(it)
    elif isinstance(value, list):
        for it in value:
            yield from ids_in(it)
    elif isinstance(value, str) and value.rpartition("-")[0] in TYPES:
        yield value
