"""Lambda: functions in a VPC run in the packet lab, where packets meet what EC2 says of the VPC."""

import json
import socket
import time

from ministack.core.responses import new_uuid
from ministack.services import lambda_svc

from .replacing import log, replaces
from .settings import LAB

# How long a function may be in the lab's network later than in Lambda: it follows within a second.
UNKNOWN_SECONDS = 5.0
PAUSE_SECONDS = 0.1
# Beyond the function's own time limit.
ANSWER_SECONDS = 10


@replaces(lambda_svc, "_execute_function_provided_warm")
def execute_function_provided_warm(original, function, event, request_id):
    config = function.get("config") or function
    in_vpc = (config.get("VpcConfig") or {}).get("SubnetIds")
    if not (LAB and in_vpc and function.get("code_zip")):
        return original(function, event, request_id)
    try:
        answer = run_in_lab(request(config, function["code_zip"], event, request_id))
    except (OSError, ValueError) as problem:
        return failure("Runtime.Unknown", f"the lab at {LAB}: {problem}")
    return result(answer, config)


def request(config, code_zip, event, request_id):
    account, region = lambda_svc._account_region_from_function_config(config)
    return {"run": {
        "request_id": request_id or new_uuid(),
        "stack": f"{account}/{region}",
        "function": config["FunctionName"],
        "folder": lambda_svc._provided_runtime_code_dir(code_zip),
        "event": event,
        "timeout_s": int(config.get("Timeout") or 3),
        "memory_mb": int(config.get("MemorySize") or 128),
        "environment": (config.get("Environment") or {}).get("Variables") or {},
    }}


def run_in_lab(wanted):
    """A function that was just made may not be in the lab's network yet."""
    limit = wanted["run"]["timeout_s"] + ANSWER_SECONDS
    until = time.monotonic() + UNKNOWN_SECONDS
    while True:
        answer = ask(wanted, limit)
        is_unknown = answer.get("refused", {}).get("reason") == "unknown_function"
        if not is_unknown or time.monotonic() > until:
            return answer
        time.sleep(PAUSE_SECONDS)


def ask(wanted, seconds):
    with socket.socket(socket.AF_UNIX) as lab:
        lab.settimeout(seconds)
        lab.connect(LAB)
        lab.sendall(json.dumps(wanted).encode())
        lab.shutdown(socket.SHUT_WR)
        return json.loads(b"".join(iter(lambda: lab.recv(65536), b"")))


def result(answer, config):
    """As ministack's own executors answer."""
    if "refused" in answer:
        log.warning("%s cannot run in the lab: %s", config["FunctionName"], answer["refused"]["message"])
        return failure("Runtime.Unknown", answer["refused"]["message"])
    outcome, written = answer["ended"]["outcome"], answer["ended"]["log"]
    if outcome == "timed_out":
        return failure("Sandbox.Timedout", f"Task timed out after {int(config.get('Timeout') or 3)}.00 seconds", written)
    if "exited" in outcome:
        return failure("Runtime.ExitError", f"Runtime exited without providing a reason: {outcome['exited']}", written)
    if "error" in outcome:
        return {"body": outcome["error"], "error": True, "log": written}
    return {"body": outcome["response"], "log": written}


def failure(kind, message, written=""):
    return {"body": {"errorMessage": message, "errorType": kind}, "error": True, "log": written}
