"""Lambda: asynchronous invocations with retries and destinations."""

import contextvars
import time
from datetime import datetime, timezone

from ministack.core.arn import parse_arn
from ministack.core.responses import get_account_id, get_region, new_uuid, request_scope
from ministack.services import lambda_svc

from .buses import bus_refusal, new_event, receive
from .permissions import role_allows
from .replacing import in_background, log, replaces

THROTTLE_RETRY_SECONDS = 1.0
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
        if attempts > retries or result.get("recursive"):
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
