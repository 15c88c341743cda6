"""A network in the way in which a script usually makes one: each part is found by its tags or
created, one after the other.

Makes a VPC, an internet gateway, and in each of three zones a public and a private subnet, an
elastic IP, a NAT gateway and the route to it; then runs again, when there is nothing left to do.
Prints one line of JSON for each run: {"phase": "create" or "verify", "calls": …, "seconds": …}.
"""

import argparse
import ipaddress
import json
import time

import boto3

ANYWHERE = "0.0.0.0/0"
ZONES = 3


class Network:
    def __init__(self, ec2, name, cidr):
        self.ec2 = ec2
        self.name = name
        # Three quarters for the private subnets, one, in quarters itself, for the public ones.
        *self.private, last = ipaddress.ip_network(cidr).subnets(2)
        self.public = list(last.subnets(2))
        self.cidr = cidr
        self.vpc = None

    def ensure(self):
        zones = self.zones()
        self.vpc = self.ensure_vpc()
        public = [self.ensure_subnet("public", zone, self.public[i]) for i, zone in enumerate(zones)]
        private = [self.ensure_subnet("private", zone, self.private[i]) for i, zone in enumerate(zones)]
        internet = self.ensure_internet_gateway()
        addresses = [self.ensure_address(zone) for zone in zones]
        gateways = [self.ensure_nat_gateway(*part) for part in zip(zones, public, addresses)]
        pending = [gateway["NatGatewayId"] for gateway in gateways if gateway["State"] != "available"]
        if pending:
            self.ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=pending)
        self.ensure_route_table("public", public, GatewayId=internet)
        for zone, subnet, gateway in zip(zones, private, gateways):
            self.ensure_route_table(f"private-{zone}", [subnet], NatGatewayId=gateway["NatGatewayId"])

    def zones(self):
        answer = self.ec2.describe_availability_zones(Filters=[{"Name": "zone-type", "Values": ["availability-zone"]}])
        return sorted(zone["ZoneId"] for zone in answer["AvailabilityZones"])[:ZONES]

    def tagged(self, kind, part):
        tags = [{"Key": "Name", "Value": f"{self.name}-{part}"}, {"Key": "managed-by", "Value": "script"}]
        return [{"ResourceType": kind, "Tags": tags}]

    def named(self, part, **more):
        filters = {"tag:Name": f"{self.name}-{part}", **more}
        return [{"Name": name, "Values": [value]} for name, value in filters.items()]

    def ensure_vpc(self):
        found = self.ec2.describe_vpcs(Filters=self.named("vpc"))["Vpcs"]
        if not found:
            tags = self.tagged("vpc", "vpc")
            found = [self.ec2.create_vpc(CidrBlock=self.cidr, TagSpecifications=tags)["Vpc"]]
        vpc = found[0]["VpcId"]
        for attribute in ("EnableDnsSupport", "EnableDnsHostnames"):
            name = attribute[0].lower() + attribute[1:]
            if not self.ec2.describe_vpc_attribute(VpcId=vpc, Attribute=name)[attribute]["Value"]:
                self.ec2.modify_vpc_attribute(VpcId=vpc, **{attribute: {"Value": True}})
        return vpc

    def ensure_subnet(self, kind, zone, cidr):
        part = f"{kind}-{zone}"
        found = self.ec2.describe_subnets(Filters=self.named(part, **{"vpc-id": self.vpc}))["Subnets"]
        if found:
            return found[0]["SubnetId"]
        subnet = self.ec2.create_subnet(
            VpcId=self.vpc,
            AvailabilityZoneId=zone,
            CidrBlock=str(cidr),
            TagSpecifications=self.tagged("subnet", part),
        )
        return subnet["Subnet"]["SubnetId"]

    def ensure_internet_gateway(self):
        found = self.ec2.describe_internet_gateways(Filters=self.named("internet"))["InternetGateways"]
        if not found:
            tags = self.tagged("internet-gateway", "internet")
            found = [self.ec2.create_internet_gateway(TagSpecifications=tags)["InternetGateway"]]
        gateway = found[0]["InternetGatewayId"]
        if not found[0]["Attachments"]:
            self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        return gateway

    def ensure_address(self, zone):
        part = f"nat-{zone}"
        found = self.ec2.describe_addresses(Filters=self.named(part))["Addresses"]
        if found:
            return found[0]["AllocationId"]
        tags = self.tagged("elastic-ip", part)
        return self.ec2.allocate_address(Domain="vpc", TagSpecifications=tags)["AllocationId"]

    def ensure_nat_gateway(self, zone, subnet, address):
        part = f"nat-{zone}"
        filters = self.named(part, **{"subnet-id": subnet})
        filters.append({"Name": "state", "Values": ["pending", "available"]})
        found = self.ec2.describe_nat_gateways(Filters=filters)["NatGateways"]
        if found:
            return found[0]
        tags = self.tagged("natgateway", part)
        answer = self.ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address, TagSpecifications=tags)
        return answer["NatGateway"]

    def ensure_route_table(self, part, subnets, **target):
        found = self.ec2.describe_route_tables(Filters=self.named(part, **{"vpc-id": self.vpc}))["RouteTables"]
        if not found:
            tags = self.tagged("route-table", part)
            found = [self.ec2.create_route_table(VpcId=self.vpc, TagSpecifications=tags)["RouteTable"]]
        table = found[0]
        identity = table["RouteTableId"]
        if not any(route.get("DestinationCidrBlock") == ANYWHERE for route in table["Routes"]):
            self.ec2.create_route(RouteTableId=identity, DestinationCidrBlock=ANYWHERE, **target)
        associated = {association.get("SubnetId") for association in table["Associations"]}
        for subnet in subnets:
            if subnet not in associated:
                self.ec2.associate_route_table(RouteTableId=identity, SubnetId=subnet)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoint", required=True, help="such as http://127.0.0.1:PORT")
    parser.add_argument("--account", required=True, help="the account, of twelve digits")
    parser.add_argument("--cidr", required=True, help="the VPC's block, such as 10.0.0.0/16")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--name", default="peer")
    arguments = parser.parse_args()
    ec2 = boto3.client(
        "ec2",
        endpoint_url=arguments.endpoint,
        region_name=arguments.region,
        aws_access_key_id=arguments.account,
        aws_secret_access_key="local",
    )
    calls = []
    # Every attempt, so that repeated ones count as what they are.
    ec2.meta.events.register("before-send.ec2", lambda event_name, **_: calls.append(event_name))
    for phase in ("create", "verify"):
        calls.clear()
        began = time.monotonic()
        Network(ec2, arguments.name, arguments.cidr).ensure()
        seconds = round(time.monotonic() - began, 3)
        print(json.dumps({"phase": phase, "calls": len(calls), "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
