"""Lambda: the concurrency of an account, which its functions share."""

import contextlib
import contextvars
import time

from ministack.core.responses import error_response_json
from ministack.services import lambda_svc

from .replacing import log, replaces
from .settings import CONCURRENCY

# What Lambda keeps for functions without a reservation: 100 of the usual quota of 1,000. A quota as
# small as a fresh account's leaves nothing to reserve.
UNRESERVED_AT_LEAST = 100 if CONCURRENCY > 100 else 10
THROTTLED_PAUSE_SECONDS = 0.1
# Until when a throttled invocation is tried again, by time.time(); None: not at all.
patient_until = contextvars.ContextVar("patient_until", default=None)

# For GetAccountSettings.
lambda_svc._ACCOUNT_CONCURRENCY_CAP = CONCURRENCY
# An event source without MaximumConcurrency takes all that there is.
lambda_svc._ESM_SQS_DEFAULT_CONCURRENCY = CONCURRENCY


def reservations():
    """What is reserved for each function of this account and Region that has a reservation."""
    return {
        name: int(function["concurrency"])
        for name, function in list(lambda_svc._functions.items())
        if function.get("concurrency") is not None
    }


@replaces(lambda_svc, "_acquire_execution_slot")
def acquire_execution_slot(_original, function, config):
    """A function has its reservation to itself; the others of its account and Region share the rest."""
    key = lambda_svc._inflight_key(config)
    place, name = key.rsplit(":", 1)
    reserved = reservations()
    with lambda_svc._inflight_lock:
        running = lambda_svc._inflight
        if name in reserved:
            if running.get(key, 0) >= reserved[name]:
                return None, "function"
        elif shared(running, place, reserved) >= CONCURRENCY - sum(reserved.values()):
            return None, "account"
        running[key] = running.get(key, 0) + 1
        lambda_svc._inflight_total += 1
    return key, None


def shared(running, place, reserved):
    """How many invocations run on what is not reserved."""
    owners = ((key.rsplit(":", 1), count) for key, count in running.items())
    return sum(count for (at, name), count in owners if at == place and name not in reserved)


@replaces(lambda_svc, "_put_function_concurrency")
def put_function_concurrency(original, name, data):
    """A reservation that leaves too little to the others is refused."""
    wanted = int(data.get("ReservedConcurrentExecutions") or 0)
    others = sum(value for function, value in reservations().items() if function != name)
    if wanted and CONCURRENCY - others - wanted < UNRESERVED_AT_LEAST:
        message = (
            "Specified ReservedConcurrentExecutions for function decreases account's "
            f"UnreservedConcurrentExecution below its minimum value of [{UNRESERVED_AT_LEAST}]."
        )
        return error_response_json("InvalidParameterValueException", message, 400)
    return original(name, data)


@contextlib.contextmanager
def patience(until):
    token = patient_until.set(until)
    try:
        yield
    finally:
        patient_until.reset(token)


@replaces(lambda_svc, "_run_sqs_batch")
def run_sqs_batch(original, mapping, function, event, batch, *arguments):
    """A throttled batch is tried again until its visibility timeout is over; then it is in the queue
    again, and was received once more."""
    with patience(min(message["visible_at"] for message in batch)):
        return original(mapping, function, event, batch, *arguments)


@replaces(lambda_svc, "_execute_function")
def execute_function(original, function, event):
    """Each throttled attempt counts in `Throttles`."""
    until = patient_until.get()
    while True:
        result = original(function, event)
        if not result.get("throttle") or until is None or time.time() + THROTTLED_PAUSE_SECONDS > until:
            return result
        log.info("%s is throttled", (function.get("config") or function).get("FunctionName"))
        time.sleep(THROTTLED_PAUSE_SECONDS)
