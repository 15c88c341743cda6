"""EventBridge: buses in other accounts and Regions, and what the targets of rules take."""

import json
import time

from ministack.core import iam_evaluator
from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.responses import (
    error_response_json,
    get_account_id,
    get_region,
    json_response,
    new_uuid,
    request_scope,
)
from ministack.services import eventbridge, lambda_svc

from .permissions import bus_accepts, role_allows
from .recursion import lineage_of
from .replacing import log, replaces


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


def target_refusal(target):
    """A bus of another account or Region takes a role, which is whom its policy decides about; a grant to
    an organization could not be about anybody else."""
    try:
        bus = parse_arn(target.get("Arn"))
    except (ArnParseError, TypeError):
        return None
    foreign = bus.service == "events" and (bus.account_id, bus.region) != (get_account_id(), get_region())
    if foreign and bus.resource.startswith("event-bus/") and not target.get("RoleArn"):
        return f"RoleArn is required for target {bus}."
    return None


@replaces(eventbridge, "_put_targets")
def put_targets(original, data):
    refusals = (target_refusal(target) for target in data.get("Targets", []))
    refusal = next(filter(None, refusals), None)
    return error_response_json("ValidationException", refusal, 400) if refusal else original(data)


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
    # EventBridge is no part of the chains that Lambda follows.
    with lineage_of(""):
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
