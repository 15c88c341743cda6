"""What a caller, a role or a service may do; decided by ministack's own evaluator."""

import json
import re

import cbor2
import ministack.app as gateway
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import error_response_json, get_region, request_scope
from ministack.services import ec2, eventbridge, iam, lambda_svc, organizations, scheduler, tagging

from .replacing import replaces
from .settings import MANAGEMENT, ORGANIZATION, ORGANIZATION_REGION


def member_accounts():
    with request_scope(MANAGEMENT, ORGANIZATION_REGION):
        return dict(organizations._accounts.items())


@replaces(iam_evaluator, "_principal_org_id")
def principal_org_id(_original, account_id):
    """aws:PrincipalOrgID is the organization that the caller's account is a member of."""
    return ORGANIZATION if account_id in member_accounts() else None


@replaces(iam_evaluator, "_resolve_condition_key")
def resolve_condition_key(original, key, context):
    """aws:ResourceOrgID, and aws:PrincipalArn, which for an assumed role is the role's own ARN."""
    name = key.lower()
    if name == "aws:resourceorgid":
        return principal_org_id(iam_evaluator._account_from_arn(context.resource_arn))
    if name == "aws:principalarn" and ":assumed-role/" in context.principal_arn:
        return role_arn_of_session(context.principal_arn)
    return original(key, context)


def role_arn_of_session(session_arn):
    account, name = account_of(session_arn), iam_evaluator._role_name_from_assumed_arn(session_arn)
    role = iam._roles.get_scoped(account, None, name) or {}
    return role.get("Arn") or f"arn:aws:iam::{account}:role/{name}"


def account_of(arn):
    return arn.split(":")[4]


def role_allows(role_arn, action, resource, **keys):
    """Whether a service acting with this role may do `action`; ministack's own evaluator decides.

    Like ministack itself, it enforces only with AUTH=true."""
    if not gateway.AUTH:
        return True
    name, account = role_arn.rsplit("/", 1)[-1], account_of(role_arn)
    context = iam_evaluator.EvalContext(
        role_arn, "AssumedRole", account, action, resource, get_region(), service_context=keys
    )
    policies = iam_evaluator._gather_role_policies(name, account)
    boundary = iam_evaluator._permissions_boundary(iam._roles, name, account)
    return iam_evaluator.evaluate(context, policies, *boundary).decision == "Allow"


def bus_accepts(bus, policy, principal_arn):
    """Events from another account need an allowing statement in the bus's resource policy."""
    account = account_of(principal_arn)
    if account == bus.account_id:
        return True
    context = iam_evaluator.EvalContext(
        principal_arn, "AssumedRole", account, "events:PutEvents", str(bus), bus.region
    )
    return iam_evaluator.evaluate_resource_policy(policy, context).decision == "Allow"


def pass_role_refusal(role_arn, service):
    """Handing a role to a service takes iam:PassRole, which may name the service; why not."""
    caller = iam_evaluator.caller_arn()
    if not role_arn or ":assumed-role/" not in caller:
        return None
    key = {"iam:passedtoservice": f"{service}.amazonaws.com"}
    if role_allows(role_arn_of_session(caller), "iam:PassRole", role_arn, **key):
        return None
    return (
        f"User: {caller} is not authorized to perform: iam:PassRole on resource: {role_arn} "
        "because no identity-based policy allows the iam:PassRole action"
    )


def pass_role_denial(role_arn, service):
    refusal = pass_role_refusal(role_arn, service)
    return refusal and error_response_json("AccessDeniedException", refusal, 403)


@replaces(lambda_svc, "_create_function")
def create_function(original, data):
    return pass_role_denial(data.get("Role"), "lambda") or original(data)


@replaces(scheduler, "_create_schedule")
def create_schedule(original, name, body):
    return pass_role_denial((body.get("Target") or {}).get("RoleArn"), "scheduler") or original(name, body)


@replaces(eventbridge, "_put_targets")
def put_targets(original, data):
    denials = (pass_role_denial(target.get("RoleArn"), "events") for target in data.get("Targets", []))
    return next(filter(None, denials), None) or original(data)


# SQS has no actions of these names: who may do one may do a batch.
SINGLY = {f"sqs:{one}Batch": f"sqs:{one}" for one in ("SendMessage", "DeleteMessage", "ChangeMessageVisibility")}


@replaces(iam_actions, "extract_iam_action")
def extract_iam_action(original, *request, **keys):
    """The action that a policy has to allow."""
    action = original(*request, **keys)
    return SINGLY.get(action, action)


@replaces(iam_actions, "request_tag_context")
def request_context(original, service, action, body, query):
    """cloudwatch:namespace, dynamodb:LeadingKeys and cloudformation:RoleArn, the conditions that PutMetricData, writes and
    change sets are granted with."""
    context = original(service, action, body, query)
    if action == "cloudwatch:PutMetricData":
        context["cloudwatch:namespace"] = metric_namespace(body, query)
    if service == "dynamodb":
        context["dynamodb:LeadingKeys"] = leading_keys(json.loads(body or "{}"))
    if service == "cloudformation" and iam_actions._query_param(query, "RoleARN"):
        context["cloudformation:RoleArn"] = iam_actions._query_param(query, "RoleARN")
    return context


def leading_keys(request):
    """The partition keys that a call names, which are `pk` in phonehome's table: of every item of a
    transaction or batch together, while AWS looks at each by itself."""
    transaction = [detail for item in request.get("TransactItems", []) for detail in item.values()]
    batch = [{"Key": key} for table in request.get("RequestItems", {}).values() for key in table.get("Keys", [])]
    found = []
    for call in transaction or batch or [request]:
        item = call.get("Item") or call.get("Key") or {}
        found += [value["S"] for name, value in item.items() if name == "pk"]
        if call.get("KeyConditionExpression") == "pk = :pk":
            found.append(call["ExpressionAttributeValues"][":pk"]["S"])
    return found or None


def metric_namespace(body, query):
    """SDKs send PutMetricData as a form, as JSON or as CBOR."""
    for load in (json.loads, cbor2.loads):
        try:
            return load(body)["Namespace"]
        except (ValueError, TypeError, KeyError, EOFError, cbor2.CBORError):
            continue
    return iam_actions._query_param(query, "Namespace")


INVOKE_CONFIG_VERBS = {"GET": "Get", "PUT": "Put", "POST": "Update", "DELETE": "Delete"}


@replaces(iam_actions, "_lambda_action")
def lambda_action(original, method, path):
    """The calls on a function's event-invoke configuration have actions of their own."""
    if path.rstrip("/").endswith("/event-invoke-config") and method in INVOKE_CONFIG_VERBS:
        return f"{INVOKE_CONFIG_VERBS[method]}FunctionEventInvokeConfig"
    return original(method, path)


# aws:RequestTag: EC2 takes the tags of a create call as TagSpecifications.
iam_actions._TAG_MEMBERS |= {"TagSpecifications"}

EC2_RESOURCE_TYPES = {
    "acl": "network-acl",
    "dopt": "dhcp-options",
    "eipalloc": "elastic-ip",
    "eni": "network-interface",
    "fl": "vpc-flow-log",
    "igw": "internet-gateway",
    "nat": "natgateway",
    "pcx": "vpc-peering-connection",
    "pl": "prefix-list",
    "rtb": "route-table",
    "sg": "security-group",
    "sgr": "security-group-rule",
    "subnet": "subnet",
    "vpc": "vpc",
    "vpce": "vpc-endpoint",
}


def user_arn(query, account):
    """The user that a call is about, with its path: by its name, or by one of its access keys."""
    key = iam._access_keys.get_scoped(account, None, iam_actions._query_param(query, "AccessKeyId")) or {}
    name = iam_actions._query_param(query, "UserName") or key.get("UserName")
    return (iam._users.get_scoped(account, None, name) or {}).get("Arn")


@replaces(iam_actions, "extract_resource_arn")
def extract_resource_arn(original, service, method, path, headers, body, query, region, account):
    """The resource of an EC2 call is the one whose id it names, or the one it is about to create; the
    resource of lambda:CreateFunction is the function of the name in its body."""
    found = original(service, method, path, headers, body, query, region, account)
    if service == "lambda" and method == "POST" and path.rstrip("/").endswith("/functions"):
        return f"arn:aws:lambda:{region}:{account}:function:{json.loads(body)['FunctionName']}"
    if service == "iam":
        return iam_actions._query_param(query, "OpenIDConnectProviderArn") or user_arn(query, account) or found
    if service != "ec2" or found != "*":
        return found
    for name in query:
        resource_id = iam_actions._query_param(query, name)
        kind = EC2_RESOURCE_TYPES.get(resource_id.split("-")[0])
        if kind and re.fullmatch(r"\w+Id(\.1)?", name):
            return f"arn:aws:ec2:{region}:{account}:{kind}/{resource_id}"
    created = iam_actions._query_param(query, "TagSpecification.1.ResourceType")
    return f"arn:aws:ec2:{region}:{account}:{created}/*" if created else found


@replaces(tagging, "resource_tags")
def resource_tags(original, arn):
    """aws:ResourceTag of EC2 resources."""
    if not arn.startswith("arn:aws:ec2:"):
        return original(arn)
    return {tag["Key"]: tag["Value"] for tag in ec2._tags.get(arn.rsplit("/", 1)[-1]) or []}
