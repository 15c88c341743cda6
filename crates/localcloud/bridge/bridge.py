"""The local cloud: ministack with the AWS behaviour it lacks.

    python bridge.py

starts ministack's own server with some of its functions replaced. Every
replacement names the AWS behaviour it stands for. The environment is
ministack's (GATEWAY_PORT, AUTH, ...) and:

    PHONEHOME_LOCAL_MANAGEMENT_ACCOUNT  the account that owns the organization
    PHONEHOME_LOCAL_ORGANIZATION_ID     the organization's id, such as o-phonehome1
    PHONEHOME_LOCAL_HUB_ACCOUNT         an account of it that may read it (optional)
    PHONEHOME_LOCAL_SCHEDULE_SECONDS    how often schedules of rate(1 minute) fire (optional)
    PHONEHOME_LOCAL_STOP_WITH_STDIN     end, with the functions, when standard input ends (optional)

Events of AWS services enter by POST /_phonehome/events with
{"account", "region", "event": {"source", "detail-type", "detail", "resources"?, "time"?, "id"?}}.
"""

import contextvars
import functools
import importlib.metadata
import json
import logging
import os
import re
import signal
import sys
import threading
import time
from datetime import datetime, timezone

MINISTACK_VERSION = "1.5.33"
ORGANIZATION_REGION = "us-east-1"
CREATE_ACCOUNT_SECONDS = 0.2
THROTTLE_RETRY_SECONDS = 1.0
SCHEDULER_SWEEP_SECONDS = 1
FAST_SCHEDULER_SWEEP_SECONDS = 0.1

log = logging.getLogger("bridge")


def refuse(message):
    sys.exit(f"bridge: {message}")


def check_version():
    """The replaced functions are ministack's internals: any other version may differ."""
    try:
        found = importlib.metadata.version("ministack")
    except importlib.metadata.PackageNotFoundError:
        found = "none"
    if found != MINISTACK_VERSION:
        refuse(f"needs ministack {MINISTACK_VERSION}, found {found}; install xtask/requirements/localcloud.txt")


def prepare_environment():
    """Loopback only, and functions whose SDK calls come back here instead of reaching AWS."""
    port = os.environ.setdefault("GATEWAY_PORT", "4566")
    for name, value in {
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
    }.items():
        os.environ.setdefault(name, value)
    if os.environ["BIND_HOST"] != "127.0.0.1":
        refuse("BIND_HOST must be 127.0.0.1: the event entrance has no authentication")


def setting(name, pattern, default=None):
    value = os.environ.get(name) or default
    if not value or not re.fullmatch(pattern, value):
        refuse(f"{name} must match {pattern}, got {value!r}")
    return value


check_version()
prepare_environment()
MANAGEMENT = setting("PHONEHOME_LOCAL_MANAGEMENT_ACCOUNT", r"\d{12}")
HUB = setting("PHONEHOME_LOCAL_HUB_ACCOUNT", r"\d{12}", MANAGEMENT)
ORGANIZATION = setting("PHONEHOME_LOCAL_ORGANIZATION_ID", r"o-[a-z0-9]{10,32}")
SCHEDULE_SECONDS = int(setting("PHONEHOME_LOCAL_SCHEDULE_SECONDS", r"[1-9]\d?", "60"))
STOP_WITH_STDIN = setting("PHONEHOME_LOCAL_STOP_WITH_STDIN", "[01]", "0") == "1"

import cbor2  # noqa: E402
import ministack.app as gateway  # noqa: E402
from ministack.core import iam_actions, iam_evaluator  # noqa: E402
from ministack.core.arn import ArnParseError, parse_arn  # noqa: E402
from ministack.core.responses import (  # noqa: E402
    error_response_json,
    get_account_id,
    get_region,
    get_request_client_ip,
    json_response,
    new_uuid,
    request_scope,
)
from ministack.services import (  # noqa: E402
    dynamodb,
    ec2,
    eventbridge,
    iam,
    lambda_svc,
    organizations,
    scheduler,
    secretsmanager,
    tagging,
)
from ministack.services.cloudformation import provisioners  # noqa: E402


def replaces(module, name):
    """Put the decorated function in the place of `module.name`, passing it the original first."""

    def decorate(function):
        original = getattr(module, name)
        replacement = functools.wraps(original)(functools.partial(function, original))
        setattr(module, name, replacement)
        return replacement

    return decorate


def in_background(function, *args):
    threading.Thread(target=contextvars.copy_context().run, args=(function, *args), daemon=True).start()


# --- Permissions ---


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
    return iam_evaluator.evaluate(context, policies).decision == "Allow"


def bus_accepts(bus, policy, principal_arn):
    """Events from another account need an allowing statement in the bus's resource policy."""
    account = account_of(principal_arn)
    if account == bus.account_id:
        return True
    context = iam_evaluator.EvalContext(
        principal_arn, "AssumedRole", account, "events:PutEvents", str(bus), bus.region
    )
    return iam_evaluator.evaluate_resource_policy(policy, context).decision == "Allow"


def pass_role_denial(role_arn, service):
    """Handing a role to a service takes iam:PassRole, which may name the service."""
    caller = iam_evaluator.caller_arn()
    if not role_arn or ":assumed-role/" not in caller:
        return None
    key = {"iam:passedtoservice": f"{service}.amazonaws.com"}
    if role_allows(role_arn_of_session(caller), "iam:PassRole", role_arn, **key):
        return None
    message = (
        f"User: {caller} is not authorized to perform: iam:PassRole on resource: {role_arn} "
        "because no identity-based policy allows the iam:PassRole action"
    )
    return error_response_json("AccessDeniedException", message, 403)


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


@replaces(iam_actions, "request_tag_context")
def request_context(original, service, action, body, query):
    """cloudwatch:namespace, the condition that PutMetricData is granted with."""
    context = original(service, action, body, query)
    if action == "cloudwatch:PutMetricData":
        context["cloudwatch:namespace"] = metric_namespace(body, query)
    return context


def metric_namespace(body, query):
    """SDKs send PutMetricData as a form, as JSON or as CBOR."""
    for load in (json.loads, cbor2.loads):
        try:
            return load(body)["Namespace"]
        except (ValueError, TypeError, KeyError, EOFError, cbor2.CBORError):
            continue
    return iam_actions._query_param(query, "Namespace")


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


@replaces(iam_actions, "extract_resource_arn")
def extract_resource_arn(original, service, method, path, headers, body, query, region, account):
    """The resource of an EC2 call is the one whose id it names, or the one it is about to create."""
    found = original(service, method, path, headers, body, query, region, account)
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


# --- EventBridge: buses in other accounts and Regions ---


def bus_name(bus):
    return bus.resource.split("/", 1)[1]


def bus_refusal(bus, principal_arn):
    """Why a bus would not take an event sent by this principal, or None."""
    with request_scope(bus.account_id, bus.region):
        eventbridge._ensure_default_bus()
        if bus_name(bus) not in eventbridge._event_buses:
            return "the bus does not exist"
        policy = eventbridge._event_bus_policies.get(bus_name(bus))
        if not bus_accepts(bus, policy, principal_arn):
            return f"its resource policy does not allow events:PutEvents to {principal_arn}"
    return None


def receive(bus, event):
    """Run an event through the rules and archives of a bus, as the bus's own account."""
    with request_scope(bus.account_id, bus.region):
        event = dict(event, EventBusName=bus_name(bus))
        eventbridge._events_log_list().append(event)
        eventbridge._dispatch_event(event)
        eventbridge._archive_event({k: v for k, v in event.items() if k != "_DispatchPath"})


def new_event(account, region, source, detail_type, detail, resources=(), event_time=None):
    return {
        "EventId": new_uuid(),
        "Source": source,
        "DetailType": detail_type,
        "Detail": detail if isinstance(detail, str) else json.dumps(detail),
        "Time": int(event_time or time.time()),
        "Resources": list(resources),
        "Account": account,
        "Region": region,
    }


def default_bus(account, region):
    return parse_arn(f"arn:aws:events:{region}:{account}:event-bus/default")


@replaces(eventbridge, "_dispatch_to_event_bus")
def dispatch_to_event_bus(original, bus, event, rule, event_path, target_input=None):
    """A rule's target may be a bus of another account or Region.

    The event keeps its account, Region, id and time. Without permission it is dropped."""
    here = (get_account_id(), get_region())
    if (bus.account_id, bus.region) == here or not bus.resource.startswith("event-bus/"):
        return original(bus, event, rule, event_path, target_input)
    target = next((t for t in rule_targets(rule) if t.get("Arn") == str(bus)), {})
    principal = target.get("RoleArn") or f"arn:aws:iam::{here[0]}:root"
    hop = (*here, rule_key(rule))
    refusal = "it already came this way" if hop in event_path else bus_refusal(bus, principal)
    if refusal:
        log.warning("event %s not delivered to %s: %s", event.get("EventId"), bus, refusal)
        return None
    forwarded = dict(event, _DispatchPath=[*(step for step in event_path if isinstance(step, tuple)), hop])
    if target_input is not None:
        forwarded["Detail"] = target_input
    return receive(bus, forwarded)


def rule_key(rule):
    return eventbridge._rule_key(rule.get("Name"), rule.get("EventBusName", "default"))


def rule_targets(rule):
    return eventbridge._targets.get(rule_key(rule)) or []


TARGET_ACTIONS = {"events": "events:PutEvents", "lambda": "lambda:InvokeFunction", "sqs": "sqs:SendMessage"}


@replaces(eventbridge, "_invoke_target")
def invoke_target(original, target, event, rule, view=None):
    """The role of a rule's or schedule's target must allow what delivering to it takes."""
    role, arn = target.get("RoleArn"), target.get("Arn", "")
    action = TARGET_ACTIONS.get(arn.split(":")[2] if arn.count(":") > 4 else "")
    if role and action and not role_allows(role, action, arn):
        log.warning("target %s not invoked: %s does not allow %s", arn, role, action)
        return None
    return original(target, event, rule, view)


@replaces(eventbridge, "_dispatch_to_lambda")
def dispatch_to_lambda(_original, arn, payload):
    """Rules and schedules invoke functions asynchronously: with retries and destinations."""
    function, config, name = lambda_svc._get_func_record_for_ref(arn)
    if not function or not config:
        log.warning("target %s not invoked: there is no function %s", arn, name)
        return
    record = lambda_svc._execution_record_for_config(function, config)
    lambda_svc.invoke_async_with_retry(record, json.loads(payload))


def foreign_bus(reference):
    """The bus that an ARN names, when it belongs to another account of this Region."""
    try:
        bus = parse_arn(reference)
    except (ArnParseError, TypeError):
        return None
    foreign = bus.service == "events" and bus.account_id != get_account_id() and bus.region == get_region()
    return bus if foreign else None


@replaces(eventbridge, "_put_events")
def put_events(original, data, allow_aws_source=False):
    """PutEvents takes the ARN of another account's bus; a bus that refuses fails the call."""
    entries = data.get("Entries", [])
    buses = [foreign_bus(entry.get("EventBusName")) for entry in entries]
    if not any(buses):
        return original(data, allow_aws_source)
    sender = iam_evaluator.caller_arn() or f"arn:aws:iam::{get_account_id()}:root"
    for bus in filter(None, buses):
        refusal = bus_refusal(bus, sender)
        if refusal:
            message = (
                f"User: {sender} is not authorized to perform: events:PutEvents on resource: {bus} "
                f"because {refusal}"
            )
            return error_response_json("AccessDeniedException", message, 400)
    results = [put_event(original, bus, entry) for bus, entry in zip(buses, entries, strict=True)]
    failed = sum("ErrorCode" in result for result in results)
    return json_response({"FailedEntryCount": failed, "Entries": results})


def put_event(original, bus, entry):
    if bus is None:
        return json.loads(original({"Entries": [entry]})[2])["Entries"][0]
    if str(entry.get("Source", "")).startswith("aws."):
        return {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "Not authorized for the source."}
    event = new_event(
        get_account_id(), get_region(), entry.get("Source", ""), entry.get("DetailType", ""),
        entry.get("Detail", "{}"), entry.get("Resources", []),
    )
    receive(bus, event)
    return {"EventId": event["EventId"]}


@replaces(eventbridge, "_put_permission")
def put_permission(original, data):
    """PutPermission takes a whole `Policy`, names accounts by their root ARN and needs the bus."""
    name = data.get("EventBusName") or "default"
    eventbridge._ensure_default_bus()
    if name not in eventbridge._event_buses:
        return error_response_json("ResourceNotFoundException", f"Event bus {name} does not exist.", 400)
    if data.get("Policy"):
        eventbridge._event_bus_policies[name] = json.loads(data["Policy"])
        return json_response({})
    condition = data.get("Condition")
    principal = data.get("Principal", "*")
    return original({
        **data,
        "EventBusName": name,
        "Principal": principal if principal == "*" else {"AWS": f"arn:aws:iam::{principal}:root"},
        "Condition": condition and {condition["Type"]: {condition["Key"]: condition["Value"]}},
    })


def event_bus_policy_apply(props):
    """AWS::Events::EventBusPolicy: one statement of a bus's resource policy."""
    name = props.get("EventBusName") or "default"
    statement = props.get("Statement")
    if not statement:
        keys = ("Action", "Principal", "StatementId", "Condition")
        answer = put_permission({"EventBusName": name, **{k: props[k] for k in keys if k in props}})
        if answer[0] != 200:
            raise ValueError(json.loads(answer[2])["message"])
        return
    eventbridge._ensure_default_bus()
    if name not in eventbridge._event_buses:
        raise ValueError(f"Event bus {name} does not exist.")
    sid = props["StatementId"]
    policy = eventbridge._event_bus_policies.get(name) or {"Version": "2012-10-17", "Statement": []}
    others = [s for s in policy["Statement"] if s.get("Sid") != sid]
    eventbridge._event_bus_policies[name] = {**policy, "Statement": [*others, {**statement, "Sid": sid}]}


def event_bus_policy_create(_logical_id, props, _stack_name):
    event_bus_policy_apply(props)
    return f"{props.get('EventBusName') or 'default'}|{props['StatementId']}", {}


def event_bus_policy_delete(physical_id, _props):
    name, sid = physical_id.split("|", 1)
    eventbridge._remove_permission({"EventBusName": name, "StatementId": sid})


def event_bus_policy_update(physical_id, old_props, new_props, _stack_name):
    event_bus_policy_delete(physical_id, old_props)
    return event_bus_policy_create(None, new_props, None)


provisioners._RESOURCE_HANDLERS["AWS::Events::EventBusPolicy"] = {
    "create": event_bus_policy_create,
    "update": event_bus_policy_update,
    "delete": event_bus_policy_delete,
}


# --- CloudFormation: properties that ministack drops ---


def finishes(resource_type):
    """Run the decorated function after the create and the update of a type of resource."""

    def decorate(finish):
        handlers = provisioners._RESOURCE_HANDLERS[resource_type]
        for step, properties_at in (("create", 1), ("update", 2)):
            handlers[step] = finished(handlers[step], properties_at, finish)
        return finish

    return decorate


def finished(original, properties_at, finish):
    def apply(*arguments):
        result = original(*arguments)
        finish(result[0], arguments[properties_at])
        return result

    return apply


@finishes("AWS::Lambda::Function")
def reserve_concurrency(name, props):
    """ReservedConcurrentExecutions of a function."""
    value = props.get("ReservedConcurrentExecutions")
    if value is not None:
        lambda_svc._put_function_concurrency(name, {"ReservedConcurrentExecutions": int(value)})
    elif name in lambda_svc._functions:
        lambda_svc._delete_function_concurrency(name)


@finishes("AWS::DynamoDB::Table")
def finish_table(name, props):
    """TimeToLiveSpecification and PointInTimeRecoverySpecification of a table."""
    for key, apply in (
        ("TimeToLiveSpecification", dynamodb._update_ttl),
        ("PointInTimeRecoverySpecification", dynamodb._update_continuous_backups),
    ):
        if key in props:
            settings = {setting: as_boolean(value) for setting, value in props[key].items()}
            apply({"TableName": name, key: settings})


def as_boolean(value):
    return {"true": True, "false": False}.get(value, value)


SECRET_HANDLERS = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]


def secret_handler(step):
    """Put the decorated function in the place of one step of a secret's handling."""

    def decorate(function):
        SECRET_HANDLERS[step] = functools.partial(function, SECRET_HANDLERS[step])
        return function

    return decorate


def secret_name(reference):
    return secretsmanager._resolve(reference)[0] or reference


@secret_handler("create")
def create_secret(original, *arguments):
    """`Ref` of a secret is its ARN, which policies name as a resource."""
    _, attributes = original(*arguments)
    return attributes["Arn"], attributes


@secret_handler("update")
def update_secret(original, physical_id, *arguments):
    name, attributes = original(secret_name(physical_id), *arguments)
    return secretsmanager._secrets[name]["ARN"], attributes


@secret_handler("delete")
def delete_secret(original, physical_id, properties):
    return original(secret_name(physical_id), properties)


# --- Scheduler: a minute that passes faster ---

in_scheduler = contextvars.ContextVar("in_scheduler", default=False)


@replaces(scheduler, "_tick_schedules")
def tick_schedules(original):
    token = in_scheduler.set(True)
    try:
        original()
    finally:
        in_scheduler.reset(token)


@replaces(eventbridge, "_parse_rate_seconds")
def parse_rate_seconds(original, expression):
    """Not AWS: what is scheduled every minute runs more often, so that nobody has to wait."""
    if in_scheduler.get() and expression == "rate(1 minute)":
        return SCHEDULE_SECONDS
    return original(expression)


# --- Lambda: destinations of asynchronous invocations ---

asynchronous_request_id = contextvars.ContextVar("asynchronous_request_id", default=None)


@replaces(lambda_svc, "_execute_function_dispatch")
def execute_function_dispatch(original, function, config, event, request_id, started):
    """All attempts of an asynchronous invocation have the same request id."""
    return original(function, config, event, asynchronous_request_id.get() or request_id, started)


@replaces(lambda_svc, "invoke_async_with_retry")
def invoke_async_with_retry(_original, function, event):
    """An asynchronous invocation: retries, event age, and destinations for success and failure.

    A throttled attempt does not count: the event waits until it is too old."""
    in_background(run_asynchronous, function, event)


def run_asynchronous(function, event):
    config = function.get("config") or function
    account, region = lambda_svc._account_region_from_function_config(config)
    request_id = new_uuid()
    with request_scope(account, region):
        settings = asynchronous_settings(function, config)
        token = asynchronous_request_id.set(request_id)
        result, attempts, condition = run_attempts(function, event, settings)
        asynchronous_request_id.reset(token)
        destinations = settings.get("DestinationConfig") or {}
        outcome = "OnFailure" if result.get("error") else "OnSuccess"
        destination = (destinations.get(outcome) or {}).get("Destination")
        dead_letters = (config.get("DeadLetterConfig") or {}).get("TargetArn")
        if destination:
            record = invocation_record(config, request_id, event, result, attempts, condition)
            deliver_record(destination, config, record, event, result)
        if dead_letters and result.get("error"):
            lambda_svc._route_async_failure(dead_letters, config["FunctionName"], event, result)


def asynchronous_settings(function, config):
    """The EventInvokeConfig of the qualifier that was invoked."""
    arn = config.get("FunctionArn", "")
    qualifier = arn.split(":")[7] if arn.count(":") > 6 else None
    return (
        lambda_svc._event_invoke_config(function, qualifier)
        or (not qualifier and lambda_svc._event_invoke_config(function, "$LATEST"))
        or {}
    )


def run_attempts(function, event, settings):
    retries = settings.get("MaximumRetryAttempts")
    retries = 2 if retries is None else int(retries)
    deadline = time.monotonic() + int(settings.get("MaximumEventAgeInSeconds") or 21600)
    attempts = 0
    while True:
        result = lambda_svc._execute_function(function, event)
        throttled = bool(result.get("throttle"))
        attempts += 0 if throttled else 1
        if not result.get("error"):
            return result, attempts, "Success"
        if attempts > retries:
            return result, attempts, "RetriesExhausted"
        pause = THROTTLE_RETRY_SECONDS if throttled else retry_pause(attempts)
        if time.monotonic() + pause > deadline:
            return result, attempts, "EventAgeExceeded"
        time.sleep(pause)


def retry_pause(attempts):
    base, most = lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS, lambda_svc._LAMBDA_ASYNC_RETRY_MAX_SECONDS
    return min(base * 2 ** (attempts - 1), most)


def invocation_record(config, request_id, event, result, attempts, condition):
    """What Lambda tells a destination about an invocation."""
    version = config.get("Version") or "$LATEST"
    context = {"statusCode": 200, "executedVersion": version}
    if result.get("error"):
        context["functionError"] = result.get("function_error") or "Unhandled"
    return {
        "version": "1.0",
        "timestamp": datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": request_id,
            "functionArn": qualified_arn(config),
            "condition": condition,
            "approximateInvokeCount": attempts,
        },
        "requestPayload": event,
        "responseContext": context,
        "responsePayload": result.get("body"),
    }


def qualified_arn(config):
    arn = config["FunctionArn"]
    return arn if arn.count(":") > 6 else f"{arn}:{config.get('Version') or '$LATEST'}"


def deliver_record(destination, config, record, event, result):
    """A bus gets the record as the detail of an event from `lambda`; the function's role must allow it."""
    target = parse_arn(destination)
    if target.service != "events":
        if result.get("error"):
            lambda_svc._route_async_failure(destination, config["FunctionName"], event, result)
        else:
            log.warning("destination %s not served: only event buses are on success", destination)
        return
    role = config.get("Role") or ""
    refusal = (
        bus_refusal(target, role)
        if role_allows(role, "events:PutEvents", destination)
        else f"{role} does not allow events:PutEvents"
    )
    if refusal:
        log.warning("result of %s not delivered to %s: %s", config["FunctionName"], destination, refusal)
        return
    outcome = "Failure" if result.get("error") else "Success"
    receive(target, new_event(
        get_account_id(), get_region(), "lambda", f"Lambda Function Invocation Result - {outcome}",
        record, [qualified_arn(config), destination],
    ))


# --- Organizations ---

HUB_MAY_READ = ("Describe", "List")


def build_organization():
    """The organization, with its given id, and the hub account in it."""
    with request_scope(MANAGEMENT, ORGANIZATION_REGION):
        original_ensure_org()
        drawn = organizations._orgs["self"]["Id"]
        for store in (organizations._orgs, organizations._roots, organizations._accounts):
            for key, record in list(store.items()):
                store[key] = json.loads(json.dumps(record).replace(drawn, ORGANIZATION))
        management = organizations._accounts[MANAGEMENT]
        organizations._accounts[MANAGEMENT] = {**management, "Name": "management"}
        if HUB != MANAGEMENT:
            add_account(HUB, "hub", "hub@phonehome.example", {}, "OrganizationAccountAccessRole")


original_ensure_org = organizations._ensure_org


@replaces(organizations, "_ensure_org")
def ensure_org(_original):
    if MANAGEMENT not in member_accounts():
        build_organization()


def add_account(account_id, name, email, tags, role_name):
    root = next(iter(organizations._roots))
    organizations._accounts[account_id] = {
        "Id": account_id,
        "Arn": f"arn:aws:organizations::{MANAGEMENT}:account/{ORGANIZATION}/{account_id}",
        "Email": email,
        "Name": name,
        "Status": "ACTIVE",
        "State": "ACTIVE",
        "JoinedMethod": "CREATED",
        "JoinedTimestamp": int(time.time()),
        "Path": "/",
        "_ParentId": root,
    }
    full_access = organizations.FULL_ACCESS_POLICY_ID
    organizations._attachments[full_access] = [*organizations._attachments.get(full_access, []), account_id]
    if tags:
        organizations._tags[account_id] = tags
    create_access_role(account_id, role_name)


def create_access_role(account_id, role_name):
    """A created account has an administrator role that trusts the management account."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{MANAGEMENT}:root"},
            "Action": "sts:AssumeRole",
        }],
    }
    with request_scope(account_id, ORGANIZATION_REGION):
        if role_name in iam._roles:
            return
        iam._create_role({"RoleName": [role_name], "AssumeRolePolicyDocument": [json.dumps(trust)]})
        iam._attach_role_policy({
            "RoleName": [role_name],
            "PolicyArn": ["arn:aws:iam::aws:policy/AdministratorAccess"],
        })


@replaces(organizations, "handle_request")
async def organizations_request(original, method, path, headers, body, query):
    """Every account sees the organization it is in; only some may ask about it."""
    operation = (headers.get("x-amz-target") or headers.get("X-Amz-Target") or "").rpartition(".")[2]
    account, region = get_account_id(), get_region()
    ensure_org()
    if account not in member_accounts():
        return error_response_json(
            "AWSOrganizationsNotInUseException", "Your account is not a member of an organization.", 400
        )
    allowed = (
        account == MANAGEMENT
        or operation == "DescribeOrganization"
        or (account == HUB and operation.startswith(HUB_MAY_READ))
    )
    if not allowed:
        return error_response_json(
            "AccessDeniedException", "You don't have permissions to access this resource.", 400
        )
    with request_scope(MANAGEMENT, region):
        return await original(method, path, headers, body, query)


def create_account(payload):
    """CreateAccount answers IN_PROGRESS; the account appears, or the request fails, a little later."""
    name, email = payload.get("AccountName"), payload.get("Email")
    if not name or not email:
        return error_response_json("InvalidInputException", "Email and AccountName are required", 400)
    status = {
        "Id": f"car-{new_uuid().replace('-', '')}",
        "AccountName": name,
        "State": "IN_PROGRESS",
        "RequestedTimestamp": int(time.time()),
    }
    organizations._create_statuses[status["Id"]] = status
    in_background(finish_create_account, status, payload)
    return json_response({"CreateAccountStatus": dict(status)})


account_creation = threading.Lock()


def finish_create_account(status, payload):
    time.sleep(CREATE_ACCOUNT_SECONDS)
    with account_creation, request_scope(MANAGEMENT, ORGANIZATION_REGION):
        emails = {account["Email"].lower() for account in organizations._accounts.values()}
        if payload["Email"].lower() in emails:
            outcome = {"State": "FAILED", "FailureReason": "EMAIL_ALREADY_EXISTS"}
        else:
            account_id = str(new_uuid_number())
            tags = {tag["Key"]: tag.get("Value", "") for tag in payload.get("Tags") or []}
            role_name = payload.get("RoleName") or "OrganizationAccountAccessRole"
            add_account(account_id, payload["AccountName"], payload["Email"], tags, role_name)
            outcome = {"State": "SUCCEEDED", "AccountId": account_id}
        status = {**status, **outcome, "CompletedTimestamp": int(time.time())}
        organizations._create_statuses[status["Id"]] = status
    emit_create_account_result(status)


def new_uuid_number():
    """Twelve digits that are no account's id yet."""
    while True:
        number = 10**11 + int(new_uuid().replace("-", ""), 16) % (9 * 10**11)
        if str(number) not in member_accounts():
            return number


def cloudtrail_time(seconds):
    """The way these events write a time: May 15, 2023 8:26:54 AM."""
    at = datetime.fromtimestamp(seconds, timezone.utc)
    hour = at.hour % 12 or 12
    return f"{at:%b} {at.day}, {at.year} {hour}:{at:%M:%S} {'AM' if at.hour < 12 else 'PM'}"


def emit_create_account_result(status):
    """CreateAccountResult masks the account's name, and a failed one has no account id."""
    details = {"id": status["Id"], "state": status["State"], "accountName": "****"}
    if "AccountId" in status:
        details["accountId"] = status["AccountId"]
    details["requestedTimestamp"] = cloudtrail_time(status["RequestedTimestamp"])
    details["completedTimestamp"] = cloudtrail_time(status["CompletedTimestamp"])
    if "FailureReason" in status:
        details["failureReason"] = status["FailureReason"]
    emit_service_event("CreateAccountResult", {"createAccountStatus": details})


@replaces(organizations, "_close_account")
def close_account(original, payload):
    """CloseAccount is followed by a CloseAccountResult event."""
    answer = original(payload)
    if answer[0] == 200:
        account_id, now = payload["AccountId"], cloudtrail_time(time.time())
        organizations._accounts[account_id] = {**organizations._accounts[account_id], "State": "SUSPENDED"}
        details = {
            "accountId": account_id, "state": "SUCCEEDED", "requestedTimestamp": now, "completedTimestamp": now,
        }
        in_background(emit_service_event, "CloseAccountResult", {"closeAccountStatus": details})
    return answer


organizations._DISPATCH["CreateAccount"] = create_account
organizations._DISPATCH["CloseAccount"] = close_account


def emit_service_event(name, details):
    """An event of Organizations itself, on the management account's default bus in us-east-1."""
    detail = {
        "eventVersion": "1.08",
        "userIdentity": {"accountId": MANAGEMENT, "invokedBy": "AWS Internal"},
        "eventTime": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "organizations.amazonaws.com",
        "eventName": name,
        "awsRegion": ORGANIZATION_REGION,
        "requestParameters": None,
        "responseElements": None,
        "readOnly": False,
        "eventType": "AwsServiceEvent",
        "managementEvent": True,
        "recipientAccountId": MANAGEMENT,
        "serviceEventDetails": details,
        "eventCategory": "Management",
    }
    event = new_event(
        MANAGEMENT, ORGANIZATION_REGION, "aws.organizations", "AWS Service Event via CloudTrail", detail
    )
    receive(default_bus(MANAGEMENT, ORGANIZATION_REGION), event)


# --- The entrance for events of AWS services ---


@replaces(gateway, "_handle_post_body_shortcuts")
async def phonehome_request(original, method, path, headers, body, query, request_id):
    """AWS services put `aws.*` events on an account's default bus; callers of PutEvents may not."""
    if path != "/_phonehome/events":
        return await original(method, path, headers, body, query, request_id)
    if method != "POST" or not get_request_client_ip().startswith("127."):
        return 405, {}, b""
    try:
        wanted = json.loads(body)
        event = service_event(wanted["account"], wanted["region"], wanted["event"])
    except (KeyError, TypeError, ValueError) as problem:
        return 400, {"Content-Type": "application/json"}, json.dumps({"error": repr(problem)}).encode()
    receive(default_bus(wanted["account"], wanted["region"]), event)
    return json_response({"EventId": event["EventId"]})


def service_event(account, region, event):
    if not re.fullmatch(r"\d{12}", account):
        raise ValueError("account must be twelve digits")
    at = event.get("time")
    at = at and datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp()
    made = new_event(
        account, region, event["source"], event["detail-type"], event["detail"], event.get("resources", []), at
    )
    made["EventId"] = event.get("id") or made["EventId"]
    return made


def stop_with_stdin():
    """Whoever started the bridge holds its standard input open; it ends however they end."""
    # Not sys.stdin: its lock, held by a thread that waits, would keep Python from ending.
    while os.read(0, 1024):
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGTERM)
    else:
        os.kill(os.getpid(), signal.SIGTERM)


def main():
    build_organization()
    scheduler._SCHEDULE_TICK_INTERVAL = SCHEDULER_SWEEP_SECONDS
    if SCHEDULE_SECONDS != 60:
        scheduler._SCHEDULE_TICK_INTERVAL = FAST_SCHEDULER_SWEEP_SECONDS
        print(f"bridge: schedules of rate(1 minute) fire every {SCHEDULE_SECONDS} s", flush=True)
    if STOP_WITH_STDIN:
        threading.Thread(target=stop_with_stdin, daemon=True).start()
    gateway.main()


if __name__ == "__main__":
    main()
