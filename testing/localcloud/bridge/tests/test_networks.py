"""What stacks of networks need of EC2."""

from support import BridgeTest, allow
from support import setUpModule, tearDownModule  # noqa: F401  (unittest looks for them here)

HERE, THERE = "333333333333", "444444444444"


class Networks(BridgeTest):
    def vpc(self, account, block):
        ec2 = self.client("ec2", account)
        return ec2, ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"]

    def test_an_entry_of_a_network_acl_keeps_its_ports(self):
        ec2, vpc = self.vpc(HERE, "10.0.0.0/18")
        acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
        entry = dict(NetworkAclId=acl, Protocol="6", RuleAction="deny", CidrBlock="0.0.0.0/0", Egress=False)

        def seen():
            (one,) = ec2.describe_network_acls(NetworkAclIds=[acl])["NetworkAcls"]
            return {entry["RuleNumber"]: entry.get("PortRange") for entry in one["Entries"]}

        ec2.create_network_acl_entry(**entry, RuleNumber=20, PortRange={"From": 22, "To": 22})
        ec2.create_network_acl_entry(**{**entry, "Protocol": "-1"}, RuleNumber=30)
        self.assertEqual(seen(), {20: {"From": 22, "To": 22}, 30: None})
        ec2.replace_network_acl_entry(**entry, RuleNumber=20, PortRange={"From": 3389, "To": 3390})
        self.assertEqual(seen(), {20: {"From": 3389, "To": 3390}, 30: None})

    def test_a_peering_is_seen_accepted_and_ended_from_both_accounts(self):
        here, our_vpc = self.vpc(HERE, "10.1.0.0/18")
        there, their_vpc = self.vpc(THERE, "10.2.0.0/18")
        peering = here.create_vpc_peering_connection(VpcId=our_vpc, PeerVpcId=their_vpc, PeerOwnerId=THERE)
        pcx = peering["VpcPeeringConnection"]["VpcPeeringConnectionId"]

        def seen(ec2):
            connections = ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[pcx])
            (one,) = connections["VpcPeeringConnections"]
            sides = [one[side].get("CidrBlock") for side in ("RequesterVpcInfo", "AccepterVpcInfo")]
            return [one["Status"]["Code"], *sides]

        self.assertEqual(seen(here), ["pending-acceptance", "10.1.0.0/18", None])
        self.assertEqual(seen(there), ["pending-acceptance", None, "10.2.0.0/18"])
        there.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        for ec2 in (here, there):
            self.assertEqual(seen(ec2), ["active", "10.1.0.0/18", "10.2.0.0/18"])
        there.delete_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        self.assertEqual([seen(here)[0], seen(there)[0]], ["deleted", "deleted"])

    def test_a_route_may_be_replaced_by_one_to_a_peering(self):
        ec2, vpc = self.vpc(HERE, "10.3.0.0/18")
        table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        route = dict(RouteTableId=table, DestinationCidrBlock="10.9.0.0/16")
        self.assert_denied("InvalidParameterValue", ec2.replace_route, **route, GatewayId="igw-1")
        ec2.create_route(**route, VpcPeeringConnectionId="pcx-1")
        ec2.replace_route(**route, VpcPeeringConnectionId="pcx-2")
        (seen,) = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
        (route,) = [one for one in seen["Routes"] if one["DestinationCidrBlock"] == "10.9.0.0/16"]
        self.assertEqual(route.get("VpcPeeringConnectionId"), "pcx-2")
        self.assertNotIn("GatewayId", route)

    def test_a_nat_gateway_holds_its_elastic_ip_until_it_is_gone(self):
        ec2, vpc = self.vpc(HERE, "10.5.0.0/18")
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.5.0.0/24")["Subnet"]["SubnetId"]
        ip = ec2.allocate_address(Domain="vpc")["AllocationId"]
        create = dict(SubnetId=subnet, AllocationId=ip)
        nat = ec2.create_nat_gateway(**create)["NatGateway"]["NatGatewayId"]
        self.assert_denied("Resource.AlreadyAssociated", ec2.create_nat_gateway, **create)
        self.assert_denied("InvalidIPAddress.InUse", ec2.release_address, AllocationId=ip)
        (seen,) = ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"]
        (address,) = seen["NatGatewayAddresses"]
        (known,) = ec2.describe_addresses(AllocationIds=[ip])["Addresses"]
        self.assertEqual(address["AllocationId"], ip)
        self.assertEqual([address["PublicIp"], address["AssociationId"]], [known["PublicIp"], known["AssociationId"]])
        ec2.delete_nat_gateway(NatGatewayId=nat)
        ec2.release_address(AllocationId=ip)
        (seen,) = ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"]
        self.assertEqual([seen["State"], seen["NatGatewayAddresses"]], ["deleted", []])

    def test_a_flow_log_carries_the_tags_of_its_create_call(self):
        ec2, vpc = self.vpc(HERE, "10.4.0.0/18")
        tags = [{"Key": "a", "Value": "b"}]
        (log,) = ec2.create_flow_logs(
            ResourceType="VPC", ResourceIds=[vpc], TrafficType="ALL", LogDestinationType="s3",
            LogDestination="arn:aws:s3:::logs",
            TagSpecifications=[{"ResourceType": "vpc-flow-log", "Tags": tags}],
        )["FlowLogIds"]
        (seen,) = ec2.describe_flow_logs(FlowLogIds=[log])["FlowLogs"]
        self.assertEqual(seen["Tags"], tags)

    def test_an_account_has_the_regions_that_need_no_opting_in(self):
        regions = self.client("ec2", HERE).describe_regions()["Regions"]
        self.assertEqual({region["OptInStatus"] for region in regions}, {"opt-in-not-required"})
        self.assertEqual(len(regions), 17)
        self.assertIn("us-east-1", [region["RegionName"] for region in regions])

    def test_what_is_in_use_cannot_be_deleted(self):
        ec2, vpc = self.vpc(HERE, "10.9.0.0/18")
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
        table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        group = ec2.create_security_group(VpcId=vpc, GroupName="g", Description="g")["GroupId"]
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        nat = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
        role = self.role(HERE, "lambda.amazonaws.com", allow("*"))
        functions, function, _ = self.create_function(HERE, role)
        inside = {"SubnetIds": [subnet], "SecurityGroupIds": [group]}
        functions.update_function_configuration(FunctionName=function, VpcConfig=inside)

        def refused(call, **arguments):
            return self.assert_denied("DependencyViolation", call, **arguments)

        self.assertIn("mapped public", refused(ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc))
        ec2.delete_nat_gateway(NatGatewayId=nat)
        self.assertIn(subnet, refused(ec2.delete_subnet, SubnetId=subnet))
        self.assertIn(group, refused(ec2.delete_security_group, GroupId=group))
        functions.delete_function(FunctionName=function)
        self.assertIn(table, refused(ec2.delete_route_table, RouteTableId=table))
        self.assertIn(gateway, refused(ec2.delete_internet_gateway, InternetGatewayId=gateway))
        ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        ec2.delete_internet_gateway(InternetGatewayId=gateway)
        ec2.delete_security_group(GroupId=group)
        ec2.delete_subnet(SubnetId=subnet)
        ec2.delete_route_table(RouteTableId=table)

    def test_a_dry_run_does_nothing(self):
        ec2, vpc = self.vpc(HERE, "10.10.0.0/18")
        self.assert_denied("DryRunOperation", ec2.delete_vpc, VpcId=vpc, DryRun=True)
        self.assert_denied("DryRunOperation", ec2.describe_vpcs, DryRun=True)
        ec2.delete_vpc(VpcId=vpc, DryRun=False)
