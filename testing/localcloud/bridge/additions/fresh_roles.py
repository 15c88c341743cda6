"""IAM: services do not know a fresh role at once."""

import json
import re
import time
from datetime import datetime, timezone
from urllib.parse import parse_qs

import ministack.app as gateway
from ministack.core.iam_evaluator import caller_arn
from ministack.core.responses import error_response_json
from ministack.services import iam, lambda_svc, scheduler, sts

from .permissions import role_allows
from .replacing import log, replaces
from .settings import FRESH_ROLE_SECONDS

# Older roles are known everywhere: IAM says that changes take seconds to arrive.
FRESH_FOR_SECONDS = 10
# When a service first met a fresh role, by the role's id and the service.
first_met = {}


def unknown_to(service, role_arn):
    """Whether a service does not know a role yet.

    On AWS a role is unknown until its creation has reached the service, some seconds after it. Here it
    is unknown to each service for a time that begins with its first use there: so every first use
    fails, however late it comes, and the failing ends soon."""
    account, name = role_arn.split(":")[4] if role_arn.count(":") > 4 else "", role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get_scoped(account, None, name)
    if not role or age(role) > FRESH_FOR_SECONDS:
        return False
    now = time.monotonic()
    if now - first_met.setdefault((role["RoleId"], service), now) >= FRESH_ROLE_SECONDS:
        return False
    log.info("%s is not known to %s yet", role_arn, service)
    return True


def age(role):
    made = datetime.fromisoformat(role["CreateDate"].replace("Z", "+00:00"))
    return (datetime.now(timezone.utc) - made).total_seconds()


@replaces(sts, "handle_request")
async def sts_request(original, method, path, headers, body, query):
    """AssumeRole of a fresh role is denied."""
    asked = parse_qs((body or b"").decode("utf-8", "replace"))
    role = (asked.get("RoleArn") or [""])[0]
    if gateway.AUTH and asked.get("Action") == ["AssumeRole"] and unknown_to("sts", role):
        message = f"User: {caller_arn()} is not authorized to perform: sts:AssumeRole on resource: {role}"
        return sts._error(403, "AccessDenied", message, ns="sts")
    return await original(method, path, headers, body, query)


@replaces(lambda_svc, "handle_request")
async def lambda_request(original, method, path, headers, body, query):
    """What a function is told about its fresh role. CloudFormation waits for it itself."""
    refusal = lambda_refusal(method, path.rstrip("/"), body)
    if refusal:
        return error_response_json("InvalidParameterValueException", refusal, 400)
    return await original(method, path, headers, body, query)


def lambda_refusal(method, path, body):
    if method == "POST" and path.endswith("/functions"):
        if unknown_to("lambda", json.loads(body).get("Role") or ""):
            return "The role defined for the function cannot be assumed by Lambda."
    configured = re.search(r"/functions/([^/]+)/event-invoke-config$", path)
    if configured and method in ("PUT", "POST"):
        return destination_refusal(configured.group(1), json.loads(body))
    return None


def destination_refusal(name, wanted):
    """A destination takes a role that may send to it; of a fresh one Lambda does not know that yet."""
    name, _ = lambda_svc._resolve_request_scoped_name_and_qualifier(name)
    role = ((lambda_svc._functions.get(name) or {}).get("config") or {}).get("Role") or ""
    for destination in (wanted.get("DestinationConfig") or {}).values():
        arn = destination.get("Destination") or ""
        if not arn.startswith("arn:aws:events:"):
            continue
        if unknown_to("lambda destinations", role):
            return f"The destination ARN {arn} is invalid."
        if not role_allows(role, "events:PutEvents", arn):
            return f"The function's execution role does not have permissions to call PutEvents on {arn}"
    return None


@replaces(scheduler, "handle_request")
async def scheduler_request(original, method, path, headers, body, query):
    """CreateSchedule and UpdateSchedule refuse a role that they cannot assume yet."""
    if method in ("POST", "PUT") and path.startswith("/schedules/"):
        role = (json.loads(body).get("Target") or {}).get("RoleArn") or ""
        if unknown_to("scheduler", role):
            message = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
            return error_response_json("ValidationException", message, 400)
    return await original(method, path, headers, body, query)
