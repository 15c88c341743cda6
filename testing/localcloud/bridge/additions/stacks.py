"""CloudFormation: a resource type and properties that ministack lacks."""

import functools
import json

from ministack.core.responses import get_account_id, get_region
from ministack.services import dynamodb, eventbridge, lambda_svc, secretsmanager
from ministack.services.cloudformation import changesets, engine, handlers, provisioners, stacks

from .buses import put_permission, target_refusal
from .replacing import replaces


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
        must_work(lambda_svc._put_function_concurrency(name, {"ReservedConcurrentExecutions": int(value)}))
    elif name in lambda_svc._functions:
        lambda_svc._delete_function_concurrency(name)


@finishes("AWS::Lambda::Function")
def allow_recursion(name, props):
    """RecursiveLoop of a function."""
    if name in lambda_svc._functions:
        loop = props.get("RecursiveLoop") or "Terminate"
        must_work(lambda_svc._put_function_recursion_config(name, {"RecursiveLoop": loop}))


@finishes("AWS::Events::Rule")
def check_targets(_name, props):
    for target in props.get("Targets") or []:
        refusal = target_refusal(target)
        if refusal:
            raise ValueError(refusal)


def must_work(answer):
    """A stack fails with the call that it makes."""
    if answer[0] >= 400:
        raise ValueError(json.loads(answer[2])["message"])


@finishes("AWS::Lambda::EventSourceMapping")
def number_concurrency(mapping_id, _props):
    """MaximumConcurrency is a number also where a parameter says it, which is text."""
    scaling = lambda_svc._esms[mapping_id].get("ScalingConfig") or {}
    if "MaximumConcurrency" in scaling:
        scaling["MaximumConcurrency"] = int(scaling["MaximumConcurrency"])


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


def evaluate_conditions(original, template, params):
    """A condition may refer to AWS::Region, AWS::AccountId and AWS::Partition."""
    pseudo = {"AWS::Region": get_region(), "AWS::AccountId": get_account_id(), "AWS::Partition": "aws"}
    return original(template, {**{name: {"Value": value} for name, value in pseudo.items()}, **params})


for module in (changesets, engine, handlers, stacks):
    replaces(module, "_evaluate_conditions")(evaluate_conditions)


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
