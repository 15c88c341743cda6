"""EC2: what is in use cannot be deleted, and a dry run does nothing."""

from ministack.services import ec2, lambda_svc


def in_use(subnet_id):
    """A NAT gateway or a function is in the subnet: each has a network interface there."""
    gateways = any(
        gateway["SubnetId"] == subnet_id and gateway["State"] != "deleted" for gateway in ec2._nat_gateways.values()
    )
    interfaces = any(interface.get("SubnetId") == subnet_id for interface in ec2._network_interfaces.values())
    return gateways or interfaces or subnet_id in of_functions("SubnetIds")


def of_functions(key):
    """The subnets, or security groups, of this Region's functions."""
    configs = (function.get("config") or {} for function in lambda_svc._functions.values())
    return {id_ for config in configs for id_ in (config.get("VpcConfig") or {}).get(key, [])}


def delete_subnet(parameters):
    subnet_id = ec2._p(parameters, "SubnetId")
    if in_use(subnet_id):
        return f"The subnet '{subnet_id}' has dependencies and cannot be deleted."
    return None


def delete_route_table(parameters):
    table_id = ec2._p(parameters, "RouteTableId")
    associations = (ec2._route_tables.get(table_id) or {}).get("Associations") or []
    # With its subnet an association is gone; ministack still lists it.
    if any(one.get("Main") or one.get("SubnetId") in ec2._subnets for one in associations):
        return f"The routeTable '{table_id}' has dependencies and cannot be deleted."
    return None


def delete_internet_gateway(parameters):
    gateway_id = ec2._p(parameters, "InternetGatewayId")
    if (ec2._internet_gateways.get(gateway_id) or {}).get("Attachments"):
        return f"The internetGateway '{gateway_id}' has dependencies and cannot be deleted."
    return None


def detach_internet_gateway(parameters):
    vpc_id = ec2._p(parameters, "VpcId")
    if any(gateway["VpcId"] == vpc_id and gateway["State"] != "deleted" for gateway in ec2._nat_gateways.values()):
        return (
            f"Network {vpc_id} has some mapped public address(es). Please unmap those public address(es) before "
            "detaching the gateway."
        )
    return None


def delete_security_group(parameters):
    group_id = ec2._p(parameters, "GroupId")
    if group_id in of_functions("SecurityGroupIds"):
        return f"resource {group_id} has a dependent object"
    return None


def refusing(action, refusal):
    original = ec2._ACTION_MAP[action]

    def call(parameters):
        reason = refusal(parameters)
        return ec2._error("DependencyViolation", reason, 400) if reason else original(parameters)

    ec2._ACTION_MAP[action] = call


for refusal in (
    delete_subnet, delete_route_table, delete_internet_gateway, detach_internet_gateway, delete_security_group
):
    refusing("".join(word.capitalize() for word in refusal.__name__.split("_")), refusal)


def dry_run(original):
    def call(parameters):
        if ec2._p(parameters, "DryRun").lower() == "true":
            message = "Request would have succeeded, but DryRun flag is set."
            return ec2._error("DryRunOperation", message, 412)
        return original(parameters)

    return call


ec2._ACTION_MAP.update({action: dry_run(original) for action, original in ec2._ACTION_MAP.items()})
