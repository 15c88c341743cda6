"""Looking at an account of the local cloud, in the short form that a story prints."""

import json
import time

PEEK_SECONDS = 30
# The most that FilterLogEvents gives in one answer.
EVENTS = 10_000
DAY = 86400


def peek_queue(cloud, account, region, queue):
    """All messages of a queue, which stay in it."""
    sqs = cloud.client("sqs", account, region)
    seen = {}
    # Hidden while looking, or the first ones would come again and again.
    while messages := sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=PEEK_SECONDS, WaitTimeSeconds=0,
        MessageAttributeNames=["All"],
    ).get("Messages"):
        seen.update({message["MessageId"]: message for message in messages})
    for message in seen.values():
        sqs.change_message_visibility(
            QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )
    return [
        {
            "id": message["MessageId"],
            "body": message["Body"],
            "attributes": {
                name: value.get("StringValue", "")
                for name, value in message.get("MessageAttributes", {}).items()
            },
        }
        for message in seen.values()
    ]


def queue_length(cloud, account, region, queue):
    """How many messages a queue has: those that wait, those that somebody has taken, and those that are not due."""
    names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
    asked = cloud.client("sqs", account, region).get_queue_attributes(QueueUrl=queue, AttributeNames=names)
    return sum(int(count) for count in asked["Attributes"].values())


def metrics(cloud, account, region):
    """Every metric of the namespace `phonehome`, with its sum, maximum and number of samples: those that functions
    sent, and what CloudWatch would make of the lines in embedded metric format in their logs."""
    return [*sent(cloud, account, region), *logged(cloud, account, region)]


def sent(cloud, account, region):
    watch = cloud.client("cloudwatch", account, region)
    found = []
    for page in watch.get_paginator("list_metrics").paginate(Namespace="phonehome"):
        for metric in page["Metrics"]:
            points = watch.get_metric_statistics(
                **metric, StartTime=time.time() - DAY, EndTime=time.time() + 60, Period=DAY,
                Statistics=["Sum", "Maximum", "SampleCount"],
            )["Datapoints"]
            found.append({
                "name": metric["MetricName"],
                "dimensions": {one["Name"]: one["Value"] for one in metric.get("Dimensions", [])},
                "sum": sum(point["Sum"] for point in points),
                "maximum": max((point["Maximum"] for point in points), default=0),
                "samples": sum(point["SampleCount"] for point in points),
            })
    return found


def logged(cloud, account, region):
    groups = cloud.client("logs", account, region).describe_log_groups(logGroupNamePrefix="/phonehome/")
    samples = {}
    for group in groups["logGroups"]:
        for message in logs(cloud, account, region, group["logGroupName"], pattern="CloudWatchMetrics"):
            for line in message.splitlines():
                for key, value in embedded(line):
                    samples.setdefault(key, []).append(value)
    return [
        {
            "name": name, "dimensions": dict(dimensions), "sum": sum(values), "maximum": max(values),
            "samples": len(values),
        }
        for (name, dimensions), values in sorted(samples.items())
    ]


def embedded(line):
    """The samples in a line of a log: name and dimensions, and the value."""
    if not line.startswith("{"):
        return
    try:
        fields = json.loads(line)
    except ValueError:
        return
    for directive in fields.get("_aws", {}).get("CloudWatchMetrics", []):
        if directive["Namespace"] != "phonehome":
            continue
        for names in directive["Dimensions"]:
            dimensions = tuple((name, fields[name]) for name in names)
            for metric in directive["Metrics"]:
                yield (metric["Name"], dimensions), fields[metric["Name"]]


def logs(cloud, account, region, group, pattern=""):
    """The messages of a log group, oldest first; none when it does not exist."""
    client = cloud.client("logs", account, region)
    try:
        return [event["message"].rstrip("\n") for event in events(client, group, pattern)]
    except client.exceptions.ResourceNotFoundException:
        return []


def events(client, group, pattern):
    """MiniStack answers with the oldest events alone, and with no token for those after them: what comes after is
    asked for by its time. The last millisecond of an answer may have been cut and is asked for again."""
    since = 0
    while True:
        page = client.filter_log_events(
            logGroupName=group, filterPattern=pattern, startTime=since, limit=EVENTS
        )["events"]
        if len(page) < EVENTS:
            yield from page
            return
        last = page[-1]["timestamp"]
        if last == since:
            raise ValueError(f"{group}: {EVENTS} events or more in one millisecond, {last}")
        yield from (event for event in page if event["timestamp"] < last)
        since = last


def describe_network(cloud, account, region):
    """The networks of an account other than the default ones, and the functions and schedules in it."""
    ec2 = cloud.client("ec2", account, region)
    vpcs = [vpc for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc.get("IsDefault")]
    inside = [{"Name": "vpc-id", "Values": [vpc["VpcId"] for vpc in vpcs] or ["none"]}]
    return {
        "vpcs": [{**named(vpc, "VpcId"), "cidr": vpc["CidrBlock"]} for vpc in vpcs],
        "subnets": [
            {
                **named(subnet, "SubnetId"), "cidr": subnet["CidrBlock"],
                "availability_zone": subnet["AvailabilityZoneId"], "vpc": subnet["VpcId"],
            }
            for subnet in ec2.describe_subnets(Filters=inside)["Subnets"]
        ],
        "nat_gateways": [nat_gateway(one) for one in ec2.describe_nat_gateways(Filters=inside)["NatGateways"]],
        "route_tables": [route_table(one) for one in ec2.describe_route_tables(Filters=inside)["RouteTables"]],
        "security_groups": [
            {
                **named(group, "GroupId"), "ingress": len(group["IpPermissions"]),
                "egress": len(group["IpPermissionsEgress"]),
                "lets_in": [rule for one in group["IpPermissions"] for rule in rules(one)],
            }
            for group in ec2.describe_security_groups(Filters=inside)["SecurityGroups"]
        ],
        "peerings": [peering(one) for one in ec2.describe_vpc_peering_connections()["VpcPeeringConnections"]],
        "endpoints": [
            {
                **named(one, "VpcEndpointId"), "service": one["ServiceName"], "state": one["State"],
                "route_tables": len(one["RouteTableIds"]),
            }
            for one in ec2.describe_vpc_endpoints(Filters=inside)["VpcEndpoints"]
        ],
        "acl_entries": [
            acl_entry(entry)
            for acl in ec2.describe_network_acls(Filters=inside)["NetworkAcls"]
            for entry in sorted(acl["Entries"], key=lambda entry: (entry["Egress"], entry["RuleNumber"]))
            # AWS's own last entry, which denies what no other allows.
            if entry["RuleNumber"] < 32767
        ],
        "flow_logs": [
            {"id": one["FlowLogId"], "resource": one["ResourceId"], "destination": one["LogDestination"]}
            for one in ec2.describe_flow_logs()["FlowLogs"]
        ],
        "functions": functions(cloud.client("lambda", account, region)),
        "schedules": schedules(cloud.client("scheduler", account, region)),
    }


def named(resource, id_key):
    tags = {tag["Key"]: tag["Value"] for tag in resource.get("Tags", [])}
    return {"id": resource[id_key], "name": tags.get("Name") or resource.get("GroupName", "")}


def ports(one):
    """The ports of a rule or entry, in words; none for all of them."""
    first, last = one.get("FromPort", one.get("From")), one.get("ToPort", one.get("To"))
    if first is None:
        return ""
    return f" {first}" if first == last else f" {first}-{last}"


def protocol(one):
    number = one.get("IpProtocol") or one["Protocol"]
    return {"-1": "all", "6": "tcp", "17": "udp"}.get(number, number)


def rules(permission):
    """What a security group's permission lets in, one line for each peer."""
    peers = [one["CidrIp"] for one in permission.get("IpRanges", [])]
    peers += [one["GroupId"] for one in permission.get("UserIdGroupPairs", [])]
    return [f"{protocol(permission)}{ports(permission)} from {peer}" for peer in peers]


def acl_entry(entry):
    return {
        "number": entry["RuleNumber"], "egress": entry["Egress"], "allow": entry["RuleAction"] == "allow",
        "traffic": f"{protocol(entry)}{ports(entry.get('PortRange', {}))}", "cidr": entry.get("CidrBlock", ""),
    }


def peering(connection):
    sides = {
        side: connection[f"{side.capitalize()}VpcInfo"]["OwnerId"] for side in ("requester", "accepter")
    }
    return {**named(connection, "VpcPeeringConnectionId"), "state": connection["Status"]["Code"], **sides}


def default_vpcs(cloud, account, region):
    """The Regions that an account has, and those of them with a default VPC."""
    regions = [one["RegionName"] for one in cloud.client("ec2", account, region).describe_regions()["Regions"]]

    def has_default(name):
        # Which of them are default ones is asked of the answer: not every filter is honoured.
        return any(vpc["IsDefault"] for vpc in cloud.client("ec2", account, name).describe_vpcs()["Vpcs"])

    return {"regions": regions, "with_default_vpc": [name for name in regions if has_default(name)]}


def nat_gateway(gateway):
    addresses = [one["PublicIp"] for one in gateway.get("NatGatewayAddresses", []) if "PublicIp" in one]
    return {
        **named(gateway, "NatGatewayId"), "subnet": gateway["SubnetId"], "state": gateway["State"],
        "public_ip": next(iter(addresses), ""),
    }


def route_table(table):
    targets = ("NatGatewayId", "GatewayId", "VpcPeeringConnectionId", "TransitGatewayId", "NetworkInterfaceId")
    return {
        **named(table, "RouteTableId"),
        "subnets": [one["SubnetId"] for one in table.get("Associations", []) if "SubnetId" in one],
        "routes": [
            {
                "destination": route.get("DestinationCidrBlock") or route.get("DestinationPrefixListId", ""),
                "target": next((route[key] for key in targets if route.get(key)), ""),
            }
            for route in table["Routes"]
        ],
    }


def functions(client):
    pages = client.get_paginator("list_functions").paginate()
    return [
        {
            "name": one["FunctionName"],
            "state": one.get("State", ""),
            "subnets": one.get("VpcConfig", {}).get("SubnetIds", []),
            "code_sha256": one["CodeSha256"],
        }
        for page in pages
        for one in page["Functions"]
    ]


def schedules(client):
    names = [one["Name"] for page in client.get_paginator("list_schedules").paginate() for one in page["Schedules"]]
    found = [client.get_schedule(Name=name) for name in names]
    return [
        {"name": one["Name"], "expression": one["ScheduleExpression"], "enabled": one["State"] == "ENABLED"}
        for one in found
    ]
