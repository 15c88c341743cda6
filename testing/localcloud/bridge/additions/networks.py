"""EC2: what a stack's networks need and ministack's records leave out."""

import re

from ministack.core.responses import get_account_id, new_uuid, request_scope
from ministack.services import ec2

from .replacing import replaces
from .settings import REGIONS

# A new account has these Regions; the others are there once someone turns them on. DescribeRegions
# names only those that are, and nobody turns on any here.
ec2._AWS_REGIONS = [
    (name, status)
    for name, status in ec2._AWS_REGIONS
    if status == "opt-in-not-required" and (not REGIONS or name in REGIONS)
]


def acl_entry_call(action):
    """CreateNetworkAclEntry and ReplaceNetworkAclEntry keep the range of ports."""
    original = ec2._ACTION_MAP[action]

    def call(parameters):
        answer = original(parameters)
        if answer[0] == 200 and ec2._p(parameters, "PortRange.From"):
            # It is the one that was put there last.
            ec2._network_acls[ec2._p(parameters, "NetworkAclId")]["Entries"][-1]["PortRange"] = {
                "from": ec2._p(parameters, "PortRange.From"), "to": ec2._p(parameters, "PortRange.To"),
            }
        return answer

    ec2._ACTION_MAP[action] = call


acl_entry_call("CreateNetworkAclEntry")
acl_entry_call("ReplaceNetworkAclEntry")


@replaces(ec2, "_network_acl_entry_xml")
def network_acl_entry_xml(original, entry):
    ports = "".join(f"<{end}>{port}</{end}>" for end, port in entry.get("PortRange", {}).items())
    return original(entry).replace("</item>", f"<portRange>{ports}</portRange></item>" if ports else "</item>")


@replaces(ec2, "_parse_tag_specs")
def parse_tag_specs(original, parameters, resource_type, resource_id):
    """The tags of CreateFlowLogs are those of a `vpc-flow-log`."""
    return original(parameters, "vpc-flow-log" if resource_type == "flow-log" else resource_type, resource_id)


def create_nat_gateway(original):
    """A NAT gateway takes the elastic IP it is given, and shows it."""

    def call(parameters):
        address = ec2._addresses.get(ec2._p(parameters, "AllocationId"))
        if address is not None:
            if address["AssociationId"]:
                message = f"Elastic IP address [{address['AllocationId']}] is already associated"
                return ec2._error("Resource.AlreadyAssociated", message, 400)
            address["AssociationId"] = f"eipassoc-{new_uuid().replace('-', '')[:17]}"
        return original(parameters)

    return call


def describe_nat_gateways(original):
    def call(parameters):
        status, headers, body = original(parameters)
        return status, headers, NAT_GATEWAY.sub(with_address, body.decode()).encode()

    return call


NAT_GATEWAY = re.compile(r"<natGatewayId>(nat-\w+)</natGatewayId>.*?<natGatewayAddressSet/>", re.DOTALL)


def with_address(item):
    address = ec2._addresses.get(ec2._nat_gateways[item[1]]["AllocationId"])
    if not address or not address["AssociationId"] or ec2._nat_gateways[item[1]]["State"] == "deleted":
        return item[0]
    shown = (
        f"<allocationId>{address['AllocationId']}</allocationId><publicIp>{address['PublicIp']}</publicIp>"
        f"<associationId>{address['AssociationId']}</associationId><isPrimary>true</isPrimary>"
    )
    filled = f"<natGatewayAddressSet><item>{shown}</item></natGatewayAddressSet>"
    return item[0].replace("<natGatewayAddressSet/>", filled)


def delete_nat_gateway(original):
    """A deleted NAT gateway gives its elastic IP back."""

    def call(parameters):
        answer = original(parameters)
        gateway = ec2._nat_gateways.get(ec2._p(parameters, "NatGatewayId"))
        address = gateway and ec2._addresses.get(gateway["AllocationId"])
        if address:
            address["AssociationId"] = None
        return answer

    return call


def release_address(original):
    """An elastic IP in use cannot be released."""

    def call(parameters):
        address = ec2._addresses.get(ec2._p(parameters, "AllocationId"))
        if address and address["AssociationId"]:
            message = f"Address {address['PublicIp']} is in use."
            return ec2._error("InvalidIPAddress.InUse", message, 400)
        return original(parameters)

    return call


for replacement in (create_nat_gateway, describe_nat_gateways, delete_nat_gateway, release_address):
    action = "".join(word.capitalize() for word in replacement.__name__.split("_"))
    ec2._ACTION_MAP[action] = replacement(ec2._ACTION_MAP[action])


ROUTE_TARGETS = [key for key, _ in ec2._ROUTE_MEMBERS if not key.startswith("Destination")]


def replace_route(parameters):
    """ReplaceRoute takes every kind of target, and fails where there is no route to replace."""
    table, destination = (ec2._p(parameters, name) for name in ("RouteTableId", "DestinationCidrBlock"))
    if table not in ec2._route_tables:
        return ec2._error("InvalidRouteTableID.NotFound", f"The route table '{table}' does not exist", 400)
    for route in ec2._route_tables[table]["Routes"]:
        if route.get("DestinationCidrBlock") == destination:
            for key in ROUTE_TARGETS:
                route.pop(key, None)
            route.update({key: ec2._p(parameters, key) for key in ROUTE_TARGETS if ec2._p(parameters, key)})
            return ec2._xml(200, "ReplaceRouteResponse", "<return>true</return>")
    message = f"There is no route defined for '{destination}' in the route table"
    return ec2._error("InvalidParameterValue", message, 400)


ec2._ACTION_MAP["ReplaceRoute"] = replace_route


PEERING = re.compile(r"<vpcPeeringConnectionId>(pcx-\w+)</vpcPeeringConnectionId>.*?</accepterVpcInfo>", re.DOTALL)


def describe_peerings(original):
    """A peering names the addresses of both sides; those of the other side only while it is active."""

    def call(parameters):
        status, headers, body = original(parameters)
        return status, headers, PEERING.sub(with_addresses, body.decode()).encode()

    return call


def with_addresses(item):
    peering, text = ec2._vpc_peering[item[1]], item[0]
    for side in ("requesterVpcInfo", "accepterVpcInfo"):
        block = addresses_of(peering, peering[side[0].upper() + side[1:]])
        if block:
            text = text.replace(f"<{side}>", f"<{side}><cidrBlock>{block}</cidrBlock>")
    return text


def addresses_of(peering, side):
    if peering["Status"]["Code"] != "active" and side["OwnerId"] != get_account_id():
        return None
    with request_scope(side["OwnerId"], side["Region"]):
        return ec2._vpcs.get(side["VpcId"], {}).get("CidrBlock")


ec2._ACTION_MAP["DescribeVpcPeeringConnections"] = describe_peerings(
    ec2._ACTION_MAP["DescribeVpcPeeringConnections"]
)
