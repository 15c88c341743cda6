"""CloudFormation: change sets, and the role that a stack is carried out with."""

import logging

from ministack.core.responses import get_account_id, get_region
from ministack.services.cloudformation import _change_sets, _stack_events, _stacks, handlers
from ministack.services.cloudformation.helpers import _error, _esc, _p

from .execution_role import carried_out_with, is_trusted
from .permissions import pass_role_refusal
from .replacing import replaces

log = logging.getLogger("bridge")
ACTIONS = handlers._ACTION_HANDLERS
# No change set changes a stack in one of these.
NEVER_UPDATED = ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")


def action(name):
    """Put the decorated function in the place of what answers an action, passing it the original first."""

    def decorate(function):
        original = ACTIONS[name]
        ACTIONS[name] = lambda params: function(original, params)
        return function

    return decorate


def found_stack(params):
    stack = handlers._resolve_stack(_p(params, "StackName"))
    return stack if stack and stack["StackStatus"] != "DELETE_COMPLETE" else None


def role_refusal(params):
    """Whoever names a role needs the right to pass it, and CloudFormation to assume it."""
    role = _p(params, "RoleARN")
    refusal = role and pass_role_refusal(role, "cloudformation")
    if refusal:
        return _error("AccessDenied", refusal, 403)
    if role and not is_trusted(role):
        return _error("ValidationError", f"Role {role} is invalid or cannot be assumed")
    return None


@action("CreateChangeSet")
def create_change_set(original, params):
    """Twice with one token is once. One that makes a stack is for a stack that is not there, or of which nothing is made
    yet; one that changes a stack is for one that can be changed. Its role is kept with it."""
    stack, kind = found_stack(params), _p(params, "ChangeSetType", "UPDATE")
    refusal = role_refusal(params) or state_refusal(stack, kind, _p(params, "ChangeSetName"))
    if refusal:
        return refusal
    before = set(_change_sets.keys())
    same = stack and same_request(stack, params)
    if same:
        return answered(same)
    answer = original(params)
    if kind == "CREATE" and stack:
        remain(stack, before)
    if answer[0] != 200:
        return answer
    made = next(one for id, one in _change_sets.items() if id not in before)
    made["_client_token"], made["_role"] = _p(params, "ClientToken"), _p(params, "RoleARN")
    return answered(made)


def state_refusal(stack, kind, name):
    status = stack and stack["StackStatus"]
    if kind == "CREATE" and status not in (None, "REVIEW_IN_PROGRESS"):
        message = f"Stack [{stack['StackName']}] already exists and cannot be created again with the changeSet [{name}]."
        return _error("ValidationError", message)
    if kind == "UPDATE" and (status in NEVER_UPDATED or (status or "").endswith("_IN_PROGRESS")):
        return _error("ValidationError", f"Stack:{stack['StackId']} is in {status} state and can not be updated.")
    return None


def same_request(stack, params):
    name, token = _p(params, "ChangeSetName"), _p(params, "ClientToken")
    for one in _change_sets.values():
        if (one["StackId"], one["ChangeSetName"]) == (stack["StackId"], name):
            return one if token and one.get("_client_token") == token else None
    return None


def remain(stack, before):
    """A second change set for a stack of which nothing is made yet is of the same stack."""
    placeholder = _stacks.get(stack["StackName"])
    _stacks[stack["StackName"]] = stack
    if placeholder and placeholder is not stack:
        _stack_events.pop(placeholder["StackId"], None)
    for id, one in _change_sets.items():
        if id not in before:
            one["StackId"] = stack["StackId"]


def answered(change_set):
    body = f"<Id>{_esc(change_set['ChangeSetId'])}</Id><StackId>{_esc(change_set['StackId'])}</StackId>"
    return handlers._xml(200, "CreateChangeSetResponse", f"<CreateChangeSetResult>{body}</CreateChangeSetResult>")


@action("ExecuteChangeSet")
def execute_change_set(original, params):
    """With the change set's role, which the stack keeps."""
    stack, name = found_stack(params), _p(params, "ChangeSetName")
    mine = [one for one in _change_sets.values() if stack and one["StackId"] == stack["StackId"]]
    change_set = next((one for one in mine if name in (one["ChangeSetName"], one["ChangeSetId"])), {})
    role = change_set.get("_role") or (stack or {}).get("RoleARN")
    with carried_out_with(role):
        answer = original(params)
    if answer[0] == 200 and role:
        stack["RoleARN"] = role
    return answer


def with_kept_role(name):
    """What is done to a stack without another role is done with the one that it keeps."""

    @action(name)
    def apply(original, params):
        refusal = role_refusal(params)
        if refusal:
            return refusal
        stack = found_stack(params)
        role = _p(params, "RoleARN") or (stack or {}).get("RoleARN")
        with carried_out_with(role):
            answer = original(params)
        made = found_stack(params)
        if answer[0] == 200 and role and made:
            made["RoleARN"] = role
        return answer


for changing in ("CreateStack", "UpdateStack", "DeleteStack", "ContinueUpdateRollback", "RollbackStack"):
    with_kept_role(changing)


@replaces(handlers, "_stack_drift_information_xml")
def shown_with_role(original, stack):
    """DescribeStacks shows the role that a stack keeps."""
    role = stack.get("RoleARN")
    return original(stack) + (f"<RoleARN>{_esc(role)}</RoleARN>" if role else "")


def told(name, original):
    """Tests count the calls about a stack."""

    def apply(params):
        place = f"{get_account_id()}/{get_region()}"
        log.info("cloudformation %s of %s in %s", name, _p(params, "StackName").split("/")[-1], place)
        return original(params)

    return apply


for name, original in list(ACTIONS.items()):
    ACTIONS[name] = told(name, original)
